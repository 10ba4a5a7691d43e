#include "gate/package_search.hpp"

#include <algorithm>

namespace sallyport {
namespace {

constexpr std::size_t words_max = 16, word_bytes_max = 214;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty() && parts.size() < words_max) {
    const std::size_t end = text.find_first_of(separators);
    const std::string_view part = text.substr(0, std::min(end, word_bytes_max));
    if (!part.empty()) parts.emplace_back(part);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

void add_people(const json::object& manifest, std::vector<std::string>& people) {
  const auto add = [&](const json::value& person) {
    if (person.is_string()) people.push_back(lower(person.get_string()));
    if (!person.is_object()) return;
    for (const char* key : {"name", "username", "email"})
      if (const auto text = string_at(person.get_object(), key)) people.push_back(lower(*text));
  };
  if (const json::value* author = manifest.if_contains("author")) add(*author);
  if (const json::array* maintainers = array_at(manifest, "maintainers"))
    for (const json::value& person : *maintainers) add(person);
}

}  // namespace

SearchQuery SearchQuery::parse(std::string_view text) {
  SearchQuery query;
  for (const std::string& word : split(lower(text), " \t")) {
    const auto after = [&](std::string_view prefix) -> std::optional<std::string> {
      if (!word.starts_with(prefix)) return std::nullopt;
      return word.substr(prefix.size());
    };
    if (auto scope = after("scope:")) {
      query.scope = scope->starts_with('@') ? scope->substr(1) : *scope;
    } else if (auto keywords = after("keywords:")) {
      query.keywords = split(*keywords, ",+");
    } else if (auto person = after("author:"); person || (person = after("maintainer:"))) {
      query.person = *person;
    } else {
      query.words.push_back(word);
    }
  }
  return query;
}

Result<std::vector<std::string>> PackageSearch::find(const SearchQuery& query) {
  std::lock_guard lock(reading_);
  if (auto ready = refresh(); !ready) return ready.error();
  std::vector<std::pair<int, std::string>> found;
  for (const auto& [name, entry] : entries_)
    if (const auto at = rank(name, entry, query)) found.emplace_back(*at, name);
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  names.reserve(found.size());
  for (auto& [at, name] : found) names.push_back(std::move(name));
  return names;
}

std::optional<int> PackageSearch::rank(const std::string& name, const Entry& entry,
                                       const SearchQuery& query) {
  if (!query.scope.empty() && !name.starts_with("@" + query.scope + "/")) return std::nullopt;
  if (!query.person.empty() &&
      std::find(entry.people.begin(), entry.people.end(), query.person) == entry.people.end())
    return std::nullopt;
  if (!query.keywords.empty() &&
      std::none_of(query.keywords.begin(), query.keywords.end(), [&](const std::string& keyword) {
        return std::find(entry.keywords.begin(), entry.keywords.end(), keyword) != entry.keywords.end();
      }))
    return std::nullopt;
  const std::string shown = lower(name);
  if (query.words.size() == 1 && query.words.front() == shown) return 0;
  int worst = 1;
  for (const std::string& word : query.words) {
    if (shown.find(word) != std::string::npos) continue;
    if (entry.text.find(word) == std::string::npos) return std::nullopt;
    worst = 2;
  }
  return worst;
}

void PackageSearch::changed(const PackageName& name) {
  std::lock_guard lock(mutex_);
  changed_.insert(name.full());
}

Result<void> PackageSearch::refresh() {
  std::set<std::string> names;
  {
    std::lock_guard lock(mutex_);
    names.swap(changed_);
  }
  if (!complete_) {
    auto all = catalog_.each_name([&](std::string_view name) {
      names.emplace(name);
      return true;
    });
    if (!all) return all.error();
    complete_ = true;
  }
  for (auto name = names.begin(); name != names.end(); ++name)
    if (auto done = read(*name); !done) {
      std::lock_guard lock(mutex_);
      changed_.insert(name, names.end());  // next time
      return done;
    }
  return {};
}

Result<void> PackageSearch::read(const std::string& text) {
  const auto name = PackageName::parse(text);
  if (!name) return {};
  auto package = catalog_.package(*name);
  if (!package) {
    entries_.erase(text);
    if (package.error().kind == ErrorKind::not_found) return {};  // an upstream's, or gone
    return package.error();
  }
  Entry entry;
  const auto latest = package->tags.find("latest");
  for (const LocalVersion& version : package->versions) {
    if (latest == package->tags.end() || version.version != latest->second) continue;
    entry.text = lower(string_at(version.manifest, "description").value_or(""));
    if (const json::array* keywords = array_at(version.manifest, "keywords"))
      for (const json::value& keyword : *keywords)
        if (keyword.is_string()) {
          entry.keywords.push_back(lower(keyword.get_string()));
          entry.text += "\n" + entry.keywords.back();
        }
    add_people(version.manifest, entry.people);
  }
  entries_.insert_or_assign(text, std::move(entry));
  return {};
}

}  // namespace sallyport
