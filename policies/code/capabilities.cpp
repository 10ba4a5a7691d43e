#include "policies/code/capabilities.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policies/code/commands.hpp"
#include "policies/code/fold.hpp"
#include "storage/base/one_of.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

// Two things this near are taken for parts of one program, however large the bundle around them.
constexpr std::uint64_t near_bytes = 48u << 10;
constexpr std::size_t places_max = 20'000;
constexpr std::uint64_t apart_bytes = 1u << 10;  // of two ways out that are told apart
constexpr std::size_t paths_max = 100;
constexpr std::size_t signs_max = 32;  // of each rule, a file
constexpr int nesting_max = 3;         // code in the text that code evaluates
constexpr std::size_t nested_bytes_max = 4u << 20;

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c == '\\' ? '/' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Paths that mean something, found by the steps of a path: from a '/', a quote or the beginning, to one or
// the end. A mark that ends with '*' may go on. Case and the way of slashes do not count.
class Marks {
 public:
  template <std::size_t N>
  explicit Marks(const std::string_view (&marks)[N]) {
    for (const std::string_view mark : marks) by_letter_[letter(mark)].push_back(mark);
  }

  std::string_view in(std::string_view path) const {
    for (std::size_t at = 0; at < path.size(); ++at) {
      if (at > 0 && !begins_behind[static_cast<std::uint8_t>(path[at - 1])]) continue;
      for (const std::string_view mark : by_letter_[letter(path.substr(at))])
        if (begins(path.substr(at), mark))
          return mark.ends_with('*') ? mark.substr(0, mark.size() - 1) : mark;
    }
    return {};
  }

