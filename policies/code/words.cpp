#include "policies/code/words.hpp"

#include <array>

namespace sallyport {

namespace {

struct Entry {
  std::string_view text;
  WordKind kind;
};
constexpr Entry entries[] = {{"", WordKind::none},
#define X(word, kind) {#word, WordKind::kind},
                             SALLYPORT_WORDS(X)
#undef X
};
constexpr std::size_t entries_count = sizeof entries / sizeof *entries;
static_assert(entries_count <= 256);

constexpr std::size_t slots = 1024;
struct Slot {
  std::uint32_t hash = 0;
  Word word = Word::none;
};
using Table = std::array<Slot, slots>;

Table make_table() {
  Table table{};
  for (std::size_t i = 1; i < entries_count; ++i) {
    char padded[40] = {};
    entries[i].text.copy(padded, 24);
    const std::uint32_t hash = word_hash(padded, entries[i].text.size());
    std::size_t slot = hash % slots;
    while (table[slot].word != Word::none) slot = (slot + 1) % slots;
    table[slot] = {hash, static_cast<Word>(i)};
  }
  return table;
}
const Table table = make_table();

}  // namespace

WordKind kind_of(Word word) {
  return entries[static_cast<std::size_t>(word)].kind;
}

Word find_word(const char* text, std::size_t size, std::uint32_t hash) {
  for (std::size_t at = hash % slots;; at = (at + 1) % slots) {
    const Slot& slot = table[at];
    if (slot.word == Word::none) return Word::none;
    if (slot.hash != hash) continue;
    const std::string_view known = entries[static_cast<std::size_t>(slot.word)].text;
    if (known.size() == size && std::memcmp(known.data(), text, size) == 0) return slot.word;
  }
}

}  // namespace sallyport
