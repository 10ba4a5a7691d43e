#include "proxy/config.hpp"

#include <arpa/inet.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

using Values = std::vector<std::string>;

enum class Kind : std::uint8_t { text, path, number, size, duration, list };

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "text";
    case Kind::path:
      return "path";
    case Kind::number:
      return "number";
    case Kind::size:
      return "size, like \"256 MiB\"";
    case Kind::duration:
      return "duration, like \"3 days\"";
    case Kind::list:
      break;
  }
  return "list of texts";
}

Error invalid(std::string sentence) {
  return fail(ErrorKind::invalid, std::move(sentence));
}

// A row of the table. Values travel as text, whatever they came from; `get` gives none for what is not set.
template <class T>
struct Key {
  std::string_view name;
  Kind kind;
  std::string_view doc;
  Result<void> (*set)(T&, const Values&);
  Values (*get)(const T&);
};

template <class T>
Values optional_text(const T& text) {
  return text.empty() ? Values{} : Values{text};
}

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max)
    return invalid("must be a whole number from 0 to " + std::to_string(max));
  return value;
}

Result<void> set_number(std::uint64_t& into, std::string_view text, std::uint64_t max) {
  const auto value = parse_number(text, max);
  if (!value) return value.error();
  into = *value;
  return {};
}

Result<void> set_duration(Millis& into, std::string_view text) {
  const auto value = parse_duration(text);
  if (!value) return value.error();
  if (*value <= Millis::zero()) return invalid("must be longer than nothing");
  into = *value;
  return {};
}

Result<void> set_size(std::uint64_t& into, std::string_view text) {
  const auto value = parse_size(text);
  if (!value) return value.error();
  if (*value == 0) return invalid("must be more than nothing");
  into = *value;
  return {};
}

// Values of an enumeration, by name.
template <class E>
struct Choice {
  std::string_view name;
  E value;
};

template <class E, std::size_t N>
Result<void> choose(E& into, std::string_view text, const std::array<Choice<E>, N>& choices) {
  std::vector<std::string> names;
  for (const auto& choice : choices) {
    if (choice.name == text) {
      into = choice.value;
      return {};
    }
    names.emplace_back(choice.name);
  }
  std::string sentence = "\"" + printable(text, 60) + "\" is none of ";
  for (const auto& name : names) sentence += (&name == &names.front() ? "\"" : ", \"") + name + '"';
  return invalid(sentence);
}

template <class E, std::size_t N>
Values chosen(E value, const std::array<Choice<E>, N>& choices) {
  const auto found =
      std::find_if(choices.begin(), choices.end(), [&](const auto& choice) { return choice.value == value; });
  return {std::string(found->name)};
}

constexpr std::array<Choice<Profile>, 3> profiles{
    {{"proprietary", Profile::proprietary}, {"open", Profile::open}, {"internal", Profile::internal}}};
constexpr std::array<Choice<HeldAnswer>, 3> held_answers{
    {{"accept", HeldAnswer::accept}, {"refuse", HeldAnswer::refuse}, {"wait", HeldAnswer::wait}}};
constexpr std::array<Choice<OtpToApprove>, 2> otp_choices{
    {{"if-enrolled", OtpToApprove::if_enrolled}, {"required", OtpToApprove::required}}};
constexpr std::array<Choice<log::Level>, 5> log_levels{{{"debug", log::Level::debug},
                                                        {"info", log::Level::info},
                                                        {"warn", log::Level::warn},
                                                        {"error", log::Level::error},
                                                        {"off", log::Level::off}}};

bool is_http_url(std::string_view url) {
  const std::size_t start = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  if (start == 0 || url.size() == start || url[start] == '/') return false;
  return url.find_first_of(" \t\r\n?#@\\\"<>", start) == url.npos && printable(url, url.size() + 1) == url;
}

