// origin: who published a release, when, and from where.

#include "policies/rule.hpp"

namespace sallyport {

std::span<const Rule> origin_rules() {
  return {};
}

}  // namespace sallyport
