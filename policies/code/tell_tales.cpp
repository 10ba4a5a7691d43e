#include "policies/code/tell_tales.hpp"

namespace sallyport {

namespace {

using enum TellTale::Group;

// The first of each pair counts a word, the second its uses that lead nowhere.
enum Counted : std::size_t {
  a_require,
  plain_require,
  a_process,
  plain_process,
  a_constructor,
  plain_constructor,
  a_function,
  plain_function,
  pairs_end
};

// Of "one" + "two", found at the second's opening quote: both are short, and no sentences.
bool adds_names(std::string_view to_here, std::string_view from_here) {
  const auto is_quote = [](char c) { return c == '"' || c == '\''; };
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_$./~-").find(c) != std::string_view::npos;
  };
  constexpr std::size_t name_max = 24;
  std::size_t size = 0;
  while (size < from_here.size() && size <= name_max && is_name(from_here[size])) ++size;
  if (size == 0 || size > name_max) return from_here.empty();
  if (size < from_here.size() && !is_quote(from_here[size])) return false;
  to_here.remove_suffix(1);
  while (!to_here.empty() && !is_quote(to_here.back())) to_here.remove_suffix(1);
  if (!to_here.empty()) to_here.remove_suffix(1);
  for (size = 0; size < to_here.size() && size <= name_max && is_name(to_here[to_here.size() - 1 - size]);)
    ++size;
  return size > 0 && size <= name_max && size < to_here.size() &&
         is_quote(to_here[to_here.size() - 1 - size]);
}

// Of getPrototypeOf(, with one more letter: of functions other than plain ones.
bool takes_a_function(std::string_view, std::string_view from_here) {
  constexpr std::string_view async = "sync", function = "unction";
  const auto goes_on = [&](std::string_view with) {
    return from_here.starts_with(with) || with.starts_with(from_here);
  };
  return goes_on(async) || goes_on(function);
}

constexpr TellTale all[] = {
    {R"(\brequire\b)", counted},
    {R"(\brequire\(["'][^"'\\\n]{1,100}["']\))", counted},
    {R"(\bprocess\b)", counted},
    {R"(\bprocess\.(env\.[A-Za-z]|nextTick|platform|versions?\b|argv|cwd|exit|std(out|err|in)\b|emitWarning|hrtime|browser|pid\b|uptime|execPath|arch\b|on\(|off\(|once\())",
     counted},
    {R"(\bconstructor\b)", counted},
    {R"([\s{};,]constructor\s?\(|\.constructor(\.name|\s?[=!;,)&|}]))", counted},
    // Comments that give a type, and what only asks for it.
    {R"(\bFunction\b)", counted},
    {R"(@(param|returns?|type) \{[?!]?Function[|}]|\binstanceof Function[&|),;:}\]])", counted},

    {R"(child_process|worker_threads|createRequire|getBuiltinModule|mainModule|_linkedBinding|\b_load\b)",
     loads},
    {R"(["'`](node:)?(https?|http2|net|tls|dgram|dns|vm|undici|cluster|wasi|repl|module|inspector|ffi)(/promises)?["'`])",
     loads},
    {R"(["'`](axios|got|node-fetch|cross-fetch|isomorphic-fetch|needle|superagent|request|ky|phin|ws|socket\.io-client|nodemailer|execa|cross-spawn|shelljs|zx|node-pty|koffi|ffi-napi)["'`])",
     loads},
    {R"(\b_extensions\b|require\.extensions|registerHooks|\b(from|import|with)(\s|/\*[^*]*\*+/)*\(?["'`]https?://)",
     loads},
    {R"(\b(from|import)\b[\s(]*["'][^"'\\\n]{0,40}\\[xu0-7])", loads},  // of a name that nobody reads
    {R"(\bimport(\s|/\*[^*]*\*+/)*\()", loads},
    {R"(\bprocess\.(binding|dlopen))", loads},
    {R"(\beval\b|_compile\b|set(Timeout|Interval|Immediate)(\s|/\*[^*]*\*+/)*\((\s|/\*[^*]*\*+/)*(["'`]|atob|unescape|decodeURI|String\.|Buffer\.))",
     evaluates},
    {R"(getPrototypeOf\(\s?[af])", evaluates, takes_a_function},
    // Names that are put together, of what may be anything.
    {R"([\w$./~-]["']\s?\+\s?["'])", evaluates, adds_names},
    {R"(["']\]\s?\.join\(|\breverse\(\)\s?\.join\()", evaluates},
    {R"(["'`]\.(concat|replace(All)?|slice|substr(ing)?|split|charAt|at)\(|\$\{\s?["'`])", evaluates},
    {R"(!\[\][\[\]()!+]{60})", evaluates | puzzles},
    {R"(\bfetch\b|XMLHttpRequest|WebSocket|EventSource|RTCPeerConnection|sendBeacon|importScripts)", sends},
    {R"(\bBun\b|\bDeno\b|createElement\(["'`](script|iframe)|document\.write|\.(src|href|action)\s?=\s?["'`](https?:)?//)",
     sends},
    {R"(\.npmrc|\.ssh\b|\bid_(rsa|ed25519|ecdsa)|\.aws\b|\.netrc|\.docker\b|\.kube\b|gcloud|git-credentials|\.pypirc|\.gnupg|vault-token|\.config/gh\b)",
     secrets},
    {R"(/etc/(shadow|passwd)|/proc/self/environ|169\.254\.169\.254|metadata\.google|Login Data|wallet\.dat|(bash|zsh)_history|Local Extension Settings)",
     secrets},
    {R"(\.claude\b|\.cursor\b|\.vscode\b|\.github\b|\.windsurf\b|\.bashrc|\.zshrc|\.zshenv|\.profile\b|bash_profile|fish/config)",
     persists},
    {R"(systemd|LaunchAgents|LaunchDaemons|crontab|/etc/cron|authorized_keys|CurrentVersion|\.git/hooks|autostart|Start Menu)",
     persists},
    {R"(\bcurl\b|\bwget\b|(?i:powershell|invoke-webrequest|invoke-expression)|/dev/tcp/)", commands},
    {R"(npm (i|install|add|publish)\b|["']publish["']|libnpmpublish|_attachments)", commands},
    {R"(writeFile|appendFile|createWriteStream|unlink|rmSync|renameSync|copyFile|chmodSync|symlinkSync|outputFile)",
     writes},
    {R"(readFile|createReadStream|\bopenSync\b|readlinkSync)", reads},
    {R"(homedir|\bHOME\b|USERPROFILE|WebAssembly|\bWorker\b|serviceWorker|clipboard|\bethereum\b|\bsolana\b|eth_send|eth_sign|personal_sign)",
     other},
    {R"(\bglobalThis\b|\b(global|window|self|top|parent|frames|this|navigator)(\s|/\*[^*]*\*+/)*\[)",
     globals},
    {R"([=(,:]\s?(globalThis|global|window)\s?[;,)}])", globals},
    {R"(\batob\b|fromCharCode|fromCodePoint|unescape)", decodes},
    {R"(\\(x[4-7]|u00[4-7]|u\{0{0,8}[4-7])[0-9A-Fa-f])", decodes},
};
static_assert(sizeof all / sizeof *all <= 64);

}  // namespace

