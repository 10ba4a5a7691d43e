#include "proxy/identity/totp.hpp"

#include <doctest/doctest.h>

#include "tests/support/seeded_random.hpp"

namespace sallyport {
namespace {

const std::string rfc_secret = "12345678901234567890";

Instant at(std::int64_t seconds) {
  return Instant(std::chrono::seconds(seconds));
}

// RFC 6238 appendix B, SHA-1; the last six of its eight digits.
TEST_CASE("codes are those of RFC 6238") {
  const std::pair<std::int64_t, const char*> vectors[] = {{59, "287082"},         {1111111109, "081804"},
                                                          {1111111111, "050471"}, {1234567890, "005924"},
                                                          {2000000000, "279037"}, {20000000000, "353130"}};
  for (const auto& [seconds, code] : vectors) {
    CHECK(totp_code(rfc_secret, totp_step(at(seconds))) == code);
    CHECK(match_totp(rfc_secret, code, at(seconds), 0) == totp_step(at(seconds)));
  }
}

TEST_CASE("one step either side is accepted, two are not") {
  const std::int64_t step = totp_step(at(1111111109));
  const std::string code = totp_code(rfc_secret, step);
  CHECK(match_totp(rfc_secret, code, at((step - 1) * 30), 0) == step);
  CHECK(match_totp(rfc_secret, code, at((step + 1) * 30 + 29), 0) == step);
  CHECK_FALSE(match_totp(rfc_secret, code, at((step - 1) * 30 - 1), 0));
  CHECK_FALSE(match_totp(rfc_secret, code, at((step + 2) * 30), 0));
}

TEST_CASE("a step at or below the last accepted one is refused") {
  const std::int64_t step = totp_step(at(1111111109));
  CHECK_FALSE(match_totp(rfc_secret, totp_code(rfc_secret, step), at(step * 30), step));
  CHECK_FALSE(match_totp(rfc_secret, totp_code(rfc_secret, step - 1), at(step * 30), step));
  CHECK(match_totp(rfc_secret, totp_code(rfc_secret, step + 1), at(step * 30), step) == step + 1);
}

TEST_CASE("what is no code does not match") {
  for (const char* code : {"", "28708", "2870820", "abcdef", "287 082"})
    CHECK_FALSE(match_totp(rfc_secret, code, at(59), 0));
}

TEST_CASE("base32 is that of RFC 4648, without padding") {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "MY"},
                                                         {"fo", "MZXQ"},
                                                         {"foo", "MZXW6"},
                                                         {"foob", "MZXW6YQ"},
                                                         {"fooba", "MZXW6YTB"},
                                                         {"foobar", "MZXW6YTBOI"}};
  for (const auto& [plain, text] : vectors) {
    CHECK(base32_encode(plain) == text);
    CHECK(base32_decode(text) == plain);
  }
  CHECK_FALSE(base32_decode("MZXW1"));
}

TEST_CASE("the URL is what authenticator apps read") {
  SeededRandom random(1);
  CHECK(make_totp_secret(random).size() == 20);
  CHECK(otpauth_url("Sallyport", "a b", rfc_secret) ==
        "otpauth://totp/Sallyport:a%20b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sallyport");
}

}  // namespace
}  // namespace sallyport
