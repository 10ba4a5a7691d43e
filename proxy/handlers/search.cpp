#include "proxy/handlers/search.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <set>

#include "proxy/handlers/document.hpp"
#include "proxy/hops.hpp"
#include "proxy/http/error_map.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t size_usual = 20, size_max = 100, from_max = 5'000, text_bytes_max = 512;
constexpr Millis upstream_fresh{60'000};
constexpr std::uint64_t upstream_bytes_max = 4u << 20;
// Each upstream result costs its packument, once. What is not there in time is not listed.
constexpr std::size_t looks_at_once = 8;
constexpr std::chrono::seconds looks_max{10};

std::size_t number(const Request& request, std::string_view name, std::size_t usual, std::size_t max) {
  const auto text = request.query_value(name).value_or("");
  std::size_t value = usual;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return text.empty() || error != std::errc() || end != text.data() + text.size() ? usual
                                                                                  : std::min(value, max);
}

// A package, and what an upstream said of it beside its manifest.
struct Hit {
  PackageName name;
  json::object said = {};
  json::value shown = {};  // null: not to be listed
};

json::object person(std::string_view name, std::string_view email) {
  json::object out{{"username", name}};
  if (!email.empty()) out["email"] = email;
  return out;
}

std::optional<json::object> person_in(const json::value& value) {
  if (value.is_string() && !value.get_string().empty()) return person(value.get_string(), "");
  if (!value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const auto name = string_at(object, "username");
  return person(name ? *name : string_at(object, "name").value_or(""),
                string_at(object, "email").value_or(""));
}

// Clients read fields of these without asking whether they are there.
json::object package_of(const PackageName& name, const PreparedVersion& version,
                        const json::object& manifest) {
  json::object out{{"name", name.full()}, {"version", version.version}};
  out["scope"] = name.scope().empty() ? std::string_view("unscoped") : name.scope().substr(1);
  out["description"] = string_at(manifest, "description").value_or("");
  json::array keywords, maintainers;
  if (const json::array* all = array_at(manifest, "keywords"))
    for (const json::value& keyword : *all)
      if (keyword.is_string()) keywords.push_back(keyword);
  if (const json::array* all = array_at(manifest, "maintainers"))
    for (const json::value& one : *all)
      if (auto known = person_in(one)) maintainers.push_back(std::move(*known));
  json::object publisher = person("", "");
  if (const json::value* user = manifest.if_contains("_npmUser"))
    if (auto known = person_in(*user)) publisher = std::move(*known);
  if (const json::value* author = manifest.if_contains("author"))
    if (auto known = person_in(*author)) {
      if (maintainers.empty()) maintainers.push_back(*known);
      out["author"] = {{"name", (*known)["username"]}};
    }
  out["keywords"] = std::move(keywords);
  out["maintainers"] = std::move(maintainers);
  out["publisher"] = std::move(publisher);
  if (version.published) out["date"] = to_iso8601(*version.published);
  json::object links;
  if (const auto homepage = string_at(manifest, "homepage")) links["homepage"] = *homepage;
  out["links"] = std::move(links);
  return out;
}

class Searches {
 public:
  explicit Searches(SearchParts parts) : parts_(std::move(parts)) {}

  asio::awaitable<Response> search(Exchange& exchange) {
    const Request& request = exchange.request;
    if (!request.query_value("text")) co_return refusal(400, "Say what to search for: ?text=WORDS.");
    const std::string text(*request.query_value("text"));
    if (text.size() > text_bytes_max) co_return refusal(400, "Search for less: 512 bytes are enough.");
    const std::size_t size = number(request, "size", size_usual, size_max);
    const std::size_t from = number(request, "from", 0, from_max);
    const SearchQuery query = SearchQuery::parse(text);

    // Our own first, then what each upstream finds, in order.
    auto find = [this, query] { return parts_.own.find(query); };
    auto own = co_await async_run_on(parts_.pool, std::move(find));
    if (!own) co_return error_response(own.error());
    auto hits = std::make_shared<std::vector<Hit>>();
    for (std::size_t i = from; i < own->size() && hits->size() < size; ++i)
      if (auto name = PackageName::parse((*own)[i])) hits->push_back({std::move(*name)});
    std::size_t total = own->size(), skip = from > total ? from - total : 0;
    bool incomplete = false;
    for (const std::string& origin : origins(query, *own)) {
      auto found = co_await ask(origin, text, request, size - hits->size(), skip);
      if (!found && found.error().kind == ErrorKind::not_found) continue;  // it has no search
      if (!found && total == 0) co_return error_response(found.error());
      if (!found) {
        incomplete = true;
        continue;
      }
      total += found->total;
      skip -= std::min(skip, found->total);
      for (Hit& hit : found->hits)
        if (hits->size() < size) hits->push_back(std::move(hit));
    }
    co_await look_at_all(hits, hops_in(request.headers));

    json::array objects;
    for (Hit& hit : *hits)
      if (!hit.shown.is_null()) objects.push_back(std::move(hit.shown));
    Response response = told_now({{"objects", std::move(objects)}, {"total", total}});
    if (incomplete) response.header("warning", "199 - \"An upstream does not answer\"");
    co_return response;
  }

 private:
  struct Page {
    std::vector<Hit> hits;
    std::size_t total = 0;
  };

  // The upstreams that a rule reads from; none where what was typed names what is ours alone.
  std::set<std::string> origins(const SearchQuery& query, const std::vector<std::string>& own) {
    std::set<std::string> out;
    if (query.empty() || (!query.scope.empty() && is_ours("@" + query.scope + "/any"))) return out;
    for (const std::string& word : query.words) {
      const bool scope_alone = word.starts_with('@') && word.find('/') == std::string::npos;
      if (is_ours(scope_alone ? word + "/any" : word) || std::find(own.begin(), own.end(), word) != own.end())
        return out;
    }
    for (const PackageRule& rule : parts_.packages.all())
      if (parts_.upstream(rule.read) != nullptr) out.insert(rule.read);
    return out;
  }
  bool is_ours(std::string_view text) {
    auto name = PackageName::parse(text);
    return name && parts_.packages.rule_for(*name).read == "local";
  }

  asio::awaitable<Result<Page>> ask(std::string origin, std::string text, const Request& request,
                                    std::size_t size, std::size_t from) {
    RegistryUpstream* upstream = parts_.upstream(origin);
    std::string path = "-/v1/search?text=" + percent_encoded(text) +
                       "&size=" + std::to_string(std::max<std::size_t>(size, 1)) +
                       "&from=" + std::to_string(from);
    for (const char* weight : {"quality", "popularity", "maintenance"})
      if (auto value = request.query_value(weight); value && value->size() < 16)
        path += "&" + std::string(weight) + "=" + percent_encoded(*value);
    const std::string hops = hops_in(request.headers);
    ServiceAnswers::Ask ask = [upstream, path, hops]() -> asio::awaitable<Result<std::string>> {
      ServiceQuestion question;
      question.hops = hops;
      question.path = path;
      question.answer_bytes_max = upstream_bytes_max;
      co_return co_await upstream->ask(std::move(question));
    };
    auto answer =
        co_await parts_.answers.get("search " + origin + " " + path, upstream_fresh, std::move(ask), hops);
    if (!answer) co_return answer.error();
    auto read = [this, origin, text = answer->text, size] { return page_of(origin, *text, size); };
    auto page = co_await async_run_on(parts_.pool, std::move(read));
    co_return page;
  }

  // An upstream speaks for the names that are read from it, and for no others.
  Result<Page> page_of(const std::string& origin, const std::string& text, std::size_t size) {
    auto value = parse_strict(text, {.bytes_max = upstream_bytes_max});
    const json::array* objects =
        value && value->is_object() ? array_at(value->get_object(), "objects") : nullptr;
    if (objects == nullptr) return fail(ErrorKind::upstream, "The upstream's search could not be read.");
    Page page;
    page.total = static_cast<std::size_t>(
        std::clamp<std::int64_t>(int_at(value->get_object(), "total").value_or(0), 0, 1 << 30));
    for (const json::value& object : *objects) {
      if (page.hits.size() == size || !object.is_object()) continue;
      const json::object* package = object_at(object.get_object(), "package");
      auto name = PackageName::parse(package ? string_at(*package, "name").value_or("") : "");
      if (!name || parts_.packages.rule_for(*name).read != origin) continue;
      auto own = parts_.catalog.has_package(*name);
      if (!own || *own) continue;
      page.hits.push_back({std::move(*name), object.get_object()});
    }
    return page;
  }

  // The tag is of the results and not of the moment they are told: who has the same ones needs no others.
  Response told_now(json::object document) {
    const std::string etag(*document_response(json::serialize(document)).find("etag"));
    document["time"] = to_iso8601(parts_.clock.now());
    Response response =
        prepared_response(std::make_shared<const std::string>(json::serialize(document)), "application/json");
    response.header("etag", "W/" + etag).header("cache-control", "no-cache");
    return response;
  }

  // Some at a time, until all are looked at or time is up.
  asio::awaitable<void> look_at_all(std::shared_ptr<std::vector<Hit>> hits, std::string hops) {
    auto executor = co_await asio::this_coro::executor;
    struct Round {
      explicit Round(const asio::any_io_executor& e) : done(e) {}
      asio::steady_timer done;
      std::size_t next = 0, running = 0;
      bool over = false;
      std::array<asio::cancellation_signal, looks_at_once> stops;
    };
    // However this ends: who still looks would keep a server that stops from ending.
    struct End {
      std::shared_ptr<Round> round;
      ~End() {
        round->over = true;
        for (auto& stop : round->stops) stop.emit(asio::cancellation_type::terminal);
      }
    };
    auto round = std::make_shared<Round>(executor);
    round->done.expires_after(looks_max);
    round->running = std::min(looks_at_once, hits->size());
    if (round->running == 0) co_return;
    const End end{round};
    // All of this runs on the connection's thread. What is late is not written any more.
    for (std::size_t i = 0, n = round->running; i < n; ++i) {
      std::function<asio::awaitable<void>()> work = [this, round, hits, hops]() -> asio::awaitable<void> {
        while (round->next < hits->size() && !round->over) {
          const std::size_t at = round->next++;
          auto found = co_await parts_.cache.packument((*hits)[at].name, hops);
          if (!found || round->over) continue;
          auto text = co_await parts_.cache.plain(found->packument->full);
          if (!text || round->over) continue;
          auto tell = [packument = found->packument, text = std::move(*text), hit = (*hits)[at]] {
            return told(*packument, *text, hit);
          };
          auto shown = co_await async_run_on(parts_.pool, std::move(tell));
          if (!round->over) (*hits)[at].shown = std::move(shown);
        }
      };
      auto ended = [round](std::exception_ptr) {
        if (--round->running == 0) round->done.cancel();
      };
      asio::co_spawn(executor, std::move(work),
                     asio::bind_cancellation_slot(round->stops[i].slot(), std::move(ended)));
    }
    boost::system::error_code ec;
    while (round->running > 0 && round->done.expiry() > std::chrono::steady_clock::now())
      co_await round->done.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }

  // `document`: the full one, unpacked.
  static json::value told(const PreparedPackument& packument, std::string_view document, const Hit& hit) {
    const auto latest = packument.tags.find("latest");  // the newest visible version
    if (latest == packument.tags.end()) return nullptr;
    const auto version = packument.versions.find(latest->second);
    if (version == packument.versions.end()) return nullptr;
    const std::string_view text = manifest_of(version->second, document);
    auto manifest = parse_strict(text, {.bytes_max = text.size()});
    if (!manifest || !manifest->is_object()) return nullptr;
    json::object shown = hit.said;
    shown["package"] = package_of(hit.name, version->second, manifest->get_object());
    if (!shown.contains("score")) {
      json::object detail{{"quality", 1}, {"popularity", 1}, {"maintenance", 1}};
      shown["score"] = {{"final", 1}, {"detail", std::move(detail)}};
      shown["searchScore"] = 1;
    }
    return shown;
  }

  SearchParts parts_;
};

}  // namespace

std::vector<Route> search_routes(SearchParts parts) {
  auto searches = std::make_shared<Searches>(std::move(parts));
  return {{Method::get, "/-/v1/search", BodyMode::none, Access::reader,
           handled_by(searches, &Searches::search),
           "`npm search`: our own packages and the upstreams', as installs see them"}};
}

}  // namespace sallyport
