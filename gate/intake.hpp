#pragma once
// One publish body being received: parsed, decoded, hashed, kept and inspected while it arrives.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "gate/publish_document.hpp"
#include "gate/publish_parser.hpp"
#include "policies/inspection.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/package_name.hpp"
#include "storage/blob_store.hpp"

namespace sallyport {

// A complete publish whose digests match. Its tarball is not committed: dropped, it leaves nothing behind.
struct ReceivedPublish {
  PublishDocument document;
  std::unique_ptr<StagedBlob> tarball;
  std::unique_ptr<Inspection> inspection;  // has seen every byte; finish() gives the verdict
  TarballDigests digests;
};

// feed() costs milliseconds of CPU and some disk: on a pool, one call after another.
class Intake {
 public:
  Intake(PackageName name_in_url, std::unique_ptr<StagedBlob> tarball,
         std::shared_ptr<const InspectionRules> rules, PublishLimits limits = {});
  Result<void> feed(std::string_view body);
  Result<ReceivedPublish> finish();

 private:
  Result<void> tarball_text(std::string_view base64);

  PackageName name_;
  std::unique_ptr<StagedBlob> tarball_;
  Sha1Hasher sha1_;  // the sha512 is the staged blob's
  std::unique_ptr<Inspection> inspection_;
  Base64Decoder base64_;
  std::vector<std::uint8_t> decoded_;
  PublishParser parser_;
};

}  // namespace sallyport
