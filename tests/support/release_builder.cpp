#include "tests/support/release_builder.hpp"

#include <stdexcept>

#include "policies/content/content_scan.hpp"
#include "policies/rules/runtime.hpp"

namespace sallyport {

namespace {

Manifest manifest_of(std::string_view text, std::string_view version) {
  json::object raw = json::parse({text.data(), text.size()}).as_object();
  if (!raw.contains("name")) raw["name"] = "@acme/lib";
  if (!raw.contains("version")) raw["version"] = version;
  return Manifest::from(std::move(raw)).value();
}

class Listener final : public FindingSink {
 public:
  void add(Detail detail, int tier = 0) override {
    said.push_back({std::string(detail.file), detail.message, detail.evidence, std::string(detail.fix),
                    std::string(detail.content_digest), tier});
  }
  std::vector<Said> said;
};

}  // namespace

ReleaseBuilder::ReleaseBuilder(std::string_view package_json, std::string_view version)
    : version_(version), packaged_(manifest_of(package_json, version)) {
  file("package.json", package_json);
}

ReleaseBuilder& ReleaseBuilder::file(std::string_view path, std::string_view text, Magic magic) {
  texts_.emplace_back(text);
  TarEntry& entry = entries_.emplace_back();
  entry.path = "package/" + std::string(path);
  entry.inner = path;
  entry.size = text.size();
  entry.offset = texts_.size() - 1;
  entry.digest = sha256(text);
  contents_.emplace_back().magic = magic;
  return *this;
}

ReleaseBuilder& ReleaseBuilder::scanned(std::string_view path, std::string_view text) {
  static const auto rules = ContentRules::build({}, "").value();
  file(path, text);
  ContentScan scan(rules);
  scan.begin_file(path, text.size());
  scan.data(as_bytes(text));
  const std::string& kept = texts_.back();
  contents_.back() = scan.end_file(
      {kept.size(), [&kept](std::uint64_t at, std::span<std::uint8_t> out) -> Result<std::size_t> {
         return at >= kept.size() ? 0 : kept.copy(reinterpret_cast<char*>(out.data()), out.size(), at);
       }});
  return *this;
}

ReleaseBuilder& ReleaseBuilder::big_file(std::string_view path, std::uint64_t size) {
  file(path, path);
  entries_.back().size = size;
  return *this;
}

ReleaseBuilder& ReleaseBuilder::published(std::string_view manifest) {
  published_ = manifest_of(manifest, version_);
  return *this;
}

ReleaseBuilder& ReleaseBuilder::after(ReleaseBuilder& previous) {
  baseline_ = previous.release().facts;
  return *this;
}

Release& ReleaseBuilder::release() {
  if (release_) return *release_;
  Release& r = release_.emplace();
  r.name = packaged_->name;
  r.version = packaged_->version;
  r.tag = "latest";
  r.packaged = &*packaged_;
  r.published = published_ ? &*published_ : nullptr;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    r.files.push_back({entries_[i], contents_[i]});
    r.unpacked_bytes += entries_[i].size;
  }
  r.bytes = [this](const TarEntry& entry) {
    const std::string& text = texts_[entry.offset];
    return FileBytes{text.size(),
                     [&text](std::uint64_t at, std::span<std::uint8_t> out) -> Result<std::size_t> {
                       return text.copy(reinterpret_cast<char*>(out.data()), out.size(), at);
                     }};
  };
  r.history.baseline = baseline_;
  r.runtime = runtime_files(r);
  r.facts = facts_of(r);
  return r;
}

std::vector<Said> ask(std::string_view id, const Release& release) {
  const Rule* rule = find_rule(id);
  if (rule == nullptr) throw std::logic_error("no rule " + std::string(id));
  Listener listener;
  rule->check(release, listener);
  return std::move(listener.said);
}

}  // namespace sallyport
