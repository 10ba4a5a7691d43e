#pragma once
// Who is asking. Made by proxy/identity from a credential; the gate decides what they may do.

#include <string>
#include <vector>

namespace sallyport {

struct Principal {
  std::string user;
  bool service = false;  // may stage, may never approve
  bool admin = false;
  std::vector<std::string> groups;
  bool read_only = false;      // of the token: no write whatever the roles
  std::string credential;      // key of the token (not the token), or "password"; for the ledger
  std::string address;         // of the client, printable
  std::string client;          // "npm/11.19.1", as it says itself; printable
  bool otp_enrolled = false;   // a one-time password exists for the user
  bool otp_on_writes = false;  // who wants it asked for with every write (npm's "auth-and-writes")
};

}  // namespace sallyport
