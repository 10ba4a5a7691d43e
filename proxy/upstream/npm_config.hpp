#pragma once
// What npm on this machine is configured with: the registry, and the credential for one. Read as npm reads
// it: environment, the project's .npmrc, the user's, the machine's; ${VAR} replaced from the environment.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/clock.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct NpmSurroundings {
  std::map<std::string, std::string> environment;
  std::filesystem::path working_folder;
  Millis npm_max{10'000};  // how long `npm config get` may take

  static NpmSurroundings of_this_process();
};

struct NpmRegistry {
  std::string url;
  std::string source;  // for people: the environment, a file's path, or "npm config get registry"
};

// not_found when npm names no registry and is not installed. Blocking: may run npm.
Result<NpmRegistry> npm_registry(const NpmSurroundings& surroundings);

struct NpmCredential {
  std::string token;       // `_authToken`
  std::string basic_auth;  // `_auth`, or made of `username` and `_password`; where there is no token
};

// The credential npm would send to `registry_url` ("//host/path/:_authToken" and its kin, nearest path
// first), if there is one. Reads the files only.
std::optional<NpmCredential> npm_credential(const NpmSurroundings& surroundings,
                                            std::string_view registry_url);

}  // namespace sallyport
