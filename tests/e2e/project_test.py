"""A project of some 900 packages, with every client: whether it installs from the registry itself, from a gateway
that has seen nothing, from one that has seen all, or from one whose upstream is gone, makes no difference to the
lock file nor to one byte of the tree."""

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import clients
from support.gateway import measured
from support.kept_registry import KeptRegistry

PROJECT = Path(__file__).with_name("project.json")
PACKAGES_MIN = 800  # pnpm keeps each version once, the others some 950 copies

# Programs of packages do not run: what they make is theirs.
OPTIONS = {
    "npm11": ("--ignore-scripts", "--legacy-peer-deps"),
    "npm12": ("--ignore-scripts", "--legacy-peer-deps"),
    "pnpm10": ("--ignore-scripts",),
    "pnpm12": ("--ignore-scripts",),
    "yarn1": ("--ignore-scripts", "--ignore-engines", "--non-interactive"),
    "berry": ("--mode=skip-build",),
    "bun": ("--ignore-scripts",),
}
LOCKS = {"npm11": "package-lock.json", "npm12": "package-lock.json", "pnpm10": "pnpm-lock.yaml",
         "pnpm12": "pnpm-lock.yaml", "yarn1": "yarn.lock", "berry": "yarn.lock", "bun": "bun.lock"}
# They hold the time of the installation.
NOTES = {"node_modules/.modules.yaml", "node_modules/.pnpm-workspace-state-v1.json", "node_modules/.pnpm-workspace-state.json"}


@pytest.fixture(scope="module")
def registry():
    made = KeptRegistry().start()
    yield made
    made.stop()


class Case:
    """One installation from nothing: a project and a client that have seen nothing either."""

    def __init__(self, name, folder, registry, token=None):
        # Always the same paths: some clients write them down.
        shutil.rmtree(folder, ignore_errors=True)
        self.project = clients.project(folder / "project")
        shutil.copy(PROJECT, self.project / "package.json")
        self.runner = clients.make(name, folder / "home", registry, token)
        if name == "berry":
            (self.project / "yarn.lock").write_text("")
        self.origin = self.runner.registry
        self.lock = LOCKS[name]

    def install(self, name, **how):
        return self.runner.run("install", *OPTIONS[name], cwd=self.project, seconds=400, **how)

    def plain(self, text):
        return text.replace(self.origin, "REGISTRY/").replace(self.origin.rstrip("/"), "REGISTRY")

    def lock_text(self):
        return self.plain((self.project / self.lock).read_text())

    def tree(self):
        """path -> what is there, for everything below node_modules."""
        def look(path):
            name = str(path.relative_to(self.project))
            if path.is_symlink():
                return name, f"-> {path.readlink()}"
            if name in NOTES:
                return name, "a note with a time"
            data = path.read_bytes()
            if name.count("/") == 1 or name == "node_modules/.pnpm/lock.yaml":  # the client's own notes
                data = self.plain(data.decode()).encode()
            mode = "x" if path.stat().st_mode & 0o100 else "-"
            return name, f"{mode} {hashlib.sha256(data).hexdigest()}"

        paths = []
        for folder, folders, files in os.walk(self.project / "node_modules"):
            paths += [Path(folder, name) for name in files]
            paths += [path for path in (Path(folder, name) for name in folders) if path.is_symlink()]
        with ThreadPoolExecutor(4) as pool:
            return dict(pool.map(look, paths, chunksize=256))


def difference(expected, found, limit=40):
    """What is otherwise, of two listings, few enough lines to read. Not difflib: these have 40,000 lines."""
    lines = [f"{key}: {expected.get(key, 'nothing')} directly, {found.get(key, 'nothing')} here"
             for key in sorted({*expected, *found}) if expected.get(key) != found.get(key)]
    return "\n".join(lines[:limit] + ([f"… and {len(lines) - limit} more"] if len(lines) > limit else []))


def assert_same(direct, other, what):
    (lock, tree), (other_lock, other_tree) = direct, other
    lines = [dict(enumerate(text.splitlines(), 1)) for text in (lock, other_lock)]
    if lock != other_lock:
        pytest.fail(f"{what}: another lock file\n{difference(*lines)}", pytrace=False)
    if tree != other_tree:
        pytest.fail(f"{what}: another tree\n{difference(tree, other_tree)}", pytrace=False)


def packages_of(tree):
    """How many folders of packages there are: their manifests lie right below node_modules/NAME."""
    def is_package(path):
        parts = path.split("/")
        at = len(parts) - 1 - parts[::-1].index("node_modules")
        rest = parts[at + 1:]
        return rest[-1] == "package.json" and len(rest) == (3 if rest[0].startswith("@") else 2)
    return sum(map(is_package, tree))


@pytest.mark.timeout(1700)
@pytest.mark.parametrize("name", LOCKS)
def test_the_same_lock_file_and_tree_in_every_case(name, registry, new_gate, tmp_path):
    folder = tmp_path / "case"

    def install(what, origin, token=None):
        case = Case(name, folder, origin, token)
        _, seconds = measured(lambda: case.install(name))
        print(f"{name} {what}: {seconds:.1f} s")
        return case.lock_text(), case.tree()

    direct = install("directly", registry.url)
    assert packages_of(direct[1]) >= PACKAGES_MIN
    # Every document is asked for again at the second installation.
    gate = new_gate(upstream=registry, cache={"fresh_for": "1 s", "stale_for": "1 s"})
    token = gate.user("bob").token
    assert_same(direct, install("cold", gate.url, token), f"{name}, nothing cached")
    before = len(registry.asked)
    assert_same(direct, install("warm", gate.url, token), f"{name}, all cached")
    again = registry.asked[before:]
    assert not [path for path, _ in again if path.endswith(".tgz")], "a cached tarball was fetched again"
    assert {status for _, status in again} <= {304, 404}, "a cached document was fetched again"
    registry.cut()
    try:
        gate.restart()  # nothing is in memory any more
        assert_same(direct, install("cut", gate.url, token), f"{name}, all cached, upstream gone")
    finally:
        registry.start()


@pytest.mark.timeout(300)
def test_nothing_cached_and_no_upstream(registry, new_gate, tmp_path):
    """npm ends, soon, and says what is wrong."""
    gate = new_gate(upstream=registry)
    registry.cut()
    try:
        case = Case("npm12", tmp_path / "case", gate.url, gate.user("bob").token)
        assert "503" in case.install("npm12", expect="failure").text
    finally:
        registry.start()
