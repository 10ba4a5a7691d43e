#include "proxy/cli/import_verdaccio.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "gate/catalog.hpp"
#include "gate/history.hpp"
#include "gate/name_origins.hpp"
#include "proxy/cli/terminal.hpp"
#include "storage/base/fault.hpp"
#include "storage/base/json.hpp"
#include "storage/base/semver.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t document_bytes_max = 256u << 20, htpasswd_bytes_max = 16u << 20;
constexpr std::size_t read_bytes = 256u << 10;

Result<std::string> read_whole(const fs::path& path, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (!file || error || size > bytes_max)
    return fail(ErrorKind::invalid, printable(path.string()) + " cannot be read, or is too large.");
  std::string text(size, '\0');
  file.read(text.data(), static_cast<std::streamsize>(size));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

struct ImportedVersion {
  LocalVersion version;
  Facts facts;
};

class Import {
 public:
  Import(const ConsoleContext& context, const VerdaccioFolder& from, bool watched,
         const ConsoleOutput& output)
      : c_(context), from_(from), output_(output), bar_(output.err, watched, "packages") {}

  int run() {
    std::error_code error;
    if (!fs::is_directory(from_.storage, error))
      return refused(fail(ErrorKind::invalid, "There is no folder " + printable(from_.storage) +
                                                  " that can be read: name Verdaccio's storage."));
    auto rules = c_.rules();
    if (!rules) return refused(rules.error());
    rules_ = std::move(*rules);
    const auto folders = package_folders();
    for (std::size_t i = 0; i < folders.size(); ++i) {
      if (output_.ended()) return refused(fail(ErrorKind::unavailable, "Stopped: run it again to go on."));
      if (auto done = package(folders[i]); !done) {
        // A full or failing disk ends it; what is wrong with one package does not.
        if (done.error().kind == ErrorKind::unavailable || done.error().kind == ErrorKind::internal)
          return refused(done.error());
        left_out(folders[i], done.error().message);
      }
      bar_.show(i + 1, folders.size());
    }
    bar_.end();
    if (!from_.htpasswd.empty())
      if (auto done = users(); !done) return refused(done.error());
    output_.out("Imported " + thousands(releases_) + " releases of " + thousands(packages_) +
                " packages and " + thousands(users_) + " users; " + thousands(known_) +
                " releases and users were here already, " + thousands(left_) + " were left out.\n");
    return left_ == 0 ? 0 : 1;
  }

 private:
  int refused(const Error& error) {
    bar_.end();
    output_.err(complaint(error));
    return 2;
  }
  void left_out(const std::string& what, const std::string& why) {
    bar_.end();
    ++left_;
    output_.err("left out " + printable(what) + ": " + printable(why, 500) + "\n");
  }

  // The names of folders with a package.json: "lib", "@acme/lib".
  std::vector<std::string> package_folders() const {
    std::vector<std::string> found;
    std::error_code error;
    const auto look = [&](const fs::path& folder, const std::string& prefix) {
      for (const auto& entry : fs::directory_iterator(folder, error))
        if (fs::is_regular_file(entry.path() / "package.json", error))
          found.push_back(prefix + entry.path().filename().string());
    };
    look(from_.storage, "");
    for (const auto& entry : fs::directory_iterator(from_.storage, error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with('@')) look(entry.path(), name + "/");
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  Result<void> package(const std::string& folder) {
    auto name = PackageName::parse(folder);
    if (!name) return name.error();
    auto text = read_whole(fs::path(from_.storage) / folder / "package.json", document_bytes_max);
    if (!text) return text.error();
    auto document = parse_strict(*text, {.bytes_max = document_bytes_max});
    const json::object* root = document ? document->if_object() : nullptr;
    if (!root || string_at(*root, "name") != folder)
      return fail(ErrorKind::invalid, "its package.json is damaged, or another package's.");

    std::vector<ImportedVersion> fresh;
    const json::object* versions = object_at(*root, "versions");
    for (const auto& [version, manifest] : versions ? *versions : json::object()) {
      const json::object* m = manifest.if_object();
      if (!m || !Version::parse(std::string_view(version)) || !is_own(*root, file_of(*name, version, *m)))
        continue;
      auto read = release(*name, version, *m, *root);
      if (!read) {
        if (read.error().kind == ErrorKind::unavailable) return read.error();
        left_out(folder + "@" + std::string(version), read.error().message);
      } else if (*read) {
        fresh.push_back(std::move(**read));
      } else {
        ++known_;
      }
    }
    if (fresh.empty()) return {};
    return record(*name, *root, std::move(fresh));
  }

  static std::string file_of(const PackageName& name, std::string_view version,
                             const json::object& manifest) {
    const json::object* dist = object_at(manifest, "dist");
    const std::string_view url = dist ? string_at(*dist, "tarball").value_or("") : "";
    const auto slash = url.rfind('/');
    return slash == url.npos ? name.tarball_file(version) : std::string(url.substr(slash + 1));
  }

  // Published there, and not fetched from one of its uplinks.
  static bool is_own(const json::object& root, const std::string& file) {
    const json::object* attachments = object_at(root, "_attachments");
    const json::object* fetched = object_at(root, "_distfiles");
    return attachments && attachments->contains(file) && !(fetched && fetched->contains(file));
  }

  // Its tarball kept and measured, nothing recorded yet; nothing where it is here already.
  Result<std::optional<ImportedVersion>> release(const PackageName& name, std::string_view version,
                                                 const json::object& manifest, const json::object& root) {
    const std::string file = file_of(name, version, manifest);
    if (file.find_first_of("/\\%") != file.npos || file.starts_with('.'))
      return fail(ErrorKind::invalid, "its tarball's name is none.");
    static const json::object none;
    const json::object* dist_there = object_at(manifest, "dist");
    const json::object& dist = dist_there ? *dist_there : none;
    const auto integrity = parse_integrity(string_at(dist, "integrity").value_or(""));
    const std::string shasum(string_at(dist, "shasum").value_or(""));
    if (!(integrity && integrity->algorithm == "sha512") && shasum.empty())
      return fail(ErrorKind::invalid, "there is no digest that its tarball could be checked by.");

    auto here = Catalog(c_.meta).version(name, version);
    if (!here && here.error().kind != ErrorKind::not_found) return here.error();
    if (here && integrity && integrity->algorithm == "sha512" &&
        integrity->digest == as_text(here->sha512.bytes))
      return std::optional<ImportedVersion>();

    auto staged = c_.blobs.begin();
    if (!staged) return staged.error();
    Inspection inspection(rules_);
    Sha1Hasher sha1;
    std::ifstream tarball(fs::path(from_.storage) / name.full() / file, std::ios::binary);
    if (!tarball) return fail(ErrorKind::invalid, "its tarball is not there.");
    std::vector<char> buffer(read_bytes);
    while (tarball) {
      tarball.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
      const Bytes bytes = as_bytes({buffer.data(), static_cast<std::size_t>(tarball.gcount())});
      if (bytes.empty()) break;
      if (auto kept = (*staged)->append(bytes); !kept) return kept.error();
      sha1.update(bytes);
      inspection.feed(bytes);
    }
    const TarballDigests digests{sha1.finish(), (*staged)->digest()};
    const bool right = integrity && integrity->algorithm == "sha512"
                           ? integrity->digest == as_text(digests.sha512.bytes)
                           : shasum == to_hex(digests.sha1);
    if (!right) return fail(ErrorKind::corrupt, "its tarball is not the one that was published.");
    if (here) {
      if (here->sha512 == digests.sha512) return std::optional<ImportedVersion>();
      return fail(ErrorKind::conflict, "it is here with other bytes.");
    }

    ImportedVersion out;
    out.version = {std::string(version), manifest, digests.sha512, (*staged)->size(), time_of(root, version)};
    // What a registry says of a version is this one's to say.
    if (json::value* said = out.version.manifest.if_contains("dist"); said && said->is_object())
      for (const char* member : {"attestations", "signatures"}) said->get_object().erase(member);
    ReleaseContext context;
    context.digests = digests;
    context.now = out.version.time;
    out.facts = inspection.finish(std::move(context)).facts;
    out.facts.name = name.full();
    out.facts.version = version;
    out.facts.released = out.version.time;
    if (auto kept = (*staged)->commit(digests.sha512); !kept) return kept.error();
    return std::optional<ImportedVersion>(std::move(out));
  }

  Instant time_of(const json::object& root, std::string_view what) const {
    const json::object* times = object_at(root, "time");
    const auto at = times ? parse_iso8601(string_at(*times, what).value_or(""))
                          : Result<Instant>(fail(ErrorKind::not_found, ""));
    return at ? *at : c_.clock.now();
  }

  Result<void> record(const PackageName& name, const json::object& root, std::vector<ImportedVersion> fresh) {
    auto owner = NameOrigins(c_.meta).of(name);
    if (!owner) return owner.error();
    if (*owner && (*owner)->origin != "local") return belongs_elsewhere(name, **owner, "local");
    LocalPackage package{name.full(), {}, time_of(root, "created"), time_of(root, "modified"), 0, {}};
    for (const ImportedVersion& each : fresh) package.versions.push_back(each.version);
    Catalog catalog(c_.meta);
    const json::object* tags = object_at(root, "dist-tags");
    for (const auto& [tag, value] : tags ? *tags : json::object()) {
      const std::string version(value.is_string() ? std::string_view(value.get_string()) : "");
      const bool among = std::any_of(fresh.begin(), fresh.end(),
                                     [&](const auto& each) { return each.version.version == version; });
      if (among || catalog.version(name, version)) package.tags.emplace(tag, version);
    }
    add_readme(package, string_at(root, "readme").value_or(""));
    fault_point("import.before_fact");
    auto written = c_.ledger.commit([&](Fact& fact) -> Result<void> {
      if (auto done = Catalog::import(fact, package); !done) return done;
      if (auto done = NameOrigins::released(fact, name, "local"); !done) return done;
      for (const ImportedVersion& each : fresh) {
        ReleaseHistory::record(fact, each.facts, {});
        fact.record({"console",
                     "release.imported",
                     name.full() + "@" + each.version.version,
                     {{"from", "verdaccio"},
                      {"integrity", to_integrity(each.version.sha512)},
                      {"published", to_iso8601(each.version.time)}}});
      }
      return {};
    });
    if (!written) return written;
    fault_point("import.after_fact");
    c_.released(name);
    ++packages_;
    releases_ += fresh.size();
    return {};
  }

  // Verdaccio keeps it once a package; here it is the newest version's.
  static void add_readme(LocalPackage& package, std::string_view readme) {
    if (readme.empty() || readme.starts_with("ERROR: No README")) return;
    const auto latest = package.tags.find("latest");
    for (LocalVersion& version : package.versions)
      if (latest != package.tags.end() && version.version == latest->second)
        version.manifest["readme"] = readme;
  }

  // Lines of "name:hash" or "name:hash:remark".
  Result<void> users() {
    auto text = read_whole(from_.htpasswd, htpasswd_bytes_max);
    if (!text) return text.error();
    for (std::string_view rest = *text; !rest.empty();) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto colon = line.find(':');
      if (line.empty() || line.front() == '#') continue;
      NewUser user;
      user.name = line.substr(0, colon);
      user.groups = from_.groups;
      if (colon != line.npos) user.htpasswd = line.substr(colon + 1, line.find(':', colon + 1) - colon - 1);
      auto added = user.htpasswd.empty() ? Result<void>(fail(ErrorKind::invalid, "there is no password."))
                                         : c_.identity.add_user("console", user);
      if (added)
        ++users_;
      else if (added.error().kind == ErrorKind::conflict)
        ++known_;
      else if (added.error().kind == ErrorKind::unavailable)
        return added;
      else
        left_out("the user " + user.name, added.error().message);
    }
    return {};
  }

  const ConsoleContext& c_;
  const VerdaccioFolder& from_;
  const ConsoleOutput& output_;
  ProgressBar bar_;
  std::shared_ptr<const InspectionRules> rules_;
  std::uint64_t packages_ = 0, releases_ = 0, users_ = 0, known_ = 0, left_ = 0;
};

}  // namespace

int import_verdaccio(const ConsoleContext& context, const VerdaccioFolder& from, bool watched,
                     const ConsoleOutput& output) {
  return Import(context, from, watched, output).run();
}

}  // namespace sallyport
