#pragma once
// What the gate asks of the registry behind it. proxy/upstream implements it over HTTP; tests script it.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/clock.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"
#include "storage/blob_store.hpp"

namespace sallyport {

// A request body of known length that can be read again from the start (a connection may die mid-way).
struct BodySource {
  std::uint64_t size_bytes = 0;
  // Fills `out` from `offset`; fewer bytes only at the end. Called on a thread of the implementation's.
  std::function<Result<std::size_t>(std::uint64_t offset, std::span<char> out)> read;
};

struct PublishOutcome {
  enum class Kind {
    accepted,  // 2xx
    refused,   // a definite no: `status` and the upstream's own words in `message`
    unclear,   // time-out, reset, 5xx: it may or may not have been stored, read back
    held,      // taken, and not published: it waits there for a review of its own
  };
  Kind kind = Kind::unclear;
  int status = 0;
  std::string message;      // printable; never holds a credential
  std::string review = {};  // of `held`: what review_of() is asked by; empty: the upstream does not say
};

// How far the review of a release has come that an upstream holds.
struct UpstreamReview {
  enum class State { pending, over, refused };  // over: there is nothing, or nothing any more, to wait for
  State state = State::pending;
  std::string why;  // of a refusal, in the upstream's words; printable
};

struct PackumentLimits {
  Millis deadline{10'000};  // a publisher waits, and clients give up after 30 s
  std::uint64_t bytes_max = 128u << 20;
};

// Blocking; any thread; each call ends within its own deadline.
class Upstream {
 public:
  virtual ~Upstream() = default;
  // The name it has in `[upstreams.NAME]`.
  virtual const std::string& name() const = 0;
  // Its base URL, without a slash at the end.
  virtual const std::string& url() const = 0;
  // The full packument as the upstream has it now, past every cache. not_found: the upstream says there is
  // no such package. unavailable: no answer, or one that cannot be read.
  virtual Result<std::string> packument(const PackageName& name, const PackumentLimits& limits = {}) = 0;
  // What the registry has of attestations behind `dist.attestations.url`, which must be its own host's.
  virtual Result<std::string> attestations(const PackageName& name, std::string_view url,
                                           const PackumentLimits& limits) = 0;
  // Appends the tarball behind `dist.tarball` to `into`. too_large over `bytes_max`.
  virtual Result<void> tarball(const PackageName& name, std::string_view url, StagedBlob& into,
                               std::uint64_t bytes_max) = 0;
  // PUT /:pkg with the gate's credential.
  virtual PublishOutcome publish(const PackageName& name, const BodySource& body, Millis deadline) = 0;
  // Of a release that it holds, by what publish() said. unavailable: no answer.
  virtual Result<UpstreamReview> review_of(const std::string& review) = 0;
};

}  // namespace sallyport
