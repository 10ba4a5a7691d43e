#include "proxy/upstream/npm_config.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <vector>

#include "proxy/environment.hpp"
#include "proxy/upstream/url.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string>;

// One source of settings; the first layer that has a key decides.
struct Layer {
  std::string source;
  std::map<std::string, std::string> values;
};

std::string variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// "${VAR}": its value, or left as it is where there is none; "${VAR?}": empty then. "\${VAR}" stays.
std::string expanded(std::string_view text, const Environment& environment) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find("${");
    const auto close = open == text.npos ? open : text.find('}', open);
    if (close == text.npos) break;
    const bool escaped = open > 0 && text[open - 1] == '\\';
    out.append(text.substr(0, escaped ? open - 1 : open));
    std::string_view name = text.substr(open + 2, close - open - 2);
    const bool optional = name.ends_with('?');
    if (optional) name.remove_suffix(1);
    const auto found = environment.find(std::string(name));
    if (!escaped && found != environment.end())
      out.append(found->second);
    else if (escaped || !optional)
      out.append(text.substr(open, close - open + 1));
    text.remove_prefix(close + 1);
  }
  return out.append(text);
}

// An unquoted value ends at a comment; "\;" and "\#" are the characters.
std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    return std::string(text.substr(1, text.size() - 2));
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ';' || text[i] == '#') break;
    if (text[i] == '\\' && i + 1 < text.size() &&
        (text[i + 1] == ';' || text[i + 1] == '#' || text[i + 1] == '\\'))
      ++i;
    out += text[i];
  }
  return std::string(trimmed(out));
}

Layer file_layer(const fs::path& path, const Environment& environment) {
  Layer layer{path.string(), {}};
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::string_view text = trimmed(line);
    if (text.empty() || text.front() == ';' || text.front() == '#') continue;
    if (text.front() == '[') break;  // sections are of no meaning to npm
    const auto equals = text.find('=');
    if (equals == text.npos) continue;
    layer.values[expanded(trimmed(text.substr(0, equals)), environment)] =
        expanded(unquoted(trimmed(text.substr(equals + 1))), environment);
  }
  return layer;
}

Layer environment_layer(const Environment& environment) {
  constexpr std::string_view prefix = "npm_config_";
  Layer layer{"npm_config_… of the environment", {}};
  for (const auto& [name, value] : environment) {
    std::string key = name;
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    std::transform(key.begin(),
                   key.begin() + static_cast<std::ptrdiff_t>(std::min(key.size(), prefix.size())),
                   key.begin(), lower);
    if (value.empty() || !key.starts_with(prefix)) continue;
    key.erase(0, prefix.size());
    if (!key.starts_with("//")) {
      std::ranges::transform(key, key.begin(), lower);
      if (!key.empty()) std::replace(key.begin() + 1, key.end(), '_', '-');
    }
    layer.values[key] = value;
  }
  return layer;
}

// The nearest folder that is a project, else the working folder itself.
fs::path project_folder(const fs::path& working_folder) {
  std::error_code ec;
  for (fs::path folder = working_folder;; folder = folder.parent_path()) {
    if (fs::exists(folder / "package.json", ec) || fs::exists(folder / "node_modules", ec)) return folder;
    if (folder == folder.parent_path()) return working_folder;
  }
}

