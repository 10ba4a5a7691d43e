#pragma once
// The words of JavaScript that somebody asks for, each with a number, found by one look into a table.

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sallyport {

// word, what it is (see WordKind)
#define SALLYPORT_WORDS(X)                                                                                 \
  X(return, value) X(typeof, value) X(case, value) X(in, value) X(of, value) X(delete, value)                \
  X(void, value) X(throw, value) X(new, value) X(instanceof, value) X(do, value) X(else, value)              \
  X(yield, value) X(await, value) X(default, value) X(extends, value)                                        \
  X(if, control) X(while, control) X(for, control) X(with, control) X(switch, control) X(catch, control)     \
  X(function, keyword) X(class, keyword) X(const, keyword) X(let, keyword) X(var, keyword)                   \
  X(import, keyword) X(export, keyword) X(from, keyword) X(this, keyword) X(async, keyword) X(as, keyword)   \
  X(type, keyword) X(null, keyword) X(true, keyword) X(false, keyword) X(undefined, keyword)                 \
  X(super, keyword) X(static, keyword) X(get, keyword) X(set, keyword) X(module, root) X(require, root)      \
  X(eval, root) X(Function, root) X(process, root) X(globalThis, root) X(global, root) X(window, root)       \
  X(self, root) X(top, root) X(parent, root) X(frames, root) X(Buffer, root) X(String, root)                 \
  X(Object, root) X(JSON, root) X(Reflect, root) X(atob, root) X(btoa, root) X(unescape, root)               \
  X(decodeURIComponent, root) X(decodeURI, root) X(fetch, root) X(XMLHttpRequest, root) X(WebSocket, root)   \
  X(EventSource, root) X(RTCPeerConnection, root) X(navigator, root) X(WebAssembly, root)  \
  X(Worker, root) X(SharedWorker, root) X(importScripts, root) X(setTimeout, root) X(setInterval, root)      \
  X(setImmediate, root) X(Bun, root) X(Deno, root) X(constructor, member) X(_compile, member)                \
  X(_load, member) X(mainModule, member) X(getBuiltinModule, member) X(createRequire, member)                \
  X(sendBeacon, member) X(homedir, member)  X(ethereum, root) X(solana, root)        \
   X(writeFile, member) X(writeFileSync, member) X(appendFile, member)                 \
  X(appendFileSync, member) X(createWriteStream, member) X(unlinkSync, member) X(rmSync, member)             \
  X(renameSync, member) X(copyFileSync, member) X(chmodSync, member) X(symlinkSync, member)

enum class Word : std::uint8_t {
  none,
#define X(word, kind) word_##word,
  SALLYPORT_WORDS(X)
#undef X
};

enum class WordKind : std::uint8_t {
  none,
  value,    // after it a value begins, so that a slash begins a regular expression
  control,  // its parentheses are followed by a statement
  keyword,
  root,    // a global that leads somewhere
  member,  // says something wherever it stands
};

constexpr WordKind word_kinds[] = {WordKind::none,
#define X(word, kind) WordKind::kind,
                                   SALLYPORT_WORDS(X)
#undef X
};

inline WordKind kind_of(Word word) {
  return word_kinds[static_cast<std::size_t>(word)];
}

// The first and the last eight bytes, which of a word of up to 16 are all; `text` must be followed by 8 bytes
// that may be read.
struct WordEnds {
  std::uint64_t head = 0, tail = 0;
  bool operator==(const WordEnds&) const = default;
};
inline WordEnds word_ends(const char* text, std::size_t size) {
  WordEnds ends;
  std::memcpy(&ends.head, text, 8);
  if (size < 8)
    ends.head &= ~std::uint64_t{0} >> (8 * (8 - size));
  else
    std::memcpy(&ends.tail, text + size - 8, 8);
  return ends;
}

inline std::uint32_t word_hash(const char* text, std::size_t size) {
  const WordEnds ends = word_ends(text, size);
  const std::uint64_t tail = (ends.tail << 9 | ends.tail >> 55) + size;
  return static_cast<std::uint32_t>(((ends.head ^ tail) * 0x9e3779b97f4a7c15u) >> 32);
}

struct WordSlot {
  std::uint32_t hash = 0;
  Word word = Word::none;
};
constexpr std::size_t word_slots = 1024;
extern const std::array<WordSlot, word_slots> word_table;

Word find_word_from(std::size_t slot, const char* text, std::size_t size, std::uint32_t hash);

// Most words end at an empty slot.
inline Word find_word(const char* text, std::size_t size, std::uint32_t hash) {
  const std::size_t slot = hash % word_slots;
  return word_table[slot].word == Word::none ? Word::none : find_word_from(slot, text, size, hash);
}

}  // namespace sallyport
