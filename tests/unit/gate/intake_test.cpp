// Publish bodies through the whole intake: what does not hold together is refused with a sentence that names
// the fault, and leaves nothing in the blob store.

#include <doctest/doctest.h>

#include "tests/support/gate_house.hpp"

using namespace sallyport;

namespace {

struct Received {
  Result<ReceivedPublish> publish = fail(ErrorKind::internal, "not run");
  std::size_t blobs_left = 0;
};

std::string message_of(const Received& received) {
  return received.publish ? "" : received.publish.error().message;
}

// Feeds `text` in steps, as the socket would, then drops what came of it.
Received receive(std::string_view text, std::size_t step = std::string_view::npos) {
  MemoryBlobStore blobs;
  Received out;
  {
    Intake intake(PackageName::parse("lib").value(), blobs.begin().value(), gate_rules());
    std::optional<Error> refused;
    for (std::size_t at = 0; at < text.size() && !refused; at += std::min(step, text.size() - at))
      if (auto fed = intake.feed(text.substr(at, step)); !fed) refused = fed.error();
    if (refused)
      out.publish = *refused;
    else
      out.publish = intake.finish();
  }
  (void)blobs.walk([&](const BlobInfo&) { return ++out.blobs_left, true; });
  return out;
}

// npm's body with one member of the tarball's attachment, or of `dist`, replaced.
std::string with_attachment(std::string_view member, const auto& value) {
  const PublishBody body = clean_body();
  json::object document = body.document();
  document["_attachments"].get_object()[body.tarball_key()].get_object()[member] = value;
  return json::serialize(document);
}
std::string with_dist(std::string_view member, const auto& value) {
  json::object document = clean_body().document();
  document["versions"].get_object()["1.0.0"].get_object()["dist"].get_object()[member] = value;
  return json::serialize(document);
}
std::string without_dist(std::string_view member) {
  json::object document = clean_body().document();
  document["versions"].get_object()["1.0.0"].get_object()["dist"].get_object().erase(member);
  return json::serialize(document);
}
std::string encoded() {
  return base64_encode(as_bytes(clean_body().tarball()));
}

void check_refused(const std::string& text, std::string_view says, ErrorKind kind = ErrorKind::invalid) {
  const Received received = receive(text);
  REQUIRE_FALSE(received.publish.has_value());
  CHECK(received.publish.error().kind == kind);
  CHECK_MESSAGE(message_of(received).find(says) != std::string::npos, message_of(received));
  CHECK(received.blobs_left == 0);
}

}  // namespace

TEST_CASE("a publish arrives whole wherever its bytes are split") {
  const PublishBody body = clean_body();
  const std::string text = body.text();
  const std::string tarball = body.tarball();
  for (const std::size_t step : {std::size_t(1), std::size_t(3), std::size_t(64), text.size()}) {
    Received received = receive(text, step);
    REQUIRE_MESSAGE(received.publish.has_value(), message_of(received));
    CHECK(received.publish->digests.sha512 == sha512(as_bytes(tarball)));
    CHECK(received.publish->digests.sha1 == sha1(as_bytes(tarball)));
    CHECK(received.publish->tarball->size() == tarball.size());
    CHECK(received.blobs_left == 0);  // received is not yet kept
  }
}

TEST_CASE("two parts of a body, split at every byte, give the same release") {
  const std::string text = clean_body().text();
  const Sha512 expected = sha512(as_bytes(clean_body().tarball()));
  MemoryBlobStore blobs;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    Intake intake(PackageName::parse("lib").value(), blobs.begin().value(), gate_rules());
    REQUIRE(intake.feed(std::string_view(text).substr(0, at)).has_value());
    REQUIRE(intake.feed(std::string_view(text).substr(at)).has_value());
    const auto received = intake.finish();
    REQUIRE(received.has_value());
    REQUIRE(received->digests.sha512 == expected);
  }
}

TEST_CASE("attachments may come first") {
  const json::object sent = clean_body().document();
  json::object turned;
  turned["_attachments"] = sent.at("_attachments");
  for (auto it = sent.end(); it != sent.begin();) {
    --it;
    turned.insert_or_assign(it->key(), it->value());
  }
  REQUIRE(turned.begin()->key() == "_attachments");
  for (const std::size_t step : {std::size_t(1), std::size_t(500)}) {
    const Received received = receive(json::serialize(turned), step);
    REQUIRE_MESSAGE(received.publish.has_value(), message_of(received));
    CHECK(received.publish->digests.sha512 == sha512(as_bytes(clean_body().tarball())));
  }
}

