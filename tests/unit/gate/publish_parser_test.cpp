#include "gate/publish_parser.hpp"

#include <doctest/doctest.h>

using namespace sallyport;

namespace {

const PackageName lib = *PackageName::parse("lib");

// npm's body, with its attachments last.
json::object body() {
  json::object manifest{
      {"name", "lib"},
      {"version", "1.0.0"},
      {"dist",
       {{"integrity", "sha512-AAAA"}, {"shasum", "abcd"}, {"tarball", "http://h/lib/-/lib-1.0.0.tgz"}}}};
  return {
      {"_id", "lib"},
      {"name", "lib"},
      {"dist-tags", {{"latest", "1.0.0"}}},
      {"versions", {{"1.0.0", std::move(manifest)}}},
      {"access", nullptr},
      {"_attachments",
       {{"lib-1.0.0.tgz", {{"content_type", "application/octet-stream"}, {"data", "QUJD"}, {"length", 3}}}}}};
}

struct Read {
  Result<PublishDocument> document = fail(ErrorKind::internal, "not run");
  std::string tarball;
};

Read read(const std::string& text, std::size_t step = std::size_t(-1), PublishLimits limits = {}) {
  Read out;
  PublishParser parser(limits, [&](std::string_view part) -> Result<void> {
    out.tarball += part;
    return {};
  });
  for (std::size_t at = 0; at < text.size(); at += std::min(step, text.size() - at)) {
    auto written = parser.write(std::string_view(text).substr(at, step));
    if (!written) {
      out.document = written.error();
      return out;
    }
  }
  out.document = parser.finish(lib);
  return out;
}

std::string refusal(const json::value& document) {
  auto result = read(json::serialize(document));
  return result.document ? "" : result.document.error().message;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a publish is read whatever the split of its bytes") {
  const std::string text = json::serialize(body());
  for (std::size_t step : {std::size_t(1), std::size_t(2), std::size_t(7), text.size()}) {
    auto result = read(text, step);
    REQUIRE(result.document.has_value());
    CHECK(result.tarball == "QUJD");
    CHECK(result.document->name == "lib");
    CHECK(result.document->version == "1.0.0");
    CHECK(result.document->tag == "latest");
    CHECK(result.document->access.empty());
    CHECK(result.document->tarball_key == "lib-1.0.0.tgz");
    CHECK(result.document->tarball_bytes == 3);
    CHECK(result.document->integrity == "sha512-AAAA");
  }
}

TEST_CASE("attachments may come before everything else, as Yarn Berry sends them") {
  json::object sent = body();
  json::object odd{{"_id", "lib"}, {"_attachments", sent.at("_attachments")}};
  for (const auto& [key, value] : sent) odd.insert_or_assign(key, value);
  auto result = read(json::serialize(odd), 5);
  REQUIRE(result.document.has_value());
  CHECK(result.tarball == "QUJD");
}

TEST_CASE("provenance is kept as the text it is, not decoded") {
  json::object sent = body();
  sent["_attachments"].as_object()["lib-1.0.0.sigstore"] = {
      {"content_type", "application/vnd.dev.sigstore.bundle.v0.3+json"},
      {"data", "{\"a\":\"\\u00e9\"}"},
      {"length", 10}};
  auto result = read(json::serialize(sent), 3);
  REQUIRE(result.document.has_value());
  REQUIRE(result.document->provenance.has_value());
  CHECK(result.document->provenance->key == "lib-1.0.0.sigstore");
  CHECK(result.document->provenance->data == "{\"a\":\"\\u00e9\"}");
  CHECK(result.document->provenance->content_type == "application/vnd.dev.sigstore.bundle.v0.3+json");
  CHECK(result.tarball == "QUJD");
}

TEST_CASE("each fault of a publish is named") {
  json::object sent = body();
  std::string expected;
  auto manifest = [&]() -> json::object& { return sent.at("versions").at("1.0.0").as_object(); };
  auto attachments = [&]() -> json::object& { return sent.at("_attachments").as_object(); };
  SUBCASE("other name in the document") {
    sent["name"] = "evil";
    expected = "\"evil\"";
  }
  SUBCASE("no name") {
    sent.erase("name");
    expected = "\"name\"";
  }
  SUBCASE("other _id") {
    sent["_id"] = "evil";
    expected = "\"_id\"";
  }
  SUBCASE("other name in the manifest") {
    manifest()["name"] = "evil";
    expected = "manifest's \"name\"";
  }
  SUBCASE("other version in the manifest") {
    manifest()["version"] = "2.0.0";
    expected = "manifest's \"version\"";
  }
  SUBCASE("two versions") {
    sent.at("versions").as_object()["1.0.1"] = json::object();
    expected = "exactly one version";
  }
  SUBCASE("no versions") {
    sent["versions"] = json::object();
    expected = "exactly one version";
  }
  SUBCASE("a version that is none") {
    manifest()["version"] = "one";
    sent["versions"] = {{"one", manifest()}};
    expected = "semantic version";
  }
  SUBCASE("two tags") {
    sent["dist-tags"] = {{"a", "1.0.0"}, {"b", "1.0.0"}};
    expected = "exactly one dist-tag";
  }
  SUBCASE("no tag") {
    sent["dist-tags"] = json::object();
    expected = "exactly one dist-tag";
  }
  SUBCASE("a tag to elsewhere") {
    sent["dist-tags"] = {{"latest", "9.9.9"}};
    expected = "must point to the version";
  }
  SUBCASE("a tag like a version") {
    sent["dist-tags"] = {{"1.2.3", "1.0.0"}};
    expected = "not a usable name";
  }
  SUBCASE("a tag like a path") {
    sent["dist-tags"] = {{"../x", "1.0.0"}};
    expected = "not a usable name";
  }
  SUBCASE("a tag that npm reads otherwise, or a person") {
    for (const char* tag :
         {"v1", "1.x", "1", "x", "*", "^1", "..", "-x", "~1", "la\u200btest", "a b", "a/b"}) {
      sent["dist-tags"] = {{tag, "1.0.0"}};
      CAPTURE(tag);
      CHECK(contains(refusal(sent), "not a usable name"));
    }
    expected = "not a usable name";
  }
  SUBCASE("an access nobody knows") {
    sent["access"] = "secret";
    expected = "\"access\"";
  }
  SUBCASE("no integrity") {
    manifest()["dist"].as_object().erase("integrity");
    expected = "\"integrity\"";
  }
  SUBCASE("no shasum") {
    manifest()["dist"].as_object().erase("shasum");
    expected = "\"shasum\"";
  }
  SUBCASE("no attachments") {
    sent.erase("_attachments");
    expected = "no tarball";
  }
  SUBCASE("empty attachments") {
    attachments().clear();
    expected = "no tarball";
  }
  SUBCASE("two tarballs") {
    attachments()["lib-1.0.1.tgz"] = {{"data", "QUJD"}, {"length", 3}};
    expected = "more than one tarball";
  }
  SUBCASE("a second tarball without data") {
    attachments()["lib-1.0.1.tgz"] = {{"data", nullptr}, {"length", 3}};
    expected = "tarball";
  }
  SUBCASE("a tarball of another type") {
    attachments()["lib-1.0.0.zip"] = attachments().at("lib-1.0.0.tgz");
    attachments().erase("lib-1.0.0.tgz");
    expected = "must be \"lib-1.0.0.tgz\"";
  }
  SUBCASE("a tarball named as another release's") {
    attachments()["lib-0.9.0.tgz"] = attachments().at("lib-1.0.0.tgz");
    attachments().erase("lib-1.0.0.tgz");
    expected = "must be \"lib-1.0.0.tgz\"";
  }
  SUBCASE("a tarball named as a path") {
    attachments()["../../lib-1.0.0.tgz"] = attachments().at("lib-1.0.0.tgz");
    attachments().erase("lib-1.0.0.tgz");
    expected = "must be \"lib-1.0.0.tgz\"";
  }
  SUBCASE("a provenance named as another release's") {
    attachments()["lib-0.9.0.sigstore"] = {{"data", "{}"}, {"length", 2}};
    expected = "must be \"lib-1.0.0.sigstore\"";
  }
  SUBCASE("no length") {
    attachments()["lib-1.0.0.tgz"].as_object().erase("length");
    expected = "\"length\"";
  }
  SUBCASE("data that is no text") {
    attachments()["lib-1.0.0.tgz"].as_object()["data"] = 7;
    expected = "\"data\"";
  }
  SUBCASE("only provenance") {
    attachments()["lib-1.0.0.sigstore"] = {{"data", "{}"}, {"length", 2}};
    attachments().erase("lib-1.0.0.tgz");
    expected = "no tarball";
  }
  REQUIRE_FALSE(expected.empty());
  const std::string said = refusal(sent);
  INFO(said);
  CHECK(contains(said, expected));
}

TEST_CASE("what a publish has no say in is not taken along") {
  json::object sent = body();
  for (const char* key : {"_rev", "_deleted", "users", "maintainers", "time", "Versions"})
    sent[key] = json::object{{"mallory", true}};
  sent["readme"] = "# lib";
  const auto result = read(json::serialize(sent), 9);
  REQUIRE(result.document.has_value());
  for (const auto& [key, value] : result.document->rest) {
    CAPTURE(key);
    CHECK((key == "_id" || key == "name" || key == "description" || key == "readme"));
  }
  CHECK(result.document->rest.at("readme") == "# lib");
}

TEST_CASE("tags and attachment names that clients use are taken") {
  for (const char* tag : {"latest", "next", "beta-2", "v1-lts", "release_1.x", "1.x-maintenance", "vnext"}) {
    CAPTURE(tag);
    json::object sent = body();
    sent["dist-tags"] = {{tag, "1.0.0"}};
    CHECK(read(json::serialize(sent), 9).document.has_value());
  }
  json::object sent = body();  // Bun tells the build metadata here only
  auto& attachments = sent.at("_attachments").as_object();
  attachments["lib-1.0.0+build.5.tgz"] = attachments.at("lib-1.0.0.tgz");
  attachments.erase("lib-1.0.0.tgz");
  CHECK(read(json::serialize(sent), 9).document.has_value());
}

TEST_CASE("two readers must agree on the text") {
  const std::string good = json::serialize(body());
  auto said = [](const std::string& text) {
    auto result = read(text, 9);
    return result.document ? std::string() : result.document.error().message;
  };
  CHECK(contains(said(good + "x"), "after the end"));
  CHECK(contains(said(good + good), "after the end"));
  CHECK(said(good + " \r\n\t").empty());
  CHECK(contains(said(good.substr(0, good.size() - 1)), "ends before"));
  CHECK(contains(said(""), "ends before"));
  CHECK(contains(said("{\"name\":\"lib\",\"name\":\"evil\"}"), "twice"));
  CHECK(contains(said("{\"name\":\"lib\",\"n\\u0061me\":\"evil\"}"), "twice"));
  CHECK(contains(said("{\"a\":{\"b\":1,\"b\":2}}"), "twice"));
  CHECK(contains(said("{\"_attachments\":{\"a.tgz\":{\"data\":\"QUJD\"},\"a.tgz\":{\"data\":\"QUJE\"}}}"),
                 "twice"));
  CHECK(contains(said("{\"_attachments\":{\"a.tgz\":{\"data\":\"QUJD\",\"data\":\"QUJE\"}}}"), "twice"));
  CHECK(contains(said("{\"__proto__\":{}}"), "__proto__"));
  CHECK(contains(said("{\"name\\u0000\":\"x\"}"), "NUL"));
  CHECK(contains(said("\xef\xbb\xbf{}"), "JSON"));
  CHECK(contains(said("{\"a\":1e999}"), "number"));
  CHECK(contains(said("{\"a\":\"\xff\"}"), "JSON"));
  CHECK(contains(said("[]"), "object"));
  CHECK(contains(said("{'a':1}"), "JSON"));
}

TEST_CASE("metadata, keys, provenance and depth have limits; the tarball's text has none here") {
  json::object sent = body();
  sent["_attachments"].as_object()["lib-1.0.0.tgz"].as_object()["data"] = std::string(1u << 20, 'A');
  PublishLimits small{
      .metadata_bytes_max = 4096, .provenance_bytes_max = 64, .depth_max = 16, .key_bytes_max = 64};
  CHECK(read(json::serialize(sent), 4096, small).tarball.size() == 1u << 20);

  auto said = [&](const std::string& text) {
    auto result = read(text, 1000, small);
    REQUIRE_FALSE(result.document.has_value());
    return result.document.error();
  };
  sent["readme"] = std::string(5000, 'r');
  CHECK(said(json::serialize(sent)).kind == ErrorKind::too_large);
  CHECK(contains(said("{\"" + std::string(65, 'k') + "\":1}").message, "key"));
  CHECK(contains(said(std::string(17, '[') + std::string(17, ']')).message, "JSON"));
  json::object provenance = body();
  provenance["_attachments"].as_object()["lib-1.0.0.sigstore"] = {{"data", std::string(65, 'p')},
                                                                  {"length", 65}};
  CHECK(said(json::serialize(provenance)).kind == ErrorKind::too_large);
}

TEST_CASE("an error of the sink is the parser's") {
  PublishParser parser(
      {}, [](std::string_view) -> Result<void> { return fail(ErrorKind::unavailable, "disk full"); });
  auto written = parser.write(json::serialize(body()));
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().message == "disk full");
}

TEST_CASE("a document survives its record, and its digest covers every member") {
  auto result = read(json::serialize(body()));
  REQUIRE(result.document.has_value());
  const PublishDocument& document = *result.document;
  auto back = publish_document_from_json(to_json(document));
  REQUIRE(back.has_value());
  CHECK(back->digest() == document.digest());
  PublishDocument other = document;
  SUBCASE("tag") {
    other.tag = "next";
  }
  SUBCASE("access") {
    other.access = "public";
  }
  SUBCASE("manifest") {
    other.manifest["scripts"] = {{"postinstall", "x"}};
  }
  SUBCASE("rest") {
    other.rest["readme"] = "x";
  }
  SUBCASE("provenance") {
    other.provenance = ProvenanceAttachment{"k", "t", "{}", 2};
  }
  CHECK(other.digest() != document.digest());
}
