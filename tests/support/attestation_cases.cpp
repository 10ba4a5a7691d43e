#include "tests/support/attestation_cases.hpp"

#include <functional>

#include "storage/base/base64.hpp"

namespace sallyport {

namespace {

using Edit = std::function<void(json::object&)>;

json::object& material(json::object& bundle) {
  return bundle["verificationMaterial"].as_object();
}
json::object& entry(json::object& bundle) {
  return material(bundle)["tlogEntries"].as_array()[0].as_object();
}
json::object& proof(json::object& bundle) {
  return entry(bundle)["inclusionProof"].as_object();
}
json::object& envelope(json::object& bundle) {
  return bundle["dsseEnvelope"].as_object();
}
json::object& signature(json::object& bundle) {
  return envelope(bundle)["signatures"].as_array()[0].as_object();
}
json::object& subject(AttestationPlan& plan) {
  return plan.statement["subject"].as_array()[0].as_object();
}
json::object& workflow(AttestationPlan& plan) {
  json::value* at = &plan.statement["predicate"];
  for (const char* key : {"buildDefinition", "externalParameters", "workflow"}) at = &at->as_object()[key];
  return at->as_object();
}

std::string bytes_of(const json::value& text) {
  return base64_decode(text.as_string()).value();
}
void set_bytes(json::value& text, std::string_view bytes) {
  text = json::string(base64_encode(as_bytes(bytes)));
}
void flip_a_bit(json::value& text, std::size_t at) {
  std::string bytes = bytes_of(text);
  bytes.at(at) = static_cast<char>(bytes[at] ^ 1);
  set_bytes(text, bytes);
}

class Cases {
 public:
  explicit Cases(const SigstoreLab& lab) : lab_(lab) {}

  using Plan = std::function<void(AttestationPlan&)>;

  void right(std::string name, const Plan& change) { add({std::move(name), made(change), {}, true, false}); }
  // Something signed wrongly, by whoever has keys.
  void planned(std::string name, std::string fault, const Plan& change) {
    add({std::move(name), made(change), std::move(fault)});
  }
  // Something changed after it was signed.
  void edited(std::string name, std::string fault, const Edit& change, const Plan& plan = [](auto&) {}) {
    json::object bundle = json::parse(made(plan)).as_object();
    change(bundle);
    add({std::move(name), json::serialize(bundle), std::move(fault)});
  }
  // The text of the bundle, changed where a parser would take it.
  void text(std::string name, std::string fault, const std::function<std::string(std::string)>& change) {
    add({std::move(name), change(made([](auto&) {})), std::move(fault)});
  }
  AttestationCase& last() { return all.back(); }
  void npm_takes_it() { last().npm_takes_it = true; }
  void only_a_root_tells() { last().needs_no_root = false; }

  std::vector<AttestationCase> all;

