#include "policies/provenance/trust_root.hpp"

#include <algorithm>
#include <array>

#include "policies/provenance/trust_parts.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

Error refused(const std::string& why) {
  return fail(ErrorKind::invalid, "The trust root is not a Sigstore trusted_root.json: " + why + ".");
}

Result<ValidFor> read_valid_for(const json::object* o) {
  ValidFor valid;
  if (o == nullptr || string_at(*o, "start").value_or("").empty())
    return refused("a validFor has no start, and nobody is trusted for ever");
  for (const auto& [key, at] : {std::pair{"start", &valid.start}, std::pair{"end", &valid.end}}) {
    const json::value* text = o->if_contains(key);
    if (text == nullptr || text->is_null()) continue;
    auto time = parse_iso8601(string_at(*o, key).value_or(""));
    if (!time) return refused("validFor." + std::string(key) + " is not a time");
    *at = *time;
  }
  return valid;
}

Result<std::string> read_bytes(const json::object* o, std::string_view key, std::string_view what) {
  auto bytes = base64_decode(o == nullptr ? "" : string_at(*o, key).value_or(""));
  if (!bytes || bytes->empty()) return refused(std::string(what) + " is not base64");
  return bytes;
}

Result<std::vector<TrustedAuthority>> read_authorities(const json::object& root, std::string_view key) {
  std::vector<TrustedAuthority> out;
  const json::array* all = array_at(root, key);
  if (all == nullptr) return out;
  for (const json::value& value : *all) {
    const json::object* o = value.if_object();
    const json::object* chain = o == nullptr ? nullptr : object_at(*o, "certChain");
    const json::array* certificates = chain == nullptr ? nullptr : array_at(*chain, "certificates");
    if (certificates == nullptr || certificates->empty())
      return refused(std::string(key) + " has an authority without certificates");
    TrustedAuthority authority;
    for (const json::value& certificate : *certificates) {
      auto der = read_bytes(certificate.if_object(), "rawBytes", "a certificate");
      if (!der) return der.error();
      const unsigned char* at = openssl_bytes(*der);
      X509Ptr x509(d2i_X509(nullptr, &at, static_cast<long>(der->size())));
      if (!x509 || at != openssl_bytes(*der) + der->size())
        return refused("a certificate of " + std::string(key) + " cannot be read");
      authority.chain.push_back(std::move(x509));
    }
    if (X509_self_signed(authority.chain.back().get(), 1) != 1)
      return refused("a chain of " + std::string(key) + " does not end with a root that signed itself");
    auto valid = read_valid_for(object_at(*o, "validFor"));
    if (!valid) return valid.error();
    authority.valid_for = *valid;
    out.push_back(std::move(authority));
  }
  return out;
}

std::string name_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  if (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

Result<std::vector<TrustedLog>> read_logs(const json::object& root, std::string_view key) {
  // The kinds of key that can be checked; of another kind a log says nothing to us.
  constexpr std::array<std::string_view, 3> usable = {"PKIX_ECDSA_P256_SHA_256", "PKIX_ECDSA_P384_SHA_384",
                                                      "PKIX_ED25519"};
  std::vector<TrustedLog> out;
  const json::array* all = array_at(root, key);
  if (all == nullptr) return out;
  for (const json::value& value : *all) {
    const json::object* o = value.if_object();
    const json::object* public_key = o == nullptr ? nullptr : object_at(*o, "publicKey");
    if (public_key == nullptr) return refused(std::string(key) + " has a log without a publicKey");
    const auto details = string_at(*public_key, "keyDetails").value_or("");
    if (std::find(usable.begin(), usable.end(), details) == usable.end()) continue;
    auto spki = read_bytes(public_key, "rawBytes", "a log's key");
    if (!spki) return spki.error();
    auto parsed = PublicKey::from_spki(*spki);
    if (!parsed) return refused(parsed.error().message);
    const json::object* id = object_at(*o, "checkpointKeyId");
    if (id == nullptr) id = object_at(*o, "logId");
    auto raw = read_bytes(id, "keyId", "a log's keyId");
    if (!raw) return raw.error();
    auto valid = read_valid_for(object_at(*public_key, "validFor"));
    if (!valid) return valid.error();
    out.push_back(TrustedLog{std::move(*raw), name_of(string_at(*o, "baseUrl").value_or("")),
                             std::move(*parsed), *valid});
  }
  return out;
}

}  // namespace

Result<TrustRoot> TrustRoot::parse(std::string_view text) {
  const OpensslErrorsKept kept;
  auto document = parse_strict(text);
  if (!document) return refused(document.error().message);
  const json::object* root = document->if_object();
  if (root == nullptr) return refused("it is not an object");
  constexpr std::array<std::string_view, 4> media_types = {
      "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
      "application/vnd.dev.sigstore.trustedroot.v0.1+json",
      "application/vnd.dev.sigstore.trustedroot.v0.2+json"};
  const auto media_type = string_at(*root, "mediaType").value_or("");
  if (std::find(media_types.begin(), media_types.end(), media_type) == media_types.end())
    return refused("its mediaType is \"" + printable(media_type, 100) + "\"");

  auto authorities = read_authorities(*root, "certificateAuthorities");
  if (!authorities) return authorities.error();
  auto stampers = read_authorities(*root, "timestampAuthorities");
  if (!stampers) return stampers.error();
  auto logs = read_logs(*root, "tlogs");
  if (!logs) return logs.error();
  auto certificate_logs = read_logs(*root, "ctlogs");
  if (!certificate_logs) return certificate_logs.error();
  if (authorities->empty()) return refused("it names no certificate authority");
  if (logs->empty()) return refused("it names no transparency log with a key that can be checked");
  // Without one that can be checked, certificates would pass unlisted although the file asks for it.
  const json::array* named = array_at(*root, "ctlogs");
  if (named != nullptr && !named->empty() && certificate_logs->empty())
    return refused("it names no certificate log with a key that can be checked");
  auto parts = std::make_shared<Parts>();
  parts->certificate_authorities = std::move(*authorities);
  parts->timestamp_authorities = std::move(*stampers);
  parts->logs = std::move(*logs);
  parts->certificate_logs = std::move(*certificate_logs);
  return TrustRoot(std::move(parts));
}

}  // namespace sallyport
