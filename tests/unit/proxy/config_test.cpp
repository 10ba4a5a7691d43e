#include "proxy/config.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "storage/base/log.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "sallyport-config-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
    return (path / name).string();
  }
};

const std::string upstream = R"(
[upstreams.main]
url = "https://registry.example/"
token_env = "UPSTREAM_TOKEN"
)";

Result<Config> load(const std::string& toml, std::map<std::string, std::string> environment = {}) {
  const Folder folder;
  ConfigInputs inputs;
  inputs.file = folder.write("sallyport.toml", toml);
  inputs.environment = std::move(environment);
  return load_config(inputs);
}

// What is wrong with it, without the folder.
std::string problems(const std::string& toml, std::map<std::string, std::string> environment = {}) {
  const auto loaded = load(toml, std::move(environment));
  REQUIRE(loaded.has_error());
  CHECK(loaded.error().kind == ErrorKind::invalid);
  return loaded.error().message;
}

bool says(const std::string& text, std::string_view what) {
  return text.find(what) != text.npos;
}

TEST_CASE("a feed is a folder, seen from the file, or a URL as it stands") {
  const Config config = load(upstream + R"(
[policy]
malware_feed  = "https://feeds.example/npm/all.zip"
advisories    = "feeds/osv"
feed_interval = "20 min")")
                            .value();
  CHECK(config.malware_feed == "https://feeds.example/npm/all.zip");
  CHECK(config.advisories.starts_with("/"));
  CHECK(config.advisories.ends_with("/feeds/osv"));
  CHECK(config.feed_interval == std::chrono::minutes(20));
  for (const char* bad : {"ftp://feeds.example/all.zip", "https://user:word@feeds.example/all.zip",
                          "https://", "https://feeds.example/all.zip?token=x"})
    CHECK_MESSAGE(says(problems(upstream + "\n[policy]\nmalware_feed = \"" + bad + "\""), "malware_feed"),
                  bad);
}

TEST_CASE("without any configuration: loopback, a folder here, npm's registry, the own store") {
  ConfigInputs inputs;
  inputs.npm_registry = []() -> Result<FoundRegistry> {
    return FoundRegistry{"https://registry.example/npm/", "npm_config_registry"};
  };
  const Config config = load_config(inputs).value();
  CHECK(config.listen_address().host == "127.0.0.1");
  CHECK(config.listen_address().port == 4873);
  CHECK(config.data == "./sallyport-data");
  REQUIRE(config.upstreams.size() == 1);
  CHECK(config.upstreams[0].url == "https://registry.example/npm/");
  CHECK_FALSE(config.upstreams[0].has_credential());
  REQUIRE(config.packages.size() == 1);
  CHECK(config.packages[0].match == "**");
  CHECK(config.packages[0].read == "main");
  CHECK(config.packages[0].publish == "local");
  CHECK(config.packages[0].approvals == 1);
  CHECK(config.sources.at("upstreams.main.url") == "npm_config_registry");
  CHECK(config.base_url(4873) == "http://127.0.0.1:4873");
}

TEST_CASE("npm's registry is asked for only where nothing is configured") {
  ConfigInputs inputs;
  inputs.npm_registry = []() -> Result<FoundRegistry> {
    return fail(ErrorKind::invalid, "npm names nonsense.");
  };
  CHECK(says(load_config(inputs).error().message, "npm names nonsense."));
  inputs.upstream = "https://registry.example";
  CHECK(load_config(inputs).value().upstreams[0].url == "https://registry.example");
  inputs.upstream.reset();
  const Folder folder;
  inputs.file =
      folder.write("local.toml", "[[packages]]\nmatch = \"**\"\nread = \"local\"\npublish = \"local\"\n");
  CHECK(load_config(inputs).value().upstreams.empty());
}

