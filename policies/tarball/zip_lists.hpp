#pragma once
// A zip lists its files twice, before each and at the end, and tools go by one list or the other.

#include <string>

#include "policies/content/file_content.hpp"

namespace sallyport {

struct ZipLists {
  // Where the two differ, or what lies between the files that none names, in a few words; empty: whoever
  // unpacks it gets the same.
  std::string why;
  bool readable = false;  // the list at the end is whole, and small enough to be held
};
ZipLists compare_zip_lists(const FileBytes& file);

}  // namespace sallyport
