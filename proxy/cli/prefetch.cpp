#include "proxy/cli/prefetch.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <ostream>
#include <sstream>
#include <thread>

#include "proxy/cli/terminal.hpp"
#include "proxy/lock_file.hpp"
#include "proxy/upstream/http_client.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t lock_file_bytes_max = 256u << 20;
constexpr std::uint64_t packument_bytes_max = 256u << 20, tarball_bytes_max = 16ull << 30;
constexpr int tries_max = 5;
constexpr int wait_seconds_max = 30;  // when told to come again later

struct PrefetchOptions {
  std::vector<std::string> files;
  std::string registry;
  unsigned parallel = 16;
};

enum class Outcome { fetched, there, refused, failed };
struct Told {
  Outcome outcome;
  std::string why;  // of refused and failed
};

Result<std::string> read_lock_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::array<char, 65536> piece;
  while (file && text.size() <= lock_file_bytes_max) {
    file.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad() || !file.eof())
    return fail(ErrorKind::invalid, printable(path) + " cannot be read, or is too large for a lock file.");
  return text;
}

// A tarball's bytes against what the lock file says of them, as they arrive.
class Check {
 public:
  explicit Check(const std::string& integrity) : wanted_(parse_integrity(integrity)) {}
  bool knows() const {
    return !wanted_ || wanted_->algorithm == "sha512" || wanted_->algorithm == "sha256" ||
           wanted_->algorithm == "sha1";
  }
  void update(Bytes bytes) {
    if (!wanted_) return;
    if (wanted_->algorithm == "sha512") sha512_.update(bytes);
    if (wanted_->algorithm == "sha256") sha256_.update(bytes);
    if (wanted_->algorithm == "sha1") sha1_.update(bytes);
  }
  bool holds() {
    if (!wanted_) return true;
    if (wanted_->algorithm == "sha512") return wanted_->digest == as_text(sha512_.finish().bytes);
    if (wanted_->algorithm == "sha256") return wanted_->digest == as_text(sha256_.finish().bytes);
    return wanted_->digest == as_text(sha1_.finish().bytes);
  }

 private:
  Result<Integrity> wanted_;
  Sha512Hasher sha512_;
  Sha256Hasher sha256_;
  Sha1Hasher sha1_;
};

class Prefetch {
 public:
  Prefetch(const PrefetchTerminal& terminal, std::string registry, std::string authorization)
      : t_(terminal),
        registry_(std::move(registry)),
        authorization_(std::move(authorization)),
        bar_([this](std::string_view text) { t_.err << text << std::flush; }, terminal.watched, "tarballs") {}

