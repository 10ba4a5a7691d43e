#include "tests/support/zip_builder.hpp"

#include <zlib.h>

namespace sallyport {
namespace {

void put(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

std::string deflate_raw(std::string_view text) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 16, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

// The fields that both lists have, from the version to the length of the name.
void put_fields(std::string& out, const ZipFields& f) {
  put(out, 20, 2);
  put(out, f.flags, 2);
  put(out, f.method, 2);
  put(out, 0, 4);
  put(out, f.crc, 4);
  put(out, f.packed_bytes, 4);
  put(out, f.bytes, 4);
  put(out, static_cast<std::uint32_t>(f.name.size()), 2);
  put(out, 0, 2);
}

}  // namespace

void ZipBuilder::add(std::string_view name, std::string_view content, bool deflated, const Change& change,
                     bool listed) {
  const std::string packed = deflated ? deflate_raw(content) : std::string(content);
  ZipFields local;
  local.name = name;
  local.method = deflated ? 8 : 0;
  local.crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
  local.packed_bytes = static_cast<std::uint32_t>(packed.size());
  local.bytes = static_cast<std::uint32_t>(content.size());
  local.offset = static_cast<std::uint32_t>(bytes_.size());
  ZipFields central = local;
  if (change) change(local, central);
  bytes_ += "PK\x03\x04";
  put_fields(bytes_, local);
  bytes_ += local.name + packed;
  if (!listed) return;
  list_ += "PK\x01\x02";
  put(list_, 20, 2);
  put_fields(list_, central);
  put(list_, 0, 4);
  put(list_, 0, 4);
  put(list_, 0, 2);
  put(list_, central.offset, 4);
  list_ += central.name;
  ++listed_;
}

ZipBuilder& ZipBuilder::file(std::string_view name, std::string_view content, bool deflated,
                             const Change& change) {
  add(name, content, deflated, change, true);
  return *this;
}
ZipBuilder& ZipBuilder::hidden(std::string_view name, std::string_view content) {
  add(name, content, true, {}, false);
  return *this;
}
ZipBuilder& ZipBuilder::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

std::string ZipBuilder::zip(std::string_view comment) const {
  std::string out = bytes_ + list_ + "PK\x05\x06";
  put(out, 0, 4);
  put(out, listed_, 2);
  put(out, listed_, 2);
  put(out, static_cast<std::uint32_t>(list_.size()), 4);
  put(out, static_cast<std::uint32_t>(bytes_.size()), 4);
  put(out, static_cast<std::uint32_t>(comment.size()), 2);
  return out + std::string(comment);
}

}  // namespace sallyport