 private:
  static char plain(char c) {
    return c == '\\' ? '/' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  static constexpr bool is_edge(char c) {
    return c == '/' || c == '\\' || c == Value::hole || c == '"' || c == '\'' || c == ' ' || c == ';' ||
           c == '=';
  }
  static constexpr auto make_begins_behind() {
    std::array<bool, 256> table{};
    for (std::size_t c = 0; c < table.size(); ++c)
      table[c] = is_edge(static_cast<char>(c)) || c == '~' || c == '@';
    return table;
  }
  static const std::array<bool, 256> begins_behind;
  static std::uint8_t letter(std::string_view text) {
    const std::size_t at = text.size() > 1 && text[0] == '.' ? 1 : 0;
    return static_cast<std::uint8_t>(text.empty() ? 0 : plain(text[at]));
  }
  static bool begins(std::string_view path, std::string_view mark) {
    const bool open = mark.ends_with('*');
    if (open) mark.remove_suffix(1);
    if (path.size() < mark.size()) return false;
    for (std::size_t i = 0; i < mark.size(); ++i)
      if (plain(path[i]) != mark[i]) return false;
    return open || path.size() == mark.size() || is_edge(path[mark.size()]);
  }

  std::array<std::vector<std::string_view>, 256> by_letter_;
};

constexpr std::array<bool, 256> Marks::begins_behind = Marks::make_begins_behind();

std::string_view credential_in(std::string_view path) {
  static constexpr std::string_view names[] = {".npmrc",
                                               ".yarnrc.yml",
                                               ".ssh",
                                               "id_rsa",
                                               "id_ed25519",
                                               "id_ecdsa",
                                               ".aws",
                                               ".netrc",
                                               "_netrc",
                                               ".docker/config.json",
                                               ".kube/config",
                                               ".config/gcloud*",
                                               "application_default_credentials.json",
                                               ".git-credentials",
                                               ".pypirc",
                                               ".gnupg",
                                               ".vault-token",
                                               ".config/gh*",
                                               "etc/shadow",
                                               "etc/passwd",
                                               "proc/self/environ",
                                               "169.254.169.254",
                                               "metadata.google.internal",
                                               "login data",
                                               "wallet.dat",
                                               ".bash_history",
                                               ".zsh_history",
                                               "local extension settings",
                                               ".config/solana*",
                                               ".electrum*"};
  static const Marks marks(names);
  return marks.in(path);
}

std::string_view persistence_in(std::string_view path) {
  static constexpr std::string_view names[] = {".claude/settings.json",
                                               ".claude/settings.local.json",
                                               ".claude/commands*",
                                               ".claude/hooks*",
                                               ".claude.json",
                                               ".cursor/mcp.json",
                                               ".cursor/rules*",
                                               ".vscode/tasks.json",
                                               ".vscode/settings.json",
                                               ".github/workflows",
                                               ".bashrc",
                                               ".bash_profile",
                                               ".zshrc",
                                               ".zshenv",
                                               ".zprofile",
                                               ".profile",
                                               "config.fish",
                                               "etc/systemd*",
                                               ".config/systemd*",
                                               "library/launchagents*",
                                               "library/launchdaemons*",
                                               "etc/cron*",
                                               "crontab",
                                               "authorized_keys",
                                               ".git/hooks",
                                               ".config/autostart",
                                               "start menu/programs/startup",
                                               "currentversion/run*"};
  static const Marks marks(names);
  return marks.in(path);
}

bool is_network(std::string_view module) {
  return one_of(module, {"http",
                         "https",
                         "http2",
                         "net",
                         "tls",
                         "dgram",
                         "undici",
                         "quic",
                         "axios",
                         "got",
                         "node-fetch",
                         "cross-fetch",
                         "isomorphic-fetch",
                         "needle",
                         "superagent",
                         "request",
                         "ky",
                         "phin",
                         "ws",
                         "socket.io-client",
                         "nodemailer"});
}

bool has_remote_script(std::string_view text) {
  const std::size_t tag = text.find("<script"), source = text.find("src=", std::min(tag, text.size()));
  return source != std::string_view::npos && text.substr(source, 15).find("//") != std::string_view::npos;
}

// A path, rather than a sentence that speaks of one.
bool is_path(std::string_view text) {
  if (text.size() > 300) return false;
  int blanks = 0;
  for (const char c : text) {
    if (c == '\n') return false;
    blanks += c == ' ';
    if (blanks > 3) return false;
  }
  return blanks == 0 ||
         (text.find('/') != std::string_view::npos && text.find_first_of(",!?()") == std::string_view::npos &&
          text.find(". ") == std::string_view::npos);
}

std::string shown(std::string_view text) {
  std::string out(text.substr(0, 400));
  std::replace(out.begin(), out.end(), Value::hole, '*');
  return printable(out, 120);
}

void keep(FileContent& content, std::string_view rule, std::string what, CodePlace place,
          std::string_view evidence, std::string_view identity) {
  const std::uint64_t count = ++content.sign_counts[rule];
  const std::string digest = to_hex(sha256(std::string(what) + "\n" + std::string(identity)));
  const auto same = [&](const Sign& sign) { return sign.rule == rule && sign.digest == digest; };
  if (count > 1000 || std::any_of(content.signs.begin(), content.signs.end(), same)) return;
  if (static_cast<std::size_t>(std::count_if(content.signs.begin(), content.signs.end(),
                                             [&](const Sign& s) { return s.rule == rule; })) >= signs_max)
    return;
  content.signs.push_back({rule, std::move(what), place.offset, place.line, shown(evidence), digest});
}

class Reader final : public CodeUses {
 public:
  Reader(FileContent& content, bool data, std::uint16_t groups)
      : content_(content), data_(data), groups_(groups) {}

