// Secret text, as the content scan confirmed it.

#include "policies/rules/leak.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

void check_secret(const Release& release, FindingSink& sink) {
  for_each_content(release, [&](std::string_view path, std::uint64_t, const FileContent& content) {
    for (const SecretHit& hit : content.secrets)
      sink.add({.file = path,
                .message = "the file holds a secret: " +
                           printable(hit.description.empty() ? hit.rule_id : hit.description),
                .evidence = hit.rule_id + ": " + hit.redacted,
                .line = hit.line,
                .offset = hit.offset,
                .content_digest = hit.fingerprint});
  });
}

}  // namespace sallyport
