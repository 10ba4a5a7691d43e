#include "proxy/cache/packument.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "proxy/cache/gzip.hpp"
#include "storage/base/json.hpp"

using namespace sallyport;

namespace {

const Instant noon = parse_iso8601("2026-03-31T12:00:00.000Z").value();

PackageName name_of(std::string_view text) {
  return PackageName::parse(text).value();
}
PackumentView view_at(Instant now, std::optional<Millis> minimum_age = {}) {
  PackumentView view{"https://npm.acme.example", now, {}};
  view.conditions.name = "@acme/lib";
  view.conditions.rule.minimum_release_age = minimum_age;
  return view;
}
json::object parsed(const Document& document) {
  return json::parse(unpacked(document).value()).as_object();
}
std::string manifest_in(const PreparedPackument& packument, const PreparedVersion& version) {
  return std::string(manifest_of(version, unpacked(packument.holding(version)).value()));
}
json::object manifest(const std::string& version) {
  return {{"name", "@acme/lib"},
          {"version", version},
          {"description", "about"},
          {"readme", "long"},
          {"dependencies", {{"left-pad", "^1.0.0"}}},
          {"scripts", {{"postinstall", "node x.js"}}},
          {"engines", {{"node", ">=20"}}},
          {"_npmUser", {{"name", "alice"}}},
          {"dist",
           {{"tarball", "http://registry.example/@acme/lib/-/lib-" + version + ".tgz"},
            {"integrity", "sha512-" + std::string(86, 'A') + "=="},
            {"shasum", "0123"},
            {"signatures", json::array{{{"keyid", "k"}, {"sig", "s"}}}}}}};
}
json::object packument() {
  return {{"_id", "@acme/lib"},
          {"name", "@acme/lib"},
          {"description", "about"},
          {"dist-tags", {{"latest", "1.1.0"}, {"next", "2.0.0"}}},
          {"versions",
           {{"1.0.0", manifest("1.0.0")}, {"1.1.0", manifest("1.1.0")}, {"2.0.0", manifest("2.0.0")}}},
          {"time",
           {{"created", "2026-03-01T00:00:00.000Z"},
            {"modified", "2026-03-31T11:00:00.000Z"},
            {"1.0.0", "2026-03-01T00:00:00.000Z"},
            {"1.1.0", "2026-03-31T11:00:00.000Z"},
            {"2.0.0", "2026-03-20T00:00:00.000Z"}}},
          {"readme", "# long"}};
}
PreparedPackument prepare(const json::object& document, const PackumentView& view = view_at(noon)) {
  return prepare_upstream(name_of("@acme/lib"), json::serialize(document), view).value();
}
template <class T>
ErrorKind kind_of(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().kind;
}

}  // namespace

TEST_CASE("the full document keeps what the upstream says, with tarballs on our own origin") {
  const auto prepared = prepare(packument());
  const json::object full = parsed(prepared.full);
  CHECK(full.at("readme") == "# long");
  CHECK(full.at("dist-tags").at("next") == "2.0.0");
  CHECK(full.at("_rev").is_string());
  const json::object& one = full.at("versions").at("1.0.0").as_object();
  CHECK(one.at("_npmUser").at("name") == "alice");
  CHECK(one.at("dist").at("tarball") == "https://npm.acme.example/@acme/lib/-/lib-1.0.0.tgz");
  CHECK(one.at("dist").at("signatures").as_array().size() == 1);
  CHECK(one.at("dist").at("shasum") == "0123");
  CHECK(full.at("time") == packument().at("time"));
  CHECK(prepared.last_modified == "Tue, 31 Mar 2026 11:00:00 GMT");
  REQUIRE(prepared.versions.size() == 3);
  const PreparedVersion& source = prepared.versions.at("1.1.0");
  CHECK(source.version == "1.1.0");
  CHECK(source.url == "http://registry.example/@acme/lib/-/lib-1.1.0.tgz");
  CHECK(source.shasum == "0123");
  CHECK(source.integrity.starts_with("sha512-AAA"));
  CHECK_FALSE(source.sha512.has_value());
}