Result<void> set_url(std::string& into, std::string_view url, bool keep_slash) {
  if (!is_http_url(url)) return invalid("must be an http:// or https:// URL without user, query or fragment");
  into = url;
  while (!keep_slash && into.ends_with('/')) into.pop_back();
  return {};
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

Result<void> set_people(std::vector<std::string>& into, const Values& values) {
  for (const auto& value : values) {
    const auto name = std::string_view(value).substr(value.starts_with("group:") ? 6 : 0);
    if (value != "*" && !is_name(name))
      return invalid("\"" + printable(value, 60) + "\" is no user, \"group:NAME\" or \"*\"");
  }
  into = values;
  return {};
}

// Keys that stand once: the top level and the sections.
const std::vector<Key<Config>>& config_keys() {
  static const std::vector<Key<Config>> keys = {
      {"listen", Kind::text, "Address and port to listen on.",
       [](Config& c, const Values& v) -> Result<void> {
         if (auto parsed = parse_listen(v[0]); !parsed) return parsed.error();
         c.listen = v[0];
         return {};
       },
       [](const Config& c) { return Values{c.listen}; }},
      {"public_url", Kind::text,
       "URL under which clients reach Sallyport; without it, `http://` and where it listens.",
       [](Config& c, const Values& v) { return set_url(c.public_url, v[0], false); },
       [](const Config& c) { return optional_text(c.public_url); }},
      {"data", Kind::path, "Folder of everything that is kept.",
       [](Config& c, const Values& v) -> Result<void> {
         if (v[0].empty()) return invalid("must name a folder");
         c.data = v[0];
         return {};
       },
       [](const Config& c) { return Values{c.data}; }},
      {"metadata", Kind::text, "Store of metadata; `rocksdb`, inside the data folder.",
       [](Config& c, const Values& v) -> Result<void> {
         if (v[0] != "rocksdb") return invalid("must be \"rocksdb\", the only one there is");
         c.metadata = v[0];
         return {};
       },
       [](const Config& c) { return Values{c.metadata}; }},
      {"blobs", Kind::text, "Store of tarballs; `file`, inside the data folder.",
       [](Config& c, const Values& v) -> Result<void> {
         if (v[0] != "file") return invalid("must be \"file\", the only one there is");
         c.blobs = v[0];
         return {};
       },
       [](const Config& c) { return Values{c.blobs}; }},
      {"identity.otp_to_approve", Kind::text,
       "Who needs a one-time password to approve or reject: `if-enrolled`, those who have one; `required`, "
       "everybody.",
       [](Config& c, const Values& v) { return choose(c.otp_to_approve, v[0], otp_choices); },
       [](const Config& c) { return chosen(c.otp_to_approve, otp_choices); }},
      {"policy.file", Kind::path, "TOML file that overrides rules of the profiles.",
       [](Config& c, const Values& v) -> Result<void> {
         c.policy_file = v[0];
         return {};
       },
       [](const Config& c) { return optional_text(c.policy_file); }},
      {"limits.publish_body_bytes_max", Kind::size, "Largest body of a publish (a tarball in base64).",
       [](Config& c, const Values& v) { return set_size(c.publish_body_bytes_max, v[0]); },
       [](const Config& c) { return Values{size_text(c.publish_body_bytes_max)}; }},
      {"limits.connections_max", Kind::number, "Connections open at once; one more is answered 503.",
       [](Config& c, const Values& v) -> Result<void> {
         if (auto ok = set_number(c.connections_max, v[0], 1'000'000); !ok) return ok;
         if (c.connections_max == 0) return invalid("must be at least 1");
         return {};
       },
       [](const Config& c) { return Values{std::to_string(c.connections_max)}; }},
      {"limits.io_threads", Kind::number, "Threads that serve connections; 0: one a core.",
       [](Config& c, const Values& v) { return set_number(c.io_threads, v[0], 256); },
       [](const Config& c) { return Values{std::to_string(c.io_threads)}; }},
      {"limits.scan_threads", Kind::number, "Threads that inspect releases; 0: one less than cores.",
       [](Config& c, const Values& v) { return set_number(c.scan_threads, v[0], 256); },
       [](const Config& c) { return Values{std::to_string(c.scan_threads)}; }},
      {"limits.stop_deadline", Kind::duration, "How long requests in flight may take when the server stops.",
       [](Config& c, const Values& v) { return set_duration(c.stop_deadline, v[0]); },
       [](const Config& c) { return Values{to_text(c.stop_deadline)}; }},
      {"log.level", Kind::text, "`debug`, `info`, `warn`, `error` or `off`.",
       [](Config& c, const Values& v) { return choose(c.log_level, v[0], log_levels); },
       [](const Config& c) { return chosen(c.log_level, log_levels); }},
  };
  return keys;
}

// Keys of [upstreams.NAME].
const std::vector<Key<UpstreamConfig>>& upstream_keys() {
  static const std::vector<Key<UpstreamConfig>> keys = {
      {"url", Kind::text, "The registry. Required.",
       [](UpstreamConfig& u, const Values& v) { return set_url(u.url, v[0], true); },
       [](const UpstreamConfig& u) { return optional_text(u.url); }},
      {"token_file", Kind::path, "File that holds the credential.",
       [](UpstreamConfig& u, const Values& v) -> Result<void> {
         u.token_file = v[0];
         return {};
       },
       [](const UpstreamConfig& u) { return optional_text(u.token_file); }},
      {"token_env", Kind::text, "Environment variable that holds the credential.",
       [](UpstreamConfig& u, const Values& v) -> Result<void> {
         // A pasted token is caught here: npm's have an underscore but lower-case letters too.
         const bool named = !v[0].empty() && std::all_of(v[0].begin(), v[0].end(), [](unsigned char c) {
           return std::isupper(c) != 0 || std::isdigit(c) != 0 || c == '_';
         });
         if (!named) return invalid("must be the name of a variable: capitals, digits and '_'");
         u.token_env = v[0];
         return {};
       },
       [](const UpstreamConfig& u) { return optional_text(u.token_env); }},
      {"forward", Kind::text, "How an approved release is handed over; `publish`.",
       [](UpstreamConfig&, const Values& v) -> Result<void> {
         if (v[0] == "publish") return {};
         if (v[0] == "stage") return invalid("\"stage\" is not built yet: use \"publish\"");
         return invalid("must be \"publish\"");
       },
       [](const UpstreamConfig&) { return Values{"publish"}; }},
      {"ca_file", Kind::path,
       "Certificates (PEM) that the upstream's is checked against; without it, the system's.",
       [](UpstreamConfig& u, const Values& v) -> Result<void> {
         u.ca_file = v[0];
         return {};
       },
       [](const UpstreamConfig& u) { return optional_text(u.ca_file); }},
      {"proxy", Kind::text, "HTTP proxy to reach it by; without it, as the environment says.",
       [](UpstreamConfig& u, const Values& v) { return set_url(u.proxy, v[0], false); },
       [](const UpstreamConfig& u) { return optional_text(u.proxy); }},
      {"timeout", Kind::duration, "How long it may send nothing.",
       [](UpstreamConfig& u, const Values& v) { return set_duration(u.timeout, v[0]); },
       [](const UpstreamConfig& u) { return Values{to_text(u.timeout)}; }},
  };
  return keys;
}

// Keys of [[packages]].
const std::vector<Key<PackageRule>>& package_keys() {
  static const std::vector<Key<PackageRule>> keys = {
      {"match", Kind::text,
       "Which names: `@acme/*`, `lib-*`, `**`. The first rule that matches counts. Required.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         if (v[0].empty() || printable(v[0], 300) != v[0])
           return invalid("must be a pattern of package names");
         r.match = v[0];
         return {};
       },
       [](const PackageRule& r) { return optional_text(r.match); }},
      {"read", Kind::text, "Where releases come from: the name of an upstream, or `local`. Required.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         r.read = v[0];
         return {};
       },
       [](const PackageRule& r) { return optional_text(r.read); }},
      {"publish", Kind::text,
       "Where approved releases go: the upstream they are read from, `local`, or `deny`.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         r.publish = v[0];
         return {};
       },
       [](const PackageRule& r) { return Values{r.publish}; }},
      {"profile", Kind::text, "How strictly releases are judged: `proprietary`, `open` or `internal`.",
       [](PackageRule& r, const Values& v) { return choose(r.profile, v[0], profiles); },
       [](const PackageRule& r) { return chosen(r.profile, profiles); }},
      {"publishers", Kind::list, "Who may publish: users, `group:NAME`, or `*` for every account.",
       [](PackageRule& r, const Values& v) { return set_people(r.publishers, v); },
       [](const PackageRule& r) { return r.publishers; }},
      {"reviewers", Kind::list,
       "Who may approve and reject; never a service identity, never one's own release.",
       [](PackageRule& r, const Values& v) { return set_people(r.reviewers, v); },
       [](const PackageRule& r) { return r.reviewers; }},
      {"approvals", Kind::number,
       "People other than the publisher who must approve; 0: a release with nothing above `note` goes on at "
       "once.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         std::uint64_t value = 0;
         if (auto ok = set_number(value, v[0], 100); !ok) return ok;
         r.approvals = static_cast<std::uint32_t>(value);
         return {};
       },
       [](const PackageRule& r) { return Values{std::to_string(r.approvals)}; }},
      {"held_answer", Kind::text,
       "What the publisher's client hears of a hold: `accept` (202), `refuse` (409), or `wait` for the "
       "decision.",
       [](PackageRule& r, const Values& v) { return choose(r.held_answer, v[0], held_answers); },
       [](const PackageRule& r) { return chosen(r.held_answer, held_answers); }},
      {"hold_max", Kind::duration, "An undecided hold is refused after this.",
       [](PackageRule& r, const Values& v) { return set_duration(r.hold_max, v[0]); },
       [](const PackageRule& r) { return Values{to_text(r.hold_max)}; }},
      {"minimum_release_age", Kind::duration, "Hides younger upstream versions from installs.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         Millis age{};
         if (auto ok = set_duration(age, v[0]); !ok) return ok;
         r.minimum_release_age = age;
         return {};
       },
       [](const PackageRule& r) {
         return r.minimum_release_age ? Values{to_text(*r.minimum_release_age)} : Values{};
       }},
  };
  return keys;
}

