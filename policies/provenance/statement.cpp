#include "policies/provenance/statement.hpp"

#include "policies/provenance/members.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::size_t statement_bytes_max = 1u << 20;
constexpr std::string_view slsa_v02 = "https://slsa.dev/provenance/v0.2";
constexpr std::string_view slsa_v1 = "https://slsa.dev/provenance/v1";

std::string string_in(const json::object* object, std::string_view key) {
  return object == nullptr ? std::string() : std::string(string_at(*object, key).value_or(""));
}

const json::object* in(const json::object* object, std::string_view key) {
  return object == nullptr ? nullptr : object_at(*object, key);
}

const json::object* first_in(const json::object* object, std::string_view key) {
  const json::array* array = object == nullptr ? nullptr : array_at(*object, key);
  return array == nullptr || array->empty() ? nullptr : (*array)[0].if_object();
}

// "git+https://git.example/acme/lib@refs/heads/main"
struct SourceUri {
  std::string repository, ref;
};
SourceUri source_uri(std::string_view uri) {
  if (uri.starts_with("git+")) uri.remove_prefix(4);
  const std::size_t path = uri.find("://");
  const std::size_t host_end = path == std::string_view::npos ? path : uri.find('/', path + 3);
  const std::size_t at = host_end == std::string_view::npos ? host_end : uri.find('@', host_end);
  if (at == std::string_view::npos) return {std::string(uri), {}};
  return {std::string(uri.substr(0, at)), std::string(uri.substr(at + 1))};
}

// Some forges number the machine at the end of the builder's name: the next release has another one.
std::string without_runner_number(std::string builder) {
  constexpr std::string_view runners = "/-/runners/";
  const std::size_t at = builder.rfind(runners);
  if (at != std::string::npos &&
      builder.find_first_not_of("0123456789", at + runners.size()) == std::string::npos)
    builder.resize(at + runners.size() - 1);
  return builder;
}

void read_v1(const json::object* predicate, Statement& statement) {
  const json::object* definition = in(predicate, "buildDefinition");
  const json::object* workflow = in(in(definition, "externalParameters"), "workflow");
  statement.build_type = string_in(definition, "buildType");
  statement.repository = string_in(workflow, "repository");
  statement.workflow = string_in(workflow, "path");
  statement.ref = string_in(workflow, "ref");
  const json::object* source = first_in(definition, "resolvedDependencies");
  statement.commit = string_in(in(source, "digest"), "gitCommit");
  statement.builder = string_in(in(in(predicate, "runDetails"), "builder"), "id");
}

void read_v02(const json::object* predicate, Statement& statement) {
  const json::object* invocation = in(predicate, "invocation");
  const json::object* source = in(invocation, "configSource");
  statement.build_type = string_in(predicate, "buildType");
  SourceUri uri = source_uri(string_in(source, "uri"));
  statement.repository = std::move(uri.repository);
  statement.ref = std::move(uri.ref);
  statement.commit = string_in(in(source, "digest"), "sha1");
  statement.builder = string_in(in(predicate, "builder"), "id");
  // The entry point is a workflow's file on one forge and a job's name on the other, whose file is elsewhere.
  const json::object* pipeline = in(in(invocation, "environment"), "pipeline");
  statement.workflow =
      string_in(pipeline != nullptr ? pipeline : source, pipeline != nullptr ? "ref" : "entryPoint");
}

}  // namespace

std::string npm_purl(std::string_view name, std::string_view version) {
  std::string purl = "pkg:npm/";
  if (name.starts_with('@')) {
    purl += "%40";
    name.remove_prefix(1);
  }
  return purl.append(name).append("@").append(version);
}

Result<Statement> read_statement(std::string_view payload) {
  auto document = parse_strict(payload, {.bytes_max = statement_bytes_max, .depth_max = 32});
  if (!document) return document.error();
  Members read;
  Statement statement;
  const json::object* top =
      read.object_in(*document, "document", {"_type", "subject", "predicateType", "predicate"});
  const std::string type = read.text(top, "_type");
  if (type != "https://in-toto.io/Statement/v1" && type != "https://in-toto.io/Statement/v0.1")
    read.refuse("its _type is not known, \"" + printable(type, 100) + "\"");
  statement.predicate_type = read.text(top, "predicateType");

  const json::array& subjects = read.array(top, "subject", 1);
  if (subjects.size() != 1) {
    read.refuse("it has no subject");
  } else {
    const json::object* subject = subjects[0].if_object();
    statement.subject = read.text(subject, "name");
    auto digest = sha512_from_hex(string_in(in(subject, "digest"), "sha512"));
    if (digest) {
      statement.sha512 = *digest;
    } else {
      read.refuse("its subject has no sha512 digest");
    }
  }

  const json::object* predicate = in(top, "predicate");
  if (predicate == nullptr) read.refuse("it has no predicate");
  statement.is_provenance = statement.predicate_type == slsa_v1 || statement.predicate_type == slsa_v02;
  if (statement.predicate_type == slsa_v1) read_v1(predicate, statement);
  if (statement.predicate_type == slsa_v02) read_v02(predicate, statement);
  statement.builder = without_runner_number(std::move(statement.builder));
  if (!read) return fail(ErrorKind::invalid, read.fault());
  return statement;
}

}  // namespace sallyport
