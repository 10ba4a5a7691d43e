// Secret text, as the content scan confirmed it.

#include "policies/rules/leak.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

// Keys that their issuer has put into pages as often as into servers, and whose text does not tell which: 1
// in 294 releases of open source shows one on purpose.
bool meant_for_pages(const SecretHit& hit) {
  return hit.rule_id == "gcp-api-key";
}

}  // namespace

void check_secret(const Release& release, FindingSink& sink) {
  for_each_content(release, [&](std::string_view path, std::uint64_t, const FileContent& content) {
    for (const SecretHit& hit : content.secrets)
      sink.add({.file = path,
                .message = "the file holds a secret: " +
                           printable(hit.description.empty() ? hit.rule_id : hit.description),
                .evidence = hit.rule_id + ": " + hit.redacted,
                .line = hit.line,
                .offset = hit.offset,
                .content_digest = hit.fingerprint},
               meant_for_pages(hit) ? 1 : 0);
    if (content.secrets_more > 0)
      sink.add({.file = path,
                .message = "the file holds " + thousands(content.secrets_more) + " more secrets",
                .content_digest = "more secrets"});
  });
}

// Whether the place is within a string that is an element of an array of JSON: where lists of permissions,
// arguments and commands keep what was pasted into them.
bool in_array_of_json(const Release& release, const ReleaseFile& file, std::uint64_t offset) {
  constexpr std::uint64_t bytes_max = 16u << 20;
  if (file.content.magic != Magic::text || offset > bytes_max) return false;
  const std::string text = piece_of(release, file.entry, 0, static_cast<std::size_t>(offset));
  if (text.find_first_not_of(" \t\r\n") == text.npos ||
      std::string_view("[{").find(text[text.find_first_not_of(" \t\r\n")]) == std::string_view::npos)
    return false;
  std::string open;
  bool string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (string) {
      if (c == '\\')
        ++at;
      else
        string = c != '"';
    } else if (c == '"') {
      string = true;
    } else if (c == '[' || c == '{') {
      open += c;
    } else if (c == ']' || c == '}') {
      if (open.empty() || (open.back() == '[') != (c == ']')) return false;
      open.pop_back();
    }
  }
  return string && !open.empty() && open.back() == '[';
}

// One finding for each packed file: its parts are told by the rules for what lies open, of which somebody may
// have switched one off.
void check_secret_nested(const Release& release, FindingSink& sink) {
  for (const ReleaseFile& file : release.files) {
    if (!file.content.secrets.empty() && in_array_of_json(release, file, file.content.secrets[0].offset))
      sink.add({.file = file.entry.inner,
                .message = "a secret is in a list of strings",
                .evidence = file.content.secrets[0].rule_id + ": " + file.content.secrets[0].redacted,
                .line = file.content.secrets[0].line,
                .offset = file.content.secrets[0].offset,
                .content_digest = file.content.secrets[0].fingerprint});
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
}

}  // namespace sallyport
