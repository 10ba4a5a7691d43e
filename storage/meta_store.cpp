#include "storage/meta_store.hpp"

#include <array>

namespace sallyport {

std::string_view family_name(Family family) {
  static constexpr std::array<std::string_view, family_count> names = {
      "system", "users", "tokens", "packages", "versions", "stages",
      "outbox", "facts", "ledger", "upstream", "pulls"};
  return names.at(static_cast<std::size_t>(family));
}

}  // namespace sallyport
