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

// One pass over what comes out, keeping only what lies at or after the offset that is asked for.
class Pass {
 public:
  Pass(FileBytes packed, MakeUnpacker make) : packed_(std::move(packed)), make_(make) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) {
    if (!unpacker_ || offset < start_) restart();
    while (offset >= start_ + ready_.size()) {
      start_ += ready_.size();
      ready_.clear();
      if (ended_) return std::size_t{0};
      if (const auto more = pull(); !more) return more.error();
    }
    const auto skipped = static_cast<std::size_t>(offset - start_);
    const std::size_t count = std::min(out.size(), ready_.size() - skipped);
    std::copy_n(ready_.begin() + static_cast<std::ptrdiff_t>(skipped), count, out.begin());
    return count;
  }

 private:
  void restart() {
    unpacker_ = make_();
    packed_at_ = start_ = 0;
    ready_.clear();
    ended_ = false;
  }

  // A small piece at a time: what it becomes may be a thousand times larger.
  Result<void> pull() {
    std::uint8_t piece[512];
    const auto read = packed_.read(packed_at_, piece);
    if (!read) return read.error();
    packed_at_ += *read;
    const Unpacker::Sink keep = [&](Bytes bytes) {
      ready_.insert(ready_.end(), bytes.begin(), bytes.end());
      return true;
    };
    if (*read == 0) {
      unpacker_->finish(keep);
      ended_ = true;
    } else if (!unpacker_->feed(Bytes(piece).first(*read), keep)) {
      ended_ = true;
    }
    return {};
  }

  FileBytes packed_;
  MakeUnpacker make_;
  std::unique_ptr<Unpacker> unpacker_;
  std::uint64_t packed_at_ = 0;
  std::uint64_t start_ = 0;  // offset of the first byte ready
  std::vector<std::uint8_t> ready_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Unpacker> gzip_unpacker() {
  return std::make_unique<GzipUnpacker>();
}
std::unique_ptr<Unpacker> utf16_unpacker() {
  return std::make_unique<Utf16Unpacker>();
}

bool unpack_all(const FileBytes& packed, Unpacker& unpacker, const Unpacker::Sink& sink) {
  std::vector<std::uint8_t> piece(32u << 10);
  for (std::uint64_t offset = 0;;) {
    const auto read = packed.read(offset, piece);
    if (!read) return false;
    if (*read == 0) return unpacker.finish(sink);
    offset += *read;
    if (!unpacker.feed(Bytes(piece).first(*read), sink)) return false;
  }
}

FileBytes unpacked_bytes(const FileBytes& packed, MakeUnpacker make) {
  auto pass = std::make_shared<Pass>(packed, make);
  return {0, [pass](std::uint64_t offset, std::span<std::uint8_t> out) { return pass->read(offset, out); }};
}

}  // namespace sallyport
