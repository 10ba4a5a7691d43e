#pragma once
// A registry behind the gate that does what a test tells it to, without a network.

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/upstream.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/json.hpp"

namespace sallyport {

// What becomes of a PUT.
enum class OnPut {
  accept,            // stored, 201
  store_and_lose,    // stored, and the answer never comes
  store_and_5xx,     // stored, and answered 500
  lose,              // not stored, no answer
  refuse,            // not stored, 403
  store_and_refuse,  // stored, and a repeat of it refused (a proxy in between sent it twice)
  hold,              // taken for a review of its own, 202
  other_and_refuse,  // somebody else was faster with other bytes, 409
};

class ScriptedGateUpstream final : public Upstream {
 public:
  explicit ScriptedGateUpstream(std::string name = "main") : name_(std::move(name)) {}

  // For the next PUTs, in order; then accept, and a version that is there is refused.
  void on_put(OnPut what) { script_.push_back(what); }
  void forget_script() { script_.clear(); }
  bool down = false;                                          // no packument, no tarball, no PUT
  bool packuments_down = false;                               // no packument
  std::string packument_text = {};                            // sent in place of the true one
  std::map<std::string, std::string> packument_texts = {};    // the same by package; empty: no answer
  std::map<std::string, std::string> attestation_texts = {};  // by URL
  std::function<void(const std::string& name, const PackumentLimits&)> on_packument = {};
  std::vector<std::string> asked = {};  // names, in the order in which they came

  // A version that is there already.
  void add(const std::string& package, const std::string& version, const std::string& tarball,
           const std::string& tag = "latest") {
    json::object manifest{{"name", package}, {"version", version}};
    manifest["dist"] = {{"integrity", to_integrity(sha512(as_bytes(tarball)))},
                        {"shasum", to_hex(sha1(as_bytes(tarball)))},
                        {"tarball", url_ + "/" + package + "/-/" + version + ".tgz"}};
    store(package, version, std::move(manifest), tarball, tag);
  }

  // Of what it holds.
  std::string review_id = "7a";
  std::optional<UpstreamReview> review = UpstreamReview{};  // nothing: no answer
  std::vector<std::string> reviews_asked = {};
  Result<UpstreamReview> review_of(const std::string& asked_for) override {
    reviews_asked.push_back(asked_for);
    if (down || !review) return unavailable();
    return *review;
  }

  struct Put {
    std::string package;
    std::string body;
    json::object document() const { return json::parse(body).as_object(); }
  };
  std::vector<Put> puts;
  int packuments = 0;     // asked for
  int repeated_puts = 0;  // of a version that was there

  bool has(const std::string& package, const std::string& version) const {
    return tarballs_.contains(package + "@" + version);
  }
  const std::string& tarball_of(const std::string& package, const std::string& version) const {
    return tarballs_.at(package + "@" + version);
  }

  const std::string& name() const override { return name_; }
  const std::string& url() const override { return url_; }

  Result<std::string> packument(const PackageName& name, const PackumentLimits& limits = {}) override {
    ++packuments;
    std::lock_guard lock(asked_mutex_);
    asked.push_back(name.full());
    if (on_packument) on_packument(name.full(), limits);
    if (const auto own = packument_texts.find(name.full()); own != packument_texts.end()) {
      if (own->second.empty()) return unavailable();
      if (own->second.size() > limits.bytes_max)
        return fail(ErrorKind::too_large, "The upstream's answer is too large.");
      return own->second;
    }
    if (down || packuments_down) return unavailable();
    if (!packument_text.empty()) return packument_text;
    const auto found = documents_.find(name.full());
    if (found == documents_.end()) return fail(ErrorKind::not_found, "There is no such package.");
    return json::serialize(found->second);
  }

  Result<void> tarball(const PackageName& name, std::string_view url, StagedBlob& into,
                       std::uint64_t) override {
    if (down) return unavailable();
    for (const auto& [version, manifest] : documents_[name.full()]["versions"].get_object())
      if (manifest.at("dist").at("tarball").as_string() == url)
        return into.append(as_bytes(tarball_of(name.full(), version)));
    return fail(ErrorKind::not_found, "There is no such tarball.");
  }

  Result<std::string> attestations(const PackageName&, std::string_view url,
                                   const PackumentLimits&) override {
    const auto found = attestation_texts.find(std::string(url));
    if (down || found == attestation_texts.end()) return unavailable();
    return found->second;
  }

  PublishOutcome publish(const PackageName& name, const BodySource& body, Millis) override {
    if (down) return {PublishOutcome::Kind::unclear, 0, "no connection"};
    Put put{name.full(), std::string(body.size_bytes, '\0')};
    for (std::uint64_t at = 0; at < put.body.size();) {
      auto n = body.read(at, std::span(put.body).subspan(at));
      if (!n || *n == 0) return {PublishOutcome::Kind::unclear, 0, "the body ended early"};
      at += *n;
    }
    puts.push_back(std::move(put));
    OnPut what = OnPut::accept;
    if (!script_.empty()) {
      what = script_.front();
      script_.pop_front();
    }
    const json::object document = puts.back().document();
    const auto& [version, manifest] = *document.at("versions").as_object().begin();
    const std::string tag(document.at("dist-tags").as_object().begin()->key());
    const std::string key = name.full() + "-" + std::string(version) + ".tgz";
    const auto& data = document.at("_attachments").at(key).at("data").as_string();
    const std::string tarball = base64_decode(data).value();
    if (has(name.full(), version)) ++repeated_puts;
    const bool stores = what == OnPut::accept || what == OnPut::store_and_lose ||
                        what == OnPut::store_and_5xx || what == OnPut::store_and_refuse;
    if (what == OnPut::other_and_refuse) add(name.full(), version, "somebody else's");
    if (stores) {
      if (has(name.full(), version)) return {PublishOutcome::Kind::refused, 403, "it exists already"};
      store(name.full(), version, manifest.as_object(), tarball, tag);
    }
    switch (what) {
      case OnPut::accept:
        return {PublishOutcome::Kind::accepted, 201, ""};
      case OnPut::store_and_5xx:
        return {PublishOutcome::Kind::unclear, 500, "internal server error"};
      case OnPut::store_and_lose:
      case OnPut::lose:
        return {PublishOutcome::Kind::unclear, 0, "the connection was reset"};
      case OnPut::refuse:
        return {PublishOutcome::Kind::refused, 403, "you may not publish here"};
      case OnPut::hold:
        return {PublishOutcome::Kind::held, 202, "the upstream holds it", review_id};
      case OnPut::store_and_refuse:
      case OnPut::other_and_refuse:
        return {PublishOutcome::Kind::refused, 409, "it exists already"};
    }
    return {};
  }

 private:
  static Error unavailable() {
    return fail(ErrorKind::unavailable, "The upstream does not answer: try again later.");
  }
  void store(const std::string& package, const std::string& version, json::object manifest,
             const std::string& tarball, const std::string& tag) {
    json::object& document = documents_[package];
    document["name"] = package;
    if (!document.contains("versions")) document["versions"] = json::object();
    if (!document.contains("dist-tags")) document["dist-tags"] = json::object();
    document["versions"].get_object()[version] = std::move(manifest);
    document["dist-tags"].get_object()[tag] = version;
    tarballs_[package + "@" + version] = tarball;
  }

  std::mutex asked_mutex_;
  std::string name_;
  std::string url_ = "https://registry.example";
  std::deque<OnPut> script_;
  std::map<std::string, json::object> documents_;
  std::map<std::string, std::string> tarballs_;  // "lib@1.0.0"
};

}  // namespace sallyport
