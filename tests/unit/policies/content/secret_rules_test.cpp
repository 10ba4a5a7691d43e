#include "policies/content/secret_rules.hpp"

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>
#include <string>

#include "pattern_sample.hpp"
#include "scan_text.hpp"
#include "storage/base/base64.hpp"

namespace sallyport {
namespace {

const SecretRules& shipped() {
  static const SecretRules rules = SecretRules::parse(shipped_secret_rules(), "secret_rules.toml").value();
  return rules;
}

// A text of the rule's grammar with a keyword of its own nearby.
std::string sample(const SecretRule& rule, std::uint32_t seed) {
  return "const a = 1;\n" + rule.keywords[0] +
         " is what this is about\nvalue: " + PatternSample(rule.pattern, seed).make() + " \n";
}

bool found(const FileContent& content, const std::string& id) {
  return std::any_of(content.secrets.begin(), content.secrets.end(),
                     [&](const SecretHit& hit) { return hit.rule_id == id; });
}

TEST_CASE("every shipped rule finds what its grammar makes") {
  REQUIRE(shipped().rules.size() >= 100);
  ContentScan scan(shipped_rules());
  for (const SecretRule& rule : shipped().rules) {
    CAPTURE(rule.id);
    CHECK_FALSE(rule.description.empty());
    CHECK_FALSE(rule.keywords.empty());
    int hits = 0;
    for (std::uint32_t seed = 1; seed <= 8; ++seed) {
      const std::string text = sample(rule, seed);
      hits += found(scan_text(scan, text), rule.id);
    }
    CHECK(hits >= 6);  // of a few the entropy falls short by chance
  }
}

TEST_CASE("no shipped rule finds a run of one letter, or its grammar cut short") {
  ContentScan scan(shipped_rules());
  for (const SecretRule& rule : shipped().rules) {
    CAPTURE(rule.id);
    // A heading is enough for one, a password may be any text for the other.
    if (rule.id == "putty-private-key" || rule.id == "mongodb-url") continue;
    const auto matches = find_secrets(rule, {}, sample(rule, 1));
    REQUIRE_FALSE(matches.empty());
    std::string text = sample(rule, 1);
    const SecretMatch match = matches[0];
    // The random half of the secret becomes x, as placeholders are written.
    std::string placeholder = text;
    for (std::size_t i = match.offset + match.length / 4; i < match.offset + match.length; ++i)
      if (std::isalnum(static_cast<unsigned char>(placeholder[i]))) placeholder[i] = 'x';
    CHECK_FALSE(found(scan_text(scan, placeholder), rule.id));
    std::string cut = text;
    cut.replace(match.offset + match.length / 2, match.length - match.length / 2, "...");
    CHECK_FALSE(found(scan_text(scan, cut), rule.id));
  }
}

TEST_CASE("the constants of documentation are let pass, EXAMPLE inside a token is not") {
  const std::string prefix = "AKIA";
  CHECK(scan_text("key = \"" + prefix + "IOSFODNN7EXAMPLE\"").secrets.empty());
  CHECK(scan_text("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/" + std::string("bPxRfiCYEXAMPLEKEY\n"))
            .secrets.empty());
  CHECK(found(scan_text("key = \"" + prefix + "EXAMPLE2EXAMPLE3\""), "aws-access-key"));
  CHECK(
      found(scan_text("token = gh" + std::string("p_EXAMPLEexampleEXAMPLEexampleEXAMPLE1\n")), "github-pat"));
  CHECK(scan_text("NPM_TOKEN=npm_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx").secrets.empty());
  CHECK(scan_text("//registry.example.invalid/:_authToken=${NPM_TOKEN}").secrets.empty());
  CHECK(scan_text("-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----").secrets.empty());
}

TEST_CASE("a token that says a, b, c or foo is let pass, one that says anything besides is not") {
  const auto token = [](const std::string& payload) {
    std::string text = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9." + base64_encode(as_bytes(payload));
    while (text.back() == '=') text.pop_back();
    return text + ".mIcxteEVjbh2MnKQ3EQlojZojGSyA_guqRBYHQURcfnCSSBTT2OShF8lo9_ogjAv-5oECgmCur_cDWB7x3X53g";
  };
  for (const char* payload : {R"({"a":1,"b":2,"c":3})", R"({"a":1,"b":2,"c":3,"iat":1579521212})",
                              R"({"foo":"bar"})", R"({"foo":"bar","iat":1999999999})"})
    CHECK_MESSAGE(!found(scan_text(token(payload)), "jwt"), payload);
  for (const char* payload :
       {R"({"a":1,"b":2,"c":3,"sub":"8c1f"})", R"({"a":1,"b":2,"c":3,"iat":1,"u":1234})",
        R"({"a":1,"b":2,"c":4})", R"({"foo":"bar","sub":"8c1f"})", R"({"foo":"bar","iat":15795212,"x":7})",
        R"({"foo":"barium","uid":1})", R"({"sub":"8c1f","foo":"bar"})",
        R"({"foo":"bar","iat":1999999999,"uid":7})"})
    CHECK_MESSAGE(found(scan_text(token(payload)), "jwt"), payload);
}

TEST_CASE("a token after an escape, in upper case surroundings, in a JSON string list") {
  const std::string token = "gh" + std::string("p_") + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5";
  for (const std::string& text : {"\"a\\n" + token + "\\n\"", "[\"Bash(curl -H 'X: " + token + "')\"]", token,
                                  "\xff\xfe\x00" + token, "x" + token + "\n"})
    CHECK(found(scan_text(text), "github-pat"));
}

TEST_CASE("gitleaks' format is read as gitleaks reads it") {
  const std::string toml = R"x(
title = "ours"
[allowlist]
stopwords = ["harmless"]
paths = ['''.*''']
[[rules]]
id = "acme"
description = "Acme token"
regex = '''acme:(\w+)-([a-z]{8})'''
secretGroup = 2
entropy = 2.0
keywords = ["ACME"]
[[rules.allowlists]]
condition = "AND"
regexes = ['''.*''']
paths = ['''.*''']
[[rules.allowlists]]
regexTarget = "match"
regexes = ['''^acme:test-''']
[[rules]]
id = "by-path"
path = '''\.p12$'''
[[rules]]
id = "generic-api-key"
regex = '''key=(\w+)'''
)x";
  const auto parsed = SecretRules::parse(toml, "own.toml");
  REQUIRE(parsed.has_value());
  REQUIRE(parsed->rules.size() == 1);
  const SecretRule& rule = parsed->rules[0];
  CHECK(rule.keywords == std::vector<std::string>{"acme"});
  const auto count = [&](std::string_view text) { return find_secrets(rule, parsed->allows, text).size(); };
  CHECK(count("acme:live-abcdefgh") == 1);
  CHECK(count("acme:test-abcdefgh") == 0);  // allowed by its match
  CHECK(count("acme:live-aaaaaaaa") == 0);  // entropy
  CHECK(count("acme:live-harmless") == 0);  // a stop word of the file
  const auto match = find_secrets(rule, {}, "acme:live-abcdefgh");
  CHECK(match.at(0).offset == 10);
  CHECK(match.at(0).length == 8);
}

TEST_CASE("a regex that is only checked when it is used fails there, and never finds nothing") {
  const std::string toml = "[[rules]]\nid = \"a\"\nregex = '''(?=x)'''\nkeywords = [\"x\"]\n";
  const auto parsed = SecretRules::parse(toml, "own.toml", SecretRules::Check::at_use);
  REQUIRE(parsed.has_value());
  CHECK_THROWS_AS(find_secrets(parsed->rules.at(0), {}, "x"), std::runtime_error);
}

TEST_CASE("what is wrong with a rule file is said with file, line and reason") {
  const std::pair<const char*, const char*> cases[] = {
      {"[[rules]]\nid = \"a\"\nregex = '''(?=x)'''\n", "own.toml:3: rule \"a\": its regex cannot be used"},
      {"[[rules]]\nregex = 'x'\n", "own.toml:1: a rule has no id"},
      {"[[rules]]\nid = \"a\"\n", "own.toml:1: rule \"a\" has no regex"},
      {"[[rules]]\nid = \"a\"\nregex = 'x'\nentropie = 3\n",
       "own.toml:4: unknown key \"entropie\" in rule \"a\"; did you mean \"entropy\"?"},
      {"[[rules]]\nid = \"a\"\nregex = 'x'\nsecretGroup = 1\n", "own.toml:4: rule \"a\" has no such group"},
      {"[[rules]]\nid = \"a\"\nregex = 'x'\n[[rules]]\nid = \"a\"\nregex = 'x'\n",
       "rule \"a\" is there twice"},
      {"[extend]\nuseDefault = true\n", "own.toml:1: unknown key \"extend\""},
      {"[[rules]\n", "own.toml:1: "},
  };
  for (const auto& [toml, message] : cases) {
    const auto parsed = SecretRules::parse(toml, "own.toml");
    REQUIRE_FALSE(parsed.has_value());
    CHECK_MESSAGE(parsed.error().message.find(message) != std::string::npos, parsed.error().message);
  }
}

TEST_CASE("entropy is counted in bits a character") {
  CHECK(shannon_entropy("aaaa") == doctest::Approx(0));
  CHECK(shannon_entropy("abab") == doctest::Approx(1));
  CHECK(shannon_entropy("abcd") == doctest::Approx(2));
}

}  // namespace
}  // namespace sallyport