// What a [[packages]] rule is before its keys are read: closed.
PackageRule unset(const PackageRule*) {
  PackageRule rule;
  rule.match.clear();
  rule.read.clear();
  rule.publish = "deny";
  return rule;
}
UpstreamConfig unset(const UpstreamConfig*) {
  return {};
}
Config unset(const Config*) {
  return {};
}

template <class T>
std::vector<std::string> names_of(const std::vector<Key<T>>& keys) {
  std::vector<std::string> names;
  for (const auto& key : keys) names.emplace_back(key.name);
  return names;
}

std::string environment_name(std::string_view key) {
  std::string name = "SALLYPORT_";
  for (const char c : key)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
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
    for (const auto& key : config_keys()) source(key.name) = "default";
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
    const toml::parse_result parsed = toml::parse(text.str(), path);
    if (!parsed) {
      const toml::parse_error& error = parsed.error();
      return problem(place(error.source()) + ": " + std::string(error.description()));
    }
    read_root(parsed.table());
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
        read_key(config_keys(), config_, key, "", node);
      }
    }
  }

  static bool is_section(std::string_view name) {
    const std::string prefix = std::string(name) + '.';
    return std::any_of(config_keys().begin(), config_keys().end(),
                       [&](const auto& key) { return key.name.starts_with(prefix); });
  }

  void read_section(std::string_view section, const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr)
      return problem(place(node) + ": \"" + std::string(section) + "\" is a section: write [" +
                     std::string(section) + "] and its keys below");
    for (const auto& [name, value] : *table)
      read_key(config_keys(), config_, std::string(section) + '.' + std::string(name.str()), "", value);
  }

  void read_upstreams(const toml::node& node) {
    const auto* all = node.as_table();
    if (all == nullptr) return problem(place(node) + ": write an upstream as [upstreams.NAME]");
    for (const auto& [name, value] : *all) {
      const std::string_view key = name.str();
      const auto* table = value.as_table();
      if (table == nullptr || !is_name(key) || key == "local" || key == "deny") {
        problem(place(value) + ": \"" + printable(key, 60) +
                "\" cannot be an upstream: write [upstreams.NAME]" + ", and not \"local\" or \"deny\"");
        continue;
      }
      UpstreamConfig upstream;
      upstream.name = key;
      const std::string prefix = "upstreams." + upstream.name + '.';
      for (const auto& [inner, field] : *table)
        read_key(upstream_keys(), upstream, inner.str(), prefix, field);
      if (upstream.url.empty() && !table->contains("url"))
        problem(place(value) + ": upstream \"" + upstream.name + "\" has no url");
      if (!upstream.token_file.empty() && !upstream.token_env.empty())
        problem(place(value) + ": upstream \"" + upstream.name +
                "\" names its credential twice: keep token_file or token_env");
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
      PackageRule rule = unset(static_cast<const PackageRule*>(nullptr));
      const std::string prefix = "packages." + std::to_string(config_.packages.size()) + '.';
      for (const auto& [name, field] : *table) read_key(package_keys(), rule, name.str(), prefix, field);
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
    const auto refused = [&] { return invalid("must be a " + std::string(kind_name(kind))); };
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
    if (path.empty() || folder_.empty()) return path;
    return (folder_ / path).lexically_normal().string();
  }

  template <class T>
  void apply(const Key<T>& key, T& into, const std::string& path, const Values& values) {
    const auto done = key.set(into, values);
    if (!done) problem_at(path, '"' + std::string(key.name) + "\": " + done.error().message);
  }

  void read_environment() {
    for (const auto& key : config_keys()) {
      const std::string name = environment_name(key.name);
      if (const auto value = environment(name)) set_from(key, name, *value);
    }
  }

  void flag(const std::optional<std::string>& value, std::string_view name, const std::string& from) {
    if (!value) return;
    const auto key = std::find_if(config_keys().begin(), config_keys().end(),
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
      if (!found) return problem("no upstream is configured, and npm names none: " + found.error().message);
      add_upstream(found->url, found->source);
    }
    if (!config_.packages.empty()) return;
    if (config_.upstreams.size() > 1)
      return problem(file_ + ": with several upstreams [[packages]] must say which is read for what");
    PackageRule rule;
    if (!config_.upstreams.empty()) {
      rule.read = config_.upstreams.front().name;
      // Without a credential nothing could be handed over: approved releases stay here.
      if (config_.upstreams.front().has_credential()) rule.publish = rule.read;
    }
    config_.packages.push_back(rule);
  }

  void add_upstream(const std::string& url, const std::string& from) {
    UpstreamConfig upstream;
    upstream.name = "main";
    source("upstreams.main.url") = from;
    apply(upstream_keys().front(), upstream, "upstreams.main.url", {url});
    config_.upstreams.push_back(std::move(upstream));
  }

  void check() {
    const auto listen = config_.listen_address();
    if (config_.public_url.empty() && listen.every_address())
      problem_at("listen", "listening on every address needs public_url, which tarball URLs begin with");
    std::vector<std::string> upstreams;
    for (const auto& upstream : config_.upstreams) upstreams.push_back(upstream.name);
    for (std::size_t i = 0; i < config_.packages.size(); ++i) {
      const auto& rule = config_.packages[i];
      const std::string prefix = "packages." + std::to_string(i) + '.';
      if (rule.read != "local" && config_.upstream(rule.read) == nullptr)
        problem_at(prefix + "read",
                   "unknown upstream \"" + printable(rule.read, 60) + '"' + suggestion(rule.read, upstreams));
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
                       "\" has no token_file or token_env, so nothing can be published to it");
      }
    }
  }

  const ConfigInputs& inputs_;
  Config config_;
  std::string file_;
  std::filesystem::path folder_;
  std::vector<std::string> problems_;
};

