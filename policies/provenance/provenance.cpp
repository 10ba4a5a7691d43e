#include "policies/provenance/provenance.hpp"

#include <ctime>
#include <set>

#include "policies/provenance/bundle.hpp"
#include "policies/provenance/certificate.hpp"
#include "policies/provenance/members.hpp"
#include "policies/provenance/repository.hpp"
#include "policies/provenance/statement.hpp"
#include "policies/provenance/time_stamp.hpp"
#include "policies/provenance/transparency_log.hpp"
#include "policies/provenance/trust_parts.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr JsonLimits bundle_limits = {.bytes_max = 1u << 20, .depth_max = 16};
constexpr JsonLimits answer_limits = {.bytes_max = 4u << 20, .depth_max = 20};
constexpr std::string_view in_toto = "application/vnd.in-toto+json";

Error refused(std::string why) {
  return fail(ErrorKind::invalid, std::move(why));
}

// What a DSSE signature is made over (pre-authentication encoding).
std::string signed_part(const Bundle& bundle) {
  std::string out = "DSSEv1 " + std::to_string(bundle.payload_type.size()) + " " + bundle.payload_type;
  return out.append(" ").append(std::to_string(bundle.payload.size())).append(" ").append(bundle.payload);
}

Result<Statement> statement_in(const Bundle& bundle) {
  if (bundle.payload_type != in_toto)
    return refused("its payload is no in-toto statement but \"" + printable(bundle.payload_type, 100) + "\"");
  auto statement = read_statement(bundle.payload);
  if (!statement) return refused("its statement is refused: " + statement.error().message);
  return statement;
}

Result<void> check_subject(const Statement& statement, const AttestedRelease& release) {
  const std::string expected = npm_purl(release.name, release.version);
  if (statement.subject != expected)
    return refused("it is about \"" + printable(statement.subject, 300) + "\" and not \"" + expected + "\"");
  if (statement.sha512 != release.sha512) return refused("it is about other bytes than this tarball");
  return {};
}

// "https://git.example/acme/lib/" ".ci/release.yml" "@refs/heads/main"; one forge has "//" before the path.
// Certificates of old have it as their identity only. Empty where it is of another repository.
std::string_view build_config(const CertificateClaims& signer) {
  std::string_view config = signer.build_config.empty() ? signer.identity : signer.build_config;
  if (!config.starts_with(signer.repository + "/")) return {};
  config.remove_prefix(signer.repository.size() + 1);
  if (config.starts_with('/')) config.remove_prefix(1);
  return config;
}

std::string workflow_in(const CertificateClaims& signer) {
  const std::string_view config = build_config(signer);
  return std::string(config.substr(0, config.find('@')));
}

// What the statement claims of the build has to be what the identity's issuer said of it: the statement is
// written by the build itself, the certificate is not.
Result<void> check_claims(const Statement& statement, const CertificateClaims& signer) {
  const auto differ = [](std::string_view what, const std::string& said, const std::string& known) {
    return refused("its statement says " + std::string(what) + " " + printable(said, 200) +
                   ", its certificate " + (known.empty() ? "nothing of it" : printable(known, 200)));
  };
  if (statement.repository.empty()) return refused("its statement names no repository");
  if (statement.repository != signer.repository)
    return differ("repository", statement.repository, signer.repository);
  if (!statement.commit.empty() && statement.commit != signer.commit)
    return differ("commit", statement.commit, signer.commit);
  if (statement.workflow.empty()) return {};
  const std::string config(build_config(signer));
  if (!config.starts_with(statement.workflow + "@")) return differ("workflow", statement.workflow, config);
  const std::string ref = config.substr(statement.workflow.size() + 1);
  if (!statement.ref.empty() && statement.ref != ref) return differ("ref", statement.ref, ref);
  return {};
}

// The times at which somebody trusted says that the signature existed.
Result<std::set<std::time_t>> signed_times(const Bundle& bundle, const TrustRoot::Parts& trust) {
  std::set<std::time_t> times;
  for (const LogEntry& entry : bundle.log_entries) {
    auto time = check_logged(entry, trust.logs);
    if (!time) return time.error();
    if (*time) times.insert(**time);
  }
  for (const std::string& stamp : bundle.timestamps) {
    auto time = check_time_stamp(stamp, bundle.signature, trust.timestamp_authorities);
    if (!time) return time.error();
    times.insert(*time);
  }
  if (times.empty()) return refused("it has no signed time, neither of a log nor of a time stamp authority");
  for (const LogEntry& entry : bundle.log_entries)
    for (const std::time_t time : times)
      if (auto valid = check_log_valid(entry, trust.logs, time); !valid) return valid.error();
  return times;
}

