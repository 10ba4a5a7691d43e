#pragma once
// From approved to published: the durable list of releases that are owed to their target.
//
// An entry is written in the batch that approves the stage and removed in the batch that records the
// outcome. Between them anything may crash: `attempts` is raised (synced) before bytes go to an upstream, and
// whoever finds it above zero reads the upstream back before it sends again. Bytes that are no longer those
// that were approved are not sent: the release fails. What the upstream has taken for a review of its own is
// owed until that is over, and not sent again.
//
// Records:  outbox  <stage id>   {v, attempts, review, held}
//           review: how the upstream's own review is asked for; held: there is one. Both are there then only.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gate/catalog.hpp"
#include "gate/stage_store.hpp"
#include "gate/upstream.hpp"
#include "storage/blob_store.hpp"
#include "storage/ledger.hpp"

namespace sallyport {

class Outbox {
 public:
  // What speaks now against publishing that release in our own store; empty: nothing. Error: not known.
  using Objection = std::function<Result<std::string>(const Stage&)>;
  // `upstream` finds a configured one by name (null: none). Everything must outlive the outbox.
  Outbox(MetaStore& store, Ledger& ledger, BlobStore& blobs, StageStore& stages,
         std::function<Upstream*(std::string_view)> upstream, Objection objection)
      : store_(store),
        ledger_(ledger),
        blobs_(blobs),
        stages_(stages),
        upstream_(std::move(upstream)),
        objection_(std::move(objection)) {}

  // Within the fact that approves it. `attempts` above zero: something may have gone out before.
  static void add(Fact& fact, const Stage& stage, std::uint64_t attempts = 0);

  // Sends one stage to its target and records what became of it. Blocks for as long as the upstream takes,
  // at most `deadline`. Returns the stage as it then is: published, failed, or still approved where no clear
  // answer could be had. Safe to call again, and from several threads.
  Result<Stage> forward(const std::string& stage_id, Millis deadline);

  // Ids of what is owed, in no order.
  Result<std::vector<std::string>> pending();

 private:
  struct Sent {
    enum class Kind { published, failed, unclear, held } kind;
    std::string why = {};
    json::object manifest = {};  // for our own store
    std::string review = {};     // of what is held
  };
  struct Owed {
    std::uint64_t attempts = 0;
    bool held = false;  // by the upstream
    std::string review;
  };
  static Result<Owed> owed_in(const Result<std::optional<std::string>>& text, const std::string& stage_id);
  // Raises the count of attempts, durably; returns what was there. What the upstream holds is no attempt.
  Result<Owed> count_attempt(const std::string& stage_id);
  Result<Stage> note_held(const std::string& stage_id, const Sent& sent);
  // Error: a disk that could not be read just now; the release stays owed.
  Result<Sent> send(const Stage& stage, const Owed& owed, Millis deadline);
  // Whether what it holds is still undecided there.
  Result<Sent> ask_review(Upstream& upstream, const Stage& stage, const std::string& review);
  // The tarball and the document as they were approved. corrupt: they are no longer that.
  Result<std::shared_ptr<const Blob>> approved_tarball(const Stage& stage);
  Result<PublishDocument> approved_document(const Stage& stage);
  // What the upstream holds of this version now.
  Result<Sent> read_back(Upstream& upstream, const Stage& stage);
  Result<Stage> settle(const std::string& stage_id, Sent sent);

  MetaStore& store_;
  Ledger& ledger_;
  BlobStore& blobs_;
  StageStore& stages_;
  std::function<Upstream*(std::string_view)> upstream_;
  Objection objection_;
  std::mutex sending_mutex_;
  std::condition_variable sending_done_;
  std::set<std::string> sending_;  // one sender a stage
};

// The body of the upstream PUT: the publisher's document with dist.tarball rewritten and the tarball's bytes
// encoded as they are read.
Result<BodySource> publish_body(const PublishDocument& document, const std::string& upstream_url,
                                std::shared_ptr<const Blob> tarball);

}  // namespace sallyport