  int run(const std::vector<LockedPackage>& all, unsigned parallel) {
    all_ = all.size();
    // One name after the other within a thread: its packument is asked for once.
    std::vector<std::span<const LockedPackage>> names;
    for (auto at = all.begin(); at != all.end();) {
      const auto end = std::find_if(at, all.end(), [&](const auto& p) { return p.name != at->name; });
      names.emplace_back(at, end);
      at = end;
    }
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::min<std::size_t>(parallel, names.size()); ++i)
      threads.emplace_back([&] {
        for (std::size_t n; (n = next++) < names.size();) of_one_name(names[n]);
      });
    for (auto& thread : threads) thread.join();
    bar_.end();
    t_.out << thousands(counts_[0]) << " fetched, " << thousands(counts_[1]) << " already there, "
           << thousands(counts_[2]) << " refused, " << thousands(counts_[3]) << " failed\n";
    return counts_[2] + counts_[3] == 0 ? 0 : 1;
  }

 private:
  HttpRequest request(const std::string& path) const {
    HttpRequest request;
    request.url = registry_ + path;
    request.authorization = authorization_;
    request.route.http_allowed = true;
    request.route.proxy_from_environment = true;
    return request;
  }

  void of_one_name(std::span<const LockedPackage> versions) {
    // An install without a network begins with the packument.
    const PackageName& name = versions.front().name;
    HttpRequest ask = request("/" + name.escaped());
    ask.headers.add("accept", "application/vnd.npm.install-v1+json");
    ask.accept_gzip = true;
    ask.response_bytes_max = packument_bytes_max;
    auto packument = patiently([&] { return client_.fetch_blocking(ask); });
    const bool known = packument && packument->status == 200;
    for (const LockedPackage& version : versions)
      tell(version, known ? tarball(version) : trouble(packument));
  }

  Told tarball(const LockedPackage& version) {
    HttpRequest ask =
        request("/" + version.name.escaped() + "/-/" + version.name.tarball_file(version.version));
    ask.response_bytes_max = tarball_bytes_max;
    std::optional<Check> check;
    auto answer = patiently([&] {
      check.emplace(version.integrity);
      return client_.download_blocking(ask, [&](Bytes bytes) -> Result<void> {
        check->update(bytes);
        return {};
      });
    });
    if (!answer || answer->status != 200) return trouble(answer);
    if (!check->knows()) return {Outcome::failed, "the lock file has no digest of it that can be checked"};
    if (!check->holds())
      return {Outcome::failed, "the registry's tarball is not the one that the lock file names"};
    return {answer->headers.find("x-cache") ? Outcome::fetched : Outcome::there, ""};
  }

  static Told trouble(const Result<HttpResponse>& answer) {
    if (!answer) return {Outcome::failed, answer.error().message};
    auto body = parse_strict(answer->body);
    const json::object* object = body ? body->if_object() : nullptr;
    const auto sentence = object ? string_at(*object, "error") : std::nullopt;
    return {answer->status == 401 || answer->status == 403 ? Outcome::refused : Outcome::failed,
            sentence ? printable(*sentence, 500) : "the registry answered " + std::to_string(answer->status)};
  }

  // Comes again where the registry asks for it.
  template <class Ask>
  static Result<HttpResponse> patiently(Ask ask) {
    for (int tries = 1;; ++tries) {
      Result<HttpResponse> answer = ask();
      if (!answer || (answer->status != 429 && answer->status != 503) || tries == tries_max) return answer;
      const std::string* said = answer->headers.find("retry-after");
      const int seconds = said ? std::atoi(said->c_str()) : 1;
      std::this_thread::sleep_for(std::chrono::seconds(std::clamp(seconds, 1, wait_seconds_max)));
    }
  }

  void tell(const LockedPackage& version, const Told& told) {
    const std::lock_guard lock(mutex_);
    ++counts_[static_cast<std::size_t>(told.outcome)];
    if (!told.why.empty()) {
      bar_.end();
      t_.err << (told.outcome == Outcome::refused ? "refused " : "failed ") << version.name.full() << "@"
             << version.version << ": " << told.why << "\n";
    }
    bar_.show(++done_, all_);
  }

  const PrefetchTerminal& t_;
  const std::string registry_, authorization_;
  HttpClient client_;
  std::mutex mutex_;
  ProgressBar bar_;
  std::size_t done_ = 0, all_ = 0;
  std::array<std::size_t, 4> counts_{};  // by Outcome
};

}  // namespace

int run_prefetch(const std::vector<std::string>& args, const PrefetchTerminal& terminal) {
  CLI::App app(
      "Have the registry keep everything that lock files name, so that they install without upstreams",
      "sallyport prefetch");
  PrefetchOptions o;
  app.add_option("LOCKFILE", o.files,
                 "package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml, yarn.lock or bun.lock")
      ->required();
  app.add_option("--registry", o.registry, "The registry; else npm's")->type_name("URL");
  app.add_option("--parallel", o.parallel, "Packages asked for at once")
      ->type_name("N")
      ->check(CLI::Range(1, 48))
      ->capture_default_str();
  app.footer("Example: sallyport prefetch package-lock.json --registry https://npm.acme.example");
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, terminal.out, terminal.err) == 0 ? 0 : 2;
  }
  const auto refused = [&](const std::string& sentence) {
    terminal.err << "sallyport: " << sentence << "\n";
    return 2;
  };
  std::vector<LockedPackage> all;
  for (const std::string& path : o.files) {
    auto text = read_lock_file(path);
    if (!text) return refused(text.error().message);
    auto lock = parse_lock_file(*text);
    if (!lock) return refused(printable(path) + ": " + lock.error().message);
    for (const std::string& elsewhere : lock->elsewhere)
      terminal.err << "note: of no registry, and left out: " << elsewhere << "\n";
    all.insert(all.end(), lock->packages.begin(), lock->packages.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());

  if (o.registry.empty()) {
    auto found = npm_registry(terminal.npm);
    if (!found) return refused("Say which registry: --registry URL, or set one for npm.");
    o.registry = found->url;
  }
  while (o.registry.ends_with('/')) o.registry.pop_back();
  std::string authorization;  // none is needed where anybody may install
  if (auto credential = npm_credential(terminal.npm, o.registry + "/"))
    authorization =
        credential->token.empty() ? "Basic " + credential->basic_auth : "Bearer " + credential->token;
  return Prefetch(terminal, o.registry, authorization).run(all, o.parallel);
}

}  // namespace sallyport
