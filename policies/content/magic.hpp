#pragma once
// What a file is, by its first bytes.

#include "policies/content/file_content.hpp"

namespace sallyport {

constexpr std::size_t magic_bytes = 4096;  // more are not looked at
Magic magic_of(Bytes start);

}  // namespace sallyport