  void finish() {
    if (fs_ && !written_.empty()) capable("fs-write", written_.front(), write_name_);
    const auto in_order = [](CodePlace a, CodePlace b) { return a.offset < b.offset; };
    std::sort(ways_out_.begin(), ways_out_.end(), in_order);
    std::sort(written_.begin(), written_.end(), in_order);
    for (const Seen& secret : secrets_) {
      const bool near_way_out = any_near(ways_out_, secret.place);
      keep(content_, near_way_out ? sign_credentials : sign_credentials_alone, std::string(secret.what),
           secret.place, secret.evidence, secret.identity);
    }
    for (const Seen& path : persistent_)
      if (any_near(written_, path.place))
        keep(content_, sign_persistence, std::string(path.what), path.place, path.evidence, path.identity);
    for (const Seen& run : runs_) {
      if (!has("process")) break;
      keep(content_, sign_run, std::string(run.what), run.place, run.evidence, run.identity);
    }
    if (publishes_ && manifest_ && !written_.empty())
      keep(content_, sign_publish, "publishes packages and rewrites package.json", publishes_->place,
           publishes_->evidence, "publish");
  }

  void loads(std::string_view module, CodePlace place) override {
    place = outer_.value_or(place);
    if (module.starts_with('.')) return keep_path(module);
    const std::string_view name = module.substr(0, module.find('/'));
    const std::string evidence = "require(\"" + std::string(module) + "\")";
    if (is_network(name))
      way_out("network", place, evidence);
    else if (one_of(name, {"http:", "https:"}))
      way_out("network", place, evidence), capable("eval", place, evidence);
    else if (name == "dns")
      way_out("dns", place, evidence);
    else if (one_of(name, {"child_process", "cluster", "ffi", "ffi-napi", "koffi", "execa", "cross-spawn",
                           "shelljs", "zx", "node-pty"}))
      capable("process", place, evidence);
    else if (one_of(name, {"vm", "repl", "inspector"}))
      capable("eval", place, evidence);
    else if (name == "worker_threads")
      capable("worker", place, evidence);
    else if (name == "wasi")
      capable("wasm", place, evidence);
    else if (one_of(name, {"fs", "fs-extra", "graceful-fs", "write-file-atomic"}))
      fs_ = true;
    else if (name == "libnpmpublish")
      publishes_ = Seen{"", evidence, "", place};
  }

  void calls(std::string_view path, const std::vector<Value>& given, CodePlace place) override {
    place = outer_.value_or(place);
    const bool enumerates =
        one_of(path, {"JSON.stringify", "Object.entries", "Object.values", "module:querystring.stringify",
                      "module:util.inspect", "fetch", "navigator.sendBeacon"});
    for (const Value& value : given) look_at_argument(path, value, enumerates, place);
    if (path == "?.constructor()") return capable("eval", place, "constructor(…)()");
    if (path == "eval" || path == "Function" || path == "?.constructor" || path.starts_with("setTimeout") ||
        path.starts_with("setInterval") || path.starts_with("setImmediate"))
      return evaluates(path, given, place);
    if (path.starts_with("module:child_process.") || path.starts_with("Bun.spawn") || path == "Deno.run" ||
        path.starts_with("module:?.exec") || path.starts_with("module:?.spawn"))
      return runs(given, place);
    refers(path, How::looked_into, place);
  }

