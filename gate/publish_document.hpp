#pragma once
// A publish as npm-family clients send it, without the bytes of its tarball.

#include <cstdint>
#include <optional>
#include <string>

#include "policies/manifest.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// The `.sigstore` attachment: its data is JSON text as it stands, not base64.
struct ProvenanceAttachment {
  std::string key;  // "@acme/lib-1.0.0.sigstore"
  std::string content_type;
  std::string data;
  std::uint64_t length = 0;  // as declared: UTF-16 units or bytes, clients differ
};

struct PublishDocument {
  std::string name, version, tag;
  std::string access;               // "public", "restricted", or empty
  std::string tarball_key;          // "@acme/lib-1.0.0.tgz"
  std::uint64_t tarball_bytes = 0;  // as declared by `length`
  json::object manifest;            // versions[version], as sent
  std::string integrity, shasum;    // of manifest.dist
  json::object rest;                // _id, name, description, readme, readmeFilename, where sent
  std::optional<ProvenanceAttachment> provenance;

  // "sha256-…" of everything here but `_resolved`: what a decision is bound to beside the tarball.
  std::string digest() const;
};

json::object to_json(const PublishDocument& document);  // "v": 1
Result<PublishDocument> publish_document_from_json(const json::value& value);

}  // namespace sallyport
