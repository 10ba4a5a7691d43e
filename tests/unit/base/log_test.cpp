#include "storage/base/log.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "storage/base/json.hpp"

using namespace sallyport;

namespace {

class Captured {
 public:
  Captured() {
    log::set_level(log::Level::debug);
    log::set_sink([this](std::string_view line) { lines.emplace_back(line); });
  }
  ~Captured() {
    log::set_sink({});
    log::set_level(log::Level::info);
  }
  std::vector<std::string> lines;
};

const std::string npm_token = "npm_" + std::string(36, 'a');
const std::string our_token = "slp_" + std::string(20, 'A') + "-_" + std::string(21, '9');

}  // namespace

TEST_CASE("an event is one line of JSON") {
  Captured captured;
  log::info("publish.held",
            {{"package", "@acme/lib"}, {"bytes", 12}, {"text", "two\nlines"}, {"time", "forged"}});
  REQUIRE(captured.lines.size() == 1);
  CHECK(captured.lines[0].find('\n') == std::string::npos);
  const auto line = parse_strict(captured.lines[0]).value().as_object();
  CHECK(string_at(line, "level") == "info");
  CHECK(string_at(line, "event") == "publish.held");
  CHECK(int_at(line, "bytes") == 12);
  CHECK(string_at(line, "text") == "two\nlines");
  CHECK(string_at(line, "time") != "forged");
}

TEST_CASE("levels below the threshold are silent") {
  Captured captured;
  log::set_level(log::Level::warn);
  log::debug("a");
  log::info("b");
  log::warn("c");
  log::error("d");
  CHECK(captured.lines.size() == 2);
  log::set_level(log::Level::off);
  log::error("e");
  CHECK(captured.lines.size() == 2);
  CHECK(log::parse_level("debug", log::Level::info) == log::Level::debug);
  CHECK(log::parse_level("loud", log::Level::warn) == log::Level::warn);
}

TEST_CASE("no token reaches a line") {
  const std::string registered = "s3cr3t-of-the-upstream";
  log::redact(registered);
  Captured captured;
  const std::vector<std::string> leaks = {"sent " + npm_token + " up",
                                          "(" + our_token + ")",
                                          "Authorization: Bearer abc.def",
                                          "authorization: Basic dXNlcjpwYXNz",
                                          "Bearer abcDEF123+/=",
                                          "bearer   abcDEF123",
                                          "BASIC dXNlcjpwYXNz",
                                          "x" + registered + "y",
                                          "//host/:_authToken=deadbeef",
                                          "_auth = \"dXNlcjpwYXNz\"",
                                          "https://alice:hunter2@host/path",
                                          "{\"authorization\":\"Bearer abc.def\"}"};
  const std::vector<std::string> secrets = {npm_token,   our_token,  "abc.def",  "dXNlcjpwYXNz",
                                            "abcDEF123", registered, "deadbeef", "hunter2"};
  for (const auto& leak : leaks) {
    log::info("e", {{"text", leak}, {"deep", {{"list", {leak}}}}, {leak, 1}});
    log::info(leak);
  }
  CHECK(captured.lines.size() == leaks.size() * 2);
  for (const auto& line : captured.lines) {
    CAPTURE(line);
    CHECK(line.find("***") != std::string::npos);
    for (const auto& secret : secrets) CHECK(line.find(secret) == std::string::npos);
  }
}

TEST_CASE("a member that is named after a secret is hidden whatever it holds") {
  Captured captured;
  log::info(
      "e",
      {{"Authorization", "x"}, {"password", 1234}, {"headers", {{"cookie", "a=b"}, {"npm-otp", "123456"}}}});
  const std::string& line = captured.lines.at(0);
  CHECK(line.find("1234") == std::string::npos);
  CHECK(line.find("a=b") == std::string::npos);
}

TEST_CASE("ordinary text stays as it is") {
  for (const char* text :
       {"npm_config_registry is set", "slp_short", "see https://host/path@1.0.0", "the authorization failed",
        "user alice@host", "bearer", "a basic", "npm_package_json"}) {
    CHECK(log::redacted(text) == text);
  }
  log::redact("short");  // seven characters or fewer are no secret
  CHECK(log::redacted("a short word") == "a short word");
}

TEST_CASE("a value that is not text, or too long, still makes a line that is") {
  Captured captured;
  log::info("e", {{"bytes", "\xFF\x1b["}, {"long", std::string(100'000, 'x')}});
  const auto line = parse_strict(captured.lines.at(0));
  REQUIRE(line.has_value());
  CHECK(captured.lines[0].size() < 10'000);
}
