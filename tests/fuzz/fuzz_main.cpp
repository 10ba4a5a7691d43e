// One program for all targets: SALLYPORT_FUZZ_TARGET names the one to run. With --seeds FOLDER in place of
// libFuzzer's arguments it writes the target's seeds there.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "tests/fuzz/targets.hpp"

using namespace sallyport;

namespace {

const FuzzTarget* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const char* name = std::getenv("SALLYPORT_FUZZ_TARGET");
  target = name != nullptr ? find_fuzz_target(name) : nullptr;
  if (target == nullptr) {
    std::fprintf(stderr, "SALLYPORT_FUZZ_TARGET must name a target:");
    for (const FuzzTarget& known : fuzz_targets()) std::fprintf(stderr, " %s", known.name.data());
    std::fprintf(stderr, "\n");
    std::exit(2);
  }
  if (*argc == 3 && std::strcmp((*argv)[1], "--seeds") == 0) {
    int number = 0;
    for (const std::string& seed : target->seeds()) {
      std::ofstream out(std::string((*argv)[2]) + "/seed-" + std::to_string(number++), std::ios::binary);
      out << seed;
    }
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target->run(Bytes(data, size));
  return 0;
}
