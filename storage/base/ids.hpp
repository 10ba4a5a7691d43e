#pragma once
// Random identifiers. Every random byte of the program comes from Random, so that tests can seed it.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sallyport {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;  // any thread
};

class SystemRandom final : public Random {  // OpenSSL's generator; aborts where it fails
 public:
  void fill(std::span<std::uint8_t> out) override;
};

std::string random_bytes(Random& random, std::size_t n);
std::string uuid_v4(Random& random);      // "8-4-4-4-12" lower-case hex, as npm validates a stage id
std::string review_code(Random& random);  // "R-K7Q2": 4 characters of Crockford's base32
bool is_uuid(std::string_view text);
bool is_review_code(std::string_view text);

}  // namespace sallyport