  void refers(std::string_view path, How how, CodePlace place) override {
    place = outer_.value_or(place);
    const std::string_view root = path.substr(0, path.find('.'));
    if (path == "process.env") {
      if (how != How::looked_into) capable("env", place, "process.env");
      if (how == How::enumerated) secret("the whole environment", "in process.env", "environment", place);
    } else if (path == "process.env.HOME" || path == "process.env.USERPROFILE") {
      capable("home-read", place, path);
    } else if (path == "fetch" || one_of(root, {"XMLHttpRequest", "WebSocket", "EventSource",
                                                "RTCPeerConnection", "importScripts"})) {
      way_out("network", place, path);
    } else if (path.starts_with("navigator.")) {
      if (path.find("serviceWorker.register") != std::string_view::npos) capable("worker", place, path);
      if (path.starts_with("navigator.clipboard")) capable("clipboard", place, path);
    } else if (root == "WebAssembly") {
      capable("wasm", place, path);
    } else if (root == "Worker" || root == "SharedWorker") {
      capable("worker", place, path);
    } else if (root == "ethereum" || root == "solana" || path.starts_with("global.ethereum")) {
      capable("wallet", place, path);
    } else if (path == "eval" || path == "?.eval" || path == "?.Function") {
      capable("eval", place, path);
    } else if (one_of(path, {"process.binding", "process._linkedBinding", "process.dlopen", "Bun.spawn",
                             "Bun.spawnSync", "Deno.run", "Deno.Command"})) {
      capable("process", place, path);
    } else if (one_of(path, {"process.?", "global.?", "module.?"})) {
      capable("process", place, "with (" + std::string(root) + ")");
    } else if (path.starts_with("require.extensions") || path.starts_with("module:module._extensions") ||
               path.starts_with("module:module.register")) {
      capable("eval", place, path.substr(path.rfind(':') + 1));
    } else if (path.starts_with("module:fs")) {
      std::string_view name = path.substr(path.rfind('.') + 1);
      if (name.ends_with("Sync")) name.remove_suffix(4);
      if (one_of(name, {"rm", "unlink", "rename", "cp", "copyFile", "chmod", "symlink", "link", "truncate",
                        "rmdir", "write", "writeFile", "appendFile", "createWriteStream"}))
        writes(name, place);
      fs_ = true;
    } else if (root.starts_with("module:") && is_network(root.substr(7)) &&
               one_of(path.substr(root.size()), {".get", ".request", ".connect", ".createConnection",
                                                 ".createSocket", ".fetch", ".createServer"})) {
      way_out("network", place, path);
    } else if (path.starts_with("Bun.write") || path.starts_with("Deno.write")) {
      fs_ = true;
      writes(path, place);
    }
  }

  bool hears(std::string_view written) override {
    if (data_) return written.size() >= 4;
    return (groups_ & (TellTale::secrets | TellTale::persists | TellTale::commands | TellTale::other)) != 0 &&
           written.size() >= 4;
  }

  void says(const Value& value, CodePlace place) override {
    place = outer_.value_or(place);
    const std::string& text = value.text;
    // Looked for forwards first, which is many times quicker: hardly any text has one.
    const bool holes = text.find(Value::hole) != std::string::npos;
    keep_path(std::string_view(text).substr(holes ? text.rfind(Value::hole) + 1 : 0));
    if (is_path(text)) {
      if (const auto found = credential_in(text); !found.empty()) {
        secret("credentials", text, found, place);
        if (found.starts_with('.') && text.find('~') != std::string::npos) capable("home-read", place, text);
      }
      if (const auto found = persistence_in(text); !found.empty() && persistent_.size() < places_max)
        persistent_.push_back({found, text, std::string(found), place});
      if (text.ends_with("package.json")) manifest_ = true;
      if (one_of(text,
                 {"eth_sendTransaction", "eth_signTypedData_v4", "eth_signTypedData", "personal_sign",
                  "eth_sign", "signAllTransactions", "signAndSendTransaction", "eth_sendRawTransaction"}))
        capable("wallet", place, text);
      if (text == "_attachments") publishes_ = Seen{"", text, "", place};
    }
    // A command that stands alone in a text; in a sentence it is advice.
    if (text.size() < 4096 && begins_command(text)) command(text, place, false);
    if (data_ && text.size() >= 24 && text.find('(') != std::string::npos) read_text(text, place);
  }

  void names(Word member, CodePlace place) override {
    place = outer_.value_or(place);
    switch (member) {
      case Word::word__compile:
        return capable("eval", place, "_compile");
      case Word::word_sendBeacon:
        return way_out("network", place, "sendBeacon");
      case Word::word_homedir:
        return capable("home-read", place, "os.homedir()");
      case Word::word_writeFile:
      case Word::word_writeFileSync:
      case Word::word_appendFile:
      case Word::word_appendFileSync:
      case Word::word_createWriteStream:
      case Word::word_unlinkSync:
      case Word::word_rmSync:
      case Word::word_renameSync:
      case Word::word_copyFileSync:
      case Word::word_chmodSync:
      case Word::word_symlinkSync:
        return writes("a file is written", place);
      default:
        return;
    }
  }

