#pragma once
// Where a file of a known format ends by its own account: what follows is not part of the picture or program,
// and every reader of the format passes over it.

#include <cstdint>
#include <optional>

#include "policies/content/file_content.hpp"

namespace sallyport {

struct FileEnd {
  enum class State : std::uint8_t {
    known,    // `offset` is behind the last byte
    cut_off,  // the format goes on, the file does not
    broken,   // it only begins like one: `offset` is where it stops being one
    unknown   // not a format that is read here
  };
  State state = State::unknown;
  std::uint64_t offset = 0;
};

// png, gif, jpeg, zip and wasm. Throws BadResult where the file cannot be read.
FileEnd end_of(Magic magic, const FileBytes& file);

}  // namespace sallyport