Result<void> check(const json::value& document, const AttestedRelease& release, const TrustRoot* root,
                   Provenance& out) {
  auto bundle = read_bundle(document);
  if (!bundle) return refused("the bundle is refused: " + bundle.error().message);
  auto statement = statement_in(*bundle);
  if (!statement) return statement.error();
  out.repository = statement->repository;
  out.workflow = statement->workflow;
  out.ref = statement->ref;
  out.commit = statement->commit;
  out.builder = statement->builder;
  out.build_type = statement->build_type;
  if (auto subject = check_subject(*statement, release); !subject) return subject;
  if (!statement->is_provenance)
    return refused("it is no SLSA provenance but \"" + printable(statement->predicate_type, 200) + "\"");

  if (bundle->certificate.empty()) return refused("it names no certificate, so nobody who built it");
  auto signer = Certificate::parse(bundle->certificate);
  if (!signer) return signer.error();
  const CertificateClaims& claims = signer->claims();
  out.issuer = claims.issuer;
  out.identity = claims.identity;
  if (!signer->key().verify(signed_part(*bundle), bundle->signature))
    return refused("its signature does not match");
  if (bundle->log_entries.empty()) return refused("it is in no transparency log");
  for (const LogEntry& entry : bundle->log_entries)
    if (auto same = check_entry_is_of(entry, *bundle, *signer); !same) return same;
  if (auto same = check_claims(*statement, claims); !same) return same;
  if (release.repository && repository_url(*release.repository) != statement->repository)
    return refused("it is of the repository " + printable(statement->repository, 200) +
                   ", and package.json names " +
                   (release.repository->empty() ? "none" : printable(*release.repository, 200)));
  if (out.workflow.empty()) out.workflow = workflow_in(claims);
  if (out.ref.empty()) out.ref = claims.ref;

  if (root == nullptr) return {};
  auto times = signed_times(*bundle, root->parts());
  if (!times) return times.error();
  for (const std::time_t time : *times) {
    auto issued =
        signer->check_issued(root->parts().certificate_authorities, root->parts().certificate_logs, time);
    if (!issued) return issued;
  }
  out.state = Provenance::State::verified;
  return {};
}

Provenance checked(const json::value& document, const AttestedRelease& release, const TrustRoot* root) {
  const OpensslErrorsKept kept;
  Provenance out;
  if (auto holds = check(document, release, root, out); !holds) {
    out.state = Provenance::State::invalid;
    out.fault = holds.error().message;
  }
  return out;
}

Provenance unreadable(const Error& error) {
  Provenance out;
  out.state = Provenance::State::invalid;
  out.fault = error.message;
  return out;
}

}  // namespace

Provenance check_provenance(std::string_view bundle_json, const AttestedRelease& release,
                            const TrustRoot* root) {
  auto document = parse_strict(bundle_json, bundle_limits);
  if (!document) return unreadable(document.error());
  return checked(*document, release, root);
}

std::optional<Provenance> check_attestations(std::string_view answer_json, const AttestedRelease& release,
                                             const TrustRoot* root) {
  auto document = parse_strict(answer_json, answer_limits);
  if (!document) return unreadable(document.error());
  const json::object* answer = document->if_object();
  const json::array* attestations = answer == nullptr ? nullptr : array_at(*answer, "attestations");
  if (attestations == nullptr) return unreadable(refused("the registry's answer has no attestations"));
  std::optional<Provenance> found;
  for (const json::value& one : *attestations) {
    const json::object* attestation = one.if_object();
    const json::value* bundle = attestation == nullptr ? nullptr : attestation->if_contains("bundle");
    if (bundle == nullptr)
      return unreadable(refused("the registry's answer has an attestation without a bundle"));
    auto read = read_bundle(*bundle);
    if (!read) return unreadable(refused("a bundle is refused: " + read.error().message));
    auto statement = statement_in(*read);
    if (!statement) return unreadable(statement.error());
    if (auto subject = check_subject(*statement, release); !subject) return unreadable(subject.error());
    // What it is decides what is signed, not what the answer calls it.
    if (!statement->is_provenance) continue;
    Provenance provenance = checked(*bundle, release, root);
    if (found && provenance.state != Provenance::State::invalid) continue;
    found = std::move(provenance);  // of several the first, or one that does not hold
  }
  return found;
}

}  // namespace sallyport
