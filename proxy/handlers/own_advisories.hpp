#pragma once
// What the own feeds know of the packages that an audit asks about, told as npm's registry tells it.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gate/malware_feed.hpp"
#include "storage/base/json.hpp"

namespace sallyport {

class OwnAdvisories {
 public:
  OwnAdvisories(const MalwareFeed& malware, const MalwareFeed& faults) : malware_(malware), faults_(faults) {}

  // Adds what it knows of the versions in `question` to `answer`, both in the bulk audit's form; what is in
  // there under the same id is not told twice. How many it knows of, those included.
  std::size_t add_to_bulk(json::object& answer, const json::object& question) const;
  // The same in the form of the older audit, whose question is a tree.
  std::size_t add_to_quick(json::object& answer, const json::object& tree) const;

  // Whether what is told of faults is all that somebody keeps: there is a feed of them, and it is current.
  bool complete() const { return faults_.status().standing == FeedStatus::Standing::current; }

 private:
  std::vector<Advisory> about(std::string_view name) const;

  const MalwareFeed& malware_;
  const MalwareFeed& faults_;
};

// The base score of a CVSS vector of version 3.0 or 3.1; 0 where it is none.
double cvss3_score(std::string_view vector);

}  // namespace sallyport
