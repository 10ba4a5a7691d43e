#pragma once
// Writes tar archives, honest and hostile, byte by byte: every field of a header can be set to anything.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport {

// One header block as ustar lays it out. Fields are written as they stand here, padded with NUL and cut to
// their width; only the checksum is computed, unless given.
struct TarHeader {
  std::string name;
  std::string mode = "000644 ";
  std::string uid, gid;
  std::string size = "00000000000";
  std::string mtime = "03560116604";  // 1985-10-26, as npm writes
  std::optional<std::string> checksum;
  char type = '0';
  std::string linkname;
  std::string magic = std::string("ustar\0", 6);
  std::string version = "00";
  std::string uname, gname;
  std::string devmajor = "000000 ", devminor = "000000 ";
  std::string prefix;
  std::string tail;  // the last 12 bytes, unused by ustar

  std::string block() const;  // 512 bytes
};

std::string octal(std::uint64_t value, int digits);
std::string tar_padding(std::size_t size);  // NULs up to the next multiple of 512

// A pax record, "<length> <key>=<value>\n".
std::string pax_record(std::string_view key, std::string_view value);

class TarBuilder {
 public:
  TarBuilder& file(std::string_view path, std::string_view content);
  TarBuilder& directory(std::string_view path);
  // `header` as it is but for its size, which is that of `body`.
  TarBuilder& entry(TarHeader header, std::string_view body = {});
  // An extended header of type 'x' with these records, before the next entry.
  TarBuilder& pax(const std::vector<std::pair<std::string, std::string>>& records);
  TarBuilder& raw(std::string_view bytes);
  // The archive so far and its end: two zero blocks.
  std::string tar() const { return bytes_ + std::string(1024, '\0'); }
  const std::string& unfinished() const { return bytes_; }

 private:
  std::string bytes_;
};

// A package.json under package/, so that only what is added to it is wrong.
TarBuilder clean_package();

std::string gzip(std::string_view bytes);

}  // namespace sallyport
