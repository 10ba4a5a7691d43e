#include "policies/rule.hpp"

namespace sallyport {

std::vector<const Rule*> all_rules() {
  std::vector<const Rule*> out;
  for (const auto family : {leak_rules(), pack_rules(), size_rules(), deps_rules(), run_rules(), code_rules(),
                            tar_rules(), manifest_rules(), origin_rules()}) {
    for (const Rule& rule : family) out.push_back(&rule);
  }
  return out;
}

const Rule* find_rule(std::string_view id) {
  for (const Rule* rule : all_rules()) {
    if (rule->info.id == id) return rule;
  }
  return nullptr;
}

}  // namespace sallyport
