#pragma once
// The one table of configuration keys: what parses, `config show` and `config reference` all go by.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config.hpp"

namespace sallyport::config_keys {

using Values = std::vector<std::string>;

enum class Kind : std::uint8_t { text, path, number, size, duration, list };
std::string_view kind_name(Kind kind);

// A row. Values travel as text, whatever they came from; `get` gives none for what is not set.
template <class T>
struct Key {
  std::string_view name;
  Kind kind;
  std::string_view doc;
  Result<void> (*set)(T&, const Values&);
  Values (*get)(const T&);
};

const std::vector<Key<Config>>& of_config();            // keys that stand once: "listen", "limits.io_threads"
const std::vector<Key<UpstreamConfig>>& of_upstream();  // of [upstreams.NAME]
const std::vector<Key<PackageRule>>& of_package();      // of [[packages]]

// What a [[packages]] rule is before its keys are read: closed.
PackageRule closed_rule();

bool is_name(std::string_view name);                 // fit for an upstream, a user or a group
std::string environment_name(std::string_view key);  // "log.level" -> "SALLYPORT_LOG_LEVEL"

}  // namespace sallyport::config_keys
