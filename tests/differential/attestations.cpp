// Attestations for the test that shows them to npm's own check too:
//   attestations --write FOLDER    writes trusted_root.json, the tarball's text and index.json: an array of
//                                  {"name", "bundle", "ours", "fault", "npm_takes_it"}; "ours" is our state
//   attestations --root FILE       says how much a trust root holds, or why it is refused
//   attestations --check BUNDLE ROOT NAME VERSION SHA512HEX    our state and fault, of files

#include <fstream>
#include <iostream>
#include <iterator>

#include "policies/provenance/provenance.hpp"
#include "policies/provenance/trust_parts.hpp"
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

void write_cases(const std::string& folder) {
  const SigstoreLab lab;
  const std::string text = json::serialize(lab.trusted_root());
  const TrustRoot root = TrustRoot::parse(text).value();
  const AttestedRelease release{"@acme/lib", "1.2.3", sha512(as_bytes(attested_tarball))};
  json::array index;
  for (const AttestationCase& one : attestation_cases(lab)) {
    const Provenance read = check_provenance(one.bundle, release, &root);
    index.push_back(json::object{{"name", one.name},
                                 {"bundle", one.bundle},
                                 {"ours", state_of(read)},
                                 {"fault", read.fault},
                                 {"npm_takes_it", one.npm_takes_it}});
  }
  std::ofstream(folder + "/trusted_root.json") << text;
  std::ofstream(folder + "/tarball") << attested_tarball;
  std::ofstream(folder + "/index.json") << json::serialize(index);
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

int check(char** argv) {
  auto root = TrustRoot::parse(read_whole(argv[3]));
  if (!root) {
    std::cout << root.error().message << "\n";
    return 2;
  }
  const Provenance read =
      check_provenance(read_whole(argv[2]), {argv[4], argv[5], sha512_from_hex(argv[6]).value()}, &*root);
  std::cout << json::object{{"state", state_of(read)},
                            {"fault", read.fault},
                            {"issuer", read.issuer},
                            {"identity", read.identity},
                            {"repository", read.repository},
                            {"workflow", read.workflow},
                            {"ref", read.ref},
                            {"commit", read.commit},
                            {"builder", read.builder}}
            << "\n";
  return read.state == Provenance::State::verified ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "--write" && argc == 3) return write_cases(argv[2]), 0;
  if (what == "--root" && argc == 3) return show_root(argv[2]);
  if (what == "--check" && argc == 7) return check(argv);
  std::cerr << "attestations --write FOLDER | --root FILE | --check BUNDLE ROOT NAME VERSION SHA512HEX\n";
  return 2;
}
