#pragma once
// What deceives a reader or does not belong, seen in the bytes of one text while they pass: characters that
// hide, names and strings that were made unreadable, code out of sight, long lines, personal data, passwords.
//
// Sixty-four bytes are looked at together for the few bytes that can begin any of these; only there, and in
// text beyond ASCII, is there a closer look (about 2 GB/s on minified code). Memory: a few KiB, whatever
// passes.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "policies/content/file_content.hpp"
#include "policies/thresholds.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

// Counts the sign and keeps it, where it is among the first of its rule (and `what`) in the file.
void add_sign(FileContent& content, Sign sign);
bool is_full(const FileContent& content, std::string_view rule,
             std::string_view what);  // it would only count

// What a sign says whose digest stands for all those of its rule in the file beyond the first 20.
constexpr std::string_view sign_rest = "others";
constexpr std::uint64_t sign_rest_from = 20;

class TextSigns {
 public:
  static constexpr std::size_t look_ahead = 512, look_behind = 8u << 10;

  explicit TextSigns(const Thresholds& thresholds = {});
  void begin();
  // `window` is the file from `base` on, as far as it has come. Of what an earlier call saw, at least the
  // last look_behind + look_ahead bytes are in it again; how it is cut otherwise changes nothing.
  void look(Bytes window, std::uint64_t base, bool last);
  // After the last: adds to signs, sign_counts and longest_line_bytes.
  void finish(FileContent& content);

 private:
  struct Masks;
  struct Found {
    Sign sign;
    bool in_text;  // what stands before it is text too, even if the file as a whole is not
  };
  // Up to 20 signs of one rule, and what stands for the others.
  struct Kept {
    std::vector<Found> found;
    std::uint64_t count = 0;
    Sha256 others{};
  };
  struct Distinct {
    std::unordered_set<std::uint64_t> seen;
    std::uint64_t first = 0;
    std::uint32_t line = 0;
    void add(std::string_view value, std::uint64_t offset, std::uint32_t line);
  };
  enum Which : std::size_t {
    bidi,
    invisible,
    homoglyph,
    hidden_by_space,
    escapes,
    encoded_blob,
    secret_generic,
    which_count
  };
  struct Character {
    std::uint32_t point;
    std::size_t size;
  };

  void block(std::size_t at, std::size_t size, const Masks& masks);
  void characters(std::size_t at, std::size_t size);
  void character(std::size_t at, Character c);
  void blanks(std::size_t at, const Masks& masks);
  void gaps(std::size_t at, std::size_t size, const Masks& masks);
  void after_blanks(std::size_t at);
  void escape(std::size_t at);
  void end_escapes();
  void name(std::size_t at);
  void mail(std::size_t at);
  void number(std::size_t at);
  void account(std::size_t at);
  void quoted(std::size_t from, std::size_t to);
  void assigned(std::size_t name_end, std::size_t from, std::size_t to);
  void start_blob(std::size_t at);
  void feed_blob(std::size_t from, std::size_t to);
  void end_blob();
  void zero_width(std::size_t at, Character c);
  void look_alike(std::size_t at, std::size_t size);

  Character decode(std::size_t at) const;
  std::uint8_t byte(std::size_t at) const { return at < window_.size() ? window_[at] : 0; }
  std::string_view text(std::size_t from, std::size_t to) const;
  std::uint32_t line_at(std::size_t at) const;  // of the block being looked at
  bool text_before(std::size_t at) const;
  void keep(Which which, Sign sign, bool in_text);
  void keep_at(Which which, std::string what, std::size_t at, std::string evidence,
               std::string_view digested);

  const Thresholds thresholds_;
  Bytes window_;
  std::uint64_t base_ = 0;
  std::uint64_t done_ = 0;   // offset of the first byte not looked at
  std::uint64_t lines_ = 0;  // newlines before the block
  std::size_t block_at_ = 0;
  std::uint64_t block_newlines_ = 0;
  std::uint64_t line_start_ = 0, longest_ = 0;
  std::uint64_t controls_ = 0;
  std::uint64_t next_character_ = 0;

  std::uint64_t blank_run_ = 0;
  std::uint64_t run_from_ = 0;        // after the last byte below '+' or beyond ASCII
  std::uint64_t long_run_from_ = 0;   // ... that is no newline
  std::uint64_t zero_width_end_ = 0;  // of runs that were looked at whole
  std::uint64_t selectors_ = 0, selectors_end_ = 0;
  std::uint32_t selector_ = 0;  // the first of the run
  bool selectors_vary_ = false, selectors_told_ = false;
  std::uint64_t tags_end_ = 0, flag_end_ = 0;
  std::uint64_t word_end_ = 0;
  std::uint64_t foreign_at_ = 0;  // behind the last letter of another script that looks like none of ours
  bool foreign_ = false;

  struct Escapes {
    std::uint64_t from = 0, end = 0, count = 0;
    std::uint64_t beyond = 0;  // of them, letters of other scripts than Latin
    std::uint32_t line = 0;
    std::string head;
    Sha256Hasher hasher;
  } escapes_;
  struct Blob {
    enum class State : std::uint8_t { none, reading, passed } state = State::none;
    std::uint64_t from = 0, size = 0, letters = 0;  // letters: without the ends of lines
    std::uint32_t line = 0;
    std::string head;
    std::string kind;
    Sha256Hasher hasher;
  } blob_;

  Distinct names_, mails_, phones_, ids_, ibans_;
  std::unordered_set<std::string> countries_;  // of ibans_
  std::array<Kept, which_count> kept_;
};

}  // namespace sallyport
