"""`pack/outside-files` against npm: the same trees, packed by `npm pack` and judged by us. What npm leaves out we
must name, what it takes we must not, whatever `files` says."""

import json
import random

import pytest

from support import packages
from support.scanner import Scanner, files

FOLDERS = ["", "dist/", "dist/sub/", "src/", "lib/", "lib/deep/er/", ".hidden/", "build/", "Dist2/"]
NAMES = ["index.js", "a.js", "a.js.map", "b.ts", "README.md", "readme", "LICENCE.txt", "license.md~", "COPYING", "x.orig",
         "cli.js", "data.json", "[x].js", "UPPER.JS", "._x", ".a.swp", "package-lock.json", "yarn.lock", "package.json"]
PATTERNS = ["dist", "./dist", "dist/", "/dist", "dist/*", "dist/**", "dist/*.js", "*.js", "**/*.js", "lib", "lib/deep",
            "lib/deep/er/a.js", "!dist/sub", "!**/*.map", "!*.map", "index.js", "./index.js", "dist/index.js", "x.orig",
            "dist/x.orig", "src/**/*.{ts,js}", "{lib,src}", ".", "./", "*", "**", "", "!dist", ".hidden", "../x", "*.+(js|ts)",
            "dist/sub/../a.js", "d?st", "[dl]i[bs]t", "nothere", "DIST", "lib//deep", "dist/**/sub", "!(dist)", "data.json"]


def tree(choose):
    paths = {choose.choice(FOLDERS) + choose.choice(NAMES) for _ in range(choose.randint(10, 18))}
    fields = {"files": choose.choices(PATTERNS, k=choose.randint(0, 3))}
    if choose.random() < 0.3:
        fields["main"] = choose.choice(["index.js", "./lib/a.js", "dist/index.js", "lib", "./index"])
    if choose.random() < 0.3:
        fields["bin"] = choose.choice([{"x": "cli.js"}, "./dist/cli.js", {"x": "./lib/cli.js"}])
    return sorted(paths - {"package.json"}), fields


@pytest.mark.parametrize("seed", range(24))
def test_the_same_files_are_outside(seed, tmp_path, client):
    paths, fields = tree(random.Random(seed))
    folder = packages.write_package(tmp_path / "lib", "lib", files={path: "x\n" for path in paths})
    manifest = {"name": "lib", "version": "1.0.0", "license": "MIT", **fields}
    (folder / "package.json").write_text(json.dumps(manifest))
    everything = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    shown = json.loads(client("npm11", "http://127.0.0.1:9").run("pack", "--dry-run", "--json", cwd=folder).stdout)
    taken = {entry["path"] for entry in shown[0]["files"]}

    (tmp_path / "all.tgz").write_bytes(packages.tarball(everything))
    report = Scanner(tmp_path / "scanner").report(tmp_path / "all.tgz")
    outside = {path.removeprefix("package/") for path in files(report, "pack/outside-files")}
    assert outside == set(everything) - taken, fields
