#include "policies/provenance/trust_root.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "policies/provenance/trust_parts.hpp"
#include "storage/base/base64.hpp"
#include "tests/support/sigstore_lab.hpp"

namespace sallyport {

namespace {

const SigstoreLab& lab() {
  static const SigstoreLab one;
  return one;
}

std::string refusal(const std::function<void(json::object&)>& change) {
  json::object root = lab().trusted_root();
  change(root);
  auto parsed = TrustRoot::parse(json::serialize(root));
  return parsed ? std::string() : parsed.error().message;
}

json::object& first(json::object& root, const char* key) {
  return root[key].as_array()[0].as_object();
}

bool says(const std::string& text, std::string_view part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a trust root holds what its file names") {
  auto root = TrustRoot::parse(json::serialize(lab().trusted_root()));
  REQUIRE(root.has_value());
  const TrustRoot::Parts& parts = root->parts();
  REQUIRE(parts.certificate_authorities.size() == 1);
  CHECK(parts.certificate_authorities[0].chain.size() == 2);
  REQUIRE(parts.logs.size() == 1);
  CHECK(parts.logs[0].name == "rekor.example");
  CHECK(parts.logs[0].valid_for.start == parse_iso8601("2020-01-01T00:00:00Z").value());
  CHECK(parts.logs[0].valid_for.end == Instant::max());
  CHECK(parts.certificate_logs.size() == 1);
  CHECK(parts.timestamp_authorities.size() == 1);
}

TEST_CASE("a file that is no trust root is refused with what is wrong in it") {
  CHECK(refusal([](auto&) {}).empty());
  CHECK(says(TrustRoot::parse("").error().message, "trusted_root.json"));
  CHECK(says(TrustRoot::parse("[]").error().message, "not an object"));
  CHECK(says(TrustRoot::parse(R"({"tlogs":[],"tlogs":[]})").error().message, "occurs twice"));
  CHECK(says(refusal([](auto& r) { r["mediaType"] = "application/json"; }), "mediaType"));
  CHECK(says(refusal([](auto& r) { r["certificateAuthorities"] = json::array(); }),
             "no certificate authority"));
  CHECK(says(refusal([](auto& r) { r["tlogs"] = json::array(); }), "no transparency log"));
  CHECK(says(
      refusal([](auto& r) {
        first(r, "certificateAuthorities")["certChain"].as_object()["certificates"].as_array().pop_back();
      }),
      "does not end with a root"));
  CHECK(says(refusal([](auto& r) {
               first(r, "timestampAuthorities")["certChain"] = {{"certificates", json::array()}};
             }),
             "without certificates"));
  CHECK(says(refusal([](auto& r) { first(r, "tlogs")["publicKey"].as_object()["rawBytes"] = "AAAA"; }),
             "SubjectPublicKeyInfo"));
  CHECK(
      says(refusal([](auto& r) { first(r, "tlogs")["publicKey"].as_object()["rawBytes"] = "A"; }), "base64"));
  CHECK(says(refusal([](auto& r) { first(r, "tlogs").erase("logId"); }), "keyId"));
  CHECK(says(refusal([](auto& r) { first(r, "tlogs").erase("publicKey"); }), "without a publicKey"));
  for (const char* who : {"tlogs", "ctlogs"}) {
    CHECK(says(refusal([&](auto& r) { first(r, who)["publicKey"].as_object().erase("validFor"); }),
               "no start"));
    CHECK(says(refusal([&](auto& r) {
                 first(r, who)["publicKey"].as_object()["validFor"] = {{"start", "yesterday"}};
               }),
               "not a time"));
  }
  CHECK(says(refusal([](auto& r) { first(r, "certificateAuthorities").erase("validFor"); }), "no start"));
  CHECK(says(refusal([](auto& r) { first(r, "certificateAuthorities")["certChain"] = {}; }), "certificates"));
}

TEST_CASE("a log whose kind of key cannot be checked is passed over, and has to leave one that can") {
  json::object root = lab().trusted_root();
  json::object other = first(root, "tlogs");
  other["publicKey"].as_object()["keyDetails"] = "PKIX_ML_DSA_65";
  root["tlogs"].as_array().push_back(other);
  auto parsed = TrustRoot::parse(json::serialize(root));
  REQUIRE(parsed.has_value());
  CHECK(parsed->parts().logs.size() == 1);
  for (const char* who : {"tlogs", "ctlogs"}) {
    CHECK(says(
        refusal([&](auto& r) { first(r, who)["publicKey"].as_object()["keyDetails"] = "PKIX_ML_DSA_65"; }),
        "with a key that can be checked"));
  }
}

TEST_CASE("a key that is not what its log says is refused") {
  const LabKey rsa(KeyKind::rsa);
  CHECK(says(refusal([&](auto& r) {
               first(r, "tlogs")["publicKey"].as_object()["rawBytes"] = base64_encode(as_bytes(rsa.spki()));
             }),
             "none of ECDSA"));
}

}  // namespace sallyport
