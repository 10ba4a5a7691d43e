#pragma once
// The certificate of whoever signed an attestation: short-lived, issued by a Fulcio to an OIDC identity that
// it saw, and with what that identity's issuer said of the build as extensions.

#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "policies/provenance/openssl_ptr.hpp"
#include "policies/provenance/public_key.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct TrustedAuthority;
struct TrustedLog;

// What the issuer of the identity said, as Fulcio's extensions 1.3.6.1.4.1.57264.1 have it. Empty: not said.
struct CertificateClaims {
  std::string issuer;        // .8, or .1 of old
  std::string identity;      // the one subject alternative name, a URI or a mail address
  std::string repository;    // .12: "https://git.example/acme/lib"; or made of .5 of old
  std::string commit;        // .13, or .3 of old
  std::string ref;           // .14, or .6 of old
  std::string build_config;  // .18: "https://git.example/acme/lib/.ci/release.yml@refs/heads/main"
};

class Certificate {
 public:
  // DER, nothing after it, every extension once.
  static Result<Certificate> parse(std::string_view der);

  const CertificateClaims& claims() const { return claims_; }
  const PublicKey& key() const { return key_; }
  const std::string& der() const { return der_; }

  // Whether one of `authorities`, itself valid then, issued it for signing code and it was valid at `when`,
  // and whether one of `logs` has promised to list it (where there are any logs). The error is a sentence.
  Result<void> check_issued(std::span<const TrustedAuthority> authorities, std::span<const TrustedLog> logs,
                            std::time_t when) const;

 private:
  Certificate(X509Ptr x509, PublicKey key, std::string der)
      : x509_(std::move(x509)), key_(std::move(key)), der_(std::move(der)) {}
  Result<void> read_claims();
  Result<void> check_listed(X509* issuer, std::span<const TrustedLog> logs) const;

  X509Ptr x509_;
  PublicKey key_;
  std::string der_;
  CertificateClaims claims_;
};

}  // namespace sallyport
