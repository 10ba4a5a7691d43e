#include "policies/rules/file_kinds.hpp"

#include <algorithm>
#include <array>

namespace sallyport {

bool is_native(Magic magic) {
  return magic == Magic::elf || magic == Magic::pe || magic == Magic::mach_o || magic == Magic::wasm;
}

bool is_code_type(std::string_view type) {
  constexpr std::string_view types[] = {".js",   ".mjs", ".cjs",  ".jsx",    ".ts",    ".mts",
                                        ".cts",  ".tsx", ".vue",  ".svelte", ".astro", ".node",
                                        ".wasm", ".css", ".scss", ".less",   ".sh",    ".py"};
  constexpr Magic native[] = {Magic::wasm, Magic::elf, Magic::pe, Magic::mach_o};
  return std::find(std::begin(types), std::end(types), type) != std::end(types) ||
         std::any_of(std::begin(native), std::end(native), [&](Magic m) { return to_text(m) == type; });
}

std::string_view bundled_package(std::string_view path) {
  constexpr std::string_view folder = "node_modules/";
  const std::size_t at = path.rfind(folder);
  if (at == std::string_view::npos || (at != 0 && path[at - 1] != '/')) return {};
  const std::string_view rest = path.substr(at + folder.size());
  std::size_t end = rest.find('/');
  if (end != std::string_view::npos && rest.starts_with('@')) end = rest.find('/', end + 1);
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

}  // namespace sallyport