  // Nobody puts such a name together but who does not want it to be found.
  void composes(std::string_view text, CodePlace place) override {
    place = outer_.value_or(place);
    if (one_of(text, {"eval", "Function", "constructor", "_compile"}))
      capable("eval", place, text);
    else if (one_of(text, {"child_process", "node:child_process", "require", "process", "mainModule",
                           "binding", "_linkedBinding", "dlopen", "_load", "createRequire",
                           "getBuiltinModule", "execSync", "spawnSync", "execFile", "execFileSync"}))
      capable("process", place, text);
    else if (one_of(text, {"fetch", "XMLHttpRequest", "WebSocket", "sendBeacon", "EventSource"}) ||
             has_remote_script(text))
      way_out("network", place, text);
  }

  bool passes(std::string_view callee, std::string_view text, CodePlace place) override {
    place = outer_.value_or(place);
    if ((callee == "createElement" && (text == "script" || text == "iframe")) ||
        (one_of(callee, {"write", "writeln"}) && has_remote_script(text))) {
      way_out("network", place, std::string(callee) + "(\"" + std::string(text) + "\")");
      return false;
    }
    const std::string_view name = text.starts_with("node:") ? text.substr(5) : text;
    if (one_of(name, {"child_process", "worker_threads"}) &&
        !one_of(callee,
                {"has", "includes", "indexOf", "isBuiltin", "startsWith", "mock", "doMock", "resolve"}))
      loads(name, place);
    return one_of(name, {"child_process", "fs", "fs/promises", "vm", "dns"}) || is_network(name);
  }

  // A beacon: data goes with the address.
  void sets(std::string_view member, const Value& text, CodePlace place) override {
    place = outer_.value_or(place);
    const std::size_t hole = text.text.find(Value::hole), query = text.text.find('?');
    const bool remote =
        text.text.starts_with("https://") || text.text.starts_with("http://") || text.text.starts_with("//");
    if (remote && hole != std::string::npos && query < hole &&
        one_of(member, {"src", "href", "action", "location"}))
      way_out("network", place, std::string(member) + " = " + text.text);
  }

  void puzzles() { capable("eval", {0, 1}, "code of brackets, signs and nothing else"); }

  void gives_up(CodePlace) override { unread("its code is made so that working it out would take too long"); }

 private:
  struct Seen {
    std::string_view what;
    std::string evidence, identity;
    CodePlace place;
  };

  // `places` in the order of their offsets.
  static bool any_near(const std::vector<CodePlace>& places, CodePlace place) {
    const std::uint64_t from = place.offset - std::min(place.offset, near_bytes);
    const auto next = std::lower_bound(places.begin(), places.end(), from,
                                       [](CodePlace p, std::uint64_t offset) { return p.offset < offset; });
    return next != places.end() && next->offset <= place.offset + near_bytes;
  }

  static void remember(std::vector<CodePlace>& places, CodePlace place) {
    const bool near_last = !places.empty() && place.offset >= places.back().offset &&
                           place.offset - places.back().offset < apart_bytes;
    if (!near_last && places.size() < places_max) places.push_back(place);
  }

  // What only folding tells: plain strings are said only where something listens for them.
  void keep_path(std::string_view path) {
    auto& paths = content_.composed_paths;
    if (path.size() < 3 || path.size() > 200 || paths.size() >= paths_max) return;
    bool steps = false;
    for (const char c : path) {
      if (c == ' ' || c == '\n') return;
      steps |= c == '.' || c == '/';
    }
    if (!steps) return;
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.emplace_back(path);
  }

