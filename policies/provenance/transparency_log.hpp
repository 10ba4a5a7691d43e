#pragma once
// An entry of a transparency log (Rekor): that it is of this envelope, and that the log has it.

#include <ctime>
#include <optional>
#include <span>
#include <string_view>

#include "policies/provenance/bundle.hpp"
#include "policies/provenance/certificate.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct TrustedLog;

// Whether the proof's path leads from the entry to its root (RFC 9162 section 2.1.3.2).
bool leads_to_root(const InclusionProof& proof, std::string_view body);

// Whether the entry's body is of `bundle`'s envelope, signed by `signer`, and in the tree that its proof (if
// it has one) is of. Kinds dsse 0.0.1, dsse 0.0.2 and intoto 0.0.2. The error is a sentence.
Result<void> check_entry_is_of(const LogEntry& entry, const Bundle& bundle, const Certificate& signer);

// Whether a log of `logs` signed what the entry says: its promise, and the root of its proof, whichever there
// are, at least one. Gives the time that the log signed; nothing where there is a proof alone.
Result<std::optional<std::time_t>> check_logged(const LogEntry& entry, std::span<const TrustedLog> logs);

// Whether the entry's log was trusted then.
Result<void> check_log_valid(const LogEntry& entry, std::span<const TrustedLog> logs, std::time_t when);

}  // namespace sallyport
