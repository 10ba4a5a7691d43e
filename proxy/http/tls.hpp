#pragma once
// The certificate that this server shows, and what it asks of a TLS connection: 1.2 or newer, HTTP/1.1.

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "storage/base/result.hpp"

namespace sallyport {

// Any thread.
class TlsIdentity {
 public:
  // Two PEM files: the certificate with its chain, and its private key. invalid: unreadable, or not a pair.
  static Result<std::unique_ptr<TlsIdentity>> open(std::string certificate_file, std::string key_file);

  // What a new connection is made with; it stays valid for that connection whatever is read later.
  std::shared_ptr<boost::asio::ssl::context> current() const;
  // Reads the files again where they have changed (`always`: in any case). What cannot be used leaves the old
  // one in place, with an error in the log, once for each state of the files.
  void refresh(bool always = false);

 private:
  TlsIdentity(std::string certificate_file, std::string key_file);
  Result<void> read();
  std::string state_of_files() const;

  const std::string certificate_file_, key_file_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::string seen_;  // the state of the files that was read last
};

}  // namespace sallyport
