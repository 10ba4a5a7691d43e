#include "proxy/config_keys.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "gate/malware_feed.hpp"
#include "storage/base/text.hpp"

namespace sallyport::config_keys {
namespace {

Error invalid(std::string sentence) {
  return fail(ErrorKind::invalid, std::move(sentence));
}

// A row of the table. Values travel as text, whatever they came from; `get` gives none for what is not set.
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
      {"tls.certificate", Kind::path,
       "Certificate (PEM, with its chain) to serve HTTPS with, TLS 1.2 and newer. Read again when the files "
       "change and on SIGHUP; one that cannot be used leaves the old one in place.",
       [](Config& c, const Values& v) -> Result<void> {
         c.tls_certificate = v[0];
         return {};
       },
       [](const Config& c) { return optional_text(c.tls_certificate); }},
      {"tls.key", Kind::path, "Its private key (PEM).",
       [](Config& c, const Values& v) -> Result<void> {
         c.tls_key = v[0];
         return {};
       },
       [](const Config& c) { return optional_text(c.tls_key); }},
      {"trusted_proxies", Kind::list,
       "Addresses or ranges (`10.0.0.0/8`) of proxies in front, whose `X-Forwarded-For` and "
       "`X-Forwarded-Proto` are believed; nobody else's are.",
       [](Config& c, const Values& v) { return set_ranges(c.trusted_proxies, v); },
       [](const Config& c) { return c.trusted_proxies; }},
      {"metrics.readers", Kind::list,
       "Addresses or ranges that may read `/-/metrics` without a token, beside this machine itself.",
       [](Config& c, const Values& v) { return set_ranges(c.metrics_readers, v); },
       [](const Config& c) { return c.metrics_readers; }},
      {"identity.otp_to_approve", Kind::text,
       "Who needs a one-time password to approve or reject: `if-enrolled`, those who have one; `required`, "
       "everybody.",
       [](Config& c, const Values& v) { return choose(c.otp_to_approve, v[0], otp_choices); },
       [](const Config& c) { return chosen(c.otp_to_approve, otp_choices); }},
      {"identity.readers", Kind::text,
       "Who may install: `accounts`, with a token; `anybody`, who can connect (clients such as Yarn send no "
       "token "
       "for unscoped packages unless told to always authenticate).",
       [](Config& c, const Values& v) { return choose(c.readers, v[0], reader_choices); },
       [](const Config& c) { return chosen(c.readers, reader_choices); }},
      {"policy.file", Kind::path, "TOML file that overrides rules of the profiles.",
       [](Config& c, const Values& v) -> Result<void> {
         c.policy_file = v[0];
         return {};
       },
       [](const Config& c) { return optional_text(c.policy_file); }},
      {"policy.malware_feed", Kind::path,
       "Folder of advisories in OSV's format (`*.json`, folders within too): a release that depends on what "
       "they name is refused. Read again when it changes.",
       [](Config& c, const Values& v) -> Result<void> {
         c.malware_feed = v[0];
         return {};
       },
       [](const Config& c) { return optional_text(c.malware_feed); }},
      {"policy.advisories", Kind::path,
       "Folder of advisories in OSV's format about faults: a version that mends one is installed whatever "
       "its "
       "age. Read again when it changes.",
       [](Config& c, const Values& v) -> Result<void> {
         c.advisories = v[0];
         return {};
       },
       [](const Config& c) { return optional_text(c.advisories); }},
      {"policy.deny", Kind::list,
       "Packages that no release may depend on and nobody may install: `name`, or `name@range` for some of "
       "its "
       "versions.",
       [](Config& c, const Values& v) -> Result<void> {
         for (const std::string& entry : v)
           if (auto denied = Denied::parse(entry); !denied) return denied.error();
         c.deny = v;
         return {};
       },
       [](const Config& c) { return c.deny; }},
      {"policy.trust_root", Kind::path,
       "Sigstore trust root (JSON) that the provenance of releases is verified against.",
       [](Config& c, const Values& v) -> Result<void> {
         c.trust_root = v[0];
         return {};
       },
       [](const Config& c) { return optional_text(c.trust_root); }},
      {"cache.mode", Kind::text, "`online`; `offline`: no upstream is asked, and installs get what was kept.",
       [](Config& c, const Values& v) { return choose(c.cache.offline, v[0], cache_modes); },
       [](const Config& c) { return chosen(c.cache.offline, cache_modes); }},
      {"cache.fresh_for", Kind::duration, "How long an upstream's packument is used without asking again.",
       [](Config& c, const Values& v) { return set_duration(c.cache.fresh_for, v[0]); },
       [](const Config& c) { return Values{to_text(c.cache.fresh_for)}; }},
      {"cache.stale_for", Kind::duration,
       "How much longer it is used, marked as stale, while the upstream is asked.",
       [](Config& c, const Values& v) { return set_duration(c.cache.stale_for, v[0]); },
       [](const Config& c) { return Values{to_text(c.cache.stale_for)}; }},
      {"cache.disk_bytes_max", Kind::size,
       "Room for tarballs of upstreams on disk; the least recently used go first. Own tarballs do not count "
       "and never go.",
       [](Config& c, const Values& v) { return set_size(c.cache.disk_bytes_max, v[0]); },
       [](const Config& c) { return Values{size_text(c.cache.disk_bytes_max)}; }},
      {"cache.packument_memory_bytes_max", Kind::size, "Room for prepared packuments in memory.",
       [](Config& c, const Values& v) { return set_size(c.cache.packument_memory_bytes_max, v[0]); },
       [](const Config& c) { return Values{size_text(c.cache.packument_memory_bytes_max)}; }},
      {"cache.tarball_memory_bytes_max", Kind::size, "Room for small tarballs in memory.",
       [](Config& c, const Values& v) { return set_size(c.cache.tarball_memory_bytes_max, v[0]); },
       [](const Config& c) { return Values{size_text(c.cache.tarball_memory_bytes_max)}; }},
      {"cache.pulls_kept_for", Kind::duration,
       "How long it is kept who has downloaded what (`sallyport who`).",
       [](Config& c, const Values& v) { return set_duration(c.pulls_kept_for, v[0]); },
       [](const Config& c) { return Values{to_text(c.pulls_kept_for)}; }},
      {"limits.publish_body_bytes_max", Kind::size, "Largest body of a publish (a tarball in base64).",
       [](Config& c, const Values& v) { return set_size(c.publish_body_bytes_max, v[0]); },
       [](const Config& c) { return Values{size_text(c.publish_body_bytes_max)}; }},
      {"limits.connections_max", Kind::number, "Connections open at once; one more is answered 503.",
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
       "(0) "
       "unless you set one; `trusted_proxies` themselves have none.",
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
      {"limits.stop_deadline", Kind::duration, "How long requests in flight may take when the server stops.",
       [](Config& c, const Values& v) { return set_duration(c.stop_deadline, v[0]); },
       [](const Config& c) { return Values{to_text(c.stop_deadline)}; }},
      {"log.level", Kind::text, "`debug`, `info`, `warn`, `error` or `off`.",
       [](Config& c, const Values& v) { return choose(c.log_level, v[0], log_levels); },
       [](const Config& c) { return chosen(c.log_level, log_levels); }},
  };
  return keys;
}

const std::vector<Key<UpstreamConfig>>& of_upstream() {
  static const std::vector<Key<UpstreamConfig>> keys = {
      {"url", Kind::text, "The registry. Required.",
       [](UpstreamConfig& u, const Values& v) { return set_url(u.url, v[0], true); },
       [](const UpstreamConfig& u) { return optional_text(u.url); }},
      {"token_file", Kind::path, "File that holds the credential.",
       [](UpstreamConfig& u, const Values& v) -> Result<void> {
         u.token_file = v[0];
         return {};
       },
       [](const UpstreamConfig& u) { return optional_text(u.token_file); }},
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
      {"forward", Kind::text, "How an approved release is handed over; `publish`.",
       [](UpstreamConfig&, const Values& v) -> Result<void> {
         if (v[0] == "publish") return {};
         if (v[0] == "stage") return invalid("\"stage\" is not built yet: use \"publish\"");
         return invalid("must be \"publish\"");
       },
       [](const UpstreamConfig&) { return Values{"publish"}; }},
      {"ca_file", Kind::path,
       "Certificates (PEM) that the upstream's is checked against; without it, the system's.",
       [](UpstreamConfig& u, const Values& v) -> Result<void> {
         u.ca_file = v[0];
         return {};
       },
       [](const UpstreamConfig& u) { return optional_text(u.ca_file); }},
      {"proxy", Kind::text, "HTTP proxy to reach it by; without it, as the environment says.",
       [](UpstreamConfig& u, const Values& v) { return set_url(u.proxy, v[0], false); },
       [](const UpstreamConfig& u) { return optional_text(u.proxy); }},
      {"timeout", Kind::duration, "How long it may send nothing.",
       [](UpstreamConfig& u, const Values& v) { return set_duration(u.timeout, v[0]); },
       [](const UpstreamConfig& u) { return Values{to_text(u.timeout)}; }},
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
      {"profile", Kind::text, "How strictly releases are judged: `proprietary`, `open` or `internal`.",
       [](PackageRule& r, const Values& v) { return choose(r.profile, v[0], profiles); },
       [](const PackageRule& r) { return chosen(r.profile, profiles); }},
      {"publishers", Kind::list, "Who may publish: users, `group:NAME`, or `*` for every account.",
       [](PackageRule& r, const Values& v) { return set_people(r.publishers, v); },
       [](const PackageRule& r) { return r.publishers; }},
      {"reviewers", Kind::list,
       "Who may approve and reject; never a service identity, never one's own release.",
       [](PackageRule& r, const Values& v) { return set_people(r.reviewers, v); },
       [](const PackageRule& r) { return r.reviewers; }},
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
      {"held_answer", Kind::text,
       "What the publisher's client hears of a hold: `accept` (202), `refuse` (409), or `wait` for the "
       "decision.",
       [](PackageRule& r, const Values& v) { return choose(r.held_answer, v[0], held_answers); },
       [](const PackageRule& r) { return chosen(r.held_answer, held_answers); }},
      {"hold_max", Kind::duration, "An undecided hold is refused after this.",
       [](PackageRule& r, const Values& v) { return set_duration(r.hold_max, v[0]); },
       [](const PackageRule& r) { return Values{to_text(r.hold_max)}; }},
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
      {"provenance_lost", Kind::text,
       "An upstream's version without provenance where the one before had it: `show`, `hide` it from "
       "installs "
       "that do not pin it, or `deny` it.",
       [](PackageRule& r, const Values& v) { return choose(r.provenance_lost, v[0], admissions); },
       [](const PackageRule& r) { return chosen(r.provenance_lost, admissions); }},
      {"install_scripts", Kind::text,
       "An upstream's version that runs a program when it is installed: `show`, `hide` or `deny`.",
       [](PackageRule& r, const Values& v) { return choose(r.install_scripts, v[0], admissions); },
       [](const PackageRule& r) { return chosen(r.install_scripts, admissions); }},
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
