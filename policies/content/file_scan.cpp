#include "policies/content/file_scan.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>

#include "policies/content/inline_map.hpp"
#include "policies/content/magic.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

// Of what was searched, as much stays as a match around a late hit may need.
constexpr std::size_t buffer_bytes = 96u << 10;
constexpr std::size_t kept_bytes = 2 * reach_max;
static_assert(kept_bytes >= TextSigns::look_behind + TextSigns::look_ahead);

constexpr std::size_t secrets_max = 100;  // of a file are described; the release is refused by the first
constexpr std::uint64_t secrets_counted_max = 10'000;
constexpr std::size_t data_maps_max = 100'000;  // data: URLs waiting to be decoded, a file
constexpr std::uint64_t packed_mark_bytes = 4;
constexpr std::size_t map_starts_max = 10'000;  // of what may be a map, a file
constexpr std::size_t map_start_before = 4096;  // ... from its brace to its first value
constexpr std::size_t inline_maps_kept = 32;    // described one by one; the others add to the last
constexpr std::size_t references_kept = 200;

// In sums of one byte, which the compiler makes wide; std::count is as slow as the search itself.
std::uint64_t newlines(Bytes bytes) {
  std::uint64_t sum = 0;
  while (!bytes.empty()) {
    const Bytes part = bytes.first(std::min<std::size_t>(bytes.size(), 255));
    std::uint8_t few = 0;
    for (const std::uint8_t byte : part) few = static_cast<std::uint8_t>(few + (byte == '\n'));
    sum += few;
    bytes = bytes.subspan(part.size());
  }
  return sum;
}

struct Unescaped {
  std::string text;
  std::vector<std::uint32_t> at;  // where each byte of it stands in the first text; empty: at the same place
};

bool has_escaped_quotes(std::string_view text) {
  for (std::size_t at = text.find('\\'); at < text.size() - 1; at = text.find('\\', at + 2))
    if (text[at + 1] == '"' || text[at + 1] == '\'' || text[at + 1] == '/' || text[at + 1] == '\\')
      return true;
  return false;
}

// One level of it. Escapes by number are a view of their own (encoded_runs.hpp).
Unescaped unescape(const Unescaped& from) {
  Unescaped out;
  out.text.reserve(from.text.size());
  out.at.reserve(from.text.size());
  for (std::size_t i = 0; i < from.text.size(); ++i) {
    char c = from.text[i];
    const std::size_t start = i;
    if (c == '\\' && i + 1 < from.text.size()) {
      c = from.text[++i];
      c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
    }
    out.text += c;
    out.at.push_back(from.at.empty() ? static_cast<std::uint32_t>(start) : from.at[start]);
  }
  return out;
}

}  // namespace

void add_incomplete(FileContent& content, std::string why) {
  auto& reasons = content.incomplete;
  if (std::find(reasons.begin(), reasons.end(), why) == reasons.end()) reasons.push_back(std::move(why));
}

FileScan::FileScan(ScanShared& shared) : shared_(shared), rules_(*shared.rules), signs_(shared.thresholds) {
  windows_.resize(rules_.secrets.rules.size() + 1);
  settled_.resize(windows_.size());
  buffer_.reserve(buffer_bytes + kept_bytes);
}
FileScan::~FileScan() {
  if (stream_ != nullptr) hs_close_stream(stream_, nullptr, nullptr, nullptr);
}

void FileScan::begin() {
  content_ = {};
  tell_tales_.clear();
  map_.emplace();
  signs_.begin();
  buffer_.clear();
  base_ = searched_ = lines_ = counted_to_ = counted_lines_ = 0;
  started_ = false;
  touched_.clear();
  for (auto& windows : windows_) windows.clear();
  std::fill(settled_.begin(), settled_.end(), 0);
  data_maps_.clear();
  map_starts_.clear();
  map_key_ = false;
  packed_.clear();
  runs_.begin();
  encoded_.clear();
  if (stream_ == nullptr && hs_open_stream(rules_.database.get(), 0, &stream_) != HS_SUCCESS)
    stream_ = nullptr;
  if (stream_ == nullptr) add_incomplete(content_, "the search for secrets could not start");
}

