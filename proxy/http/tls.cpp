#include "proxy/http/tls.hpp"

#include <openssl/ssl.h>
#include <sys/stat.h>

#include <string_view>

#include "storage/base/log.hpp"

namespace sallyport {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

constexpr unsigned char http_1_1[] = "\x08http/1.1";

// Clients that offer only what is not spoken here (h2) go on without a protocol, as if they had offered none.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* in,
                    unsigned in_bytes, void*) {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_bytes, http_1_1, sizeof http_1_1 - 1, in, in_bytes);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

TlsIdentity::TlsIdentity(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

Result<std::unique_ptr<TlsIdentity>> TlsIdentity::open(std::string certificate_file, std::string key_file) {
  std::unique_ptr<TlsIdentity> identity(new TlsIdentity(std::move(certificate_file), std::move(key_file)));
  identity->seen_ = identity->state_of_files();
  if (auto read = identity->read(); !read) return read.error();
  return identity;
}

std::shared_ptr<ssl::context> TlsIdentity::current() const {
  std::lock_guard lock(mutex_);
  return context_;
}

void TlsIdentity::refresh(bool always) {
  // Before reading: what changes meanwhile is read again the next time.
  std::string state = state_of_files();
  {
    std::lock_guard lock(mutex_);
    if (!always && state == seen_) return;
    seen_ = std::move(state);
  }
  if (auto done = read(); !done) {
    log::error("tls.certificate", {{"error", done.error().message},
                                   {"detail", done.error().detail},
                                   {"note", "the old one stays in use"}});
  } else {
    log::info("tls.certificate_read", {{"file", certificate_file_}});
  }
}

Result<void> TlsIdentity::read() {
  auto fresh = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = fresh->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // an idle connection holds 34 KB less
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  error_code ec;
  fresh->use_certificate_chain_file(certificate_file_, ec);
  if (ec)
    return fail(ErrorKind::invalid,
                "The certificate " + certificate_file_ + " cannot be used: give a PEM file.", ec.message());
  fresh->use_private_key_file(key_file_, ssl::context::pem, ec);
  if (ec || SSL_CTX_check_private_key(native) != 1)
    return fail(
        ErrorKind::invalid,
        "The private key " + key_file_ + " cannot be used: give the PEM file of the certificate's key.",
        ec.message());
  std::lock_guard lock(mutex_);
  context_ = std::move(fresh);
  return {};
}

std::string TlsIdentity::state_of_files() const {
  std::string state;
  for (const std::string& file : {certificate_file_, key_file_}) {
    struct stat info{};
    if (::stat(file.c_str(), &info) == 0)
      state += std::to_string(info.st_ino) + ' ' + std::to_string(info.st_size) + ' ' +
               std::to_string(info.st_mtim.tv_sec) + '.' + std::to_string(info.st_mtim.tv_nsec);
    state += ';';
  }
  return state;
}

}  // namespace sallyport
