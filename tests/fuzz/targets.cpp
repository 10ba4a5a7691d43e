#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "gate/feed_file.hpp"
#include "gate/publish_document.hpp"
#include "gate/publish_parser.hpp"
#include "policies/content/secret_rules.hpp"
#include "policies/content/source_map.hpp"
#include "policies/manifest.hpp"
#include "policies/policy.hpp"
#include "policies/provenance/provenance.hpp"
#include "policies/provenance/trust_root.hpp"
#include "policies/tarball/header_walk.hpp"
#include "policies/tarball/inflate.hpp"
#include "policies/tarball/scratch.hpp"
#include "policies/tarball/second_reader.hpp"
#include "proxy/lock_file.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/semver_range.hpp"
#include "tests/support/attestation_cases.hpp"
#include "tests/support/code_reading.hpp"
#include "tests/support/hostile_archives.hpp"
#include "tests/support/publish_body.hpp"
#include "tests/support/tar_builder.hpp"
#include "tests/support/zip_builder.hpp"

namespace sallyport {

Bytes Pieces::next() {
  state_ = state_ * 6364136223846793005u + 1442695040888963407u;
  const auto wanted = static_cast<std::size_t>(1 + (state_ >> 33) % (state_ & 1 ? 7 : 700));
  const Bytes piece = rest_.first(std::min(wanted, rest_.size()));
  rest_ = rest_.subspan(piece.size());
  return piece;
}

void require(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

namespace {

// One reading of a body: what became of it, and of the tarball's text in it.
struct BodyReading {
  std::string error, document, tarball_text;
  bool operator==(const BodyReading&) const = default;
};

template <class Feed>  // void(PublishParser&), stops at an error by itself
BodyReading read_body(const Feed& feed) {
  BodyReading reading;
  PublishParser parser({.metadata_bytes_max = 64u << 10, .provenance_bytes_max = 16u << 10},
                       [&](std::string_view text) -> Result<void> {
                         reading.tarball_text += text;
                         return {};
                       });
  Result<void> fed = feed(parser);
  if (fed) {
    auto document = parser.finish(*PackageName::parse("lib"));
    if (document)
      reading.document = json::serialize(to_json(*document));
    else
      fed = document.error();
  }
  // Where exactly a broken text breaks may depend on the pieces; that it is refused does not.
  if (!fed)
    reading = {
        .error = std::to_string(static_cast<int>(fed.error().kind)), .document = {}, .tarball_text = {}};
  return reading;
}

void publish_body(Bytes input) {
  const BodyReading whole = read_body([&](PublishParser& parser) { return parser.write(as_text(input)); });
  const BodyReading parts = read_body([&](PublishParser& parser) -> Result<void> {
    for (Pieces pieces(input); !pieces.done();)
      if (auto fed = parser.write(as_text(pieces.next())); !fed) return fed;
    return {};
  });
  require(whole == parts, "a body is read alike however it comes in pieces");
  require(whole.error.empty() != whole.document.empty(), "a body is a document or an error");
  if (whole.document.empty()) return;
  const auto back = publish_document_from_json(json::parse(whole.document));
  require(back.has_value(), "a document that was taken can be kept and read again");
  require(json::serialize(to_json(*back)) == whole.document, "a document is kept as it was taken");
}

std::vector<std::string> publish_bodies() {
  PublishBody scoped;
  scoped.provenance = R"({"mediaType":"x"})";
  scoped.access = "public";
  std::vector<std::string> seeds{PublishBody{}.text(), scoped.text()};
  // Attachments first, as one client sends them.
  json::object document = PublishBody{}.document(), turned{{"_id", "lib"}};
  turned["_attachments"] = document["_attachments"];
  for (const auto& [key, value] : document)
    if (!turned.contains(key)) turned[key] = value;
  seeds.push_back(json::serialize(turned));
  return seeds;
}

std::optional<std::string> decode_in_pieces(Bytes input, bool avx2) {
  Base64Decoder decoder(avx2);
  std::string out;
  std::vector<std::uint8_t> block;
  for (Pieces pieces(input); !pieces.done();) {
    const auto piece = as_text(pieces.next());
    block.resize(Base64Decoder::decoded_max(piece.size()));
    const auto count = decoder.update(piece, block.data());
    if (!count) return std::nullopt;
    out += as_text(Bytes(block).first(*count));
  }
  if (!decoder.finish()) return std::nullopt;
  return out;
}

void base64(Bytes input) {
  const auto whole = base64_decode(as_text(input));
  const auto plain = decode_in_pieces(input, false);
  require(whole.has_value() == plain.has_value() && (!plain || *plain == *whole),
          "base64 is decoded alike however it comes in pieces");
  if (Base64Decoder::has_avx2())
    require(decode_in_pieces(input, true) == plain, "base64 is decoded alike with and without AVX2");
  if (whole) require(base64_encode(as_bytes(*whole)) == as_text(input), "only the canonical text is taken");
  require(base64_decode(base64_encode(input)).value() == as_text(input), "what is encoded can be decoded");
}

std::vector<std::string> base64_texts() {
  return {"", "TQ==", "TWE=", "TWFu", base64_encode(as_bytes(clean_package().tar()))};
}

void gzip_member(Bytes input) {
  const auto inflate = [&](auto&& pieces_of) {
    GzipInflater inflater({.unpacked_bytes_max = 1u << 20});
    std::string out;
    const auto sink = [&](Bytes bytes) {
      out += as_text(bytes);
      return true;
    };
    pieces_of([&](Bytes piece) { return inflater.feed(piece, sink); });
    const bool whole = inflater.finish();
    require(whole == !inflater.fault(), "what is not whole has a fault");
    require(out.size() <= (1u << 20), "a limit of bytes is a limit");
    return std::pair(whole, whole ? out : std::string());
  };
  const auto whole = inflate([&](auto feed) { feed(input); });
  const auto parts = inflate([&](auto feed) {
    for (Pieces pieces(input); !pieces.done();)
      if (!feed(pieces.next())) return;
  });
  require(whole == parts, "gzip is inflated alike however it comes in pieces");
}

std::vector<std::string> gzip_members() {
  std::vector<std::string> seeds;
  for (const HostileArchive& archive : hostile_archives())
    if (archive.rule == "tar/gzip" && archive.tgz.size() < 4096) seeds.push_back(archive.tgz);
  for (const HostileArchive& archive : clean_archives())
    if (archive.tgz.size() < 4096) seeds.push_back(archive.tgz);
  return seeds;
}

struct EntryText final : EntrySink {
  void begin(const TarEntry&) override { open = true; }
  void data(Bytes bytes) override {
    require(open, "bytes belong to a file");
    size += bytes.size();
  }
  void end(const TarEntry& entry) override {
    require(open && size == entry.size, "a file has as many bytes as its header says");
    open = false;
    size = 0;
  }
  bool open = false;
  std::uint64_t size = 0;
};

std::string walk_text(const HeaderWalk& walk) {
  std::string text;
  for (const TarEntry& entry : walk.listing())
    text += entry.path + "\n" + entry.inner + "\n" + std::to_string(entry.size) + to_hex(entry.digest) + "\n";
  for (const TarFault& fault : walk.faults()) text += fault.rule + fault.path + fault.message + "\n";
  return text;
}

void tar(Bytes input) {
  const TarballLimits limits{.unpacked_bytes_max = 1u << 20, .entries_max = 64};
  EntryText one, two;
  HeaderWalk whole(limits, one), parts(limits, two);
  whole.feed(input);
  whole.finish();
  for (Pieces pieces(input); !pieces.done();)
    if (!parts.feed(pieces.next())) break;
  parts.finish();
  require(walk_text(whole) == walk_text(parts), "an archive is read alike however it comes in pieces");
  require(whole.listing().size() <= limits.entries_max, "a limit of entries is a limit");
  for (const TarEntry& entry : whole.listing()) {
    if (!whole.faults().empty()) break;
    require(!entry.inner.starts_with('/') && entry.path.find("..") != 0, "an accepted path stays inside");
  }
  static const bool ready = (prepare_text_locale(), true);
  require(ready, "");
  auto scratch = Scratch::create("/dev/shm");
  require(scratch.has_value() && scratch->append(input).has_value(), "there is room for an archive");
  if (!whole.stopped()) compare_second_reading(scratch->descriptor(), whole.listing());
}

std::vector<std::string> archives() {
  std::vector<std::string> seeds;
  const auto add = [&](const std::vector<HostileArchive>& all) {
    for (const HostileArchive& archive : all) {
      GzipInflater inflater;
      std::string out;
      inflater.feed(as_bytes(archive.tgz), [&](Bytes bytes) {
        out += as_text(bytes);
        return out.size() < (64u << 10);
      });
      if (!out.empty() && out.size() <= 8192) seeds.push_back(std::move(out));
    }
  };
  add(clean_archives());
  add(hostile_archives());
  return seeds;
}

std::string map_text(const std::optional<SourceMapSummary>& map) {
  if (!map) return "none";
  std::string text = map->source_root;
  for (const std::uint64_t count :
       {map->bytes, map->sources_own, map->sources_third_party, map->embedded_own, map->embedded_third_party,
        map->embedded_bytes, map->embedded_lines, map->embedded_own_lines})
    text += " " + std::to_string(count);
  for (const auto* list : {&map->sample_sources, &map->remote_sources})
    for (const std::string& item : *list) text += "\n" + item;
  return text;
}

void source_map(Bytes input) {
  SourceMapReader whole, parts;
  whole.data(input);
  for (Pieces pieces(input); !pieces.done();) parts.data(pieces.next());
  const auto map = whole.finish();
  require(map_text(map) == map_text(parts.finish()), "a map is read alike however it comes in pieces");
  if (map)
    require(map->embedded_bytes <= input.size() * 3 && map->sample_sources.size() <= 5,
            "no more is counted than there is");
}

std::vector<std::string> source_maps() {
  return {
      R"({"version":3,"sources":["../src/a.ts","webpack:///x"],"sourcesContent":["let a\n\u0041",null],"mappings":"AAAA"})",
      R"(﻿)]}'
{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":{"version":3,"sources":["s3://b/a"],"mappings":""}}]})",
      R"({"sourceRoot":"file:///home/me/","\u0076ersion":3,"sources":[],"mappings":"","x":[{"y":"]}"}]})",
  };
}

void package_json(Bytes input) {
  const auto manifest = Manifest::parse(as_text(input));
  if (!manifest) return require(!manifest.error().message.empty(), "a refusal says why");
  const auto again = Manifest::from(manifest->raw);
  require(again.has_value(), "what was parsed is a manifest");
  require(again->dependencies == manifest->dependencies && again->scripts == manifest->scripts &&
              again->bin == manifest->bin,
          "a manifest means the same read again");
}

std::vector<std::string> package_jsons() {
  return {
      R"({"name":"@acme/lib","version":"1.2.3","dependencies":{"a":"^1"},"scripts":{"test":"x"},"bin":"cli.js","files":["lib"]})",
      R"({"name":"x","version":"1.0.0","bin":{"x":"./a.js"},"bundleDependencies":true,"private":false,"exports":{".":{"import":"./a.mjs"}}})",
      R"({"name":"x","version":"1.0.0","peerDependencies":{"p":"*"},"peerDependenciesMeta":{"p":{"optional":true}},"os":["linux"]})",
  };
}

void policy_file(Bytes input) {
  const Instant day = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  const auto policy = Policy::parse(as_text(input), "policy.toml", day,
                                    [](auto&) -> Result<std::string> { return std::string("words"); });
  if (!policy)
    return require(policy.error().message.starts_with("policy.toml"),
                   "a fault of a policy file names its line");
  require(policy->digest().starts_with("sha256-"), "a policy has a digest");
}

std::vector<std::string> policy_files() {
  return {
      "secret_rules = [\"own.toml\"]\n[rules]\n\"leak/source-map\" = \"warn\"\n[limits]\nratio_max = 50\n"
      "[thresholds]\nfile_bytes_max = 1000\n[thresholds.file_bytes_max_for]\n\"*.wasm\" = 20000\n",
      "[rules]\n\"leak/sorce-map\" = \"off\"\n",
      "[profiles.open.rules]\n\"leak/source-map\" = \"note\"\n[[paths]]\nmatch = [\"test/**\", \"{a,b}*\"]\n"
      "packages = [\"@acme/*\"]\nrules = { \"deps/new\" = \"off\" }\n[[waivers]]\nrule = "
      "\"leak/source-map\"\n"
      "fingerprint = \"sha256-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n"
      "package = \"@acme/lib\"\nversion = \"1.2.3\"\nowner = \"ada\"\nreason = \"an example\"\n"
      "expires = 2026-12-31\n",
  };
}

void secret_rules(Bytes input) {
  const auto rules = SecretRules::parse(as_text(input), "rules.toml", SecretRules::Check::now);
  if (!rules) return require(!rules.error().message.empty(), "a refusal says why");
  const std::string text = std::string(as_text(input)) + " token = \"abcdefghijklmnopqrstuvwxyz0123456789\"";
  for (const SecretRule& rule : rules->rules)
    for (const SecretMatch& match : find_secrets(rule, rules->allows, text))
      require(match.offset + match.length <= text.size(), "a secret lies in its text");
}

std::vector<std::string> secret_rule_texts() {
  return {
      "[[rules]]\nid = \"a\"\ndescription = \"b\"\nregex = '''tok_[a-z0-9]{8}'''\nkeywords = "
      "[\"tok_\"]\nentropy = 3\n"
      "secretGroup = 0\n[[rules.allowlists]]\ncondition = \"AND\"\nregexTarget = \"line\"\nregexes = "
      "['''x''']\nstopwords = [\"no\"]\n",
      "[allowlist]\nregexes = ['''(?i)example''']\npaths = ['''x''']\n[[rules]]\nid = \"k\"\nregex = "
      "'(\\w+)=(\\w+)'\n",
  };
}

const SigstoreLab& lab() {
  static const SigstoreLab made;
  return made;
}

void provenance(Bytes input) {
  static const TrustRoot root = TrustRoot::parse(json::serialize(lab().trusted_root())).value();
  const AttestedRelease release{
      .name = "@acme/lib", .version = "1.2.3", .sha512 = sha512(as_bytes(attested_tarball))};
  using enum Provenance::State;
  const Provenance claimed = check_provenance(as_text(input), release, nullptr);
  require(claimed.state != verified, "nothing is verified where nobody is trusted");
  require((claimed.state == invalid) == !claimed.fault.empty(),
          "what is invalid says why, and nothing else does");
  const Provenance checked = check_provenance(as_text(input), release, &root);
  require(checked.state != unverified, "with a trust root an attestation verifies or is invalid");
  if (checked.state == verified)
    require(claimed.state == unverified, "a trust root takes nothing that is refused without one");
}

std::vector<std::string> attestations() {
  std::vector<std::string> seeds;
  for (AttestationCase& one : attestation_cases(lab()))
    if (one.bundle.size() < (32u << 10)) seeds.push_back(std::move(one.bundle));
  return seeds;
}

void trust_root(Bytes input) {
  const auto root = TrustRoot::parse(as_text(input));
  if (!root) require(!root.error().message.empty(), "a refusal says why");
}

std::vector<std::string> trust_roots() {
  return {json::serialize(lab().trusted_root()),
          json::serialize(SigstoreLab(KeyKind::ed25519).trusted_root())};
}

void tokens(Bytes input) {
  const std::string text(as_text(input));
  const std::string closely = code_reading(text, true);
  require(code_reading(text, false) == closely, "a program is read alike fast and closely");
  CodeReading in_pieces(false);
  for (Pieces pieces(input); !pieces.done();) in_pieces.feed(pieces.next());
  require(in_pieces.finish() == closely, "a program is read alike however it comes in pieces");
  // The tokenizer's window ends somewhere in the program.
  const std::size_t before = input.empty() ? 0 : (input.front() * 37u + input.back()) % (input.size() + 1);
  const std::string shifted = std::string((64u << 10) - before, ' ') + text;
  require(code_reading(shifted, false) == code_reading(shifted, true),
          "a program is read alike where the window ends in it");
}

std::vector<std::string> programs() {
  return {
      "#!/usr/bin/env node\n'use strict';const "
      "a=/[/]\\/x/g,b=a/2/1;`x${`y${'\\x41'}`}z`;//c\n/*d*/if(a)/e/.test(b)\n",
      "export default class A<T> extends B{#p=1;static{f()}get [x](){return <div "
      "a='b'>{c}</div>}}\nimport('a'+\"b\")",
      "var \\u0065val=1e3,n=0x1fn;do{--> x\n}while(0)/a/g;a=>{};({}/b/c);y?.[z]?\?=w...q",
      "<!-- x\n/// <reference types=\"node\" />\n@media (a){b:url(c)}\n",
  };
}

void semver_range(Bytes input) {
  const auto range = Range::parse(as_text(input));
  if (!range) return;
  const auto least = range->min();
  if (least) require(range->matches(*least, least->is_prerelease()), "a range admits its lowest version");
  if (least && !range->majors().empty())
    require(range->majors().front().first <= least->major, "a range admits the major of its lowest version");
  require(!widens(*range, *range), "a range is no wider than itself");
}

std::vector<std::string> semver_ranges() {
  return {"^1.2.3-rc.1 || ~0.0 || 1.x", ">=1.0.0 <2 || 1.2 - 2.3.4", "*", "=1.2.3+b", "<0.0.0-0", "> 1.x.x"};
}

void lock_file(Bytes input) {
  const auto lock = parse_lock_file(as_text(input));
  if (!lock) return;
  for (const LockedPackage& p : lock->packages) {
    require(p.name.tarball_path(p.version).find("/../") == std::string::npos, "a locked package is a path");
    require(p.integrity.empty() || parse_integrity(p.integrity).has_value(), "an integrity can be checked");
  }
}

std::vector<std::string> lock_files() {
  const std::string sum = "sha512-" + base64_encode(sha512(as_bytes("x")).bytes);
  return {
      R"({"lockfileVersion":3,"packages":{"":{},"node_modules/@a/b":{"version":"1.0.0","integrity":")" + sum +
          R"("},"node_modules/x":{"name":"y","version":"2.0.0","resolved":"https://r/y/-/y-2.0.0.tgz"}}})",
      R"({"lockfileVersion":1,"dependencies":{"a":{"version":"npm:b@1.0.0","dependencies":{"c":{"version":"1.0.0"}}}}})",
      R"({"lockfileVersion":1,"workspaces":{},"packages":{"a":["a@1.0.0","",{},")" + sum + R"("],}})",
      "lockfileVersion: '9.0'\npackages:\n\n  '@a/b@1.0.0':\n    resolution: {integrity: " + sum + "}\n",
      "# yarn lockfile v1\n\n\"@a/b@^1\", \"@a/b@1\":\n  version \"1.0.0\"\n  resolved "
      "\"https://r/@a/b/-/b-1.0.0.tgz#0123\"\n  integrity " +
          sum + "\n",
      "__metadata:\n  version: 8\n\n\"a@npm:^1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0::x=y\"\n",
  };
}

