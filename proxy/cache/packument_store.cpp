#include "proxy/cache/packument_store.hpp"

#include "proxy/cache/gzip.hpp"
#include "storage/base/json.hpp"
#include "storage/base/log.hpp"

namespace sallyport {
namespace {

constexpr std::size_t body_bytes_max = 256u << 20;
constexpr std::string_view body_prefix = "p ";

std::string written(const PackumentHead& head) {
  return json::serialize(json::object{
      {"v", 1}, {"etag", head.etag}, {"fetched", to_iso8601(head.fetched)}, {"from", head.from}});
}

}  // namespace

Result<std::optional<StoredPackument>> PackumentStore::load(const PackageName& name) {
  auto head = store_.get(Family::upstream, "c " + name.full());
  if (!head) return head.error();
  auto body = store_.get(Family::upstream, std::string(body_prefix) + name.full());
  if (!body) return body.error();
  if (!*head || !*body) return std::optional<StoredPackument>();
  auto read = parse_strict(**head);
  const json::object* o = read ? read->if_object() : nullptr;
  auto fetched = o && int_at(*o, "v") == 1 ? parse_iso8601(string_at(*o, "fetched").value_or(""))
                                           : Result<Instant>(fail(ErrorKind::corrupt, "not read"));
  auto text = gunzip(**body, body_bytes_max);
  if (!fetched || !text) {
    log::warn("cache.damaged", {{"package", name.full()}});
    return std::optional<StoredPackument>();
  }
  return std::optional<StoredPackument>({{std::string(string_at(*o, "etag").value_or("")), *fetched,
                                          std::string(string_at(*o, "from").value_or(""))},
                                         std::move(*text)});
}

Result<bool> PackumentStore::has(std::string_view name) {
  auto head = store_.get(Family::upstream, "c " + std::string(name));
  if (!head) return head.error();
  return head->has_value();
}

Result<void> PackumentStore::keep(const PackageName& name, const PackumentHead& head,
                                  std::string gzipped_body) {
  MetaBatch batch;
  batch.put(Family::upstream, std::string(body_prefix) + name.full(), std::move(gzipped_body));
  batch.put(Family::upstream, "c " + name.full(), written(head));
  return store_.write(batch, Durability::relaxed);
}

Result<void> PackumentStore::confirm(const PackageName& name, const PackumentHead& head) {
  MetaBatch batch;
  batch.put(Family::upstream, "c " + name.full(), written(head));
  return store_.write(batch, Durability::relaxed);
}

Result<void> PackumentStore::remove(const PackageName& name) {
  MetaBatch batch;
  batch.remove(Family::upstream, std::string(body_prefix) + name.full());
  batch.remove(Family::upstream, "c " + name.full());
  return store_.write(batch, Durability::relaxed);
}

Result<void> PackumentStore::each_name(const std::function<bool(std::string_view name)>& visit) {
  return store_.scan(Family::upstream, body_prefix, {}, false, [&](std::string_view key, std::string_view) {
    return visit(key.substr(body_prefix.size()));
  });
}

}  // namespace sallyport
