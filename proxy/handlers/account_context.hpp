#pragma once
// What the handlers of accounts share.

#include "gate/executors.hpp"
#include "proxy/identity/first_admin.hpp"
#include "proxy/identity/identity.hpp"
#include "storage/base/clock.hpp"

namespace sallyport {

struct AccountContext {
  Identity& identity;
  FirstAdmin& first_admin;
  const Clock& clock;
  WorkPool& pool;                // for log-ins and changes: each takes a password's derivation or an fsync
  bool anonymous_reads = false;  // Access::reader without a credential
  bool otp_to_approve_required = false;  // [identity] otp_to_approve = "required"
};

}  // namespace sallyport
