#pragma once
// A folder that lives as long as a test.

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace sallyport {

class TempFolder {
 public:
  TempFolder() : path_((std::filesystem::temp_directory_path() / "sallyport-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

}  // namespace sallyport
