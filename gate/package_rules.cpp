#include "gate/package_rules.hpp"

#include <algorithm>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

bool listed(const Principal& who, const std::vector<std::string>& names) {
  constexpr std::string_view group = "group:";
  return !who.user.empty() && std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    if (name == "*" || name == who.user) return true;
    return name.starts_with(group) &&
           std::find(who.groups.begin(), who.groups.end(), name.substr(group.size())) != who.groups.end();
  });
}

}  // namespace

Result<Exemption> Exemption::parse(std::string_view text) {
  const std::size_t at = text.find('@', 1);
  Exemption out;
  out.text = text;
  out.names_ = text.substr(0, at);
  const auto bad = [&](const char* why) {
    return fail(ErrorKind::invalid, "\"" + printable(text, 60) + "\" " + why +
                                        ": write \"name\", \"@scope/*\" or \"name@range\"");
  };
  if (out.names_.empty() || printable(out.names_, 300) != out.names_ || out.names_.find(' ') != text.npos)
    return bad("is no package");
  if (at == text.npos) return out;
  auto range = Range::parse(text.substr(at + 1));
  if (!range || at + 1 == text.size()) return bad("ends in no range of versions");
  out.range_ = std::move(*range);
  return out;
}

bool Exemption::covers(std::string_view name, std::string_view version) const {
  if (!name_matches(names_, name)) return false;
  if (!range_) return true;
  const auto parsed = Version::parse(version);
  return parsed && range_->matches(*parsed, true);
}

const PackageRule& PackageRules::rule_for(const PackageName& name) const {
  static const PackageRule closed = [] {
    PackageRule rule;
    rule.publish = "deny";
    rule.publishers.clear();
    rule.reviewers.clear();
    return rule;
  }();
  const auto found = std::find_if(rules_.begin(), rules_.end(),
                                  [&](const auto& rule) { return name_matches(rule.match, name.full()); });
  return found == rules_.end() ? closed : *found;
}

bool is_publisher(const Principal& who, const PackageRule& rule) {
  return listed(who, rule.publishers);
}

bool is_reviewer(const Principal& who, const PackageRule& rule) {
  return !who.service && listed(who, rule.reviewers);
}

std::vector<std::string> scopes_of(const PackageRule& rule) {
  const auto slash = rule.match.find('/');
  if (!rule.match.starts_with('@') || slash == std::string::npos) return {};
  const std::string scope = rule.match.substr(0, slash);
  if (scope.find('*') != std::string::npos) return {};
  return {scope};
}

}  // namespace sallyport
