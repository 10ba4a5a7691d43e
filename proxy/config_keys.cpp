#include "proxy/config_keys.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "gate/osv.hpp"
#include "storage/base/text.hpp"

namespace sallyport::config_keys {
namespace {

Error invalid(std::string sentence) {
  return fail(ErrorKind::invalid, std::move(sentence));
}

template <class T>
Values optional_text(const T& text) {
  return text.empty() ? Values{} : Values{text};
}

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max)
    return invalid("must be a whole number from 0 to " + std::to_string(max));
  return value;
}

Result<void> set_number(std::uint64_t& into, std::string_view text, std::uint64_t max) {
  const auto value = parse_number(text, max);
  if (!value) return value.error();
  into = *value;
  return {};
}

Result<void> set_duration(Millis& into, std::string_view text) {
  const auto value = parse_duration(text);
  if (!value) return value.error();
  if (*value <= Millis::zero()) return invalid("must be longer than nothing");
  into = *value;
  return {};
}

Result<void> set_size(std::uint64_t& into, std::string_view text) {
  const auto value = parse_size(text);
  if (!value) return value.error();
  if (*value == 0) return invalid("must be more than nothing");
  into = *value;
  return {};
}

// Values of an enumeration, by name.
template <class E>
struct Choice {
  std::string_view name;
  E value;
};

template <class E, std::size_t N>
Result<void> choose(E& into, std::string_view text, const std::array<Choice<E>, N>& choices) {
  std::vector<std::string> names;
  for (const auto& choice : choices) {
    if (choice.name == text) {
      into = choice.value;
      return {};
    }
    names.emplace_back(choice.name);
  }
  std::string sentence = "\"" + printable(text, 60) + "\" is none of ";
  for (const auto& name : names) sentence += (&name == &names.front() ? "\"" : ", \"") + name + '"';
  return invalid(sentence);
}

template <class E, std::size_t N>
Values chosen(E value, const std::array<Choice<E>, N>& choices) {
  const auto found =
      std::find_if(choices.begin(), choices.end(), [&](const auto& choice) { return choice.value == value; });
  return {std::string(found->name)};
}

constexpr std::array<Choice<Profile>, 3> profiles{
    {{"proprietary", Profile::proprietary}, {"open", Profile::open}, {"internal", Profile::internal}}};
constexpr std::array<Choice<HeldAnswer>, 3> held_answers{
    {{"accept", HeldAnswer::accept}, {"refuse", HeldAnswer::refuse}, {"wait", HeldAnswer::wait}}};
constexpr std::array<Choice<bool>, 2> cache_modes{{{"online", false}, {"offline", true}}};
constexpr std::array<Choice<Admission>, 3> admissions{
    {{"show", Admission::show}, {"hide", Admission::hide}, {"deny", Admission::deny}}};
constexpr std::array<Choice<Readers>, 2> reader_choices{
    {{"accounts", Readers::accounts}, {"anybody", Readers::anybody}}};
constexpr std::array<Choice<OtpToApprove>, 2> otp_choices{
    {{"if-enrolled", OtpToApprove::if_enrolled}, {"required", OtpToApprove::required}}};
constexpr std::array<Choice<log::Level>, 5> log_levels{{{"debug", log::Level::debug},
                                                        {"info", log::Level::info},
                                                        {"warn", log::Level::warn},
                                                        {"error", log::Level::error},
                                                        {"off", log::Level::off}}};

bool is_http_url(std::string_view url) {
  const std::size_t start = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  if (start == 0 || url.size() == start || url[start] == '/') return false;
  return url.find_first_of(" \t\r\n?#@\\\"<>", start) == url.npos && printable(url, url.size() + 1) == url;
}

Result<void> set_url(std::string& into, std::string_view url, bool keep_slash) {
  if (!is_http_url(url)) return invalid("must be an http:// or https:// URL without user, query or fragment");
  into = url;
  while (!keep_slash && into.ends_with('/')) into.pop_back();
  return {};
}

