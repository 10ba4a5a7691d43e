"""What shipped by mistake."""

import base64
import gzip
import io
import json
import random
import string
import tarfile
from urllib.parse import quote

from replay.corpus.case import Case, Release
from replay.corpus.payload import Inline, Leak, Manifest, Nothing, filler

LICENSE = "MIT License: permission is hereby granted.\n"


def library(name, version="1.4.0", code=24_000, **files):
    """A small library, the same for every version."""
    return Release(name, version, {
        "index.js": "'use strict';\nmodule.exports = { format: require('./lib/format.js') };\n",
        "lib/format.js": "'use strict';\n" + filler(code, 7) + "module.exports = alpha0;\n",
        "README.md": f"# {name}\n\nFormats values.\n", "LICENSE": LICENSE, **files})


def next_of(release, version="1.4.1", **files):
    """The honest next release: a line of code more."""
    changed = {**release.files, "lib/format.js": release.files["lib/format.js"] + "// see the change log\n", **files}
    return Release(release.name, version, changed, release.fields)


def token(prefix, length, seed, letters=string.ascii_letters + string.digits):
    """By its issuer's grammar, and no secret: EXAMPLE stands in it."""
    choose = random.Random(seed)
    return prefix + "EXAMPLE" + "".join(choose.choices(letters, k=length - 7))


def pem(seed):
    choose = random.Random(seed)
    body = base64.b64encode(b"EXAMPLE" + choose.randbytes(900)).decode()
    lines = "\n".join(body[at:at + 64] for at in range(0, len(body), 64))
    return "-----BEGIN " + f"PRIVATE KEY-----\n{lines}\n-----END " + "PRIVATE KEY-----\n"


GITHUB, NPM = token("gh" + "p_", 36, 1), token("np" + "m_", 36, 2)
SLACK = "xo" + "xb-" + "123412341234-123412341234-" + token("", 24, 3)
JSON_PUSH = "the format is one JSON value, and blanks before it are all that may stand there"


def agent_map(codename="project-kestrel"):
    """A source map with the text of 200 sources, some twelve times its bundle."""
    own = [f"../src/tools/{n}.ts" for n in range(200)]
    third = [f"../node_modules/lib{n}/index.js" for n in range(100)]
    texts = [f"// {codename}: internal\n" + filler(4000, n) for n in range(200)]
    texts += [filler(2000, n) for n in range(100)]
    return json.dumps({"version": 3, "file": "cli.js", "sources": own + third, "sourcesContent": texts, "names": [],
                       "mappings": "AAAA;" * 1000}).encode()


def half_map(start, end):
    whole = json.loads(agent_map())
    return json.dumps({**whole, "sources": whole["sources"][start:end],
                       "sourcesContent": whole["sourcesContent"][start:end]}).encode()


def map_comment(text):
    return "\n//# sourceMappingURL=data:application/json;base64," + base64.b64encode(text).decode() + "\n"


def agent():
    return Release("@acme/agent", "2.1.87", {
        "cli.js": "#!/usr/bin/env node\n" + filler(40_000, 5), "README.md": "# agent\n", "LICENSE": LICENSE},
        {"main": None, "bin": {"agent": "cli.js"},
         "files": ["cli.js", "cli.js.map", "CLI.JS.MAP", "assets", "data", "dist", "types", "cLi.jS.MaP"]})


WORDS = '[[words]]\nlabel = "code names"\nliterals = ["project-kestrel"]\n'


def map_leak(path):
    return Leak(path, agent_map(), filler_line=" " * 79 + "\n", halves=(half_map(0, 100), half_map(100, 200)),
                indirect={"map": "the file is a source map already"})


