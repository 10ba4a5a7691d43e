#include "proxy/handlers/web_login.hpp"

#include <map>

#include "proxy/handlers/account.hpp"
#include "proxy/http/error_map.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t form_bytes_max = 8u << 10, client_bytes_max = 60;
constexpr const char* poll_every = "1";  // without it npm asks some 340 times a second

constexpr std::string_view style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}"
    "label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}"
    "input{margin:.2rem 0 1rem;padding:.4rem}button{padding:.5rem}"
    ".error{color:#a00}code{font-size:1.2em}";

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

// Nothing but what stands in it runs or is fetched, it can be in no frame, and its address goes nowhere.
Response page(int status, std::string_view body) {
  std::string text =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>Log in</title><style>";
  text += style;
  text += "</style><body><h1>Sallyport</h1>";
  text += body;
  text += "</body></html>\n";
  static const std::string policy = "default-src 'none'; style-src 'sha256-" +
                                    base64_encode(Bytes(sha256(style).bytes)) +
                                    "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
  Response response = text_response(status, std::move(text), "text/html; charset=utf-8");
  response.header("content-security-policy", policy)
      .header("x-content-type-options", "nosniff")
      .header("x-frame-options", "DENY")
      .header("referrer-policy", "same-origin")
      .header("cross-origin-opener-policy", "same-origin")
      .header("cache-control", "no-store");
  return response;
}

Response sentence_page(int status, std::string_view sentence) {
  return page(status, "<p>" + html(sentence) + "</p>");
}

Response form_page(int status, const WebLogins::Asked& asked, std::string_view error) {
  std::string body = "<p>A client at <b>" + html(asked.address) + "</b> (" +
                     html(asked.client.empty() ? "unknown" : asked.client) +
                     ") wants to log in. Go on only if it is yours and shows the code <code>" +
                     html(asked.code) + "</code>.</p>";
  if (!error.empty()) body += "<p class=\"error\">" + html(error) + "</p>";
  body +=
      "<form method=\"post\" autocomplete=\"off\">"
      "<label>User<input name=\"user\" autocomplete=\"username\" required autofocus></label>"
      "<label>Password<input name=\"password\" type=\"password\" autocomplete=\"current-password\" "
      "required></label>"
      "<label>One-time code, if you have set one up<input name=\"otp\" inputmode=\"numeric\" "
      "autocomplete=\"one-time-code\"></label>"
      "<button>Log in</button></form>";
  return page(status, body);
}

// A form's body is written as a query is, and read by the same reader.
std::optional<std::map<std::string, std::string>> read_form(const std::string& body) {
  Request as_query;
  if (!parse_target("/?" + body, as_query)) return std::nullopt;
  std::map<std::string, std::string> fields;
  for (auto& [name, value] : as_query.query)
    if (!fields.emplace(name, std::move(value)).second) return std::nullopt;
  return fields;
}

class WebLoginPages {
 public:
  WebLoginPages(AccountContext& context, WebLogins& logins, std::string base_url)
      : context_(context), logins_(logins), base_url_(std::move(base_url)) {
    const std::size_t host = base_url_.find("://");
    origin_ = base_url_.substr(0, base_url_.find('/', host == std::string::npos ? 0 : host + 3));
  }

  asio::awaitable<Response> begin(Exchange& exchange) {
    const std::string_view agent = exchange.request.headers.only("user-agent").value_or("");
    auto begun =
        logins_.begin(exchange.request.remote, printable(agent.substr(0, agent.find(' ')), client_bytes_max));
    if (!begun) co_return account_error(begun.error());
    Response response =
        json_response(200, json::object{{"loginUrl", base_url_ + "/-/login/" + begun->page},
                                        {"doneUrl", base_url_ + "/-/v1/done/" + begun->done}});
    response.header("cache-control", "no-store")
        .header("npm-notice", "The page must show the code " + begun->code + ": if not, close it.");
    co_return response;
  }

  asio::awaitable<Response> show(Exchange& exchange) {
    auto asked = logins_.asked(exchange.param("secret"));
    co_return asked ? form_page(200, *asked, "") : sentence_page(404, asked.error().message);
  }

