#include "proxy/config.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "proxy/config_keys.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/text.hpp"
#include "storage/base/toml.hpp"

namespace sallyport {
namespace {

using config_keys::Key;
using config_keys::Kind;
using config_keys::Values;

Error invalid(std::string sentence) {
  return fail(ErrorKind::invalid, std::move(sentence));
}

template <class T>
std::vector<std::string> names_of(const std::vector<Key<T>>& keys) {
  std::vector<std::string> names;
  for (const auto& key : keys) names.emplace_back(key.name);
  return names;
}

// "listen": "did you mean …" for a key that is not in the table.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? std::string() : "; did you mean \"" + near + "\"?";
}

constexpr std::array<std::string_view, 8> secret_names = {"token", "password",   "secret", "auth",
                                                          "_auth", "_authToken", "key",    "credential"};

class Loader {
 public:
  explicit Loader(const ConfigInputs& inputs) : inputs_(inputs) {}

  Result<Config> load() {
    for (const auto& key : config_keys::of_config()) source(key.name) = "default";
    const auto file = inputs_.file ? inputs_.file : environment("SALLYPORT_CONFIG");
    if (file) read_file(*file);
    read_environment();
    flag(inputs_.listen, "listen", "--listen");
    flag(inputs_.data, "data", "--data");
    if (problems_.empty()) fill_in();
    if (problems_.empty()) check();
    if (!problems_.empty()) {
      std::string all;
      for (const auto& problem : problems_) all += (all.empty() ? "" : "\n") + problem;
      return fail(ErrorKind::invalid, std::move(all));
    }
    return std::move(config_);
  }

 private:
  std::string& source(std::string_view path) {
    return config_.sources.emplace(path, std::string()).first->second;
  }
  std::string source_of(std::string_view path) const {
    const auto found = config_.sources.find(path);
    return found == config_.sources.end() ? "default" : found->second;
  }
  void problem(std::string text) { problems_.push_back(std::move(text)); }
  void problem_at(std::string_view path, const std::string& text) { problem(source_of(path) + ": " + text); }
  std::optional<std::string> environment(const std::string& name) const {
    const auto found = inputs_.environment.find(name);
    if (found == inputs_.environment.end() || found->second.empty()) return {};
    return found->second;
  }

  std::string place(const toml::node& node) const { return place(node.source()); }
  std::string place(const toml::source_region& region) const {
    return file_ + ':' + std::to_string(region.begin.line);
  }

  void read_file(const std::string& path) {
    file_ = path;
    folder_ = std::filesystem::path(path).parent_path();
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    if (!in) return problem(path + ": cannot be read: check the path and its permissions");
    const auto parsed = parse_toml(text.str(), path);
    if (!parsed) return problem(parsed.error().message);
    read_root(*parsed);
  }

  void read_root(const toml::table& root) {
    for (const auto& [name, node] : root) {
      const std::string_view key = name.str();
      if (key == "upstreams") {
        read_upstreams(node);
      } else if (key == "packages") {
        read_packages(node);
      } else if (is_section(key)) {
        read_section(key, node);
      } else {
        read_key(config_keys::of_config(), config_, key, "", node);
      }
    }
  }

  static bool is_section(std::string_view name) {
    const std::string prefix = std::string(name) + '.';
    return std::any_of(config_keys::of_config().begin(), config_keys::of_config().end(),
                       [&](const auto& key) { return key.name.starts_with(prefix); });
  }

  void read_section(std::string_view section, const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr)
      return problem(place(node) + ": \"" + std::string(section) + "\" is a section: write [" +
                     std::string(section) + "] and its keys below");
    for (const auto& [name, value] : *table)
      read_key(config_keys::of_config(), config_, std::string(section) + '.' + std::string(name.str()), "",
               value);
  }

