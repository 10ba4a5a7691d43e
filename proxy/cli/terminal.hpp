#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

// Asks on the terminal, without showing what is typed. invalid: there is no terminal.
Result<std::string> ask_secret(const std::string& prompt);

// What a command says on standard error when it refuses: a line for each of the message, then the detail.
std::string complaint(const Error& error);

// Of the terminal behind `fd`; 76 where that cannot be told.
std::size_t terminal_columns(int fd);

// One line that is drawn over itself. Nothing at all where nobody watches.
class ProgressBar {
 public:
  using Draw = std::function<void(std::string_view)>;
  ProgressBar(Draw draw, bool watched, std::string what);
  ~ProgressBar() { end(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(std::size_t done, std::size_t all);
  void end();  // the line is free again

 private:
  const Draw draw_;
  const bool watched_;
  const std::string what_;
  std::size_t drawn_ = static_cast<std::size_t>(-1);  // the last figure, in thousandths
};

}  // namespace sallyport
