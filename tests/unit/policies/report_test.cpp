#include "policies/report.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "policies/rule.hpp"

namespace sallyport {

namespace {

Finding finding(std::string rule, Action action, std::string file = {}) {
  Finding f;
  f.rule = std::move(rule);
  f.action = action;
  f.file = std::move(file);
  f.message = "source map carries the text of 1,906 of your files (512,000 lines)";
  f.fix = "build with source maps off (bun: --sourcemap=none) or leave *.map out of \"files\"";
  f.fingerprint = "sha256-00";
  return f;
}

Report report() {
  Report r;
  r.name = "@acme/lib";
  r.version = "1.2.3";
  r.integrity = "sha512-AA==";
  r.shasum = "00";
  r.packed_bytes = 1234;
  r.unpacked_bytes = 59'800'000;
  r.file_count = 2;
  r.verdict = Verdict::block;
  r.findings = {finding("size/file", Action::block, "package/cli js#1.map"),
                finding("size/jump", Action::escalate),
                finding("deps/new", Action::warn, "package/package.json"),
                finding("size/new-type", Action::note, "package/a")};
  r.findings[0].line = 7;
  r.findings[3].offset = 99;
  r.baseline = "1.2.2";
  r.policy_digest = "sha256-11";
  return r;
}

// Lines of a text; npm's terminal must never be driven by them.
std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '\n') {
      out.emplace_back();
    } else {
      CHECK(static_cast<unsigned char>(c) >= 0x20);
      out.back() += c;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("the JSON report has the members the design names") {
  const json::object out = to_json(report());
  std::vector<std::string> members;
  for (const auto& [key, value] : out) members.emplace_back(key);
  CHECK(members == std::vector<std::string>{"name", "version", "integrity", "shasum", "size", "unpackedSize",
                                            "fileCount", "verdict", "findings", "baseline", "facts",
                                            "policy"});
  CHECK(out.at("verdict") == "block");
  CHECK(out.at("baseline") == "1.2.2");
  CHECK(out.at("size") == 1234);
  CHECK(out.at("facts").at("v") == 1);
  const json::object& first = out.at("findings").at(0).get_object();
  members.clear();
  for (const auto& [key, value] : first) members.emplace_back(key);
  CHECK(members == std::vector<std::string>{"rule", "action", "file", "line", "offset", "message", "fix",
                                            "evidence", "fingerprint"});
  CHECK(first.at("line") == 7);
  CHECK(first.at("offset").is_null());
  CHECK(out.at("findings").at(1).at("file").is_null());
  Report fresh = report();
  fresh.baseline.clear();
  CHECK(to_json(fresh).at("baseline").is_null());
}

TEST_CASE("the text report counts, and is coloured only when asked") {
  const std::string plain = to_text(report(), false), coloured = to_text(report(), true);
  CHECK(plain.find('\x1b') == std::string::npos);
  CHECK(coloured.find("\x1b[31m") != std::string::npos);
  CHECK(plain.find("@acme/lib@1.2.3") == 0);
  CHECK(plain.find("package/cli js#1.map:7") != std::string::npos);
  CHECK(plain.find("compared with 1.2.2") != std::string::npos);
  CHECK(
      plain.find("block: a publish would be refused, 1 refused, 1 escalated, 1 to acknowledge,\n1 noted\n") !=
      std::string::npos);
  CHECK(plain.find("size/file") < plain.find("size/jump"));
}

TEST_CASE("a hostile name or file drives no terminal") {
  Report r = report();
  r.name = "a\x1b]0;owned\x07";
  r.findings[0].file = "package/\x1b[2J\n.js";
  r.findings[0].evidence = "\xe2\x80\xae\r\n";
  for (const std::string& text : {to_text(r, false), refusal_text(r)}) {
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\r') == std::string::npos);
    CHECK(text.find("\xe2\x80\xae") == std::string::npos);
    lines(text);
  }
}

TEST_CASE("a refusal names each blocking rule, its file, its reason and its fix, in narrow lines") {
  Report r = report();
  for (int i = 0; i < 3; ++i)
    r.findings.insert(r.findings.begin(), finding("pack/private", Action::block, "package/package.json"));
  const std::string text = refusal_text(r);
  CHECK(text.starts_with("@acme/lib@1.2.3 is refused: 4 findings.\n"));
  CHECK(text.find("pack/private, 3 findings:\n") != std::string::npos);
  CHECK(text.find("size/file: package/cli js#1.map:7") != std::string::npos);
  CHECK(text.find("1,906 of your files") != std::string::npos);
  CHECK(text.find("--sourcemap=none") != std::string::npos);
  CHECK(text.find("size/jump") == std::string::npos);
  CHECK_FALSE(text.ends_with("\n"));
  for (const std::string& line : lines(text)) CHECK(line.size() <= 76);

  const std::string cut = refusal_text(r, 1);
  CHECK(cut.find("size/file") == std::string::npos);
  CHECK(cut.find("And 1 more") != std::string::npos);
}

TEST_CASE("hundreds of findings stay readable: each rule once, with its first files and a count") {
  Report r = report();
  r.findings.clear();
  for (int i = 0; i < 200; ++i) {
    r.findings.push_back(finding("leak/source-map", Action::block, "package/" + std::to_string(i) + ".map"));
    r.findings.push_back(finding("leak/secret", Action::block, "package/" + std::to_string(i) + ".js"));
    r.findings.back().message = "secret number " + std::to_string(i);
  }
  for (const std::string& text : {to_text(r, false), refusal_text(r)}) {
    CAPTURE(text);
    const auto all = lines(text);
    CHECK(all.size() < 40);
    for (const std::string& line : all) CHECK(line.size() <= 76);
    CHECK(text.find("leak/secret") < text.find("leak/source-map"));
    CHECK(text.find("package/0.map\n") != std::string::npos);
    CHECK(text.find("secret number 10\n") != std::string::npos);  // said of each, since they differ
    const std::string reason = "the text of 1,906 of your files";
    CHECK(text.find(reason) == text.rfind(reason));  // said once, since all say it
  }
  CHECK(to_text(r, false).find("and 195 more\n") != std::string::npos);
  CHECK(refusal_text(r).find("and 197 more\n") != std::string::npos);
  CHECK(to_text(r, false).find("400 refused") != std::string::npos);
}

TEST_CASE("a report keeps to the width it is given, a word longer than that aside") {
  Report r = report();
  r.findings[0].file = "package/" + std::string(150, 'x');
  for (const std::size_t columns : {40u, 60u, 100u}) {
    for (const std::string& line : lines(to_text(r, false, columns)))
      CHECK((line.size() <= columns || line.find(std::string(150, 'x')) != std::string::npos));
  }
  CHECK(to_text(r, false, 5) == to_text(r, false, 40));
  CHECK(to_text(r, false, 100'000) == to_text(r, false, 120));
}

TEST_CASE("what the last approved release had is listed after what is new, and counts for itself") {
  Report r = report();
  r.findings = {finding("leak/a", Action::warn, "package/old.js"),
                finding("leak/a", Action::warn, "package/new.js"), finding("leak/b", Action::warn)};
  r.findings[0].known = true;
  r.verdict = Verdict::hold;
  const std::string text = to_text(r, false);
  CHECK(text.find("package/new.js") < text.find("leak/b"));
  CHECK(text.find("leak/b") < text.find("package/old.js, as in the last approved release"));
  CHECK(text.find("at these findings, 2 to\nacknowledge, 1 as in the last approved release") !=
        std::string::npos);
  CHECK(to_json(r.findings[0]).at("known") == true);
  CHECK_FALSE(to_json(r.findings[1]).contains("known"));
}

TEST_CASE("a waived finding says by whom, until when and why, in every form") {
  Report r = report();
  r.findings = {finding("leak/secret", Action::note, "package/a.js")};
  r.findings[0].waiver = {"ada", "an \x1b[31mexample", "2026-12-31", Action::block};
  r.verdict = Verdict::clean;
  const std::string text = to_text(r, false);
  CHECK(text.find("waived by ada until 2026-12-31: an ?[31mexample") != std::string::npos);
  CHECK(text.find("clean, 1 waived") != std::string::npos);
  const json::object out = to_json(r.findings[0]);
  CHECK(out.at("action") == "note");
  CHECK(out.at("waiver").at("owner") == "ada");
  CHECK(out.at("waiver").at("until") == "2026-12-31");
  CHECK(out.at("waiver").at("insteadOf") == "block");
  const json::object sarif = to_sarif(r);
  const json::object& result = sarif.at("runs").at(0).at("results").at(0).get_object();
  CHECK(result.at("level") == "error");  // what it would be, were it not suppressed
  CHECK(result.at("suppressions").at(0).at("kind") == "external");
  CHECK(result.at("suppressions").at(0).at("justification").get_string().starts_with("waived by ada"));
}

TEST_CASE("a hostile path becomes no URI that leads out of the package") {
  Report r = report();
  r.findings.clear();
  for (const char* path : {"/etc/passwd", "package/../../etc/passwd", "..", "package//evil.example.invalid/x",
                           "package/./x", "package/", "nothing", "package/%2e%2e/x", "package/a:b",
                           "package/caf\xc3\xa9?#.js", "package/a\\..\\b"})
    r.findings.push_back(finding("leak/secret", Action::block, path));
  const json::object sarif = to_sarif(r);
  std::vector<std::string> uris;
  for (const json::value& result : sarif.at("runs").at(0).at("results").get_array()) {
    uris.emplace_back(
        result.at("locations").at(0).at("physicalLocation").at("artifactLocation").at("uri").get_string());
  }
  const std::string nowhere = "package.json";
  CHECK(uris == std::vector<std::string>{nowhere, nowhere, nowhere, nowhere, nowhere, nowhere, nowhere,
                                         "%252e%252e/x", "a%3Ab", "caf%C3%A9%3F%23.js", "a%5C..%5Cb"});
  CHECK(sarif.at("runs").at(0).at("results").at(0).at("properties").at("path") == "/etc/passwd");
}

TEST_CASE("SARIF has what 2.1.0 requires, and its references hold") {
  const json::object sarif = to_sarif(report());
  CHECK(sarif.at("version") == "2.1.0");
  const json::object& run = sarif.at("runs").at(0).get_object();
  const json::array& rules = run.at("tool").at("driver").at("rules").get_array();
  CHECK(run.at("tool").at("driver").at("name") == "Sallyport");
  const json::array& results = run.at("results").get_array();
  REQUIRE(results.size() == 4);
  CHECK(rules.size() == 4);
  for (const json::value& result : results) {
    const json::value& rule = rules.at(result.at("ruleIndex").to_number<std::size_t>());
    CHECK(rule.at("id") == result.at("ruleId"));
    CHECK_FALSE(rule.at("help").at("text").get_string().empty());
    CHECK_FALSE(result.at("message").at("text").get_string().empty());
    CHECK(result.at("partialFingerprints").at("sallyportFinding/v1") == "sha256-00");
    const auto& artifact =
        result.at("locations").at(0).at("physicalLocation").at("artifactLocation").get_object();
    CHECK(run.at("originalUriBaseIds").get_object().contains(artifact.at("uriBaseId").get_string()));
    CHECK(artifact.at("uri").get_string().find(' ') == json::string::npos);
  }
  CHECK(results.at(0).at("level") == "error");
  CHECK(results.at(1).at("level") == "error");
  CHECK(results.at(2).at("level") == "warning");
  CHECK(results.at(3).at("level") == "note");
  const auto physical = [&](std::size_t i) -> const json::value& {
    return results.at(i).at("locations").at(0).at("physicalLocation");
  };
  CHECK(physical(0).at("artifactLocation").at("uri") == "cli%20js%231.map");
  CHECK(physical(0).at("region").at("startLine") == 7);
  CHECK(physical(1).at("artifactLocation").at("uri") == "package.json");
  CHECK(physical(3).at("region").at("byteOffset") == 99);
}

TEST_CASE("a finding of no rule, such as the engine's own, is in SARIF without an index") {
  Report r = report();
  r.findings = {finding("inspection/incomplete", Action::block)};
  const json::object sarif = to_sarif(r);
  const json::object& result = sarif.at("runs").at(0).at("results").at(0).get_object();
  CHECK(result.at("ruleId") == "inspection/incomplete");
  CHECK_FALSE(result.contains("ruleIndex"));
}

}  // namespace sallyport
