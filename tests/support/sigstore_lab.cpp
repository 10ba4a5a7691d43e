#include "tests/support/sigstore_lab.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <vector>

#include "policies/provenance/statement.hpp"
#include "storage/base/base64.hpp"

namespace sallyport {

namespace {

constexpr std::time_t ten_years = 10L * 365 * 24 * 3600;

void must(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("sigstore lab: ") + what);
}

template <class T, class Free>
std::unique_ptr<T, Free> owned(T* p, Free free) {
  must(p != nullptr, "out of memory");
  return {p, free};
}

EVP_PKEY* evp(const LabKey& key) {
  return static_cast<EVP_PKEY*>(key.raw());
}

const EVP_MD* digest_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::p384:
      return EVP_sha384();
    case KeyKind::p521:
      return EVP_sha512();
    case KeyKind::ed25519:
      return nullptr;
    default:
      return EVP_sha256();
  }
}

template <class T>
std::string der_of(T* object, int (*encode)(const T*, unsigned char**)) {
  unsigned char* der = nullptr;
  const int size = encode(object, &der);
  must(size > 0, "DER");
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

auto x509_from(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return owned(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
}

std::string pem_of(const std::string& der) {
  const auto x509 = x509_from(der);
  const auto bio = owned(BIO_new(BIO_s_mem()), BIO_free);
  must(PEM_write_bio_X509(bio.get(), x509.get()) == 1, "PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

void add_extension(X509* x509, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  const auto extension =
      owned(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), X509_EXTENSION_free);
  must(X509_add_ext(x509, extension.get(), -1) == 1, "extension");
}

void add_raw_extension(X509* x509, const std::string& oid, const std::string& value) {
  const auto object = owned(OBJ_txt2obj(oid.c_str(), 1), ASN1_OBJECT_free);
  const auto octets = owned(ASN1_OCTET_STRING_new(), ASN1_OCTET_STRING_free);
  ASN1_OCTET_STRING_set(octets.get(), reinterpret_cast<const unsigned char*>(value.data()),
                        static_cast<int>(value.size()));
  const auto extension =
      owned(X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, octets.get()), X509_EXTENSION_free);
  must(X509_add_ext(x509, extension.get(), -1) == 1, "extension");
}

std::string der_length(std::size_t size) {
  if (size < 128) return std::string(1, static_cast<char>(size));
  if (size < 256) return {'\x81', static_cast<char>(size)};
  return {'\x82', static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
}

std::string der_text(char tag, const std::string& content) {
  return std::string(1, tag) + der_length(content.size()) + content;
}

std::string big_endian(std::uint64_t number, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
  return out;
}

void name(X509_NAME* entry, const char* common_name) {
  X509_NAME_add_entry_by_txt(entry, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common_name),
                             -1, -1, 0);
}

// A certificate without extensions and signature.
auto blank(const char* subject, X509* issuer, const LabKey& key, std::time_t from, std::time_t to) {
  static long serial = 1000;
  auto x509 = owned(X509_new(), X509_free);
  X509_set_version(x509.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), ++serial);
  if (subject != nullptr) name(X509_get_subject_name(x509.get()), subject);
  X509_set_issuer_name(x509.get(), X509_get_subject_name(issuer != nullptr ? issuer : x509.get()));
  ASN1_TIME_set(X509_getm_notBefore(x509.get()), from);
  ASN1_TIME_set(X509_getm_notAfter(x509.get()), to);
  X509_set_pubkey(x509.get(), evp(key));
  return x509;
}

std::string authority(const char* subject, const std::string& issuer_der, const LabKey& key,
                      const LabKey& issuer_key, const char* constraints, const char* usage) {
  auto issuer = issuer_der.empty() ? owned(X509_new(), X509_free) : x509_from(issuer_der);
  auto x509 = blank(subject, issuer_der.empty() ? nullptr : issuer.get(), key, SigstoreLab::now - ten_years,
                    SigstoreLab::now + ten_years);
  X509* const by = issuer_der.empty() ? x509.get() : issuer.get();
  add_extension(x509.get(), by, NID_basic_constraints, constraints);
  add_extension(x509.get(), by, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (usage != nullptr) add_extension(x509.get(), by, NID_ext_key_usage, usage);
  add_extension(x509.get(), by, NID_subject_key_identifier, "hash");
  add_extension(x509.get(), by, NID_authority_key_identifier, "keyid:always");
  must(X509_sign(x509.get(), evp(issuer_key), EVP_sha256()) > 0, "sign");
  return der_of<X509>(x509.get(), i2d_X509);
}

std::string raw(const Sha256& digest) {
  return std::string(as_text(Bytes(digest.bytes)));
}
std::string b64(std::string_view bytes) {
  return base64_encode(as_bytes(bytes));
}

// An array of one: braces around one value would be that value.
json::array only(json::object element) {
  json::array array;
  array.push_back(std::move(element));
  return array;
}

// RFC 6962 section 2.1, as it is written there.
std::string tree_hash(const std::vector<std::string>& leaves, std::size_t from, std::size_t to) {
  if (to - from == 1) return raw(sha256(std::string(1, '\0') + leaves[from]));
  std::size_t k = 1;
  while (k * 2 < to - from) k *= 2;
  return raw(
      sha256(std::string(1, '\1') + tree_hash(leaves, from, from + k) + tree_hash(leaves, from + k, to)));
}
std::vector<std::string> tree_path(const std::vector<std::string>& leaves, std::size_t at, std::size_t from,
                                   std::size_t to) {
  if (to - from == 1) return {};
  std::size_t k = 1;
  while (k * 2 < to - from) k *= 2;
  const bool left = at < from + k;
  auto path = left ? tree_path(leaves, at, from, from + k) : tree_path(leaves, at, from + k, to);
  path.push_back(left ? tree_hash(leaves, from + k, to) : tree_hash(leaves, from, from + k));
  return path;
}

json::object validity() {
  return {{"start", "2020-01-01T00:00:00Z"}};
}

json::object log_of(std::string_view url, const LabKey& key, KeyKind kind) {
  return {{"baseUrl", url},
          {"hashAlgorithm", "SHA2_256"},
          {"publicKey",
           {{"rawBytes", b64(key.spki())},
            {"keyDetails", kind == KeyKind::ed25519 ? "PKIX_ED25519"
                           : kind == KeyKind::p384  ? "PKIX_ECDSA_P384_SHA_384"
                                                    : "PKIX_ECDSA_P256_SHA_256"},
            {"validFor", validity()}}},
          {"logId", {{"keyId", b64(raw(sha256(key.spki())))}}}};
}

json::object authority_of(std::initializer_list<std::string> chain) {
  json::array certificates;
  for (const std::string& der : chain) certificates.push_back(json::object{{"rawBytes", b64(der)}});
  return {{"subject", {{"organization", "example"}, {"commonName", "lab"}}},
          {"uri", "https://fulcio.example"},
          {"certChain", {{"certificates", std::move(certificates)}}},
          {"validFor", validity()}};
}

}  // namespace

LabKey::LabKey(KeyKind kind) : kind_(kind) {
  EVP_PKEY* key = nullptr;
  switch (kind) {
    case KeyKind::p256:
      key = EVP_EC_gen("P-256");
      break;
    case KeyKind::p384:
      key = EVP_EC_gen("P-384");
      break;
    case KeyKind::p521:
      key = EVP_EC_gen("P-521");
      break;
    case KeyKind::rsa:
      key = EVP_RSA_gen(2048);
      break;
    case KeyKind::ed25519:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
      break;
  }
  must(key != nullptr, "key");
  key_ = std::shared_ptr<void>(key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
}

std::string LabKey::spki() const {
  return der_of<EVP_PKEY>(evp(*this), i2d_PUBKEY);
}

std::string LabKey::sign(std::string_view data) const {
  const auto context = owned(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  must(EVP_DigestSignInit(context.get(), nullptr, digest_of(kind_), nullptr, evp(*this)) == 1, "sign");
  const auto* in = reinterpret_cast<const unsigned char*>(data.data());
  std::size_t size = 0;
  must(EVP_DigestSign(context.get(), nullptr, &size, in, data.size()) == 1, "sign");
  std::string out(size, '\0');
  must(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, in, data.size()) ==
           1,
       "sign");
  out.resize(size);
  return out;
}

SigstoreLab::SigstoreLab(KeyKind log_kind) : log_key(log_kind), log_kind_(log_kind) {
  root = authority("lab root", {}, root_key, root_key, "critical,CA:TRUE", nullptr);
  intermediate = authority("lab intermediate", root, intermediate_key, root_key, "critical,CA:TRUE,pathlen:0",
                           "codeSigning");
  const auto issuer = x509_from(root);
  const auto stamp = blank("lab clock", issuer.get(), stamp_key, now - ten_years, now + ten_years);
  add_extension(stamp.get(), issuer.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(stamp.get(), issuer.get(), NID_ext_key_usage, "critical,timeStamping");
  add_extension(stamp.get(), issuer.get(), NID_subject_key_identifier, "hash");
  add_extension(stamp.get(), issuer.get(), NID_authority_key_identifier, "keyid:always");
  must(X509_sign(stamp.get(), evp(root_key), EVP_sha256()) > 0, "sign");
  stamp_certificate = der_of<X509>(stamp.get(), i2d_X509);
}

AttestationPlan SigstoreLab::plan(std::string_view tarball, std::string_view name, std::string_view version) {
  AttestationPlan plan;
  plan.sha512 = sallyport::sha512(as_bytes(tarball));
  plan.time = now;
  plan.not_before = now - 60;
  plan.not_after = now + 540;
  plan.claims = {{"1", "https://token.git.example"},
                 {"8", "https://token.git.example"},
                 {"12", "https://git.example/acme/lib"},
                 {"13", "0123456789abcdef0123456789abcdef01234567"},
                 {"14", "refs/heads/main"},
                 {"18", "https://git.example/acme/lib/.ci/release.yml@refs/heads/main"}};
  plan.statement = {
      {"_type", "https://in-toto.io/Statement/v1"},
      {"subject",
       only(json::object{{"name", npm_purl(name, version)}, {"digest", {{"sha512", to_hex(plan.sha512)}}}})},
      {"predicateType", "https://slsa.dev/provenance/v1"},
      {"predicate",
       {{"buildDefinition",
         {{"buildType", "https://git.example/buildtypes/workflow/v1"},
          {"externalParameters",
           {{"workflow",
             {{"ref", "refs/heads/main"},
              {"repository", "https://git.example/acme/lib"},
              {"path", ".ci/release.yml"}}}}},
          {"resolvedDependencies",
           only(json::object{{"uri", "git+https://git.example/acme/lib@refs/heads/main"},
                             {"digest", {{"gitCommit", "0123456789abcdef0123456789abcdef01234567"}}}})}}},
        {"runDetails", {{"builder", {{"id", "https://git.example/runner/hosted"}}}}}}}};
  return plan;
}

json::object SigstoreLab::statement_v02(const AttestationPlan& plan) {
  return {{"_type", "https://in-toto.io/Statement/v0.1"},
          {"subject", only(json::object{{"name", "pkg:npm/%40acme/lib@1.2.3"},
                                        {"digest", {{"sha512", to_hex(plan.sha512)}}}})},
          {"predicateType", "https://slsa.dev/provenance/v0.2"},
          {"predicate",
           {{"buildType", "https://git.example/build/v2"},
            {"builder", {{"id", "https://git.example/acme/lib/-/runners/4711"}}},
            {"invocation",
             {{"configSource",
               {{"uri", "git+https://git.example/acme/lib@refs/heads/main"},
                {"digest", {{"sha1", "0123456789abcdef0123456789abcdef01234567"}}},
                {"entryPoint", ".ci/release.yml"}}}}}}}};
}

json::object SigstoreLab::trusted_root() const {
  return {{"mediaType", "application/vnd.dev.sigstore.trustedroot+json;version=0.1"},
          {"tlogs", only(log_of("https://rekor.example", log_key, log_kind_))},
          {"certificateAuthorities", only(authority_of({intermediate, root}))},
          {"ctlogs", only(log_of("https://ctfe.example", certificate_log_key, KeyKind::p256))},
          {"timestampAuthorities", only(authority_of({stamp_certificate, root}))}};
}

std::string SigstoreLab::leaf(const AttestationPlan& plan, const LabKey& key) const {
  const auto issuer = x509_from(plan.from_root ? root : intermediate);
  const LabKey& issuer_key = plan.from_root ? root_key : intermediate_key;
  const auto x509 = blank(nullptr, issuer.get(), key, plan.not_before, plan.not_after);
  if (plan.is_authority) {
    add_extension(x509.get(), issuer.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(x509.get(), issuer.get(), NID_key_usage, "critical,digitalSignature,keyCertSign");
  } else {
    add_extension(x509.get(), issuer.get(), NID_key_usage, "critical,digitalSignature");
  }
  if (!plan.usage.empty()) add_extension(x509.get(), issuer.get(), NID_ext_key_usage, plan.usage);
  add_extension(x509.get(), issuer.get(), NID_subject_key_identifier, "hash");
  add_extension(x509.get(), issuer.get(), NID_authority_key_identifier, "keyid:always");
  if (!plan.identity.empty())
    add_extension(x509.get(), issuer.get(), NID_subject_alt_name, "critical," + plan.identity);
  for (const auto& [number, text] : plan.claims) {
    const bool bare = number.size() == 1 && number < "7";
    add_raw_extension(x509.get(), "1.3.6.1.4.1.57264.1." + number, bare ? text : der_text('\x0c', text));
  }
  must(X509_sign(x509.get(), evp(issuer_key), EVP_sha256()) > 0, "sign");
  if (plan.has_sct) {
    const std::string tbs = der_of<X509>(x509.get(), [](const X509* x, unsigned char** out) {
      return i2d_re_X509_tbs(const_cast<X509*>(x), out);
    });
    const std::string time = big_endian(static_cast<std::uint64_t>(plan.not_before) * 1000, 8);
    const std::string said = big_endian(0, 2) + time + big_endian(1, 2) + raw(sha256(issuer_key.spki())) +
                             big_endian(tbs.size(), 3) + tbs + big_endian(0, 2);
    const std::string signature = certificate_log_key.sign(said);
    const std::string sct = std::string(1, '\0') + raw(sha256(certificate_log_key.spki())) + time +
                            big_endian(0, 2) + "\x04\x03" + big_endian(signature.size(), 2) + signature;
    const std::string list = big_endian(sct.size() + 2, 2) + big_endian(sct.size(), 2) + sct;
    add_raw_extension(x509.get(), "1.3.6.1.4.1.11129.2.4.2", der_text('\x04', list));
    must(X509_sign(x509.get(), evp(issuer_key), EVP_sha256()) > 0, "sign");
  }
  return der_of<X509>(x509.get(), i2d_X509);
}

std::string SigstoreLab::promise_of(const std::string& body, std::time_t time, std::int64_t index) const {
  return log_key.sign(canonical(json::object{{"body", b64(body)},
                                             {"integratedTime", time},
                                             {"logID", to_hex(sha256(log_key.spki()))},
                                             {"logIndex", index}}));
}

json::object SigstoreLab::log_entry(const AttestationPlan& plan, const std::string& leaf,
                                    const std::string& payload, const std::string& signature) const {
  const json::object payload_hash = {{"algorithm", "sha256"}, {"value", to_hex(sha256(payload))}};
  json::object spec;
  if (plan.entry_kind == "intoto") {
    spec = {{"content",
             {{"envelope",
               {{"payloadType", plan.payload_type},
                {"signatures",
                 only(json::object{{"publicKey", b64(pem_of(leaf))}, {"sig", b64(b64(signature))}})}}},
              {"hash", {{"algorithm", "sha256"}, {"value", to_hex(sha256("envelope"))}}},
              {"payloadHash", payload_hash}}}};
  } else if (plan.entry_version == "0.0.2") {
    spec = {{"dsseV002",
             {{"payloadHash", {{"algorithm", "SHA2_256"}, {"digest", b64(raw(sha256(payload)))}}},
              {"signatures", only(json::object{{"content", b64(signature)},
                                               {"verifier",
                                                {{"x509Certificate", {{"rawBytes", b64(leaf)}}},
                                                 {"keyDetails", "PKIX_ECDSA_P256_SHA_256"}}}})}}}};
  } else {
    spec = {
        {"envelopeHash", {{"algorithm", "sha256"}, {"value", to_hex(sha256("envelope"))}}},
        {"payloadHash", payload_hash},
        {"signatures", only(json::object{{"signature", b64(signature)}, {"verifier", b64(pem_of(leaf))}})}};
  }
  const std::string body = canonical(
      json::object{{"apiVersion", plan.entry_version}, {"kind", plan.entry_kind}, {"spec", std::move(spec)}});

  constexpr std::int64_t index = 4'200'000'017;  // over all shards, unlike that of the proof
  const std::string id = raw(sha256(log_key.spki()));
  json::object entry = {{"logIndex", std::to_string(index)},
                        {"logId", {{"keyId", b64(id)}}},
                        {"kindVersion", {{"kind", plan.entry_kind}, {"version", plan.entry_version}}},
                        {"canonicalizedBody", b64(body)}};
  if (plan.promise) {
    entry["integratedTime"] = std::to_string(plan.time);
    entry["inclusionPromise"] = {{"signedEntryTimestamp", b64(promise_of(body, plan.time, index))}};
  }
  if (plan.proof) {
    std::vector<std::string> leaves;
    for (std::uint64_t i = 0; i < plan.tree_size; ++i) leaves.push_back("leaf " + std::to_string(i));
    leaves[plan.tree_index] = body;
    json::array hashes;
    for (const std::string& hash : tree_path(leaves, plan.tree_index, 0, leaves.size()))
      hashes.push_back(json::string(b64(hash)));
    const std::string tree_root = tree_hash(leaves, 0, leaves.size());
    const std::string note = "rekor.example - 1193050959916656506\n" + std::to_string(plan.tree_size) + "\n" +
                             b64(tree_root) + "\n";
    entry["inclusionProof"] = {{"logIndex", std::to_string(plan.tree_index)},
                               {"rootHash", b64(tree_root)},
                               {"treeSize", std::to_string(plan.tree_size)},
                               {"hashes", std::move(hashes)},
                               {"checkpoint",
                                {{"envelope", note + "\n\xe2\x80\x94 rekor.example " +
                                                  b64(id.substr(0, 4) + log_key.sign(note)) + "\n"}}}};
  }
  return entry;
}

std::string SigstoreLab::time_stamp(std::string_view stamped, std::time_t when) const {
  const auto request = owned(TS_REQ_new(), TS_REQ_free);
  const auto imprint = owned(TS_MSG_IMPRINT_new(), TS_MSG_IMPRINT_free);
  const auto algorithm = owned(X509_ALGOR_new(), X509_ALGOR_free);
  X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_sha256), V_ASN1_NULL, nullptr);
  TS_REQ_set_version(request.get(), 1);
  TS_MSG_IMPRINT_set_algo(imprint.get(), algorithm.get());
  std::string digest = raw(sha256(stamped));
  TS_MSG_IMPRINT_set_msg(imprint.get(), reinterpret_cast<unsigned char*>(digest.data()),
                         static_cast<int>(digest.size()));
  TS_REQ_set_msg_imprint(request.get(), imprint.get());
  TS_REQ_set_cert_req(request.get(), 1);
  const std::string asked = der_of<TS_REQ>(request.get(), i2d_TS_REQ);

  const auto context = owned(TS_RESP_CTX_new(), TS_RESP_CTX_free);
  const auto signer = x509_from(stamp_certificate);
  const auto policy = owned(OBJ_txt2obj("1.2.3.4.1", 1), ASN1_OBJECT_free);
  TS_RESP_CTX_set_signer_cert(context.get(), signer.get());
  TS_RESP_CTX_set_signer_key(context.get(), evp(stamp_key));
  TS_RESP_CTX_set_signer_digest(context.get(), EVP_sha256());
  TS_RESP_CTX_set_ess_cert_id_digest(context.get(), EVP_sha256());
  TS_RESP_CTX_set_def_policy(context.get(), policy.get());
  TS_RESP_CTX_add_md(context.get(), EVP_sha256());
  TS_RESP_CTX_set_serial_cb(
      context.get(),
      [](TS_RESP_CTX*, void*) {
        ASN1_INTEGER* serial = ASN1_INTEGER_new();
        ASN1_INTEGER_set(serial, 42);
        return serial;
      },
      nullptr);
  TS_RESP_CTX_set_time_cb(
      context.get(),
      [](TS_RESP_CTX*, void* data, long* seconds, long* micros) {
        *seconds = *static_cast<const std::time_t*>(data);
        *micros = 0;
        return 1;
      },
      &when);
  const auto bio = owned(BIO_new_mem_buf(asked.data(), static_cast<int>(asked.size())), BIO_free);
  const auto response = owned(TS_RESP_create_response(context.get(), bio.get()), TS_RESP_free);
  return der_of<TS_RESP>(response.get(), i2d_TS_RESP);
}

json::object SigstoreLab::bundle(const AttestationPlan& plan) const {
  const LabKey key(plan.leaf_kind);
  const std::string certificate = leaf(plan, key);
  const std::string payload = plan.payload.empty() ? json::serialize(plan.statement) : plan.payload;
  const std::string signature =
      key.sign("DSSEv1 " + std::to_string(plan.payload_type.size()) + " " + plan.payload_type + " " +
               std::to_string(payload.size()) + " " + payload);
  json::object material;
  if (plan.bundle_minor < 3) {
    material["x509CertificateChain"] = {
        {"certificates", json::array{json::object{{"rawBytes", b64(certificate)}},
                                     json::object{{"rawBytes", b64(intermediate)}}}}};
  } else {
    material["certificate"] = {{"rawBytes", b64(certificate)}};
  }
  material["tlogEntries"] = only(log_entry(plan, certificate, payload, signature));
  if (plan.time_stamp)
    material["timestampVerificationData"] = {
        {"rfc3161Timestamps",
         only(json::object{{"signedTimestamp", b64(time_stamp(signature, plan.time))}})}};
  return {{"mediaType", plan.bundle_minor < 3 ? "application/vnd.dev.sigstore.bundle+json;version=0." +
                                                    std::to_string(plan.bundle_minor)
                                              : "application/vnd.dev.sigstore.bundle.v0.3+json"},
          {"verificationMaterial", std::move(material)},
          {"dsseEnvelope",
           {{"payload", b64(payload)},
            {"payloadType", plan.payload_type},
            {"signatures", only(json::object{{"sig", b64(signature)}, {"keyid", ""}})}}}};
}

}  // namespace sallyport
