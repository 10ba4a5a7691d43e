#include "policies/module_references.hpp"

#include <doctest/doctest.h>

#include <set>

namespace sallyport {

namespace {

// The modules a text names, fed in pieces of `step` bytes; "x*" for a template that begins with x.
std::set<std::string> modules(std::string_view text, SourceKind kind = SourceKind::script,
                              std::size_t step = 1,
                              ModuleReference::Place place = ModuleReference::Place::module) {
  std::set<std::string> out;
  ModuleReferences references(kind, [&](const ModuleReference& r) {
    if (r.place == place) out.insert(std::string(r.text) + (r.prefix ? "*" : ""));
  });
  for (std::size_t at = 0; at < text.size(); at += step) references.feed(as_bytes(text.substr(at, step)));
  references.finish();
  return out;
}
using Set = std::set<std::string>;

}  // namespace

TEST_CASE("every form of import is one") {
  for (const char* text : {
           "require('x')",
           "const a=require( \"x\" )",
           "require(`x`)",
           "import 'x'",
           "import\"x\"",
           "import a from'x'",
           "import {a} from \"x\"",
           "import type {A} from 'x'",
           "export * from 'x'",
           "export {a} from\"x\"",
           "await import('x')",
           "import(/* webpackChunkName: \"n\" */ 'x')",
           "require.resolve('x')",
           "import.meta.resolve('x')",
           "import a = require('x')",
           "__webpack_require__('x')",
           "createRequire(import.meta.url)('x')",
           "t('x')",
           "define(['x'],f)",
           "require(cond ? 'x' : 'x')",
           "declare module 'x'",
           "jest.requireActual('x')",
           "a/2;require('x')",
           "if(a)/[\"'/]/.test(b);require('x')",
           "a=/\"/;require('x')",
           "`${`a${1}`}`;require('x')",
           "`${require('x')}`",
           "a++/2;require('x');b='/'",
           "//c\nrequire('x')",
           "/*'*/require('x')",
           "x=a.return/2;require('x')",
           "return/'/.test(require('x'))",
           "const s='it\\'s';require('x')",
           "<div>don't</div>\nrequire('x')",
           "}/\"/.exec(a);require('x')",
       }) {
    CAPTURE(text);
    CHECK(modules(text) == Set{"x"});
    CHECK(modules(text, SourceKind::script, 1000) == Set{"x"});
  }
  CHECK(modules("import(`@acme/${lang}/x`)") == Set{"@acme/*"});
  CHECK(modules("require(`a` + 'b' /* and */ + \"c\")") == Set{"abc"});
  CHECK(modules("require('\\x61\\u0062' + 'c')") == Set{"abc"});
  CHECK(modules("require('a-' + name)") == Set{"a-*"});
  CHECK(modules("const p = 'a'; require(p + '-b')").contains("a-b"));
  CHECK(modules("require(`a-${'b'}`)").contains("a-b"));
  CHECK(modules("require(atob('YQ=='))").contains("a"));
}

TEST_CASE("a mention is no import") {
  for (const char* text : {
           "// require('x')",
           "/* import 'x' */",
           "/** @type {import('x').Y} */",
           "console.log('x')",
           "const a = 'x'",
           "\"require('x')\"",
           "`require('x')`",
           "a = { name: 'x' }",
           "throw new Error('x')",
           "path.join('x')",
           "from = 1; a('b', 'c')\n'x'",
           "/require('x')/",
           "a = b / c; // require('x')",
           "({}).from; 'x'",
           "#!/usr/bin/env node\n// require('x')",
           "/*\nrequire('x')\n**/",
           "it's // require('x')",
       }) {
    CAPTURE(text);
    CHECK_FALSE(modules(text).contains("x"));
    CHECK_FALSE(modules(text, SourceKind::script, 1000).contains("x"));
  }
}

TEST_CASE("declarations, styles, pages and settings name modules in their own ways") {
  CHECK(modules("/// <reference types=\"node\" />\n", SourceKind::declaration) == Set{"node"});
  CHECK(modules("/// <reference types='node' />", SourceKind::declaration) == Set{"node"});
  CHECK(modules("let a: NodeJS.Timeout", SourceKind::declaration) == Set{"node:buffer"});
  CHECK(modules("let a: NodeJS.Timeout", SourceKind::script).empty());
  CHECK(modules("@import 'x/y.css'; a{b:url(~z)}", SourceKind::style) == Set{"x/y.css"});
  CHECK(modules("@use \"~x\";", SourceKind::style) == Set{"x"});
  CHECK(modules("<p>don't</p>\n<script>\nimport a from 'x'\n</script>", SourceKind::markup) == Set{"x"});
  CHECK(modules("<!-- <script>import 'x'</script> -->\n<p>", SourceKind::markup).empty());
  CHECK(modules(R"({"extends":"x","plugins":["y",["z",{"a":"b"}]],"name":"n"})", SourceKind::json) ==
        Set{"x", "y", "z"});
  CHECK(modules("spawn('tool', ['-v'])", SourceKind::script, 1, ModuleReference::Place::command)
            .contains("tool"));
}

TEST_CASE("which files may import is decided by name, and by the first line where there is none") {
  CHECK(source_kind("a/b.D.TS", false) == SourceKind::declaration);
  CHECK(source_kind("b.mjs", false) == SourceKind::script);
  CHECK(source_kind("bin/tool", true) == SourceKind::script);
  CHECK(source_kind("bin/tool", false) == SourceKind::none);
  CHECK(source_kind("README.md", false) == SourceKind::none);
  CHECK(source_kind("sub/package.json", false) == SourceKind::none);
  CHECK(source_kind("tsconfig.json", false) == SourceKind::json);
}

TEST_CASE("hostile text costs bounded memory") {
  std::string deep(1 << 21, '(');
  ModuleReferences references(SourceKind::script, [](const ModuleReference&) {});
  references.feed(as_bytes(deep));
  references.finish();
  CHECK(modules("require('" + std::string(1 << 20, 'x') + "');require('y')", SourceKind::script, 1 << 16) ==
        Set{"y"});
  CHECK(modules(")]}')]};require('y'", SourceKind::script).empty());
  CHECK(modules(")]};require('y')", SourceKind::script) == Set{"y"});
}

}  // namespace sallyport
