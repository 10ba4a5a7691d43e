#include "policies/content/unpacked.hpp"

#include <algorithm>
#include <vector>

#include "policies/tarball/inflate.hpp"

namespace sallyport {
namespace {

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

class Utf16Unpacker final : public Unpacker {
 public:
  bool feed(Bytes packed, const Sink& sink) override {
    out_.clear();
    for (const std::uint8_t byte : packed) {
      if (!half_) {
        half_ = byte;
        continue;
      }
      const std::uint8_t first = *half_;
      half_.reset();
      if (!known_) {  // a mark of either order, or the zero half of a Latin letter
        known_ = true;
        big_ = (first == 0xfe && byte == 0xff) || (first == 0 && byte != 0);
      }
      unit(big_ ? std::uint32_t{first} << 8 | byte : std::uint32_t{byte} << 8 | first);
    }
    return out_.empty() || sink(out_);
  }
  bool finish(const Sink&) override { return true; }

 private:
  void unit(std::uint32_t code) {
    if (code == 0xfeff) return;
    if (code >= 0xd800 && code < 0xdc00) {
      high_ = code;
      return;
    }
    if (code >= 0xdc00 && code < 0xe000)
      code = high_ ? 0x10000 + ((high_ - 0xd800) << 10) + (code - 0xdc00) : '?';
    high_ = 0;
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | code >> 6);
      put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3f));
      put(0x80 | (code & 0x3f));
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
      put(0x80 | (code >> 6 & 0x3f));
      put(0x80 | (code & 0x3f));
    }
  }
  void put(std::uint32_t byte) { out_.push_back(static_cast<std::uint8_t>(byte)); }

  std::vector<std::uint8_t> out_;
  std::optional<std::uint8_t> half_;
  std::uint32_t high_ = 0;
  bool known_ = false, big_ = false;
};

}  // namespace

std::unique_ptr<Unpacker> gzip_unpacker() {
  return std::make_unique<GzipUnpacker>();
}
std::unique_ptr<Unpacker> utf16_unpacker() {
  return std::make_unique<Utf16Unpacker>();
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
