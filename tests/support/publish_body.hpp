#pragma once
// Publish bodies as npm makes them, around a real tarball; every part can be made wrong.

#include <string>
#include <string_view>

#include "gate/publish_document.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "tests/support/tar_builder.hpp"

namespace sallyport {

struct PublishBody {
  std::string name = "lib", version = "1.0.0", tag = "latest";
  std::string code = "module.exports = 1\n";  // index.js: what makes two tarballs differ
  json::object manifest;                      // further members of package.json
  json::value access = nullptr;
  std::string provenance;  // text of a .sigstore attachment, if any

  json::object package_json() const {
    json::object all{{"name", name}, {"version", version}};
    for (const auto& [key, value] : manifest) all.insert_or_assign(key, value);
    return all;
  }
  std::string tarball() const {
    return gzip(TarBuilder()
                    .file("package/package.json", json::serialize(package_json()))
                    .file("package/index.js", code)
                    .tar());
  }
  std::string tarball_key() const { return name + "-" + version + ".tgz"; }

  // The document with `_attachments` last, as npm writes it.
  json::object document() const {
    const std::string bytes = tarball();
    json::object published = package_json();
    published["_id"] = name + "@" + version;
    published["dist"] = {{"integrity", to_integrity(sha512(as_bytes(bytes)))},
                         {"shasum", to_hex(sha1(as_bytes(bytes)))},
                         {"tarball", "http://localhost/" + name + "/-/" + tarball_key()}};
    json::object attachments;
    attachments[tarball_key()] = {{"content_type", "application/octet-stream"},
                                  {"data", base64_encode(as_bytes(bytes))},
                                  {"length", bytes.size()}};
    if (!provenance.empty())
      attachments[name + "-" + version + ".sigstore"] = {
          {"content_type", "application/vnd.dev.sigstore.bundle.v0.3+json"},
          {"data", provenance},
          {"length", provenance.size()}};
    return {{"_id", name},
            {"name", name},
            {"dist-tags", {{tag, version}}},
            {"versions", {{version, std::move(published)}}},
            {"access", access},
            {"readme", "# lib"},
            {"_attachments", std::move(attachments)}};
  }
  std::string text() const { return json::serialize(document()); }
};

}  // namespace sallyport