  bool has(std::string_view capability) const {
    return std::any_of(content_.capabilities.begin(), content_.capabilities.end(),
                       [&](const Capability& c) { return c.name == capability; });
  }

  void capable(std::string_view name, CodePlace place, std::string_view evidence) {
    if (!has(name))
      content_.capabilities.push_back({std::string(name), place.offset, place.line, shown(evidence)});
  }

  void way_out(std::string_view name, CodePlace place, std::string_view evidence) {
    capable(name, place, evidence);
    remember(ways_out_, place);
  }

  void writes(std::string_view name, CodePlace place) {
    if (written_.empty()) write_name_ = name;
    remember(written_, place);
  }

  void secret(std::string_view what, std::string_view evidence, std::string_view identity, CodePlace place) {
    if (secrets_.size() < places_max)
      secrets_.push_back({what, std::string(evidence.substr(0, 400)), std::string(identity), place});
  }

  void look_at_argument(std::string_view path, const Value& value, bool enumerates, CodePlace place,
                        int depth = 0) {
    if (value.refers_to("process.env")) {
      capable("env", place, std::string(path) + "(process.env)");
      if (enumerates)
        secret("the whole environment", std::string(path) + "(process.env)", "environment", place);
    }
    if (depth < 2)
      for (const Value& item : value.items) look_at_argument(path, item, enumerates, place, depth + 1);
  }

  void evaluates(std::string_view path, const std::vector<Value>& given, CodePlace place) {
    const bool timer = path.starts_with("set");
    const Value* body = given.empty() ? nullptr : timer || path == "eval" ? &given.front() : &given.back();
    const bool text = body != nullptr && body->is_text();
    if (text) read_text(body->text, place);
    const bool constant = text && body->exact;
    // An error's constructor takes a sentence, a function's a program.
    if (path == "?.constructor" && !(text && body->text.find_first_of("(;=") != std::string::npos) &&
        !(text && body->text.starts_with("return ")))
      return;
    if (timer && !(text && body->text.find('(') != std::string::npos)) return;
    // What a constant program does was read above, and is no more than if it stood there.
    if (path == "Function" && constant) return;
    capable("eval", place, std::string(path == "?.constructor" ? "constructor" : path) + "(…)");
  }

  void runs(const std::vector<Value>& given, CodePlace place) {
    capable("process", place, "child_process");
    std::string line;
    for (const Value& value : given) {
      if (value.is_text()) line += value.text + " ";
      if (value.kind == Value::Kind::list)
        for (const Value& item : value.items)
          line += (item.is_text() ? item.text : std::string(1, Value::hole)) + " ";
    }
    while (line.ends_with(' ')) line.pop_back();
    if (!line.empty()) command(line, place, true);
    if (const std::string path = folded(line.substr(0, 2000)); line.find('>') != std::string::npos)
      if (const auto found = persistence_in(path); !found.empty()) {
        persistent_.push_back({found, line, std::string(found), place});
        writes("a shell writes", place);
      }
    if (const auto found = credential_in(folded(line.substr(0, 2000))); !found.empty()) {
      secret("credentials", line, found, place);
      if (line.find("curl") != std::string::npos || line.find("wget") != std::string::npos)
        way_out("network", place, line);
    }
  }

  static bool begins_command(std::string_view text) {
    constexpr std::string_view first_of_commands = "cCwWbBsSpPnNeE/\\";
    constexpr std::string_view programs[] = {
        "curl ",       "wget ",      "bash -c",      "sh -c", "powershell", "npm install -g", "npm i -g",
        "npm publish", "/bin/sh -c", "/bin/bash -c", "exec ", "cmd /c",     "bash -i",        "bash <("};
    if (text.empty() || first_of_commands.find(text[0]) == std::string_view::npos) return false;
    const auto begins = [&](std::string_view program) {
      return text.size() >= program.size() &&
             std::equal(program.begin(), program.end(), text.begin(), [](char a, char b) {
               return a == (b >= 'A' && b <= 'Z' ? b | 0x20 : b == '\\' ? '/' : b);
             });
    };
    return std::any_of(std::begin(programs), std::end(programs), begins);
  }

