#include "policies/provenance/certificate.hpp"

#include <openssl/ct.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "policies/provenance/trust_parts.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::string_view fulcio_arc = "1.3.6.1.4.1.57264.1.";
constexpr std::size_t claim_bytes_max = 2048;

Error refused(std::string why) {
  return fail(ErrorKind::invalid, "the certificate " + std::move(why));
}

std::string_view text_of(const ASN1_STRING* s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
          static_cast<std::size_t>(ASN1_STRING_length(s))};
}

// Compared and shown: no control characters, and no NUL that ends it early for somebody else.
bool is_claim(std::string_view text) {
  return !text.empty() && text.size() <= claim_bytes_max && printable(text, claim_bytes_max) == text;
}

std::optional<std::string> utf8_string(std::string_view der) {
  const unsigned char* at = openssl_bytes(der);
  const std::unique_ptr<ASN1_UTF8STRING, OpensslFree<ASN1_UTF8STRING_free>> text(
      d2i_ASN1_UTF8STRING(nullptr, &at, static_cast<long>(der.size())));
  if (!text || at != openssl_bytes(der) + der.size()) return std::nullopt;
  return std::string(text_of(text.get()));
}

// The scheme and host of a URL, with the slash after them.
std::string site_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t slash = scheme == std::string_view::npos ? scheme : url.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string() : std::string(url.substr(0, slash + 1));
}

Result<std::string> read_identity(const X509* x509) {
  const std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  if (!names || sk_GENERAL_NAME_num(names.get()) != 1)
    return refused("does not name one identity (subject alternative name)");
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), 0), &type);
  if (type != GEN_URI && type != GEN_EMAIL)
    return refused("has an identity that is neither a URI nor a mail address");
  std::string identity(text_of(static_cast<const ASN1_STRING*>(value)));
  if (!is_claim(identity)) return refused("has an identity that is no text");
  return identity;
}

// The certificate as its log signed it: without the promises that came of that (RFC 6962 section 3.2).
std::string pre_certificate(const X509* x509) {
  const X509Ptr copy(X509_dup(x509));
  if (!copy) return {};
  const int at = X509_get_ext_by_NID(copy.get(), NID_ct_precert_scts, -1);
  if (at < 0) return {};
  X509_EXTENSION_free(X509_delete_ext(copy.get(), at));
  unsigned char* der = nullptr;
  const int size = i2d_re_X509_tbs(copy.get(), &der);
  if (size <= 0) return {};
  std::string tbs(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return tbs;
}

std::string big_endian(std::uint64_t number, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<unsigned char>(number >> shift));
  return out;
}

}  // namespace

Result<Certificate> Certificate::parse(std::string_view der) {
  const unsigned char* at = openssl_bytes(der);
  X509Ptr x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509 || at != openssl_bytes(der) + der.size()) return refused("is not one certificate in DER");
  auto key = PublicKey::from(EvpKeyPtr(X509_get_pubkey(x509.get())));
  if (!key) return refused("has a key that is none of ECDSA P-256, ECDSA P-384 and Ed25519");
  Certificate certificate(std::move(x509), std::move(*key), std::string(der));
  if (auto read = certificate.read_claims(); !read) return read.error();
  return certificate;
}

Result<void> Certificate::read_claims() {
  auto identity = read_identity(x509_.get());
  if (!identity) return identity.error();
  claims_.identity = std::move(*identity);

  std::set<std::string> seen;
  std::string old_issuer, old_commit, old_repository, old_ref;
  for (int i = 0; i < X509_get_ext_count(x509_.get()); ++i) {
    X509_EXTENSION* extension = X509_get_ext(x509_.get(), i);
    std::array<char, 128> name{};
    OBJ_obj2txt(name.data(), name.size(), X509_EXTENSION_get_object(extension), 1);
    const std::string oid(name.data());
    if (!seen.insert(oid).second) return refused("has an extension twice, " + oid);
    if (!oid.starts_with(fulcio_arc)) continue;
    const std::string_view number = std::string_view(oid).substr(fulcio_arc.size());
    const std::string_view value = text_of(X509_EXTENSION_get_data(extension));
    // The first ones are bare text; the later ones a string in DER.
    const bool bare = number.size() == 1 && number[0] >= '1' && number[0] <= '6';
    auto text = bare ? std::optional(std::string(value)) : utf8_string(value);
    std::string* const claim = number == "1"    ? &old_issuer
                               : number == "3"  ? &old_commit
                               : number == "5"  ? &old_repository
                               : number == "6"  ? &old_ref
                               : number == "8"  ? &claims_.issuer
                               : number == "12" ? &claims_.repository
                               : number == "13" ? &claims_.commit
                               : number == "14" ? &claims_.ref
                               : number == "18" ? &claims_.build_config
                                                : nullptr;
    if (claim == nullptr) continue;
    if (!text || !is_claim(*text)) return refused("has a claim that is no text, " + oid);
    *claim = std::move(*text);
  }
  if (claims_.issuer.empty()) claims_.issuer = std::move(old_issuer);
  if (claims_.commit.empty()) claims_.commit = std::move(old_commit);
  if (claims_.ref.empty()) claims_.ref = std::move(old_ref);
  if (claims_.repository.empty() && !old_repository.empty()) {
    const std::string site = site_of(claims_.identity);
    if (!site.empty()) claims_.repository = site + old_repository;
  }
  return {};
}

