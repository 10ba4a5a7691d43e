#include "gate/intake.hpp"

#include "storage/base/text.hpp"

namespace sallyport {
namespace {
constexpr std::size_t decode_step_bytes = 256u << 10;  // of base64 text; bounds the decoded buffer
}

Intake::Intake(PackageName name_in_url, std::unique_ptr<StagedBlob> tarball,
               std::shared_ptr<const InspectionRules> rules, PublishLimits limits)
    : name_(std::move(name_in_url)),
      tarball_(std::move(tarball)),
      inspection_(std::make_unique<Inspection>(std::move(rules))),
      parser_(limits, [this](std::string_view text) { return tarball_text(text); }) {}

Result<void> Intake::feed(std::string_view body) {
  return parser_.write(body);
}

Result<void> Intake::tarball_text(std::string_view base64) {
  while (!base64.empty()) {
    const std::string_view step = base64.substr(0, decode_step_bytes);
    base64.remove_prefix(step.size());
    decoded_.resize(std::max(decoded_.size(), Base64Decoder::decoded_max(step.size())));
    auto n = base64_.update(step, decoded_.data());
    if (!n) return n.error();
    const Bytes bytes(decoded_.data(), *n);
    if (auto kept = tarball_->append(bytes); !kept) return kept.error();
    sha1_.update(bytes);
    inspection_->feed(bytes);
  }
  return {};
}

Result<ReceivedPublish> Intake::finish() {
  auto document = parser_.finish(name_);
  if (!document) return document.error();
  if (auto ended = base64_.finish(); !ended) return ended.error();
  if (document->tarball_bytes != tarball_->size())
    return fail(ErrorKind::invalid, "The tarball has " + std::to_string(tarball_->size()) +
                                        " bytes but its \"length\" says " +
                                        std::to_string(document->tarball_bytes) + ".");
  ReceivedPublish received;
  received.digests = {sha1_.finish(), tarball_->digest()};
  const auto& [sha1, sha512] = received.digests;
  auto integrity = parse_integrity(document->integrity);
  if (!integrity) return integrity.error();
  if (integrity->algorithm != "sha512")
    return fail(ErrorKind::invalid,
                "\"dist.integrity\" must be a sha512: publish with a current npm client.");
  if (integrity->digest != as_text(sha512.bytes))
    return fail(ErrorKind::invalid, "\"dist.integrity\" is not the digest of the tarball sent (" +
                                        to_integrity(sha512) + "): publish again.");
  if (document->shasum != to_hex(sha1))
    return fail(ErrorKind::invalid, "\"dist.shasum\" is not the digest of the tarball sent (" + to_hex(sha1) +
                                        "): publish again.");
  received.document = std::move(*document);
  received.tarball = std::move(tarball_);
  received.inspection = std::move(inspection_);
  return received;
}

}  // namespace sallyport
