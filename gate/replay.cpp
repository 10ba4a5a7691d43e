#include "gate/replay.hpp"

#include <algorithm>
#include <tuple>

#include "gate/stage_store.hpp"
#include "storage/base/package_name.hpp"

namespace sallyport {
namespace {

constexpr std::size_t block_bytes = 256u << 10;

bool chosen(const Stage& stage, const ReplayChoice& choice) {
  if (choice.since && stage.created < *choice.since) return false;
  return choice.package.empty() || name_matches(choice.package, stage.name);
}

Result<Report> judge_again(const Stage& stage, const StageStore& stages, BlobStore& blobs,
                           const std::shared_ptr<const InspectionRules>& rules) {
  if (stage.state == StageState::blocked)
    return fail(ErrorKind::not_found, "it was refused, and what is refused is not kept");
  auto context = stages.context(stage.id);
  if (!context) return context.error();
  const auto blob = blobs.open(stage.sha512);
  if (!blob) return blob.error();
  Inspection inspection(rules);
  Sha512Hasher sha512;
  std::vector<std::uint8_t> block(block_bytes);
  for (std::uint64_t at = 0; at < (*blob)->size();) {
    const auto read = (*blob)->read(at, block);
    if (!read) return read.error();
    if (*read == 0) break;
    const Bytes bytes(block.data(), *read);
    sha512.update(bytes);
    inspection.feed(bytes);
    at += *read;
  }
  if (sha512.finish() != stage.sha512)
    return fail(ErrorKind::corrupt, "its tarball is damaged: the bytes are not those that were inspected");
  context->digests = {stage.sha1, stage.sha512};
  return inspection.finish(std::move(*context));
}

}  // namespace

Result<void> replay(MetaStore& store, BlobStore& blobs, std::shared_ptr<const InspectionRules> rules,
                    const ReplayChoice& choice, const std::function<bool(Replayed&&)>& visit,
                    const std::function<bool(std::size_t, std::size_t)>& progress) {
  const StageStore stages(store);
  auto ids = stages.all();
  if (!ids) return ids.error();

  // Records are read twice, so that thousands of them need not be held at once.
  std::vector<std::tuple<Instant, std::string>> order;
  for (std::string& id : *ids) {
    const auto stage = stages.find(id);
    if (stage && !chosen(*stage, choice)) continue;
    order.emplace_back(stage ? stage->created : Instant::max(), std::move(id));
  }
  std::sort(order.begin(), order.end());

  std::size_t done = 0;
  for (auto& [received, id] : order) {
    if (!progress(done++, order.size())) return {};
    Replayed release;
    release.id = id;
    auto stage = stages.find(id);
    if (!stage) {
      release.unread = stage.error().message;
    } else {
      auto report = judge_again(*stage, stages, blobs, rules);
      if (report) {
        release.report = std::move(*report);
      } else {
        release.unread = report.error().message;
      }
      release.stage = std::move(*stage);
    }
    if (!visit(std::move(release))) return {};
  }
  progress(done, order.size());
  return {};
}

}  // namespace sallyport
