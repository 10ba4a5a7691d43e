#include "policies/content/text_patterns.hpp"

#include <re2/re2.h>
#include <utf8proc.h>

#include <array>
#include <set>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

struct Pattern {
  std::string_view id, sign, description, regex;
  std::vector<std::string> keywords;
  std::string_view allowed = {};
};

// People and folders that documentation makes up, and homes that belong to a container.
constexpr std::string_view nobody =
    R"((?i)^(?:[a-z]:)?[/\\]+(?:users|home)[/\\]+(?:you|me|user|users|username|user-?name|your-?\w*|my-?\w*|foo|bar|baz|test|tests|example|someone|somebody|name|home|path|to|node|app|web|ubuntu|vagrant|docker|pi|guest|shared|public|default|john|jane|alice|bob|joe|xxx+|\.+|dir|project|projects|workspace|work|root|linuxbrew)(?:[/\\]|$))";

const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all = {
      {"home-path",
       sign_build_path,
       "a path in somebody's home folder",
       R"re((?:^|[^\w.\-/)}\]%~*]|file://)(/Users/[A-Za-z][\w.\-]{0,40}/[\w.@\-]{1,60}|/home/[a-z_][a-z0-9_.\-]{0,40}/[\w.@\-]{1,60}/[\w.@\-]{1,60}|[A-Za-z]:(?:\\{1,4}|/)Users(?:\\{1,4}|/)[A-Za-z][\w.\-]{0,40}(?:\\{1,4}|/)[\w.@\-]))re",
       {"/users/", "/home/", ":\\users\\", ":\\\\users\\\\"},
       nobody},
      {"ci-path",
       sign_build_path,
       "a path of a build machine",
       R"re((?:^|[^\w.\-)}\]%~*])((?:/home/runner/work/|/github/workspace/|/builds/[\w.\-]{1,40}/[\w.\-]{1,40}/[\w.@\-]{1,60}/|/var/lib/jenkins/|/var/jenkins_home/|/home/circleci/|/home/vsts/work/|/opt/atlassian/pipelines/agent/|/opt/buildagent/|/codebuild/output/|/bitrise/src/|/home/travis/build/|/drone/src/|[A-Z]:(?:\\{1,2}|/)a(?:\\{1,2}|/)(?:_work|1)(?:\\{1,2}|/))[\w.@\-]{1,60}))re",
       {"/runner/work/", "/github/workspace/", "/builds/", "/jenkins", "/home/circleci/", "/home/vsts/",
        "/pipelines/agent/", "/buildagent/", "/codebuild/output/", "/bitrise/src/", "/travis/build/",
        "/drone/src/", ":\\a\\", ":\\\\a\\\\", ":/a/"}},
      {"internal-host",
       sign_build_path,
       "a host inside a private network",
       R"re((?i)(?:https?|wss?|ssh|git|ftp|redis|postgres(?:ql)?|mysql|mongodb|amqps?)://(?:[^\s"'`/@<>]{1,80}@)?((?:[a-z0-9][a-z0-9\-]{0,62}\.){1,6}(?:internal|corp|intranet|lan|localdomain|private))(?:[:/"'`\s]|$))re",
       {".internal", ".corp", ".intranet", ".lan", ".localdomain", ".private"},
       R"((?i)(?:^|\.)(?:example|test|foo|bar|my|your|acme|company|docker|google|compute|ec2|googleapis|metadata\.\w+)\.(?:internal|corp|intranet|lan|private)$)"},
      {"private-address",
       sign_build_path,
       "an address inside a private network",
       R"re((?:^|["'`@]|//)((?:10(?:\.(?:25[0-5]|2[0-4]\d|1?\d{1,2})){3}|172\.(?:1[6-9]|2\d|3[01])(?:\.(?:25[0-5]|2[0-4]\d|1?\d{1,2})){2}|192\.168(?:\.(?:25[0-5]|2[0-4]\d|1?\d{1,2})){2}))(?:["'`:]|/(?:[^\d]|$)|\s|$))re",
       {"\"10.", "'10.", "`10.", "@10.", "//10.", "\"172.", "'172.", "`172.", "@172.", "//172.", "192.168."},
       R"(^(?:10\.0\.[0-2]\.\d{1,2}|10\.(\d+)\.\d+\.0|10\.10\.10\.10|10\.1\.1\.1|10\.1\.2\.3|10\.11\.12\.13|10\.20\.30\.40|10\.255\.\d+\.\d+|172\.(?:16|17|18|20|31)\.\d+\.\d{1,2}|172\.31\.255\.\d+|192\.168\.(?:[01]|2|10|50|100|99|178|254|255)\.\d{1,3}|192\.168\.\d+\.(?:0|1|254|255))$)"},
      {"not-for-others",
       sign_internal,
       "that it is for people of the house",
       R"re((?i)(?:^|[^\w@])(strictly confidential|company confidential|confidential and proprietary|proprietary and confidential|confidential[ \-–:]{1,3}internal|internal[ \-]use[ \-]only|internal[ \-]only|not for (?:external|public) distribution)(?:[^\w]|$))re",
       {"confidential", "internal use only", "internal-use-only", "internal only", "internal-only",
        "not for external", "not for public"}},
      {"eval-devtool",
       sign_eval,
       "code wrapped for webpack's eval devtool",
       R"re((sourceURL=webpack(?:-internal)?:///))re",
       {"sourceurl=webpack"}},
      {"debugger-statement",
       sign_debugger,
       "a debugger statement",
       R"re((?:^|[;{})\s])(debugger)\s{0,8}(?:[;}]|\n|$))re",
       {"debugger"}},
      {"development-branch",
       sign_branches,
       "a branch for development only",
       R"re((?:process\.env\.NODE_ENV\s{0,8}!==?\s{0,8}["']production["']|["']production["']\s{0,8}!==?\s{0,8}process\.env\.NODE_ENV|process\.env\.NODE_ENV\s{0,8}===?\s{0,8}["']development["']|["']development["']\s{0,8}===?\s{0,8}process\.env\.NODE_ENV))re",
       {"process.env.node_env"}},
      {"console-debug",
       sign_console,
       "a console.debug call",
       R"re((?:^|[^\w$.])(console\.debug\())re",
       {"console.debug("}},
  };
  return all;
}

