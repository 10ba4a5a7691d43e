#pragma once
// Which of our own packages answer to what somebody typed. It finds names; what of them may be seen is not
// decided here.

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gate/catalog.hpp"

namespace sallyport {

// What was typed: words, and npm's qualifiers "scope:", "keywords:", "author:", "maintainer:".
struct SearchQuery {
  std::vector<std::string> words;     // lower case, as the rest
  std::vector<std::string> keywords;  // one of them
  std::string scope;                  // without '@'
  std::string person;
  static SearchQuery parse(std::string_view text);
  bool empty() const { return words.empty() && keywords.empty() && scope.empty() && person.empty(); }
};

// Read once, kept in memory (some 300 bytes a package), and read again where something was released.
// Blocking; any thread.
class PackageSearch {
 public:
  explicit PackageSearch(Catalog& catalog) : catalog_(catalog) {}

  // Names, the best first: the name itself, then names that hold the words, then descriptions and keywords.
  Result<std::vector<std::string>> find(const SearchQuery& query);
  void changed(const PackageName& name);  // does not block

 private:
  struct Entry {
    std::string text;  // description and keywords, in lower case
    std::vector<std::string> keywords, people;
  };
  Result<void> refresh();
  Result<void> read(const std::string& name);
  static std::optional<int> rank(const std::string& name, const Entry& entry, const SearchQuery& query);

  Catalog& catalog_;
  std::mutex reading_;  // guards what follows
  std::map<std::string, Entry, std::less<>> entries_;
  bool complete_ = false;
  std::mutex mutex_;
  std::set<std::string> changed_;
};

}  // namespace sallyport
