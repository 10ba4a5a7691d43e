// Files that should not be there at all: made to hold secrets, of version control, of editors and assistants.

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "policies/rules/leak.hpp"
#include "storage/base/one_of.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

using namespace std::string_view_literals;

std::string folded(std::string_view path) {
  std::string out(path);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of("/!") + 1);
}

std::string piece_of(const Release& release, const TarEntry& entry, std::uint64_t from, std::size_t bytes) {
  if (!release.bytes || from >= entry.size) return {};
  std::string out(std::min<std::uint64_t>(bytes, entry.size - from), '\0');
  const FileBytes file = release.bytes(entry);
  std::size_t have = 0;
  while (have < out.size()) {
    const auto read =
        file.read(from + have, {reinterpret_cast<std::uint8_t*>(out.data()) + have, out.size() - have});
    // The engine makes of this a finding that holds.
    if (!read) throw BadResult(read.error());
    if (*read == 0) break;
    have += *read;
  }
  out.resize(have);
  return out;
}

namespace {

bool is_env_file(std::string_view name) {
  if (name.size() > 4 && name.ends_with(".env"))  // prod.env
    return name.find("example") == name.npos && name.find("sample") == name.npos &&
           name.find("template") == name.npos;
  if (!name.starts_with(".env")) return false;
  if (name == ".env" || name == ".envrc") return true;
  constexpr std::string_view harmless[] = {".example", ".sample", ".template", ".d.ts",
                                           ".js",      ".ts",     ".mjs",      ".cjs"};
  const char next = name[4];
  return (next == '.' || next == '-' || next == '_') && !ends_in(name, harmless);
}

// By name alone; empty: no such file. `path` is in lower case.
std::string_view secret_by_name(std::string_view path) {
  const std::string_view name = base_name(path);
  if (is_env_file(name)) return "environment variables of a deployment";
  constexpr std::string_view clients[] = {".npmrc",    ".netrc",           "_netrc",     ".pypirc",
                                          ".htpasswd", ".git-credentials", ".dockercfg", ".pgpass",
                                          ".my.cnf",   ".yarnrc.local",    ".s3cfg",     ".boto"};
  if (one_of(name, clients)) return "credentials of a tool";
  constexpr std::string_view credentials[] = {"credentials", ".credentials", "credentials.csv",
                                              "credentials.ini"};
  if (one_of(name, credentials) || path.ends_with(".docker/config.json") ||
      path.ends_with(".gem/credentials"))
    return "credentials";
  constexpr std::string_view keys[] = {"id_rsa",  "id_dsa",        "id_ecdsa",   "id_ed25519",
                                       "id_xmss", "id_ed25519_sk", "id_ecdsa_sk"};
  if (one_of(name, keys)) return "a private SSH key";
  constexpr std::string_view stores[] = {".p12",      ".pfx",         ".jks",           ".keystore",
                                         ".kdbx",     ".kdb",         ".ppk",           ".bks",
                                         ".keychain", ".keychain-db", ".agilekeychain", ".mobileprovision"};
  if (ends_in(name, stores)) return "a key store";
  constexpr std::string_view states[] = {".tfstate", ".tfstate.backup"};
  if (ends_in(name, states) || name == "terraform.tfstate")
    return "state of infrastructure, secrets included";
  if (name == "kubeconfig" || name.ends_with(".kubeconfig") || path.ends_with(".kube/config"))
    return "access to a cluster";
  return {};
}

// A private key of RSA or any other kind as openssl writes it in DER: a sequence as long as the file that
// begins with the version and then the modulus (PKCS #1) or what kind of key it is (PKCS #8).
bool is_der_key(std::string_view start, std::uint64_t file_bytes) {
  if (start.size() < 16 || start[0] != '\x30') return false;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(start[i]); };
  std::size_t at = 2;
  std::uint64_t length = byte(1);
  if (length > 0x80 && length <= 0x83) {
    const std::size_t bytes = length & 3;
    length = 0;
    for (; at < 2 + bytes; ++at) length = length << 8 | byte(at);
  }
  if (at + length != file_bytes || length < 32) return false;
  const std::string_view rest = start.substr(at);
  return rest.starts_with("\x02\x01\x00\x02\x82"sv) || rest.starts_with("\x02\x01\x00\x02\x81"sv) ||
         ((rest.starts_with("\x02\x01\x00\x30"sv) || rest.starts_with("\x02\x01\x01\x30"sv)) &&
          rest.substr(5, 1) == "\x06"sv);
}

