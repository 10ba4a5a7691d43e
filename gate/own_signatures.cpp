#include "gate/own_signatures.hpp"

#include "storage/base/base64.hpp"

namespace sallyport {
namespace {

constexpr std::string_view key_record = "signing_key";

std::optional<json::object> read_record(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  auto value = parse_strict(*text);
  if (!value || !value->is_object() || int_at(value->get_object(), "v") != 1) return std::nullopt;
  return std::move(value->get_object());
}

}  // namespace

Result<std::unique_ptr<OwnSignatures>> OwnSignatures::open(MetaStore& store) {
  auto text = store.get(Family::system, key_record);
  if (!text) return text.error();
  if (*text) {
    const auto record = read_record(*text);
    const auto der = base64_decode(record ? string_at(*record, "pkcs8").value_or("") : "");
    auto key = SigningKey::from_der(der ? *der : std::string());
    if (!key) return key.error();
    return std::unique_ptr<OwnSignatures>(new OwnSignatures(store, std::move(*key)));
  }
  auto key = SigningKey::make();
  if (!key) return key.error();
  MetaBatch batch;
  batch.put(Family::system, std::string(key_record),
            json::serialize(json::object{{"v", 1}, {"pkcs8", base64_encode(as_bytes(key->to_der()))}}));
  if (auto written = store.write(batch, Durability::synced); !written) return written.error();
  return std::unique_ptr<OwnSignatures>(new OwnSignatures(store, std::move(*key)));
}

Result<void> OwnSignatures::sign(LocalPackage& package) {
  for (LocalVersion& version : package.versions) {
    auto sig = signature(package.name, version.version, to_integrity(version.sha512));
    if (!sig) return sig.error();
    json::value& dist = version.manifest["dist"];
    if (!dist.is_object()) dist = json::object();
    dist.get_object()["signatures"] = json::array{json::object{{"keyid", key_.id()}, {"sig", *sig}}};
  }
  return {};
}

Result<std::string> OwnSignatures::signature(const std::string& name, const std::string& version,
                                             const std::string& integrity) {
  const std::string key = "signature " + name + std::string(1, '\0') + version;
  auto text = store_.get(Family::system, key);
  if (!text) return text.error();
  if (const auto record = read_record(*text);
      record && string_at(*record, "integrity") == integrity && string_at(*record, "keyid") == key_.id())
    return std::string(string_at(*record, "sig").value_or(""));
  auto der = key_.sign(name + "@" + version + ":" + integrity);
  if (!der) return der.error();
  std::string sig = base64_encode(as_bytes(*der));
  MetaBatch batch;
  batch.put(
      Family::system, key,
      json::serialize(json::object{{"v", 1}, {"integrity", integrity}, {"keyid", key_.id()}, {"sig", sig}}));
  if (auto written = store_.write(batch, Durability::relaxed); !written) return written.error();
  return sig;
}

}  // namespace sallyport
