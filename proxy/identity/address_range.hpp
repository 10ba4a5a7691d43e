#pragma once
// Ranges of IP addresses in CIDR notation: "10.0.0.0/8", "2001:db8::/32", or one address.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

class AddressRange {
 public:
  static Result<AddressRange> parse(std::string_view text);  // invalid
  // An IPv4 address written as IPv6 ("::ffff:10.0.0.1") is the IPv4 address. What is no address is nowhere.
  bool contains(std::string_view address) const;

 private:
  std::array<std::uint8_t, 16> bits_{};
  bool v6_ = false;
  unsigned prefix_bits_ = 0;
};

}  // namespace sallyport
