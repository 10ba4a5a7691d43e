#include "policies/provenance/time_stamp.hpp"

#include <openssl/ts.h>

#include <string>

#include "policies/provenance/trust_parts.hpp"

namespace sallyport {

namespace {

Error refused(std::string why) {
  return fail(ErrorKind::invalid, "the time stamp " + std::move(why));
}

bool is_strong(TS_TST_INFO* info) {
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info)));
  const int nid = OBJ_obj2nid(algorithm);
  return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

// Whether the first certificate of `authority` signed the stamp, and was valid `when` it says.
bool is_signed(TS_RESP* response, std::string_view stamped, const TrustedAuthority& authority,
               std::time_t when) {
  const std::unique_ptr<TS_VERIFY_CTX, OpensslFree<TS_VERIFY_CTX_free>> context(TS_VERIFY_CTX_new());
  if (!context) return false;
  // The context takes what it is given.
  X509_STORE* const store = X509_STORE_new();
  TS_VERIFY_CTX_set_store(context.get(), store);
  STACK_OF(X509)* const chain = sk_X509_new_null();
  TS_VERIFY_CTX_set_certs(context.get(), chain);
  BIO* const data = BIO_new_mem_buf(stamped.data(), static_cast<int>(stamped.size()));
  TS_VERIFY_CTX_set_data(context.get(), data);
  if (store == nullptr || chain == nullptr || data == nullptr) return false;
  for (const X509Ptr& certificate : authority.chain) {
    X509_up_ref(certificate.get());
    if (sk_X509_push(chain, certificate.get()) <= 0) return X509_free(certificate.get()), false;
  }
  X509_STORE_add_cert(store, authority.chain.back().get());
  const std::unique_ptr<X509_VERIFY_PARAM, OpensslFree<X509_VERIFY_PARAM_free>> param(
      X509_VERIFY_PARAM_new());
  X509_VERIFY_PARAM_set_time(param.get(), when);
  X509_VERIFY_PARAM_set_auth_level(param.get(), 2);
  X509_STORE_set1_param(store, param.get());
  TS_VERIFY_CTX_set_flags(context.get(), TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
  if (TS_RESP_verify_response(context.get(), response) != 1) return false;
  // The root may have issued others for other purposes.
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> signers(
      PKCS7_get0_signers(TS_RESP_get_token(response), chain, 0), [](STACK_OF(X509) * s) { sk_X509_free(s); });
  return signers && sk_X509_num(signers.get()) == 1 &&
         X509_cmp(sk_X509_value(signers.get(), 0), authority.chain.front().get()) == 0;
}

}  // namespace

Result<std::time_t> check_time_stamp(std::string_view response, std::string_view stamped,
                                     std::span<const TrustedAuthority> authorities) {
  const unsigned char* at = openssl_bytes(response);
  const std::unique_ptr<TS_RESP, OpensslFree<TS_RESP_free>> parsed(
      d2i_TS_RESP(nullptr, &at, static_cast<long>(response.size())));
  if (!parsed || at != openssl_bytes(response) + response.size())
    return refused("is not one response of RFC 3161");
  TS_TST_INFO* const info = TS_RESP_get_tst_info(parsed.get());
  if (info == nullptr || TS_RESP_get_token(parsed.get()) == nullptr) return refused("was not granted");
  std::tm civil{};
  if (ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &civil) != 1) return refused("has no time");
  const std::time_t when = timegm(&civil);
  if (!is_strong(info)) return refused("is of a weak digest");
  for (const TrustedAuthority& authority : authorities) {
    if (authority.valid_for.contains(Instant(std::chrono::seconds(when))) &&
        is_signed(parsed.get(), stamped, authority, when))
      return when;
  }
  return refused("is of no time stamp authority that the trust root names, or of another signature");
}

}  // namespace sallyport
