#pragma once
// `sallyport policy`: a policy file checked, explained, compared, and run over the releases that are
// recorded.

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "proxy/config.hpp"
#include "storage/base/clock.hpp"
#include "storage/blob_store.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct PolicyOutput {
  std::ostream& out;
  std::ostream& err;
  bool progress = false;  // a person watches `err`
};

// Exit codes as of every command: 0 done, 2 refused. An empty `file` is no policy file: the profiles alone.
int check_policy(const std::string& file, Instant now, const PolicyOutput& output);
// One rule, or all of them where `rule` is empty.
int explain_rule(const std::string& rule, const std::string& file, Instant now, const PolicyOutput& output);
int diff_policies(const std::string& before, const std::string& after, Instant now,
                  const PolicyOutput& output);

struct ReplayRequest {
  std::string policy, since, package, format;  // since: a date, time or duration; empty: from the first
  std::string cache_folder;
};
int replay_policy(MetaStore& meta, BlobStore& blobs, const ReplayRequest& request, Instant now,
                  const PolicyOutput& output);

// Every rule and threshold as Markdown.
std::string policy_reference();

// What in the configuration and its policy can never have an effect, as sentences.
Result<std::vector<std::string>> without_effect(const Config& config, Instant now);

}  // namespace sallyport