  void read_upstreams(const toml::node& node) {
    const auto* all = node.as_table();
    if (all == nullptr) return problem(place(node) + ": write an upstream as [upstreams.NAME]");
    for (const auto& [name, value] : *all) {
      const std::string_view key = name.str();
      const auto* table = value.as_table();
      if (table == nullptr || !config_keys::is_name(key) || key == "local" || key == "deny") {
        problem(place(value) + ": \"" + printable(key, 60) +
                "\" cannot be an upstream: write [upstreams.NAME]" + ", and not \"local\" or \"deny\"");
        continue;
      }
      UpstreamConfig upstream;
      upstream.name = key;
      const std::string prefix = "upstreams." + upstream.name + '.';
      for (const auto& [inner, field] : *table)
        read_key(config_keys::of_upstream(), upstream, inner.str(), prefix, field);
      if (upstream.url.empty() && !table->contains("url"))
        problem(place(value) + ": upstream \"" + upstream.name + "\" has no url");
      const auto credentials =
          !upstream.token_file.empty() + !upstream.token_env.empty() + !upstream.password_file.empty();
      if (credentials > 1)
        problem(place(value) + ": upstream \"" + upstream.name +
                "\" names its credential twice: keep token_file, token_env or password_file");
      if (upstream.username.empty() != upstream.password_file.empty())
        problem(place(value) + ": upstream \"" + upstream.name +
                "\": username and password_file belong together: give both");
      config_.upstreams.push_back(std::move(upstream));
    }
  }

  void read_packages(const toml::node& node) {
    const auto* all = node.as_array();
    if (all == nullptr) return problem(place(node) + ": write a rule for packages as [[packages]]");
    for (const auto& element : *all) {
      const auto* table = element.as_table();
      if (table == nullptr) {
        problem(place(element) + ": write a rule for packages as [[packages]]");
        continue;
      }
      PackageRule rule = config_keys::closed_rule();
      const std::string prefix = "packages." + std::to_string(config_.packages.size()) + '.';
      for (const auto& [name, field] : *table)
        read_key(config_keys::of_package(), rule, name.str(), prefix, field);
      if (!table->contains("match")) problem(place(element) + ": a [[packages]] rule has no match");
      if (!table->contains("read"))
        problem(place(element) + ": a [[packages]] rule does not say where to read");
      config_.packages.push_back(std::move(rule));
    }
  }