void FileScan::data(Bytes bytes) {
  map_->data(bytes);
  while (!bytes.empty()) {
    const std::size_t room = buffer_bytes + kept_bytes - buffer_.size();
    const Bytes part = bytes.first(std::min(room, bytes.size()));
    buffer_.insert(buffer_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (buffer_.size() == buffer_bytes + kept_bytes) search(false);
  }
}

FileContent FileScan::end(const FileBytes& again) {
  search(true);
  content_.map = map_->finish();
  signs_.finish(content_);
  for (const EncodedRun& run : runs_.finish()) encoded_.push_back({run});
  if (runs_.overflowed()) add_incomplete(content_, "more encoded text in it than is decoded");
  read_data_maps(again);
  read_wrapped_maps(again);
  return std::move(content_);
}

int FileScan::on_match(unsigned id, unsigned long long, unsigned long long to, unsigned, void* self) {
  static_cast<FileScan*>(self)->hit(id, to);
  return 0;
}

void FileScan::hit(unsigned id, std::uint64_t to) {
  const auto& pattern = rules_.patterns[id];
  if (pattern.tell_tale) return note_tell_tale(*pattern.tell_tale, to);
  using Use = CompiledRules::Pattern::Use;
  if (pattern.use == Use::map_comment) return note(comment_rule(), to, map_comment_after);
  if (pattern.use == Use::map_start) return note_map_start(to);
  if (pattern.use == Use::map_key) map_key_ = true;
  if (pattern.use == Use::packed && to > packed_mark_bytes && packed_.size() <= packed_starts_max)
    packed_.push_back(to - packed_mark_bytes);
  for (const std::uint32_t rule : pattern.rules) note(rule, to, rules_.reach[rule]);
}

void FileScan::note_tell_tale(std::size_t which, std::uint64_t to) {
  const TellTale& sign = sallyport::tell_tales()[which];
  if (sign.holds != nullptr) {
    if (tell_tales_.has_seen(which)) return;
    const std::string_view all = as_text(buffer_);
    const auto here = static_cast<std::size_t>(to - base_);
    if (!sign.holds(all.substr(0, here), all.substr(here))) return;
  }
  tell_tales_.saw(which);
}

// Called while the buffer is searched: what was found is in it.
void FileScan::note_map_start(std::uint64_t to) {
  if (map_starts_.size() > map_starts_max) return;
  const auto end = static_cast<std::size_t>(to - base_);
  const std::size_t from = end - std::min(end, map_start_before);
  const auto start = map_start(as_text(Bytes(buffer_).subspan(from, end - from)), to);
  if (!start || (!map_starts_.empty() && map_starts_.back().offset >= start->offset)) return;
  const auto before = static_cast<std::size_t>(start->offset - base_);
  map_starts_.push_back({*start, lines_ + newlines(Bytes(buffer_).first(before)) + 1});
}

void FileScan::note(std::size_t rule, std::uint64_t to, std::uint64_t reach) {
  auto& windows = windows_[rule];
  if (windows.empty()) touched_.push_back(rule);
  // A comment is read from its hit on; everything else around it.
  if (rule == comment_rule()) {
    windows.push_back({to, to + reach});
    return;
  }
  const std::uint64_t from = to - std::min(to, reach);
  if (!windows.empty() && from <= windows.back().to)
    windows.back().to = to + reach;
  else
    windows.push_back({from, to + reach});
}

void FileScan::search(bool last) {
  if (!started_) {
    started_ = true;
    content_.magic = magic_of(buffer_);
    content_.shebang = buffer_.size() > 2 && buffer_[0] == '#' && buffer_[1] == '!';
  }
  if (stream_ != nullptr) {
    const auto fresh = static_cast<std::size_t>(searched_ - base_);
    auto code = hs_scan_stream(stream_, reinterpret_cast<const char*>(buffer_.data()) + fresh,
                               static_cast<unsigned>(buffer_.size() - fresh), 0, shared_.scratch.get(),
                               &FileScan::on_match, this);
    if (last && code == HS_SUCCESS)
      code = hs_reset_stream(stream_, 0, shared_.scratch.get(), &FileScan::on_match, this);
    if (code != HS_SUCCESS) {
      add_incomplete(content_, "the search for secrets failed");
      hs_close_stream(stream_, nullptr, nullptr, nullptr);
      stream_ = nullptr;
    }
  }
  runs_.data(Bytes(buffer_).subspan(static_cast<std::size_t>(searched_ - base_)));
  searched_ = base_ + buffer_.size();
  confirm(last);
  signs_.look(buffer_, base_, last);
  if (last) return;
  const std::size_t gone = buffer_.size() - kept_bytes;
  lines_ += newlines(Bytes(buffer_).first(gone));
  std::memmove(buffer_.data(), buffer_.data() + gone, kept_bytes);
  buffer_.resize(kept_bytes);
  base_ += gone;
}

// Looks closer at every window that is in the buffer whole; the rest of the others waits for what follows.
void FileScan::confirm(bool last) {
  std::vector<std::size_t> waiting;
  for (const std::size_t rule : touched_) {
    auto& windows = windows_[rule];
    std::size_t left = 0;
    for (Window window : windows) {
      if (window.to <= searched_ || last) {
        look(rule, window.from, std::min(window.to, searched_), searched_);
      } else if (rule == comment_rule()) {
        windows[left++] = window;
      } else {
        // What ends near the edge may go on behind it, so it is left for the next time.
        const std::uint64_t sure = searched_ - std::min<std::uint64_t>(searched_, rules_.reach[rule]);
        if (window.from < sure) look(rule, window.from, searched_, sure);
        window.from = std::max(window.from, searched_ - std::min<std::uint64_t>(searched_, kept_bytes));
        windows[left++] = window;
      }
    }
    windows.resize(left);
    if (left > 0) waiting.push_back(rule);
  }
  touched_ = std::move(waiting);
}

std::string_view FileScan::between(std::uint64_t from, std::uint64_t to) const {
  from = std::max(from, base_);
  to = std::max(from, std::min(to, searched_));
  return as_text(
      Bytes(buffer_).subspan(static_cast<std::size_t>(from - base_), static_cast<std::size_t>(to - from)));
}

std::uint32_t FileScan::line_at(std::uint64_t offset) {
  if (counted_to_ < base_ || counted_to_ > offset) {
    counted_to_ = base_;
    counted_lines_ = lines_;
  }
  const std::string_view more = between(counted_to_, offset);
  counted_lines_ += static_cast<std::uint64_t>(std::count(more.begin(), more.end(), '\n'));
  counted_to_ = std::min(offset, searched_);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(counted_lines_ + 1, UINT32_MAX));
}

