#pragma once
// With what a release was packed and bundled, by the traces that tools leave. For comparing with the release
// before: a new tool has other defaults.
//
//   npm, node   major versions, as the client told the registry
//   client      "npm", "pnpm", "yarn", "bun", from the user agent
//   gzip        header of the tarball: operating system, extra flags, flags
//   order       which orders of entries hold, of "grouped" (by extension, as npm does), "sorted" and
//               "manifest-first"; empty: none
//   bundler     whose preludes stand in the code, or "none"
//   build       bundlers and compilers in the build scripts and devDependencies, or "none"

#include <map>
#include <string>
#include <string_view>

namespace sallyport {

struct Release;

using Toolchain = std::map<std::string, std::string>;

Toolchain toolchain_of(const Release& release);

// "11" of "11.19.1", "v24.1.0" or "npm/11.19.1"; empty where there is none.
std::string major_of(std::string_view version);

// A trace of one kind tells two tools apart. What is not known of one of them does not.
bool tools_differ(std::string_view kind, std::string_view before, std::string_view now);

}  // namespace sallyport
