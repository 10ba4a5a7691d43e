#include "gate/name_origins.hpp"

#include "storage/base/record.hpp"

namespace sallyport {
namespace {

std::string key_of(const PackageName& name) {
  return "origin " + name.full();
}

std::string written(const std::string& origin, Instant since) {
  return json::serialize(json::object{{"v", 1}, {"origin", origin}, {"since", to_iso8601(since)}});
}

Result<std::optional<NameOrigin>> read(const Result<std::optional<std::string>>& text,
                                       const PackageName& name) {
  if (!text) return text.error();
  if (!*text) return std::optional<NameOrigin>();
  constexpr std::string_view what = "a name's origin";
  const auto record = read_record(**text, 1, what);
  if (!record) return record.error();
  RecordReader reader(*record);
  NameOrigin found{reader.text("origin"), reader.instant("since")};
  if (!reader.sound()) return damaged_record(what, name.full());
  return std::optional<NameOrigin>(std::move(found));
}

}  // namespace

Result<std::optional<NameOrigin>> NameOrigins::of(const PackageName& name) const {
  return read(store_.get(Family::system, key_of(name)), name);
}

Result<void> NameOrigins::claim(const PackageName& name, const std::string& origin, Instant now) {
  auto owner = of(name);
  if (!owner) return owner.error();
  if (*owner) return {};
  MetaBatch batch;
  batch.put(Family::system, key_of(name), written(origin, now));
  return store_.write(batch, Durability::relaxed);
}

Result<void> NameOrigins::released(Fact& fact, const PackageName& name, const std::string& origin) {
  auto owner = read(fact.get(Family::system, key_of(name)), name);
  if (!owner) return owner.error();
  if (!*owner || (*owner)->origin != origin)
    fact.put(Family::system, key_of(name), written(origin, fact.now()));
  return {};
}

Result<void> NameOrigins::move(Fact& fact, const PackageName& name, const std::string& origin,
                               const std::string& actor) {
  auto owner = read(fact.get(Family::system, key_of(name)), name);
  if (!owner) return owner.error();
  fact.put(Family::system, key_of(name), written(origin, fact.now()));
  fact.record({actor,
               "origin.moved",
               name.full(),
               {{"from", *owner ? json::value((*owner)->origin) : json::value(nullptr)}, {"to", origin}}});
  return {};
}

Error belongs_elsewhere(const PackageName& name, const NameOrigin& owner, const std::string& wanted) {
  const auto called = [](const std::string& origin) {
    return origin == "local" ? std::string("this registry itself") : "the upstream \"" + origin + "\"";
  };
  return fail(ErrorKind::forbidden, name.full() + " belongs to " + called(owner.origin) +
                                        ", and the configuration now takes it from " + called(wanted) +
                                        ": if that is meant, an administrator runs \"sallyport origin " +
                                        name.full() + " --move " + wanted + "\".");
}

}  // namespace sallyport
