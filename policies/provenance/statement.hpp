#pragma once
// The in-toto statement in an attestation: which bytes it is about, and how they are said to have been built.

#include <string>
#include <string_view>

#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct Statement {
  std::string subject;  // "pkg:npm/%40acme/lib@1.2.3"
  Sha512 sha512;
  std::string predicate_type;
  // Of SLSA provenance; empty where it does not say, or is of another kind.
  bool is_provenance = false;
  std::string repository, workflow, ref, commit, builder, build_type;
};

// The payload of type application/vnd.in-toto+json: a statement v0.1 or v1 about one subject. The error
// completes "the statement is refused: …".
Result<Statement> read_statement(std::string_view payload);

// "pkg:npm/%40acme/lib@1.2.3", as npm writes it.
std::string npm_purl(std::string_view name, std::string_view version);

}  // namespace sallyport
