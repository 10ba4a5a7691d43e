#pragma once
#include <string>

#include "storage/base/result.hpp"

namespace sallyport {

// Asks on the terminal, without showing what is typed. invalid: there is no terminal.
Result<std::string> ask_secret(const std::string& prompt);

}  // namespace sallyport