void FileScan::look(std::size_t rule, std::uint64_t from, std::uint64_t to, std::uint64_t sure) {
  if (rule == comment_rule())
    look_at_comment(from, to);
  else
    look_for_pattern(rule, from, to, sure);
}

void FileScan::look_at_comment(std::uint64_t from, std::uint64_t to) {
  constexpr std::uint64_t word = std::string_view("sourceMappingURL").size();
  const std::uint64_t start = from - word;
  const MapComment comment = read_map_comment(
      between(start - std::min<std::uint64_t>(start, map_comment_before), start), between(from, to));
  if (comment.kind == MapComment::Kind::reference) {
    if (content_.map_references.size() < references_kept)
      content_.map_references.push_back({start, line_at(start), comment.target});
  } else if (comment.kind == MapComment::Kind::data) {
    if (data_maps_.size() < data_maps_max)
      data_maps_.push_back({start, from + comment.payload, line_at(start), comment.base64});
    else
      add_incomplete(content_, "more data: URLs of source maps than are decoded");
  }
}

void FileScan::look_for_pattern(std::size_t index, std::uint64_t from, std::uint64_t to, std::uint64_t sure) {
  const SecretRule& rule = rules_.secrets.rules[index];
  if (rule.sign.empty() && content_.secrets_more >= secrets_counted_max) return;
  const std::string_view window = between(from, to);
  if (shared_.left.confirm_bytes < window.size())
    return add_incomplete(content_, "too much text that looks like secrets to look at each");
  shared_.left.confirm_bytes -= window.size();
  struct Found {
    std::uint64_t offset, end;
    std::string text;
  };
  std::vector<Found> all;
  from = std::max(from, base_);
  for (const SecretMatch& match : find_secrets(rule, rules_.secrets.allows, window))
    all.push_back({from + match.offset, from + match.offset + match.length,
                   std::string(window.substr(match.offset, match.length))});
  // In a string of JSON or code, quotes and line ends are escaped, and in one of JSON in JSON again.
  Unescaped text{std::string(window), {}};
  for (int level = 0; level < 3 && rule.sign.empty() && has_escaped_quotes(text.text); ++level) {
    text = unescape(text);
    for (const SecretMatch& match : find_secrets(rule, rules_.secrets.allows, text.text))
      all.push_back({from + text.at[match.offset], from + text.at[match.offset + match.length - 1] + 1,
                     text.text.substr(match.offset, match.length)});
  }
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    return std::tie(a.offset, a.end) < std::tie(b.offset, b.end);
  });
  for (const Found& found : all) {
    if (found.end > sure || found.offset < settled_[index]) continue;
    settled_[index] = found.end;
    if (rule.sign.empty())
      keep_secret(rule, found.offset, found.text);
    else
      keep_sign(rule, found.offset, found.text);
  }
}

