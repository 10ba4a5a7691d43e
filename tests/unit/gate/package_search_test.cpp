#include "gate/package_search.hpp"

#include <doctest/doctest.h>

using namespace sallyport;

TEST_CASE("what was typed is taken apart into words and npm's qualifiers") {
  const SearchQuery query = SearchQuery::parse("  Web  scope:@Acme keywords:A,b+c author:Ada framework ");
  CHECK(query.words == std::vector<std::string>{"web", "framework"});
  CHECK(query.scope == "acme");
  CHECK(query.keywords == std::vector<std::string>{"a", "b", "c"});
  CHECK(query.person == "ada");
  CHECK(SearchQuery::parse("maintainer:grace").person == "grace");
  CHECK(SearchQuery::parse(" \t").empty());
  CHECK(SearchQuery::parse("scope:").empty());
}

TEST_CASE("a question is bounded, whatever its length") {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "w" + std::to_string(i) + " ";
  CHECK(SearchQuery::parse(many).words.size() == 16);
  CHECK(SearchQuery::parse(std::string(100'000, 'x')).words.front().size() == 214);
}
