#pragma once
// The Sigstore bundle as a document: what is where. Nothing is believed yet.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/json.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// That a log's tree of `tree_size` leaves has this entry at `log_index`.
struct InclusionProof {
  std::int64_t log_index = 0, tree_size = 0;
  std::string root_hash;            // raw
  std::vector<std::string> hashes;  // raw, from the leaf upwards
  std::string checkpoint;           // signed note
};

// An entry of a transparency log.
struct LogEntry {
  std::int64_t log_index = 0;
  std::string log_id;                // raw
  std::string kind, version;         // of the body: "dsse" "0.0.1"
  std::int64_t integrated_time = 0;  // seconds; 0: none
  std::string promise;               // the log's signature over entry and time (SET); empty: none
  std::optional<InclusionProof> proof;
  std::string body;  // canonical JSON, as the log has it
};

struct Bundle {
  std::string certificate;  // the leaf, DER; empty where the signer is named by key only
  std::string key_hint;
  std::vector<LogEntry> log_entries;
  std::vector<std::string> timestamps;  // RFC 3161 responses, DER
  std::string payload_type, payload, signature;
};

// v0.1, v0.2 or v0.3, around a DSSE envelope with one signature. A chain's further certificates are not kept:
// who signed the leaf is looked for in the trust root alone. The error completes "the bundle is refused: …".
Result<Bundle> read_bundle(const json::value& value);

}  // namespace sallyport
