#pragma once
// What a verdict was given on beside the tarball and the policy, as JSON: recorded with every stage, shown in
// its report, and read by `sallyport scan --outside`, which gives the same verdict from the same bytes.

#include "policies/inspection.hpp"
#include "storage/base/json.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// All of it but the digests, which whoever reads the tarball computes.
json::object to_json(const ReleaseContext& context);
// corrupt: a member is missing or not what it should be, or recorded by a newer Sallyport.
Result<ReleaseContext> context_from_json(const json::value& value);

}  // namespace sallyport
