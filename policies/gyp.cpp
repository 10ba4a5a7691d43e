#include "policies/gyp.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

namespace sallyport {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += "?";  // gyp's own syntax is ASCII
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // Every string, with its neighbours joined.
  std::vector<std::string> strings() {
    std::vector<std::string> out;
    bool joined = false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '\'' || c == '"') {
        if (!joined) out.emplace_back();
        read_string(out.back());
        joined = true;
      } else {
        // A prefix (r, b, u, f) belongs to the string that follows it.
        if (std::isspace(static_cast<unsigned char>(c)) == 0 && c != '\\' && !is_prefix()) joined = false;
        ++at_;
      }
    }
    return out;
  }

 private:
  bool is_prefix() const {
    std::size_t end = at_;
    while (end < text_.size() && std::string_view("rRbBuUfF").find(text_[end]) != std::string_view::npos)
      ++end;
    return end > at_ && end - at_ <= 2 && end < text_.size() && (text_[end] == '\'' || text_[end] == '"');
  }

  void read_string(std::string& out) {
    const char quote = text_[at_];
    const bool raw = at_ > 0 && (text_[at_ - 1] == 'r' || text_[at_ - 1] == 'R');
    const std::string triple(3, quote);
    const bool is_triple = text_.substr(at_).starts_with(triple);
    at_ += is_triple ? 3 : 1;
    while (at_ < text_.size()) {
      if (is_triple ? text_.substr(at_).starts_with(triple) : text_[at_] == quote || text_[at_] == '\n') {
        at_ += is_triple ? 3 : 1;
        return;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && !raw)
        escape(out);
      else
        out += text_[at_++];
    }
  }

  void escape(std::string& out) {
    const char kind = text_[at_ + 1];
    at_ += 2;
    const auto digits = [&](std::size_t most, int base) {
      std::uint32_t code = 0;
      const std::string_view part = text_.substr(at_, most);
      const auto end = std::from_chars(part.data(), part.data() + part.size(), code, base);
      at_ += static_cast<std::size_t>(end.ptr - part.data());
      append_utf8(out, code);
    };
    if (kind == '\n') return;
    if (kind == 'x') return digits(2, 16);
    if (kind == 'u') return digits(4, 16);
    if (kind == 'U') return digits(8, 16);
    if (kind >= '0' && kind <= '7') {
      --at_;
      return digits(3, 8);
    }
    // A character by its name could be any.
    if (kind == 'N') out += "<!(";
    out += kind == 'n' || kind == 't' || kind == 'r' ? ' ' : kind;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// "<!(", "<!@(", ">!(", "^!(", "<!pymod_do_main(", and "<|(", which writes a file. A string may be put
// together of variables while gyp expands it, so that a part of such a mark is one too.
bool substitutes(std::string_view text) {
  for (std::size_t at = text.find_first_of("!|"); at != text.npos; at = text.find_first_of("!|", at + 1)) {
    std::size_t end = at + 1;
    if (end < text.size() && text[end] == '@') ++end;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 ||
                                 text[end] == '_' || text[end] == '-' || text[end] == '.'))
      ++end;
    if (at > 0 && std::string_view("<>^)").find(text[at - 1]) != std::string_view::npos &&
        end < text.size() && (text[end] == '(' || text[end] == '<'))
      return true;
    if (text[at] == '!' && end == at + 1 && end < text.size() && text[end] == '(') return true;
  }
  return text.ends_with('<') || text.ends_with("<!") || text.ends_with("<!@") || text == "!" ||
         text == "!@" || text == ">" || text == "^";
}

// "<!@(pkg-config --cflags libpng | sed s/-I//g)": how a library of the system is linked. Nothing in it that
// a shell takes for more than words.
bool asks_for_library(std::string_view text) {
  for (const std::string_view mark : {"<!(", "<!@("})
    if (text.starts_with(mark)) {
      text.remove_prefix(mark.size());
      if (!text.ends_with(')')) return false;
      text.remove_suffix(1);
      constexpr std::string_view sed = " | sed s/-I//g";
      if (text.ends_with(sed)) text.remove_suffix(sed.size());
      constexpr std::string_view options[] = {
          "--libs",          "--cflags",           "--libs-only-l", "--libs-only-L", "--libs-only-other",
          "--cflags-only-I", "--cflags-only-other"};
      if (!text.starts_with("pkg-config ")) return false;
      text.remove_prefix(text.find(' '));
      while (!text.empty()) {
        if (text.front() == ' ') {
          text.remove_prefix(1);
          continue;
        }
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(word.size());
        const bool name = word.front() != '-' && std::all_of(word.begin(), word.end(), [](unsigned char c) {
                            return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '+';
                          });
        if (!name && std::find(std::begin(options), std::end(options), word) == std::end(options))
          return false;
      }
      return true;
    }
  return false;
}