TEST_CASE("digests that are not those of the bytes are refused") {
  const std::string other = to_integrity(sha512(as_bytes("other bytes")));
  check_refused(with_dist("integrity", other), "\"dist.integrity\" is not the digest of the tarball sent");
  check_refused(with_dist("shasum", to_hex(sha1(as_bytes("other bytes")))),
                "\"dist.shasum\" is not the digest of the tarball sent");
  check_refused(without_dist("integrity"), "must carry \"integrity\" and \"shasum\"");
  check_refused(without_dist("shasum"), "must carry \"integrity\" and \"shasum\"");
  check_refused(with_dist("integrity", ""), "must carry \"integrity\" and \"shasum\"");
  check_refused(with_dist("integrity", 7), "must carry \"integrity\" and \"shasum\"");
  const std::string tarball = clean_body().tarball();
  check_refused(with_dist("integrity", "sha1-" + base64_encode(Bytes(sha1(as_bytes(tarball)).bytes))),
                "must be a sha512");
  check_refused(with_dist("integrity", "md5-AAAA"), "integrity");
  // The right digest in another writing of it: capitals in hex are another text.
  check_refused(with_dist("shasum", "0x" + to_hex(sha1(as_bytes(tarball)))), "\"dist.shasum\"");
}

TEST_CASE("a length that is not that of the bytes is refused") {
  const auto size = static_cast<std::int64_t>(clean_body().tarball().size());
  check_refused(with_attachment("length", size - 1), "its \"length\" says");
  check_refused(with_attachment("length", size + 1), "its \"length\" says");
  check_refused(with_attachment("length", 0), "its \"length\" says");
  check_refused(with_attachment("length", -1), "must say its \"length\"");
  check_refused(with_attachment("length", "12"), "must say its \"length\"");
  check_refused(with_attachment("length", nullptr), "must say its \"length\"");
}

TEST_CASE("base64 of every sort that readers take differently is refused") {
  const std::string good = encoded();
  REQUIRE(good.size() > 100);
  const auto at = [&](std::size_t where, std::string_view what) {
    std::string text = good;
    text.replace(where, what.size(), what);
    return with_attachment("data", text);
  };
  check_refused(at(40, " "), "base64");
  check_refused(at(40, "\n"), "base64");
  check_refused(at(40, "\r\n"), "base64");
  check_refused(at(40, "\t"), "base64");
  check_refused(at(40, "-"), "base64");
  check_refused(at(40, "_"), "base64");
  check_refused(at(40, "="), "base64");
  check_refused(at(40, "\xC3\xA9"), "base64");
  check_refused(at(40, std::string_view("\0", 1)), "base64");
  check_refused(with_attachment("data", good + "\n"), "base64");
  check_refused(with_attachment("data", " " + good), "base64");
  check_refused(with_attachment("data", good + good), "");  // data after the padding, or other bytes
  check_refused(with_attachment("data", good + "===="), "base64");
  check_refused(with_attachment("data", good + "A"), "base64");
  check_refused(with_attachment("data", ""), "length");
  check_refused(with_attachment("data", "===="), "base64");
  check_refused(with_attachment("data", json::array{good}), "data");
}

TEST_CASE("padding is required, and the bits beneath it are zero") {
  // A tarball whose size asks for padding; bytes of a gzip header's mtime do not matter to it.
  PublishBody body = clean_body();
  while (body.tarball().size() % 3 != 1) body.code += "1";
  const std::string good = base64_encode(as_bytes(body.tarball()));
  REQUIRE(good.ends_with("=="));
  const auto with = [&](const std::string& data) {
    json::object document = body.document();
    document["_attachments"].get_object()[body.tarball_key()].get_object()["data"] = data;
    return json::serialize(document);
  };
  const Received whole = receive(with(good));
  REQUIRE_MESSAGE(whole.publish.has_value(), message_of(whole));
  check_refused(with(good.substr(0, good.size() - 2)), "base64");
  check_refused(with(good.substr(0, good.size() - 1)), "base64");
  check_refused(with(good + "="), "base64");
  check_refused(with(good + "QUJD"), "base64");
  std::string bits = good;
  char& last = bits[bits.size() - 3];  // 'A', 'Q', 'g' or 'w': the lower four bits are zero
  ++last;
  check_refused(with(bits), "base64");
}

TEST_CASE("a body that ends early is refused wherever it ends") {
  const std::string text = clean_body().text();
  for (std::size_t length = 0; length < text.size(); length += 7) {
    const Received received = receive(std::string_view(text).substr(0, length));
    REQUIRE_FALSE(received.publish.has_value());
    REQUIRE(received.publish.error().kind == ErrorKind::invalid);
    REQUIRE(received.blobs_left == 0);
  }
  check_refused(text.substr(0, text.size() - 1), "ends before the publish document does");
}

TEST_CASE("bytes after the end are refused, blanks are not") {
  const std::string text = clean_body().text();
  check_refused(text + "{}", "after the end");
  check_refused(text + "\n" + text, "after the end");
  check_refused(text + std::string(1, '\0'), "after the end");
  CHECK(receive(text + " \r\n").publish.has_value());
}

TEST_CASE("a disk that fails while the body arrives is the answer") {
  MemoryBlobStore memory;
  FaultyBlobStore blobs(memory);
  blobs.appends().fail_nth(1, fail(ErrorKind::unavailable, "The disk is full."));
  Intake intake(PackageName::parse("lib").value(), blobs.begin().value(), gate_rules());
  const auto fed = intake.feed(clean_body().text());
  REQUIRE_FALSE(fed.has_value());
  CHECK(fed.error().kind == ErrorKind::unavailable);
  CHECK(fed.error().message == "The disk is full.");
}
