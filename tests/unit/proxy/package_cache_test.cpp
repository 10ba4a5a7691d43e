// The cache against a registry on a socket: what is asked, what is kept, and what is never served.

#include "proxy/cache/package_cache.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "gate/stage_store.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/json.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_blob_store.hpp"
#include "tests/support/memory_meta_store.hpp"
#include "tests/support/scripted_upstream.hpp"

using namespace sallyport;
using namespace sallyport::test;

namespace {

PackageName name_of(std::string_view text) {
  return PackageName::parse(text).value();
}
template <class T>
ErrorKind kind_of(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().kind;
}

// co_spawn wants a result that can be made from nothing.
template <class T>
asio::awaitable<std::optional<T>> wrapped(asio::awaitable<T> work) {
  auto result = co_await std::move(work);
  co_return result;
}

// A registry with one package, "lib", whose state a test changes between requests.
class Registry {
 public:
  Registry() : server_(answering([this](const SeenRequest& request) { return answer(request); })) {}

  void set(const std::function<void(Registry&)>& change) {
    const std::lock_guard lock(mutex_);
    change(*this);
  }
  // Members below: inside set().
  bool down = false;
  bool gone = false;           // unpublished
  std::string packument_text;  // in place of the true one
  std::string tarball = "the bytes of lib 1.0.0";
  std::string sent;  // in place of the tarball
  std::string integrity = to_integrity(sha512(as_bytes(tarball)));
  std::string shasum = to_hex(sha1(as_bytes(tarball)));
  std::vector<std::string> versions{"1.0.0"};
  std::shared_future<void> hold;          // answers wait for it
  std::optional<std::size_t> send_bytes;  // of a tarball, then the connection ends, so often:
  int cuts = 0;
  std::string modified;  // `time.modified`; empty: no `time`
  // Changes what the upstream has, and what it says of it.
  void put(const std::string& bytes) {
    tarball = bytes;
    integrity = to_integrity(sha512(as_bytes(tarball)));
    shasum = to_hex(sha1(as_bytes(tarball)));
  }

  std::string url() const { return server_.url(); }
  int asked(std::string_view target) const {
    int n = 0;
    for (const SeenRequest& request : server_.requests()) n += request.target == target ? 1 : 0;
    return n;
  }
  std::string last_etag_asked() const { return server_.requests().back().header("if-none-match"); }
  std::size_t requests() const { return server_.requests().size(); }
  void wait_for_requests(std::size_t n) const { server_.wait_for_requests(n); }

 private:
  std::string answer(const SeenRequest& request) {
    std::shared_future<void> held;
    {
      const std::lock_guard lock(mutex_);
      held = hold;
    }
    if (held.valid()) held.wait();
    const std::lock_guard lock(mutex_);
    if (down) return response(500, "{}");
    if (request.target.ends_with(".tgz")) {
      const std::string& bytes = sent.empty() ? tarball : sent;
      if (send_bytes && cuts > 0) {
        --cuts;
        std::string cut = response(200, bytes, "Connection: close\r\n");
        cut.resize(cut.size() - bytes.size() + *send_bytes);
        return cut;
      }
      return response(200, bytes);
    }
    if (request.target != "/lib" || gone) return response(404, "{}");
    if (!packument_text.empty()) return response(200, packument_text);
    json::object all;
    for (const std::string& version : versions) {
      json::object dist{{"tarball", server_.url() + "/lib/-/lib-" + version + ".tgz"}};
      if (!integrity.empty()) dist["integrity"] = integrity;
      if (!shasum.empty()) dist["shasum"] = shasum;
      all[version] = {{"name", "lib"}, {"version", version}, {"dist", std::move(dist)}};
    }
    json::object document{
        {"name", "lib"}, {"dist-tags", {{"latest", versions.back()}}}, {"versions", std::move(all)}};
    if (!modified.empty()) document["time"] = {{"modified", modified}};
    const std::string text = json::serialize(document);
    const std::string etag = "\"" + to_hex(sha1(as_bytes(text))) + "\"";
    if (request.header("if-none-match") == etag) return response(304, "", "ETag: " + etag + "\r\n");
    return response(200, text, "ETag: " + etag + "\r\n");
  }

  mutable std::mutex mutex_;
  ScriptedUpstream server_;
};

struct House {
  Registry registry;
  ManualClock clock;
  MemoryMetaStore store;
  MemoryBlobStore blobs{&clock}, cached{&clock};
  Catalog catalog{store};
  PackageRules rules;
  std::unique_ptr<Ledger> ledger = Ledger::open(store, clock).value();
  std::unique_ptr<Restrictions> restrictions;
  WorkPool disk{"disk", 2, 10'000}, scan{"scan", 1, 10'000};
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<RegistryUpstream> upstream, mirror;
  std::unique_ptr<PackageCache> cache;
  // Take effect with restart().
  CacheLimits limits;
  std::string upstream_name = "main";
  std::string mirror_url = {};  // empty: none

  explicit House(std::vector<PackageRule> all = {upstream_rule()}) : rules(std::move(all)) {
    restrictions = Restrictions::open({*ledger, store, rules}).value();
    restart();
  }
  ~House() { stop(); }

