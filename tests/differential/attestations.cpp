// Attestations for the test that shows them to npm's own check too:
//   attestations --write FOLDER N  writes trusted_root.json, the tarball's text and index.json: an array of
//                                  {"name", "bundle", "ours", "fault", "npm_takes_it"}; "ours" is our state;
//                                  the last N are damaged at random, the same each time but for the keys
//   attestations --root FILE       says how much a trust root holds, or why it is refused
//   attestations --publish FOLDER NAME VERSION SHA512HEX REPOSITORY    writes trusted_root.json and
//   bundle.json

#include <cctype>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include "policies/provenance/provenance.hpp"
#include "policies/provenance/trust_parts.hpp"
#include "storage/base/base64.hpp"
#include "tests/support/attestation_cases.hpp"

using namespace sallyport;

namespace {

std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string_view state_of(const Provenance& provenance) {
  switch (provenance.state) {
    case Provenance::State::verified:
      return "verified";
    case Provenance::State::unverified:
      return "unverified";
    case Provenance::State::invalid:
      return "invalid";
  }
  return "invalid";
}

json::object entry_of(const AttestationCase& one, const TrustRoot& root) {
  const AttestedRelease release{"@acme/lib", "1.2.3", sha512(as_bytes(attested_tarball))};
  const Provenance read = check_provenance(one.bundle, release, &root);
  return {{"name", one.name},
          {"bundle", base64_encode(as_bytes(one.bundle))},
          {"ours", state_of(read)},
          {"fault", read.fault},
          {"npm_takes_it", one.npm_takes_it}};
}

// A right bundle with one byte of its text, or of what some base64 in it encodes, changed, lost or twice.
AttestationCase damaged(const std::vector<AttestationCase>& right, std::mt19937_64& random) {
  AttestationCase one = right[random() % right.size()];
  std::string text = one.bundle;
  const auto damage = [&](std::string& bytes) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 3) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 1:
        bytes.erase(at, 1);
        break;
      default:
        bytes.insert(at, 1, bytes[at]);
    }
  };
  if (random() % 2 == 0) {
    damage(text);
  } else {
    // The longest run of base64 around some place, if there is one.
    const auto is_base64 = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '=';
    };
    const std::size_t at = random() % text.size();
    std::size_t from = at, to = at;
    while (from > 0 && is_base64(text[from - 1])) --from;
    while (to < text.size() && is_base64(text[to])) ++to;
    auto bytes = base64_decode(std::string_view(text).substr(from, to - from));
    if (bytes && !bytes->empty()) {
      damage(*bytes);
      text.replace(from, to - from, base64_encode(as_bytes(*bytes)));
    }
  }
  return {"damaged: " + one.name, text, "?", false, false};
}

void write_cases(const std::string& folder, int damaged_count) {
  const SigstoreLab lab;
  const std::string text = json::serialize(lab.trusted_root());
  const TrustRoot root = TrustRoot::parse(text).value();
  json::array index;
  std::vector<AttestationCase> right;
  for (const AttestationCase& one : attestation_cases(lab)) {
    index.push_back(entry_of(one, root));
    if (one.fault.empty()) right.push_back(one);
  }
  std::mt19937_64 random(20260331);
  for (int i = 0; i < damaged_count; ++i) index.push_back(entry_of(damaged(right, random), root));
  std::ofstream(folder + "/trusted_root.json") << text;
  std::ofstream(folder + "/tarball") << attested_tarball;
  std::ofstream(folder + "/index.json") << json::serialize(index);
}

void write_publish(char** argv) {
  const std::string folder = argv[2], name = argv[3], version = argv[4], repository = argv[6];
  const SigstoreLab lab;
  AttestationPlan plan = SigstoreLab::plan("", name, version);
  plan.claims["12"] = repository;
  plan.claims["18"] = repository + "/.ci/release.yml@refs/heads/main";
  plan.identity = "URI:" + plan.claims["18"];
  plan.statement["subject"].as_array()[0].as_object()["digest"] = {{"sha512", argv[5]}};
  json::value* at = &plan.statement["predicate"];
  for (const char* key : {"buildDefinition", "externalParameters", "workflow"}) at = &at->as_object()[key];
  at->as_object()["repository"] = repository;
  std::ofstream(folder + "/trusted_root.json") << json::serialize(lab.trusted_root());
  std::ofstream(folder + "/bundle.json") << lab.bundle_text(plan);
}

int show_root(const std::string& path) {
  auto root = TrustRoot::parse(read_whole(path));
  if (!root) {
    std::cout << root.error().message << "\n";
    return 1;
  }
  const TrustRoot::Parts& parts = root->parts();
  std::cout << json::object{{"authorities", parts.certificate_authorities.size()},
                            {"logs", parts.logs.size()},
                            {"certificate_logs", parts.certificate_logs.size()},
                            {"clocks", parts.timestamp_authorities.size()}}
            << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "--write" && argc == 4) return write_cases(argv[2], std::stoi(argv[3])), 0;
  if (what == "--root" && argc == 3) return show_root(argv[2]);
  if (what == "--publish" && argc == 7) return write_publish(argv), 0;
  std::cerr
      << "attestations --write FOLDER N | --root FILE | --publish FOLDER NAME VERSION SHA512HEX REPOSITORY\n";
  return 2;
}
