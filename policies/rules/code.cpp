// code: what a release's code hides, and what it could do on the machine that runs it.

#include "policies/rule.hpp"

namespace sallyport {

std::span<const Rule> code_rules() {
  return {};
}

}  // namespace sallyport
