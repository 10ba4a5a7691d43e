#include "policies/content/unpacked.hpp"

#include <array>
#include <cstring>
#include <vector>

#include "policies/content/base64_alphabet.hpp"
#include "policies/tarball/inflate.hpp"
#include "storage/base/utf8.hpp"

namespace sallyport {
namespace {

int base64_value(std::uint8_t byte) {
  const std::uint8_t value = base64_values[byte];
  return value == base64_none ? -1 : value;
}

int hex_value(std::uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const int letter = byte | 0x20;
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

class GzipUnpacker final : public Unpacker {
 public:
  bool feed(Bytes packed, const Sink& sink) override { return inflater_.feed(packed, sink); }
  bool finish(const Sink&) override { return inflater_.finish(); }

 private:
  // Who scans sets the limit; a ratio that is right for a package says nothing of one file.
  static TarballLimits limits() {
    TarballLimits limits;
    limits.ratio_max = 2000;
    return limits;
  }
  GzipInflater inflater_{limits()};
};

// UTF-16 and UTF-32.
class WideUnpacker final : public Unpacker {
 public:
  explicit WideUnpacker(std::size_t unit_bytes) : unit_bytes_(unit_bytes) {}
  bool feed(Bytes packed, const Sink& sink) override {
    out_.clear();
    for (const std::uint8_t byte : packed) {
      unit_[have_++] = byte;
      if (have_ < unit_bytes_) continue;
      have_ = 0;
      if (!known_) {  // a mark of either order, or the zeros of a Latin letter
        known_ = true;
        big_ = unit_bytes_ == 2 ? unit_[0] == 0xfe || (unit_[0] == 0 && unit_[1] != 0) : unit_[0] == 0;
      }
      std::uint32_t code = 0;
      for (std::size_t i = 0; i < unit_bytes_; ++i) code = code << 8 | unit_[big_ ? i : unit_bytes_ - 1 - i];
      take(code);
    }
    return out_.empty() || sink(out_);
  }
  bool finish(const Sink&) override { return true; }

 private:
  void take(std::uint32_t code) {
    if (code == 0xfeff) return;
    if (code >= 0xd800 && code < 0xdc00) {
      high_ = code;
      return;
    }
    if (code >= 0xdc00 && code < 0xe000)
      code = high_ ? 0x10000 + ((high_ - 0xd800) << 10) + (code - 0xdc00) : '?';
    high_ = 0;
    append_utf8(out_, code > 0x10ffff ? '?' : code);
  }

  std::size_t unit_bytes_;
  std::array<std::uint8_t, 4> unit_{};
  std::size_t have_ = 0;
  std::uint32_t high_ = 0;
  bool known_ = false, big_ = false;
  std::vector<std::uint8_t> out_;
};

class GroupUnpacker final : public Unpacker {
 public:
  explicit GroupUnpacker(int bits) : char_bits_(bits) {}
  bool feed(Bytes packed, const Sink& sink) override {
    out_.clear();
    for (const std::uint8_t byte : packed) {
      if (escape_) {
        escape_ = false;
        if (byte != '/') continue;
      } else if (byte == '\\') {
        escape_ = true;
        continue;
      } else if (byte == '\n' || byte == '\r' || byte == ' ' || byte == '\t') {
        continue;
      }
      const int value = char_bits_ == 4 ? hex_value(byte) : base64_value(byte);
      if (value < 0) {
        ended_ = true;
        break;
      }
      group_ = group_ << char_bits_ | static_cast<std::uint32_t>(value);
      bits_ += char_bits_;
      if (bits_ < 8) continue;
      bits_ -= 8;
      out_.push_back(static_cast<std::uint8_t>(group_ >> bits_));
    }
    return (out_.empty() || sink(out_)) && !ended_;
  }
  bool finish(const Sink&) override { return true; }

 private:
  int char_bits_;
  int bits_ = 0;
  std::uint32_t group_ = 0;
  bool escape_ = false, ended_ = false;
  std::vector<std::uint8_t> out_;
};

class EscapesUnpacker final : public Unpacker {
 public:
  bool feed(Bytes packed, const Sink& sink) override {
    out_.clear();
    for (std::size_t i = 0; i < packed.size();) {
      if (escape_.empty()) {
        const auto* from = packed.data() + i;
        const auto* const found =
            static_cast<const std::uint8_t*>(std::memchr(from, '\\', packed.size() - i));
        const auto* const to = found == nullptr ? packed.data() + packed.size() : found;
        out_.insert(out_.end(), from, to);
        i += static_cast<std::size_t>(to - from) + (found != nullptr);
        if (found != nullptr) escape_ = "\\";
      } else if (!take(packed[i])) {
        end();  // and what ended it is read again
      } else {
        ++i;
      }
    }
    return out_.empty() || sink(out_);
  }
  bool finish(const Sink& sink) override {
    out_.clear();
    if (!escape_.empty()) end();
    return out_.empty() || sink(out_);
  }

 private:
  // Whether the escape goes on with `byte`, which then belongs to it.
  bool take(std::uint8_t byte) {
    const std::size_t size = escape_.size();
    if (size == 1) {
      static constexpr std::string_view simple = "nrtbfv", meant = "\n\r\t\b\f\v";
      if (byte == 'x' || byte == 'u' || (byte >= '0' && byte <= '7')) {
        escape_ += static_cast<char>(byte);
        return true;
      }
      escape_.clear();
      if (const auto at = simple.find(static_cast<char>(byte)); at != simple.npos)
        out_.push_back(static_cast<std::uint8_t>(meant[at]));
      else if (byte != '\n' && byte != '\r')  // a line that goes on
        out_.push_back(byte);
      return true;
    }
    const char kind = escape_[1];
    if (kind == 'u' && size == 2 && byte == '{') {
      escape_ += '{';
      return true;
    }
    const bool braces = kind == 'u' && size > 2 && escape_[2] == '{';
    if (braces && byte == '}') {
      value_end();
      return true;
    }
    const bool octal = kind != 'x' && kind != 'u';
    if (octal ? byte < '0' || byte > '7' : hex_value(byte) < 0) return false;
    escape_ += static_cast<char>(byte);
    const std::size_t whole = octal ? (kind < '4' ? 4 : 3) : kind == 'x' ? 4 : braces ? 12 : 6;
    if (escape_.size() == whole) value_end();
    return true;
  }

  void value_end() {
    const bool octal = escape_[1] != 'x' && escape_[1] != 'u';
    const std::size_t from = octal ? 1 : escape_.size() > 2 && escape_[2] == '{' ? 3 : 2;
    std::uint32_t code = 0;
    for (std::size_t i = from; i < escape_.size(); ++i)
      code = (code & 0xfffff) << (octal ? 3 : 4) |
             static_cast<std::uint32_t>(hex_value(static_cast<std::uint8_t>(escape_[i])));
    append_utf8(out_, code > 0x10ffff ? '?' : code);
    escape_.clear();
  }

  // It broke off: octal ones may be short, of others what stands there stays.
  void end() {
    if (escape_.size() > 1 && escape_[1] != 'x' && escape_[1] != 'u') return value_end();
    out_.insert(out_.end(), escape_.begin() + 1, escape_.end());
    escape_.clear();
  }

  std::string escape_;  // as far as it was read
  std::vector<std::uint8_t> out_;
};

}  // namespace

std::unique_ptr<Unpacker> utf32_unpacker() {
  return std::make_unique<WideUnpacker>(4);
}
std::unique_ptr<Unpacker> base64_unpacker() {
  return std::make_unique<GroupUnpacker>(6);
}
std::unique_ptr<Unpacker> hex_unpacker() {
  return std::make_unique<GroupUnpacker>(4);
}
std::unique_ptr<Unpacker> escapes_unpacker() {
  return std::make_unique<EscapesUnpacker>();
}
std::unique_ptr<Unpacker> gzip_unpacker() {
  return std::make_unique<GzipUnpacker>();
}
std::unique_ptr<Unpacker> utf16_unpacker() {
  return std::make_unique<WideUnpacker>(2);
}

bool read_all(const FileBytes& file, const Unpacker::Sink& sink) {
  std::vector<std::uint8_t> piece(32u << 10);
  for (std::uint64_t offset = 0;;) {
    const auto read = file.read(offset, piece);
    if (!read) return false;
    if (*read == 0) return true;
    offset += *read;
    if (!sink(Bytes(piece).first(*read))) return false;
  }
}

bool unpack_all(const FileBytes& packed, Unpacker& unpacker, const Unpacker::Sink& sink) {
  return read_all(packed, [&](Bytes piece) { return unpacker.feed(piece, sink); }) && unpacker.finish(sink);
}

}  // namespace sallyport