TEST_CASE("a machine without npm starts with its own packages alone, and says so") {
  ConfigInputs inputs;
  inputs.npm_registry = []() -> Result<FoundRegistry> {
    return fail(ErrorKind::not_found, "npm is not there.");
  };
  const Config config = load_config(inputs).value();
  CHECK(config.upstreams.empty());
  REQUIRE(config.packages.size() == 1);
  CHECK(config.packages[0].read == "local");
  CHECK(config.packages[0].publish == "local");
  REQUIRE(config.notes.size() == 1);
  CHECK(says(config.notes[0], "npm is not there."));
}

TEST_CASE("a whole file") {
  const Config config = load(R"(
listen     = "0.0.0.0:4873"
public_url = "https://npm.acme.example/npm/"
data       = "/var/lib/sallyport"
metadata   = "rocksdb"
blobs      = "file"

[upstreams.main]
url        = "https://registry.example/"
token_file = "token"
forward    = "publish"
ca_file    = "/etc/ca.pem"
proxy      = "http://proxy.example:3128"
timeout    = "45s"
connect_timeout = "5s"
connections_max = 12
mirrors    = ["second", "third"]

[upstreams.second]
url           = "https://second.example/"
username      = "mirror-reader"
password_file = "password"

[upstreams.third]
url = "https://third.example/"

[[packages]]
match      = "@acme/*"
read       = "main"
publish    = "main"
profile    = "internal"
publishers = ["group:engineers", "carol"]
reviewers  = ["group:release"]
approvals  = 2
held_answer = "refuse"
hold_max   = "7 days"

[[packages]]
match   = "**"
read    = "main"
publish = "deny"
minimum_release_age = "3 days"

[identity]
otp_to_approve = "required"

[policy]
file = "policy.toml"

[limits]
publish_body_bytes_max = "100 MiB"
connections_max = 100
io_threads = 2
scan_threads = 3
stop_deadline = "5s"

[log]
level = "warn"
)")
                            .value();
  CHECK(config.public_url == "https://npm.acme.example/npm");
  CHECK(config.base_url(1) == "https://npm.acme.example/npm");
  const UpstreamConfig& main = *config.upstream("main");
  CHECK(main.token_file.ends_with("/token"));  // beside the file
  CHECK(main.token_file.starts_with("/"));
  CHECK(main.ca_file == "/etc/ca.pem");
  CHECK(main.proxy == "http://proxy.example:3128");
  CHECK(main.timeout == std::chrono::seconds(45));
  CHECK(main.connect_timeout == std::chrono::seconds(5));
  CHECK(main.connections_max == 12);
  CHECK(main.mirrors == std::vector<std::string>{"second", "third"});
  CHECK(config.upstream("second")->username == "mirror-reader");
  CHECK(config.upstream("second")->password_file.ends_with("/password"));
  REQUIRE(config.packages.size() == 2);
  const PackageRule& acme = config.packages[0];
  CHECK(acme.publish == "main");
  CHECK(acme.profile == Profile::internal);
  CHECK(acme.publishers == std::vector<std::string>{"group:engineers", "carol"});
  CHECK(acme.reviewers == std::vector<std::string>{"group:release"});
  CHECK(acme.approvals == 2);
  CHECK(acme.held_answer == HeldAnswer::refuse);
  CHECK(acme.hold_max == std::chrono::days(7));
  CHECK(config.packages[1].minimum_release_age == std::chrono::days(3));
  CHECK(config.otp_to_approve == OtpToApprove::required);
  CHECK(config.policy_file.ends_with("/policy.toml"));
  CHECK(config.publish_body_bytes_max == 100u << 20);
  CHECK(config.connections_max == 100);
  CHECK(config.io_threads == 2);
  CHECK(config.scan_threads == 3);
  CHECK(config.stop_deadline == std::chrono::seconds(5));
  CHECK(config.log_level == log::Level::warn);
}

TEST_CASE("a rule that does not say where to publish is closed") {
  const Config config = load(upstream + "[[packages]]\nmatch = \"**\"\nread = \"main\"\n").value();
  CHECK(config.packages[0].publish == "deny");
}