void append_hex(std::string& out, std::uint8_t byte) {
  constexpr char digits[] = "0123456789abcdef";
  out += "\\x";
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

// One character in the encoding that is searched for.
std::string encoded(utf8proc_int32_t point, bool wide) {
  std::string out;
  if (!wide) {
    std::array<utf8proc_uint8_t, 4> bytes{};
    const auto size = static_cast<std::size_t>(utf8proc_encode_char(point, bytes.data()));
    for (std::size_t i = 0; i < size; ++i) append_hex(out, bytes[i]);
    return out;
  }
  const auto unit = [&](std::uint32_t value) {
    append_hex(out, static_cast<std::uint8_t>(value & 0xff));
    append_hex(out, static_cast<std::uint8_t>(value >> 8 & 0xff));
  };
  const auto value = static_cast<std::uint32_t>(point);
  if (value < 0x10000) {
    unit(value);
  } else {
    unit(0xd800 + ((value - 0x10000) >> 10));
    unit(0xdc00 + ((value - 0x10000) & 0x3ff));
  }
  return out;
}

// The word in any case of its letters: an expression that means the same to RE2 and to Vectorscan.
std::string word_expression(std::string_view word, bool wide) {
  std::string out;
  while (!word.empty()) {
    utf8proc_int32_t point = 0;
    const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(word.data()),
                                       static_cast<utf8proc_ssize_t>(word.size()), &point);
    word.remove_prefix(static_cast<std::size_t>(std::max<utf8proc_ssize_t>(size, 1)));
    std::set<std::string> forms = {encoded(point, wide), encoded(utf8proc_tolower(point), wide),
                                   encoded(utf8proc_toupper(point), wide)};
    if (forms.size() == 1) {
      out += *forms.begin();
      continue;
    }
    std::string either;
    for (const std::string& form : forms) either += (either.empty() ? "(?:" : "|") + form;
    out += either + ")";
  }
  return out;
}

}  // namespace

std::vector<SecretRule> text_patterns() {
  std::vector<SecretRule> out;
  for (const Pattern& pattern : patterns()) {
    SecretRule rule;
    rule.id = pattern.id;
    rule.sign = pattern.sign;
    rule.description = pattern.description;
    rule.pattern = pattern.regex;
    rule.regex = std::make_shared<const Regex>(rule.pattern);
    rule.keywords = pattern.keywords;
    if (!pattern.allowed.empty()) {
      SecretAllow allow;
      allow.regexes.push_back(std::make_shared<const Regex>(std::string(pattern.allowed)));
      rule.allows.push_back(std::move(allow));
    }
    out.push_back(std::move(rule));
  }
  return out;
}

Result<std::vector<SecretRule>> word_patterns(const std::vector<WordList>& lists) {
  std::vector<SecretRule> out;
  std::set<std::string> labels;
  for (const WordList& list : lists) {
    const std::string name = "word list \"" + printable(list.label) + "\"";
    const auto wrong = [&](std::string_view what, const std::string& why) {
      return fail(ErrorKind::invalid, name + ": \"" + printable(what) + "\" " + why + ".");
    };
    if (!labels.insert(list.label).second)
      return fail(ErrorKind::invalid, name + " is there twice; give each list a label of its own.");
    const auto add = [&](std::string_view word, std::string expression) {
      SecretRule rule;
      rule.id = "\"" + printable(word) + "\" of the " + name;
      rule.sign = sign_words;
      rule.description = list.label;
      rule.pattern = std::move(expression);
      rule.regex = std::make_shared<const Regex>(rule.pattern);
      out.push_back(std::move(rule));
    };
    for (const std::string& word : list.literals) {
      if (word.size() < 2 || !is_utf8(word)) return wrong(word, "must be UTF-8 of at least two characters");
      add(word, word_expression(word, false));
      add(word, word_expression(word, true));
    }
    for (const std::string& pattern : list.patterns) {
      const Regex regex(pattern);
      if (const std::string fault = regex.fault(); !fault.empty())
        return wrong(pattern, "cannot be used as a pattern: " + printable(fault));
      if (re2::RE2::FullMatch("", regex.compiled()))
        return wrong(pattern, "matches empty text, and so everything");
      add(pattern, pattern);
    }
  }
  return out;
}

}  // namespace sallyport