std::string toml_quoted(std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 32 || byte == 127) {
      out += {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

std::string toml_text(Kind kind, const Values& values) {
  if (kind == Kind::number) return values.front();
  if (kind != Kind::list) return toml_quoted(values.front());
  std::string out = "[";
  for (const auto& value : values) out += (out.size() == 1 ? "" : ", ") + toml_quoted(value);
  return out + ']';
}

template <class T>
void show_keys(std::string& out, const Config& config, const std::vector<Key<T>>& keys, const T& from,
               const std::string& prefix) {
  for (const auto& key : keys) {
    const auto values = key.get(from);
    if (values.empty() && key.kind != Kind::list) continue;
    const auto source = config.sources.find(prefix + std::string(key.name));
    std::string line =
        std::string(key.name.substr(key.name.rfind('.') + 1)) + " = " + toml_text(key.kind, values);
    line.resize(std::max(line.size(), std::size_t{44}), ' ');
    out += line + "  # " + (source == config.sources.end() ? "default" : source->second) + '\n';
  }
}

template <class T>
void describe_keys(std::string& out, const std::vector<Key<T>>& keys, std::string_view prefix,
                   bool with_environment) {
  out += with_environment ? "| key | kind | default | environment | meaning |\n|---|---|---|---|---|\n"
                          : "| key | kind | default | meaning |\n|---|---|---|---|\n";
  const T defaults = unset(static_cast<const T*>(nullptr));
  for (const auto& key : keys) {
    const auto values = key.get(defaults);
    out += "| `" + std::string(key.name.substr(prefix.size())) + "` | " + std::string(kind_name(key.kind)) +
           " | " + (values.empty() ? "" : '`' + toml_text(key.kind, values) + '`') + " | " +
           (with_environment ? '`' + environment_name(key.name) + "` | " : "") + std::string(key.doc) +
           " |\n";
  }
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto refused = [&] {
    return invalid("\"" + printable(text, 60) +
                   "\" is no address and port: write it like 127.0.0.1:4873 or [::1]:4873");
  };
  const auto colon = text.rfind(':');
  if (colon == text.npos) return refused();
  ListenAddress out;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  out.host = host;
  std::array<unsigned char, 16> bits{};
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, out.host.c_str(), bits.data()) != 1) return refused();
  const auto port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return refused();
  return out;
}