TEST_CASE("the abbreviated document has what an install reads, and time") {
  const json::object brief = parsed(prepare(packument()).abbreviated);
  CHECK(brief.at("name") == "@acme/lib");
  CHECK(brief.at("modified") == "2026-03-31T11:00:00.000Z");
  CHECK(brief.at("time") == packument().at("time"));
  CHECK(brief.at("dist-tags") == packument().at("dist-tags"));
  CHECK_FALSE(brief.contains("readme"));
  const json::object& one = brief.at("versions").at("1.0.0").as_object();
  CHECK(one.at("dependencies").at("left-pad") == "^1.0.0");
  CHECK(one.at("engines").at("node") == ">=20");
  CHECK(one.at("hasInstallScript") == true);
  CHECK(one.at("dist").at("tarball") == "https://npm.acme.example/@acme/lib/-/lib-1.0.0.tgz");
  for (const char* member : {"readme", "scripts", "_npmUser", "description"})
    CHECK_FALSE(one.contains(member));
}

TEST_CASE("an entity tag is that of the content") {
  const auto first = prepare(packument());
  const auto again = prepare(packument(), view_at(noon + std::chrono::hours(5)));
  CHECK(first.full.etag == again.full.etag);
  CHECK(first.abbreviated.etag == again.abbreviated.etag);
  CHECK(first.full.etag != first.abbreviated.etag);
  CHECK(first.full.etag.starts_with('"'));
  CHECK(first.full.etag.ends_with('"'));
  json::object other = packument();
  other["dist-tags"].as_object()["next"] = "1.0.0";
  const auto changed = prepare(other);
  CHECK(changed.full.etag != first.full.etag);
  CHECK(changed.abbreviated.etag != first.abbreviated.etag);
}

TEST_CASE("versions that are too young are hidden, and no tag names them") {
  const auto prepared = prepare(packument(), view_at(noon, std::chrono::days(3)));
  for (const Document& document : {prepared.full, prepared.abbreviated}) {
    const json::object seen = parsed(document);
    CHECK_FALSE(seen.at("versions").as_object().contains("1.1.0"));
    CHECK_FALSE(seen.at("time").as_object().contains("1.1.0"));
    // Not 2.0.0, which is higher and was never latest.
    CHECK(seen.at("dist-tags") == json::value({{"next", "2.0.0"}, {"latest", "1.0.0"}}));
  }
  CHECK(prepared.good_until == parse_iso8601("2026-04-03T11:00:00.000Z").value());
  // Lock files name it.
  CHECK(version_of_file(prepared, name_of("@acme/lib"), "lib-1.1.0.tgz").value()->version == "1.1.0");
  const auto later = prepare(packument(), view_at(prepared.good_until, std::chrono::days(3)));
  CHECK(parsed(later.full).at("dist-tags").at("latest") == "1.1.0");
  CHECK(later.good_until == Instant::max());
}

TEST_CASE("latest goes to the highest stable version, to a prerelease where there is nothing else") {
  json::object document = packument();
  document["dist-tags"] = json::object();
  CHECK(parsed(prepare(document).full).at("dist-tags").at("latest") == "2.0.0");
  document = packument();
  document["versions"].as_object()["3.0.0-rc.1"] = manifest("3.0.0-rc.1");
  document["dist-tags"] = {{"latest", "9.9.9"}};
  CHECK(parsed(prepare(document).full).at("dist-tags").at("latest") == "2.0.0");
  for (const char* version : {"1.0.0", "1.1.0", "2.0.0"}) document["versions"].as_object().erase(version);
  CHECK(parsed(prepare(document).full).at("dist-tags").at("latest") == "3.0.0-rc.1");
  // Everything below is hidden too: better a version above than none.
  document = packument();
  document["time"].as_object()["1.0.0"] = "2026-03-31T11:00:00.000Z";
  CHECK(parsed(prepare(document, view_at(noon, std::chrono::days(3))).full).at("dist-tags").at("latest") ==
        "2.0.0");
}

