#include "proxy/handlers/audit.hpp"

#include <atomic>
#include <map>

#include "proxy/cache/gzip.hpp"
#include "proxy/handlers/own_advisories.hpp"
#include "proxy/hops.hpp"
#include "proxy/http/error_map.hpp"
#include "storage/base/json.hpp"

namespace sallyport {
namespace {

// A lock file of 10,000 packages makes a question of some 2 MB.
constexpr std::uint64_t sent_bytes_max = 4u << 20, inflated_bytes_max = 8u << 20;

// Of all audits that are being read or asked about.
constexpr std::uint64_t in_flight_bytes_max = 128u << 20;

class Reservation {
 public:
  Reservation(std::atomic<std::uint64_t>& sum, std::uint64_t bytes)
      : sum_(sum), bytes_(bytes), granted_((sum += bytes) <= in_flight_bytes_max) {}
  ~Reservation() { sum_ -= bytes_; }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  bool granted() const { return granted_; }

 private:
  std::atomic<std::uint64_t>& sum_;
  const std::uint64_t bytes_;
  const bool granted_;
};

// A question is taken apart by upstream, and the answers are put together again.
using Questions = std::map<std::string, json::object>;

Result<json::object> read_question(const std::string& encoding, std::string body) {
  if (encoding == "gzip" || encoding == "x-gzip") {
    auto text = gunzip(body, inflated_bytes_max);
    if (!text)
      return fail(text.error().kind,
                  text.error().kind == ErrorKind::too_large
                      ? "The audit's body is over the limit of 8 MiB when it is unpacked."
                      : "The audit's body is not the gzip that its content-encoding says.");
    body = std::move(*text);
  }
  auto value = parse_strict(body, {.bytes_max = inflated_bytes_max});
  if (!value) return value.error();
  if (!value->is_object()) return fail(ErrorKind::invalid, "An audit's body must be a JSON object.");
  return std::move(value->get_object());
}

// Says of each name whose it is.
class Origins {
 public:
  explicit Origins(AuditParts& parts) : parts_(parts) {}

  // Empty: nobody's but ours.
  const std::string& of(std::string_view text) {
    const auto known = known_.find(text);
    if (known != known_.end()) return known->second;
    return known_.emplace(std::string(text), find(text)).first->second;
  }

 private:
  std::string find(std::string_view text) {
    auto name = PackageName::parse(text);
    if (!name) return {};
    auto own = parts_.catalog.has_package(*name);
    if (!own || *own) return {};  // what cannot be looked up may be our own
    // A changed configuration tells no other registry which names are in use here.
    auto owner = parts_.origins.of(*name);
    if (!owner) return {};
    const std::string& origin = *owner ? (*owner)->origin : parts_.packages.rule_for(*name).read;
    return parts_.upstream(origin) == nullptr ? std::string() : origin;
  }

  AuditParts& parts_;
  std::map<std::string, std::string, std::less<>> known_;
};

Questions split_bulk(const json::object& question, Origins& origins) {
  Questions out;
  for (const auto& [name, versions] : question) {
    const std::string& origin = origins.of(name);
    if (!origin.empty() && versions.is_array()) out[origin][name] = versions;
  }
  return out;
}

// The tree of an older client, as one upstream may see it. A part that is not that upstream's (a package of
// ours, a folder of the project) goes without its name, for the sake of what stands below it.
class QuickTree {
 public:
  QuickTree(Origins& origins, const std::string& upstream) : origins_(origins), upstream_(upstream) {}

  json::object seen(const json::object& node) {
    json::object out;
    for (const char* key : {"dev", "optional", "bundled"})
      if (auto flag = bool_at(node, key)) out[key] = *flag;
    if (const json::object* requires_all = object_at(node, "requires")) {
      json::object kept;
      for (const auto& [name, range] : *requires_all)
        if (origins_.of(name) == upstream_ && range.is_string()) kept[name] = range;
      out["requires"] = std::move(kept);
    }
    if (const json::object* below = object_at(node, "dependencies")) {
      json::object kept;
      for (const auto& [name, child] : *below) {
        if (!child.is_object()) continue;
        const json::object& inner = child.get_object();
        json::object shown = seen(inner);
        const auto version = string_at(inner, "version"), integrity = string_at(inner, "integrity");
        const bool theirs = version && integrity && origins_.of(name) == upstream_;
        shown["version"] = theirs ? json::string(*version) : json::string("0.0.0");
        if (theirs) shown["integrity"] = *integrity;
        any_ |= theirs;
        // No package can have such a name.
        kept[theirs ? std::string(name) : ".private-" + std::to_string(++hidden_)] = std::move(shown);
      }
      out["dependencies"] = std::move(kept);
    }
    return out;
  }
  bool any() const { return any_; }

