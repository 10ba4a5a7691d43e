#pragma once
// A Sigstore of one's own: certificate authority, certificate log, transparency logs and time stamp
// authority, and attestations made with them, right ones and wrong ones. All in memory, keys of this process.

#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"

namespace sallyport {

enum class KeyKind { p256, p384, ed25519, p521, rsa };

class LabKey {
 public:
  explicit LabKey(KeyKind kind = KeyKind::p256);
  std::string spki() const;  // DER
  std::string sign(std::string_view data) const;
  void* raw() const { return key_.get(); }  // EVP_PKEY

 private:
  KeyKind kind_;
  std::shared_ptr<void> key_;
};

// Everything that is signed or claimed; a test changes what it attacks.
struct AttestationPlan {
  Sha512 sha512;

  json::object statement;  // filled in by plan()
  std::string payload;     // replaces the statement's text, if any
  std::string payload_type = "application/vnd.in-toto+json";

  KeyKind leaf_kind = KeyKind::p256;
  std::time_t time = 0;  // integrated and stamped
  std::time_t not_before = 0, not_after = 0;
  std::string identity = "URI:https://git.example/acme/lib/.ci/release.yml@refs/heads/main";
  std::map<std::string, std::string> claims;  // "8" -> text, below Fulcio's arc; "1" to "6" are bare
  std::string usage = "codeSigning";          // extended; empty: none
  bool is_authority = false;
  bool from_root = false;  // issued by the root and not by the intermediate
  bool has_sct = true;

  int bundle_minor = 3;
  std::string entry_kind = "dsse", entry_version = "0.0.1";
  bool promise = true, proof = true, time_stamp = false;
  std::uint64_t tree_size = 11, tree_index = 6;
};

class SigstoreLab {
 public:
  explicit SigstoreLab(KeyKind log_kind = KeyKind::p256);

  static constexpr std::time_t now = 1'774'900'000;  // 2026-03-30
  // SLSA v1, as npm makes it on a forge, of https://git.example/acme/lib.
  static AttestationPlan plan(std::string_view tarball, std::string_view name = "@acme/lib",
                              std::string_view version = "1.2.3");
  static json::object statement_v02(const AttestationPlan& plan);  // the older predicate

  json::object trusted_root() const;
  json::object bundle(const AttestationPlan& plan) const;
  std::string bundle_text(const AttestationPlan& plan) const { return json::serialize(bundle(plan)); }

  // Parts, to put together wrongly. DER and raw bytes.
  LabKey root_key, intermediate_key, log_key, certificate_log_key, stamp_key;
  std::string root, intermediate, stamp_certificate;
  std::string leaf(const AttestationPlan& plan, const LabKey& key) const;
  json::object log_entry(const AttestationPlan& plan, const std::string& leaf, const std::string& payload,
                         const std::string& signature) const;
  std::string time_stamp(std::string_view stamped, std::time_t when) const;
  std::string promise_of(const std::string& body, std::time_t time, std::int64_t index) const;

 private:
  KeyKind log_kind_;
};

}  // namespace sallyport
