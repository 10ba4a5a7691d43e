#pragma once
// Writes zip archives, honest and hostile: what the two lists say of a file can be told apart.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sallyport {

// What one of the lists says of a file.
struct ZipFields {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;  // 0: stored, 8: deflated
  std::uint32_t crc = 0;
  std::uint32_t packed_bytes = 0, bytes = 0;
  std::uint32_t offset = 0;  // of the file; only in the list at the end
};

class ZipBuilder {
 public:
  using Change = std::function<void(ZipFields& local, ZipFields& central)>;

  ZipBuilder& file(std::string_view name, std::string_view content, bool deflated = true,
                   const Change& change = {});
  // A file that the list at the end does not have.
  ZipBuilder& hidden(std::string_view name, std::string_view content);
  ZipBuilder& raw(std::string_view bytes);
  std::string zip(std::string_view comment = {}) const;

 private:
  void add(std::string_view name, std::string_view content, bool deflated, const Change& change, bool listed);

  std::string bytes_, list_;
  std::uint16_t listed_ = 0;
};

}  // namespace sallyport