def cases():
    made = []
    base = agent()
    inline = map_comment(agent_map())
    made.append(Case(
        "inline-map", "claude-code, Feb 2025", base,
        Release(base.name, "2.1.88", {**base.files, "cli.js": base.files["cli.js"] + inline}, base.fields),
        Release(base.name, "2.1.88", {**base.files, "cli.js": base.files["cli.js"] + "// done\n"}, base.fields),
        ("leak/inline-source-map", "leak/source-map-sources", "size/file"),
        Inline("cli.js", base.files["cli.js"], inline, [map_comment(half_map(0, 100)), map_comment(half_map(100, 200))],
               "\n//# sourceMappingURL=data:application/json," + quote(agent_map()) + "\n")))
    made.append(Case(
        "map-beside-bundle", "claude-code 2.1.88, 31 Mar 2026", base,
        Release(base.name, "2.1.88", {**base.files, "cli.js.map": agent_map()}, base.fields),
        Release(base.name, "2.1.88", {**base.files, "cli.js": base.files["cli.js"] + "// done\n"}, base.fields),
        ("leak/source-map", "leak/source-map-sources", "size/new-type", "size/jump", "size/ratio", "leak/words"),
        map_leak("cli.js.map"), policy=WORDS))

    base = library("acme-table")
    bucket = json.dumps({"version": 3, "sources": ["a.ts"], "sourceRoot": "s3://acme-maps.example.invalid/src/",
                         "names": [], "mappings": "AAAA"}).encode()
    made.append(Case(
        "map-in-a-bucket", "map pointing at a bucket", base, next_of(base, **{"dist/format.js.map": bucket}),
        next_of(base, **{"dist/format.js": "module.exports = 1;\n"}), ("leak/source-map-url",),
        Leak("dist/format.js.map", bucket, filler_line=" " * 79 + "\n",
             halves=(bucket, bucket.replace(b"a.ts", b"b.ts")), indirect={"map": "the file is a source map already"})))

    settings = json.dumps({"permissions": {"allow": [
        f"Bash(curl -H 'Authorization: Bearer {GITHUB}' https://api.example.invalid)",
        f"Bash(NPM_TOKEN={NPM} npm publish)"]}}).encode()
    base = library("acme-chart")
    open_fields = {"files": None}
    made.append(Case(
        "settings-local", "`.claude/settings.local.json`, Apr 2026 study", base.with_fields(**open_fields),
        next_of(base.with_fields(**open_fields), **{".claude/settings.local.json": settings}),
        next_of(base.with_fields(**open_fields), **{"data/settings.json": json.dumps({"permissions": {"allow": []}})}),
        ("leak/ai-state", "leak/secret"),
        Leak(".claude/settings.local.json", settings, filler_line=" " * 79 + "\n",
             halves=(GITHUB.encode(), NPM.encode()))))

    base = library("acme-grid").with_fields(files=None)
    guide = b"# For the assistant\nDeploys go through the staging cluster.\n"
    made.append(Case(
        "assistant-files", "AI configs and editor swap files, spring 2026", base,
        next_of(base, **{"CLAUDE.md": guide, ".index.js.swp": b"b0VIM 9.0\0\0\0\0" + bytes(200)}),
        next_of(base, **{"docs/guide.md": "# How to use it\n"}).with_fields(files=["index.js", "lib", "docs"]),
        ("leak/ai-state", "leak/junk", "pack/files-allowlist"),
        Nothing("the finding is what the files are called: under another name they are documents like others")))

    log = f"12:00:01 start\n12:00:02 token {SLACK}\n12:00:03 pushed with {GITHUB}\n".encode()
    base = library("acme-bot")
    made.append(Case(
        "log-with-token", "log file with a chat token", base, next_of(base, **{"lib/run.log": log}),
        next_of(base, **{"lib/run.txt": "12:00:01 start\n"}), ("leak/junk", "leak/secret"),
        Leak("lib/run.log", log, "12:00:00 request {:012x} answered\n",
             tuple(f"12:00:01 start\n12:00:02 pushed with {secret}\n".encode() for secret in (SLACK, GITHUB)),
             stuffed=log.replace(b"\n", b"\n# nothing here\n"))))

    key = pem(4)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in (("private/deploy.pem", key), ("private/notes.txt", f"use {GITHUB}\n")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    backup = gzip.compress(raw.getvalue(), mtime=0)
    base = library("acme-deploy")
    text_only = "an archive is bytes, and this form holds text"
    made.append(Case(
        "key-archive", "private folder with a key archive", base, next_of(base, **{"data/backup.tar.gz": backup}),
        next_of(base, **{"data/table.json": "[]"}), ("leak/secret-file", "leak/secret-nested"),
        Leak("data/backup.tar.gz", backup, indirect={"utf16": text_only, "json": text_only, "map": text_only})))

    npmrc = f"//registry.example.invalid/:_authToken={NPM}\n".encode()
    base = library("acme-client")
    made.append(Case(
        "npmrc", "`.npmrc` packed by another packer", base, next_of(base, **{"lib/.npmrc": npmrc}),
        next_of(base, **{"lib/config.js": "exports.registry = 'https://registry.example.invalid/';\n"}),
        ("leak/secret-file", "leak/secret"),
        Leak("lib/.npmrc", npmrc, "; {:012x}\n", (npmrc, npmrc), stuffed=b"; ours\n" + npmrc + b"; end\n")))

    account = json.dumps({"type": "service_account", "project_id": "acme-example",
                          "private_key_id": "%040x" % random.Random(5).getrandbits(160), "private_key": key,
                          "client_email": "ci@acme-example.iam.example.invalid"}).encode()
    env = f"NODE_ENV=production\nGITHUB_TOKEN={GITHUB}\nSLACK_TOKEN={SLACK}\n".encode()
    base = library("acme-server")
    made.append(Case(
        "env-production", "`.env.production`, service-account JSON", base, next_of(base, **{"lib/.env.production": env}),
        next_of(base, **{"lib/.env.example": "NODE_ENV=production\nGITHUB_TOKEN=\n"}), ("leak/secret-file", "leak/secret"),
        Leak("lib/.env.production", env, "# {:012x}\n",
             (f"NODE_ENV=production\nTOKEN={GITHUB}\n".encode(), f"NODE_ENV=production\nTOKEN={SLACK}\n".encode()),
             stuffed=env.replace(b"\n", b"\n# see the wiki\n"))))
    made.append(Case(
        "service-account", "`.env.production`, service-account JSON", base, next_of(base, **{"lib/account.json": account}),
        next_of(base, **{"lib/account.json": json.dumps({"type": "service_account", "project_id": "acme-example"})}),
        ("leak/secret-file", "leak/secret"),
        Leak("lib/account.json", account, filler_line=" " * 79 + "\n", halves=(account, key.encode()))))

    base = Release("acme-ui", "3.0.0", {"index.js": "module.exports = require('./dist/ui.js');\n",
                                        "dist/ui.js": filler(90_000, 9), "LICENSE": LICENSE, "README.md": "# ui\n"})
    development = "".join(
        f"/***/ \"./src/part{n}.js\":\n/***/ (function(module, exports, __webpack_require__) {{\n\n"
        f"eval(\"{filler(3000, n).replace(chr(10), chr(92) + 'n')}\\n//# sourceURL=webpack:///./src/part{n}.js?\");\n\n/***/ }}),\n"
        for n in range(120))
    development += ("if (process.env.NODE_ENV !== 'production') {\n  console.debug('slow path');\n  debugger;\n}\n" * 40)
    made.append(Case(
        "development-build", "development build published as latest", base,
        Release(base.name, "3.0.1", {**base.files, "dist/ui.js": development}),
        Release(base.name, "3.0.1", {**base.files, "dist/ui.js": filler(91_000, 9)}),
        ("leak/debug-build", "size/jump"),
        Nothing("nobody hides it: the bundler wrote the file in this form and no other")))

    base = library("@acme/app")
    made.append(Case(
        "workspace-left", "monorepo leftovers", base.with_fields(dependencies={"@acme/core": "^1.0.0"}),
        next_of(base).with_fields(dependencies={"@acme/core": "^1.0.0", "@acme/log": "workspace:^"}),
        next_of(base, **{"lib/log.js": "module.exports = require('@acme/core');\n"}).with_fields(
            dependencies={"@acme/core": "^1.0.0"}),
        ("pack/local-dependency",),
        Manifest({"case": {"dependencies": {"@acme/core": "^1.0.0", "@acme/log": "WORKSPACE:^"}},
                  "two files": {"dependencies": {"@acme/core": "^1.0.0"}, "optionalDependencies": {"@acme/log": "workspace:^"}}})))

    base = library("acme-build", code=80_000)
    made.append(Case(
        "wrong-folder", "wrong folder published", base.with_fields(main="lib/format.js"),
        Release(base.name, "1.4.1", {"README.md": "# acme-build\n", "LICENSE": LICENSE,
                                     "scripts/pack.js": "console.log('packed');\n"}, {"main": "lib/format.js"}),
        next_of(base).with_fields(main="lib/format.js"), ("pack/entry-points", "size/shrink"),
        Nothing("something is missing; there is nothing in the release to hide"),
        stops_alone="the size below half is a note, by the catalogue: that main is missing is the one loud finding"))

    base = library("acme-http", "0.30.3")
    made.append(Case(
        "backport-as-latest", "backport published as `latest`", base, next_of(base, "0.30.4"),
        Release(base.name, "0.30.4", next_of(base).files, base.fields, tag="v0"), ("manifest/tag", "manifest/version"),
        Nothing("the tag is not in the tarball"), outside={"tagTarget": "1.14.0"}, twin_outside={"tagTarget": "0.30.3"}))
    return made
