// For tests that compare versions and ranges with node-semver's:
//   semver_listing FILE     reads {"texts": [...], "versions": [...], "ranges": [...]} and prints
//     {"texts":  [canonical text of the version, or null],
//      "order":  [a row of "<=>" a version: itself beside every version],
//      "ranges": [null, or {"min", "max": text or null, "matches", "included": a 0 or 1 a version,
//                 "majors": the same for its major, "any", "pin"}]}

#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "storage/base/semver_range.hpp"

using namespace sallyport;
namespace json = boost::json;

namespace {

json::value text_or_null(const std::optional<Version>& version) {
  return version ? json::value(version->text()) : json::value(nullptr);
}

std::string order_row(const Version& version, const std::vector<Version>& versions) {
  std::string row;
  for (const Version& other : versions) {
    const auto order = compare(version, other);
    row += order < 0 ? '<' : order > 0 ? '>' : '=';
  }
  return row;
}

json::value described(const Range& range, const std::vector<Version>& versions) {
  std::string matches, included, majors;
  const auto spans = range.majors();
  for (const Version& version : versions) {
    const auto holds = [&](const Range::Majors& m) {
      return m.first <= version.major && version.major <= m.last;
    };
    matches += range.matches(version) ? '1' : '0';
    included += range.matches(version, true) ? '1' : '0';
    majors += std::any_of(spans.begin(), spans.end(), holds) ? '1' : '0';
  }
  return json::object{{"min", text_or_null(range.min())},
                      {"max", text_or_null(max_satisfying(versions, range))},
                      {"matches", matches},
                      {"included", included},
                      {"majors", majors},
                      {"any", range.is_any()},
                      {"pin", range.is_pin()}};
}

}  // namespace

int main(int, char** argv) {
  std::ifstream in(argv[1]);
  const auto samples = json::parse(std::string(std::istreambuf_iterator<char>(in), {})).as_object();
  std::vector<Version> versions;
  for (const auto& text : samples.at("versions").as_array()) {
    versions.push_back(Version::parse(text.as_string()).value());
  }
  json::array texts, order, ranges;
  for (const auto& text : samples.at("texts").as_array()) {
    const auto version = Version::parse(text.as_string());
    texts.push_back(version ? json::value(version->text_with_build()) : json::value(nullptr));
  }
  for (const Version& version : versions) order.push_back(json::value(order_row(version, versions)));
  for (const auto& text : samples.at("ranges").as_array()) {
    const auto range = Range::parse(text.as_string());
    ranges.push_back(range ? described(*range, versions) : json::value(nullptr));
  }
  std::cout << json::serialize(json::object{{"texts", texts}, {"order", order}, {"ranges", ranges}}) << "\n";
}
