// Addresses and sizes as the configuration writes them.

#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "proxy/config.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

Error invalid(std::string sentence) {
  return fail(ErrorKind::invalid, std::move(sentence));
}

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 7> size_units{{{"GiB", 1ull << 30},
                                              {"MiB", 1ull << 20},
                                              {"KiB", 1ull << 10},
                                              {"GB", 1'000'000'000},
                                              {"MB", 1'000'000},
                                              {"kB", 1'000},
                                              {"B", 1}}};

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto refused = [&] {
    return invalid("\"" + printable(text, 60) +
                   "\" is no address and port: write it like 127.0.0.1:4873 or [::1]:4873");
  };
  const auto colon = text.rfind(':');
  if (colon == text.npos) return refused();
  ListenAddress out;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  out.host = host;
  std::array<unsigned char, 16> bits{};
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, out.host.c_str(), bits.data()) != 1) return refused();
  const auto port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return refused();
  return out;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto refused = [&] {
    return invalid("\"" + printable(text, 60) +
                   "\" is no size: write it with its unit, like \"256 MiB\" or \"10 MB\"");
  };
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return refused();
  auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& known : size_units) {
    if (known.name != unit) continue;
    if (number > (1ull << 50) / known.bytes) return refused();
    return number * known.bytes;
  }
  return refused();
}

std::string size_text(std::uint64_t bytes) {
  for (const auto& unit : size_units)
    if (bytes >= unit.bytes && bytes % unit.bytes == 0 &&
        (unit.name.find('i') != unit.name.npos || unit.bytes == 1))
      return std::to_string(bytes / unit.bytes) + ' ' + std::string(unit.name);
  return std::to_string(bytes) + " B";
}

}  // namespace sallyport
