#pragma once
// npm package names: "lib" or "@acme/lib".

#include <compare>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

class PackageName {
 public:
  // Accepts every name that the registry ever accepted (capitals included), refuses what could not be a
  // name or a path: empty, over 214 characters, NUL and control characters, '/', '\\', "..", '%' and
  // anything that is not URL-safe. Source: validate-npm-package-name's `validForOldPackages`.
  static Result<PackageName> parse(std::string_view text);
  // From a URL path segment: "lib", "@acme%2flib", "@acme%2Flib" or "@acme/lib", decoded exactly once.
  static Result<PackageName> parse_escaped(std::string_view segment);

  const std::string& full() const { return full_; }          // "@acme/lib"
  std::string_view scope() const;                            // "@acme", or empty
  std::string_view base() const;                             // "lib"
  std::string escaped() const;                               // "@acme%2flib", as npm writes it in a path
  std::string tarball_file(std::string_view version) const;  // "lib-1.0.0.tgz"
  std::string tarball_path(std::string_view version) const;  // "/@acme/lib/-/lib-1.0.0.tgz"

  auto operator<=>(const PackageName&) const = default;

 private:
  explicit PackageName(std::string full) : full_(std::move(full)) {}
  std::string full_;
};

// Why `text` may not be the name of a new package (capitals, leading dot or underscore, a core module's
// name, special characters, over 214), or nothing. Source: validate-npm-package-name's `validForNewPackages`.
Result<void> check_new_package_name(std::string_view text);

// Whether `pattern` ("@acme/*", "lib-*", "**", "exact") matches: '*' within a part, "**" across.
bool name_matches(std::string_view pattern, std::string_view name);

}  // namespace sallyport