  static PackageRule upstream_rule() {
    PackageRule rule;
    rule.read = rule.publish = "main";
    return rule;
  }
  void stop() {
    if (client) client->stop();
    cache.reset();
    upstream.reset();
    mirror.reset();
    client.reset();
  }
  void restart() {
    stop();
    client = std::make_unique<HttpClient>();
    UpstreamOptions options;
    options.name = upstream_name;
    options.url = registry.url();
    options.proxy_from_environment = false;
    upstream = RegistryUpstream::make(*client, options).value();
    if (!mirror_url.empty()) {
      options.name = "mirror";
      options.url = mirror_url;
      mirror = RegistryUpstream::make(*client, options).value();
      upstream->set_mirrors({mirror.get()});
    }
    cache = std::make_unique<PackageCache>(
        PackageCacheParts{.catalog = catalog,
                          .store = store,
                          .blobs = blobs,
                          .cached = cached,
                          .clock = clock,
                          .packages = rules,
                          .restrictions = *restrictions,
                          .disk = disk,
                          .scan = scan,
                          .upstream = [this](std::string_view) { return upstream.get(); },
                          .base_url = "https://npm.acme.example",
                          .limits = limits});
    clock.advance(Millis(1));
  }

  template <class T>
  T wait_for(asio::awaitable<T> work) {
    asio::io_context context;
    auto result = asio::co_spawn(context, wrapped(std::move(work)), asio::use_future);
    context.run();
    return *result.get();
  }
  Result<PackageCache::Found> ask(const std::string& name = "lib") {
    return wait_for(cache->packument(name_of(name)));
  }
  Result<std::string> fetch(const std::string& file = "lib-1.0.0.tgz", const std::string& name = "lib") {
    auto found = wait_for(cache->tarball(name_of(name), file));
    if (!found) return found.error();
    if (const auto* bytes = std::get_if<0>(&found->bytes)) return **bytes;
    if (const auto* arriving = std::get_if<2>(&found->bytes)) return read_all(**arriving);
    const auto& blob = std::get<1>(found->bytes);
    std::vector<std::uint8_t> bytes(blob->size());
    if (auto read = blob->read(0, bytes); !read) return read.error();
    return std::string(as_text(bytes));
  }
  Result<std::string> read_all(ArrivingTarball& arriving) {
    std::string all;
    while (all.size() < arriving.length_bytes()) {
      auto until = wait_for(arriving.readable_beyond(all.size()));
      if (!until) return until.error();
      std::string piece(*until - all.size(), '\0');
      auto n = arriving.read(all.size(), {reinterpret_cast<std::uint8_t*>(piece.data()), piece.size()});
      if (!n) return n.error();
      all.append(piece, 0, *n);
    }
    return all;
  }
  // Of what was fetched, once all of it is on the disk.
  std::size_t blob_count() {
    restart();
    std::size_t n = 0;
    (void)cached.walk([&](const BlobInfo&) { return ++n, true; });
    return n;
  }
  void keep_blob(const std::string& bytes) {
    auto staged = blobs.begin().value();
    REQUIRE(staged->append(as_bytes(bytes)).has_value());
    REQUIRE(staged->commit(sha512(as_bytes(bytes))).has_value());
  }
  // A release of lib@1.0.0 on its way through the gate.
  void keep_stage(StageState state, const std::string& bytes) {
    keep_blob(bytes);
    Stage stage;
    stage.id = "7d444840-9dc0-11d1-b245-5ffdce74fad2";
    stage.code = "R-K7Q2";
    stage.state = state;
    stage.name = "lib";
    stage.version = "1.0.0";
    stage.target = "main";
    stage.sha512 = sha512(as_bytes(bytes));
    const auto write = [&](Fact& fact) -> Result<void> {
      StageStore::create(fact, stage, PublishDocument(), Facts(), {});
      StageStore::take_version(fact, stage);
      return {};
    };
    REQUIRE(ledger->commit(write).has_value());
  }
  void publish_local(const std::string& name, const std::string& version, const std::string& bytes) {
    keep_blob(bytes);
    const LocalVersion local{
        version, {{"name", name}, {"version", version}}, sha512(as_bytes(bytes)), bytes.size(), clock.now()};
    REQUIRE(
        ledger
            ->commit([&](Fact& fact) { return Catalog::publish(fact, name_of(name), local, "latest", "s"); })
            .has_value());
  }
};

bool has_version(const PackageCache::Found& found, const std::string& version) {
  return json::parse(unpacked(found.packument->full).value()).at("versions").as_object().contains(version);
}

}  // namespace

