#pragma once
// A feed of advisories fetched from a URL every now and then (gate/feed_file says what it may be), asked for
// by its ETag or its time. The last copy that could be read whole is kept: it counts across restarts, and
// for as long as a newer one cannot be had.
//
// Kept in a blob store of its own, and in family `system` (JSON, "v": 1):
//   feed <name>   {v, url, sha512, etag, lastModified, asOf}

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "gate/malware_feed.hpp"
#include "proxy/upstream/http_client.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/ids.hpp"
#include "storage/blob_store.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct FeedOptions {
  std::string name;  // of its key in the configuration, for records and logs
  std::string url;
  std::string ca_file;      // as in HttpRoute
  Millis every{3'600'000};  // give or take a tenth
  std::uint64_t bytes_max = 1ULL << 30;
  Millis total_max{900'000};
  FeedLimits limits;
};

// One thread at a time; failures() any.
class FeedDownload {
 public:
  // All must outlive it; nobody else has the blobs.
  FeedDownload(HttpClient& client, FeedOptions options, MalwareFeed& feed, MetaStore& store, BlobStore& blobs,
               const Clock& clock, Random& random);

  // What was kept, if it is of this URL and still what it was.
  void load();
  // Blocks for as long as it takes. After a failure it is due again in seconds, then in twice as many, up to
  // the interval.
  void fetch_if_due();

  std::uint64_t failures() const { return failures_; }

 private:
  struct Kept {
    Sha512 digest;
    std::string etag, last_modified;
    Instant as_of;
  };

  Result<void> fetch();
  Result<void> read_kept();
  Result<void> confirm();
  Result<void> take(StagedBlob& copy, Kept fresh);
  Result<void> keep(const Kept& kept, Durability durability);
  void remove_others();
  std::string record_key() const { return "feed " + options_.name; }
  Millis nearly(Millis wait);

  HttpClient& client_;
  const FeedOptions options_;
  MalwareFeed& feed_;
  MetaStore& store_;
  BlobStore& blobs_;
  const Clock& clock_;
  Random& random_;
  std::optional<Kept> kept_;  // what the feed has now
  Instant due_ = Instant::min();
  Millis retry_{0};  // after the next failure
  std::atomic<std::uint64_t> failures_ = 0;
};

}  // namespace sallyport
