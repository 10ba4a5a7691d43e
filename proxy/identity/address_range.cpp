#include "proxy/identity/address_range.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

struct Address {
  std::array<std::uint8_t, 16> bits{};
  bool v6 = false;
};

std::optional<Address> read(std::string_view text) {
  Address address;
  const std::string terminated(text);
  if (terminated.size() != text.size() || terminated.find('\0') != std::string::npos) return {};
  if (inet_pton(AF_INET, terminated.c_str(), address.bits.data()) == 1) return address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bits.data()) != 1) return {};
  static constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
  if (std::equal(mapped.begin(), mapped.end(), address.bits.begin())) {
    std::copy(address.bits.begin() + 12, address.bits.end(), address.bits.begin());
    return address;
  }
  address.v6 = true;
  return address;
}

bool same_prefix(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b,
                 unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00u >> (bits % 8));
  return (a[whole] & mask) == (b[whole] & mask);
}

}  // namespace

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto refused = [&] {
    return fail(ErrorKind::invalid,
                "\"" + printable(text, 60) +
                    "\" is not an address range: write it like 10.0.0.0/8 or 2001:db8::/32.");
  };
  const auto slash = text.find('/');
  const auto address = read(text.substr(0, slash));
  if (!address) return refused();
  AddressRange range;
  range.bits_ = address->bits;
  range.v6_ = address->v6;
  const unsigned bits_max = address->v6 ? 128 : 32;
  range.prefix_bits_ = bits_max;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), range.prefix_bits_);
    if (error != std::errc() || end != digits.data() + digits.size() || range.prefix_bits_ > bits_max)
      return refused();
    // "::ffff:10.0.0.0/104" counts 96 bits that the IPv4 form does not have: say it in IPv4.
    if (!address->v6 && text.substr(0, slash).find(':') != std::string_view::npos) return refused();
  }
  return range;
}

bool AddressRange::contains(std::string_view address) const {
  const auto asked = read(address);
  return asked && asked->v6 == v6_ && same_prefix(asked->bits, bits_, prefix_bits_);
}

}  // namespace sallyport