 private:
  Origins& origins_;
  const std::string& upstream_;
  unsigned hidden_ = 0;
  bool any_ = false;
};

void collect_origins(const json::object& node, Origins& origins, std::map<std::string, bool>& found) {
  const json::object* below = object_at(node, "dependencies");
  if (below == nullptr) return;
  for (const auto& [name, child] : *below) {
    if (!child.is_object()) continue;
    if (const std::string& origin = origins.of(name); !origin.empty()) found[origin] = true;
    collect_origins(child.get_object(), origins, found);
  }
}

Questions split_quick(const json::object& question, Origins& origins) {
  std::map<std::string, bool> upstreams;
  collect_origins(question, origins, upstreams);
  Questions out;
  for (const auto& [upstream, unused] : upstreams) {
    QuickTree tree(origins, upstream);
    json::object seen = tree.seen(question);
    if (!tree.any()) continue;
    seen["install"] = json::array();
    seen["remove"] = json::array();
    seen["metadata"] = json::object();
    out[upstream] = std::move(seen);
  }
  return out;
}

void add_bulk(json::object& sum, const json::object& answer, const json::object& question) {
  for (const auto& [name, advisories] : answer)
    if (advisories.is_array() && question.contains(name)) sum[name] = advisories;
}

json::object no_quick() {
  json::object none;
  for (const char* level : {"info", "low", "moderate", "high", "critical"}) none[level] = 0;
  json::object metadata{{"vulnerabilities", std::move(none)}};
  for (const char* key : {"dependencies", "devDependencies", "optionalDependencies", "totalDependencies"})
    metadata[key] = 0;
  return {{"actions", json::array()},
          {"advisories", json::object()},
          {"muted", json::array()},
          {"metadata", std::move(metadata)}};
}

void add_numbers(json::object& sum, const json::object& more) {
  for (const auto& [key, value] : more) {
    json::value& there = sum[key];
    if (value.is_object()) {
      if (!there.is_object()) there = json::object();
      add_numbers(there.get_object(), value.get_object());
    } else if (const auto n = int_at(more, key)) {
      there = (there.is_int64() ? there.get_int64() : 0) + *n;
    }
  }
}

void add_quick(json::object& sum, const json::object& answer, const std::string& upstream, Origins& origins) {
  if (const json::object* advisories = object_at(answer, "advisories"))
    for (const auto& [id, advisory] : *advisories)
      if (advisory.is_object() &&
          origins.of(string_at(advisory.get_object(), "module_name").value_or("")) == upstream)
        sum["advisories"].get_object()[id] = advisory;
  if (const json::array* actions = array_at(answer, "actions"))
    for (const json::value& action : *actions) sum["actions"].get_array().push_back(action);
  if (const json::object* metadata = object_at(answer, "metadata"))
    add_numbers(sum["metadata"].get_object(), *metadata);
}

// Shown by npm beside its own report.
constexpr const char* own_only =
    "an upstream could not be asked for its audit: these are the advisories that this registry has itself";

class Audits {
 public:
  explicit Audits(AuditParts parts) : parts_(std::move(parts)), own_(parts_.malware, parts_.faults) {}

  asio::awaitable<Response> bulk(Exchange& exchange) { return answer(exchange, false); }
  asio::awaitable<Response> quick(Exchange& exchange) { return answer(exchange, true); }

 private:
  struct Asked {
    json::object question;  // as it came
    Questions questions;
  };
  struct Answers {
    std::map<std::string, std::string> by_upstream;
    std::optional<Error> missing;  // why one is not there

    void miss(Error why) {
      if (!missing || missing->kind == ErrorKind::not_found) missing = std::move(why);
    }
  };
  struct Merged {
    std::string text;
    std::size_t own = 0;  // advisories that we know of
    std::optional<Error> missing;
  };