Result<void> set_names(std::vector<std::string>& into, const Values& values) {
  for (const auto& value : values)
    if (!is_name(value)) return invalid("\"" + printable(value, 60) + "\" is no name of an upstream");
  into = values;
  return {};
}

Result<void> set_people(std::vector<std::string>& into, const Values& values) {
  for (const auto& value : values) {
    const auto name = std::string_view(value).substr(value.starts_with("group:") ? 6 : 0);
    if (value != "*" && !is_name(name))
      return invalid("\"" + printable(value, 60) + "\" is no user, \"group:NAME\" or \"*\"");
  }
  into = values;
  return {};
}

Result<void> set_ranges(std::vector<std::string>& into, const Values& values) {
  for (const auto& value : values)
    if (!AddressRange::parse(value))
      return invalid("\"" + printable(value, 60) + "\" is no IP address and no range like \"10.0.0.0/8\"");
  into = values;
  return {};
}

// Rows whose kind says how the text is read and shown. `field` gives the field of a T, as a reference; it
// captures nothing, so that the row's functions can make it anew.
template <class T, class Field>
Key<T> path_row(std::string_view name, std::string_view doc, Field) {
  return {name, Kind::path, doc,
          [](T& in, const Values& v) -> Result<void> {
            Field{}(in) = v[0];
            return {};
          },
          [](const T& in) { return optional_text(Field{}(in)); }};
}

template <class T, class Field>
Key<T> feed_row(std::string_view name, std::string_view doc, Field) {
  return {name, Kind::path, doc,
          [](T& in, const Values& v) -> Result<void> {
            if (v[0].find("://") != std::string::npos) return set_url(Field{}(in), v[0], true);
            Field{}(in) = v[0];
            return {};
          },
          [](const T& in) { return optional_text(Field{}(in)); }};
}

template <class T, class Field>
Key<T> size_row(std::string_view name, std::string_view doc, Field) {
  return {name, Kind::size, doc, [](T& in, const Values& v) { return set_size(Field{}(in), v[0]); },
          [](const T& in) { return Values{size_text(Field{}(in))}; }};
}

template <class T, class Field>
Key<T> duration_row(std::string_view name, std::string_view doc, Field) {
  return {name, Kind::duration, doc, [](T& in, const Values& v) { return set_duration(Field{}(in), v[0]); },
          [](const T& in) { return Values{to_text(Field{}(in))}; }};
}

template <const auto& choices, class T, class Field>
Key<T> choice_row(std::string_view name, std::string_view doc, Field) {
  return {name, Kind::text, doc, [](T& in, const Values& v) { return choose(Field{}(in), v[0], choices); },
          [](const T& in) { return chosen(Field{}(in), choices); }};
}

template <auto set, class T, class Field>
Key<T> list_row(std::string_view name, std::string_view doc, Field) {
  return {name, Kind::list, doc, [](T& in, const Values& v) { return set(Field{}(in), v); },
          [](const T& in) { return Field{}(in); }};
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "text";
    case Kind::path:
      return "path";
    case Kind::number:
      return "number";
    case Kind::size:
      return "size, like \"256 MiB\"";
    case Kind::duration:
      return "duration, like \"3 days\"";
    case Kind::list:
      break;
  }
  return "list of texts";
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

