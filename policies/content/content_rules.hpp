#pragma once
// The patterns of every rule in one Vectorscan database, as a scan uses them. Inside policies/content only.

#include <hs/hs.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policies/content/content_scan.hpp"
#include "policies/content/secret_rules.hpp"

namespace sallyport {

struct DatabaseDeleter {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
struct ScratchDeleter {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};
using Database = std::unique_ptr<hs_database_t, DatabaseDeleter>;
using SearchScratch = std::unique_ptr<hs_scratch_t, ScratchDeleter>;

class CompiledRules final : public ContentRules {
 public:
  // One search string or expression, and the rules to try where it is found.
  struct Pattern {
    std::string expression;
    unsigned flags = 0;
    std::vector<std::uint32_t> rules;           // of secrets.rules; empty: one of the others
    std::optional<std::size_t> tell_tale = {};  // of tell_tales()
    enum class Use : std::uint8_t { none, map_comment, map_start, map_key, packed } use = Use::none;
  };

  std::string digest() const override { return digest_; }
  const std::vector<WordList>& words() const override { return words_; }

  SecretRules secrets;
  std::vector<std::uint32_t> reach;  // by rule: bytes to either side of a hit that are looked at
  std::vector<Pattern> patterns;
  Database database;
  SearchScratch scratch;  // cloned by every scan
  std::string digest_;
  std::vector<WordList> words_;
};

constexpr std::uint32_t reach_max = 8u << 10;

}  // namespace sallyport
