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
    if (content.secrets_more > 0)
      sink.add({.file = path,
                .message = "the file holds " + thousands(content.secrets_more) + " more secrets",
                .content_digest = "more secrets"});
  });
}

// One finding for each packed file: its parts are told by the rules for what lies open, of which somebody may
// have switched one off.
void check_secret_nested(const Release& release, FindingSink& sink) {
  for (const ReleaseFile& file : release.files)
    for_each_nested(file.content, [&](std::string_view path, std::uint64_t, const FileContent& content) {
      const std::uint64_t secrets = content.secrets.size() + content.secrets_more;
      const std::string_view kind = nested_secret_file(path, content);
      if (secrets > 0) {
        std::string evidence, digests;
        for (const SecretHit& hit : content.secrets) {
          if (evidence.size() < 200)
            evidence += (evidence.empty() ? "" : ", ") + hit.rule_id + ": " + hit.redacted;
          digests += hit.fingerprint;
        }
        sink.add({.file = path,
                  .message = (secrets == 1 ? "a secret is" : thousands(secrets) + " secrets are") +
                             std::string(" packed or encoded in the file"),
                  .evidence = std::move(evidence),
                  .line = content.secrets[0].line,
                  .offset = content.secrets[0].offset,
                  .content_digest = digests});
      } else if (!kind.empty()) {
        sink.add({.file = path, .message = "a file that holds " + std::string(kind) + " is packed in it"});
      }
      std::uint64_t sources = 0;
      if (content.map) sources += content.map->embedded_own + content.map->embedded_third_party;
      for (const InlineMap& map : content.inline_maps)
        sources += map.map.embedded_own + map.map.embedded_third_party;
      if (sources > 0)
        sink.add({.file = path,
                  .message = "a source map with the text of " + thousands(sources) +
                             (sources == 1 ? " file" : " files") + " is packed or encoded in the file"},
                 1);
    });
}

}  // namespace sallyport
