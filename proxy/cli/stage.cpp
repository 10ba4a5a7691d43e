#include "proxy/cli/stage.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iomanip>
#include <ostream>

#include "proxy/cli/terminal.hpp"
#include "proxy/upstream/http_client.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::uint64_t answer_bytes_max = 64u << 20;

struct StageOptions {
  std::string registry, id, package, reason, otp;
  std::vector<std::string> findings;
  bool all = false;
};

// A body that is a text.
BodySource text_body(std::string text) {
  auto shared = std::make_shared<std::string>(std::move(text));
  BodySource body;
  body.size_bytes = shared->size();
  body.read = [shared](std::uint64_t offset, std::span<char> out) -> Result<std::size_t> {
    const std::size_t n =
        std::min<std::size_t>(out.size(), shared->size() - static_cast<std::size_t>(offset));
    std::copy_n(shared->data() + offset, n, out.data());
    return n;
  };
  return body;
}

class Terminal {
 public:
  Terminal(const StageTerminal& terminal, StageOptions options) : t_(terminal), o_(std::move(options)) {}

  int list() {
    std::string query = "/-/stage?page=0&perPage=100";
    if (!o_.package.empty()) query += "&package=" + percent_encoded(o_.package);
    auto answer = ask("GET", query);
    if (!answer) return refused(answer.error());
    const json::array* items = array_at(*answer, "items");
    if (!items || items->empty()) {
      t_.out << "Nothing is under review.\n";
      return 0;
    }
    for (const auto& item : *items) {
      if (!item.is_object()) continue;
      const json::object& i = item.get_object();
      t_.out << text(i, "code") << "  " << text(i, "packageName") << "@" << text(i, "version") << "  "
             << text(i, "status") << "  by " << text(i, "actor") << "  approvals " << text(i, "approvals")
             << "  findings: " << text(i, "findings") << "\n";
    }
    return 0;
  }

  int show() {
    auto answer = ask("GET", "/-/stage/" + percent_encoded(o_.id) + "/report");
    if (!answer) return refused(answer.error());
    const json::object& r = *answer;
    const json::object* approvals = object_at(r, "approvals");
    t_.out << text(r, "name") << "@" << text(r, "version") << "  (" << text(r, "code") << ")  "
           << text(r, "state") << (text(r, "why").empty() ? "" : ": " + text(r, "why")) << "\n"
           << "  published by  " << text(r, "publisher") << ", " << text(r, "createdAt") << ", tag "
           << text(r, "tag") << "\n"
           << "  goes to       " << text(r, "target") << "\n"
           << "  tarball       " << number(r, "size") << " bytes packed, " << number(r, "unpackedSize")
           << " unpacked, " << number(r, "fileCount") << " files\n"
           << "                " << text(r, "integrity") << "\n"
           << "  compared with "
           << (text(r, "baseline").empty() ? "nothing: the first release" : text(r, "baseline")) << "\n"
           << "  verdict       " << text(r, "verdict") << "\n"
           << "  approvals     " << (approvals ? number(*approvals, "given") : "?") << " of "
           << (approvals ? number(*approvals, "needed") : "?") << "\n";
    if (const json::array* findings = array_at(r, "findings"))
      for (const auto& item : *findings)
        if (const json::object* f = item.if_object()) {
          t_.out << "\n  " << std::left << std::setw(8) << text(*f, "action") << " " << text(*f, "rule");
          if (!text(*f, "file").empty()) t_.out << "  " << text(*f, "file");
          if (bool_at(*f, "known").value_or(false)) t_.out << "  (as in the last approved release)";
          if (const json::object* waiver = object_at(*f, "waiver"))
            t_.out << "\n           waived by " << text(*waiver, "owner") << " until "
                   << text(*waiver, "until") << ": " << text(*waiver, "reason");
          t_.out << "\n           " << text(*f, "message") << "\n           " << text(*f, "fix") << "\n";
        }
    if (const json::array* decisions = array_at(r, "decisions"))
      for (const auto& item : *decisions)
        if (const json::object* d = item.if_object())
          t_.out << "\n  " << text(*d, "at") << "  " << text(*d, "user") << ": " << text(*d, "kind")
                 << (text(*d, "reason").empty() ? "" : " - " + text(*d, "reason"))
                 << (bool_at(*d, "valid").value_or(false) ? "" : " (void: the release changed since)")
                 << "\n";
    return 0;
  }

  int acknowledge() {
    if (!o_.all && o_.findings.empty()) {
      t_.err << "sallyport: name the rules to acknowledge, or say --all\n";
      return 2;
    }
    json::object body{{"decision", "acknowledge"},
                      {"all", o_.all},
                      {"findings", json::array(o_.findings.begin(), o_.findings.end())}};
    return decide(body, "Acknowledged.");
  }
  int approve() { return decide({{"decision", "approve"}}, "Approved and published."); }
  int reject() { return decide({{"decision", "reject"}, {"reason", o_.reason}}, "Rejected."); }
  int comment() { return decide({{"decision", "comment"}, {"reason", o_.reason}}, "Noted."); }

 private:
  static std::string text(const json::object& o, std::string_view key) {
    return printable(string_at(o, key).value_or(""), 1000);  // what a registry says never drives a terminal
  }
  static std::string number(const json::object& o, std::string_view key) {
    return thousands(static_cast<unsigned long long>(std::max<std::int64_t>(0, int_at(o, key).value_or(0))));
  }