TEST_CASE("a version that could not stand in an address is in no document") {
  json::object document = packument();
  for (const char* odd :
       {"../../x", "1.0.0 ", "1.0.0\"},\"x", "__proto__", "1%2e0", "a?b", "a#b", "1.0.0\\", "\xC3\xA9"})
    document["versions"].as_object()[odd] = manifest("1.0.0");
  document["versions"].as_object()["v1.0.0-rc_1~a+b"] = manifest("1.0.0");
  const auto prepared = prepare(document);
  CHECK(prepared.versions.size() == 4);
  CHECK(parsed(prepared.full).at("versions").as_object().size() == 4);
  CHECK(parsed(prepared.abbreviated).at("versions").as_object().size() == 4);
}

TEST_CASE("a version without a date is never old enough") {
  json::object document = packument();
  document.erase("time");
  CHECK(parsed(prepare(document).full).at("versions").as_object().size() == 3);
  const auto aged = prepare(document, view_at(noon, Millis(1)));
  CHECK(parsed(aged.full).at("versions").as_object().empty());
  document = packument();
  document["time"].as_object()["1.0.0"] = "yesterday";
  CHECK_FALSE(
      parsed(prepare(document, view_at(noon, Millis(1))).full).at("versions").as_object().contains("1.0.0"));
}

TEST_CASE("what cannot be installed is left out, and what is no packument is an error") {
  json::object document = packument();
  document["versions"].as_object()["1.0.0"].as_object().erase("dist");
  document["versions"].as_object()["1.1.0"] = 7;
  const auto prepared = prepare(document);
  CHECK(parsed(prepared.full).at("versions").as_object().size() == 1);
  CHECK(prepared.versions.size() == 1);
  const auto bad = [](std::string text) {
    return kind_of(prepare_upstream(name_of("@acme/lib"), text, view_at(noon)));
  };
  CHECK(bad("") == ErrorKind::upstream);
  CHECK(bad("<html>") == ErrorKind::upstream);
  CHECK(bad("[]") == ErrorKind::upstream);
  CHECK(bad(R"({"name":"other","versions":{}})") == ErrorKind::upstream);
  CHECK(bad(R"({"name":"@acme/lib","versions":[]})") == ErrorKind::upstream);
  CHECK(bad(R"({"name":"@acme/lib","time":{"unpublished":{}}})") == ErrorKind::not_found);
}

TEST_CASE("a local package has documents of the same shape") {
  LocalPackage package;
  package.name = "@acme/lib";
  package.tags = {{"latest", "1.0.0"}, {"next", "1.1.0-rc.1"}};
  package.created = noon;
  package.modified = noon + std::chrono::hours(1);
  package.revision = 2;
  const Sha512 digest = sha512(as_bytes("bytes"));
  package.versions = {
      {"1.0.0", manifest("1.0.0"), digest, 5, noon},
      {"1.1.0-rc.1", manifest("1.1.0-rc.1"), sha512(as_bytes("more")), 4, noon + std::chrono::hours(1)}};
  const auto prepared = prepare_local(package, view_at(noon)).value();
  for (const Document& document : {prepared.full, prepared.abbreviated}) {
    const json::object seen = parsed(document);
    CHECK(seen.at("dist-tags") == json::value({{"latest", "1.0.0"}, {"next", "1.1.0-rc.1"}}));
    const json::object& dist = seen.at("versions").at("1.0.0").at("dist").as_object();
    CHECK(dist.at("tarball") == "https://npm.acme.example/@acme/lib/-/lib-1.0.0.tgz");
    CHECK(dist.at("integrity").as_string() ==
          to_integrity(digest));  // of the bytes, whatever the manifest said
    CHECK(seen.at("time").at("1.1.0-rc.1") == "2026-03-31T13:00:00.000Z");
    CHECK(seen.at("time").at("modified") == "2026-03-31T13:00:00.000Z");
  }
  CHECK(parsed(prepared.full).at("readme") == "long");
  CHECK_FALSE(parsed(prepared.full).at("versions").at("1.0.0").as_object().contains("readme"));
  CHECK(prepared.versions.at("1.0.0").sha512 == digest);
  CHECK(prepared.versions.at("1.0.0").url.empty());
  CHECK(prepare_local(package, view_at(noon + std::chrono::hours(9))).value().full.etag ==
        prepared.full.etag);
  package.tags["latest"] = "1.1.0-rc.1";
  package.revision = 3;
  CHECK(prepare_local(package, view_at(noon)).value().full.etag != prepared.full.etag);
}

