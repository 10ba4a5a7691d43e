// Who publishes, against who did before. A gate and an upstream have accounts of their own: what went through
// the gate has the key of a credential, what did not has none.

#include <algorithm>
#include <set>

#include "policies/rules/origin.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

enum PublisherTier { noted, other_account };

// Of the baseline and the releases of its line, newest first, those of which it is known.
std::vector<const ReleaseOrigin*> origins_before(const Release& release) {
  std::vector<const ReleaseOrigin*> out;
  for (const Facts& facts : release.history.line)
    if (facts.origin) out.push_back(&*facts.origin);
  if (out.empty() && release.history.baseline && release.history.baseline->origin)
    out.push_back(&*release.history.baseline->origin);
  return out;
}

bool is_ours(const ReleaseOrigin& origin) {
  return !origin.credential.empty();
}

std::string listed(const std::set<std::string>& names) {
  std::string out;
  std::size_t n = 0;
  for (const std::string& name : names) {
    if (n++ == 3) return out + " and others";
    out += (out.empty() ? "" : ", ") + printable(name, 60);
  }
  return out;
}

std::string path_text(const std::string& path) {
  return path == "trusted" ? "trusted publishing" : "a build service";
}

}  // namespace

void check_publisher(const Release& release, FindingSink& sink) {
  const auto& now = release.outside.origin;
  if (!now || !release.history.baseline) return;
  std::set<std::string> ours, upstreams, credentials;
  for (const ReleaseOrigin* origin : origins_before(release)) {
    if (origin->publisher.empty()) continue;
    (is_ours(*origin) ? ours : upstreams).insert(origin->publisher);
    if (is_ours(*origin) && origin->publisher == now->publisher) credentials.insert(origin->credential);
  }
  const std::string who = printable(now->publisher, 60);
  if (!ours.empty() && !ours.contains(now->publisher)) {
    sink.add({.message = who + " never published this package; earlier releases were by " + listed(ours),
              .content_digest = "account " + now->publisher},
             other_account);
  } else if (!ours.empty() && !credentials.contains(now->credential)) {
    sink.add({.message = who + " publishes with another credential than before",
              .fix = "Confirm with the publisher that the token is new and theirs.",
              .content_digest = "credential " + now->credential},
             noted);
  } else if (ours.empty()) {
    sink.add({.message = upstreams.empty() ? "who published the earlier releases is not known"
                                           : "the first release through this gate, by " + who +
                                                 "; the upstream's were by " + listed(upstreams),
              .content_digest = "account " + now->publisher},
             noted);
  }
}

void check_path(const Release& release, FindingSink& sink) {
  const auto& now = release.outside.origin;
  if (!now || now->path != "token") return;
  const auto before = origins_before(release);
  const auto last = std::find_if(before.begin(), before.end(), [](auto* o) { return !o->path.empty(); });
  if (last == before.end() || (*last)->path == "token") return;
  sink.add({.message =
                "the last release came from " + path_text((*last)->path) + ", this one from a person's token",
            .content_digest = (*last)->path + " to token"});
}

}  // namespace sallyport
