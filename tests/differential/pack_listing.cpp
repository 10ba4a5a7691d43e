// For the test that compares whom `files` of package.json admits with npm-packlist:
//   pack_listing FILE     reads [{"manifest": text of package.json, "paths": [...]}] and prints the admitted
//   paths of each, or null where package.json is not one

#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "policies/pack_list.hpp"

using namespace sallyport;

int main(int, char** argv) {
  std::ifstream in(argv[1]);
  const auto trees = boost::json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
  boost::json::array shown;
  for (const auto& tree : trees.as_array()) {
    const auto manifest = Manifest::parse(tree.at("manifest").as_string());
    if (!manifest) {
      shown.emplace_back(nullptr);
      continue;
    }
    const auto paths = boost::json::value_to<std::vector<std::string>>(tree.at("paths"));
    PackList list(*manifest, paths);
    boost::json::array admitted;
    for (const std::string& path : paths) {
      if (list.admits(path)) admitted.emplace_back(path);
    }
    shown.push_back(std::move(admitted));
  }
  std::cout << boost::json::serialize(shown) << "\n";
}
