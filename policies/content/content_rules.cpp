#include "policies/content/content_rules.hpp"

#include <re2/re2.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "policies/code/tell_tales.hpp"
#include "policies/content/inline_map.hpp"
#include "policies/content/text_patterns.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

// Changes when a scan of the same rules gives other results.
constexpr std::string_view scan_version = "4";

// Every byte that could mean something in an expression becomes \xNN.
std::string literal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain)
      out += c;
    else
      out += "\\x" + to_hex(as_bytes(std::string_view(&c, 1)));
  }
  return out;
}

constexpr unsigned expression_flags = HS_FLAG_ALLOWEMPTY;

// How far a match can reach from a keyword inside it.
std::uint32_t reach_of(const SecretRule& rule) {
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  std::uint32_t width = reach_max;
  if (hs_expression_info(rule.pattern.c_str(), expression_flags, &info, &error) == HS_SUCCESS &&
      info != nullptr)
    width = std::clamp<std::uint32_t>(info->max_width, 256, reach_max);
  std::free(info);  // NOLINT: allocated by the library with malloc
  hs_free_compile_error(error);
  return width;
}

void add_patterns(CompiledRules& rules) {
  std::map<std::string, std::vector<std::uint32_t>> keywords;
  for (std::uint32_t i = 0; i < rules.secrets.rules.size(); ++i) {
    const SecretRule& rule = rules.secrets.rules[i];
    for (const auto& keyword : rule.keywords) keywords[keyword].push_back(i);
    if (rule.keywords.empty()) rules.patterns.push_back({rule.pattern, expression_flags, {i}});
  }
  for (auto& [keyword, users] : keywords)
    rules.patterns.push_back({literal(keyword), HS_FLAG_CASELESS, std::move(users)});
  using Use = CompiledRules::Pattern::Use;
  rules.patterns.push_back({"sourceMappingURL", 0, {}, {}, Use::map_comment});
  rules.patterns.push_back({std::string(map_start_expression), 0, {}, {}, Use::map_start});
  rules.patterns.push_back({std::string(map_key_expression), HS_FLAG_SINGLEMATCH, {}, {}, Use::map_key});
  // What gzip and zip begin with, and no text does.
  rules.patterns.push_back({R"(\x1f\x8b\x08[\x00-\x1f]|PK\x03\x04)", 0, {}, {}, Use::packed});
  const auto signs = tell_tales();
  for (std::size_t i = 0; i < signs.size(); ++i)
    rules.patterns.push_back({std::string(signs[i].expression),
                              signs[i].groups == 0 || signs[i].holds != nullptr ? 0u : HS_FLAG_SINGLEMATCH,
                              {},
                              i});
}

Result<Database> compile(const CompiledRules& rules) {
  std::vector<const char*> expressions;
  std::vector<unsigned> flags, ids;
  for (const auto& pattern : rules.patterns) {
    expressions.push_back(pattern.expression.c_str());
    flags.push_back(pattern.flags);
    ids.push_back(static_cast<unsigned>(ids.size()));
  }
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const auto code =
      hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()),
                       HS_MODE_STREAM, nullptr, &database, &error);
  if (code == HS_SUCCESS) return Database(database);
  std::string reason = error == nullptr ? "unknown reason" : printable(error->message);
  std::string rule = "the secret rules";
  if (error != nullptr && error->expression >= 0) {
    const auto& pattern = rules.patterns[static_cast<std::size_t>(error->expression)];
    if (!pattern.rules.empty()) {
      const SecretRule& culprit = rules.secrets.rules[pattern.rules[0]];
      rule = culprit.sign.empty() ? "secret rule \"" + culprit.id + "\"" : culprit.id;
    }
  }
  hs_free_compile_error(error);
  return fail(ErrorKind::invalid, "Cannot compile " + rule + " for searching: " + reason +
                                      "; give it keywords or a simpler regex.");
}

// The compiled form belongs to the rules, the library's version and the processor.
std::filesystem::path cache_path(const std::string& folder, const std::string& digest) {
  hs_platform_info_t platform{};
  hs_populate_platform(&platform);
  const std::string key = digest + hs_version() + "/" + std::to_string(platform.tune) + "/" +
                          std::to_string(platform.cpu_features);
  return std::filesystem::path(folder) / ("content-" + to_hex(sha256(key)).substr(0, 32) + ".hsdb");
}

