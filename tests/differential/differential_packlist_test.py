"""What `files` of package.json admits, beside npm-packlist: the trees of published packages as they are, and with
`files`, entry points and stray files drawn from their own paths."""

import json
import os
import random
import subprocess
import tarfile
from pathlib import Path

import pytest

from support import real_packages, tools

HERE = Path(__file__).parent
PROGRAM = tools.ROOT / "build/dev/tests/pack_listing"
PATHS_MAX = 120  # of a package; what is compared are patterns, not sizes
STRAY = [".npmrc", ".DS_Store", "x.orig", "._x", ".a.swp", "readme", "README.md~", "LICENSE.txt", "Copying", "yarn.lock",
         "package-lock.json", "pnpm-lock.yaml", "npm-debug.log", ".git/HEAD", "archived-packages/a.js", "build/config.gypi",
         ".svn/entries", "CVS/Root", ".wafpickle-7", ".hidden/a.js", "node_modules/stray/index.js", "[a].js", "a{b}.js"]


def read(tarball):
    """(text of package.json, other paths) of a published package, without what it bundles."""
    with tarfile.open(tarball) as archive:
        members = {member.name.partition("/")[2]: member for member in archive if member.isfile()}
        text = archive.extractfile(members.pop("package.json")).read().decode()
    return text, sorted(path for path in members
                        if not path.startswith("node_modules/") and not path.endswith((".npmignore", ".gitignore")))


def patterns(choose, paths):
    path = choose.choice(paths)
    folder, _, name = path.rpartition("/")
    top, ending = path.split("/")[0], name.rpartition(".")[2]
    drawn = choose.choice([path, folder, top, f"{top}/", f"/{top}", f"./{path}", f"{top}/*", f"{top}/**", f"{top}/**/*",
                           f"*.{ending}", f"**/*.{ending}", f"{top}/*.{ending}", f"{top}/**/*.{ending}", name, f"**/{name}",
                           f"{{{top},lib}}/**", f"{top[:-1]}?", f"{folder}/../{name}", f"{top}/nothere", "*", "**", "."])
    return choose.choice(["", "", "", "!"]) + drawn


def redrawn(choose, text, paths):
    manifest = json.loads(text)
    # "module" counts for us, since Yarn packs what it names.
    for field in ("files", "main", "module", "bin", "browser", "bundleDependencies", "bundledDependencies"):
        manifest.pop(field, None)
    paths = sorted({*paths, *choose.sample(STRAY, 4), choose.choice(paths).rpartition("/")[0] + "/" + choose.choice(STRAY)})
    paths = [path.removeprefix("/") for path in paths]
    if choose.random() < 0.9:
        manifest["files"] = [patterns(choose, paths) for _ in range(choose.randint(0, 4))]
    if choose.random() < 0.4:
        manifest["main"] = choose.choice(["", "./"]) + choose.choice(paths)
    if choose.random() < 0.3:
        manifest["bin"] = {"x": choose.choice(paths)}
    return json.dumps(manifest), paths


def some(choose, paths):
    """Without files that stand where another has a folder."""
    kept = sorted(choose.sample(paths, min(len(paths), PATHS_MAX)))
    folders = {"/".join(path.split("/")[:depth]) for path in kept for depth in range(1, path.count("/") + 1)}
    return [path for path in kept if path not in folders]


def also_ours(path):
    """Yarn packs these whatever `files` says, so we hold them against nobody; npm does not."""
    return "/" not in path and path.lower().startswith(("changes", "changelog", "history", "notice"))


@pytest.mark.timeout(600)
def test_real_trees(tmp_path):
    choose = random.Random(20260331)
    trees = []
    for tarball in real_packages.tarballs(real_packages.OF_FIFTEEN_YEARS + real_packages.WITH_UNLIKE_FILES):
        text, paths = read(tarball)
        trees.append((text, some(choose, paths)))
        if paths:
            trees += [(made, some(choose, more)) for made, more in (redrawn(choose, text, paths) for _ in range(3))]
    folders = []
    for number, (text, paths) in enumerate(trees):
        folder = tmp_path / str(number)
        for path in ("package.json", *paths):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text if path == "package.json" or path.endswith("/package.json") else "x\n")
        folders.append(folder)
    samples = tmp_path / "trees.json"
    samples.write_text(json.dumps([{"manifest": text, "paths": ["package.json", *paths]} for text, paths in trees]))
    subprocess.run([tools.ROOT / "deploy/build", "dev", "pack_listing"], check=True, stdout=subprocess.DEVNULL)
    ours = json.loads(subprocess.run([PROGRAM, samples], check=True, stdout=subprocess.PIPE).stdout)
    npm = json.loads(subprocess.run(
        [tools.node(), HERE / "list_with_npm_packlist.cjs", *folders], check=True, stdout=subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(tools.clients_folder() / "npm11/node_modules")}).stdout)

    outside = 0
    different = []
    for (text, paths), mine, theirs in zip(trees, ours, npm, strict=True):
        manifest = json.loads(text)
        if mine is None:  # "dependencies" was a list in 2010
            assert (manifest["name"], manifest["version"]) == ("underscore", "1.0.3")
            continue
        mine, theirs = set(mine), {path.removeprefix("./") for path in theirs}
        outside += len(paths) + 1 - len(theirs)
        mine = {path for path in mine if path in theirs or not also_ours(path)}
        if mine != theirs:
            different.append((manifest["name"], manifest.get("files"), sorted(mine - theirs), sorted(theirs - mine)))
    print(f"\n{len(trees)} trees, {sum(len(paths) + 1 for _, paths in trees)} files, {outside} left out by npm")
    assert outside > 3000
    assert different == []