  template <class T>
  void read_key(const std::vector<Key<T>>& keys, T& into, std::string_view name, const std::string& prefix,
                const toml::node& node) {
    const auto found =
        std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.name == name; });
    if (found == keys.end()) {
      const std::string_view last = name.substr(name.rfind('.') + 1);
      if (std::find(secret_names.begin(), secret_names.end(), last) != secret_names.end())
        return problem(
            place(node) + ": \"" + std::string(last) +
            "\": no secret stands in a configuration: name where it is with token_file or token_env");
      auto names = names_of(keys);
      if constexpr (std::is_same_v<T, Config>) names.insert(names.end(), {"upstreams", "packages"});
      return problem(place(node) + ": unknown key \"" + printable(name, 60) + '"' + suggestion(name, names));
    }
    auto values = values_of(found->kind, node);
    const std::string path = prefix + std::string(name);
    source(path) = place(node);
    if (!values) return problem(place(node) + ": \"" + std::string(name) + "\" " + values.error().message);
    if (found->kind == Kind::path) values->front() = from_file_folder(values->front());
    apply(*found, into, path, *values);
  }

  static Result<Values> values_of(Kind kind, const toml::node& node) {
    const auto refused = [&] { return invalid("must be a " + std::string(config_keys::kind_name(kind))); };
    if (kind == Kind::list) {
      const auto* array = node.as_array();
      if (array == nullptr) return refused();
      Values out;
      for (const auto& element : *array) {
        const auto* text = element.as_string();
        if (text == nullptr) return refused();
        out.push_back(text->get());
      }
      return out;
    }
    if (kind == Kind::number) {
      const auto* number = node.as_integer();
      if (number == nullptr) return refused();
      return Values{std::to_string(number->get())};
    }
    const auto* text = node.as_string();
    if (text == nullptr) return refused();
    return Values{text->get()};
  }

  // A path in the file is seen from the file, so that it means the same wherever the server is started.
  std::string from_file_folder(const std::string& path) const {
    if (path.empty() || folder_.empty() || path.find("://") != path.npos) return path;
    return (folder_ / path).lexically_normal().string();
  }

  template <class T>
  void apply(const Key<T>& key, T& into, const std::string& path, const Values& values) {
    const auto done = key.set(into, values);
    if (!done) problem_at(path, '"' + std::string(key.name) + "\": " + done.error().message);
  }

  void read_environment() {
    for (const auto& key : config_keys::of_config()) {
      const std::string name = config_keys::environment_name(key.name);
      if (const auto value = environment(name)) set_from(key, name, *value);
    }
  }

  void flag(const std::optional<std::string>& value, std::string_view name, const std::string& from) {
    if (!value) return;
    const auto key = std::find_if(config_keys::of_config().begin(), config_keys::of_config().end(),
                                  [&](const auto& candidate) { return candidate.name == name; });
    set_from(*key, from, *value);
  }

  void set_from(const Key<Config>& key, const std::string& from, const std::string& value) {
    source(key.name) = from;
    apply(key, config_, std::string(key.name), {value});
  }

  // What the file left open: the upstream npm uses, and one rule for every package.
  void fill_in() {
    if (inputs_.upstream) {
      if (!config_.upstreams.empty())
        return problem("--upstream: upstreams are configured already: change [upstreams." +
                       config_.upstreams.front().name + "] instead");
      add_upstream(*inputs_.upstream, "--upstream");
    } else if (config_.upstreams.empty() && config_.packages.empty() && inputs_.npm_registry) {
      const auto found = inputs_.npm_registry();
      if (found) {
        add_upstream(found->url, found->source);
      } else if (found.error().kind == ErrorKind::not_found) {
        config_.notes.push_back(
            "No registry stands behind this one, so only packages published here are served: " +
            found.error().message);
      } else {
        return problem("no upstream is configured, and npm cannot say which it uses: " +
                       found.error().message);
      }
    }
    if (!config_.packages.empty()) return;
    std::vector<const UpstreamConfig*> origins;
    for (const auto& upstream : config_.upstreams)
      if (mirrored_by(upstream.name) == nullptr) origins.push_back(&upstream);
    if (origins.size() > 1)
      return problem(file_ + ": with several upstreams [[packages]] must say which is read for what");
    PackageRule rule;
    if (!origins.empty()) {
      rule.read = origins.front()->name;
      // Without a credential nothing could be handed over: approved releases stay here.
      if (origins.front()->has_credential()) rule.publish = rule.read;
    }
    config_.packages.push_back(rule);
  }

  // Whose mirror that upstream is; nullptr: nobody's.
  const UpstreamConfig* mirrored_by(std::string_view name) const {
    for (const auto& upstream : config_.upstreams)
      if (std::find(upstream.mirrors.begin(), upstream.mirrors.end(), name) != upstream.mirrors.end())
        return &upstream;
    return nullptr;
  }

  void add_upstream(const std::string& url, const std::string& from) {
    UpstreamConfig upstream;
    upstream.name = "main";
    source("upstreams.main.url") = from;
    apply(config_keys::of_upstream().front(), upstream, "upstreams.main.url", {url});
    config_.upstreams.push_back(std::move(upstream));
  }

  void check() {
    const auto listen = config_.listen_address();
    if (config_.public_url.empty() && listen.every_address())
      problem_at("listen", "listening on every address needs public_url, which tarball URLs begin with");
    if (config_.tls_certificate.empty() != config_.tls_key.empty())
      problem_at(config_.tls_key.empty() ? "tls.certificate" : "tls.key",
                 "tls.certificate and tls.key belong together: give both");
    std::vector<std::string> upstreams;
    for (const auto& upstream : config_.upstreams) upstreams.push_back(upstream.name);
    for (const auto& upstream : config_.upstreams)
      for (const std::string& mirror : upstream.mirrors) check_mirror(upstream, mirror, upstreams);
    for (std::size_t i = 0; i < config_.packages.size(); ++i) {
      const auto& rule = config_.packages[i];
      const std::string prefix = "packages." + std::to_string(i) + '.';
      if (rule.read != "local" && config_.upstream(rule.read) == nullptr)
        problem_at(prefix + "read",
                   "unknown upstream \"" + printable(rule.read, 60) + '"' + suggestion(rule.read, upstreams));
      if (const auto* origin = mirrored_by(rule.read))
        problem_at(prefix + "read", "\"" + rule.read + "\" is a mirror of \"" + origin->name +
                                        "\", which the names belong to: read from \"" + origin->name + '"');
      if (rule.publish == "local" || rule.publish == "deny") continue;
      const auto* target = config_.upstream(rule.publish);
      if (target == nullptr) {
        problem_at(prefix + "publish", "unknown upstream \"" + printable(rule.publish, 60) + '"' +
                                           suggestion(rule.publish, upstreams));
      } else if (rule.publish != rule.read) {
        problem_at(prefix + "publish", "a name has one origin: \"" + rule.match + "\" is read from \"" +
                                           rule.read + "\", so publish there, to \"local\", or \"deny\"");
      } else if (!target->has_credential()) {
        problem_at(prefix + "publish",
                   "upstream \"" + rule.publish +
                       "\" has no token_file, token_env or password_file, so nothing can be published to it");
      }
    }
  }

  void check_mirror(const UpstreamConfig& upstream, const std::string& mirror,
                    const std::vector<std::string>& upstreams) {
    const std::string path = "upstreams." + upstream.name + ".mirrors";
    const auto* found = config_.upstream(mirror);
    if (found == nullptr)
      problem_at(path, "unknown upstream \"" + printable(mirror, 60) + '"' + suggestion(mirror, upstreams));
    else if (found == &upstream || !found->mirrors.empty() || mirrored_by(mirror) != &upstream ||
             std::count(upstream.mirrors.begin(), upstream.mirrors.end(), mirror) > 1)
      problem_at(path,
                 "\"" + mirror + "\" cannot be a mirror here: one upstream has it, once, and it has none");
  }

  const ConfigInputs& inputs_;
  Config config_;
  std::string file_;
  std::filesystem::path folder_;
  std::vector<std::string> problems_;
};

}  // namespace

