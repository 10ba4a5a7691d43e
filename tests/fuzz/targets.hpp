#pragma once
// What is fuzzed: every parser that bytes from outside reach. A target runs its parser over one input and
// aborts where a promise is broken; libFuzzer looks for such inputs (tests/fuzz/run), and unit_fuzz replays
// the ones that were kept.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/digest.hpp"

namespace sallyport {

struct FuzzTarget {
  std::string_view name;  // of its folder in tests/fuzz/corpus, and of its program, fuzz_<name>
  void (*run)(Bytes input);
  std::vector<std::string> (*seeds)();  // inputs to start from, made from the tests' own builders
};

std::span<const FuzzTarget> fuzz_targets();
const FuzzTarget* find_fuzz_target(std::string_view name);

// Cuts an input into pieces whose sizes follow from its content, so that a run can be repeated.
class Pieces {
 public:
  explicit Pieces(Bytes input) : rest_(input), state_(input.size() * 2654435761u + 1) {}
  bool done() const { return rest_.empty(); }
  Bytes next();

 private:
  Bytes rest_;
  std::uint64_t state_;
};

// Ends the process with `promise`, where it is broken.
void require(bool kept, const char* promise);

}  // namespace sallyport
