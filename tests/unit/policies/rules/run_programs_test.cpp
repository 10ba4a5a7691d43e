#include <doctest/doctest.h>

#include "policies/gyp.hpp"
#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

using namespace std::string_literals;

constexpr std::string_view plain_gyp = "{'targets': [{'target_name': 'a', 'sources': ['a.cc']}]}";

// "escalate" and "block" for each finding.
std::string gyp(ReleaseBuilder& builder) {
  std::string out;
  for (const Said& said : ask("run/gyp", builder)) out += said.tier == 0 ? "e" : "b";
  return out;
}

std::string gyp(std::string_view text) {
  ReleaseBuilder previous("{}", "1.0.0"), builder;
  previous.file("binding.gyp", plain_gyp);
  builder.file("binding.gyp", text).after(previous);
  return gyp(builder);
}

}  // namespace

TEST_CASE("a new gyp file in the root is escalated, one that runs commands is refused") {
  ReleaseBuilder none("{}", "1.0.0"), fresh, old("{}", "1.0.0"), again, first, deep, phantom;
  CHECK(gyp(fresh.file("binding.gyp", plain_gyp).after(none)) == "e");
  old.file("binding.gyp", plain_gyp);
  CHECK(gyp(again.file("binding.gyp", plain_gyp).after(old)) == "");
  CHECK(gyp(first.file("binding.gyp", plain_gyp)) == "e");
  CHECK(gyp(deep.file("deps/x.gyp", plain_gyp).after(none)) == "");
  CHECK(gyp(phantom
                .file("binding.gyp",
                      "{'targets':[{'target_name':'x','type':'none','sources':['<!(node i.js)']}]}")
                .after(none)) == "be");
}

TEST_CASE("commands in the gyp file of a first release are refused, in an open package escalated") {
  ReleaseBuilder builder;
  builder.file("binding.gyp", "{'a': '<!(node i.js)'}");
  const auto said = ask("run/gyp", builder);
  REQUIRE(said.size() == 2);
  const Defaults& tier = find_rule("run/gyp")->info.tiers.at(static_cast<std::size_t>(said.front().tier));
  CHECK(tier == Defaults{Action::block, Action::escalate, Action::block});
}

TEST_CASE("every way that gyp has to run a command") {
  for (const char* text :
       {"{'a': '<!(id)'}", "{'a': '<!@(id)'}", "{'a': '>!(id)'}", "{'a': '^!@(id)'}",
        "{'a': '<!pymod_do_main(x)'}", "{'a': '<|(list a b)'}", "{'actions': [{'action': ['id']}]}",
        "{\"postbuilds\": []}", "{'rules+': []}", "{'conditions': [['().__class__', {}]]}"}) {
    CAPTURE(text);
    CHECK(gyp(text).find('b') != std::string::npos);
  }
  CHECK(gyp("{'a': '# <!(id) is a comment in a string'}") == "b");
  CHECK(gyp("{} # '<!(id)'\n") == "");
  CHECK(gyp(plain_gyp) == "");
  CHECK(gyp("{'conditions': [['OS!=\"win\"', {'cflags!': ['-fno-exceptions'], 'x': "
            "'<(module_root_dir)/a'}]]}") == "");
}

TEST_CASE("what Python makes of the text counts, not how it is spelled") {
  for (const char* text :
       {"{'a': '<' '!(id)'}", "{'a': '<!'\n # so\n \"(id)\"}", "{'a': '\\x3c!(id)'}",
        "{'a': '\\u003c\\41(id)'}", "{'a': '<\\\n!(id)'}", "{'a': '''<!(id)'''}", "{'a': '<' r'!(id)'}",
        "{'v': '<', 'a': '<(v)!(id)'}", "{'v': '!', 'w': '(id)', 'a': '<<(v)<(w)'}",
        "{'a': '\\N{LESS-THAN SIGN}!(id)'}"}) {
    CAPTURE(text);
    CHECK(gyp(text).find('b') != std::string::npos);
  }
}

TEST_CASE("asking Node for the headers of a well-known package is usual") {
  CHECK(gyp("{'a': [\"<!@(node -p \\\"require('node-addon-api').include\\\")\"]}") == "");
  CHECK(gyp("{'a': '<!(node -e \"require(\\'nan\\')\")'}") == "");
  CHECK(gyp(R"({'a': '<!(node -p "process.versions.node.split(\\".\\")[0]")'})") == "");
  CHECK(gyp(R"({'a': '<!(node -p "process.versions.node.split(\\".\\")[0]" && id)'})") == "b");
  CHECK(gyp("{'a': '<!(node -e \"require(\\'nan2\\')\")'}") == "b");
  CHECK(gyp("{'a': '<!(node -e \"require(\\'nan\\')\" && id)'}") == "b");
}