// A cached file is the SHA-256 of the rest, each rule's reach (4 bytes, this machine's order), then the
// database as Vectorscan writes it. False: there is none, or it is damaged.
bool load(const std::filesystem::path& path, CompiledRules& rules) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  constexpr std::size_t head = 32;
  const std::size_t reaches = rules.secrets.rules.size() * sizeof(std::uint32_t);
  if (bytes.size() <= head + reaches) return false;
  const Sha256 digest = sha256(std::string_view(bytes).substr(head));
  if (as_text(digest.bytes) != std::string_view(bytes).substr(0, head)) return false;
  hs_database_t* database = nullptr;
  if (hs_deserialize_database(bytes.data() + head + reaches, bytes.size() - head - reaches, &database) !=
      HS_SUCCESS)
    return false;
  rules.database.reset(database);
  rules.reach.resize(rules.secrets.rules.size());
  std::memcpy(rules.reach.data(), bytes.data() + head, reaches);
  return true;
}

// Best effort: without a cache the next start compiles again.
void store(const std::filesystem::path& path, const CompiledRules& rules) {
  char* bytes = nullptr;
  std::size_t size = 0;
  if (hs_serialize_database(rules.database.get(), &bytes, &size) != HS_SUCCESS) return;
  std::string text(reinterpret_cast<const char*>(rules.reach.data()),
                   rules.reach.size() * sizeof(std::uint32_t));
  text.append(bytes, size);
  std::free(bytes);  // NOLINT: allocated by the library with malloc
  const Sha256 digest = sha256(text);
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  const std::filesystem::path temporary = path.string() + "." + std::to_string(getpid()) + ".tmp";
  std::ofstream out(temporary, std::ios::binary);
  out << as_text(digest.bytes) << text;
  out.close();
  if (out)
    std::filesystem::rename(temporary, path, ignored);
  else
    std::filesystem::remove(temporary, ignored);
}

}  // namespace

Result<std::shared_ptr<const ContentRules>> ContentRules::build(
    const std::vector<std::string>& extra_rule_texts, const std::string& cache_folder,
    const std::vector<WordList>& words) {
  auto rules = std::make_shared<CompiledRules>();
  Sha256Hasher hasher;
  hasher.update(scan_version);
  using Check = SecretRules::Check;
  const auto add = [&](std::string_view text, const std::string& file, Check check) -> Result<void> {
    auto parsed = SecretRules::parse(text, file, check);
    if (!parsed) return parsed.error();
    for (auto& rule : parsed->rules) {
      for (const auto& other : rules->secrets.rules)
        if (other.id == rule.id)
          return fail(ErrorKind::invalid,
                      file + ": rule \"" + printable(rule.id) + "\" is there already; give it another id.");
      // An operator's global allow-list speaks for the rules of its own file.
      rule.allows.insert(rule.allows.end(), parsed->allows.begin(), parsed->allows.end());
      rules->secrets.rules.push_back(std::move(rule));
    }
    const Sha256 digest = sha256(text);
    hasher.update(Bytes(digest.bytes));
    return {};
  };
  if (const auto added = add(shipped_secret_rules(), "secret_rules.toml", Check::at_use); !added)
    return added.error();
  for (std::size_t i = 0; i < extra_rule_texts.size(); ++i)
    if (const auto added = add(extra_rule_texts[i], "secret_rules[" + std::to_string(i) + "]", Check::now);
        !added)
      return added.error();
  auto& all = rules->secrets.rules;
  for (SecretRule& rule : text_patterns()) all.push_back(std::move(rule));
  auto patterns = word_patterns(words);
  if (!patterns) return patterns.error();
  for (SecretRule& rule : *patterns) {
    hasher.update(rule.id + "\n" + rule.pattern + "\n");
    all.push_back(std::move(rule));
  }
  for (const WordList& list : words)
    for (const std::string& scope : list.scopes) hasher.update(list.label + "\n" + scope + "\n");
  rules->words_ = words;
  for (const TellTale& sign : tell_tales()) hasher.update(sign.expression);
  rules->digest_ = "sha256-" + to_hex(hasher.finish());
  add_patterns(*rules);

  const auto path = cache_path(cache_folder, rules->digest_);
  if (cache_folder.empty() || !load(path, *rules)) {
    auto compiled = compile(*rules);
    if (!compiled) return compiled.error();
    rules->database = std::move(*compiled);
    for (const SecretRule& rule : rules->secrets.rules) rules->reach.push_back(reach_of(rule));
    if (!cache_folder.empty()) store(path, *rules);
  }
  hs_scratch_t* scratch = nullptr;
  if (hs_alloc_scratch(rules->database.get(), &scratch) != HS_SUCCESS)
    return fail(ErrorKind::internal, "Cannot prepare the search for secrets.", "hs_alloc_scratch");
  rules->scratch.reset(scratch);
  return std::shared_ptr<const ContentRules>(std::move(rules));
}

}  // namespace sallyport