  asio::awaitable<Response> answer(Exchange& exchange, bool quick) {
    const Reservation room(in_flight_bytes_, exchange.request.content_length.value_or(sent_bytes_max));
    if (!room.granted())
      co_return error_response(
          fail(ErrorKind::unavailable, "Too many audits are under way: try again in a moment."));
    auto asked = co_await read(exchange, quick);
    if (!asked) co_return error_response(asked.error());
    auto answers = co_await ask(exchange, asked->questions);
    auto merge = [this, quick, asked = std::move(*asked), answers = std::move(answers)]() mutable {
      return merged(quick, asked, std::move(answers));
    };
    const Merged told = co_await async_run_on(parts_.disk, std::move(merge));
    if (told.missing && told.own == 0 && !stands_in(*told.missing)) co_return error_response(*told.missing);
    Response response = text_response(200, told.text, "application/json");
    response.header("cache-control", "no-store");
    if (told.missing) response.header("npm-notice", own_only);
    co_return response;
  }

  // That nothing is known to be wrong is said without an upstream only where it never has an audit, and
  // where what there is in its place is kept up to date.
  bool stands_in(const Error& missing) const {
    return missing.kind == ErrorKind::not_found && own_.complete();
  }

  asio::awaitable<Result<Asked>> read(Exchange& exchange, bool quick) {
    const std::string encoding = exchange.request.headers.joined("content-encoding");
    if (!encoding.empty() && encoding != "gzip" && encoding != "x-gzip" && encoding != "identity")
      co_return fail(ErrorKind::invalid, "An audit may be sent gzipped or plain, and in no other encoding.");
    auto body = co_await exchange.read_small(sent_bytes_max);
    if (!body) co_return body.error();
    auto split = [this, encoding, body = std::move(*body), quick]() mutable -> Result<Asked> {
      auto question = read_question(encoding, std::move(body));
      if (!question) return question.error();
      Origins origins(parts_);
      Questions questions = quick ? split_quick(*question, origins) : split_bulk(*question, origins);
      return Asked{std::move(*question), std::move(questions)};
    };
    auto asked = co_await async_run_on(parts_.disk, std::move(split));
    co_return asked;
  }

  asio::awaitable<Answers> ask(Exchange& exchange, const Questions& questions) {
    const std::string path = exchange.route->pattern.substr(1);
    Answers answers;
    for (const auto& [name, question] : questions) {
      ServiceQuestion asked;
      asked.path = path;
      asked.body = json::serialize(question);
      asked.hops = hops_in(exchange.request.headers);
      auto answer = co_await parts_.upstream(name)->ask(std::move(asked));
      if (answer)
        answers.by_upstream[name] = std::move(*answer);
      else
        answers.miss(unanswered(answer.error()));
    }
    co_return answers;
  }

  // Never an empty answer, which would say that all is well.
  static Error unanswered(Error error) {
    const std::string detail = error.message + " " + error.detail;
    if (error.kind == ErrorKind::not_found)
      return fail(ErrorKind::not_found,
                  "The registry that these packages come from has no audit: nothing was checked.", detail);
    error.message = "The packages could not be audited: " + error.message;
    return error;
  }

  Merged merged(bool quick, const Asked& asked, Answers answers) {
    json::object sum = quick ? no_quick() : json::object();
    Origins origins(parts_);
    for (const auto& [upstream, text] : answers.by_upstream) {
      auto answer = parse_strict(text, {.bytes_max = text.size()});
      if (!answer || !answer->is_object())
        answers.miss(
            fail(ErrorKind::upstream, "The upstream \"" + upstream + "\" answers an audit with no audit."));
      else if (quick)
        add_quick(sum, answer->get_object(), upstream, origins);
      else
        add_bulk(sum, answer->get_object(), asked.questions.at(upstream));
    }
    const std::size_t own =
        quick ? own_.add_to_quick(sum, asked.question) : own_.add_to_bulk(sum, asked.question);
    return {json::serialize(sum), own, std::move(answers.missing)};
  }

  AuditParts parts_;
  OwnAdvisories own_;
  std::atomic<std::uint64_t> in_flight_bytes_ = 0;
};

}  // namespace

std::vector<Route> audit_routes(AuditParts parts) {
  auto audits = std::make_shared<Audits>(std::move(parts));
  std::vector<Route> routes;
  auto add = [&](const char* pattern, HandlerMember<Audits> member, const char* doc) {
    routes.push_back({Method::post, pattern, BodyMode::small, Access::reader, handled_by(audits, member), doc,
                      sent_bytes_max});
  };
  add("/-/npm/v1/security/advisories/bulk", &Audits::bulk, "`npm audit`, at each package's origin");
  add("/-/npm/v1/security/audits/quick", &Audits::quick, "the audit of older clients");
  add("/-/npm/v1/security/audits", &Audits::quick, "the audit of older clients");
  return routes;
}

}  // namespace sallyport
