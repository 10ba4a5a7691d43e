#pragma once
// A version's manifest: package.json as it lies in the tarball, or versions[v] of a publish.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/facts.hpp"
#include "storage/base/json.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct Manifest {
  json::object raw;
  std::string name, version;
  DependencyMap dependencies, dev_dependencies, optional_dependencies, peer_dependencies;
  std::vector<std::string> optional_peers;  // peerDependenciesMeta.<name>.optional
  std::vector<std::string> bundle_dependencies;
  std::map<std::string, std::string> scripts;
  std::map<std::string, std::string> bin;  // a string `bin` becomes {base name: path}
  std::optional<std::vector<std::string>> files;
  bool is_private = false;

  // Strict JSON (see parse_strict): an object with string `name` and `version`; a member of the wrong type
  // that a client would act on is an error.
  static Result<Manifest> parse(std::string_view text);
  static Result<Manifest> from(json::object raw);
};

}  // namespace sallyport
