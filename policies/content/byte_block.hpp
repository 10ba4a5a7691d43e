#pragma once
// Sixty-four bytes looked at together: a comparison gives a mask of which bit i speaks of byte i. What is
// written with it compiles to a few instructions for each kind of processor, chosen as the program runs.

#include <bit>
#include <cstdint>
#include <cstring>

namespace sallyport {

constexpr std::size_t block_bytes = 64;

// Comparisons, | and & of these, byte by byte. Never passed by value: that depends on the processor.
using ByteBlock = std::uint8_t __attribute__((vector_size(block_bytes)));

[[gnu::always_inline]] inline void load(ByteBlock& block, const std::uint8_t* from) {
  std::memcpy(&block, from, block_bytes);
}

template <class Compared>
[[gnu::always_inline]] inline std::uint64_t bits(const Compared& compared) {
#ifdef __clang__
  using Bits = bool __attribute__((ext_vector_type(block_bytes)));
  return __builtin_bit_cast(std::uint64_t, __builtin_convertvector(compared, Bits));
#else
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < block_bytes; ++i) mask |= static_cast<std::uint64_t>(compared[i] & 1) << i;
  return mask;
#endif
}

// Runs Kernel::run(arguments), which must be always_inline, in the form that this processor is fastest at.
#if defined(__x86_64__)
template <class Kernel, class... Arguments>
[[gnu::target("avx512bw,avx512vl,bmi2")]] auto run_512(Arguments... arguments) {
  return Kernel::run(arguments...);
}
template <class Kernel, class... Arguments>
[[gnu::target("avx2,bmi2")]] auto run_256(Arguments... arguments) {
  return Kernel::run(arguments...);
}
template <class Kernel, class... Arguments>
auto run_128(Arguments... arguments) {
  return Kernel::run(arguments...);
}
template <class Kernel, class... Arguments>
auto run_wide(Arguments... arguments) {
  static const auto fastest = [] {
    const bool bmi = __builtin_cpu_supports("bmi2");
    if (bmi && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
      return &run_512<Kernel, Arguments...>;
    return bmi && __builtin_cpu_supports("avx2") ? &run_256<Kernel, Arguments...>
                                                 : &run_128<Kernel, Arguments...>;
  }();
  return fastest(arguments...);
}
#else
template <class Kernel, class... Arguments>
auto run_wide(Arguments... arguments) {
  return Kernel::run(arguments...);
}
#endif

}  // namespace sallyport