void feed(Bytes input) {
  const FileBytes file{input.size(), [input](std::uint64_t offset, std::span<std::uint8_t> out) {
                         const Bytes rest = input.subspan(std::min<std::size_t>(offset, input.size()));
                         const std::size_t n = std::min(out.size(), rest.size());
                         std::copy_n(rest.begin(), n, out.begin());
                         return Result<std::size_t>(n);
                       }};
  const FeedLimits limits{.unpacked_bytes_max = 1u << 20, .memory_bytes_max = 4u << 20, .documents_max = 50};
  const auto read = read_feed_file(file, limits);
  if (!read) return require(!read.error().message.empty(), "a refusal says why");
  require(read->documents <= limits.documents_max, "a feed has no more documents than it may");
  require(read->damaged * 100 <= read->documents, "what is read of a feed is nearly all of it");
  std::size_t advisories = 0;
  for (const auto& [name, about] : read->by_name) {
    advisories += about.size();
    require(name == denial_key(name), "a package is found by its key");
    for (const Advisory& advisory : about) {
      require(!advisory.severity.empty(), "an advisory has a severity");
      const std::string told = advisory.vulnerable_versions();
      const auto range = Range::parse(told);
      require(range.has_value() || told.size() > 4096, "what an audit is told is a range");
      for (const std::string& version : advisory.versions) {
        require(advisory.covers(version), "a version that is listed is covered");
        const auto parsed = Version::parse(version);
        if (parsed && range) require(range->matches(*parsed, true), "and in the range that is told");
      }
    }
  }
  require(advisories == read->advisories && advisories > 0, "advisories are counted");
}

