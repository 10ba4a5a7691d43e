#include "policies/code/fold.hpp"

#include <doctest/doctest.h>

#include <ctime>
#include <set>
#include <string>

namespace sallyport {

namespace {

// Everything that a text does: "load m", "call path", "use path", "say text"; fed in pieces of `step` bytes.
class Recorder final : public CodeUses {
 public:
  void loads(std::string_view module, CodePlace) override { seen.insert("load " + std::string(module)); }
  void calls(std::string_view path, const std::vector<Value>&, CodePlace) override {
    seen.insert("call " + std::string(path));
  }
  void refers(std::string_view path, How how, CodePlace) override {
    seen.insert((how == How::looked_into ? "use "
                 : how == How::passed_on ? "pass "
                                         : "each ") +
                std::string(path));
  }
  bool hears(std::string_view) override { return true; }
  void says(const Value& value, CodePlace) override { seen.insert("say " + value.text); }
  void names(Word, CodePlace) override {}
  void composes(std::string_view text, CodePlace) override { seen.insert("compose " + std::string(text)); }
  bool passes(std::string_view, std::string_view text, CodePlace) override { return text == "child_process"; }
  void sets(std::string_view member, const Value& text, CodePlace) override {
    seen.insert("set " + std::string(member) + " " + text.text);
  }
  void gives_up(CodePlace) override { seen.insert("gives up"); }
  std::set<std::string> seen;
};

std::set<std::string> read(std::string_view text, std::size_t step = 1u << 20) {
  Recorder recorder;
  Fold fold(recorder);
  Tokens tokens(
      {}, [&](std::span<const Token> batch) { fold.take(batch, tokens.repeated()); }, Fold::tokens_again);
  for (std::size_t at = 0; at < text.size(); at += step) tokens.feed(as_bytes(text.substr(at, step)));
  tokens.finish();
  fold.finish();
  return recorder.seen;
}

bool loads(std::string_view text, std::string_view module = "child_process") {
  return read(text).contains("load " + std::string(module));
}

}  // namespace

TEST_CASE("a text is what it amounts to") {
  for (const char* expression : {
           "'child_'+'process'",
           "`child_${'process'}`",
           "`child_${`pro${'cess'}`}`",
           "'\\x63hild_process'",
           "'\\u0063hild\\u{5f}process'",
           "'\\143hild_process'",
           "'child' + /* x */ '_' + // y\n 'process'",
           "['child','process'].join('_')",
           "['c','h','i','l','d','_','p','r','o','c','e','s','s'].join('')",
           "'ssecorp_dlihc'.split('').reverse().join('')",
           "[...'ssecorp_dlihc'].length ? 'child_process' : 'x'",
           "String.fromCharCode(99,104,105,108,100,95,112,114,111,99,101,115,115)",
           "String['fromCharCode'](99,104,105,108,100,95)+'process'",
           "String.fromCharCode(...[99,104,105,108,100,95])+'process'",
           "String.fromCharCode.apply(null,[99,104,105,108,100,95])+'process'",
           "[99,104,105,108,100,95].map(c=>String.fromCharCode(c)).join('')+'process'",
           "String.fromCharCode(0x63,100+4,106^3,27<<2,99|4&100)==1?0:'child_process'",
           "atob('Y2hpbGRfcHJvY2Vzcw==')",
           "window.atob('Y2hpbGRfcHJvY2Vzcw==')",
           "Buffer.from('Y2hpbGRfcHJvY2Vzcw==','base64').toString()",
           "Buffer.from('6368696c645f70726f63657373','hex').toString('utf8')",
           "new Buffer('Y2hpbGRfcHJvY2Vzcw','base64')+''",
           "Buffer['from']('Y2hpbGRf' + 'cHJvY2Vzcw==', 'base' + 64)['toString']()",
           "decodeURIComponent('%63hild%5Fprocess')",
           "unescape('%63hild%u005Fprocess')",
           "'child-process'.replace('-','_')",
           "'cXhXiXlXd_process'.replace(/X/g,'')",
           "'CHILD_PROCESS'.toLowerCase()",
           "'xxchild_processxx'.slice(2,-2)",
           "'xxchild_process'.substring(2)",
           "'child_'.concat('process')",
           "(0,'child_process')",
           "('child_'+('pro'+('cess')))",
           "({a:'child_',b:'process'}).a+'process'",
           "(()=>'child_process')()",
           "(function(){return 'child_'+'process'})()",
           "x?'child_process':'fs'",
           "x||'child_process'",
           "x='child_process'",
           "['fs','child_process'][1]",
           "['fs','child_process']['at'](1)",
           "'node:'+'child_process'",
       }) {
    CAPTURE(std::string(expression));
    CHECK(loads("require(" + std::string(expression) + ")"));
  }
  CHECK_FALSE(loads("require('child_'+x+'process')"));
  CHECK_FALSE(loads("require('child')"));
  CHECK_FALSE(loads("// require('child_process')"));
  CHECK_FALSE(loads("'require(\"child_process\")'"));
}

TEST_CASE("names stand for what they were bound to") {
  for (const char* text : {
           "const a='child_';const b=a+'process';require(b)",
           "let a='child_';a+='process';require(a)",
           "var a=['child','process'],b=a.join('_');require(b)",
           "const t=['fs','child_process'];function f(){return require(t[1])}",
           "const o={m:'child_process'};require(o.m);",
           "const o={m:'child_process'};require(o['m']);",
           "const f=()=>'child_process';require(f())",
           "const r=require;r('child_process')",
           "const r=module.require;r('child_process')",
           "var {require:r}=module;r('child_process')",
           "const o={};o.r=require;o.r('child_process')",
           "const o={r:require};o.r('child_process')",
           "if(1){var a='child_'}require(a+'process')",
           "let a;a='child_process';(function(){require(a)})()",
           "function f(r=require){r('child_process')}",
           "const g=globalThis;g['req'+'uire']('child_process')",
           "var q=(r=>typeof require<'u'?require:typeof Proxy<'u'?new Proxy(r,{}):r)(f);q('child_process')",
           "const r=require;(a=>r('child_process'))()",
           "const r=require;[1].map(r=>r+1,r('child_process'))",
       }) {
    CAPTURE(std::string(text));
    CHECK(loads(text));
  }
  CHECK_FALSE(loads("function f(){const a='child_process'}function g(a){require(a)}"));
  for (const char* text : {
           "const r=require;function f(r){r('child_process')}",
           "const r=require;f(r=>r('child_process'))",
           "const r=require;f((a,r)=>{r('child_process')})",
           "const r=require;function f(){var a=1,r=g();r('child_process')}",
       }) {
    CAPTURE(std::string(text));
    CHECK_FALSE(loads(text));
    CHECK(loads(std::string(text) + ";r('child_process')"));
  }
}

TEST_CASE("every way to a module is one") {
  for (const char* text : {
           "require('child_process')",
           "require(`child_process`)",
           "require\n(\n'node:child_process')",
           "r\\u0065quire('child_process')",
           "require/*a*/(/*b*/'child_process'/*c*/)",
           "require\xc2\xa0('child_process')",
           "(0,require)('child_process')",
           "(require)('child_process')",
           "require.call(null,'child_process')",
           "require.apply(null,['child_process'])",
           "require.bind(null)('child_process')",
           "Reflect.apply(require,null,['child_process'])",
           "module.require('child_process')",
           "module['require']('child_process')",
           "module.parent.require('child_process')",
           "require.main.require('child_process')",
           "process.mainModule.require('child_process')",
           "process['main'+'Module']['require']('child_process')",
           "globalThis.process.mainModule.require('child_process')",
           "globalThis['process']['mainModule'].require('child_process')",
           "process.getBuiltinModule('child_process')",
           "module.constructor._load('child_process')",
           "require('module')._load('child_process')",
           "require('module').createRequire(__filename)('child_process')",
           "import {createRequire} from 'module';const r=createRequire(import.meta.url);r('child_process')",
           "import {createRequire as c} from 'node:module';c(import.meta.url)('child_process')",
           "import * as m from 'module';m.createRequire('/')('child_process')",
           "import 'child_process'",
           "import a from 'child_process'",
           "import {exec} from 'child_process'",
           "export * from 'child_process'",
           "await import('child_process')",
           "import('child_'+'process').then(m=>m.exec('x'))",
           "eval('require')('child_process')",
           "eval('quire'.replace(/^/,'re'))('child_process')",
           "Function('return this')().process.mainModule.require('child_process')",
           "new Function('return process')().mainModule.require('child_process')",
           "[].constructor.constructor('return process')().mainModule.require('child_process')",
           "(()=>{}).constructor('return process')().mainModule.require('child_process')",
           "const f=Function;f('return process')().mainModule.require('child_process')",
           "typeof require=='function'&&require('child_process')",
           "`${require('child_process')}`",
           "a={b:c=>{require('child_process')}}",
           "x.y(function(){return require('child_process')})",
       }) {
    CAPTURE(std::string(text));
    CHECK(loads(text));
    CHECK(read(text, 1) == read(text));
  }
}

TEST_CASE("calls and references keep their path") {
  CHECK(read("(0,eval)('x')").contains("call eval"));
  CHECK(read("globalThis['ev'+'al'](x)").contains("call eval"));
  CHECK(read("this['eval'](x)").contains("call eval"));
  CHECK(read("const w=window;w.eval(x)").contains("call eval"));
  CHECK(read("new Function(x)").contains("call Function"));
  CHECK(read("[].constructor.constructor(x)").contains("call Function"));
  CHECK(read("''['constructor']['constructor'](x)").contains("call Function"));
  CHECK(read("a.b['const'+'ructor'].constructor(x)").contains("call Function"));
  CHECK(read("const {exec:e}=require('child_process');e('a')").contains("call module:child_process.exec"));
  CHECK(read("import {exec as e} from 'child_process';e('a')").contains("call module:child_process.exec"));
  CHECK(read("import * as c from 'child_process';c['ex'+'ec']('a')")
            .contains("call module:child_process.exec"));
  CHECK(read("const c=require('child_process');(0,c.exec)('a')").contains("call module:child_process.exec"));
  CHECK(
      read("var c=__toESM(require('child_process'));c.exec('a')").contains("call module:child_process.exec"));
  CHECK(read("const run=require('util').promisify(require('child_process').exec);run('a')")
            .contains("call module:child_process.exec"));
  CHECK(read("send(process.env)").contains("pass process.env"));
  CHECK(read("send({...process['env']})").contains("pass process.env"));
  CHECK(read("const {env}=process;send(env)").contains("pass process.env"));
  CHECK(read("import p from 'node:process';send(p.env)").contains("pass process.env"));
  CHECK(read("for(const k in process.env){}").contains("each process.env"));
  CHECK(read("a=process.env.NODE_ENV").contains("use process.env.NODE_ENV"));
  CHECK_FALSE(read("a=process.env[k]").contains("use process.env"));
  CHECK_FALSE(read("x.eval(y);x.require('m')").contains("call eval"));
  CHECK_FALSE(loads("x.require('child_process')"));
  CHECK(read("const h=require('os').homedir();f(h+'/.ssh')").contains("say ~/.ssh"));
  CHECK(read("f(require('path').join(require('os').homedir(),'.aws','credentials'))")
            .contains("say ~/.aws/credentials"));
  CHECK(read("f(`${process.env.HOME}/.ss${'h'}`)").contains("say ~/.ssh"));
  CHECK(read("f('a'+x+'b')")
            .contains("say a\x01"
                      "b"));
}

TEST_CASE("hostile text costs bounded time and memory") {
  for (const std::string& unit :
       {std::string("eval("), std::string("["), std::string("require(["), std::string("`${"),
        std::string("a="), std::string("'a'+"), std::string("!"), std::string("x=>"), std::string("({a:"),
        std::string("a={},"), std::string("x['a'+"), std::string("a?b:")}) {
    std::string text;
    while (text.size() < 300'000) text += unit;
    CAPTURE(unit);
    CHECK(read(text + ")]}`;require('child_process')").size() < 1000);
  }
  for (const std::string& unit :
       {std::string("'a'.repeat(60000)+"), std::string("a=function(){return a};"),
        std::string("e=[eval,e,e];"), std::string("e={a:eval,b:e,c:e};"),
        std::string("s='x'.repeat(60000);s+='y';"), std::string("'a'.repeat(4000).split('').concat('b')+")}) {
    std::string text;
    while (text.size() < 60'000) text += unit;
    CAPTURE(unit);
    const std::clock_t before = std::clock();
    CHECK(read(text).size() < 20'000);
    CHECK((std::clock() - before) / CLOCKS_PER_SEC <
          20);  // it takes a second, or fifteen of them without a limit
  }
  std::string growing;
  while (growing.size() < 300'000) growing += "s='x'.repeat(60000)+";
  CHECK(read(growing).contains("gives up"));
  CHECK_FALSE(read("s='x'.repeat(60000)+'y';eval(s)").contains("gives up"));
  CHECK(read("f('a'.slice(1e308*10-1e308*10)+'b')").contains("say ab"));
  std::string names;
  for (int i = 0; i < 50'000; ++i)
    names += "const a" + std::to_string(i) + "='" + std::string(200, 'x') + "';";
  CHECK(loads(names + "require('child_'+'process')"));
}

}  // namespace sallyport
