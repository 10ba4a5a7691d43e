#pragma once
// Where stages are kept. Records, in family `stages`:
//   s <id>                      the stage (gate/stage.hpp)
//   d <id>                      the publish document without its tarball (gate/publish_document.hpp)
//   f <id>                      the release's facts (policies/facts.hpp)
//   x <id>                      what its verdict was given on (policies/context_record.hpp), but for the
//                               manifest, which `d` has
//   v <name> NUL <version>      id of the latest stage of that version
//   c <code>                    id behind a review code
//   o <id>                      present while the stage is held, approved or failed

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/publish_document.hpp"
#include "gate/stage.hpp"
#include "policies/facts.hpp"
#include "policies/inspection.hpp"
#include "storage/ledger.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

class StageStore {
 public:
  explicit StageStore(MetaStore& store) : store_(store) {}

  // By UUID or review code; not_found.
  Result<Stage> find(std::string_view id_or_code) const;
  Result<std::optional<Stage>> latest_of(std::string_view name, std::string_view version) const;
  // The ones that are held, approved or failed, oldest first.
  Result<void> each_open(const std::function<bool(const Stage&)>& visit) const;
  // Every stage that is recorded, in no order.
  Result<void> each(const std::function<bool(const Stage&)>& visit) const;
  // The ids of every stage that is recorded, in no order.
  Result<std::vector<std::string>> all() const;
  Result<PublishDocument> document(std::string_view id) const;
  Result<Facts> facts(std::string_view id) const;
  // not_found also of a stage from before these were kept.
  Result<ReleaseContext> context(std::string_view id) const;

  // Within a fact.
  static void create(Fact& fact, const Stage& stage, const PublishDocument& document, const Facts& facts,
                     const json::object& context);
  static void take_version(Fact& fact, const Stage& stage);  // it is the latest of its version from now on
  static void update(Fact& fact, const Stage& stage);
  static Result<Stage> read(Fact& fact, std::string_view id);
  static Result<std::optional<Stage>> read_latest(Fact& fact, std::string_view name,
                                                  std::string_view version);
  static Result<bool> code_taken(Fact& fact, std::string_view code);

 private:
  MetaStore& store_;
};

}  // namespace sallyport