namespace {
struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 7> size_units{{{"GiB", 1ull << 30},
                                              {"MiB", 1ull << 20},
                                              {"KiB", 1ull << 10},
                                              {"GB", 1'000'000'000},
                                              {"MB", 1'000'000},
                                              {"kB", 1'000},
                                              {"B", 1}}};
}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto refused = [&] {
    return invalid("\"" + printable(text, 60) +
                   "\" is no size: write it with its unit, like \"256 MiB\" or \"10 MB\"");
  };
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return refused();
  auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& known : size_units) {
    if (known.name != unit) continue;
    if (number > (1ull << 50) / known.bytes) return refused();
    return number * known.bytes;
  }
  return refused();
}

std::string size_text(std::uint64_t bytes) {
  for (const auto& unit : size_units)
    if (bytes >= unit.bytes && bytes % unit.bytes == 0 &&
        (unit.name.find('i') != unit.name.npos || unit.bytes == 1))
      return std::to_string(bytes / unit.bytes) + ' ' + std::string(unit.name);
  return std::to_string(bytes) + " B";
}

ListenAddress Config::listen_address() const {
  const auto parsed = parse_listen(listen);
  return parsed ? *parsed : ListenAddress{};
}

std::string Config::base_url(std::uint16_t port) const {
  if (!public_url.empty()) return public_url;
  const auto address = listen_address();
  const bool v6 = address.host.find(':') != std::string::npos;
  return "http://" + (v6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(port);
}

const UpstreamConfig* Config::upstream(std::string_view name) const {
  const auto found = std::find_if(upstreams.begin(), upstreams.end(),
                                  [&](const auto& candidate) { return candidate.name == name; });
  return found == upstreams.end() ? nullptr : &*found;
}

Result<Config> load_config(const ConfigInputs& inputs) {
  return Loader(inputs).load();
}

Result<std::string> read_token(const UpstreamConfig& upstream,
                               const std::map<std::string, std::string>& environment) {
  const std::string whose = "the credential of upstream \"" + upstream.name + "\"";
  std::string token;
  if (!upstream.token_env.empty()) {
    const auto found = environment.find(upstream.token_env);
    if (found == environment.end() || found->second.empty())
      return invalid("The environment variable " + upstream.token_env + ", which holds " + whose +
                     ", is not set.");
    token = found->second;
  } else if (!upstream.token_file.empty()) {
    std::ifstream in(upstream.token_file, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    if (!in)
      return invalid("The file " + upstream.token_file + ", which holds " + whose + ", cannot be read.");
    token = text.str();
  } else {
    return token;
  }
  const auto last = token.find_last_not_of(" \t\r\n");
  token.erase(last == token.npos ? 0 : last + 1);
  const bool sendable =
      !token.empty() && token.size() <= 4096 &&
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > 32 && c < 127; });
  if (!sendable) return invalid("What is named as " + whose + " is not one token on one line.");
  log::redact(token);
  return token;
}

