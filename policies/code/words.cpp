#include "policies/code/words.hpp"

namespace sallyport {

namespace {

constexpr std::string_view texts[] = {"",
#define X(word, kind) #word,
                                      SALLYPORT_WORDS(X)
#undef X
};
constexpr std::size_t texts_count = sizeof texts / sizeof *texts;
static_assert(texts_count <= 256);

// Followed by bytes that may be read.
struct Padded {
  explicit Padded(std::string_view word) { word.copy(text, sizeof text - 8); }
  char text[40] = {};
};

const auto ends = [] {
  std::array<WordEnds, texts_count> all;
  for (std::size_t i = 1; i < texts_count; ++i) all[i] = word_ends(Padded(texts[i]).text, texts[i].size());
  return all;
}();

std::array<WordSlot, word_slots> make_table() {
  std::array<WordSlot, word_slots> table{};
  for (std::size_t i = 1; i < texts_count; ++i) {
    const std::uint32_t hash = word_hash(Padded(texts[i]).text, texts[i].size());
    std::size_t slot = hash % word_slots;
    while (table[slot].word != Word::none) slot = (slot + 1) % word_slots;
    table[slot] = {hash, static_cast<Word>(i)};
  }
  return table;
}

}  // namespace

const std::array<WordSlot, word_slots> word_table = make_table();

Word find_word_from(std::size_t slot, const char* text, std::size_t size, std::uint32_t hash) {
  for (;; slot = (slot + 1) % word_slots) {
    const WordSlot& known = word_table[slot];
    if (known.word == Word::none) return Word::none;
    if (known.hash != hash) continue;
    const std::string_view name = texts[static_cast<std::size_t>(known.word)];
    if (name.size() == size && ends[static_cast<std::size_t>(known.word)] == word_ends(text, size) &&
        (size <= 16 || name == std::string_view(text, size)))
      return known.word;
  }
}

}  // namespace sallyport
