// Every input that fuzzing kept, and every seed, once more through its target.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/targets.hpp"

namespace sallyport {

TEST_CASE("the kept inputs of every fuzz target break no promise") {
  for (const FuzzTarget& target : fuzz_targets()) {
    CAPTURE(target.name);
    const std::filesystem::path folder = std::filesystem::path(SALLYPORT_CORPUS) / target.name;
    std::size_t inputs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      CAPTURE(entry.path().filename().string());
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      target.run(as_bytes(text));
      ++inputs;
    }
    CHECK(inputs > 0);
    const auto seeds = target.seeds();
    CHECK_FALSE(seeds.empty());
    for (const std::string& seed : seeds) target.run(as_bytes(seed));
  }
}

}  // namespace sallyport
