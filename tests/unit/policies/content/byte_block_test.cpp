#include "policies/content/byte_block.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

using namespace sallyport;

namespace {

// Every kind of expression that kernels are written with.
struct Kernel {
  [[gnu::always_inline]] static std::array<std::uint64_t, 5> run(const std::uint8_t* from) {
    ByteBlock v, next;
    load(v, from);
    load(next, from + 1);
    const ByteBlock letter = (v | 0x20) - 'a';
    return {bits(v == 'a'), bits((v < '+') | (v >= 0x80)), bits(letter < 26),
            bits((v == '\\') & ((next == 'x') | (next == 'u'))),
            bits((reinterpret_cast<ByteBlock>(v < 10) & (v + 60)) == 62)};
  }
};

std::array<std::uint64_t, 5> one_by_one(const std::uint8_t* from) {
  std::array<std::uint64_t, 5> out{};
  for (std::size_t i = 0; i < block_bytes; ++i) {
    const std::uint8_t v = from[i], next = from[i + 1];
    const auto put = [&](std::size_t which, bool set) { out[which] |= std::uint64_t{set} << i; };
    put(0, v == 'a');
    put(1, v < '+' || v >= 0x80);
    put(2, (v >= 'a' && v <= 'z') || (v >= 'A' && v <= 'Z'));
    put(3, v == '\\' && (next == 'x' || next == 'u'));
    put(4, v == 2);
  }
  return out;
}

}  // namespace

TEST_CASE("sixty-four bytes at once say what each says by itself, on every kind of processor") {
  std::mt19937 random(7);
  std::vector<std::uint8_t> bytes(64u << 10);
  for (std::uint8_t& byte : bytes)
    byte = random() % 4 == 0 ? static_cast<std::uint8_t>("\\xuaZ\x02"[random() % 6])
                             : static_cast<std::uint8_t>(random());
  for (std::size_t at = 0; at + block_bytes < bytes.size(); at += 61) {
    const std::uint8_t* from = bytes.data() + at;
    const auto wanted = one_by_one(from);
    REQUIRE(run_wide<Kernel>(from) == wanted);
#if defined(__x86_64__)
    REQUIRE(run_128<Kernel>(from) == wanted);
    if (__builtin_cpu_supports("avx2")) REQUIRE(run_256<Kernel>(from) == wanted);
#endif
  }
}