ListenAddress Config::listen_address() const {
  const auto parsed = parse_listen(listen);
  return parsed ? *parsed : ListenAddress{};
}

std::vector<AddressRange> Config::ranges(const std::vector<std::string>& texts) {
  std::vector<AddressRange> out;
  for (const std::string& text : texts)
    if (auto range = AddressRange::parse(text)) out.push_back(*range);
  return out;
}

std::string Config::base_url(std::uint16_t port) const {
  if (!public_url.empty()) return public_url;
  const auto address = listen_address();
  const bool v6 = address.host.find(':') != std::string::npos;
  return (tls_certificate.empty() ? "http://" : "https://") + (v6 ? '[' + address.host + ']' : address.host) +
         ':' + std::to_string(port);
}

std::vector<std::string> Config::origins() const {
  std::vector<std::string> all{"local"};
  for (const UpstreamConfig& one : upstreams) all.push_back(one.name);
  return all;
}

const UpstreamConfig* Config::upstream(std::string_view name) const {
  const auto found = std::find_if(upstreams.begin(), upstreams.end(),
                                  [&](const auto& candidate) { return candidate.name == name; });
  return found == upstreams.end() ? nullptr : &*found;
}

Result<Config> load_config(const ConfigInputs& inputs) {
  return Loader(inputs).load();
}

namespace {

// What an environment variable or a file holds, without its last line end.
Result<std::string> read_secret(const std::string& variable, const std::string& file,
                                const std::map<std::string, std::string>& environment,
                                const std::string& whose) {
  std::string secret;
  if (!variable.empty()) {
    const auto found = environment.find(variable);
    if (found == environment.end() || found->second.empty())
      return invalid("The environment variable " + variable + ", which holds " + whose + ", is not set.");
    secret = found->second;
  } else {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    if (!in) return invalid("The file " + file + ", which holds " + whose + ", cannot be read.");
    secret = text.str();
  }
  const auto last = secret.find_last_not_of(" \t\r\n");
  secret.erase(last == secret.npos ? 0 : last + 1);
  return secret;
}

bool sendable(std::string_view secret, unsigned char least) {
  return !secret.empty() && secret.size() <= 4096 &&
         std::all_of(secret.begin(), secret.end(), [&](unsigned char c) { return c >= least && c != 127; });
}

}  // namespace

Result<UpstreamCredential> read_credential(const UpstreamConfig& upstream,
                                           const std::map<std::string, std::string>& environment) {
  UpstreamCredential credential;
  if (!upstream.has_credential()) return credential;
  const bool by_password = !upstream.password_file.empty();
  const std::string whose =
      std::string(by_password ? "the password" : "the credential") + " of upstream \"" + upstream.name + "\"";
  auto secret = read_secret(upstream.token_env, by_password ? upstream.password_file : upstream.token_file,
                            environment, whose);
  if (!secret) return secret.error();
  // A token stands in a header as it is; of a password only that it is one line.
  const bool ascii = std::all_of(secret->begin(), secret->end(), [](unsigned char c) { return c < 127; });
  if (!sendable(*secret, by_password ? ' ' : '!') || (!by_password && !ascii))
    return invalid("What is named as " + whose + " is not one " + (by_password ? "password" : "token") +
                   " on one line.");
  log::redact(*secret);
  if (by_password)
    credential.basic_auth = base64_encode(as_bytes(upstream.username + ":" + *secret));
  else
    credential.token = std::move(*secret);
  return credential;
}

}  // namespace sallyport
