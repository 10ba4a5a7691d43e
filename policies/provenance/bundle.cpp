#include "policies/provenance/bundle.hpp"

#include <algorithm>
#include <array>

#include "policies/provenance/members.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::size_t log_entries_max = 8, timestamps_max = 8, certificates_max = 10, hashes_max = 64;

int minor_version_of(std::string_view media_type) {
  constexpr std::array<std::pair<std::string_view, int>, 4> known = {{
      {"application/vnd.dev.sigstore.bundle+json;version=0.1", 1},
      {"application/vnd.dev.sigstore.bundle+json;version=0.2", 2},
      {"application/vnd.dev.sigstore.bundle+json;version=0.3", 3},
      {"application/vnd.dev.sigstore.bundle.v0.3+json", 3},
  }};
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const auto& one) { return one.first == media_type; });
  return found == known.end() ? 0 : found->second;
}

LogEntry read_entry(Members& read, const json::value& value, int minor) {
  LogEntry entry;
  const json::object* o = read.object_in(value, "tlogEntries",
                                         {"logIndex", "logId", "kindVersion", "integratedTime",
                                          "inclusionPromise", "inclusionProof", "canonicalizedBody"});
  entry.log_index = read.number(o, "logIndex");
  entry.log_id = read.bytes(read.needed(o, "logId", {"keyId"}), "keyId");
  const json::object* kind = read.needed(o, "kindVersion", {"kind", "version"});
  entry.kind = read.text(kind, "kind");
  entry.version = read.text(kind, "version");
  entry.integrated_time = read.number(o, "integratedTime");
  if (const json::object* promise = read.object(o, "inclusionPromise", {"signedEntryTimestamp"}))
    entry.promise = read.bytes(promise, "signedEntryTimestamp");
  if (const json::object* p =
          read.object(o, "inclusionProof", {"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"})) {
    // v0.1 knew proofs without a signed checkpoint: they prove nothing.
    if (const json::object* checkpoint = read.object(p, "checkpoint", {"envelope"})) {
      InclusionProof& proof = entry.proof.emplace();
      proof.log_index = read.number(p, "logIndex");
      proof.tree_size = read.number(p, "treeSize");
      proof.root_hash = read.bytes(p, "rootHash");
      for (const json::value& hash : read.array(p, "hashes", hashes_max))
        proof.hashes.push_back(read.bytes_in(hash, "hashes"));
      proof.checkpoint = read.text(checkpoint, "envelope");
    }
  }
  if (minor == 1 && entry.promise.empty()) read.refuse("a log entry has no inclusionPromise");
  if (minor > 1 && !entry.proof) read.refuse("a log entry has no inclusionProof with a checkpoint");
  entry.body = read.bytes(o, "canonicalizedBody");
  return entry;
}

void read_signer(Members& read, const json::object* material, int minor, Bundle& bundle) {
  const json::object* chain = read.object(material, "x509CertificateChain", {"certificates"});
  const json::object* certificate = read.object(material, "certificate", {"rawBytes"});
  const json::object* key = read.object(material, "publicKey", {"hint"});
  if ((chain != nullptr) + (certificate != nullptr) + (key != nullptr) != 1)
    return read.refuse("it has no signer, or more than one");
  if (key != nullptr) {
    bundle.key_hint = read.text(key, "hint");
  } else if (certificate != nullptr) {
    bundle.certificate = read.bytes(certificate, "rawBytes");
  } else {
    if (minor > 2) return read.refuse("a v0.3 bundle has one certificate and no chain");
    const json::array& certificates = read.array(chain, "certificates", certificates_max);
    if (certificates.empty()) return read.refuse("its chain of certificates is empty");
    for (const json::value& one : certificates) {
      std::string der = read.bytes(read.object_in(one, "certificates", {"rawBytes"}), "rawBytes");
      if (bundle.certificate.empty()) bundle.certificate = std::move(der);
    }
  }
}

}  // namespace

Result<Bundle> read_bundle(const json::value& value) {
  Members read;
  Bundle bundle;
  const json::object* top = read.object_in(
      value, "document", {"mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"});
  const std::string media_type = read.text(top, "mediaType");
  const int minor = minor_version_of(media_type);
  if (minor == 0) read.refuse("its mediaType is not known, \"" + printable(media_type, 100) + "\"");

  const json::object* material = read.needed(
      top, "verificationMaterial",
      {"publicKey", "x509CertificateChain", "certificate", "tlogEntries", "timestampVerificationData"});
  read_signer(read, material, minor, bundle);
  for (const json::value& entry : read.array(material, "tlogEntries", log_entries_max))
    bundle.log_entries.push_back(read_entry(read, entry, minor));
  const json::object* stamped = read.object(material, "timestampVerificationData", {"rfc3161Timestamps"});
  for (const json::value& stamp : read.array(stamped, "rfc3161Timestamps", timestamps_max))
    bundle.timestamps.push_back(
        read.bytes(read.object_in(stamp, "rfc3161Timestamps", {"signedTimestamp"}), "signedTimestamp"));

  if (read.object(top, "messageSignature", {"messageDigest", "signature"}) != nullptr)
    read.refuse("it signs bytes without a statement about them (messageSignature)");
  const json::object* envelope = read.needed(top, "dsseEnvelope", {"payload", "payloadType", "signatures"});
  bundle.payload_type = read.text(envelope, "payloadType");
  bundle.payload = read.bytes(envelope, "payload");
  const json::array& signatures = read.array(envelope, "signatures", 1);
  if (signatures.size() != 1) {
    read.refuse("its envelope has no signature");
  } else {
    bundle.signature = read.bytes(read.object_in(signatures[0], "signatures", {"sig", "keyid"}), "sig");
  }
  if (!read) return fail(ErrorKind::invalid, read.fault());
  return bundle;
}

}  // namespace sallyport
