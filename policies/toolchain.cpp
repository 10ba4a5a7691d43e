#include "policies/toolchain.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <set>
#include <span>
#include <vector>

#include "policies/release.hpp"

namespace sallyport {

namespace {

// A prelude stands at the top of a bundle, or, of helpers that are hoisted, at its end.
constexpr std::size_t kHeadBytes = 4096, kTailBytes = 1024;
constexpr std::size_t kFilesMax = 64;

struct Trace {
  std::string_view tool, text;
};

// The first that is found in a file names its tool: what imitates another's helpers stands above it.
constexpr Trace kPreludes[] = {
    {"ncc", "__nccwpck_require__"},
    {"webpack", "__webpack_require__"},
    {"webpack", "webpackUniversalModuleDefinition"},
    {"webpack", "webpackChunk"},
    {"webpack", "webpackJsonp"},
    {"bun", "// @bun"},
    {"bun", "/* @__PURE__ */ createRequire(import.meta.url)"},
    {"rolldown", "rolldown/runtime"},
    {"rolldown", "rolldown:runtime"},
    {"rolldown", "//#region"},
    {"parcel", "parcelRequire"},
    {"browserify", "function(){function r(e,n,t){function o(i,f)"},
    {"esbuild", "__getOwnPropNames = Object.getOwnPropertyNames"},
    {"esbuild", "__defProp = Object.defineProperty"},
    {"esbuild", "__commonJS = ("},
    {"rollup", "_interopDefaultLegacy"},
    {"rollup", "_interopNamespaceDefault"},
    {"rollup", "getDefaultExportFromCjs"},
    {"rollup", "Object.defineProperty(exports, Symbol.toStringTag"},
    {"swc", "@swc/helpers"},
    {"swc", "_interop_require_default("},
    {"swc", "_ts_decorate"},
    {"babel", "@babel/runtime"},
    {"babel", "_interopRequireDefault("},
    {"tsc", "(this && this.__"},
};

// Programs in scripts and packages among devDependencies, and the tool they are of.
constexpr Trace kBuilders[] = {
    {"webpack", "webpack"},
    {"webpack", "webpack-cli"},
    {"rollup", "rollup"},
    {"rolldown", "rolldown"},
    {"esbuild", "esbuild"},
    {"vite", "vite"},
    {"tsup", "tsup"},
    {"tsdown", "tsdown"},
    {"unbuild", "unbuild"},
    {"parcel", "parcel"},
    {"swc", "@swc/cli"},
    {"swc", "swc"},
    {"babel", "@babel/cli"},
    {"babel", "babel"},
    {"ncc", "@vercel/ncc"},
    {"ncc", "ncc"},
    {"rspack", "@rspack/core"},
    {"rspack", "rspack"},
    {"rslib", "@rslib/core"},
    {"rslib", "rslib"},
    {"microbundle", "microbundle"},
    {"browserify", "browserify"},
    {"tsc", "tsc"},
};

bool holds(std::span<const char> text, std::string_view part) {
  return !text.empty() && memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

std::string joined(const std::set<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : " ") + part;
  return out.empty() ? "none" : out;
}

bool is_script(const ReleaseFile& file) {
  const std::string_view path = file.entry.inner;
  return path.ends_with(".js") || path.ends_with(".mjs") || path.ends_with(".cjs") || file.content.shebang;
}

std::string bundlers(const Release& release) {
  std::set<std::string> found;
  std::size_t files = 0;
  std::vector<char> text;
  for (const ReleaseFile& file : release.files) {
    if (!is_script(file) || file.entry.inner.starts_with("node_modules/")) continue;
    if (++files > kFilesMax) break;
    const FileBytes bytes = release.bytes(file.entry);
    text.clear();
    const auto read = [&](std::uint64_t from, std::uint64_t upto) {
      while (from < upto) {
        std::array<std::uint8_t, 4096> block;
        const auto got = bytes.read(from, std::span(block).first(std::min<std::uint64_t>(upto - from, 4096)));
        if (got.has_error() || *got == 0) return;  // the rules of the content hold such a release
        text.insert(text.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(*got));
        from += *got;
      }
    };
    const std::uint64_t head = std::min<std::uint64_t>(bytes.size, kHeadBytes);
    read(0, head);
    read(std::max(head, bytes.size > kTailBytes ? bytes.size - kTailBytes : 0), bytes.size);
    for (const Trace& trace : kPreludes) {
      if (!holds(text, trace.text)) continue;
      found.emplace(trace.tool);
      break;
    }
  }
  return joined(found);
}

// The words of a command line: what stands between blanks and operators.
std::set<std::string> words(std::string_view script) {
  std::set<std::string> out;
  std::string word;
  for (const char c : script) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0 || std::strchr("&|;()'\"", c) != nullptr) {
      if (!word.empty()) out.insert(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) out.insert(std::move(word));
  return out;
}

std::string builders(const Manifest& manifest) {
  std::set<std::string> found;
  for (const auto& [name, script] : manifest.scripts) {
    const bool builds = name.starts_with("build") || name == "prebuild" || name == "prepare" ||
                        name == "prepack" || name == "prepublishOnly";
    if (!builds) continue;
    const std::set<std::string> called = words(script);
    for (const Trace& builder : kBuilders)
      if (called.contains(std::string(builder.text))) found.emplace(builder.tool);
  }
  for (const Trace& builder : kBuilders)
    if (manifest.dev_dependencies.contains(std::string(builder.text))) found.emplace(builder.tool);
  return joined(found);
}

std::string order(const Release& release) {
  bool sorted = true, grouped = true;
  std::set<std::string_view> done;
  std::string_view previous, previous_type;
  for (const ReleaseFile& file : release.files) {
    const std::string_view path = file.entry.inner;
    const std::string_view base = path.substr(path.rfind('/') + 1);
    const std::size_t dot = base.rfind('.');
    const std::string_view type = dot == std::string_view::npos || dot == 0 ? "" : base.substr(dot);
    sorted = sorted && previous <= path;
    if (type != previous_type) {
      grouped = grouped && done.insert(previous_type).second && !done.contains(type);
    }
    previous = path;
    previous_type = type;
  }
  std::string out;
  const auto add = [&out](bool holds_true, std::string_view name) {
    if (holds_true) out.append(out.empty() ? "" : " ").append(name);
  };
  add(grouped, "grouped");
  add(!release.files.empty() && release.files.front().entry.inner == "package.json", "manifest-first");
  add(sorted, "sorted");
  return out;
}

std::set<std::string> parts(std::string_view text) {
  return words(text);
}

}  // namespace

std::string major_of(std::string_view version) {
  if (const auto slash = version.find('/'); slash != std::string_view::npos) version.remove_prefix(slash + 1);
  if (version.starts_with('v')) version.remove_prefix(1);
  std::size_t n = 0;
  while (n < version.size() && n < 9 && std::isdigit(static_cast<unsigned char>(version[n])) != 0) ++n;
  return std::string(version.substr(0, n));
}

Toolchain toolchain_of(const Release& release) {
  Toolchain out;
  if (release.published != nullptr) {
    const json::object& raw = release.published->raw;
    for (const auto& [kind, key] : {std::pair{"npm", "_npmVersion"}, std::pair{"node", "_nodeVersion"}})
      if (const std::string major = major_of(string_at(raw, key).value_or("")); !major.empty())
        out[kind] = major;
  }
  if (release.outside.origin && !release.outside.origin->client.empty())
    out["client"] = release.outside.origin->client.substr(0, release.outside.origin->client.find('/'));
  if (release.gzip) {
    out["gzip"] = "os " + std::to_string(release.gzip->os) + ", extra flags " +
                  std::to_string(release.gzip->extra_flags) + ", flags " +
                  std::to_string(release.gzip->flags);
  }
  out["order"] = order(release);
  out["bundler"] = bundlers(release);
  if (release.packaged != nullptr) out["build"] = builders(*release.packaged);
  return out;
}

bool tools_differ(std::string_view kind, std::string_view before, std::string_view now) {
  if (kind != "order") return before != now;
  // Several orders can hold of a few files by chance: those are told apart that have none in common.
  const std::set<std::string> a = parts(before), b = parts(now);
  const bool common =
      std::any_of(a.begin(), a.end(), [&b](const std::string& one) { return b.contains(one); });
  return !common && !(a.empty() && b.empty());
}

}  // namespace sallyport
