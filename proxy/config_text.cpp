// The configuration as text: what is in force, and what can be set.

#include <algorithm>

#include "proxy/config_keys.hpp"

namespace sallyport {
namespace {

using config_keys::Key;
using config_keys::Kind;
using config_keys::Values;

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
                   const T& defaults, bool with_environment) {
  out += with_environment ? "| key | kind | default | environment | meaning |\n|---|---|---|---|---|\n"
                          : "| key | kind | default | meaning |\n|---|---|---|---|\n";
  for (const auto& key : keys) {
    const auto values = key.get(defaults);
    out += "| `" + std::string(key.name.substr(prefix.size())) + "` | " + std::string(kind_name(key.kind)) +
           " | " + (values.empty() ? "" : '`' + toml_text(key.kind, values) + '`') + " | " +
           (with_environment ? '`' + config_keys::environment_name(key.name) + "` | " : "") +
           std::string(key.doc) + " |\n";
  }
}

}  // namespace

std::string show_config(const Config& config) {
  std::string out;
  std::string section;
  for (const auto& key : config_keys::of_config()) {
    const auto dot = key.name.find('.');
    const std::string here(dot == key.name.npos ? "" : key.name.substr(0, dot));
    std::string shown;
    show_keys(shown, config, std::vector<Key<Config>>{key}, config, "");
    if (here != section && !shown.empty()) {
      out += "\n[" + here + "]\n";
      section = here;
    }
    out += shown;
  }
  for (const auto& upstream : config.upstreams) {
    out += "\n[upstreams." +
           (upstream.name.find('.') == std::string::npos ? upstream.name : toml_quoted(upstream.name)) +
           "]\n";
    show_keys(out, config, config_keys::of_upstream(), upstream, "upstreams." + upstream.name + '.');
  }
  for (std::size_t i = 0; i < config.packages.size(); ++i) {
    out += "\n[[packages]]\n";
    show_keys(out, config, config_keys::of_package(), config.packages[i],
              "packages." + std::to_string(i) + '.');
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
    describe_keys(out, rows, section.empty() ? "" : section + '.', Config(), true);
    rows.clear();
  };
  for (const auto& key : config_keys::of_config()) {
    const auto dot = key.name.find('.');
    const std::string here(dot == key.name.npos ? "" : key.name.substr(0, dot));
    if (here != section) flush();
    section = here;
    rows.push_back(key);
  }
  flush();
  out += "\n`[upstreams.NAME]`, one for each registry behind this one:\n\n";
  describe_keys(out, config_keys::of_upstream(), "", UpstreamConfig(), false);
  out += "\n`[[packages]]`, the first that matches a name counts, and what none matches is closed:\n\n";
  describe_keys(out, config_keys::of_package(), "", config_keys::closed_rule(), false);
  return out;
}

}  // namespace sallyport