  asio::awaitable<Response> submit(Exchange& exchange) {
    if (!comes_from_here(exchange.request))
      co_return sentence_page(403, "This form was sent from another site, and nothing was done.");
    const std::string secret(exchange.param("secret"));
    auto asked = logins_.asked(secret);
    if (!asked) co_return sentence_page(404, asked.error().message);
    auto body = co_await exchange.read_small(form_bytes_max);
    if (!body) co_return sentence_page(status_of(body.error().kind), body.error().message);
    auto form = read_form(*body);
    if (!form) co_return form_page(400, *asked, "The form could not be read.");
    const std::string user = (*form)["user"];
    auto check = [this, user, password = (*form)["password"], otp = (*form)["otp"],
                  address = exchange.request.remote] { return checked(user, password, otp, address); };
    auto done = co_await async_run_on(context_.pool, std::move(check));
    if (done) done = logins_.complete(secret, user);
    if (!done) {
      if (done.error().kind == ErrorKind::not_found) co_return sentence_page(404, done.error().message);
      logins_.failed(secret);
      Response response = form_page(account_error(done.error()).status, *asked, done.error().message);
      response.log_detail = done.error().detail;
      co_return response;
    }
    exchange.user = user;
    co_return sentence_page(200, "You are logged in. Close this page and go back to your terminal.");
  }

  asio::awaitable<Response> poll(Exchange& exchange) {
    // Its answer has no body, and the token would be gone.
    if (exchange.request.method != Method::get) co_return private_json(405, {{"error", "Ask with GET."}});
    auto user = logins_.take(exchange.param("secret"));
    if (!user) co_return private_json(404, {{"error", user.error().message}});
    if (!*user) {
      Response response = private_json(202, {});
      response.header("retry-after", poll_every);
      co_return response;
    }
    exchange.user = **user;
    NewToken wanted;
    wanted.user = **user;
    wanted.name = "npm login in the browser";
    auto issue = [this, wanted = std::move(wanted)] {
      return context_.identity.create_token(wanted.user, wanted);
    };
    auto issued = co_await async_run_on(context_.pool, std::move(issue));
    if (!issued) co_return account_error(issued.error());
    co_return private_json(200, {{"token", issued->token}});
  }

 private:
  static Response private_json(int status, const json::object& body) {
    Response response = json_response(status, body);
    response.header("cache-control", "no-store");
    return response;
  }

  // The password, then the second factor of who has one.
  Result<void> checked(const std::string& user, const std::string& password, const std::string& otp,
                       const std::string& address) {
    auto who = context_.identity.check_password(user, password, address);
    if (!who) return who.error();
    if (!who->otp_enrolled) return {};
    if (otp.empty())
      return fail(ErrorKind::unauthenticated, "Your account has a second factor: give its code as well.");
    return context_.identity.check_otp(user, otp, address);
  }

  // A browser says from where a form comes. What says nothing is no browser, and has no one to be misled.
  bool comes_from_here(const Request& request) const {
    if (auto site = request.headers.first("sec-fetch-site"); site && site != "same-origin") return false;
    if (request.headers.count("origin") == 0) return true;
    const auto origin = request.headers.only("origin").value_or("");
    const auto host = request.headers.only("host").value_or("");
    return origin == origin_ || origin == "http://" + std::string(host) ||
           origin == "https://" + std::string(host);
  }

  AccountContext& context_;
  WebLogins& logins_;
  std::string base_url_, origin_;
};

}  // namespace

std::vector<Route> web_login_routes(AccountContext& context, WebLogins& logins, std::string base_url) {
  auto pages = std::make_shared<WebLoginPages>(context, logins, std::move(base_url));
  std::vector<Route> routes;
  auto add = [&](Method method, const char* pattern, BodyMode body, HandlerMember<WebLoginPages> member,
                 const char* doc) {
    routes.push_back(
        {method, pattern, body, Access::anonymous, handled_by(pages, member), doc, form_bytes_max});
  };
  add(Method::post, "/-/v1/login", BodyMode::none, &WebLoginPages::begin,
      "`npm login`: where its page is, and where to ask for the token");
  add(Method::get, "/-/login/:secret", BodyMode::none, &WebLoginPages::show, "the page to log in on");
  add(Method::post, "/-/login/:secret", BodyMode::small, &WebLoginPages::submit, "that page's form");
  add(Method::get, "/-/v1/done/:secret", BodyMode::none, &WebLoginPages::poll,
      "whether somebody has logged in there; then the token, once");
  return routes;
}

}  // namespace sallyport