// Key stores under any name: Java (JKS, JCEKS), KeePass, PKCS #12.
std::string_view secret_by_magic(std::string_view start) {
  if (start.starts_with("\xfe\xed\xfe\xed"sv) || start.starts_with("\xce\xce\xce\xce"sv))
    return "a key store";
  if (start.starts_with("\x03\xd9\xa2\x9a"sv)) return "a key store";
  constexpr auto pkcs7_data = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"sv;
  if (start.size() > 24 && start[0] == '\x30' &&
      start.substr(0, 24).find("\x02\x01\x03\x30"sv) != start.npos && start.find(pkcs7_data) != start.npos)
    return "a key store";
  return {};
}

bool is_kubeconfig(std::string_view start) {
  return start.find("kind: Config\n") != start.npos && start.find("clusters:") != start.npos &&
         start.find("apiVersion: v1") != start.npos;
}

// What a rule for secrets found in the file, where that makes it a file of secrets as a whole.
std::string_view secret_by_text(std::string_view path, const FileContent& content) {
  constexpr std::string_view key_rules[] = {"private-key", "openssh-private-key", "pgp-private-key",
                                            "putty-private-key", "age-secret-key"};
  constexpr std::string_view key_names[] = {".pem",  ".key", ".asc", ".gpg", ".pgp", ".der", ".pkcs8",
                                            ".priv", ".rsa", ".txt", ".age", ".crt", ".cer"};
  const std::string_view name = base_name(path);
  for (const SecretHit& hit : content.secrets) {
    if (hit.rule_id == "gcp-service-account") return "the key of a service account";
    if (hit.rule_id == "npmrc-auth") return "credentials of a tool";
    // At the start of a file a key is the file; in the middle of code it is leak/secret's alone.
    if (one_of(hit.rule_id, key_rules) &&
        (hit.offset < 64 || ends_in(name, key_names) || name.find('.') == name.npos))
      return "a private key";
  }
  return {};
}

// Assignments and nothing else, as shells and dotenv read them.
bool is_environment(std::string_view text) {
  std::size_t assignments = 0;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with("export ")) line.remove_prefix(7);
    if (line.empty() || line == "\r" || line.starts_with('#')) continue;
    const std::size_t name = line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (name == 0 || name == line.npos || line[name] != '=') return text.empty() && assignments > 1;
    ++assignments;
  }
  return assignments > 1;
}

std::string_view secret_file(const Release& release, const ReleaseFile& file) {
  const std::string path = folded(file.entry.inner);
  if (const auto kind = secret_by_name(path); !kind.empty()) return kind;
  if (const auto kind = secret_by_text(path, file.content); !kind.empty()) return kind;
  // Under another name too; only where there is a secret in it, because assignments alone are no harm.
  if (!file.content.secrets.empty() && is_environment(piece_of(release, file.entry, 0, 16u << 10)))
    return "environment variables of a deployment";
  if (file.content.magic == Magic::other_binary) {
    const std::string start = piece_of(release, file.entry, 0, 64);
    return is_der_key(start, file.entry.size) ? "a private key" : secret_by_magic(start);
  }
  constexpr std::string_view yaml[] = {".yaml", ".yml", ".conf", ".config"};
  const std::string_view name = base_name(path);
  if (file.content.magic == Magic::text && (ends_in(name, yaml) || name.find('.') == name.npos) &&
      is_kubeconfig(piece_of(release, file.entry, 0, 16u << 10)))
    return "access to a cluster";
  return {};
}