std::string environment_name(std::string_view key) {
  std::string name = "SALLYPORT_";
  for (const char c : key)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

const std::vector<Key<Config>>& of_config() {
  static const std::vector<Key<Config>> keys = {
      {"listen", Kind::text, "Address and port to listen on.",
       [](Config& c, const Values& v) -> Result<void> {
         if (auto parsed = parse_listen(v[0]); !parsed) return parsed.error();
         c.listen = v[0];
         return {};
       },
       [](const Config& c) { return Values{c.listen}; }},
      {"public_url", Kind::text,
       "URL under which clients reach Sallyport; without it, `http://` and where it listens.",
       [](Config& c, const Values& v) { return set_url(c.public_url, v[0], false); },
       [](const Config& c) { return optional_text(c.public_url); }},
      {"data", Kind::path, "Folder of everything that is kept.",
       [](Config& c, const Values& v) -> Result<void> {
         if (v[0].empty()) return invalid("must name a folder");
         c.data = v[0];
         return {};
       },
       [](const Config& c) { return Values{c.data}; }},
      {"metadata", Kind::text, "Store of metadata; `rocksdb`, inside the data folder.",
       [](Config& c, const Values& v) -> Result<void> {
         if (v[0] != "rocksdb") return invalid("must be \"rocksdb\", the only one there is");
         c.metadata = v[0];
         return {};
       },
       [](const Config& c) { return Values{c.metadata}; }},
      {"blobs", Kind::text, "Store of tarballs; `file`, inside the data folder.",
       [](Config& c, const Values& v) -> Result<void> {
         if (v[0] != "file") return invalid("must be \"file\", the only one there is");
         c.blobs = v[0];
         return {};
       },
       [](const Config& c) { return Values{c.blobs}; }},
      list_row<set_ranges, Config>(
          "trusted_proxies",
          "Addresses or ranges (`10.0.0.0/8`) of proxies in front, whose `X-Forwarded-For` and "
          "`X-Forwarded-Proto` are believed; nobody else's are.",
          [](auto& c) -> auto& { return c.trusted_proxies; }),
      path_row<Config>(
          "tls.certificate",
          "Certificate (PEM, with its chain) to serve HTTPS with, TLS 1.2 and newer. Read again when the "
          "files change and on SIGHUP; one that cannot be used leaves the old one in place.",
          [](auto& c) -> auto& { return c.tls_certificate; }),
      path_row<Config>("tls.key", "Its private key (PEM).", [](auto& c) -> auto& { return c.tls_key; }),
      list_row<set_ranges, Config>(
          "metrics.readers",
          "Addresses or ranges that may read `/-/metrics` without a token, beside this machine itself.",
          [](auto& c) -> auto& { return c.metrics_readers; }),
      choice_row<otp_choices, Config>("identity.otp_to_approve",
                                      "Who needs a one-time password to approve or reject: `if-enrolled`, "
                                      "those who have one; `required`, everybody.",
                                      [](auto& c) -> auto& { return c.otp_to_approve; }),
      choice_row<reader_choices, Config>(
          "identity.readers",
          "Who may install: `accounts`, with a token; `anybody`, who can connect (clients such as Yarn send "
          "no token for unscoped packages unless told to always authenticate).",
          [](auto& c) -> auto& { return c.readers; }),
      path_row<Config>("policy.file", "TOML file that overrides rules of the profiles.",
                       [](auto& c) -> auto& { return c.policy_file; }),
      feed_row<Config>(
          "policy.malware_feed",
          "Advisories in OSV's format: a release that depends on what they name is refused, and nobody "
          "installs it. A folder (`*.json`, folders within too; read again when it changes), or the http(s) "
          "URL of a zip or tar.gz of such files, of a list or of JSON lines.",
          [](auto& c) -> auto& { return c.malware_feed; }),
      feed_row<Config>("policy.advisories",
                       "The same about faults: a version that mends one is installed whatever its age, and "
                       "`npm audit` tells of them.",
                       [](auto& c) -> auto& { return c.advisories; }),
      duration_row<Config>(
          "policy.feed_interval",
          "How often a feed at a URL is asked whether it has changed (give or take a "
          "tenth). The last good copy is kept; after three times as long it counts as stale.",
          [](auto& c) -> auto& { return c.feed_interval; }),
      path_row<Config>(
          "policy.feed_ca_file",
          "Certificates (PEM) that a feed's server is checked against; without it, the system's.",
          [](auto& c) -> auto& { return c.feed_ca_file; }),
      {"policy.deny", Kind::list,
       "Packages that no release may depend on and nobody may install: `name`, or `name@range` for some of "
       "its versions.",
       [](Config& c, const Values& v) -> Result<void> {
         for (const std::string& entry : v)
           if (auto denied = Denied::parse(entry); !denied) return denied.error();
         c.deny = v;
         return {};
       },
       [](const Config& c) { return c.deny; }},
      path_row<Config>("policy.trust_root",
                       "Sigstore trust root (JSON) that the provenance of releases is verified against.",
                       [](auto& c) -> auto& { return c.trust_root; }),
      choice_row<cache_modes, Config>(
          "cache.mode", "`online`; `offline`: no upstream is asked, and installs get what was kept.",
          [](auto& c) -> auto& { return c.cache.offline; }),
      duration_row<Config>("cache.fresh_for",
                           "How long an upstream's packument is used without asking again.",
                           [](auto& c) -> auto& { return c.cache.fresh_for; }),
      duration_row<Config>("cache.stale_for",
                           "How much longer it is used, marked as stale, while the upstream is asked.",
                           [](auto& c) -> auto& { return c.cache.stale_for; }),
      size_row<Config>("cache.disk_bytes_max",
                       "Room for tarballs of upstreams on disk; the least recently used go first. Own "
                       "tarballs do not count and never go.",
                       [](auto& c) -> auto& { return c.cache.disk_bytes_max; }),
      size_row<Config>("cache.packument_memory_bytes_max", "Room for prepared packuments in memory.",
                       [](auto& c) -> auto& { return c.cache.packument_memory_bytes_max; }),
      size_row<Config>("cache.tarball_memory_bytes_max", "Room for small tarballs in memory.",
                       [](auto& c) -> auto& { return c.cache.tarball_memory_bytes_max; }),
      duration_row<Config>("cache.pulls_kept_for",
                           "How long it is kept who has downloaded what (`sallyport who`).",
                           [](auto& c) -> auto& { return c.pulls_kept_for; }),
      duration_row<Config>("limits.turned_down_kept_for",
                           "How long `sallyport gc` leaves the tarball of a release that was rejected, "
                           "withdrawn or superseded, or has expired. Its record stays for good.",
                           [](auto& c) -> auto& { return c.turned_down_kept_for; }),
      size_row<Config>("limits.publish_body_bytes_max", "Largest body of a publish (a tarball in base64).",
                       [](auto& c) -> auto& { return c.publish_body_bytes_max; }),
      {"limits.connections_max", Kind::number,
       "Connections open at once, or as many as leave files room; one more is answered 503.",
       [](Config& c, const Values& v) -> Result<void> {
         if (auto ok = set_number(c.connections_max, v[0], 1'000'000); !ok) return ok;
         if (c.connections_max == 0) return invalid("must be at least 1");
         return {};
       },
       [](const Config& c) { return Values{std::to_string(c.connections_max)}; }},
      {"limits.requests_per_second_per_token", Kind::number,
       "Requests a second with one token, over time; more are answered 429 with `Retry-After`. 0: no limit.",
       [](Config& c, const Values& v) {
         return set_number(c.requests_per_second_per_token, v[0], 1'000'000);
       },
       [](const Config& c) { return Values{std::to_string(c.requests_per_second_per_token)}; }},
      {"limits.requests_per_second_per_address", Kind::number,
       "The same from one address (of IPv6: one /64). An office is often one address, so there is no limit "
       "(0) unless you set one; `trusted_proxies` themselves have none.",
       [](Config& c, const Values& v) {
         return set_number(c.requests_per_second_per_address, v[0], 1'000'000);
       },
       [](const Config& c) { return Values{std::to_string(c.requests_per_second_per_address)}; }},
      {"limits.requests_burst", Kind::number,
       "Requests that may come at once under either limit; an install asks for each of its packages twice.",
       [](Config& c, const Values& v) -> Result<void> {
         if (auto ok = set_number(c.requests_burst, v[0], 1'000'000); !ok) return ok;
         if (c.requests_burst == 0) return invalid("must be at least 1");
         return {};
       },
       [](const Config& c) { return Values{std::to_string(c.requests_burst)}; }},
      {"limits.io_threads", Kind::number, "Threads that serve connections; 0: one a core.",
       [](Config& c, const Values& v) { return set_number(c.io_threads, v[0], 256); },
       [](const Config& c) { return Values{std::to_string(c.io_threads)}; }},
      {"limits.scan_threads", Kind::number, "Threads that inspect releases; 0: one less than cores.",
       [](Config& c, const Values& v) { return set_number(c.scan_threads, v[0], 256); },
       [](const Config& c) { return Values{std::to_string(c.scan_threads)}; }},
      duration_row<Config>("limits.stop_deadline",
                           "How long requests in flight may take when the server stops.",
                           [](auto& c) -> auto& { return c.stop_deadline; }),
      choice_row<log_levels, Config>("log.level", "`debug`, `info`, `warn`, `error` or `off`.",
                                     [](auto& c) -> auto& { return c.log_level; }),
  };
  return keys;
}

const std::vector<Key<UpstreamConfig>>& of_upstream() {
  static const std::vector<Key<UpstreamConfig>> keys = {
      {"url", Kind::text, "The registry. Required.",
       [](UpstreamConfig& u, const Values& v) { return set_url(u.url, v[0], true); },
       [](const UpstreamConfig& u) { return optional_text(u.url); }},
      path_row<UpstreamConfig>("token_file", "File that holds the credential.",
                               [](auto& u) -> auto& { return u.token_file; }),
      {"token_env", Kind::text, "Environment variable that holds the credential.",
       [](UpstreamConfig& u, const Values& v) -> Result<void> {
         // A pasted token is caught here: npm's have an underscore but lower-case letters too.
         const bool named = !v[0].empty() && std::all_of(v[0].begin(), v[0].end(), [](unsigned char c) {
           return std::isupper(c) != 0 || std::isdigit(c) != 0 || c == '_';
         });
         if (!named) return invalid("must be the name of a variable: capitals, digits and '_'");
         u.token_env = v[0];
         return {};
       },
       [](const UpstreamConfig& u) { return optional_text(u.token_env); }},
      {"username", Kind::text, "User to log in as, where the registry wants a password in place of a token.",
       [](UpstreamConfig& u, const Values& v) -> Result<void> {
         if (v[0].empty() || v[0].find(':') != v[0].npos || printable(v[0], 200) != v[0])
           return invalid("must be a user's name, without a colon");
         u.username = v[0];
         return {};
       },
       [](const UpstreamConfig& u) { return optional_text(u.username); }},
      path_row<UpstreamConfig>("password_file", "File that holds the user's password.",
                               [](auto& u) -> auto& { return u.password_file; }),
      list_row<set_names, UpstreamConfig>(
          "mirrors",
          "Upstreams that have the same packages: asked, in this order, for what installs want while this "
          "one "
          "is down; never because it has no such package, and never published to.",
          [](auto& u) -> auto& { return u.mirrors; }),
      {"forward", Kind::text, "How an approved release is handed over; `publish`.",
       [](UpstreamConfig&, const Values& v) -> Result<void> {
         if (v[0] == "publish") return {};
         if (v[0] == "stage") return invalid("\"stage\" is not built yet: use \"publish\"");
         return invalid("must be \"publish\"");
       },
       [](const UpstreamConfig&) { return Values{"publish"}; }},
      path_row<UpstreamConfig>(
          "ca_file", "Certificates (PEM) that the upstream's is checked against; without it, the system's.",
          [](auto& u) -> auto& { return u.ca_file; }),
      {"proxy", Kind::text, "HTTP proxy to reach it by; without it, as the environment says.",
       [](UpstreamConfig& u, const Values& v) { return set_url(u.proxy, v[0], false); },
       [](const UpstreamConfig& u) { return optional_text(u.proxy); }},
      {"connections_max", Kind::number, "Connections to it that are open at once.",
       [](UpstreamConfig& u, const Values& v) -> Result<void> {
         if (auto ok = set_number(u.connections_max, v[0], 1'000); !ok) return ok;
         if (u.connections_max == 0) return invalid("must be at least 1");
         return {};
       },
       [](const UpstreamConfig& u) { return Values{std::to_string(u.connections_max)}; }},
      duration_row<UpstreamConfig>("connect_timeout", "How long a connection to it may take.",
                                   [](auto& u) -> auto& { return u.connect_timeout; }),
      duration_row<UpstreamConfig>("timeout", "How long it may send nothing.",
                                   [](auto& u) -> auto& { return u.timeout; }),
  };
  return keys;
}

const std::vector<Key<PackageRule>>& of_package() {
  static const std::vector<Key<PackageRule>> keys = {
      {"match", Kind::text,
       "Which names: `@acme/*`, `lib-*`, `**`. The first rule that matches counts. Required.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         if (v[0].empty() || printable(v[0], 300) != v[0])
           return invalid("must be a pattern of package names");
         r.match = v[0];
         return {};
       },
       [](const PackageRule& r) { return optional_text(r.match); }},
      {"read", Kind::text, "Where releases come from: the name of an upstream, or `local`. Required.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         r.read = v[0];
         return {};
       },
       [](const PackageRule& r) { return optional_text(r.read); }},
      {"publish", Kind::text,
       "Where approved releases go: the upstream they are read from, `local`, or `deny`.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         r.publish = v[0];
         return {};
       },
       [](const PackageRule& r) { return Values{r.publish}; }},
      choice_row<profiles, PackageRule>(
          "profile", "How strictly releases are judged: `proprietary`, `open` or `internal`.",
          [](auto& r) -> auto& { return r.profile; }),
      list_row<set_people, PackageRule>("publishers",
                                        "Who may publish: users, `group:NAME`, or `*` for every account.",
                                        [](auto& r) -> auto& { return r.publishers; }),
      list_row<set_people, PackageRule>(
          "reviewers", "Who may approve and reject; never a service identity, never one's own release.",
          [](auto& r) -> auto& { return r.reviewers; }),
      {"approvals", Kind::number,
       "People other than the publisher who must approve; 0: a release with nothing above `note` goes on at "
       "once.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         std::uint64_t value = 0;
         if (auto ok = set_number(value, v[0], 100); !ok) return ok;
         r.approvals = static_cast<std::uint32_t>(value);
         return {};
       },
       [](const PackageRule& r) { return Values{std::to_string(r.approvals)}; }},
      choice_row<held_answers, PackageRule>("held_answer",
                                            "What the publisher's client hears of a hold: `accept` (202), "
                                            "`refuse` (409), or `wait` for the decision.",
                                            [](auto& r) -> auto& { return r.held_answer; }),
      duration_row<PackageRule>("hold_max", "An undecided hold is refused after this.",
                                [](auto& r) -> auto& { return r.hold_max; }),
      {"minimum_release_age", Kind::duration, "Hides younger upstream versions from installs.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         Millis age{};
         if (auto ok = set_duration(age, v[0]); !ok) return ok;
         r.minimum_release_age = age;
         return {};
       },
       [](const PackageRule& r) {
         return r.minimum_release_age ? Values{to_text(*r.minimum_release_age)} : Values{};
       }},
      {"release_age_exempt", Kind::list,
       "What `minimum_release_age` leaves alone: `name`, `@scope/*`, `name@range`.",
       [](PackageRule& r, const Values& v) -> Result<void> {
         r.release_age_exempt.clear();
         for (const std::string& entry : v) {
           auto exempt = Exemption::parse(entry);
           if (!exempt) return exempt.error();
           r.release_age_exempt.push_back(std::move(*exempt));
         }
         return {};
       },
       [](const PackageRule& r) {
         Values texts;
         for (const Exemption& exempt : r.release_age_exempt) texts.push_back(exempt.text);
         return texts;
       }},
      choice_row<admissions, PackageRule>(
          "provenance_lost",
          "An upstream's version without provenance where the one before had it: `show`, `hide` it from "
          "installs that do not pin it, or `deny` it.",
          [](auto& r) -> auto& { return r.provenance_lost; }),
      choice_row<admissions, PackageRule>(
          "install_scripts",
          "An upstream's version that runs a program when it is installed: `show`, `hide` or `deny`.",
          [](auto& r) -> auto& { return r.install_scripts; }),
  };
  return keys;
}

PackageRule closed_rule() {
  PackageRule rule;
  rule.match.clear();
  rule.read.clear();
  rule.publish = "deny";
  return rule;
}

}  // namespace sallyport::config_keys
