#include "proxy/upstream/feed_download.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/upstream/url.hpp"
#include "storage/base/log.hpp"
#include "storage/base/record.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr Millis first_retry{5'000};
constexpr int redirects_max = 5, jitter_share = 10;
constexpr std::size_t validator_bytes_max = 1024;

std::string header_of(const HttpHeaders& headers, std::string_view name) {
  const std::string* found = headers.find(name);
  return found && found->size() <= validator_bytes_max && printable(*found, validator_bytes_max) == *found
             ? *found
             : std::string();
}

template <class Source>
FileBytes bytes_of(const Source& source) {
  return {source.size(),
          [&source](std::uint64_t offset, std::span<std::uint8_t> out) { return source.read(offset, out); }};
}

Result<Sha512> digest_of(const Blob& blob) {
  Sha512Hasher hasher;
  std::vector<std::uint8_t> block(256u << 10);
  for (std::uint64_t at = 0;;) {
    const auto n = blob.read(at, block);
    if (!n) return n.error();
    if (*n == 0) return hasher.finish();
    hasher.update(Bytes(block).first(*n));
    at += *n;
  }
}

}  // namespace

FeedDownload::FeedDownload(HttpClient& client, FeedOptions options, MalwareFeed& feed, MetaStore& store,
                           BlobStore& blobs, const Clock& clock, Random& random)
    : client_(client),
      options_(std::move(options)),
      feed_(feed),
      store_(store),
      blobs_(blobs),
      clock_(clock),
      random_(random) {}

Millis FeedDownload::nearly(Millis wait) {
  std::uint64_t chance = 0;
  for (const char c : random_bytes(random_, 4)) chance = chance << 8 | static_cast<unsigned char>(c);
  const auto spread = static_cast<std::uint64_t>(2 * wait.count() / jitter_share + 1);
  return wait - wait / jitter_share + Millis(static_cast<std::int64_t>(chance % spread));
}

void FeedDownload::load() {
  if (auto done = read_kept(); !done) {
    kept_.reset();
    log::warn("feed.copy",
              {{"feed", options_.name}, {"error", done.error().message}, {"detail", done.error().detail}});
  }
  if (kept_) due_ = kept_->as_of + nearly(options_.every);
  remove_others();
}

Result<void> FeedDownload::read_kept() {
  auto stored = store_.get(Family::system, record_key());
  if (!stored) return stored.error();
  if (!*stored) return {};
  auto object = read_record(**stored, 1, "a feed's copy");
  if (!object) return object.error();
  RecordReader reader(*object);
  Kept kept{reader.parsed("sha512", sha512_from_hex), reader.text("etag"), reader.text("lastModified"),
            reader.instant("asOf")};
  const std::string url = reader.text("url");
  if (!reader.sound()) return damaged_record("a feed's copy");
  if (url != options_.url) return {};  // another feed's
  const auto blob = blobs_.open(kept.digest);
  if (!blob) return blob.error();
  const auto digest = digest_of(**blob);
  if (!digest) return digest.error();
  if (*digest != kept.digest) return fail(ErrorKind::corrupt, "the copy is not what was kept");
  auto contents = read_feed_file(bytes_of(**blob), options_.limits);
  if (!contents) return contents.error();
  feed_.take(std::move(*contents), to_integrity(kept.digest), kept.as_of);
  kept_ = std::move(kept);
  return {};
}

// Of copies before, of another URL, or of one that was taken and whose record was not written.
void FeedDownload::remove_others() {
  std::vector<Sha512> others;
  const auto walked = blobs_.walk([&](const BlobInfo& blob) {
    if (!kept_ || blob.digest != kept_->digest) others.push_back(blob.digest);
    return true;
  });
  for (const Sha512& digest : others)
    if (auto removed = blobs_.remove(digest); !removed)
      log::warn("feed.copy", {{"feed", options_.name}, {"error", removed.error().message}});
  if (!walked) log::warn("feed.copy", {{"feed", options_.name}, {"error", walked.error().message}});
}