Result<void> Certificate::check_issued(std::span<const TrustedAuthority> authorities,
                                       std::span<const TrustedLog> logs, std::time_t when) const {
  // An authority's own certificate has the same usage: it is no signer.
  if (X509_check_ca(x509_.get()) != 0) return refused("is an authority's, not a signer's");
  const std::uint32_t flags = X509_get_extension_flags(x509_.get());
  if ((flags & EXFLAG_XKUSAGE) == 0 || (X509_get_extended_key_usage(x509_.get()) & XKU_CODE_SIGN) == 0)
    return refused("is not for signing code");
  if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(x509_.get()) & X509v3_KU_DIGITAL_SIGNATURE) == 0)
    return refused("is not for signatures");

  std::string why = "no certificate authority of the trust root was valid then";
  for (const TrustedAuthority& authority : authorities) {
    if (!authority.valid_for.contains(Instant(std::chrono::seconds(when)))) continue;
    const std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
    if (!store || !context) return fail(ErrorKind::internal, "out of memory");
    for (const X509Ptr& trusted : authority.chain) X509_STORE_add_cert(store.get(), trusted.get());
    if (X509_STORE_CTX_init(context.get(), store.get(), x509_.get(), nullptr) != 1)
      return fail(ErrorKind::internal, "a check of a certificate could not begin");
    X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(param, when);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_auth_level(param, 2);  // 112 bits: no SHA-1, no short keys
    if (X509_verify_cert(context.get()) != 1) {
      why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
      continue;
    }
    STACK_OF(X509)* const chain = X509_STORE_CTX_get0_chain(context.get());
    if (sk_X509_num(chain) < 2) continue;
    return check_listed(sk_X509_value(chain, 1), logs);
  }
  return refused("is of no authority that the trust root names: " + why);
}

Result<void> Certificate::check_listed(X509* issuer, std::span<const TrustedLog> logs) const {
  if (logs.empty()) return {};
  const std::unique_ptr<STACK_OF(SCT), OpensslFree<SCT_LIST_free>> promises(
      static_cast<STACK_OF(SCT)*>(X509_get_ext_d2i(x509_.get(), NID_ct_precert_scts, nullptr, nullptr)));
  if (!promises || sk_SCT_num(promises.get()) == 0)
    return refused("is listed in no certificate log (it has no signed certificate timestamp)");
  auto issuer_key = PublicKey::from(EvpKeyPtr(X509_get_pubkey(issuer)));
  if (!issuer_key) return issuer_key.error();
  const Sha256 issuer_id = sha256(issuer_key->spki());
  const std::string tbs = pre_certificate(x509_.get());
  for (int i = 0; i < sk_SCT_num(promises.get()); ++i) {
    const SCT* const promise = sk_SCT_value(promises.get(), i);
    unsigned char *id = nullptr, *signature = nullptr, *extensions = nullptr;
    const std::size_t id_size = SCT_get0_log_id(promise, &id);
    const std::size_t signature_size = SCT_get0_signature(promise, &signature);
    const std::size_t extensions_size = SCT_get0_extensions(promise, &extensions);
    const std::uint64_t time_ms = SCT_get_timestamp(promise);
    if (SCT_get_version(promise) != SCT_VERSION_V1 || time_ms > (std::uint64_t{1} << 53))
      return refused("has a signed certificate timestamp of an unknown version");
    std::string signed_part = big_endian(0, 2) + big_endian(time_ms, 8) + big_endian(1, 2);
    signed_part += as_text(Bytes(issuer_id.bytes));
    signed_part += big_endian(tbs.size(), 3) + tbs + big_endian(extensions_size, 2);
    signed_part += as_text(Bytes(extensions, extensions_size));
    const auto log = std::find_if(logs.begin(), logs.end(), [&](const TrustedLog& one) {
      return one.id == as_text(Bytes(id, id_size)) &&
             one.valid_for.contains(Instant(Millis(static_cast<std::int64_t>(time_ms)))) &&
             one.key.verify(signed_part, as_text(Bytes(signature, signature_size)));
    });
    if (log == logs.end())
      return refused(
          "is not listed as it says: a signed certificate timestamp is of no certificate log that the "
          "trust root names");
  }
  return {};
}

}  // namespace sallyport
