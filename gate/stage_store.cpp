#include "gate/stage_store.hpp"

#include <algorithm>
#include <tuple>
#include <vector>

#include "policies/context_record.hpp"
#include "storage/base/ids.hpp"

namespace sallyport {
namespace {

std::string key(char kind, std::string_view rest) {
  std::string k(1, kind);
  k += ' ';
  k += rest;
  return k;
}
std::string version_key(std::string_view name, std::string_view version) {
  std::string k = key('v', name);
  k += '\0';
  k += version;
  return k;
}

Result<json::value> parse_record(std::string_view text) {
  auto value = parse_strict(text, {.bytes_max = text.size(), .depth_max = 128});
  if (!value) return fail(ErrorKind::corrupt, "A stored release could not be read.", value.error().message);
  return value;
}
Result<Stage> parse_stage(std::string_view text) {
  auto value = parse_record(text);
  if (!value) return value.error();
  return stage_from_json(*value);
}
Error no_stage(std::string_view id) {
  return fail(ErrorKind::not_found,
              is_review_code(id) ? "There is no release under review with the code " + std::string(id) + "."
                                 : "There is no release under review with this id.");
}
bool is_open(StageState state) {
  return state == StageState::held || state == StageState::approved || state == StageState::failed;
}

}  // namespace

Result<Stage> StageStore::find(std::string_view id_or_code) const {
  std::string id(id_or_code);
  if (is_review_code(id_or_code)) {
    auto behind = store_.get(Family::stages, key('c', id_or_code));
    if (!behind) return behind.error();
    if (!*behind) return no_stage(id_or_code);
    id = **behind;
  } else if (!is_uuid(id_or_code)) {
    return no_stage("");
  }
  auto text = store_.get(Family::stages, key('s', id));
  if (!text) return text.error();
  if (!*text) return no_stage(id_or_code);
  return parse_stage(**text);
}

Result<std::optional<Stage>> StageStore::latest_of(std::string_view name, std::string_view version) const {
  auto id = store_.get(Family::stages, version_key(name, version));
  if (!id) return id.error();
  if (!*id) return std::optional<Stage>();
  auto stage = find(**id);
  if (!stage) return stage.error();
  return std::optional<Stage>(std::move(*stage));
}

Result<void> StageStore::each_open(const std::function<bool(const Stage&)>& visit) const {
  std::vector<std::string> ids;
  auto read = store_.scan(Family::stages, "o ", "", false, [&](std::string_view k, std::string_view) {
    ids.emplace_back(k.substr(2));
    return true;
  });
  if (!read) return read.error();
  std::vector<Stage> stages;
  for (const auto& id : ids) {
    auto stage = find(id);
    if (!stage) return stage.error();
    if (is_open(stage->state)) stages.push_back(std::move(*stage));
  }
  std::sort(stages.begin(), stages.end(), [](const Stage& a, const Stage& b) {
    return std::tie(a.created, a.id) < std::tie(b.created, b.id);
  });
  for (const Stage& stage : stages)
    if (!visit(stage)) break;
  return {};
}

Result<void> StageStore::each(const std::function<bool(const Stage&)>& visit) const {
  std::optional<Error> damaged;
  auto read = store_.scan(Family::stages, "s ", "", false, [&](std::string_view, std::string_view text) {
    auto stage = parse_stage(text);
    if (!stage) damaged = stage.error();
    return stage && visit(*stage);
  });
  if (!read) return read.error();
  if (damaged) return *damaged;
  return {};
}

Result<std::vector<std::string>> StageStore::all() const {
  std::vector<std::string> ids;
  auto read = store_.scan(Family::stages, "s ", "", false, [&](std::string_view k, std::string_view) {
    ids.emplace_back(k.substr(2));
    return true;
  });
  if (!read) return read.error();
  return ids;
}

Result<PublishDocument> StageStore::document(std::string_view id) const {
  auto text = store_.get(Family::stages, key('d', id));
  if (!text) return text.error();
  if (!*text) return no_stage(id);
  auto value = parse_record(**text);
  if (!value) return value.error();
  return publish_document_from_json(*value);
}

Result<Facts> StageStore::facts(std::string_view id) const {
  auto text = store_.get(Family::stages, key('f', id));
  if (!text) return text.error();
  if (!*text) return no_stage(id);
  auto value = parse_record(**text);
  if (!value) return value.error();
  return facts_from_json(*value);
}

Result<ReleaseContext> StageStore::context(std::string_view id) const {
  auto text = store_.get(Family::stages, key('x', id));
  if (!text) return text.error();
  if (!*text)
    return fail(ErrorKind::not_found, "What the verdict on this release was given on was not recorded.");
  auto value = parse_record(**text);
  if (!value) return value.error();
  auto context = context_from_json(*value);
  if (!context) return context.error();
  auto document = this->document(id);
  if (!document) return document.error();
  auto published = Manifest::from(std::move(document->manifest));
  if (!published) return published.error();
  context->published = std::move(*published);
  return context;
}

void StageStore::create(Fact& fact, const Stage& stage, const PublishDocument& document, const Facts& facts,
                        const json::object& context) {
  fact.put(Family::stages, key('d', stage.id), json::serialize(to_json(document)));
  fact.put(Family::stages, key('f', stage.id), json::serialize(to_json(facts)));
  fact.put(Family::stages, key('x', stage.id), json::serialize(context));
  fact.put(Family::stages, key('c', stage.code), stage.id);
  update(fact, stage);
}

void StageStore::take_version(Fact& fact, const Stage& stage) {
  fact.put(Family::stages, version_key(stage.name, stage.version), stage.id);
}

void StageStore::update(Fact& fact, const Stage& stage) {
  fact.put(Family::stages, key('s', stage.id), json::serialize(to_json(stage)));
  if (is_open(stage.state))
    fact.put(Family::stages, key('o', stage.id), "");
  else
    fact.remove(Family::stages, key('o', stage.id));
}

Result<Stage> StageStore::read(Fact& fact, std::string_view id) {
  auto text = fact.get(Family::stages, key('s', id));
  if (!text) return text.error();
  if (!*text) return no_stage(id);
  return parse_stage(**text);
}

Result<std::optional<Stage>> StageStore::read_latest(Fact& fact, std::string_view name,
                                                     std::string_view version) {
  auto id = fact.get(Family::stages, version_key(name, version));
  if (!id) return id.error();
  if (!*id) return std::optional<Stage>();
  auto stage = read(fact, **id);
  if (!stage) return stage.error();
  return std::optional<Stage>(std::move(*stage));
}

Result<bool> StageStore::code_taken(Fact& fact, std::string_view code) {
  auto id = fact.get(Family::stages, key('c', code));
  if (!id) return id.error();
  return id->has_value();
}

}  // namespace sallyport