TEST_CASE("one version's manifest, by version or tag, and the tags alone") {
  const auto prepared = prepare(packument());
  const auto version_in = [&](std::string_view named) {
    return json::parse(manifest_in(prepared, *version_named(prepared, named).value())).at("version");
  };
  CHECK(version_in("1.0.0") == "1.0.0");
  CHECK(version_in("latest") == "1.1.0");
  CHECK(version_in("next") == "2.0.0");
  CHECK(kind_of(version_named(prepared, "9.9.9")) == ErrorKind::not_found);
  CHECK(json::parse(tags_json(prepared)) == packument().at("dist-tags"));
}

TEST_CASE("a hidden version is there for who names it exactly, with its tarball on our origin") {
  const auto young = prepare(packument(), view_at(noon, std::chrono::days(3)));
  const PreparedVersion* hidden = version_named(young, "1.1.0").value();
  CHECK(hidden->seen.sight == Sight::hidden);
  CHECK(json::parse(manifest_in(young, *hidden)).at("dist").at("tarball") ==
        "https://npm.acme.example/@acme/lib/-/lib-1.1.0.tgz");
  CHECK(version_named(young, "latest").value()->version == "1.0.0");
}

TEST_CASE("a denied version is nowhere, and who asks for it is told why") {
  PackumentView view = view_at(noon);
  Denied denied = Denied::parse("@acme/lib@1.1.0").value();
  denied.advisory.summary = "stolen account";
  view.conditions.bad = {denied.advisory};
  const auto prepared = prepare(packument(), view);
  CHECK_FALSE(parsed(prepared.full).at("versions").as_object().contains("1.1.0"));
  for (const auto& refused :
       {version_named(prepared, "1.1.0"), version_of_file(prepared, name_of("@acme/lib"), "lib-1.1.0.tgz")}) {
    CHECK(kind_of(refused) == ErrorKind::forbidden);
    CHECK(refused.error().message.find("stolen account") != std::string::npos);
  }
  CHECK(anything_to_see(prepared).has_value());
  view.conditions.bad = {Denied::parse("@acme/lib").value().advisory};
  CHECK(kind_of(anything_to_see(prepare(packument(), view))) == ErrorKind::forbidden);
}

TEST_CASE("an attestation is asked for on our origin, and losing it counts against the next lower version") {
  json::object document = packument();
  for (const char* version : {"1.0.0", "1.1.0"})
    document["versions"].as_object()[version].as_object()["dist"].as_object()["attestations"] = {
        {"url", "http://registry.example/-/npm/v1/attestations/@acme%2flib@1"},
        {"provenance", {{"predicateType", "https://slsa.dev/provenance/v1"}}}};
  PackumentView view = view_at(noon);
  view.conditions.rule.provenance_lost = Admission::hide;
  const auto prepared = prepare(document, view);
  CHECK(prepared.versions.at("1.1.0").seen.sight == Sight::visible);
  CHECK(prepared.versions.at("2.0.0").seen.sight == Sight::hidden);
  for (const Document& each : {prepared.full, prepared.abbreviated}) {
    const json::object one = parsed(each).at("versions").at("1.1.0").at("dist").as_object();
    CHECK(one.at("attestations").at("url") ==
          "https://npm.acme.example/-/npm/v1/attestations/@acme/lib@1.1.0");
    CHECK(one.at("attestations").at("provenance").as_object().size() == 1);
  }
}

