#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "proxy/upstream/npm_config.hpp"

using namespace sallyport;
namespace fs = std::filesystem;

namespace {

// A machine of one project, one user and one npm, all in a folder that goes with it.
class Machine {
 public:
  Machine() {
    std::string pattern = (fs::temp_directory_path() / "npm_config_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    for (const char* folder : {"home", "bin", "etc", "project/deep"}) fs::create_directories(root_ / folder);
    write("project/package.json", "{}");
    surroundings.environment = {{"HOME", (root_ / "home").string()},
                                {"PATH", (root_ / "bin").string() + ":/usr/bin:/bin"},
                                {"PREFIX", root_.string()}};
    surroundings.working_folder = root_ / "project" / "deep";
    npm_says("https://built-in.test/");
  }
  ~Machine() { fs::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void write(const std::string& path, const std::string& text) const { std::ofstream(root_ / path) << text; }
  void npm_does(const std::string& script) const {
    write("bin/npm", "#!/bin/sh\n" + script + "\n");
    fs::permissions(root_ / "bin/npm", fs::perms::owner_all);
  }
  void npm_says(const std::string& url) const {
    npm_does("[ \"$*\" = 'config get registry' ] && echo '" + url + "'");
  }
  std::string path(const std::string& below) const { return (root_ / below).string(); }
  std::string registry() const { return npm_registry(surroundings).value().url; }

  NpmSurroundings surroundings;

 private:
  fs::path root_;
};

}  // namespace

TEST_CASE("the registry of npm: environment, project, user, machine, npm itself") {
  Machine machine;
  CHECK(machine.registry() == "https://built-in.test/");
  CHECK(npm_registry(machine.surroundings).value().source == "npm config get registry");
  machine.write("etc/npmrc", "registry=https://machine.test/\n");
  CHECK(machine.registry() == "https://machine.test/");
  machine.write("home/.npmrc", "; mine\n# too\n  registry = \"https://user.test/npm\" \nother=1\n");
  CHECK(machine.registry() == "https://user.test/npm");
  CHECK(npm_registry(machine.surroundings).value().source == machine.path("home/.npmrc"));
  machine.write("project/.npmrc", "registry=https://project.test/ ; the team's\n");
  CHECK(machine.registry() == "https://project.test/");
  machine.surroundings.environment["NPM_CONFIG_REGISTRY"] = "https://environment.test/";
  CHECK(machine.registry() == "https://environment.test/");
  machine.surroundings.environment["NPM_CONFIG_REGISTRY"] = "";
  CHECK(machine.registry() == "https://project.test/");
  machine.surroundings.environment["npm_config_userconfig"] = machine.path("home/other");
  machine.write("home/other", "registry=https://other.test/\n");
  machine.write("project/.npmrc", "[section]\nregistry=https://in-a-section.test/\n");
  CHECK(machine.registry() == "https://other.test/");
}

TEST_CASE("variables are replaced as npm does it") {
  Machine machine;
  machine.surroundings.environment["HOST"] = "variable.test";
  machine.write("home/.npmrc", "registry=https://${HOST}/${NOTHING?}\n");
  CHECK(machine.registry() == "https://variable.test/");
  machine.write("home/.npmrc", "registry=https://${NOTHING}/\n");
  CHECK(npm_registry(machine.surroundings).error().kind == ErrorKind::invalid);
}

TEST_CASE("what is no URL is an error that names its source, never a guess") {
  Machine machine;
  machine.write("home/.npmrc", "registry=not a url\n");
  const auto wrong = npm_registry(machine.surroundings);
  REQUIRE(wrong.has_error());
  CHECK(wrong.error().kind == ErrorKind::invalid);
  CHECK(wrong.error().message.find(machine.path("home/.npmrc")) != std::string::npos);
}

TEST_CASE("npm that is silent, hangs or is not there") {
  Machine machine;
  machine.npm_does("exit 1");
  CHECK(npm_registry(machine.surroundings).error().kind == ErrorKind::invalid);
  machine.npm_does("exec sleep 600");
  machine.surroundings.npm_max = Millis(100);
  const auto before = std::chrono::steady_clock::now();
  CHECK(npm_registry(machine.surroundings).error().kind == ErrorKind::invalid);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(60));
  machine.surroundings.environment["PATH"] = machine.path("home");
  CHECK(npm_registry(machine.surroundings).error().kind == ErrorKind::not_found);
}

TEST_CASE("the credential that npm would send") {
  Machine machine;
  machine.surroundings.environment["TOKEN"] = "from-the-environment";
  machine.write("home/.npmrc",
                "//registry.test/:_authToken=plain\n"
                "//registry.test/team/:_authToken=${TOKEN}\n"
                "//registry.test:8443/:_auth=dXNlcjpwYXNz\n"
                "//old.test/npm/:username=ann\n"
                "//old.test/npm/:_password=c2VjcmV0\n"
                "//bare.test:_authToken=bare\n");
  const auto token = [&](const char* url) {
    const auto found = npm_credential(machine.surroundings, url);
    return found ? found->token + "|" + found->basic_auth : "none";
  };
  CHECK(token("https://registry.test/") == "plain|");
  CHECK(token("https://registry.test/other/") == "plain|");
  CHECK(token("https://registry.test/team/") == "from-the-environment|");
  CHECK(token("https://registry.test/team/deep") == "from-the-environment|");
  CHECK(token("https://registry.test/teamwork/") == "plain|");
  CHECK(token("https://registry.test:8443/") == "|dXNlcjpwYXNz");
  CHECK(token("https://old.test/npm/") == "|YW5uOnNlY3JldA==");
  CHECK(token("https://old.test/") == "none");
  CHECK(token("https://bare.test/a/b") == "bare|");
  CHECK(token("https://other.test/") == "none");
  CHECK(token("https://registry.test.evil.test/") == "none");
  CHECK(token("nonsense") == "none");
  machine.surroundings.environment["npm_config_//registry.test/:_authToken"] = "environment";
  CHECK(token("https://registry.test/") == "environment|");
}
