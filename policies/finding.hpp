#pragma once
// What a rule found, and what follows from it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

enum class Action : std::uint8_t { off, note, warn, escalate, block };  // in rising order
enum class Profile : std::uint8_t { proprietary, open, internal };

// clean: nothing above `note`; hold: something to acknowledge or escalate; block: refused at publish.
enum class Verdict : std::uint8_t { clean, hold, block };

std::string_view to_text(Action action);
std::string_view to_text(Profile profile);
std::string_view to_text(Verdict verdict);
std::optional<Action> parse_action(std::string_view text);
std::optional<Profile> parse_profile(std::string_view text);
std::optional<Verdict> parse_verdict(std::string_view text);

// A waiver in force: the finding stays, as a note.
struct FindingWaiver {
  std::string owner, reason, until;  // printable; until "2026-12-31"
  Action instead_of = Action::block;
};

struct Finding {
  std::string rule;  // "leak/source-map"
  Action action = Action::block;
  std::string file;                     // path as in the archive, printable; empty: the release as a whole
  std::optional<std::uint32_t> line;    // from 1
  std::optional<std::uint64_t> offset;  // bytes from the start of the file
  std::string message;                  // one sentence on why, printable
  std::string fix;                      // one sentence on what to do
  std::string evidence;                 // secrets redacted; may be empty
  std::string fingerprint;  // "sha256-<hex>" of rule, path and content digest (or evidence): the same finding
                            // in the next release has the same one
  std::optional<FindingWaiver> waiver;
  bool known = false;  // the last approved release had the same one, judged as strictly: nothing new
};

// "waived by ada until 2026-12-31: the map is of an example"
std::string to_text(const FindingWaiver& waiver);

Verdict verdict_of(const std::vector<Finding>& findings);

}  // namespace sallyport
