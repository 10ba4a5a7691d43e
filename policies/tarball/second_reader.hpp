#pragma once
// The second, unlike reader: libarchive lists the inflated archive, and its list must be the walk's.

#include <optional>

#include "policies/tarball/listing.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// Reads the archive in `descriptor` from its start and compares it with `listing` entry by entry: path, size,
// kind, order and number. Bodies are skipped by seeking. A fault says where the readers disagree, or that
// this one could not read on. Call prepare_text_locale() once before the first thread starts.
std::optional<TarFault> compare_second_reading(int descriptor, const Listing& listing);

// libarchive gives no names for paths beyond ASCII in the C locale: sets LC_CTYPE to C.UTF-8.
void prepare_text_locale();

}  // namespace sallyport
