#pragma once
#include <cstddef>
#include <string>

#include "storage/base/result.hpp"

namespace sallyport {

// Asks on the terminal, without showing what is typed. invalid: there is no terminal.
Result<std::string> ask_secret(const std::string& prompt);

// Of the terminal behind `fd`; 76 where that cannot be told.
std::size_t terminal_columns(int fd);

}  // namespace sallyport
