"""`sallyport prefetch`: what a lock file names installs afterwards without any upstream, and nothing gets past
what installs may see."""

import json
import re
import shutil
import subprocess

import pytest

from support import clients, http, packages

LOCKS = {"npm11": "package-lock.json", "npm12": "package-lock.json", "pnpm12": "pnpm-lock.yaml",
         "pnpm10": "pnpm-lock.yaml", "yarn1": "yarn.lock", "berry": "yarn.lock", "bun": "bun.lock"}
FROZEN = {"npm11": ["ci"], "npm12": ["ci"], "pnpm12": ["install", "--frozen-lockfile"],
          "pnpm10": ["install", "--frozen-lockfile"], "yarn1": ["install", "--frozen-lockfile", "--non-interactive"],
          "berry": ["install", "--immutable"], "bun": ["install", "--frozen-lockfile"]}


def publish_tree(upstream):
    """A package that needs a scoped one, which needs another. Returns their names, the root last."""
    names = [packages.unique("deep"), "@acme/" + packages.unique("middle"), packages.unique("root")]
    before = None
    for name in names:
        needs = {before: "^1.0.0"} if before else {}
        upstream.publish(name, "1.0.0", packages.package_tarball(name, dependencies=needs),
                         fields={"dependencies": needs})
        before = name
    return names


def prefetch(gate, *arguments, expect=0, token=None):
    """As somebody with a token in ~/.npmrc."""
    rc = gate.folder / "prefetch.npmrc"
    rc.write_text(f"registry={gate.url}/\n{gate.url.split(':', 1)[1]}/:_authToken={token or gate.user('bob').token}\n")
    command = [gate.binary, "prefetch", *arguments]
    done = subprocess.run([str(part) for part in command], cwd=gate.folder, capture_output=True, text=True, timeout=120,
                          env={**gate.environment(), "npm_config_userconfig": str(rc)})
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def lock_for(name, gate, client, folder, spec):
    project = clients.project(folder)
    client(name, gate.url, gate.user("bob").token).install(project, spec)
    return project / LOCKS[name]


def cached(gate):
    return {path.name for path in (gate.data / "cached" / "sha512").rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", list(LOCKS))
def test_what_a_lock_file_names_installs_offline(name, verdaccio, new_gate, client, tmp_path):
    names = publish_tree(verdaccio)
    elsewhere, gate = new_gate(upstream=verdaccio), new_gate(upstream=verdaccio)
    lock = lock_for(name, elsewhere, client, tmp_path / "made", f"{names[-1]}@1.0.0")
    # Yarn 1 and Bun go to the very addresses in it.
    lock.write_text(lock.read_text().replace(elsewhere.url, gate.url))

    assert prefetch(gate, lock).stdout == "3 fetched, 0 already there, 0 refused, 0 failed\n"
    assert prefetch(gate, lock).stdout == "0 fetched, 3 already there, 0 refused, 0 failed\n"

    gate.settings["cache"] = {"mode": "offline"}
    gate.configure()
    gate.restart()
    project = tmp_path / "offline"
    project.mkdir()
    for file in ("package.json", lock.name):
        shutil.copy(lock.parent / file, project / file)
    client(name, gate.url, gate.user("bob").token).run(*FROZEN[name], cwd=project)
    assert clients.installed(project, names[-1])["version"] == "1.0.0"


def test_npm_of_long_ago(verdaccio, new_gate, client, tmp_path):
    names = publish_tree(verdaccio)
    gate = new_gate(upstream=verdaccio)
    project = clients.project(tmp_path / "project")
    npm = client("npm11", gate.url, gate.user("bob").token)
    npm.run("install", "--lockfile-version=1", "--package-lock-only", f"{names[-1]}@1.0.0", cwd=project)
    assert json.loads((project / "package-lock.json").read_text())["lockfileVersion"] == 1
    (project / "package-lock.json").rename(project / "npm-shrinkwrap.json")
    assert "3 fetched" in prefetch(gate, project / "npm-shrinkwrap.json").stdout


def npm_lock(path, *entries):
    """A package-lock.json of (name, version, integrity)."""
    path.write_text(json.dumps({"name": "project", "lockfileVersion": 3, "packages": {
        "": {"name": "project"}, **{f"node_modules/{name}": {"version": version, "integrity": integrity}
                                    for name, version, integrity in entries}}}))
    return path


def test_what_installs_are_refused_is_not_fetched(scripted_upstream, new_gate, tmp_path):
    bad, good = packages.unique("bad"), packages.unique("good")
    data = {name: packages.package_tarball(name) for name in (bad, good)}
    for name in data:
        scripted_upstream.add(name, "1.0.0", data[name])
    gate = new_gate(upstream=scripted_upstream, policy={"deny": [f"{bad}@1.0.0"]})
    lock = npm_lock(tmp_path / "package-lock.json", *((name, "1.0.0", packages.integrity(data[name])) for name in data))
    done = prefetch(gate, lock, expect=1)
    assert done.stdout == "1 fetched, 0 already there, 1 refused, 0 failed\n"
    assert re.search(rf"refused {bad}@1\.0\.0: .*denied", done.stderr), done.stderr
    assert len(cached(gate)) == 1
    assert scripted_upstream.seen("GET", f"/{bad}/-/.*") == []


def test_what_fails(scripted_upstream, new_gate, tmp_path):
    """Other bytes than the lock file names, and a version that is nowhere."""
    name = packages.unique("changed")
    scripted_upstream.add(name, "1.0.0", packages.package_tarball(name))
    gate = new_gate(upstream=scripted_upstream)
    lock = npm_lock(tmp_path / "package-lock.json", (name, "1.0.0", packages.integrity(b"what it once was")),
                    (packages.unique("absent"), "1.0.0", packages.integrity(b"")))
    done = prefetch(gate, lock, expect=1)
    assert done.stdout == "0 fetched, 0 already there, 0 refused, 2 failed\n"
    assert f"failed {name}@1.0.0: the registry's tarball is not the one that the lock file names" in done.stderr
    assert prefetch(gate, lock, token="no-such-token", expect=1).stdout.endswith("2 refused, 0 failed\n")
    assert "no lock file" in prefetch(gate, gate.config, expect=2).stderr
    assert "cannot be read" in prefetch(gate, tmp_path / "absent.json", expect=2).stderr


def test_it_keeps_to_the_limits(scripted_upstream, new_gate, tmp_path):
    """Told to come again later, it does."""
    entries = []
    for _ in range(6):
        name = packages.unique("limited")
        data = packages.package_tarball(name)
        scripted_upstream.add(name, "1.0.0", data)
        entries.append((name, "1.0.0", packages.integrity(data)))
    gate = new_gate(upstream=scripted_upstream,
                    limits={"requests_per_second_per_token": 10, "requests_burst": 4})
    lock = npm_lock(tmp_path / "package-lock.json", *entries)
    assert prefetch(gate, lock).stdout.startswith("6 fetched")
    figures = http.get(f"{gate.url}/-/metrics").body.decode()
    assert re.search(r"^sallyport_\w*limited\w*\{[^}]*token[^}]*\} [1-9]", figures, re.M), figures
