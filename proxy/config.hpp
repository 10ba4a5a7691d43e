#pragma once
// The configuration: one TOML file, environment variables and flags, checked as a whole.
//
// One table of keys (config.cpp) drives parsing, `config show` and `config reference`. The rule for secrets:
// the file names where one is (a file, an environment variable) and never holds it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/package_rules.hpp"
#include "proxy/cache/cache_limits.hpp"
#include "proxy/identity/address_range.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/log.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct ListenAddress {
  std::string host;  // an IP address, IPv6 without brackets
  std::uint16_t port = 0;
  bool every_address() const { return host == "0.0.0.0" || host == "::"; }
};
Result<ListenAddress> parse_listen(std::string_view text);  // "127.0.0.1:4873", "[::1]:4873"

// "256 MiB", "10 MB", "512 KiB"; a bare number is refused because its unit is a guess.
Result<std::uint64_t> parse_size(std::string_view text);
std::string size_text(std::uint64_t bytes);  // in the largest binary unit that divides it

struct UpstreamConfig {
  std::string name;
  std::string url;
  std::string token_file, token_env;    // at most one credential; without any none is sent
  std::string username, password_file;  // both or neither
  std::vector<std::string> mirrors;     // upstreams that have the same packages, asked while this one is down
  std::string ca_file;
  std::string proxy;  // empty: as the environment says
  std::uint64_t connections_max = 48;
  Millis connect_timeout{10'000};
  Millis timeout{30'000};  // without a byte of an answer

  bool has_credential() const { return !token_file.empty() || !token_env.empty() || !password_file.empty(); }
};

enum class OtpToApprove : std::uint8_t { if_enrolled, required };
enum class Readers : std::uint8_t { accounts, anybody };

struct Config {
  std::string listen = "127.0.0.1:4873";
  std::string public_url;  // no slash at its end; empty: http:// and where it listens
  std::string data = "./sallyport-data";
  std::string metadata = "rocksdb";
  std::string blobs = "file";
  std::vector<UpstreamConfig> upstreams;
  std::vector<PackageRule> packages;  // never empty after load_config
  OtpToApprove otp_to_approve = OtpToApprove::if_enrolled;
  Readers readers = Readers::accounts;
  std::string policy_file;
  std::string malware_feed;  // a folder of OSV files, or a URL; empty: none
  std::string advisories;    // the same, of faults that versions mend; empty: none
  Millis feed_interval{std::chrono::hours(1)};
  std::string feed_ca_file;       // empty: the system's
  std::vector<std::string> deny;  // "name" or "name@range"
  std::string trust_root;         // whom provenance is verified against; empty: nobody
  CacheLimits cache{.stale_for = std::chrono::minutes(5)};
  Millis pulls_kept_for{std::chrono::days(90)};
  Millis turned_down_kept_for{std::chrono::days(90)};
  std::uint64_t publish_body_bytes_max = 256u << 20;
  std::uint64_t connections_max = 4096;
  std::uint64_t requests_per_second_per_token = 0;    // 0: no limit
  std::uint64_t requests_per_second_per_address = 0;  // 0: no limit
  std::uint64_t requests_burst = 2000;                // at once, beyond either
  std::string tls_certificate, tls_key;               // PEM files; both or neither
  std::vector<std::string> trusted_proxies;           // CIDR
  std::vector<std::string> metrics_readers;           // CIDR
  std::uint64_t io_threads = 0;                       // 0: one a core
  std::uint64_t scan_threads = 0;                     // 0: one less than cores, at least one
  Millis stop_deadline{20'000};
  log::Level log_level = log::Level::info;

  // Sentences to tell at start: not wrong, but perhaps not meant.
  std::vector<std::string> notes;

  // Where each value came from ("listen" -> "default", "sallyport.toml:3", "SALLYPORT_LISTEN", "--listen").
  std::map<std::string, std::string, std::less<>> sources;

  static std::vector<AddressRange> ranges(const std::vector<std::string>& texts);  // of a loaded one
  ListenAddress listen_address() const;  // of a loaded configuration
  // What clients are told to use. `port` is the real one, where `listen` asks for any (0).
  std::string base_url(std::uint16_t port) const;
  const UpstreamConfig* upstream(std::string_view name) const;  // nullptr if none
  std::vector<std::string> origins() const;                     // of names: the upstreams, and "local"
};

struct FoundRegistry {
  std::string url;
  std::string source;  // "npm_config_registry", a file's path, …
};

struct ConfigInputs {
  std::optional<std::string> file;                    // --config
  std::map<std::string, std::string> environment;     // SALLYPORT_* of it counts
  std::optional<std::string> listen, data, upstream;  // flags
  // The registry npm on this machine uses, asked for when no upstream is configured. Absent for commands
  // that reach no upstream: then names are read from the own store.
  std::function<Result<FoundRegistry>()> npm_registry;
};

// invalid, with every problem found, one a line ("sallyport.toml:3: unknown key …").
Result<Config> load_config(const ConfigInputs& inputs);

// From where the configuration says it is; redacted in logs from then on. All empty: none is configured.
struct UpstreamCredential {
  std::string token;
  std::string basic_auth;  // base64 of "user:password"
};
Result<UpstreamCredential> read_credential(const UpstreamConfig& upstream,
                                           const std::map<std::string, std::string>& environment);

// The effective configuration as TOML, each value with where it came from.
std::string show_config(const Config& config);
// Every key as Markdown.
std::string config_reference();

}  // namespace sallyport