  void command(const std::string& line, CodePlace place, bool called) {
    switch (command_kind(line)) {
      case CommandKind::none:
        return;
      case CommandKind::publish:
        publishes_ = Seen{"", line, "", place};
        return;
      case CommandKind::install_global:
        if (called && runs_.size() < places_max)
          runs_.push_back({"installs a package for the whole machine", line, line, place});
        return;
      case CommandKind::download_and_run:
        if (runs_.size() < places_max)
          runs_.push_back({"downloads a program and runs it", line, line, place});
        return;
    }
  }

  // Text that is code itself: what eval is given, or what lies in data.
  void read_text(const std::string& text, CodePlace place) {
    if (nesting_ >= nesting_max) return;
    if (nested_bytes_ + text.size() > nested_bytes_max)
      return unread("it holds more code in texts than is looked at");
    nested_bytes_ += text.size();
    ++nesting_;
    const auto outer = outer_;
    outer_ = place;
    Fold fold(*this);
    Tokens tokens(
        {}, [&](std::span<const Token> batch) { fold.take(batch, tokens.repeated()); }, Fold::tokens_again);
    tokens.feed(as_bytes(text));
    tokens.finish();
    fold.finish();
    outer_ = outer;
    --nesting_;
  }

  void unread(std::string why) {
    auto& all = content_.incomplete;
    if (std::find(all.begin(), all.end(), why) == all.end()) all.push_back(std::move(why));
  }

  FileContent& content_;
  bool data_;
  std::uint16_t groups_;
  std::optional<CodePlace> outer_;  // of the text that is being read as code
  int nesting_ = 0;
  std::size_t nested_bytes_ = 0;
  bool fs_ = false, manifest_ = false;
  std::string write_name_;
  std::vector<CodePlace> ways_out_, written_;
  std::vector<Seen> secrets_, persistent_, runs_;
  std::optional<Seen> publishes_;
};

template <class Take>
void read_whole(const FileBytes& bytes, FileContent& content, const Take& take) {
  std::vector<std::uint8_t> piece(std::clamp<std::uint64_t>(bytes.size, 1, 64u << 10));
  for (std::uint64_t offset = 0;;) {
    const auto read = bytes.read(offset, piece);
    if (!read) {
      content.incomplete.push_back("the file could not be read again");
      return;
    }
    if (*read == 0) return;
    take(Bytes(piece).first(*read));
    offset += *read;
  }
}

// What is read line by line for commands: shells, and what calls one in a line of its own.
bool is_shell(std::string_view path) {
  const std::string name = folded(path);
  for (const std::string_view end : {".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".fish", ".command",
                                     ".py", ".pl", ".rb", ".php", ".vbs", ".desktop"})
    if (name.ends_with(end)) return true;
  return false;
}

// Whether a first line "#!…" names anything but what runs JavaScript.
bool is_run_by_another(const FileBytes& bytes) {
  std::array<std::uint8_t, 128> head{};
  const auto read = bytes.read(0, head);
  if (!read) return true;
  std::string_view line = as_text(Bytes(head).first(*read));
  line = line.substr(0, line.find('\n'));
  for (const std::string_view name : {"node", "bun", "deno", "tsx", "zx"})
    if (line.find(name) != std::string_view::npos) return false;
  return true;
}

// A shell file, in blocks that end with a line.
void read_shell(const FileBytes& bytes, FileContent& content) {
  std::string block;
  std::uint64_t offset = 0;
  std::uint32_t line = 1;
  bool sends = false;
  std::vector<std::pair<std::string, CodePlace>> secrets;
  const auto look = [&](std::string_view text) {
    const CodePlace place{offset, line};
    if (const CommandKind kind = command_kind(text);
        kind == CommandKind::download_and_run || kind == CommandKind::install_global)
      keep(content, sign_run,
           kind == CommandKind::install_global ? "installs a package for the whole machine"
                                               : "downloads a program and runs it",
           place, text, text);
    const std::string path = folded(text);
    sends |= path.find("curl ") != std::string::npos || path.find("wget ") != std::string::npos ||
             path.find("invoke-") != std::string::npos;
    if (const auto found = credential_in(path); !found.empty())
      secrets.push_back({std::string(found), place});
    if (const auto found = persistence_in(path); !found.empty() && text.find('>') != std::string::npos)
      keep(content, sign_persistence, std::string(found), place, text, found);
    offset += text.size() + 1;
    ++line;
  };
  read_whole(bytes, content, [&](Bytes piece) {
    block += as_text(piece);
    for (std::size_t end; (end = block.find('\n')) != std::string::npos && block.size() > end;) {
      // A line that ends with a backslash goes on.
      std::size_t to = end;
      while (to > 0 && block[to - 1] == '\\' && block.find('\n', to + 1) != std::string::npos)
        to = block.find('\n', to + 1);
      look(std::string_view(block).substr(0, to));
      block.erase(0, to + 1);
    }
    if (block.size() > (64u << 10)) {
      look(block);
      block.clear();
    }
  });
  if (!block.empty()) look(block);
  for (const auto& [found, place] : secrets)
    keep(content, sends ? sign_credentials : sign_credentials_alone, "credentials", place, found, found);
}

// What text a name stands for, also of a view into it: "lib/a.js!base64@1234" is code if lib/a.js is.
std::string_view named(std::string_view path) {
  while (true) {
    const std::size_t mark = path.rfind('!');
    if (mark == std::string_view::npos || path.find('@', mark) == std::string_view::npos) return path;
    path = path.substr(0, mark);
  }
}

}  // namespace