// The folder or file of `path` that is in the way, with what leads to it: "a/.git" of "a/.git/config" and
// "x.zip!.git" of "x.zip!.git/config".
template <class IsIt>
std::string_view part_of(std::string_view path, IsIt is_it) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find_first_of("/!", at), path.size());
    if (is_it(path.substr(at, end - at), end == path.size())) return path.substr(0, end);
    at = end + 1;
  }
  return {};
}

// One finding for a folder, at its first file.
struct Group {
  std::string_view first;
  std::size_t files = 0;
};

void add_groups(const std::map<std::string, Group>& groups, std::string_view what, FindingSink& sink,
                int tier = 0) {
  for (const auto& [folder, group] : groups) {
    std::string message = printable(folder) + " is " + std::string(what);
    if (group.files > 1) message += ", " + thousands(group.files) + " files of it";
    sink.add({.file = group.first, .message = std::move(message)}, tier);
  }
}

}  // namespace

std::string_view nested_secret_file(std::string_view path, const FileContent& content) {
  const std::string lower = folded(path);
  const auto kind = secret_by_name(lower);
  return kind.empty() ? secret_by_text(lower, content) : kind;
}

void check_secret_file(const Release& release, FindingSink& sink) {
  for (const ReleaseFile& file : release.files) {
    if (const auto kind = secret_file(release, file); !kind.empty())
      sink.add({.file = file.entry.inner, .message = "the file holds " + std::string(kind)});
    for_each_nested(file.content, [&](std::string_view path, std::uint64_t, const FileContent& content) {
      const auto kind = nested_secret_file(path, content);
      if (!kind.empty()) sink.add({.file = path, .message = "the packed file holds " + std::string(kind)});
    });
  }
}

void check_vcs(const Release& release, FindingSink& sink) {
  constexpr std::string_view names[] = {".git", ".svn", ".hg"};
  std::map<std::string, Group> groups;
  for_each_content(release, [&](std::string_view inner, std::uint64_t, const FileContent&) {
    const std::string path = folded(inner);
    const auto part = part_of(path, [&](std::string_view name, bool) { return one_of(name, names); });
    if (part.empty()) return;
    Group& group = groups[std::string(part)];
    if (group.files++ == 0) group.first = inner;
  });
  // All of it in one file, or in a folder of another name.
  for (const ReleaseFile& file : release.files) {
    const std::string start = piece_of(release, file.entry, 0, 16);
    const bool bundle = start.starts_with("# v2 git bundle") || start.starts_with("# v3 git bundle");
    const bool pack = start.starts_with("PACK\0\0\0\2"sv) || start.starts_with("PACK\0\0\0\3"sv);
    const bool head = base_name(file.entry.inner) == "HEAD" && start.starts_with("ref: refs/");
    if (!bundle && !pack && !head) continue;
    Group& group = groups[bundle || pack ? "a history of git" : "a repository of git"];
    if (group.files++ == 0) group.first = file.entry.inner;
  }
  add_groups(groups, "version control's own", sink);
}

void check_ai_state(const Release& release, FindingSink& sink) {
  constexpr std::string_view folders[] = {".claude",   ".cursor", ".windsurf", ".codex",
                                          ".continue", ".vscode", ".idea"};
  constexpr std::string_view files[] = {"claude.md", "claude.local.md", "agents.md", "gemini.md"};
  std::map<std::string, Group> state, instructions;
  for_each_content(release, [&](std::string_view inner, std::uint64_t, const FileContent&) {
    const std::string path = folded(inner);
    if (base_name(path) == "settings.local.json") {
      sink.add({.file = inner,
                .message = "settings.local.json holds one person's own settings and permissions, often with "
                           "credentials in them"},
               1);
      return;
    }
    const auto part = part_of(path, [&](std::string_view name, bool last) {
      return one_of(name, folders) || name.starts_with(".aider") || (last && one_of(name, files));
    });
    if (part.empty()) return;
    Group& group = (one_of(base_name(part), files) ? instructions : state)[std::string(part)];
    if (group.files++ == 0) group.first = inner;
  });
  add_groups(state, "state or instructions of an editor or AI assistant", sink);
  add_groups(instructions, "instructions for AI assistants", sink, 2);
}

}  // namespace sallyport