TEST_CASE("asking for a library of the system or a compiler's version is usual, to the letter") {
  CHECK(gyp("{'a': '<!@(pkg-config --cflags-only-I libpng | sed s/-I//g)'}") == "");
  CHECK(gyp("{'a': '<!(pkg-config --libs-only-l libsecret-1)'}") == "");
  CHECK(gyp("{'a': '<!(pkg-config --libs x; id)'}") == "b");
  CHECK(gyp("{'a': '<!(pkg-config --libs $(id))'}") == "b");
  CHECK(gyp("{'a': '<!(pkg-config --define-variable=a=b x)'}") == "b");
  CHECK(gyp("{'a': '<!(pkg-config --libs x | sh)'}") == "b");
  CHECK(gyp("{'a': '<!(pkg-config --libs ../x.pc)'}") == "b");
  const std::string asks =
      R"(<!(cc -v 2>&1 | perl -ne \'print $1 if /clang version ([0-9]+(\\.[0-9]+){2,})/\')";
  CHECK(gyp("{'a': '" + asks + ")'}") == "");
  CHECK(gyp("{'a': '" + asks + "; id)'}") == "b");
  CHECK(gyp(R"({'a': '<!(cc -v 2>&1 | perl -ne \'system $1 if /clang version ([0-9]+)/\')'})") == "b");
  CHECK(gyp("{'a': '<!(node -p \"process.arch\")'}") == "");
  CHECK(gyp("{'a': '<!(node -p \"process.exit\")'}") == "b");
}

TEST_CASE("a command that the last release had is no news, and a file of another name is read too") {
  const std::string_view one = "{'a': '<!(id)'}", two = "{'a': '<!(id)', 'b': '<!(curl x)'}";
  const auto after = [](std::string_view before, std::string_view now) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    previous.file("binding.gyp", before);
    builder.file("binding.gyp", now).after(previous);
    return gyp(builder);
  };
  CHECK(after(one, one) == "");
  CHECK(after(one, "{ 'a' : '<!(id)', 'x': 'y'}") == "");
  CHECK(after(one, two) == "b");
  // Actions are told apart by the whole file.
  CHECK(after("{'actions': [{'action': ['a']}]}", "{'actions': [{'action': ['b']}]}") == "bb");

  ReleaseBuilder previous("{}", "1.0.0"), builder, unmeasured;
  previous.file("binding.gyp", plain_gyp);
  builder.file("binding.gyp", "{'includes': ['./conf/../data.txt']}").file("data.txt", one).after(previous);
  CHECK(gyp(builder) == "b");
  CHECK(ask("run/gyp", builder).at(0).file == "data.txt");
  unmeasured.file("binding.gyp", "{'includes': ['deps/b.gypi']}").file("deps/b.gypi", one).after(previous);
  unmeasured.release().history.baseline->measured = false;
  CHECK(gyp(unmeasured) == "b");
}

TEST_CASE("a gyp file counts where npm or a script builds it") {
  const std::string_view command = "{'a': '<!(id)'}";
  const auto after = [&](std::string_view package, std::string_view path, std::string_view root = {}) {
    ReleaseBuilder previous("{}", "1.0.0"), builder(package);
    previous.file("binding.gyp", plain_gyp);
    builder.file(path, command);
    if (!root.empty()) builder.file("binding.gyp", root);
    return gyp(builder.after(previous));
  };
  CHECK(after("{}", "node_modules/node-gyp/addon.gypi") == "");
  CHECK(after("{}", "src/binding.gyp") == "");
  CHECK(after(R"({"scripts":{"install":"node-gyp rebuild --directory=src"}})", "src/binding.gyp") == "b");
  CHECK(after("{}", "deps/x.gyp", "{'dependencies': ['deps/x.gyp:x']}") == "b");
  ReleaseBuilder first;
  CHECK(gyp(first.file("binding.gyp", command)) == "be");
}

TEST_CASE("a gyp file too large to read is refused, and broken ones harm nothing") {
  CHECK(gyp(std::string(3 << 20, ' ')) == "b");
  for (const char* text : {"", "'", "\"\\", "{'a", "'''", "'\\x", "'\\u12", "'\\777'", "b'", "\\"}) {
    CAPTURE(text);
    CHECK(gyp(text) == "");
  }
}

TEST_CASE("a new command is noted, one that shadows a program is refused") {
  const auto tiers = [](std::string_view package, std::string_view before = "{}") {
    ReleaseBuilder previous(before, "1.0.0"), builder(package);
    std::string out;
    for (const Said& said : ask("run/bin", builder.after(previous))) out += said.tier == 0 ? "n" : "b";
    return out;
  };
  CHECK(tiers(R"({"bin":{"acme":"cli.js"}})") == "n");
  CHECK(tiers(R"({"bin":{"acme":"cli.js"}})", R"({"bin":{"acme":"old.js"}})") == "");
  for (const char* name :
       {"node", "npm", "NPX", "git", "sh", "bash", "curl", "python3", "docker", "node.exe", "git.cmd"}) {
    CAPTURE(name);
    CHECK(tiers("{\"bin\":{\""s + name + "\":\"cli.js\"}}") == "b");
  }
  CHECK(tiers(R"({"bin":{"git":"a.js"}})", R"({"bin":{"git":"a.js"}})") == "");
  CHECK(tiers(R"({"name":"pnpm","bin":{"pnpm":"a.js","pnpx":"b.js"}})") == "nn");
  CHECK(tiers(R"({"name":"@evil/git","bin":{"git":"a.js"}})") == "b");
  const auto in_folder = [](std::string_view package) {
    ReleaseBuilder previous("{}", "1.0.0"), builder(package);
    builder.scanned("bin/git", "#!/bin/sh\n").scanned("bin/.keep", "").scanned("lib/npm", "");
    std::string out;
    for (const Said& said : ask("run/bin", builder.after(previous))) out += said.tier == 0 ? "n" : "b";
    return out;
  };
  CHECK(in_folder(R"({"directories":{"bin":"./x/../bin/"}})") == "b");
  CHECK(in_folder(R"({"directories":{"bin":"bin"},"bin":{"acme":"bin/git"}})") == "n");
  CHECK(in_folder(R"({"directories":{"lib":"bin"}})") == "");
  ReleaseBuilder first(R"({"bin":{"acme":"cli.js","sudo":"a.js"}})");
  CHECK(ask("run/bin", first).size() == 1);
}