// With everything off that quotes or blanks could vary: what asks Node where headers are.
bool is_usual(std::string_view text) {
  std::string bare;
  for (const char c : text)
    if (std::string_view(" \t\"'`\\;").find(c) == std::string_view::npos) bare += c;
  constexpr std::string_view usual[] = {"<!(node-prequire(node-addon-api).include)",
                                        "<!@(node-prequire(node-addon-api).include)",
                                        "<!(node-prequire(node-addon-api).include_dir)",
                                        "<!@(node-prequire(node-addon-api).include_dir)",
                                        "<!(node-prequire(node-addon-api).gyp)",
                                        "<!(node-prequire(node-addon-api).targets):node_addon_api",
                                        "<!(node-prequire(node-addon-api).targets):node_addon_api_except",
                                        "<!(node-prequire(node-addon-api).targets):node_addon_api_maybe",
                                        "<!(node-erequire(nan))",
                                        "<!@(node-erequire(nan))",
                                        "<!(node-prequire(nan))",
                                        "<!(node-erequire(napi-macros))",
                                        "<!(node-prequire(napi-macros).include)",
                                        "<!(node-erequire(require-napi-headers))",
                                        "<!(node-pprocess.versions.node.split(.)[0])",
                                        "<!(node-pprocess.arch)",
                                        "<!(node-pprocess.platform)",
                                        "<!(node-pprocess.version)"};
  // Which version of which compiler there is, to the letter: what stands between the quotes is a program.
  constexpr std::string_view to_the_letter[] = {
      "<!(cc -v 2>&1 | perl -ne 'print $1 if /clang version ([0-9]+(\\.[0-9]+){2,})/')",
      "<!(cc -v 2>&1 | perl -ne 'print $1 if /clang version ([0-9]+(.[0-9]+){2,})/')"};
  return std::find(std::begin(usual), std::end(usual), bare) != std::end(usual) ||
         std::find(std::begin(to_the_letter), std::end(to_the_letter), text) != std::end(to_the_letter) ||
         asks_for_library(text);
}

bool reaches_python(std::string_view text) {
  return text.find("__") != text.npos &&
         (text.find("__import__") != text.npos || text.find("__class__") != text.npos ||
          text.find("__builtins__") != text.npos || text.find("__subclasses__") != text.npos ||
          text.find("__globals__") != text.npos);
}

}  // namespace

GypFile read_gyp(std::string_view text) {
  using enum GypCommand::Kind;
  GypFile file;
  for (const std::string& string : Reader(text).strings()) {
    constexpr std::string_view sections[] = {"actions", "action", "rules", "postbuilds"};
    const bool is_section = std::any_of(std::begin(sections), std::end(sections), [&](std::string_view name) {
      // "actions+" and "actions?" say how lists are merged.
      return string.starts_with(name) && string.size() <= name.size() + 1;
    });
    if (substitutes(string) || reaches_python(string))
      file.commands.push_back({is_usual(string) ? usual : substitution, string});
    else if (is_section)
      file.commands.push_back({section, string});
    else if (string.find_first_of("./") != std::string::npos)
      file.paths.push_back(string);
  }
  return file;
}

namespace {

constexpr std::size_t gyp_bytes_max = 1u << 20;

bool is_gyp(std::string_view path) {
  return path.ends_with(".gyp") || path.ends_with(".gypi");
}

// What a compiler reads is named in every gyp file, and is no part of it.
bool is_compiled(std::string_view path) {
  constexpr std::string_view ends[] = {".c",   ".cc", ".cpp", ".cxx", ".h",   ".hh",
                                       ".hpp", ".m",  ".mm",  ".s",   ".asm", ".S"};
  return std::any_of(std::begin(ends), std::end(ends),
                     [&](std::string_view end) { return path.ends_with(end); });
}

std::optional<std::string> text_of(const Release& release, const ReleaseFile& file) {
  if (!release.bytes || file.entry.size > gyp_bytes_max) return std::nullopt;
  const FileBytes bytes = release.bytes(file.entry);
  std::string text(static_cast<std::size_t>(bytes.size), '\0');
  for (std::size_t have = 0; have < text.size();) {
    const auto read =
        bytes.read(have, {reinterpret_cast<std::uint8_t*>(text.data()) + have, text.size() - have});
    if (read.has_error() || *read == 0) return std::nullopt;
    have += *read;
  }
  return text;
}

bool has_install_script(const std::map<std::string, std::string>& scripts) {
  return scripts.contains("preinstall") || scripts.contains("install") || scripts.contains("postinstall");
}

// The path that one file names, as "../deps/x.gyp:target", below the root of the package.
std::string beside(std::string_view file, std::string_view path) {
  std::string out(file.substr(0, file.rfind('/') == file.npos ? 0 : file.rfind('/')));
  path = path.substr(0, path.find(':'));
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..")
      out.resize(out.rfind('/') == out.npos ? 0 : out.rfind('/'));
    else
      out += (out.empty() ? "" : "/") + std::string(part);
  }
  return out;
}

}  // namespace

std::vector<FoundGypCommand> gyp_commands(const Release& release) {
  std::vector<FoundGypCommand> out;
  std::vector<const ReleaseFile*> waiting;
  std::set<std::string_view> seen;
  const bool scripted = release.packaged != nullptr && has_install_script(release.packaged->scripts);
  for (const ReleaseFile& file : release.files) {
    const std::string& path = file.entry.inner;
    const bool read = path.find('/') == path.npos ? path.ends_with(".gyp") : scripted && is_gyp(path);
    if (read && seen.insert(path).second) waiting.push_back(&file);
  }
  while (!waiting.empty()) {
    const ReleaseFile& file = *waiting.back();
    waiting.pop_back();
    const std::string& path = file.entry.inner;
    const auto text = text_of(release, file);
    const std::string whole = to_hex(file.entry.digest);
    if (!text) {
      if (is_gyp(path)) out.push_back({path, {GypCommand::Kind::unreadable, "more than can be read"}, whole});
      continue;
    }
    GypFile gyp = read_gyp(*text);
    for (GypCommand& command : gyp.commands) {
      const bool section = command.kind == GypCommand::Kind::section;
      if (section && !is_gyp(path)) continue;
      std::string digest = section ? whole : to_hex(sha256(command.text));
      out.push_back({path, std::move(command), std::move(digest)});
    }
    for (const std::string& name : gyp.paths) {
      const ReleaseFile* other = is_compiled(name) ? nullptr : release.file(beside(path, name));
      if (other != nullptr && seen.insert(other->entry.inner).second) waiting.push_back(other);
    }
  }
  return out;
}

}  // namespace sallyport
