#include "policies/provenance/transparency_log.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "policies/provenance/trust_parts.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

Error refused(std::string why) {
  return fail(ErrorKind::invalid, "the log entry " + std::move(why));
}

const json::object* in(const json::object* object, std::string_view key) {
  return object == nullptr ? nullptr : object_at(*object, key);
}

// The only one of a list, or null.
const json::object* only(const json::object* object, std::string_view key) {
  const json::array* array = object == nullptr ? nullptr : array_at(*object, key);
  return array == nullptr || array->size() != 1 ? nullptr : (*array)[0].if_object();
}

std::string text_in(const json::object* object, std::string_view key) {
  return object == nullptr ? std::string() : std::string(string_at(*object, key).value_or(""));
}

// Empty, which equals nothing that is compared with it, where it cannot be decoded.
std::string or_empty(Result<std::string> decoded) {
  return decoded ? std::move(*decoded) : std::string();
}

std::string base64_in(const json::object* object, std::string_view key) {
  return or_empty(base64_decode(text_in(object, key)));
}

// DER of the one certificate in PEM.
std::string certificate_of(const std::string& pem) {
  const std::unique_ptr<BIO, OpensslFree<BIO_free>> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509Ptr x509(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  unsigned char* der = nullptr;
  const int size = x509 ? i2d_X509(x509.get(), &der) : 0;
  if (size <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

// What an entry's body says of the envelope.
struct Recorded {
  std::string signature, payload_sha256, certificate;
};

Recorded read_dsse_001(const json::object* spec) {
  const json::object* hash = in(spec, "payloadHash");
  const json::object* signature = only(spec, "signatures");
  Recorded out;
  out.signature = base64_in(signature, "signature");
  out.certificate = certificate_of(base64_in(signature, "verifier"));
  if (text_in(hash, "algorithm") == "sha256") out.payload_sha256 = or_empty(from_hex(text_in(hash, "value")));
  return out;
}

Recorded read_dsse_002(const json::object* spec) {
  const json::object* body = in(spec, "dsseV002");
  const json::object* hash = in(body, "payloadHash");
  const json::object* signature = only(body, "signatures");
  Recorded out;
  out.signature = base64_in(signature, "content");
  out.certificate = base64_in(in(in(signature, "verifier"), "x509Certificate"), "rawBytes");
  if (text_in(hash, "algorithm") == "SHA2_256") out.payload_sha256 = base64_in(hash, "digest");
  return out;
}

Recorded read_intoto_002(const json::object* spec) {
  const json::object* content = in(spec, "content");
  const json::object* hash = in(content, "payloadHash");
  const json::object* signature = only(in(content, "envelope"), "signatures");
  Recorded out;
  // Base64 of the envelope's base64.
  out.signature = or_empty(base64_decode(base64_in(signature, "sig")));
  out.certificate = certificate_of(base64_in(signature, "publicKey"));
  if (text_in(hash, "algorithm") == "sha256") out.payload_sha256 = or_empty(from_hex(text_in(hash, "value")));
  return out;
}

std::string hash_of(char prefix, std::string_view left, std::string_view right = {}) {
  Sha256Hasher hasher;
  hasher.update(std::string_view(&prefix, 1));
  hasher.update(left);
  hasher.update(right);
  const Sha256 digest = hasher.finish();
  return std::string(as_text(Bytes(digest.bytes)));
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// A signed note: what is signed up to and with the line break before an empty line, then lines
// "— name base64(4 bytes of the key's id, signature)". The note of a log: its name, tree size and root.
Result<void> check_checkpoint(const InclusionProof& proof, const TrustedLog& log) {
  const std::string_view text = proof.checkpoint;
  const std::size_t split = text.find("\n\n");
  if (split == std::string_view::npos) return refused("has a checkpoint without signatures");
  const std::string_view note = text.substr(0, split + 1);
  const auto lines = lines_of(note);
  if (lines.size() < 3) return refused("has a checkpoint that is too short");
  if (lines[1] != std::to_string(proof.tree_size) || or_empty(base64_decode(lines[2])) != proof.root_hash)
    return refused("has a checkpoint of another tree than its proof's");
  if (!text.ends_with('\n')) return refused("has a checkpoint that is cut off");
  constexpr std::string_view dash = "\xe2\x80\x94 ";
  for (std::string_view line : lines_of(text.substr(split + 2))) {
    const std::size_t blank = line.find(' ', dash.size());
    if (!line.starts_with(dash) || blank == std::string_view::npos)
      return refused("has a checkpoint with a line that is no signature");
    // Witnesses sign beside the log: only the log's own line counts.
    const std::string_view name = line.substr(dash.size(), blank - dash.size());
    auto signature = base64_decode(line.substr(blank + 1));
    if (name != log.name || !signature || signature->size() < 5 ||
        log.id.compare(0, 4, *signature, 0, 4) != 0)
      continue;
    if (log.key.verify(note, std::string_view(*signature).substr(4))) return {};
  }
  return refused("has a checkpoint that its log did not sign");
}

const TrustedLog* log_of(const LogEntry& entry, std::span<const TrustedLog> logs) {
  const auto log =
      std::find_if(logs.begin(), logs.end(), [&](const TrustedLog& one) { return one.id == entry.log_id; });
  return log == logs.end() ? nullptr : &*log;
}

}  // namespace

bool leads_to_root(const InclusionProof& proof, std::string_view body) {
  if (proof.log_index >= proof.tree_size) return false;
  auto node = static_cast<std::uint64_t>(proof.log_index);
  auto last = static_cast<std::uint64_t>(proof.tree_size) - 1;
  std::string hash = hash_of('\0', body);
  for (const std::string& sibling : proof.hashes) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = hash_of('\1', sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = hash_of('\1', hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == proof.root_hash;
}

Result<void> check_entry_is_of(const LogEntry& entry, const Bundle& bundle, const Certificate& signer) {
  auto document = parse_strict(entry.body, {.bytes_max = 2u << 20, .depth_max = 32});
  if (!document) return refused("has a body that cannot be read: " + document.error().message);
  const json::object* body = document->if_object();
  if (body == nullptr || string_at(*body, "kind") != entry.kind ||
      string_at(*body, "apiVersion") != entry.version)
    return refused("is of another kind than its body");
  const json::object* spec = object_at(*body, "spec");
  const std::string kind = entry.kind + " " + entry.version;
  Recorded recorded;
  if (kind == "dsse 0.0.1") {
    recorded = read_dsse_001(spec);
  } else if (kind == "dsse 0.0.2") {
    recorded = read_dsse_002(spec);
  } else if (kind == "intoto 0.0.2") {
    recorded = read_intoto_002(spec);
  } else {
    return refused("is of a kind that is not known, " + printable(kind, 80));
  }
  if (recorded.signature != bundle.signature) return refused("is of another signature");
  if (recorded.payload_sha256 != as_text(Bytes(sha256(bundle.payload).bytes)))
    return refused("is of another statement");
  if (recorded.certificate != signer.der()) return refused("is of another signer");
  if (entry.proof && !leads_to_root(*entry.proof, entry.body))
    return refused("is not in the tree that its proof is of");
  return {};
}

Result<std::optional<std::time_t>> check_logged(const LogEntry& entry, std::span<const TrustedLog> logs) {
  const TrustedLog* const log = log_of(entry, logs);
  if (log == nullptr) return refused("is of a log that the trust root does not name");
  if (entry.promise.empty() && !entry.proof) return refused("has neither a promise nor a proof");
  std::optional<std::time_t> when;
  if (!entry.promise.empty()) {
    const json::object said = {{"body", base64_encode(as_bytes(entry.body))},
                               {"integratedTime", entry.integrated_time},
                               {"logID", to_hex(as_bytes(entry.log_id))},
                               {"logIndex", entry.log_index}};
    if (!log->key.verify(canonical(said), entry.promise))
      return refused("has a promise that its log did not sign");
    when = static_cast<std::time_t>(entry.integrated_time);
  }
  if (entry.proof)
    if (auto signed_root = check_checkpoint(*entry.proof, *log); !signed_root) return signed_root.error();
  return when;
}

Result<void> check_log_valid(const LogEntry& entry, std::span<const TrustedLog> logs, std::time_t when) {
  const TrustedLog* const log = log_of(entry, logs);
  if (log == nullptr || !log->valid_for.contains(Instant(std::chrono::seconds(when))))
    return refused("was written when the trust root did not trust its log");
  return {};
}

}  // namespace sallyport