fs::path program(const Environment& environment, std::string_view name) {
  const std::string path = variable(environment, "PATH");
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    const fs::path candidate = fs::path(path.substr(at, end - at)) / name;
    if (candidate.is_absolute() && access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return {};
}

fs::path prefix_folder(const Environment& environment, const Layer& settings) {
  if (const auto found = settings.values.find("prefix"); found != settings.values.end()) return found->second;
  if (const std::string prefix = variable(environment, "PREFIX"); !prefix.empty()) return prefix;
  std::error_code ec;
  return fs::canonical(program(environment, "node"), ec).parent_path().parent_path();
}

std::vector<Layer> layers_of(const NpmSurroundings& surroundings) {
  const Environment& environment = surroundings.environment;
  std::vector<Layer> layers{environment_layer(environment)};
  const Layer& settings = layers.front();
  const auto setting = [&](const char* key, const fs::path& otherwise) {
    const auto found = settings.values.find(key);
    return found == settings.values.end() ? otherwise : fs::path(found->second);
  };
  const std::string home = variable(environment, "HOME");
  const fs::path user = setting("userconfig", home.empty() ? fs::path() : fs::path(home) / ".npmrc");
  const fs::path prefix = prefix_folder(environment, settings);
  const fs::path global = setting("globalconfig", prefix.empty() ? fs::path() : prefix / "etc" / "npmrc");
  // The last is where Debian's npm keeps the machine's file.
  for (const fs::path& path :
       {project_folder(surroundings.working_folder) / ".npmrc", user, global, fs::path("/etc/npmrc")})
    if (!path.empty()) layers.push_back(file_layer(path, environment));
  return layers;
}

struct Setting {
  std::string value;
  std::string source;
};

std::optional<Setting> first_of(const std::vector<Layer>& layers, const std::string& key) {
  for (const Layer& layer : layers)
    if (const auto found = layer.values.find(key); found != layer.values.end() && !found->second.empty())
      return Setting{found->second, layer.source};
  return std::nullopt;
}

// Standard output of `npm config get registry`, as much as came in time. Started without a shell.
std::string ask_npm(const NpmSurroundings& surroundings, const fs::path& npm) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addchdir_np(&actions, surroundings.working_folder.c_str());

  std::vector<std::string> arguments{npm.string(), "config", "get", "registry"};
  std::vector<std::string> variables{"npm_config_update_notifier=false"};
  for (const auto& [name, value] : surroundings.environment) variables.push_back(name + "=" + value);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  pid_t child = 0;
  const int failed = posix_spawn(&child, npm.c_str(), &actions, nullptr, pointers(arguments).data(),
                                 pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);

  std::string output;
  const auto until = std::chrono::steady_clock::now() + surroundings.npm_max;
  while (failed == 0 && output.size() < 4096) {
    const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now()).count();
    pollfd readable{ends[0], POLLIN, 0};
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left)) <= 0) break;
    std::array<char, 512> buffer{};
    const ssize_t n = read(ends[0], buffer.data(), buffer.size());
    if (n <= 0) break;
    output.append(buffer.data(), static_cast<std::size_t>(n));
  }
  close(ends[0]);
  if (failed == 0) {
    kill(child, SIGKILL);  // it has said what it had to, or is too late
    waitpid(child, nullptr, 0);
  }
  return output;
}

}  // namespace

NpmSurroundings NpmSurroundings::of_this_process() {
  NpmSurroundings surroundings;
  surroundings.environment = process_environment();
  std::error_code ec;
  surroundings.working_folder = fs::current_path(ec);
  return surroundings;
}

Result<NpmRegistry> npm_registry(const NpmSurroundings& surroundings) {
  auto setting = first_of(layers_of(surroundings), "registry");
  if (!setting) {
    const fs::path npm = program(surroundings.environment, "npm");
    if (npm.empty())
      return fail(ErrorKind::not_found,
                  "npm is not installed here and names no registry: give the upstream with --upstream URL");
    std::string said = ask_npm(surroundings, npm);
    said.erase(std::min(said.find_first_of("\r\n"), said.size()));
    setting = Setting{said, "npm config get registry"};
  }
  if (const auto url = parse_url(setting->value); !url)
    return fail(ErrorKind::invalid,
                "the registry that " + printable(setting->source) + " names is of no use (" +
                    url.error().message + "): give the upstream with --upstream URL",
                url.error().detail);
  return NpmRegistry{setting->value, setting->source};
}

std::optional<NpmCredential> npm_credential(const NpmSurroundings& surroundings,
                                            std::string_view registry_url) {
  const auto url = parse_url(registry_url);
  if (!url) return std::nullopt;
  const auto layers = layers_of(surroundings);
  const auto value = [&](const std::string& key) {
    const auto found = first_of(layers, key);
    return found ? found->value : std::string();
  };
  // "//host/a/b/", "//host/a/b", "//host/a/", … as npm shortens it.
  const std::string origin = url->origin();
  for (std::string key = origin.substr(origin.find("//")) + url->path; key.size() > 2;) {
    NpmCredential credential{value(key + ":_authToken"), value(key + ":_auth")};
    const std::string user = value(key + ":username");
    if (const auto password = base64_decode(value(key + ":_password"));
        credential.basic_auth.empty() && !user.empty() && password && !password->empty())
      credential.basic_auth = base64_encode(as_bytes(user + ":" + *password));
    if (!credential.token.empty() || !credential.basic_auth.empty()) return credential;
    if (key.ends_with('/'))
      key.pop_back();
    else
      key.erase(key.rfind('/') + 1);
  }
  return std::nullopt;
}

}  // namespace sallyport
