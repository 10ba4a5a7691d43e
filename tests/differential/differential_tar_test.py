"""Whatever our reader of tarballs accepts, npm's reader, GNU tar and bsdtar read alike: the gate judges what
clients unpack. What it refuses is shown to other readers too, and where they part is printed."""

import collections
import json
import os
import subprocess
from pathlib import Path

import pytest

from differential import mutations
from support import real_packages, tools

HERE = Path(__file__).parent
PROGRAM = tools.ROOT / "build/dev/tests/tar_listing"


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """(folder, index) of the generated archives; index is [{"file", "rule"}]."""
    subprocess.run([tools.ROOT / "deploy/build", "dev", "tar_listing"], check=True, stdout=subprocess.DEVNULL)
    folder = tmp_path_factory.mktemp("archives")
    subprocess.run([PROGRAM, "--write", folder], check=True)
    return folder, json.loads((folder / "index.json").read_text())


def ours(paths):
    shown = subprocess.run([PROGRAM, *paths], check=True, stdout=subprocess.PIPE).stdout.decode("utf-8", "replace")
    return [json.loads(line) for line in shown.split("\n") if line]


def node_tar(paths, folder):
    listing = folder / "list.txt"
    listing.write_text("".join(f"{path}\n" for path in paths))
    shown = subprocess.run([tools.node(), HERE / "list_with_node_tar.cjs", listing], check=True, stdout=subprocess.PIPE,
                           text=True, env={**os.environ, "NODE_PATH": str(tools.clients_folder())}).stdout
    return [json.loads(line) for line in shown.split("\n") if line]


def names_by(command, path):
    """Names of the files that a command-line tar lists; None where it fails."""
    done = subprocess.run([*command, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode != 0 or done.stderr:
        return None
    return [name for name in done.stdout.decode("utf-8", "replace").splitlines() if not name.endswith("/")]


GNU_TAR = ["tar", "--list", "--gzip", "--quoting-style=literal", "--show-transformed-names", "--file"]
BSD_TAR = ["bsdtar", "-tf"]


def parts(mine, node):
    """How node-tar's reading differs from ours; empty: not at all."""
    if node["complaints"]:
        return "complains"
    if any(kind != "Directory" for kind, _ in node["others"]):
        return "sees entries of other kinds"
    if node["entries"] != mine["entries"]:
        return "sees other files"
    return ""


def assert_alike(paths, mine, node):
    for path, our_reading, node_reading in zip(paths, mine, node, strict=True):
        if not our_reading["accepted"] or not our_reading["entries"]:  # without a package.json nothing passes
            continue
        assert parts(our_reading, node_reading) == "", (path, our_reading, node_reading)
        names = [name for name, _, _ in our_reading["entries"]]
        assert names_by(GNU_TAR, path) == names, path
        assert names_by(BSD_TAR, path) == names, path


def test_hostile_archives(archives):
    folder, index = archives
    paths = [folder / entry["file"] for entry in index]
    mine, node = ours(paths), node_tar(paths, folder)
    hostile = [entry["rule"] for entry in index if entry["rule"]]
    assert len(hostile) >= 200
    differences = collections.Counter()
    for entry, path, our_reading, node_reading in zip(index, paths, mine, node, strict=True):
        # A missing or unreadable package.json is for the rules to say; the archive around it is sound.
        assert our_reading["accepted"] == (entry["rule"] in ("", "tar/manifest")), entry
        others = {"GNU tar": names_by(GNU_TAR, path), "bsdtar": names_by(BSD_TAR, path)}
        node_names = None if node_reading["complaints"] else [name for name, _, _ in node_reading["entries"]]
        if entry["rule"]:
            for name, names in others.items():
                if names != node_names:
                    differences[entry["rule"], name] += 1
    assert_alike(paths, mine, node)
    print("\narchives on which a reader differs from npm's, of those refused:")
    for (rule, reader), count in sorted(differences.items()):
        print(f"  {rule:15} {reader:8} {count:4} of {hostile.count(rule)}")
    # The reason for the strict profile: readers do part on these.
    assert sum(differences.values()) > 50


@pytest.mark.timeout(600)
@pytest.mark.parametrize("origin", ["generated", "real"])
def test_damaged_archives(origin, archives, tmp_path):
    folder, index = archives
    sources = {"generated": lambda: [folder / entry["file"] for entry in index if not entry["rule"]],
               "real": lambda: real_packages.tarballs(real_packages.OF_FIFTEEN_YEARS)}
    clean = [path.read_bytes() for path in sources[origin]()]
    paths = []
    for number, mutant in enumerate(mutations.mutants(clean, 1500, seed=20260331)):
        paths.append(tmp_path / f"{number}.tgz")
        paths[-1].write_bytes(mutant)
    mine, node = ours(paths), node_tar(paths, tmp_path)
    accepted = sum(reading["accepted"] for reading in mine)
    parted = sum(bool(parts(a, b)) for a, b in zip(mine, node, strict=True))
    print(f"\n{len(paths)} damaged archives: {accepted} accepted, node-tar parts on {parted}")
    assert 50 < accepted < 1400  # the damage neither misses nor kills everything
    assert_alike(paths, mine, node)


@pytest.mark.timeout(600)
def test_real_packages(archives, tmp_path):
    paths = real_packages.tarballs(real_packages.OF_FIFTEEN_YEARS)
    mine, node = ours(paths), node_tar(paths, tmp_path)
    assert [reading["file"] for reading in mine if not reading["accepted"]] == []
    assert_alike(paths, mine, node)
