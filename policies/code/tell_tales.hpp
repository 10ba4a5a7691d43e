#pragma once
// Cheap signs that a text is worth reading as code: words that the content scan looks for in all bytes. A
// text without any of them reaches nothing, and is not tokenized.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "policies/module_references.hpp"

namespace sallyport {

struct TellTale {
  enum Group : std::uint16_t {
    loads = 1,       // a module of weight, or loading by other ways than require("literal")
    evaluates = 2,   // eval, Function, vm, the way to a constructor
    sends = 4,       // fetch, sockets
    secrets = 8,     // paths of credentials
    persists = 16,   // settings that run something later
    commands = 32,   // what a shell would run
    writes = 64,     // writing files
    other = 128,     // wallet, wasm, workers, clipboard, home
    globals = 256,   // the global object
    decodes = 512,   // base64, character codes, escaped letters
    reads = 1024,    // reading files, whose paths may be put together
    puzzles = 2048,  // code of []()!+ alone, which makes its letters of true and undefined
    counted = 0,
  };
  std::string_view expression;
  std::uint16_t groups;
  // What the expression leaves open, because searching all bytes for it would cost more than all else: asked
  // where it was found, with what is at hand of the text to either side. True where that does not tell.
  bool (*holds)(std::string_view to_here, std::string_view from_here) = nullptr;
};

std::span<const TellTale> tell_tales();

// How often each was seen in one text.
class TellTaleCounts {
 public:
  void clear() { counts_ = {}; }
  void saw(std::size_t tell_tale) { ++counts_[tell_tale]; }
  bool has_seen(std::size_t tell_tale) const { return counts_[tell_tale] > 0; }
  bool worth_reading(SourceKind kind, bool source_map) const;
  std::uint16_t groups() const;

 private:
  std::array<std::uint32_t, 64> counts_{};
};

}  // namespace sallyport
