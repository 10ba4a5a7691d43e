// Whom the client trusts: a server with a certificate of its own authority.

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "proxy/upstream/http_client.hpp"

using namespace sallyport;

namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

// Self-signed for 127.0.0.1; answers every connection with one small response.
class TlsServer {
 public:
  TlsServer() : context_(SSL_CTX_new(TLS_server_method())) {
    const std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
    const std::unique_ptr<X509, Freed<X509_free>> certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> address(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1"));
    X509_add_ext(certificate.get(), address.get(), -1);
    REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
    SSL_CTX_use_certificate(context_.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), key.get());

    std::string pattern = (std::filesystem::temp_directory_path() / "ca_XXXXXX").string();
    const int file = mkstemp(pattern.data());
    REQUIRE(file >= 0);
    ca_file = pattern;
    FILE* stream = fdopen(file, "w");
    PEM_write_X509(stream, certificate.get());
    fclose(stream);

    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&here), size) == 0);
    REQUIRE(listen(listener_, 16) == 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size);
    port = std::to_string(ntohs(here.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    std::filesystem::remove(ca_file);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string ca_file;
  std::string port;
  std::atomic<int> requests = 0;

 private:
  void serve() {
    sigset_t broken_pipe{};  // a client that turns away at the certificate must not end the test
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    for (int socket; (socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; close(socket)) {
      const std::unique_ptr<SSL, Freed<SSL_free>> tls(SSL_new(context_.get()));
      SSL_set_fd(tls.get(), socket);
      char bytes[4096];
      if (SSL_accept(tls.get()) <= 0 || SSL_read(tls.get(), bytes, sizeof bytes) <= 0) continue;
      ++requests;
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecure";
      SSL_write(tls.get(), answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(tls.get());
    }
  }

  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context_;
  int listener_ = -1;
  std::thread thread_;
};

}  // namespace

TEST_CASE("only a certificate that holds for that host is spoken to") {
  TlsServer server;
  HttpClient client;
  const auto ask = [&](const std::string& host, const std::string& ca_file) {
    HttpRequest request;
    request.url = "https://" + host + ":" + server.port + "/";
    request.authorization = "Bearer never-to-a-stranger";
    request.route.ca_file = ca_file;
    request.total_max = Millis(20'000);
    return client.fetch_blocking(std::move(request));
  };
  const auto stranger = ask("127.0.0.1", "");
  REQUIRE(stranger.has_error());
  CHECK(stranger.error().kind == ErrorKind::unavailable);
  CHECK(stranger.error().message.find("cannot be trusted") != std::string::npos);
  CHECK(ask("localhost", server.ca_file).error().message.find("cannot be trusted") != std::string::npos);
  CHECK(ask("127.0.0.1", "/nonexistent.pem").error().message.find("cannot be trusted") != std::string::npos);
  CHECK(server.requests == 0);
  CHECK(ask("127.0.0.1", server.ca_file).value().body == "secure");
  CHECK(server.requests == 1);

  // What the rest of the machine's programs are told in SSL_CERT_FILE counts here too.
  setenv("SSL_CERT_FILE", server.ca_file.c_str(), 1);
  CHECK(ask("127.0.0.1", "").value().body == "secure");
  unsetenv("SSL_CERT_FILE");
  CHECK(ask("127.0.0.1", "").has_error());
}
