#pragma once
// The first reader of an archive: a push parser over its inflated bytes that accepts one profile and nothing
// beside it, so that every client unpacks what was inspected.
//
//   ustar headers of files and directories, pax headers with path, mtime and size that agree with them,
//   zero padding, two zero blocks, then only zeros
//
// It stops at the first fault after which readers may go on at different places (a fatal one); the others are
// collected. Beside the listing it keeps some 20 bytes an entry.

#include <memory>
#include <vector>

#include "policies/tarball/listing.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

// Takes the regular files of an archive as they pass.
class EntrySink {
 public:
  virtual ~EntrySink() = default;
  virtual void begin(const TarEntry& entry) = 0;  // digest not known yet
  virtual void data(Bytes bytes) = 0;             // valid during the call
  virtual void end(const TarEntry& entry) = 0;    // digest set
};

class HeaderWalk {
 public:
  HeaderWalk(const TarballLimits& limits, EntrySink& sink);  // `sink` outlives the walk
  ~HeaderWalk();

  // Any split into pieces gives the same result. False: a fatal fault; what follows is not read.
  bool feed(Bytes tar);
  // After the last byte, or after feed() said no.
  void finish();

  const Listing& listing() const;
  const std::vector<TarFault>& faults() const;  // the first few of each kind; the last says how many more
  bool stopped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
