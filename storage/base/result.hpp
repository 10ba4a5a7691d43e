#pragma once
// Expected failures are values: a function that can fail returns Result<T>.

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace sallyport {

// What went wrong, as a caller has to tell it apart. proxy/http/error_map.cpp turns a kind into a status.
enum class ErrorKind {
  invalid,          // the request or input breaks a rule: change it
  unauthenticated,  // no credential, or one that is not valid
  forbidden,        // a valid credential that may not do this
  not_found,
  conflict,     // it exists already, or the state moved on
  too_large,    // over a named limit
  busy,         // try again later: a limit on rate or work in progress
  unavailable,  // something we need (upstream, disk) does not answer
  upstream,     // the upstream answered, and its answer is wrong or a refusal
  corrupt,      // stored data is not what we wrote
  internal,     // a fault of ours
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;  // one sentence for the client: what is wrong and what to do; no internal detail
  std::string detail;   // for the log only: system error, path, upstream status
};

template <class T = void>
using Result = boost::system::result<T, Error>;

// What Result::value() throws when there is none; code asks has_value() first.
class BadResult : public std::runtime_error {
 public:
  explicit BadResult(Error e) : std::runtime_error(e.message + " " + e.detail), error(std::move(e)) {}
  Error error;
};

[[noreturn]] inline void throw_exception_from_error(const Error& e, const boost::source_location&) {
  throw BadResult(e);
}

inline Error fail(ErrorKind kind, std::string message, std::string detail = {}) {
  return {kind, std::move(message), std::move(detail)};
}

}  // namespace sallyport