void read_code(std::string_view path, const FileBytes& bytes, const TellTaleCounts& counts,
               FileContent& content) {
  if (content.magic != Magic::text && content.magic != Magic::none) return;
  const std::string_view whole_path = std::exchange(path, named(path));
  const std::size_t inner = path.rfind('!');
  const std::string_view name = inner == std::string_view::npos ? path : path.substr(inner + 1);
  if (is_shell(name)) {
    if ((counts.groups() & (TellTale::commands | TellTale::secrets | TellTale::persists)) != 0)
      read_shell(bytes, content);
    return;
  }
  // It may be JavaScript all the same: a first line for a shell that hands the file to Node.
  if (content.shebang && is_run_by_another(bytes) &&
      (counts.groups() & (TellTale::commands | TellTale::secrets | TellTale::persists)) != 0)
    read_shell(bytes, content);
  SourceKind kind = source_kind(name, content.shebang);
  if (kind == SourceKind::markup) kind = SourceKind::script;
  if (!counts.worth_reading(kind, content.map.has_value())) return;
  const bool script = kind == SourceKind::script;
  Reader reader(content, !script, counts.groups());
  Fold fold(reader);
  Tokens tokens(
      {}, [&](std::span<const Token> batch) { fold.take(batch, tokens.repeated()); }, Fold::tokens_again);
  read_whole(bytes, content, [&](Bytes piece) { tokens.feed(piece); });
  tokens.finish();
  fold.finish();
  if (script && (counts.groups() & TellTale::puzzles) != 0) reader.puzzles();
  reader.finish();
  const bool plain = name.ends_with(".js") || name.ends_with(".mjs") || name.ends_with(".cjs");
  // What was decoded out of a file is a part of something.
  if (script && plain && path == whole_path && tokens.fault() && !tokens.markup())
    keep(content, sign_unparsable, std::string(tokens.fault()->what),
         {tokens.fault()->offset, tokens.fault()->line}, tokens.fault()->what, path);
}

}  // namespace sallyport