 private:
  void add(AttestationCase one) { all.push_back(std::move(one)); }
  std::string made(const Plan& change) {
    AttestationPlan plan = SigstoreLab::plan(attested_tarball);
    change(plan);
    return lab_.bundle_text(plan);
  }
  const SigstoreLab& lab_;
};

void right_ones(Cases& cases) {
  cases.right("v0.3, dsse entry, promise and proof", [](auto&) {});
  cases.right("v0.2 with a chain", [](auto& p) { p.bundle_minor = 2; });
  cases.right("v0.1 with an intoto entry and a promise alone", [](auto& p) {
    p.bundle_minor = 1;
    p.entry_kind = "intoto";
    p.entry_version = "0.0.2";
    p.proof = false;
  });
  cases.right("a newer log: no promise, a time stamp", [](auto& p) {
    p.entry_version = "0.0.2";
    p.promise = false;
    p.time_stamp = true;
  });
  cases.right("promise and time stamp", [](auto& p) { p.time_stamp = true; });
  cases.right("SLSA v0.2", [](auto& p) { p.statement = SigstoreLab::statement_v02(p); });
  cases.right("a key of Ed25519", [](auto& p) { p.leaf_kind = KeyKind::ed25519; });
  for (const auto& [size, index] :
       {std::pair{1u, 0u}, {2u, 1u}, {7u, 6u}, {8u, 0u}, {13u, 12u}, {64u, 33u}}) {
    cases.right("a tree of " + std::to_string(size) + ", leaf " + std::to_string(index), [&](auto& p) {
      p.tree_size = size;
      p.tree_index = index;
    });
  }
}

void of_another_release(Cases& cases) {
  cases.planned("another tarball's digest", "other bytes", [](auto& p) {
    subject(p)["digest"] = {{"sha512", to_hex(sha512(as_bytes("other bytes")))}};
  });
  cases.planned("another package's name", "it is about",
                [](auto& p) { subject(p)["name"] = "pkg:npm/%40acme/other@1.2.3"; });
  cases.planned("another version", "it is about",
                [](auto& p) { subject(p)["name"] = "pkg:npm/%40acme/lib@1.2.4"; });
  cases.planned("the scope unescaped", "it is about",
                [](auto& p) { subject(p)["name"] = "pkg:npm/@acme/lib@1.2.3"; });
  cases.planned("two subjects", "subject has more than 1", [](auto& p) {
    p.statement["subject"].as_array().push_back(
        {{"name", "pkg:npm/evil@1.0.0"}, {"digest", {{"sha512", to_hex(sha512(as_bytes("evil")))}}}});
  });
  cases.planned("no subject", "no subject", [](auto& p) { p.statement["subject"] = json::array(); });
  cases.planned("a subject without sha512", "no sha512",
                [](auto& p) { subject(p)["digest"] = {{"sha256", to_hex(sha256(attested_tarball))}}; });
  cases.planned("a statement of another kind", "no SLSA provenance", [](auto& p) {
    p.statement["predicateType"] = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
  });
  cases.npm_takes_it();
  cases.planned("a payload of another type", "no in-toto statement",
                [](auto& p) { p.payload_type = "application/json"; });
  cases.npm_takes_it();
  cases.planned("a key twice in the statement", "occurs twice", [](auto& p) {
    p.payload = json::serialize(p.statement);
    p.payload.insert(1, R"("predicateType":"https://slsa.dev/provenance/v1",)");
  });
  cases.npm_takes_it();
  cases.planned("a statement with another member", "not known", [](auto& p) { p.statement["subjects"] = 1; });
  cases.npm_takes_it();
}

// The build wrote the statement; what it says of itself has to be what the issuer of its identity said.
void of_another_build(Cases& cases) {
  cases.planned("another's repository in the statement", "says repository",
                [](auto& p) { workflow(p)["repository"] = "https://git.example/acme/victim"; });
  cases.npm_takes_it();
  cases.planned("another workflow", "says workflow",
                [](auto& p) { workflow(p)["path"] = ".ci/nightly.yml"; });
  cases.npm_takes_it();
  cases.planned("the beginning of a workflow's name", "says workflow",
                [](auto& p) { workflow(p)["path"] = ".ci/rel"; });
  cases.npm_takes_it();
  cases.planned("another branch", "says ref", [](auto& p) { workflow(p)["ref"] = "refs/heads/evil"; });
  cases.npm_takes_it();
  cases.planned("another commit", "says commit", [](auto& p) { p.claims["13"] = std::string(40, 'f'); });
  cases.npm_takes_it();
  cases.planned("a person who claims a repository", "nothing of it", [](auto& p) {
    p.identity = "email:mallory@mail.example";
    p.claims = {{"1", "https://accounts.example"}, {"8", "https://accounts.example"}};
  });
  cases.npm_takes_it();
  cases.planned("no repository at all", "names no repository", [](auto& p) {
    p.statement["predicate"] = json::object{};
    p.claims.erase("12");
  });
  cases.npm_takes_it();
  cases.planned("a claim that is no text", "claim that is no text",
                [](auto& p) { p.claims["12"] = "https://git.example/acme/lib\n"; });
  cases.npm_takes_it();
  cases.planned("two identities", "name one identity",
                [](auto& p) { p.identity += ",URI:https://git.example/acme/other"; });
  cases.npm_takes_it();
}

void signed_wrongly(Cases& cases, const SigstoreLab& lab) {
  cases.edited("the payload changed after it was signed", "signature does not match", [](json::object& b) {
    std::string payload = bytes_of(envelope(b)["payload"]);
    payload.replace(payload.find("hosted"), 6, "stolen");
    set_bytes(envelope(b)["payload"], payload);
  });
  cases.edited("the signature changed", "signature does not match",
               [](json::object& b) { flip_a_bit(signature(b)["sig"], 20); });
  cases.edited("a signature of another key", "signature does not match", [&](json::object& b) {
    set_bytes(signature(b)["sig"], LabKey().sign(bytes_of(envelope(b)["payload"])));
  });
  cases.edited("a signature of the payload without its type", "signature does not match",
               [&](json::object& b) {
                 set_bytes(signature(b)["sig"], lab.log_key.sign(bytes_of(envelope(b)["payload"])));
               });
  cases.edited("no signature", "no signature",
               [](json::object& b) { envelope(b)["signatures"] = json::array(); });
  cases.edited("an empty signature", "not base64", [](json::object& b) { signature(b)["sig"] = ""; });
  cases.edited("two signatures", "more than 1", [](json::object& b) {
    envelope(b)["signatures"].as_array().push_back(json::value(signature(b)));
  });
  cases.edited("an HMAC with the public key in place of a signature", "signature does not match",
               [](json::object& b) { set_bytes(signature(b)["sig"], std::string(32, 'h')); });
  cases.planned("a key of P-521", "none of ECDSA", [](auto& p) { p.leaf_kind = KeyKind::p521; });
  cases.planned("a key of RSA", "none of ECDSA", [](auto& p) { p.leaf_kind = KeyKind::rsa; });
  cases.npm_takes_it();
}

void certified_wrongly(Cases& cases, const SigstoreLab& lab) {
  cases.planned("expired when it was logged", "certificate has expired",
                [](auto& p) { p.not_after = p.time - 1; });
  cases.only_a_root_tells();
  cases.planned("not yet valid when it was logged", "not yet valid", [](auto& p) {
    p.not_before = p.time + 1;
    p.not_after = p.time + 600;
  });
  cases.only_a_root_tells();
  cases.planned("expired by one of two times", "certificate has expired", [](auto& p) {
    p.time_stamp = true;
    p.not_after = p.time - 1;
  });
  cases.only_a_root_tells();
  cases.edited("of another authority, in another log", "of a log that the trust root does not name",
               [](json::object& b) { b = SigstoreLab().bundle(SigstoreLab::plan(attested_tarball)); });
  cases.only_a_root_tells();
  {
    // All but the authority is ours: log and certificate log vouch for anything they are given.
    SigstoreLab other;
    other.log_key = lab.log_key;
    other.certificate_log_key = lab.certificate_log_key;
    cases.edited("a certificate of another authority, logged", "of no authority",
                 [&](json::object& b) { b = other.bundle(SigstoreLab::plan(attested_tarball)); });
    cases.only_a_root_tells();
  }
  {
    SigstoreLab other;
    other.log_key = lab.log_key;
    other.root = lab.root;
    other.root_key = lab.root_key;
    other.intermediate = lab.intermediate;
    other.intermediate_key = lab.intermediate_key;
    cases.edited("listed in another certificate log", "no certificate log that",
                 [&](json::object& b) { b = other.bundle(SigstoreLab::plan(attested_tarball)); });
    cases.only_a_root_tells();
  }
  cases.planned("listed nowhere", "listed in no certificate log", [](auto& p) { p.has_sct = false; });
  cases.only_a_root_tells();
  cases.planned("not for signing code", "not for signing code", [](auto& p) { p.usage = "clientAuth"; });
  cases.only_a_root_tells();
  cases.npm_takes_it();
  cases.planned("for anything", "not for signing code", [](auto& p) { p.usage.clear(); });
  cases.only_a_root_tells();
  cases.npm_takes_it();
  cases.planned("an authority as signer", "an authority's", [](auto& p) {
    p.is_authority = true;
    p.from_root = true;
  });
  cases.only_a_root_tells();
  cases.npm_takes_it();
  cases.edited("another's certificate", "signature does not match", [&](json::object& b) {
    b["verificationMaterial"] = lab.bundle(SigstoreLab::plan(attested_tarball))["verificationMaterial"];
  });
  cases.edited("bytes after the certificate", "not one certificate", [](json::object& b) {
    json::value& der = material(b)["certificate"].as_object()["rawBytes"];
    set_bytes(der, bytes_of(der) + "x");
  });
  cases.npm_takes_it();  // npm 11 does
  cases.edited("no certificate but a key's name", "names no certificate", [](json::object& b) {
    material(b).erase("certificate");
    material(b)["publicKey"] = {{"hint", "SHA256:key"}};
  });
  cases.edited("a certificate and a chain", "more than one", [](json::object& b) {
    material(b)["x509CertificateChain"] = {{"certificates", json::array(1, material(b)["certificate"])}};
  });
  cases.edited("a chain in v0.3", "no chain", [](json::object& b) {
    material(b)["x509CertificateChain"] = {{"certificates", json::array(1, material(b)["certificate"])}};
    material(b).erase("certificate");
  });
}

void logged_wrongly(Cases& cases, const SigstoreLab& lab) {
  const auto other_entry = [&lab](const char* tarball) {
    AttestationPlan plan = SigstoreLab::plan(tarball);
    return lab.bundle(plan)["verificationMaterial"].as_object()["tlogEntries"];
  };
  cases.edited("no log entry", "in no transparency log",
               [](json::object& b) { material(b)["tlogEntries"] = json::array(); });
  cases.edited("the log entry of another artifact", "of another signature",
               [&](json::object& b) { material(b)["tlogEntries"] = other_entry("other"); });
  cases.edited("a right entry and one of another artifact", "of another signature", [&](json::object& b) {
    material(b)["tlogEntries"].as_array().push_back(other_entry("other").as_array()[0]);
  });
  cases.edited("a promise of another key", "promise that its log did not sign", [](json::object& b) {
    const SigstoreLab other;
    set_bytes(entry(b)["inclusionPromise"].as_object()["signedEntryTimestamp"],
              other.promise_of(bytes_of(entry(b)["canonicalizedBody"]), SigstoreLab::now, 4'200'000'017));
  });
  cases.only_a_root_tells();
  cases.edited("a time that the log did not sign", "promise that its log did not sign",
               [](json::object& b) { entry(b)["integratedTime"] = std::to_string(SigstoreLab::now + 1); });
  cases.only_a_root_tells();
  cases.edited("an index that the log did not sign", "promise that its log did not sign",
               [](json::object& b) { entry(b)["logIndex"] = "17"; });
  cases.only_a_root_tells();
  cases.edited("a log that nobody named", "of a log that the trust root does not name",
               [](json::object& b) { flip_a_bit(entry(b)["logId"].as_object()["keyId"], 0); });
  cases.only_a_root_tells();
  cases.edited("a hash of the path changed", "not in the tree",
               [](json::object& b) { flip_a_bit(proof(b)["hashes"].as_array()[1], 0); });
  cases.edited("a hash of the path left out", "not in the tree",
               [](json::object& b) { proof(b)["hashes"].as_array().pop_back(); });
  cases.edited("a hash too many", "not in the tree", [](json::object& b) {
    auto& hashes = proof(b)["hashes"].as_array();
    hashes.push_back(json::value(hashes[0]));
  });
  cases.edited("another leaf's place", "not in the tree",
               [](json::object& b) { proof(b)["logIndex"] = "5"; });
  cases.edited("a place past the end", "not in the tree",
               [](json::object& b) { proof(b)["logIndex"] = "11"; });
  cases.edited("a root that the checkpoint does not have", "not in the tree",
               [](json::object& b) { flip_a_bit(proof(b)["rootHash"], 0); });
  cases.npm_takes_it();  // it reads the checkpoint's root and not the proof's
  cases.edited("a tree of one's own", "checkpoint that its log did not sign", [](json::object& b) {
    const std::string body = bytes_of(entry(b)["canonicalizedBody"]);
    const Sha256 leaf = sha256(std::string(1, '\0') + body);
    const std::string root = base64_encode(Bytes(leaf.bytes));
    const std::string note = "rekor.example - 1\n1\n" + root + "\n";
    const std::string id = bytes_of(entry(b)["logId"].as_object()["keyId"]).substr(0, 4);
    const std::string line =
        "\xe2\x80\x94 rekor.example " + base64_encode(as_bytes(id + LabKey().sign(note)));
    proof(b) = {{"logIndex", "0"},
                {"rootHash", root},
                {"treeSize", "1"},
                {"hashes", json::array()},
                {"checkpoint", {{"envelope", note + "\n" + line + "\n"}}}};
  });
  cases.only_a_root_tells();
  cases.edited("a checkpoint without signatures", "checkpoint without signatures", [](json::object& b) {
    proof(b)["checkpoint"] = {{"envelope", "rekor.example - 1\n11\nAAAA\n"}};
  });
  cases.only_a_root_tells();
  cases.edited("a checkpoint of another size", "another tree", [](json::object& b) {
    json::value& note = proof(b)["checkpoint"].as_object()["envelope"];
    std::string text(note.as_string());
    text.replace(text.find("\n11\n"), 4, "\n12\n");
    note = text;
  });
  cases.only_a_root_tells();
  cases.edited("a checkpoint under another log's name", "its log did not sign", [](json::object& b) {
    json::value& note = proof(b)["checkpoint"].as_object()["envelope"];
    std::string text(note.as_string());
    text.insert(text.rfind("rekor.example"), "x");
    note = text;
  });
  cases.only_a_root_tells();
  cases.edited("a checkpoint cut off", "cut off", [](json::object& b) {
    json::value& note = proof(b)["checkpoint"].as_object()["envelope"];
    std::string text(note.as_string());
    text.pop_back();
    note = text;
  });
  cases.only_a_root_tells();
  cases.edited("no promise and no proof", "no inclusionProof", [](json::object& b) {
    entry(b).erase("inclusionPromise");
    entry(b).erase("inclusionProof");
  });
  cases.edited("a proof alone, without a time", "no signed time",
               [](json::object& b) { entry(b).erase("inclusionPromise"); });
  cases.only_a_root_tells();
  cases.edited(
      "v0.1 without a promise", "no inclusionPromise",
      [](json::object& b) { entry(b).erase("inclusionPromise"); }, [](auto& p) { p.bundle_minor = 1; });
  cases.planned("an entry of an unknown kind", "kind that is not known",
                [](auto& p) { p.entry_version = "0.0.9"; });
  cases.edited("an entry that says another kind than its body", "another kind",
               [](json::object& b) { entry(b)["kindVersion"] = {{"kind", "intoto"}, {"version", "0.0.2"}}; });
  cases.edited("a time stamp of another signature", "time stamp", [&](json::object& b) {
    material(b)["timestampVerificationData"] = {
        {"rfc3161Timestamps",
         json::array{json::object{
             {"signedTimestamp", base64_encode(as_bytes(lab.time_stamp("other", SigstoreLab::now)))}}}}};
  });
  cases.only_a_root_tells();
  cases.edited("a time stamp of another authority", "time stamp", [&](json::object& b) {
    const SigstoreLab other;
    const std::string of = bytes_of(signature(b)["sig"]);
    material(b)["timestampVerificationData"] = {
        {"rfc3161Timestamps",
         json::array{json::object{
             {"signedTimestamp", base64_encode(as_bytes(other.time_stamp(of, SigstoreLab::now)))}}}}};
  });
  cases.only_a_root_tells();
  cases.edited("bytes that are no time stamp", "not one response", [&](json::object& b) {
    material(b)["timestampVerificationData"] = {
        {"rfc3161Timestamps", json::array{json::object{{"signedTimestamp", "MAMCAQA="}}}}};
  });
  cases.only_a_root_tells();
}

void written_wrongly(Cases& cases) {
  cases.text("not JSON", "not valid JSON", [](std::string) { return "attested"; });
  cases.text("empty", "JSON", [](std::string) { return ""; });
  cases.text("a key twice", "occurs twice", [](std::string text) {
    return text.insert(1, R"("dsseEnvelope":{"payload":"e30=","payloadType":"x","signatures":[]},)");
  });
  cases.npm_takes_it();
  cases.text("a name in another spelling beside it", "not known",
             [](std::string text) { return text.insert(1, R"("dsse_envelope":{},)"); });
  cases.npm_takes_it();
  cases.text("nested deeply", "nested deeper",
             [](std::string) { return std::string(500'000, '[') + std::string(500'000, ']'); });
  cases.text("megabytes", "larger than", [](std::string text) { return text + std::string(1 << 20, ' '); });
  cases.npm_takes_it();
  cases.edited("another version of the format", "mediaType is not known",
               [](json::object& b) { b["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json"; });
  cases.npm_takes_it();
  cases.edited("a signature of bytes beside the envelope", "messageSignature", [](json::object& b) {
    b["messageSignature"] = {{"messageDigest", {{"algorithm", "SHA2_256"}, {"digest", "AAAA"}}},
                             {"signature", "AAAA"}};
  });
  cases.edited("the payload in URL base64", "not base64", [](json::object& b) {
    std::string text(envelope(b)["payload"].as_string());
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    while (text.ends_with('=')) text.pop_back();
    envelope(b)["payload"] = text + "-";
  });
  cases.edited("a line break in base64", "not base64", [](json::object& b) {
    std::string text(signature(b)["sig"].as_string());
    signature(b)["sig"] = text.insert(8, "\n");
  });
  cases.npm_takes_it();
  cases.edited("base64 with bits that nobody reads", "not base64",
               [](json::object& b) { signature(b)["sig"] = "AB=="; });
  cases.edited("a count with a sign", "not a count",
               [](json::object& b) { entry(b)["logIndex"] = "+4200000017"; });
  cases.npm_takes_it();
  cases.edited("a count past what JavaScript counts", "not a count",
               [](json::object& b) { proof(b)["treeSize"] = "9007199254740993"; });
  cases.npm_takes_it();
}

}  // namespace

std::vector<AttestationCase> attestation_cases(const SigstoreLab& lab) {
  Cases cases(lab);
  right_ones(cases);
  of_another_release(cases);
  of_another_build(cases);
  signed_wrongly(cases, lab);
  certified_wrongly(cases, lab);
  logged_wrongly(cases, lab);
  written_wrongly(cases);
  return std::move(cases.all);
}

}  // namespace sallyport