TEST_CASE("a document is sent as it was written, where we have nothing to say") {
  const std::string odd =
      R"( {"name" : "@acme/lib", "odd":[1.50e1, "\u0041\/"], "versions":{ "1.0.0" : {"b":1,"a":2,"dist":{"tarball":"x","shasum":"s"} }}} )";
  const auto prepared = prepare_upstream(name_of("@acme/lib"), odd, view_at(noon)).value();
  CHECK(unpacked(prepared.full).value().find(R"("odd":[1.50e1, "\u0041\/"])") != std::string::npos);
  CHECK(
      manifest_in(prepared, prepared.versions.at("1.0.0")) ==
      R"({"b":1,"a":2,"dist":{"tarball":"https://npm.acme.example/@acme/lib/-/lib-1.0.0.tgz","shasum":"s"} })");
}

TEST_CASE("a packument that two readers could take differently is refused") {
  const auto kind = [](std::string_view members) {
    const std::string text = R"({"name":"@acme/lib","versions":{},)" + std::string(members) + "}";
    const auto prepared = prepare_upstream(name_of("@acme/lib"), text, view_at(noon));
    return prepared ? std::nullopt : std::optional(prepared.error().kind);
  };
  CHECK(kind(R"("x":1)") == std::nullopt);
  CHECK(kind(R"("versions":{"9.9.9":{"dist":{"tarball":"x"}}})") == ErrorKind::upstream);
  CHECK(kind(R"("versio\u006es":{"9.9.9":{"dist":{"tarball":"x"}}})") == ErrorKind::upstream);
  CHECK(kind(R"("x":[1,,2])") == ErrorKind::upstream);
  CHECK(kind(R"("x":{"deep":nul}})") == ErrorKind::upstream);
  CHECK(kind(R"("x":"\q")") == ErrorKind::upstream);
  CHECK(kind(R"("x":01)") == ErrorKind::upstream);
  CHECK(kind(R"("x":1} trailing {"y":1)") == ErrorKind::upstream);
  // Within a version: that version is not there at all.
  const std::string twice =
      R"({"name":"@acme/lib","versions":{"1.0.0":{"dist":{"tarball":"a","shasum":"1"},"d\u0069st":{"tarball":"b"}}}})";
  CHECK(prepare_upstream(name_of("@acme/lib"), twice, view_at(noon)).value().versions.empty());
}

TEST_CASE("documents are kept gzipped, and plain they have the size that is told") {
  const auto prepared = prepare(packument());
  for (const Document& document : {prepared.full, prepared.abbreviated, prepared.unseen}) {
    CHECK(document.gzipped->starts_with("\x1f\x8b"));
    CHECK(document.gzipped_etag != document.etag);
    CHECK(unpacked(document).value().size() == document.plain_bytes);
  }
  CHECK(unpacked(prepared.unseen).value().empty());
}

TEST_CASE("who names a version gets that one, whatever tags are called") {
  json::object document = packument();
  document["dist-tags"].as_object()["1.0.0"] = "2.0.0";
  PackumentView view = view_at(noon);
  CHECK(version_named(prepare(document, view), "1.0.0").value()->version == "1.0.0");
  view.conditions.bad = {Denied::parse("@acme/lib@1.0.0").value().advisory};
  CHECK(kind_of(version_named(prepare(document, view), "1.0.0")) == ErrorKind::forbidden);
}

TEST_CASE("scripts that cannot be read count as scripts of an install") {
  std::string text = json::serialize(packument());
  const std::string scripts = R"("scripts":{"postinstall":"node x.js"})";
  for (const char* other :
       {R"("scripts":{"test":"a","test":"b"})", R"("hasInstallScript":1)", R"("gypfile":"yes")"}) {
    std::string odd = text;
    for (std::size_t at; (at = odd.find(scripts)) != odd.npos;) odd.replace(at, scripts.size(), other);
    PackumentView view = view_at(noon);
    view.conditions.rule.install_scripts = Admission::deny;
    const auto prepared = prepare_upstream(name_of("@acme/lib"), odd, view).value();
    CHECK_MESSAGE(prepared.versions.at("1.0.0").seen.sight == Sight::denied, other);
  }
}

TEST_CASE("provenance is lost beside a twin of another build too, and by what is no version") {
  json::object document = packument();
  json::object& versions = document["versions"].as_object();
  versions["1.1.0"].as_object()["dist"].as_object()["attestations"] = {{"url", "http://registry.example/a"}};
  for (const char* version : {"1.1.0+b", "01.3.0"}) versions[version] = manifest(version);
  PackumentView view = view_at(noon);
  view.conditions.rule.provenance_lost = Admission::deny;
  const auto prepared = prepare(document, view);
  CHECK(prepared.versions.at("2.0.0").seen.sight == Sight::denied);
  CHECK(prepared.versions.at("01.3.0").seen.sight == Sight::denied);
  CHECK(prepared.versions.at("1.1.0+b").seen.sight == Sight::visible);
}