void FileScan::keep_secret(const SecretRule& rule, std::uint64_t offset, std::string_view secret) {
  if (content_.secrets.size() == secrets_max) {
    ++content_.secrets_more;
    return;
  }
  const std::string fingerprint = to_hex(sha256(secret));
  const auto same = [&](const SecretHit& hit) {
    return hit.offset == offset && hit.fingerprint == fingerprint;
  };
  if (std::any_of(content_.secrets.begin(), content_.secrets.end(), same)) return;
  content_.secrets.push_back({rule.id, rule.description, offset, line_at(offset),
                              printable(secret.substr(0, std::min<std::size_t>(4, secret.size() / 4))) +
                                  "… (" + std::to_string(secret.size()) + " characters)",
                              fingerprint});
}

void FileScan::keep_sign(const SecretRule& rule, std::uint64_t offset, std::string_view found) {
  if (is_full(content_, rule.sign, rule.description)) {
    ++content_.sign_counts[rule.sign];
    return;
  }
  std::string shown;  // a word in UTF-16 reads better without its zeros
  std::remove_copy(found.begin(), found.end(), std::back_inserter(shown), '\0');
  add_sign(content_,
           {rule.sign, rule.description, offset, line_at(offset), printable(shown), to_hex(sha256(found))});
}

void FileScan::read_data_maps(const FileBytes& again) {
  std::sort(data_maps_.begin(), data_maps_.end(),
            [](const DataMap& a, const DataMap& b) { return a.offset < b.offset; });
  for (const DataMap& map : data_maps_) {
    std::uint64_t spent = 0;
    if (shared_.left.decode_bytes == 0)
      return add_incomplete(content_, "too many bytes in data: URLs of source maps to decode all");
    const auto read = read_data_map(again, map.payload, map.base64, spent);
    shared_.left.decode_bytes -= std::min(spent, shared_.left.decode_bytes);
    if (!read) return add_incomplete(content_, "the file could not be read again");
    if (!*read) continue;
    keep_inline(map.offset, map.line, **read);
    const auto run =
        std::lower_bound(encoded_.begin(), encoded_.end(), map.payload,
                         [](const Encoded& a, std::uint64_t offset) { return a.offset < offset; });
    if (run != encoded_.end() && run->offset == map.payload) run->inline_map = true;
  }
}

// Where the file is no map itself, what is written in it as one. An empty one, as code that makes maps has
// it, tells nobody anything.
void FileScan::read_wrapped_maps(const FileBytes& again) {
  if (content_.map || !map_key_) return;
  if (map_starts_.size() > map_starts_max)
    add_incomplete(content_, "more text like source maps than is read");
  std::uint64_t known = 0;  // of what lies before it all is told
  for (const WrappedStart& start : map_starts_) {
    const auto at_payload = [&](const DataMap& map) { return map.payload == start.offset; };
    if (start.offset < known || std::any_of(data_maps_.begin(), data_maps_.end(), at_payload)) continue;
    if (shared_.left.decode_bytes == 0)
      return add_incomplete(content_, "too much text like source maps to read all");
    std::uint64_t spent = 0;
    const auto read = read_wrapped_map(again, start, spent);
    shared_.left.decode_bytes -= std::min(spent, shared_.left.decode_bytes);
    if (!read) return add_incomplete(content_, "the file could not be read again");
    if (!*read) continue;
    const SourceMapSummary& map = (*read)->map;
    known = (*read)->end;
    if (map.embedded_own + map.embedded_third_party > 0 || !map.remote_sources.empty())
      keep_inline(start.offset, static_cast<std::uint32_t>(std::min<std::uint64_t>(start.line, UINT32_MAX)),
                  map);
  }
}

void FileScan::keep_inline(std::uint64_t offset, std::uint32_t line, const SourceMapSummary& map) {
  if (content_.inline_maps.size() < inline_maps_kept) {
    content_.inline_maps.push_back({offset, line, map});
    return;
  }
  SourceMapSummary& sum = content_.inline_maps.back().map;
  sum.bytes += map.bytes;
  sum.sources_own += map.sources_own;
  sum.sources_third_party += map.sources_third_party;
  sum.embedded_own += map.embedded_own;
  sum.embedded_third_party += map.embedded_third_party;
  sum.embedded_bytes += map.embedded_bytes;
  sum.embedded_lines += map.embedded_lines;
  sum.embedded_own_lines += map.embedded_own_lines;
}

}  // namespace sallyport