std::vector<std::string> feeds() {
  const std::string one =
      R"({"id":"MAL-1","summary":"}\"{","affected":[{"package":{"ecosystem":"npm","name":"A"},"versions":["1.0.0","x"]}]})";
  const std::string two =
      R"({"id":"GHSA-1","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}],"database_specific":{"severity":"LOW","cwe_ids":["CWE-1"]},"affected":[{"package":{"ecosystem":"npm","name":"@b/c"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0.0"},{"introduced":"2.0.0-rc.1"},{"last_affected":"2.1.0"},{"introduced":"3.0.0"}]}]}]})";
  const std::string tar =
      TarBuilder().file("a/one.json", one).file("a/two.json", two).file("a/x.md", "x").tar();
  return {one,
          one + "\n" + two + "\n",
          "[" + two + "," + one + "]",
          gzip(one + two),
          gzip(tar),
          ZipBuilder().file("one.json", one).file("two.json", two).file("c.json", "{").zip(),
          R"({"id":"W","withdrawn":"2026-01-01T00:00:00Z"})"};
}

constexpr std::array targets = {
    FuzzTarget{"publish_body", publish_body, publish_bodies},
    FuzzTarget{"base64", base64, base64_texts},
    FuzzTarget{"gzip", gzip_member, gzip_members},
    FuzzTarget{"tar", tar, archives},
    FuzzTarget{"source_map", source_map, source_maps},
    FuzzTarget{"package_json", package_json, package_jsons},
    FuzzTarget{"policy", policy_file, policy_files},
    FuzzTarget{"secret_rules", secret_rules, secret_rule_texts},
    FuzzTarget{"provenance", provenance, attestations},
    FuzzTarget{"trust_root", trust_root, trust_roots},
    FuzzTarget{"tokens", tokens, programs},
    FuzzTarget{"semver_range", semver_range, semver_ranges},
    FuzzTarget{"lock_file", lock_file, lock_files},
    FuzzTarget{"feed", feed, feeds},
};

}  // namespace

std::span<const FuzzTarget> fuzz_targets() {
  return targets;
}

const FuzzTarget* find_fuzz_target(std::string_view name) {
  const auto found =
      std::find_if(targets.begin(), targets.end(), [&](const FuzzTarget& t) { return t.name == name; });
  return found == targets.end() ? nullptr : &*found;
}

}  // namespace sallyport
