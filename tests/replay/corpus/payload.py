"""What is hidden, and every way of hiding it: the transforms."""

import base64
import gzip
import json
import random
import re
from dataclasses import dataclass, field, replace

from replay.corpus.case import NotApplicable

TRANSFORMS = ["split", "handed on", "base64", "rename", "gzip", "utf16", "64KB", "1MB", "16MB", "comments", "case", "two files",
              "json", "d.ts", "map", "wasm"]
PUSHES = {"64KB": 64 << 10, "1MB": 1 << 20, "16MB": 16 << 20}


def filler(size, seed=1):
    """Ordinary JavaScript, not one line like another, so that no ratio of packing gives it away."""
    choose = random.Random(seed)
    words = "alpha beta gamma delta epsilon zeta theta kappa lambda sigma omega value index total count".split()
    block = "".join(f"function {choose.choice(words)}{choose.getrandbits(40):x}({choose.choice(words)}) {{\n"
                    f"  return {choose.choice(words)}.{choose.choice(words)} + {choose.randrange(10**6)};\n}}\n"
                    for _ in range(min(size, 1 << 20) // 80 + 1))
    text = block
    while len(text) < size:
        text += f"// part {len(text)}\n" + block
    return text


def push_text(size, line):
    """Lines of a kind that says nothing, `size` bytes of them."""
    choose = random.Random(size)
    made = "".join(line.format(choose.getrandbits(48)) for _ in range(20_000))
    return "".join([made] * (size // len(made) + 1))[-size:]


def split_strings(code):
    def parts(match):
        text = match.group(1)
        if len(text) < 2:
            return match.group(0)
        cut = (len(text) + 1) // 3 or 1
        return "(" + " + ".join(f"'{text[at:at + cut]}'" for at in range(0, len(text), cut)) + ")"

    return re.sub(r"'([^'\\\n]*)'", parts, code)


def stuff_comments(code):
    """A comment wherever two tokens meet, outside of strings."""
    pieces = re.split(r"('[^'\n]*')", code)
    return "".join(piece if piece.startswith("'") else re.sub(r"([(),.=])", r"/* nothing */\1/* see */", piece)
                   for piece in pieces)


def wasm(data):
    """A module with one custom section that holds the bytes."""
    def leb(number):
        out = b""
        while True:
            part, number = number & 0x7F, number >> 7
            out += bytes([part | (0x80 if number else 0)])
            if not number:
                return out

    body = leb(4) + b"data" + data
    return b"\0asm\1\0\0\0" + b"\0" + leb(len(body)) + body


def source_map(text):
    return json.dumps({"version": 3, "sources": ["../src/values.js"], "sourcesContent": [text], "names": [],
                       "mappings": "AAAA"})


@dataclass(frozen=True)
class Code:
    """JavaScript that runs: two halves, the second uses `found` of the first. `host` is the file that runs it."""
    first: str
    second: str
    host: str
    indirect: dict = field(default_factory=dict)  # transform -> why it makes no sense here

    @property
    def text(self):
        return self.first + self.second

    def plain(self, release):
        return release.with_files({self.host: release.files.get(self.host, "") + self.text})

    def variant(self, transform, bad):
        if transform in self.indirect:
            return NotApplicable(self.indirect[transform])
        host = bad.files[self.host]
        assert host.endswith(self.text)
        clean = host.removesuffix(self.text)
        up = "../" * self.host.count("/")
        here = "./" if not up else up

        def runs(line, files=()):
            return bad.with_files({self.host: clean + line + "\n", **dict(files)})

        def evaluates(expression, files=()):
            return runs(f"eval({expression});", files)

        def reads(path):
            return f"require('fs').readFileSync(__dirname + '/{up}{path}')"

        if transform == "split":
            return runs(split_strings(self.text))
        if transform == "handed on":
            return runs("(function (load) {\n" + self.text.replace("require(", "load(") + "})(require);")
        if transform == "base64":
            return evaluates(f"Buffer.from('{base64.b64encode(self.text.encode()).decode()}', 'base64').toString()")
        if transform == "rename":
            return runs(f"require('{here}data/values.dat');", {"data/values.dat": self.text})
        if transform == "gzip":
            packed = gzip.compress(self.text.encode(), mtime=0)
            return evaluates(f"require('zlib').gunzipSync({reads('data/values.bin')}).toString()",
                             {"data/values.bin": packed})
        if transform == "utf16":
            return evaluates(f"{reads('data/values.txt')}.toString('utf16le')",
                             {"data/values.txt": b"\xff\xfe" + self.text.encode("utf-16-le")})
        if transform in PUSHES:
            return runs(filler(PUSHES[transform]) + self.text)
        if transform == "comments":
            return runs(stuff_comments(self.text))
        if transform == "case":
            return runs(f"require('{here}Lib/VaLues.Js');", {"Lib/VaLues.Js": self.text})
        if transform == "two files":
            return runs(f"require('{here}lib/values-b.js');",
                        {"lib/values-a.js": self.first + "exports.found = found;\n",
                         "lib/values-b.js": "const { found } = require('./values-a.js');\n" + self.second})
        if transform == "json":
            return evaluates(f"require('{here}data/values.json').text", {"data/values.json": json.dumps({"text": self.text})})
        if transform == "d.ts":
            return runs(f"require('{here}types/values.d.ts');", {"types/values.d.ts": self.text})
        if transform == "map":
            return evaluates(f"JSON.parse({reads('dist/values.js.map')}).sourcesContent[0]",
                             {"dist/values.js.map": source_map(self.text)})
        if transform == "wasm":
            return evaluates(f"{reads('data/values.wasm')}.subarray(15).toString()",
                             {"data/values.wasm": wasm(self.text.encode())})
        raise KeyError(transform)


@dataclass(frozen=True)
class Leak:
    """Bytes that nobody meant to ship, as one file."""
    path: str
    content: bytes
    filler_line: str = ""  # what harmless lines before it look like, "{}" a number; empty: nothing can stand before it
    halves: tuple = ()  # two contents that leak as well
    stuffed: bytes = b""  # with comments between what it says
    indirect: dict = field(default_factory=dict)

    def variant(self, transform, bad):
        if transform in self.indirect:
            return NotApplicable(self.indirect[transform])
        assert bad.files[self.path] == self.content

        def as_files(files):
            return bad.with_files(files, without=[self.path])

        if transform == "split":
            return NotApplicable("a file that ships by mistake is no code: it has no strings to put together")
        if transform == "handed on":
            return NotApplicable("a file that ships by mistake is no code: it loads nothing")
        if transform == "base64":
            return as_files({"assets/data.js": f"module.exports = '{base64.b64encode(self.content).decode()}';\n"})
        if transform == "rename":
            return as_files({"assets/data.bin": self.content})
        if transform == "gzip":
            return as_files({"assets/data": gzip.compress(self.content, 6, mtime=0)})
        if transform == "utf16":
            return as_files({self.path: b"\xff\xfe" + self.content.decode().encode("utf-16-le")})
        if transform in PUSHES:
            if not self.filler_line:
                return NotApplicable("nothing can stand before it: the format begins where the file does")
            return as_files({self.path: push_text(PUSHES[transform], self.filler_line).encode() + self.content})
        if transform == "comments":
            if not self.stuffed:
                return NotApplicable("the format knows no comments")
            return as_files({self.path: self.stuffed})
        if transform == "case":
            head, slash, name = self.path.rpartition("/")
            mixed = "".join(c.upper() if at % 2 else c for at, c in enumerate(name))
            return as_files({head + slash + mixed: self.content})
        if transform == "two files":
            if not self.halves:
                return NotApplicable("one secret in two files is none in either")
            return as_files({"data/part-a.txt": self.halves[0], "data/part-b.txt": self.halves[1]})
        if transform == "json":
            return as_files({"data/values.json": json.dumps({"permissions": {"allow": [self.content.decode()]}})})
        if transform == "d.ts":
            return as_files({"types/data.d.ts": self.content})
        if transform == "map":
            return as_files({"dist/data.js.map": source_map(self.content.decode())})
        if transform == "wasm":
            return as_files({"dist/data.wasm": wasm(self.content)})
        raise KeyError(transform)


@dataclass(frozen=True)
class Inline:
    """A source map in a comment at the end of the program."""
    host: str
    code: str
    comment: str
    halves: list  # two comments with half of the sources each
    percent: str  # the comment in its other encoding

    def variant(self, transform, bad):
        whole = self.code + self.comment
        assert bad.files[self.host] == whole
        if transform in ("split", "handed on", "base64"):
            return NotApplicable("the comment is data already: base64, and one piece for every reader of maps")
        at_host = {
            "comments": self.code + self.comment.replace("//# ", "/* nothing */ //# ") + "// more\n" * 50,
            "case": self.code + self.comment.replace("application/json;base64", "Application/JSON;BASE64"),
            "json": self.code + self.percent,
        }
        if transform in at_host:
            return bad.with_files({self.host: at_host[transform]})
        if transform in PUSHES:
            return bad.with_files({self.host: self.code + filler(PUSHES[transform]) + self.comment})
        beside = {
            "rename": {"assets/data.bin": whole},
            "gzip": {"assets/data": gzip.compress(whole.encode(), 1, mtime=0)},
            "utf16": {"assets/data.txt": b"\xff\xfe" + whole.encode("utf-16-le")},
            "two files": {self.host: self.code + self.halves[0], "dist/more.js": "1;" + self.halves[1]},
            "d.ts": {"types/cli.d.ts": whole},
            "map": {"dist/x.js.map": source_map(self.comment)},
            "wasm": {"dist/x.wasm": wasm(whole.encode())},
        }
        return bad.with_files({self.host: self.code, **beside[transform]})


@dataclass(frozen=True)
class Manifest:
    """Said by package.json, or by where and when it was published: only some transforms have something to act on."""
    forms: dict = field(default_factory=dict)  # transform -> fields of package.json, or files (under "files")
    why: str = "package.json is read by clients under one name and in one form"

    def variant(self, transform, bad):
        if transform in self.forms:
            form = dict(self.forms[transform])
            files = form.pop("files", {})
            return bad.with_fields(**form).with_files(files)
        if transform in PUSHES:
            # Before everything else of package.json.
            fields = {"keywords": [f"word{n}" for n in range(PUSHES[transform] // 12)], **bad.fields}
            return replace(bad, fields=fields)
        return NotApplicable(self.why)


@dataclass(frozen=True)
class Nothing:
    """Nothing is hidden: the release lacks something, or the archive is odd, or there is none."""
    why: str

    def variant(self, transform, bad):
        return NotApplicable(self.why)