void FeedDownload::fetch_if_due() {
  const Instant now = clock_.now();
  if (now < due_ && due_ - now <= options_.every * 2) return;  // a clock that was set back does not stop it
  if (auto done = fetch(); !done) {
    ++failures_;
    retry_ = std::min(std::max(first_retry, retry_ * 2), options_.every);
    due_ = clock_.now() + nearly(retry_);
    log::error("feed.failed", {{"feed", options_.name},
                               {"error", done.error().message},
                               {"detail", done.error().detail},
                               {"next", to_iso8601(due_)}});
    return;
  }
  retry_ = Millis(0);
  due_ = clock_.now() + nearly(options_.every);
}

Result<void> FeedDownload::fetch() {
  const auto url = parse_url(options_.url);
  if (!url) return url.error();
  HttpRequest request;
  request.url = options_.url;
  request.route = {.ca_file = options_.ca_file,
                   .proxy = {},
                   .proxy_from_environment = true,
                   .http_allowed = url->scheme == "http",
                   .local_refused = true,
                   .local_allowed_origin = url->origin()};
  request.total_max = options_.total_max;
  request.response_bytes_max = options_.bytes_max;
  request.redirects_max = redirects_max;
  if (kept_ && !kept_->etag.empty())
    request.headers.add("if-none-match", kept_->etag);
  else if (kept_ && !kept_->last_modified.empty())
    request.headers.add("if-modified-since", kept_->last_modified);
  const bool conditional = !request.headers.all().empty();

  auto copy = blobs_.begin();
  if (!copy) return copy.error();
  auto response =
      client_.download_blocking(std::move(request), [&](Bytes bytes) { return (*copy)->append(bytes); });
  if (!response) return response.error();
  if (response->status == 304 && conditional) return confirm();
  if (response->status != 200)
    return fail(ErrorKind::upstream, "it is answered " + std::to_string(response->status));
  Kept fresh{(*copy)->digest(), header_of(response->headers, "etag"),
             header_of(response->headers, "last-modified"), clock_.now()};
  if (kept_ && kept_->digest == fresh.digest) {
    kept_->etag = std::move(fresh.etag);
    kept_->last_modified = std::move(fresh.last_modified);
    return confirm();
  }
  return take(**copy, std::move(fresh));
}

Result<void> FeedDownload::confirm() {
  kept_->as_of = clock_.now();
  feed_.confirm(kept_->as_of);
  return keep(*kept_, Durability::relaxed);
}

// What is read counts at once, whether it can be kept or not.
Result<void> FeedDownload::take(StagedBlob& copy, Kept fresh) {
  auto contents = read_feed_file(bytes_of(copy), options_.limits);
  if (!contents) return contents.error();
  log::info(
      "feed.read",
      {{"feed", options_.name}, {"documents", contents->documents}, {"advisories", contents->advisories}});
  if (contents->damaged > 0)
    log::warn("feed.damaged",
              {{"feed", options_.name}, {"documents", contents->damaged}, {"first", contents->first_damage}});
  feed_.take(std::move(*contents), to_integrity(fresh.digest), fresh.as_of);
  kept_ = std::move(fresh);
  if (auto committed = copy.commit(kept_->digest); !committed) return committed;
  if (auto kept = keep(*kept_, Durability::synced); !kept) return kept;
  remove_others();
  return {};
}

Result<void> FeedDownload::keep(const Kept& kept, Durability durability) {
  MetaBatch batch;
  batch.put(Family::system, record_key(),
            json::serialize(json::object{{"v", 1},
                                         {"url", options_.url},
                                         {"sha512", to_hex(kept.digest)},
                                         {"etag", kept.etag},
                                         {"lastModified", kept.last_modified},
                                         {"asOf", to_iso8601(kept.as_of)}}));
  return store_.write(batch, durability);
}

}  // namespace sallyport