TEST_CASE("a packument is asked for once a minute, then only whether it changed") {
  House house;
  const auto first = house.ask();
  REQUIRE(first.has_value());
  CHECK_FALSE(first->stale);
  CHECK(has_version(*first, "1.0.0"));
  CHECK(house.ask()->packument == first->packument);  // the prepared document itself
  CHECK(house.registry.asked("/lib") == 1);
  house.clock.advance(Millis(60'000));
  const auto second = house.ask();
  REQUIRE(second.has_value());
  CHECK(house.registry.asked("/lib") == 2);
  CHECK(house.registry.last_etag_asked() != "");
  CHECK(second->packument->full.etag == first->packument->full.etag);
  CHECK_FALSE(second->stale);
  CHECK(house.ask().has_value());
  CHECK(house.registry.asked("/lib") == 2);
  house.registry.set([](Registry& r) { r.versions.push_back("1.1.0"); });
  house.clock.advance(Millis(60'000));
  CHECK(has_version(*house.ask(), "1.1.0"));
}

TEST_CASE("a hundred who ask at once make one request, for documents and for bytes") {
  House house;
  std::promise<void> release;
  house.registry.set([&](Registry& r) { r.hold = release.get_future().share(); });
  asio::io_context context;
  std::vector<std::future<std::optional<Result<PackageCache::Found>>>> documents;
  std::vector<std::future<std::optional<Result<PackageCache::Tarball>>>> tarballs;
  for (int i = 0; i < 100; ++i) {
    documents.push_back(
        asio::co_spawn(context, wrapped(house.cache->packument(name_of("lib"))), asio::use_future));
    tarballs.push_back(asio::co_spawn(context, wrapped(house.cache->tarball(name_of("lib"), "lib-1.0.0.tgz")),
                                      asio::use_future));
  }
  context.poll();
  release.set_value();
  context.restart();
  context.run();
  for (auto& document : documents) CHECK(document.get()->has_value());
  for (auto& tarball : tarballs) CHECK(tarball.get()->has_value());
  CHECK(house.registry.asked("/lib") == 1);
  CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 1);
}

TEST_CASE("while the upstream is down, what it said last goes on, and is marked") {
  House house;
  const auto good = house.ask();
  REQUIRE(good.has_value());
  REQUIRE(house.fetch().has_value());
  house.registry.set([](Registry& r) { r.down = true; });
  house.clock.advance(Millis(60'000));
  const auto stale = house.ask();
  REQUIRE(stale.has_value());
  CHECK(stale->stale);
  CHECK(stale->packument->full.etag == good->packument->full.etag);
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
  const auto asked = house.registry.requests();
  CHECK(house.ask()->stale);
  CHECK(house.registry.requests() == asked);  // it is left alone for a while
  house.restart();
  CHECK(house.ask()->stale);
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
  house.registry.set([](Registry& r) { r.down = false; });
  house.clock.advance(Millis(10'000));
  CHECK_FALSE(house.ask()->stale);
}

TEST_CASE("an answer that is no packument does not take the place of the last good one") {
  House house;
  const auto good = house.ask();
  REQUIRE(good.has_value());
  for (const std::string text : {"<html>maintenance</html>", "{\"name\":\"other\",\"versions\":{}}"}) {
    house.registry.set([&](Registry& r) { r.packument_text = text; });
    house.clock.advance(Millis(60'000));
    const auto stale = house.ask();
    REQUIRE(stale.has_value());
    CHECK(stale->stale);
    CHECK(stale->packument->full.etag == good->packument->full.etag);
  }
  house.restart();
  CHECK(house.ask()->stale);
  // With nothing kept it is an error, and no false 404.
  House empty;
  empty.registry.set([](Registry& r) { r.packument_text = "<html>"; });
  CHECK(kind_of(empty.ask()) == ErrorKind::upstream);
}

TEST_CASE("with nothing kept, an upstream that does not answer is no false 404, and is left alone") {
  House house;
  house.registry.set([](Registry& r) { r.down = true; });
  const auto nothing = house.ask();
  REQUIRE_FALSE(nothing.has_value());
  CHECK(nothing.error().kind != ErrorKind::not_found);
  CHECK(kind_of(house.fetch()) == nothing.error().kind);
  const auto asked = house.registry.requests();
  CHECK(kind_of(house.ask()) == nothing.error().kind);
  CHECK(house.registry.requests() == asked);
  house.registry.set([](Registry& r) { r.down = false; });
  house.clock.advance(Millis(10'000));
  CHECK(house.ask().has_value());
}

TEST_CASE("what is not upstream is not asked for again at once") {
  House house;
  CHECK(kind_of(house.ask("absent")) == ErrorKind::not_found);
  CHECK(kind_of(house.ask("absent")) == ErrorKind::not_found);
  CHECK(house.registry.asked("/absent") == 1);
  house.clock.advance(Millis(10'000));
  CHECK(kind_of(house.ask("absent")) == ErrorKind::not_found);
  CHECK(house.registry.asked("/absent") == 2);
  REQUIRE(house.ask().has_value());
  CHECK(kind_of(house.fetch("lib-9.9.9.tgz")) == ErrorKind::not_found);
  CHECK(kind_of(house.fetch("../../etc/passwd")) == ErrorKind::not_found);
  // Unpublished upstream.
  house.registry.set([](Registry& r) { r.packument_text = R"({"name":"lib","time":{"unpublished":{}}})"; });
  house.clock.advance(Millis(60'000));
  CHECK(kind_of(house.ask()) == ErrorKind::not_found);
}

TEST_CASE("a tarball is fetched once and served from here, also after a restart") {
  House house;
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
  house.restart();
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
  CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 1);
}

TEST_CASE("bytes that are not what the packument promises are not served and not kept") {
  House house;
  for (const std::string wrong :
       {"the bytes of lib 1.0.1", "the bytes of lib 1.0.", "", "the bytes of lib 1.0.0\n"}) {
    if (wrong.empty()) continue;
    house.registry.set([&](Registry& r) { r.sent = wrong; });
    CHECK(kind_of(house.fetch()) == ErrorKind::upstream);
    CHECK(house.blob_count() == 0);
  }
  house.registry.set([](Registry& r) { r.sent.clear(); });
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
}

TEST_CASE("the first integrity seen is pinned") {
  House house;
  REQUIRE(house.fetch().has_value());
  // The upstream is taken over: other bytes, and a packument that fits them.
  house.registry.set([](Registry& r) {
    r.tarball = "other bytes";
    r.integrity = to_integrity(sha512(as_bytes(r.tarball)));
    r.shasum = to_hex(sha1(as_bytes(r.tarball)));
  });
  house.clock.advance(Millis(60'000));
  REQUIRE(house.ask().has_value());  // the change is seen with the packument
  const auto changed = house.fetch();
  CHECK(kind_of(changed) == ErrorKind::upstream);
  CHECK(changed.error().message.find("changed the digest") != std::string::npos);
  house.restart();
  CHECK(kind_of(house.fetch()) == ErrorKind::upstream);
  CHECK(house.blob_count() == 1);
  // Nor does taking the digest out of the packument help.
  house.registry.set([](Registry& r) { r.integrity.clear(); });
  house.clock.advance(Millis(60'000));
  REQUIRE(house.ask().has_value());
  CHECK(kind_of(house.fetch()) == ErrorKind::upstream);
}

TEST_CASE("what was released through the gate is here already, and pinned when first served") {
  House house;
  house.keep_stage(StageState::published, "the bytes of lib 1.0.0");
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
  CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 0);
  house.registry.set([](Registry& r) {
    r.tarball = "other bytes";
    r.integrity = to_integrity(sha512(as_bytes(r.tarball)));
  });
  house.clock.advance(Millis(60'000));
  REQUIRE(house.ask().has_value());
  CHECK(kind_of(house.fetch()) == ErrorKind::upstream);
  CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 0);
}

TEST_CASE("an upstream that names the digest of an unreleased tarball does not get it served") {
  for (const StageState state : {StageState::held, StageState::rejected, StageState::failed}) {
    CAPTURE(to_text(state));
    House house;
    house.keep_stage(state, "the bytes of lib 1.0.0");
    house.registry.set([](Registry& r) { r.sent = "not those bytes"; });
    CHECK(kind_of(house.fetch()) == ErrorKind::upstream);
    CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 1);
  }
  // Nor under another name or version than the one it was released as.
  House house;
  house.keep_stage(StageState::published, "the bytes of lib 1.0.0");
  house.registry.set([](Registry& r) {
    r.versions.push_back("2.0.0");
    r.sent = "not those bytes";
  });
  CHECK(kind_of(house.fetch("lib-2.0.0.tgz")) == ErrorKind::upstream);
}

TEST_CASE("very old packages have a sha1 alone; what cannot be checked is refused") {
  House house;
  const std::string tarball = "the bytes of lib 1.0.0";
  const std::string sha1_text = "sha1-" + base64_encode(Bytes(sha1(as_bytes(tarball)).bytes));
  const std::string other_sha1 = to_hex(sha1(as_bytes("other")));
  struct Case {
    std::string integrity, shasum;
    bool served;
  };
  const std::string right = to_hex(sha1(as_bytes(tarball)));
  for (const Case& c : {Case{"", right, true}, Case{"", other_sha1, false}, Case{sha1_text, right, true},
                        Case{sha1_text, "", true},
                        Case{"sha1-" + base64_encode(Bytes(sha1(as_bytes("other")).bytes)), right, false},
                        Case{"sha256-" + base64_encode(Bytes(sha256(tarball).bytes)), right, false},
                        Case{"md5-AAAA", right, false}, Case{"", "", false}}) {
    House fresh;
    fresh.registry.set([&](Registry& r) {
      r.integrity = c.integrity;
      r.shasum = c.shasum;
    });
    CAPTURE(c.integrity);
    CAPTURE(c.shasum);
    const auto fetched = fresh.fetch();
    CHECK(fetched.has_value() == c.served);
    CHECK(fresh.blob_count() == (c.served ? 1 : 0));
  }
}

TEST_CASE("a release is seen at once, and an outage just after it hides nothing") {
  House house;
  REQUIRE(house.ask().has_value());
  house.registry.set([](Registry& r) { r.versions.push_back("1.1.0"); });
  CHECK_FALSE(has_version(*house.ask(), "1.1.0"));
  house.cache->forget(name_of("lib"));
  CHECK(has_version(*house.ask(), "1.1.0"));
  house.registry.set([](Registry& r) { r.down = true; });
  house.clock.advance(Millis(5));
  house.cache->forget(name_of("lib"));
  const auto stale = house.ask();
  REQUIRE(stale.has_value());
  CHECK(stale->stale);
  CHECK(has_version(*stale, "1.1.0"));
}

TEST_CASE(
    "what was fetched before a restart is asked for again: a release may have come just before the end") {
  House house;
  REQUIRE(house.ask().has_value());
  house.registry.set([](Registry& r) { r.versions.push_back("1.1.0"); });
  house.restart();
  CHECK(has_version(*house.ask(), "1.1.0"));
}

TEST_CASE("a local name is answered here and never asked upstream") {
  PackageRule own;
  own.match = "@own/*";
  own.read = own.publish = "local";
  House house({own, House::upstream_rule()});
  CHECK(kind_of(house.ask("@own/absent")) == ErrorKind::not_found);
  CHECK(kind_of(house.fetch("absent-1.0.0.tgz", "@own/absent")) == ErrorKind::not_found);
  house.publish_local("@own/tool", "1.0.0", "own bytes");
  house.publish_local("lib", "7.0.0", "ours");  // shadows the upstream's
  CHECK(has_version(*house.ask("@own/tool"), "1.0.0"));
  CHECK(house.fetch("tool-1.0.0.tgz", "@own/tool").value() == "own bytes");
  CHECK(has_version(*house.ask("lib"), "7.0.0"));
  CHECK_FALSE(has_version(*house.ask("lib"), "1.0.0"));
  CHECK(house.fetch("lib-7.0.0.tgz").value() == "ours");
  CHECK(kind_of(house.fetch("lib-1.0.0.tgz")) == ErrorKind::not_found);
  CHECK(house.registry.requests() == 0);
  // A local document stays until something is released.
  house.publish_local("@own/tool", "1.1.0", "own bytes too");
  house.cache->forget(name_of("@own/tool"));
  CHECK(has_version(*house.ask("@own/tool"), "1.1.0"));
}

TEST_CASE("young versions are hidden until they are of age, without a new request") {
  PackageRule rule = House::upstream_rule();
  rule.minimum_release_age = std::chrono::seconds(30);
  House house({rule});
  const std::string born = to_iso8601(house.clock.now());
  house.registry.set([&](Registry& r) {
    r.packument_text = json::serialize(
        json::object{{"name", "lib"},
                     {"dist-tags", {{"latest", "1.0.0"}}},
                     {"versions", {{"1.0.0", {{"dist", {{"tarball", r.url() + "/lib/-/lib-1.0.0.tgz"}}}}}}},
                     {"time", {{"1.0.0", born}}}});
  });
  CHECK_FALSE(has_version(*house.ask(), "1.0.0"));
  house.clock.advance(Millis(29'000));
  CHECK_FALSE(has_version(*house.ask(), "1.0.0"));
  house.clock.advance(Millis(1'000));
  CHECK(has_version(*house.ask(), "1.0.0"));
  CHECK(house.registry.asked("/lib") == 1);
}

TEST_CASE("memory is bounded; what was pushed out is prepared again from the disk") {
  House house;
  house.limits.packument_memory_bytes_max = 1;
  house.restart();
  REQUIRE(house.ask().has_value());
  house.publish_local("other", "1.0.0", "own bytes");
  REQUIRE(house.ask("other").has_value());
  REQUIRE(house.ask().has_value());
  CHECK(house.registry.asked("/lib") == 1);
}

TEST_CASE("a document is unpacked for who wants it plain, once while there is room") {
  House house;
  const Document document = house.ask().value().packument->full;
  const auto first = house.wait_for(house.cache->plain(document)).value();
  CHECK(json::parse(*first).at("name") == "lib");
  CHECK(first->size() == document.plain_bytes);
  CHECK(house.wait_for(house.cache->plain(document)).value() == first);
  house.limits.packument_memory_bytes_max = 1;
  house.restart();
  const Document own =
      (house.publish_local("other", "1.0.0", "own bytes"), house.ask("other").value().packument->full);
  const auto before = house.wait_for(house.cache->plain(document)).value();
  CHECK(json::parse(*house.wait_for(house.cache->plain(own)).value()).at("name") == "other");
  const auto again = house.wait_for(house.cache->plain(document)).value();
  CHECK(again != before);  // it had made room
  CHECK(*again == *first);
}

TEST_CASE("while the upstream is asked again, what it said last is served at once, and is marked") {
  House house;
  house.limits.stale_for = std::chrono::minutes(5);
  house.restart();
  REQUIRE(house.ask().has_value());
  std::promise<void> release;
  house.registry.set([&](Registry& r) {
    r.versions.push_back("1.1.0");
    r.hold = release.get_future().share();
  });
  house.clock.advance(Millis(60'000));
  const auto meanwhile = house.ask();
  REQUIRE(meanwhile.has_value());
  CHECK(meanwhile->stale);
  CHECK_FALSE(has_version(*meanwhile, "1.1.0"));
  house.registry.wait_for_requests(2);
  release.set_value();
  CHECK(has_version(*house.wait_for(house.cache->packument(name_of("lib"))), "1.0.0"));
  while (house.ask()->stale) {  // until the answer is in
  }
  CHECK(has_version(*house.ask(), "1.1.0"));
  CHECK(house.registry.asked("/lib") == 2);
  // Not after that: then who comes waits.
  house.registry.set([](Registry& r) { r.versions.push_back("1.2.0"); });
  house.clock.advance(std::chrono::minutes(6));
  CHECK(has_version(*house.ask(), "1.2.0"));
}

TEST_CASE("what was released is never served stale, however fast") {
  House house;
  house.limits.stale_for = std::chrono::minutes(5);
  house.restart();
  REQUIRE(house.ask().has_value());
  house.registry.set([](Registry& r) { r.versions.push_back("1.1.0"); });
  house.cache->forget(name_of("lib"));
  CHECK(has_version(*house.ask(), "1.1.0"));
}

TEST_CASE("a tarball of a lock file is served by what is known of its version, without asking upstream") {
  House house;
  REQUIRE(house.fetch().has_value());
  house.clock.advance(std::chrono::minutes(30));
  REQUIRE(house.fetch().has_value());
  house.restart();
  REQUIRE(house.fetch().has_value());
  CHECK(house.registry.asked("/lib") == 1);
  // One that is not known of yet is asked for.
  house.registry.set([](Registry& r) { r.versions.push_back("1.1.0"); });
  REQUIRE(house.fetch("lib-1.1.0.tgz").has_value());
  CHECK(house.registry.asked("/lib") == 2);
  // From time to time it is asked whether it is still there.
  house.clock.advance(std::chrono::hours(1));
  REQUIRE(house.fetch().has_value());
  house.registry.wait_for_requests(5);
  CHECK(house.registry.asked("/lib") == 3);
}

TEST_CASE("a denial takes effect at once, on documents and tarballs that are in memory too") {
  House house;
  REQUIRE(house.ask().has_value());
  REQUIRE(house.fetch().has_value());
  REQUIRE(house.restrictions->deny("alice", "lib@1.0.0", "stolen account").has_value());
  CHECK_FALSE(has_version(*house.ask(), "1.0.0"));
  const auto refused = house.fetch();
  CHECK(kind_of(refused) == ErrorKind::forbidden);
  CHECK(refused.error().message.find("stolen account") != std::string::npos);
  REQUIRE(house.restrictions->allow("alice", "lib@1.0.0").has_value());
  CHECK(has_version(*house.ask(), "1.0.0"));
  CHECK(house.fetch().has_value());
  CHECK(house.registry.asked("/lib") == 1);
}

TEST_CASE("offline: what was kept is served, and no upstream is asked") {
  House house;
  REQUIRE(house.fetch().has_value());
  house.limits.offline = true;
  house.restart();
  house.clock.advance(std::chrono::days(30));
  const auto asked = house.registry.requests();
  CHECK(house.ask()->stale);
  CHECK(house.fetch().has_value());
  CHECK(kind_of(house.ask("other")) == ErrorKind::unavailable);
  CHECK(kind_of(house.fetch("other-1.0.0.tgz", "other")) == ErrorKind::unavailable);
  CHECK(house.registry.requests() == asked);
}

namespace {

std::string large() {
  std::string bytes(300'000, 'x');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>('a' + i * 7 % 23);
  return bytes;
}

// A house whose upstream has one large tarball that is streamed.
struct StreamingHouse : House {
  StreamingHouse() {
    limits.small_tarball_bytes_max = 1000;
    restart();
    registry.set([](Registry& r) { r.put(large()); });
    REQUIRE(ask().has_value());
  }
  Result<PackageCache::Tarball> begin() { return wait_for(cache->tarball(name_of("lib"), "lib-1.0.0.tgz")); }
};

}  // namespace

TEST_CASE("a large tarball is read as it arrives; who comes meanwhile reads the same transfer") {
  StreamingHouse house;
  const auto first = house.begin();
  REQUIRE(first.has_value());
  const auto arriving = std::get<2>(first->bytes);
  CHECK(arriving->length_bytes() == 300'000);
  CHECK(first->etag == "\"" + to_integrity(sha512(as_bytes(large()))) + "\"");
  CHECK(house.read_all(*arriving).value() == large());
  CHECK(house.fetch().value() == large());
  CHECK(house.blob_count() == 1);
  const auto again = house.begin();
  REQUIRE(again.has_value());
  CHECK(again->bytes.index() == 1);
  CHECK(again->etag == first->etag);
  CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 1);
}

TEST_CASE("of a tarball with wrong bytes the end never leaves, and nothing is kept") {
  StreamingHouse house;
  house.registry.set([](Registry& r) {
    r.sent = large();
    r.sent.front() ^= 1;
  });
  const auto begun = house.begin();
  REQUIRE(begun.has_value());
  const auto arriving = std::get<2>(begun->bytes);
  std::uint64_t farthest = 0;
  for (;;) {
    const auto until = house.wait_for(arriving->readable_beyond(farthest));
    if (!until) {
      CHECK(until.error().kind == ErrorKind::upstream);
      break;
    }
    farthest = *until;
  }
  CHECK(farthest <= 300'000 - ArrivingTarball::held_back_bytes);
  CHECK(house.blob_count() == 0);
  house.registry.set([](Registry& r) { r.sent.clear(); });
  CHECK(house.fetch().value() == large());
}

TEST_CASE("a transfer that is cut goes on with another, and clients see one whole tarball") {
  StreamingHouse house;
  house.registry.set([](Registry& r) {
    r.send_bytes = 150'000;
    r.cuts = 2;
  });
  CHECK(house.fetch().value() == large());
  CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 3);
  // The same for one that is small.
  House small;
  small.registry.set([](Registry& r) {
    r.send_bytes = 5;
    r.cuts = 2;
  });
  CHECK(small.fetch().value() == "the bytes of lib 1.0.0");
  // Not for ever.
  StreamingHouse never;
  never.registry.set([](Registry& r) {
    r.send_bytes = 150'000;
    r.cuts = 1000;
  });
  CHECK(kind_of(never.fetch()) == ErrorKind::unavailable);
  CHECK(never.registry.asked("/lib/-/lib-1.0.0.tgz") == 3);
  CHECK(never.blob_count() == 0);
}

TEST_CASE("a tarball that changed on the disk is found when it is read, and fetched again") {
  House house;
  REQUIRE(house.fetch().has_value());
  CHECK(house.blob_count() == 1);  // and memory is empty now
  // Other bytes of the same length under its name.
  house.cached.replace(sha512(as_bytes("the bytes of lib 1.0.0")), std::string(22, 'x'));
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
  CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 2);
}

TEST_CASE("the least recently used tarballs go when there is no more room, and own ones never") {
  PackageRule own;
  own.match = "@own/*";
  own.read = own.publish = "local";
  House house({own, House::upstream_rule()});
  house.limits.tarball_memory_bytes_max = 1;  // so that each is read from the disk
  house.limits.disk_bytes_max = 100;          // four of 22 bytes
  house.restart();
  house.publish_local("@own/tool", "1.0.0", std::string(500, 'o'));
  const auto fetch_numbered = [&](int i) {
    const std::string version = "1.0." + std::to_string(i);
    house.registry.set([&](Registry& r) {
      r.versions = {version};
      r.put("the bytes of lib 1.0." + std::to_string(i));
    });
    house.clock.advance(std::chrono::hours(2));
    REQUIRE(house.ask().has_value());
    REQUIRE(house.fetch("lib-" + version + ".tgz").has_value());
    house.restart();  // it is on the disk now
  };
  for (int i = 0; i < 4; ++i) fetch_numbered(i);
  CHECK(house.blob_count() == 4);
  const auto has = [&](int i) {
    return house.cached.open(sha512(as_bytes("the bytes of lib 1.0." + std::to_string(i)))).has_value();
  };
  fetch_numbered(0);  // used again
  fetch_numbered(4);
  CHECK(has(0));
  CHECK_FALSE(has(1));
  CHECK(has(4));
  CHECK(house.fetch("tool-1.0.0.tgz", "@own/tool").value() == std::string(500, 'o'));
}

TEST_CASE("a name belongs to the origin where it was first found, until an administrator moves it") {
  House house;
  REQUIRE(house.ask().has_value());
  REQUIRE(house.fetch().has_value());
  const auto owner = NameOrigins(house.store).of(name_of("lib")).value();
  REQUIRE(owner.has_value());
  CHECK(owner->origin == "main");

  // Another upstream, with a package of the same name.
  house.upstream_name = "other";
  house.registry.set([](Registry& r) { r.put("other bytes of the same version"); });
  house.restart();
  house.clock.advance(std::chrono::hours(1));
  const std::size_t asked = house.registry.requests();
  for (int i = 0; i < 2; ++i) {
    const auto refused = house.ask();
    CHECK(kind_of(refused) == ErrorKind::forbidden);
    CHECK(refused.error().message.find("belongs to the upstream \"main\"") != std::string::npos);
    CHECK(refused.error().message.find("sallyport origin lib --move other") != std::string::npos);
    CHECK(kind_of(house.fetch()) == ErrorKind::forbidden);
  }
  CHECK(house.registry.requests() == asked);

  REQUIRE(house.ledger
              ->commit([](Fact& fact) { return NameOrigins::move(fact, name_of("lib"), "other", "root"); })
              .has_value());
  // From there alone: neither what was kept nor the integrity that was pinned counts any more.
  CHECK_FALSE(house.ask().value().stale);
  CHECK(house.registry.asked("/lib") == 2);
  CHECK(house.fetch().value() == "other bytes of the same version");
  house.upstream_name = "main";
  house.restart();
  CHECK(kind_of(house.ask()) == ErrorKind::forbidden);
}

TEST_CASE("an upstream that has no such package does not get the name") {
  House house;
  CHECK(kind_of(house.ask("nowhere")) == ErrorKind::not_found);
  CHECK_FALSE(NameOrigins(house.store).of(name_of("nowhere")).value().has_value());
}

TEST_CASE(
    "while the origin is down a mirror's documents and bytes are served, and the name stays the origin's") {
  House house;
  Registry mirror;
  house.mirror_url = mirror.url();
  house.restart();
  house.registry.set([](Registry& r) { r.down = true; });
  const auto found = house.ask().value();
  CHECK_FALSE(found.stale);
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
  CHECK(NameOrigins(house.store).of(name_of("lib")).value()->origin == "main");
  // Back again, the origin is asked, for all of it: it did not make that ETag.
  house.registry.set([](Registry& r) {
    r.down = false;
    r.versions = {"1.0.0", "1.1.0"};
  });
  house.clock.advance(std::chrono::minutes(10));
  CHECK(house.ask().value().packument->versions.contains("1.1.0"));
  CHECK(house.registry.last_etag_asked().empty());
}

TEST_CASE("a mirror that is behind takes nothing away") {
  House house;
  Registry mirror;
  house.mirror_url = mirror.url();
  house.limits.retry_after = Millis(1);
  house.restart();
  house.registry.set([](Registry& r) {
    r.versions = {"1.0.0", "1.1.0"};
    r.modified = "2026-03-02T00:00:00.000Z";
  });
  mirror.set([](Registry& r) { r.modified = "2026-03-01T00:00:00.000Z"; });
  REQUIRE(house.ask().has_value());
  house.registry.set([](Registry& r) { r.down = true; });
  house.clock.advance(std::chrono::minutes(10));
  const auto kept = house.ask().value();
  CHECK(kept.stale);
  CHECK(kept.packument->versions.contains("1.1.0"));
  CHECK(mirror.asked("/lib") == 1);
  mirror.set([](Registry& r) {
    r.versions = {"1.0.0", "1.1.0", "1.2.0"};
    r.modified = "2026-03-03T00:00:00.000Z";
  });
  house.clock.advance(std::chrono::minutes(10));
  const auto ahead = house.ask().value();
  CHECK_FALSE(ahead.stale);
  CHECK(ahead.packument->versions.contains("1.2.0"));
}

TEST_CASE("what its origin has no more is still there for who has it in a lock file") {
  House house;
  CHECK(house.fetch().has_value());
  house.registry.set([](Registry& r) { r.gone = true; });
  house.clock.advance(std::chrono::minutes(10));
  CHECK(kind_of(house.ask()) == ErrorKind::not_found);
  CHECK(house.fetch().value() == "the bytes of lib 1.0.0");
}

TEST_CASE("the troubles of a question from another gateway are of no concern to others") {
  House house;
  house.limits.fresh_for = house.limits.stale_for = Millis(1);
  house.restart();
  const std::string hops = "sallyport-0123456789abcdef";
  const auto asked_for_another = [&] { return house.wait_for(house.cache->packument(name_of("lib"), hops)); };
  house.registry.set([](Registry& r) { r.down = true; });
  CHECK(asked_for_another().has_error());
  house.registry.set([](Registry& r) { r.down = false; });
  CHECK_FALSE(house.ask().value().stale);
  house.clock.advance(std::chrono::minutes(10));
  house.registry.set([](Registry& r) { r.down = true; });
  CHECK(asked_for_another().value().stale);
  house.registry.set([](Registry& r) { r.down = false; });
  CHECK_FALSE(house.ask().value().stale);
}

TEST_CASE("what an upstream breaks off comes from its mirror, small or large") {
  for (const std::size_t bytes : {std::size_t(300), std::size_t(2'000'000)}) {
    Registry mirror;
    House house;
    house.mirror_url = mirror.url();
    house.limits.small_tarball_bytes_max = 1'000'000;
    house.restart();
    const std::string tarball(bytes, 'x');
    mirror.set([&](Registry& r) { r.put(tarball); });
    house.registry.set([&](Registry& r) {
      r.put(tarball);
      r.send_bytes = bytes / 2;
      r.cuts = 1000;
    });
    CHECK((house.fetch().value() == tarball));
    CHECK(house.registry.asked("/lib/-/lib-1.0.0.tgz") == 1);
    CHECK(mirror.asked("/lib/-/lib-1.0.0.tgz") == 1);
    CHECK(house.blob_count() == 1);
  }
}

TEST_CASE("a tarball of a packument with a sha1 alone is denied by its sha512 all the same") {
  House house;
  house.registry.set([](Registry& r) { r.integrity.clear(); });
  CHECK(house.fetch().has_value());
  REQUIRE(house.restrictions->deny("ann", to_integrity(sha512(as_bytes("the bytes of lib 1.0.0"))), "trojan")
              .has_value());
  CHECK(kind_of(house.fetch()) == ErrorKind::forbidden);
  // And every other place says so too.
  const auto sight = [&] { return house.ask().value().packument->versions.at("1.0.0").seen.sight; };
  CHECK(sight() == Sight::denied);
  house.restart();
  CHECK(kind_of(house.fetch()) == ErrorKind::forbidden);
  CHECK(sight() == Sight::denied);
}

TEST_CASE("what nobody could know to be denied is denied everywhere once its bytes have come") {
  House house;
  house.registry.set([](Registry& r) {
    r.integrity.clear();
    r.versions = {"1.0.0", "1.0.1"};
  });
  const auto sight = [&] { return house.ask().value().packument->versions.at("1.0.0").seen.sight; };
  REQUIRE(house.restrictions->deny("ann", to_integrity(sha512(as_bytes("the bytes of lib 1.0.0"))), "trojan")
              .has_value());
  CHECK(sight() == Sight::visible);
  CHECK(kind_of(house.fetch()) == ErrorKind::forbidden);
  CHECK(sight() == Sight::denied);
  CHECK_FALSE(has_version(house.ask().value(), "1.0.0"));
  CHECK(has_version(house.ask().value(), "1.0.1"));  // the same bytes, which nobody has asked for yet
  house.restart();
  CHECK(sight() == Sight::denied);
}

TEST_CASE("a tarball is found by its origin's own name for it, unless that could be another's") {
  House house;
  const auto set = [&](const std::vector<std::pair<std::string, std::string>>& files) {
    json::object all;
    for (const auto& [version, file] : files)
      all[version] = {{"name", "lib"},
                      {"version", version},
                      {"dist",
                       {{"tarball", house.registry.url() + "/" + file},
                        {"integrity", to_integrity(sha512(as_bytes("the bytes of lib 1.0.0")))}}}};
    house.registry.set([&](Registry& r) {
      r.packument_text = json::serialize(json::object{{"name", "lib"}, {"versions", all}});
    });
    house.clock.advance(std::chrono::minutes(10));
    REQUIRE(house.ask().has_value());
  };
  set({{"1.0.0", "files/odd.tgz"},
       {"1.1.0", "lib/-/lib-1.1.0.tgz?x=/lib-9.tgz"},
       {"1.2.0", "lib-1.1.0.tgz"}});
  CHECK(house.fetch("odd.tgz").has_value());
  CHECK(house.fetch("lib-1.0.0.tgz").has_value());
  CHECK(house.wait_for(house.cache->tarball(name_of("lib"), "odd.tgz")).value().version == "1.0.0");
  CHECK(house.wait_for(house.cache->tarball(name_of("lib"), "lib-1.1.0.tgz")).value().version == "1.1.0");
  CHECK(kind_of(house.fetch("lib-9.tgz")) == ErrorKind::not_found);
  REQUIRE(house.restrictions->deny("ann", "lib@1.0.0", "trojan").has_value());
  CHECK(kind_of(house.fetch("odd.tgz")) == ErrorKind::forbidden);
  set({{"1.0.0", "1/package.tgz"}, {"1.1.0", "2/package.tgz"}, {"1.2.0", "3/package.tgz"}});
  CHECK(kind_of(house.fetch("package.tgz")) == ErrorKind::not_found);
  CHECK(house.fetch("lib-1.1.0.tgz").has_value());
}

TEST_CASE("who asks after a denial never gets what was being made before it") {
  House house;
  REQUIRE(house.ask().has_value());
  house.clock.advance(Millis(120'000));
  house.registry.set([](Registry& r) { r.versions.emplace_back("1.0.1"); });
  // The one thread that makes documents is busy until told: what is made under the policy of before waits.
  struct Busy {
    std::promise<void> begun, go;
    void run() {
      begun.set_value();
      go.get_future().wait();
    }
  };
  Busy packing, making;
  asio::io_context all;
  const auto occupy = [&](Busy& busy) {
    asio::co_spawn(
        all,
        [&]() -> asio::awaitable<void> { co_await async_run_on(house.scan, [&] { return busy.run(), 0; }); },
        asio::detached);
    all.poll();
  };
  const auto ask = [&] {
    auto found = asio::co_spawn(all, wrapped(house.cache->packument(name_of("lib"))), asio::use_future);
    all.poll();
    return found;
  };
  occupy(packing);
  packing.begun.get_future().wait();
  auto before = ask();
  house.registry.wait_for_requests(2);
  while (house.scan.queued() < 2) std::this_thread::yield();
  occupy(making);
  packing.go.set_value();
  making.begun.get_future().wait();
  while (house.scan.queued() < 2) std::this_thread::yield();
  REQUIRE(house.restrictions->deny("ann", "lib@1.0.1", "trojan").has_value());
  auto after = ask();
  making.go.set_value();
  all.run();
  CHECK(before.get()->value().packument->versions.at("1.0.1").seen.sight == Sight::visible);
  CHECK(after.get()->value().packument->versions.at("1.0.1").seen.sight == Sight::denied);
}