TEST_CASE("machine code is escalated when it is new, and told when it changed") {
  ReleaseBuilder previous("{}", "1.0.0"), builder, moved, first, scripts;
  previous.file("a.wasm", "1", Magic::wasm)
      .file("build/x-v1.2.node", "2", Magic::elf)
      .file("logo.png", "p", Magic::png);
  builder.file("a.wasm", "changed", Magic::wasm)
      .file("build/x-v1.10.node", "changed too", Magic::elf)
      .file("README", "new", Magic::pe)
      .file("logo.png", "changed", Magic::png)
      .file("b.node", "?", Magic::other_binary)
      .after(previous);
  std::map<std::string, int> tiers;
  for (const Said& said : ask("run/native", builder)) tiers[said.file] = said.tier;
  CHECK(tiers ==
        std::map<std::string, int>{{"a.wasm", 1}, {"build/x-v1.10.node", 1}, {"README", 0}, {"b.node", 0}});
  CHECK(ask("run/native", moved.file("other/a.wasm", "1", Magic::wasm).after(previous)).empty());
  // Of a first release everything is new, and nobody would learn from it.
  REQUIRE(ask("run/native", first.file("x", "x", Magic::mach_o)).size() == 1);
  CHECK(ask("run/native", first)[0].tier == 2);
  CHECK(ask("run/native", scripts.file("a.js", "x").file("b.dat", "x", Magic::other_binary)).empty());
}

TEST_CASE("a file that is something else than its name says") {
  const auto fires = [](std::string_view path, Magic magic, std::string_view bytes = "x") {
    ReleaseBuilder builder;
    return !ask("run/polyglot", builder.file(path, bytes, magic)).empty();
  };
  using enum Magic;
  CHECK(fires("logo.png", text));
  CHECK(fires("logo.PNG", elf));
  CHECK(fires("a.js", elf));
  CHECK(fires("README.md", gzip));
  CHECK(fires("data.json", wasm));
  CHECK(fires("a.wasm", text));
  CHECK(fires("a.wasm", other_binary));
  CHECK(fires("font.woff2", pe));
  CHECK(fires("x.node", text));
  CHECK(fires("pic.jpg", other_binary, "\1\2\3\4\5\6\7"));
  CHECK(fires("a.css", sqlite));
  CHECK(fires("a.txt", bzip2, "BZh91AY&SY"));

  // Nobody can tell, or no harm is done.
  CHECK_FALSE(fires("a.txt", bzip2, "BZhell"));
  CHECK_FALSE(fires("video.ts", other_binary));
  CHECK_FALSE(fires("a.bin", elf));
  CHECK_FALSE(fires("b.dat", text));
  CHECK_FALSE(fires("favicon.ico", text));
  CHECK_FALSE(fires("empty.png", none));
  CHECK_FALSE(fires("photo.jpg", webp));
  CHECK_FALSE(fires("photo.jpg", other_binary,
                    "\0\0\0\x1c"
                    "ftypavif"s));
  CHECK_FALSE(fires("a.js", other_binary));
  CHECK_FALSE(fires("a.js", utf16));
  CHECK_FALSE(fires("font.ttf", other_binary));
  CHECK_FALSE(fires("LICENSE", gzip));
}

TEST_CASE("what follows behind the end of a picture or program is told of") {
  const std::string gif = "GIF89a\1\0\1\0\0\0\0;"s, payload(100, 'x');
  const auto said = [&](const std::string& bytes) {
    ReleaseBuilder builder;
    std::string out;
    for (const Said& s : ask("run/polyglot", builder.file("a.gif", bytes, Magic::gif))) out += s.message;
    return out;
  };
  CHECK(said(gif) == "");
  CHECK(said(gif + "\r\n") == "");
  CHECK(said(gif + std::string(5000, '\0')) == "");
  CHECK(said(gif + payload) == "100 B follow behind the end of the gif");
  CHECK(said(gif + std::string(5000, '\0') + payload).find("follow behind") != std::string::npos);
  CHECK(said("GIF89a=1;alert(1)//") == "begins like gif and goes on as something else");
}

}  // namespace sallyport
