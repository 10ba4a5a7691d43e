#include "policies/content/iban.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace sallyport {

TEST_CASE("an account number is read in one piece and in fours") {
  // Of the register's own examples, a few of each length and form.
  for (const std::string iban : {"DE89370400440532013000", "GB29NWBK60161331926819", "NO9386011117947",
                                 "MT84MALT011000012345MTLCAST001S", "LC55HEMM000100010012001200023015",
                                 "FR1420041010050500013M02606", "RU0204452560040702810412345678901"}) {
    CAPTURE(iban);
    CHECK(iban_at(iban) == iban);
    CHECK(iban_at(iban + "\n") == iban);
    CHECK(iban_at(iban + ",x") == iban);
    std::string apart;
    for (std::size_t i = 0; i < iban.size(); ++i)
      apart += (i > 0 && i % 4 == 0 ? " " : "") + iban.substr(i, 1);
    CHECK(iban_at(apart + " EUR") == iban);
    CHECK(apart.size() <= iban_text_bytes_max);
  }
}

TEST_CASE("one wrong digit, letter, blank or length is no account number") {
  const std::string iban = "DE89370400440532013000";
  for (std::size_t at = 2; at < iban.size(); ++at)
    for (char digit = '0'; digit <= '9'; ++digit)
      if (std::string other = iban; other[at] != digit) {
        other[at] = digit;
        CHECK(iban_at(other).empty());
      }
  for (const std::string_view text :
       {"", "D", "DE", "DE89", "DE8937040044053201300", "DE893704004405320130000", "DE89370400440532013000a",
        "DE89370400440532013000_", "de89370400440532013000", "DE89 3704 0044 0532 0130",
        "DE89  370400440532013000", "DE89370 400440532013000", "DE89 37040044 05320130 00",
        "XX89370400440532013000", "DEXX370400440532013000", "DE89 3704 0044 0532 0130 0012"})
    CHECK_MESSAGE(iban_at(text).empty(), text);
}

}  // namespace sallyport
