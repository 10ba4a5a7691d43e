#pragma once
// Which policy the gate judges by, as a fact of the ledger: `policy.changed`, with the rules that are off.
//
// Record:  system  "policy"   the digest last recorded

#include "policies/inspection.hpp"
#include "storage/ledger.hpp"

namespace sallyport {

// Once at start. Nothing where the digest is the one last recorded. `file` is where the policy came from;
// empty: there is none, and the profiles stand as they are.
Result<void> record_policy(Ledger& ledger, const InspectionRules& rules, const std::string& file);

}  // namespace sallyport