  int refused(const Error& error) const {
    t_.err << complaint(error);
    return error.kind == ErrorKind::invalid ? 2 : 1;
  }

  int decide(const json::object& body, const char* done) {
    auto answer = ask("POST", "/-/stage/" + percent_encoded(o_.id) + "/decisions", json::serialize(body));
    if (!answer) return refused(answer.error());
    t_.out << done << "\n";
    return 0;
  }

  Result<json::object> ask(const std::string& method, const std::string& path, std::string body = {}) {
    std::string registry = o_.registry;
    if (registry.empty()) {
      auto found = npm_registry(t_.npm);
      if (!found) return fail(ErrorKind::invalid, "Say which registry: --registry URL, or set one for npm.");
      registry = found->url;
    }
    while (registry.ends_with('/')) registry.pop_back();
    auto credential = npm_credential(t_.npm, registry + "/");
    if (!credential)
      return fail(ErrorKind::invalid,
                  "npm has no token for " + registry + ": run npm login --registry=" + registry + " first.");
    auto response = send(registry, method, path, body, *credential, o_.otp);
    if (!response) return response.error();
    const std::string* challenge = response->headers.find("www-authenticate");
    if (response->status == 401 && challenge && challenge->find("OTP") != std::string::npos &&
        o_.otp.empty()) {
      auto code = t_.ask_secret("One-time password: ");
      if (!code)
        return fail(ErrorKind::unauthenticated, "This decision needs a one-time password: add --otp CODE.");
      response = send(registry, method, path, body, *credential, *code);
      if (!response) return response.error();
    }
    auto value = parse_strict(response->body, {.bytes_max = answer_bytes_max});
    const json::object* object = value ? value->if_object() : nullptr;
    if (response->status >= 200 && response->status < 300 && object) return *object;
    const auto sentence = object ? string_at(*object, "error") : std::nullopt;
    return fail(ErrorKind::upstream, sentence ? printable(*sentence, 2000)
                                              : registry + " answered " + std::to_string(response->status) +
                                                    ": is it a Sallyport?");
  }

  Result<HttpResponse> send(const std::string& registry, const std::string& method, const std::string& path,
                            const std::string& body, const NpmCredential& credential,
                            const std::string& otp) {
    HttpRequest request;
    request.method = method;
    request.url = registry + path;
    request.authorization =
        credential.token.empty() ? "Basic " + credential.basic_auth : "Bearer " + credential.token;
    request.route.http_allowed = true;
    request.route.proxy_from_environment = true;
    request.response_bytes_max = answer_bytes_max;
    if (!otp.empty()) request.headers.add("npm-otp", otp);
    if (body.empty()) return client_.fetch_blocking(std::move(request));
    request.headers.add("content-type", "application/json");
    const BodySource source = text_body(body);
    return client_.fetch_blocking(std::move(request), &source);
  }

  const StageTerminal& t_;
  StageOptions o_;
  HttpClient client_;
};

}  // namespace

int run_stage(const std::vector<std::string>& args, const StageTerminal& terminal) {
  CLI::App app("Releases under review, with the registry and the token that npm has", "sallyport stage");
  app.require_subcommand(1);
  app.fallthrough();
  StageOptions o;
  app.add_option("--registry", o.registry, "The registry; else npm's")->type_name("URL");
  app.footer("Example: sallyport stage approve R-K7Q2");
  auto leaf = [&](const char* name, const char* what, const char* example) {
    auto* out = app.add_subcommand(name, what);
    out->fallthrough();
    out->footer(std::string("Example: sallyport stage ") + example);
    return out;
  };
  auto on_one = [&](CLI::App* command) {
    command->add_option("ID", o.id, "Review code or stage id")->required();
    command->add_option("--otp", o.otp, "One-time password")->type_name("CODE");
    return command;
  };
  auto* list = leaf("list", "What waits for a decision", "list");
  list->add_option("--package", o.package, "Only of this package")->type_name("NAME");
  auto* show = on_one(leaf("show", "One release: verdict, findings, decisions", "show R-K7Q2"));
  auto* ack = on_one(leaf("ack", "Acknowledge findings, so that your approval counts", "ack R-K7Q2 --all"));
  ack->add_option("RULES", o.findings, "Rules or fingerprints");
  ack->add_flag("--all", o.all, "Every finding that waits for it");
  auto* approve = on_one(leaf("approve", "A second engineer's yes", "approve R-K7Q2"));
  auto* reject =
      on_one(leaf("reject", "A no; by the publisher: withdraw", "reject R-K7Q2 --reason 'wrong tag'"));
  reject->add_option("--reason", o.reason, "Why")->type_name("TEXT");
  auto* comment =
      on_one(leaf("comment", "Say something about it", "comment R-K7Q2 --text 'looking into it'"));
  comment->add_option("--text", o.reason, "What")->type_name("TEXT")->required();
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, terminal.out, terminal.err) == 0 ? 0 : 2;
  }
  Terminal run(terminal, o);
  if (*list) return run.list();
  if (*show) return run.show();
  if (*ack) return run.acknowledge();
  if (*approve) return run.approve();
  if (*reject) return run.reject();
  return run.comment();
}

}  // namespace sallyport
