#pragma once
// Ownership of OpenSSL's objects, and its list of errors kept as it was.

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

namespace sallyport {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using EvpKeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;

// What fails in here is ours to tell: left in the thread's list it would pass for a fault of the next
// connection that looks there.
class OpensslErrorsKept {
 public:
  OpensslErrorsKept() { ERR_set_mark(); }
  ~OpensslErrorsKept() { ERR_pop_to_mark(); }
  OpensslErrorsKept(const OpensslErrorsKept&) = delete;
  OpensslErrorsKept& operator=(const OpensslErrorsKept&) = delete;
};

inline const unsigned char* openssl_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace sallyport