std::span<const TellTale> tell_tales() {
  return all;
}

std::uint16_t TellTaleCounts::groups() const {
  std::uint16_t out = 0;
  for (std::size_t i = pairs_end; i < sizeof all / sizeof *all; ++i)
    if (counts_[i] > 0) out = static_cast<std::uint16_t>(out | all[i].groups);
  if (counts_[a_require] > counts_[plain_require] || counts_[a_process] > counts_[plain_process])
    out |= TellTale::loads;
  if (counts_[a_constructor] > counts_[plain_constructor] || counts_[a_function] > counts_[plain_function])
    out |= TellTale::evaluates;
  return out;
}

bool TellTaleCounts::worth_reading(SourceKind kind, bool source_map) const {
  const std::uint16_t seen = groups();
  const auto any = [seen](unsigned of) { return (seen & of) != 0; };
  if (kind == SourceKind::script) return any(static_cast<unsigned>(~decodes)) && seen != 0;
  if (kind == SourceKind::style) return false;
  // Prose, data and declarations: where both ends of something bad are there, or modules are asked for as
  // programs do, which code may load under any name. A source map quotes the program beside it.
  const bool reaches = any(loads | sends | evaluates);
  return (!source_map && counts_[a_require] > 0 && any(loads)) ||
         (any(secrets | persists | commands) && reaches) ||
         (any(evaluates) && any(decodes | loads) && any(loads | sends)) ||
         (any(commands) && any(secrets | persists));
}

}  // namespace sallyport