std::string show_config(const Config& config) {
  std::string out;
  std::string section;
  for (const auto& key : config_keys()) {
    const auto dot = key.name.find('.');
    const std::string here(dot == key.name.npos ? "" : key.name.substr(0, dot));
    if (here != section && !key.get(config).empty()) {
      out += "\n[" + here + "]\n";
      section = here;
    }
    show_keys(out, config, std::vector<Key<Config>>{key}, config, "");
  }
  for (const auto& upstream : config.upstreams) {
    out += "\n[upstreams." +
           (upstream.name.find('.') == std::string::npos ? upstream.name : toml_quoted(upstream.name)) +
           "]\n";
    show_keys(out, config, upstream_keys(), upstream, "upstreams." + upstream.name + '.');
  }
  for (std::size_t i = 0; i < config.packages.size(); ++i) {
    out += "\n[[packages]]\n";
    show_keys(out, config, package_keys(), config.packages[i], "packages." + std::to_string(i) + '.');
  }
  return out;
}

std::string config_reference() {
  std::string out;
  std::vector<Key<Config>> rows;
  std::string section;
  const auto flush = [&] {
    if (rows.empty()) return;
    out += section.empty() ? "Top level:\n\n" : "\n`[" + section + "]`:\n\n";
    describe_keys(out, rows, section.empty() ? "" : section + '.', true);
    rows.clear();
  };
  for (const auto& key : config_keys()) {
    const auto dot = key.name.find('.');
    const std::string here(dot == key.name.npos ? "" : key.name.substr(0, dot));
    if (here != section) flush();
    section = here;
    rows.push_back(key);
  }
  flush();
  out += "\n`[upstreams.NAME]`, one for each registry behind this one:\n\n";
  describe_keys(out, upstream_keys(), "", false);
  out += "\n`[[packages]]`, the first that matches a name counts, and what none matches is closed:\n\n";
  describe_keys(out, package_keys(), "", false);
  return out;
}

}  // namespace sallyport
