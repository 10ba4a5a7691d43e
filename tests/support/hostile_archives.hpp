#pragma once
// Tarballs that no gate may pass, each made for one rule of the tar family, and clean ones beside them. The
// unit tests read them here; tests/integration/differential_tar_test.py gives the same files to other
// readers.

#include <string>
#include <vector>

namespace sallyport {

struct HostileArchive {
  std::string name;  // also a file name
  std::string rule;  // that refuses it; empty: clean
  std::string tgz;
};

std::vector<HostileArchive> hostile_archives();
std::vector<HostileArchive> clean_archives();

}  // namespace sallyport