TEST_CASE("with one upstream and its credential, releases go there") {
  const Config config = load(upstream).value();
  CHECK(config.packages[0].read == "main");
  CHECK(config.packages[0].publish == "main");
}

TEST_CASE("unknown keys are errors with file, line and the nearest key, all of them at once") {
  const std::string text =
      problems("lisen = \"127.0.0.1:1\"\n\n[limits]\nconections_max = 3\n" + upstream +
               "tokenfile = \"x\"\n[[packages]]\nmatch = \"**\"\nread = \"main\"\nreveiwers = []\n");
  CHECK(says(text, "sallyport.toml:1: unknown key \"lisen\"; did you mean \"listen\"?"));
  CHECK(says(
      text,
      "sallyport.toml:4: unknown key \"limits.conections_max\"; did you mean \"limits.connections_max\"?"));
  CHECK(says(text, "sallyport.toml:9: unknown key \"tokenfile\"; did you mean \"token_file\"?"));
  CHECK(says(text, "sallyport.toml:13: unknown key \"reveiwers\"; did you mean \"reviewers\"?"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
}

TEST_CASE("a secret in the file is refused, and not repeated") {
  for (const char* key : {"token", "password", "_authToken"}) {
    const std::string text = problems("[upstreams.main]\nurl = \"https://registry.example/\"\n" +
                                      std::string(key) + " = \"npm_s3cr3t\"\n");
    CHECK(says(text, "sallyport.toml:3"));
    CHECK(says(text, "token_file or token_env"));
    CHECK_FALSE(says(text, "npm_s3cr3t"));
  }
  const std::string pasted =
      problems("[upstreams.main]\nurl = \"https://registry.example/\"\ntoken_env = \"npm_s3cr3t\"\n");
  CHECK(says(pasted, "name of a variable"));
  CHECK_FALSE(says(pasted, "npm_s3cr3t"));
  const std::string in_url =
      problems("[upstreams.main]\nurl = \"https://me:npm_s3cr3t@registry.example/\"\n");
  CHECK(says(in_url, "without user"));
  CHECK_FALSE(says(in_url, "npm_s3cr3t"));
}

TEST_CASE("values of the wrong type or form name the key and say what is right") {
  for (const auto& [toml, said] : std::vector<std::pair<std::string, std::string>>{
           {"listen = 4873", "must be a text"},
           {"listen = \"4873\"", "127.0.0.1:4873"},
           {"listen = \"127.0.0.1:70000\"", "127.0.0.1:4873"},
           {"listen = \"localhost:1\"", "127.0.0.1:4873"},
           {"listen = \"::1:4873\"", "[::1]:4873"},
           {"public_url = \"ftp://x\"", "http:// or https://"},
           {"public_url = \"npm.acme.example\"", "http:// or https://"},
           {"public_url = \"https://\"", "http:// or https://"},
           {"metadata = \"postgres://x\"", "rocksdb"},
           {"blobs = \"s3://x\"", "file"},
           {"limits = 3", "section"},
           {"[limits]\npublish_body_bytes_max = 1000", "size, like"},
           {"[limits]\npublish_body_bytes_max = \"1000\"", "with its unit"},
           {"[limits]\npublish_body_bytes_max = \"-1 MB\"", "with its unit"},
           {"[limits]\npublish_body_bytes_max = \"99999999 GiB\"", "with its unit"},
           {"[limits]\npublish_body_bytes_max = \"0 MB\"", "more than nothing"},
           {"[limits]\nconnections_max = 0", "at least 1"},
           {"[limits]\nconnections_max = -1", "whole number"},
           {"[limits]\nstop_deadline = \"5\"", "stop_deadline"},
           {"[identity]\notp_to_approve = \"never\"", "\"if-enrolled\", \"required\""},
           {"[log]\nlevel = \"loud\"", "\"debug\", \"info\""},
           {"upstreams = 3", "[upstreams.NAME]"},
           {"[upstreams.local]\nurl = \"https://x.example\"", "cannot be an upstream"},
           {"[upstreams.main]\n", "has no url"},
           {"[upstreams.main]\nurl = \"https://x.example\"\ntoken_file = \"a\"\ntoken_env = \"B\"", "twice"},
           {"[upstreams.main]\nurl = \"https://x.example\"\ntoken_file = \"a\"\nusername = \"u\"\n"
            "password_file = \"b\"",
            "twice"},
           {"[upstreams.main]\nurl = \"https://x.example\"\nusername = \"u\"", "belong together"},
           {"[upstreams.main]\nurl = \"https://x.example\"\npassword_file = \"b\"", "belong together"},
           {"[upstreams.main]\nurl = \"https://x.example\"\nusername = \"a:b\"", "without a colon"},
           {"[upstreams.main]\nurl = \"https://x.example\"\npassword = \"p\"", "no secret stands"},
           {"[upstreams.main]\nurl = \"https://x.example\"\nconnections_max = 0", "at least 1"},
           {"[upstreams.main]\nurl = \"https://x.example\"\nmirrors = [\"https://y.example\"]",
            "no name of an upstream"},
           {"[upstreams.main]\nurl = \"https://x.example\"\nforward = \"stage\"", "not built yet"},
           {"packages = \"**\"", "[[packages]]"},
           {"[[packages]]\nread = \"local\"", "has no match"},
           {"[[packages]]\nmatch = \"**\"", "where to read"},
           {"[[packages]]\nmatch = \"**\"\nread = \"local\"\napprovals = -1", "whole number"},
           {"[[packages]]\nmatch = \"**\"\nread = \"local\"\napprovals = \"1\"", "must be a number"},
           {"[[packages]]\nmatch = \"**\"\nread = \"local\"\nreviewers = \"rita\"", "list of texts"},
           {"[[packages]]\nmatch = \"**\"\nread = \"local\"\nreviewers = [\"team:x\"]", "group:NAME"},
           {"[[packages]]\nmatch = \"**\"\nread = \"local\"\nheld_answer = \"no\"",
            "\"accept\", \"refuse\", \"wait\""},
           {"[[packages]]\nmatch = \"**\"\nread = \"local\"\nprofile = \"lax\"", "\"proprietary\""},
           {"[[packages]]\nmatch = \"**\"\nread = \"local\"\nhold_max = \"0s\"", "longer than nothing"},
           {"listen = ", "sallyport.toml:1"},
       }) {
    CAPTURE(toml);
    const std::string text = problems(toml);
    CAPTURE(text);
    CHECK(says(text, said));
    CHECK(says(text, "sallyport.toml:"));
  }
}

TEST_CASE("contradictions are refused") {
  const auto rule = [](const std::string& read, const std::string& publish) {
    return "[[packages]]\nmatch = \"**\"\nread = \"" + read + "\"\npublish = \"" + publish + "\"\n";
  };
  CHECK(says(problems(upstream + rule("maim", "deny")), "unknown upstream \"maim\"; did you mean \"main\"?"));
  CHECK(says(problems(upstream + rule("main", "other")), "unknown upstream \"other\""));
  CHECK(says(problems(upstream + rule("local", "main")), "a name has one origin"));
  const std::string second = "[upstreams.second]\nurl = \"https://second.example/\"\ntoken_env = \"T\"\n";
  CHECK(says(problems(upstream + second + rule("main", "second")), "a name has one origin"));
  CHECK(says(problems(upstream + second), "several upstreams"));
  CHECK(says(problems("[upstreams.main]\nurl = \"https://x.example\"\n" + rule("main", "main")),
             "no token_file, token_env or password_file"));
  CHECK(says(problems("listen = \"0.0.0.0:4873\"\n"), "public_url"));
  CHECK(load(upstream + rule("main", "local")).has_value());
}

TEST_CASE("a mirror has an upstream's packages, and none of its own") {
  const std::string third = "[upstreams.third]\nurl = \"https://third.example/\"\n";
  const auto second = [](const std::string& mirrors) {
    return "[upstreams.second]\nurl = \"https://second.example/\"\nmirrors = " + mirrors + "\n";
  };
  const auto read = [](const std::string& from) {
    return "[[packages]]\nmatch = \"**\"\nread = \"" + from + "\"\n";
  };
  const Config config = load(second("[\"third\"]") + third).value();
  CHECK(config.packages.at(0).read == "second");  // one origin: it need not be said
  CHECK(load(second("[\"third\"]") + third + read("second")).has_value());
  CHECK(says(problems(second("[\"third\"]") + third + read("third")), "read from \"second\""));
  CHECK(says(problems(second("[\"thirt\"]") + third + read("second")), "did you mean \"third\"?"));
  CHECK(says(problems(second("[\"second\"]") + read("second")), "cannot be a mirror"));
  CHECK(says(problems(second("[\"third\", \"third\"]") + third + read("second")), "cannot be a mirror"));
  // Of a mirror, and of two origins.
  const std::string chained = "[upstreams.third]\nurl = \"https://third.example/\"\nmirrors = [\"main\"]\n";
  CHECK(says(problems(upstream + second("[\"third\"]") + chained + read("second")), "cannot be a mirror"));
  const std::string also = "[upstreams.a]\nurl = \"https://a.example/\"\nmirrors = [\"third\"]\n";
  CHECK(says(problems(second("[\"third\"]") + also + third + read("second")), "cannot be a mirror"));
}

TEST_CASE("the environment overrides scalars, flags override the environment") {
  Folder folder;
  ConfigInputs inputs;
  inputs.file =
      folder.write("c.toml", "listen = \"127.0.0.1:1\"\ndata = \"/file\"\n[log]\nlevel = \"warn\"\n");
  inputs.environment = {{"SALLYPORT_LISTEN", "127.0.0.1:2"},
                        {"SALLYPORT_DATA", "/environment"},
                        {"SALLYPORT_LIMITS_PUBLISH_BODY_BYTES_MAX", "5 MB"},
                        {"SALLYPORT_LOG_LEVEL", ""}};
  inputs.data = "/flag";
  const Config config = load_config(inputs).value();
  CHECK(config.listen == "127.0.0.1:2");
  CHECK(config.sources.at("listen") == "SALLYPORT_LISTEN");
  CHECK(config.data == "/flag");
  CHECK(config.sources.at("data") == "--data");
  CHECK(config.publish_body_bytes_max == 5'000'000);
  CHECK(config.log_level == log::Level::warn);
  CHECK(config.sources.at("log.level").ends_with("c.toml:4"));
  CHECK(config.sources.at("public_url") == "default");
  inputs.environment["SALLYPORT_LISTEN"] = "nonsense";
  CHECK(says(load_config(inputs).error().message, "SALLYPORT_LISTEN: "));
}

TEST_CASE("the file may be named by the environment, and a missing one is an error") {
  ConfigInputs inputs;
  inputs.environment = {{"SALLYPORT_CONFIG", "/nowhere/sallyport.toml"}};
  CHECK(says(load_config(inputs).error().message, "/nowhere/sallyport.toml: cannot be read"));
}

TEST_CASE("--upstream does not send a configured credential elsewhere") {
  const Folder folder;
  ConfigInputs inputs;
  inputs.file = folder.write("c.toml", upstream);
  inputs.upstream = "https://evil.example/";
  CHECK(says(load_config(inputs).error().message, "--upstream"));
}

TEST_CASE("what `config show` prints says where values came from and loads to the same") {
  Folder folder;
  ConfigInputs inputs;
  inputs.file = folder.write("c.toml", upstream + R"(
[[packages]]
match = "@acme/*"
read = "main"
publish = "main"
publishers = ["a\"b"]
minimum_release_age = "90 min"
)");
  CHECK(load_config(inputs).has_error());  // a"b is no user
  inputs.file = folder.write("c.toml", upstream + R"(
[[packages]]
match = "@acme/*"
read = "main"
publish = "main"
publishers = ["alice", "group:x"]
minimum_release_age = "90 min"
)");
  inputs.listen = "127.0.0.1:7";
  const std::string shown = show_config(load_config(inputs).value());
  CHECK(says(shown, "# --listen"));
  CHECK(says(shown, "c.toml:3"));
  CHECK(says(shown, "# default"));
  inputs.listen.reset();
  inputs.file = folder.write("shown.toml", shown);
  const Config again = load_config(inputs).value();
  CHECK(again.listen == "127.0.0.1:7");
  CHECK(again.packages[0].minimum_release_age == std::chrono::minutes(90));
  CHECK(again.packages[0].publishers == std::vector<std::string>{"alice", "group:x"});
  CHECK(again.upstreams[0].token_env == "UPSTREAM_TOKEN");
}

TEST_CASE("the reference lists every key with its default and its variable") {
  const std::string text = config_reference();
  for (const char* part :
       {"| `listen` |", "`\"127.0.0.1:4873\"`", "`SALLYPORT_LIMITS_PUBLISH_BODY_BYTES_MAX`", "`\"256 MiB\"`",
        "`[upstreams.NAME]`", "| `token_file` |", "`[[packages]]`", "| `minimum_release_age` |", "`[log]`"})
    CHECK(says(text, part));
}

TEST_CASE("a credential is read from where it is named, and redacted from then on") {
  const Folder folder;
  UpstreamConfig main;
  main.name = "main";
  CHECK(read_credential(main, {}).value().token.empty());
  main.token_file = folder.write("token", "upstream-s3cr3t-1\n");
  CHECK(read_credential(main, {}).value().token == "upstream-s3cr3t-1");
  CHECK(log::redacted("sent upstream-s3cr3t-1 there") == "sent *** there");
  main.token_file = folder.write("token", "two\nlines\n");
  CHECK(says(read_credential(main, {}).error().message, "not one token"));
  CHECK_FALSE(says(read_credential(main, {}).error().message, "lines\n"));
  main.token_file = folder.write("token", "\n");
  CHECK(read_credential(main, {}).has_error());
  main.token_file = (folder.path / "absent").string();
  CHECK(says(read_credential(main, {}).error().message, "cannot be read"));
  main.token_file.clear();
  main.token_env = "UPSTREAM_TOKEN";
  CHECK(says(read_credential(main, {}).error().message, "UPSTREAM_TOKEN"));
  CHECK(read_credential(main, {{"UPSTREAM_TOKEN", "upstream-s3cr3t-2"}}).value().token ==
        "upstream-s3cr3t-2");
}

TEST_CASE("a user and a password are a credential too") {
  const Folder folder;
  UpstreamConfig main;
  main.name = "main";
  main.username = "reader";
  main.password_file = folder.write("password", "pass word 1\n");
  CHECK(read_credential(main, {}).value().basic_auth == "cmVhZGVyOnBhc3Mgd29yZCAx");
  CHECK(read_credential(main, {}).value().token.empty());
  CHECK(log::redacted("sent pass word 1 there") == "sent *** there");
  main.password_file = folder.write("password", "two\nlines\n");
  CHECK(says(read_credential(main, {}).error().message, "not one password"));
  main.password_file = folder.write("password", "");
  CHECK(read_credential(main, {}).has_error());
}

TEST_CASE("sizes") {
  CHECK(parse_size("1 KiB").value() == 1024);
  CHECK(parse_size("10MB").value() == 10'000'000);
  CHECK(parse_size("3 B").value() == 3);
  CHECK(size_text(256u << 20) == "256 MiB");
  CHECK(size_text(1025) == "1025 B");
  for (const char* bad : {"", "1", "MB", "1 XB", "1.5 MB", " 1 MB", "1 MB "})
    CHECK(parse_size(bad).has_error());
}

}  // namespace
}  // namespace sallyport
