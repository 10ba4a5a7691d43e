#pragma once
// Reads the body of a publish as it arrives, in constant memory and whatever the order of its keys. The
// tarball's base64 text goes to a sink; everything else is kept, within limits.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gate/publish_document.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct PublishLimits {
  std::size_t metadata_bytes_max = 4u << 20;  // all but the attachments' data
  std::size_t provenance_bytes_max = 1u << 20;
  std::size_t depth_max = 64;
  std::size_t key_bytes_max = 1024;
};

class PublishParser {
 public:
  // `tarball_text` takes the next part of the tarball's base64, as it stands in the JSON string.
  using TarballText = std::function<Result<void>(std::string_view base64)>;
  PublishParser(PublishLimits limits, TarballText tarball_text);
  ~PublishParser();

  // The next bytes of the body. After an error the parser is of no more use. The error's sentence names the
  // fault: duplicate key, trailing bytes, two tarballs, over a limit, ...
  Result<void> write(std::string_view bytes);
  // After the last byte: the document, checked in itself and against the name in the URL. The digests of
  // the tarball are the caller's to compare.
  Result<PublishDocument> finish(const PackageName& name_in_url);

 private:
  struct Handler;
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace sallyport
