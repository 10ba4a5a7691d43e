#include "proxy/cli/terminal.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "storage/base/text.hpp"

namespace sallyport {

Result<std::string> ask_secret(const std::string& prompt) {
  termios shown{};
  if (::isatty(STDIN_FILENO) == 0 || ::tcgetattr(STDIN_FILENO, &shown) != 0)
    return fail(ErrorKind::invalid,
                "There is no terminal to ask for the password: use --password-file FILE.");
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  std::cerr << prompt << std::flush;
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::string line;
  std::getline(std::cin, line);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  std::cerr << '\n';
  return line;
}

std::string complaint(const Error& error) {
  std::string lines;
  std::string_view rest = error.message;
  while (!rest.empty()) {  // a configuration's or a policy's mistakes, one a line
    const auto end = std::min(rest.find('\n'), rest.size());
    lines.append("sallyport: ").append(rest.substr(0, end)) += '\n';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (!error.detail.empty()) lines += "sallyport: (" + error.detail + ")\n";
  return lines;
}

std::size_t terminal_columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 76;
}

ProgressBar::ProgressBar(Draw draw, bool watched, std::string what)
    : draw_(std::move(draw)), watched_(watched), what_(std::move(what)) {}

void ProgressBar::show(std::size_t done, std::size_t all) {
  constexpr std::size_t cells = 30;
  if (!watched_ || all == 0) return;
  const std::size_t part = done * 1000 / all;
  if (part == drawn_) return;
  drawn_ = part;
  const std::size_t filled = part * cells / 1000;
  draw_("\r[" + std::string(filled, '#') + std::string(cells - filled, ' ') + "] " + thousands(done) +
        " of " + thousands(all) + " " + what_ + "\x1b[K");
}

void ProgressBar::end() {
  if (watched_ && drawn_ != static_cast<std::size_t>(-1)) draw_("\r\x1b[K");
  drawn_ = static_cast<std::size_t>(-1);
}

}  // namespace sallyport
