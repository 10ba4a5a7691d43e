"""Installing through the gateway: what is upstream, what is local, and what must not be seen."""

import json
import threading
from http.client import HTTPException

import pytest

from support import clients, http, packages
from support.scripted_upstream import Reply

ABBREVIATED = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"


@pytest.mark.parametrize("name", clients.PUBLISHERS)
def test_install_upstream_packages(name, verdaccio, new_gate, client, tmp_path):
    gate = new_gate(upstream=verdaccio)
    leaf, root = "@acme/" + packages.unique("leaf"), packages.unique("root")
    verdaccio.publish(leaf, "1.0.0", packages.package_tarball(leaf))
    verdaccio.publish(root, "2.0.0", packages.package_tarball(root, "2.0.0", dependencies={leaf: "^1.0.0"}),
                      fields={"dependencies": {leaf: "^1.0.0"}})
    project = clients.project(tmp_path / "project")
    runner = client(name, gate.url, gate.user("bob").token)
    runner.install(project, f"{root}@2.0.0")
    assert clients.installed(project, root)["version"] == "2.0.0"
    assert clients.installed(project if name not in ("pnpm12", "pnpm10") else next(
        (project / "node_modules" / ".pnpm").glob(f"{leaf.replace('/', '+')}@*")), leaf)["version"] == "1.0.0"


def test_documents(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package = "@acme/" + packages.unique("documents")
    data = packages.package_tarball(package)
    scripted_upstream.add(package, "1.0.0", data, scripts={"test": "true"})
    scripted_upstream.add(package, "1.1.0-rc.1", packages.package_tarball(package, "1.1.0-rc.1"), tag="next")
    token, path = gate.user("bob").token, packages.escaped(package)
    full = http.get(f"{gate.url}/{path}", token=token)
    short = http.get(f"{gate.url}/{path}", token=token, headers={"accept": ABBREVIATED})
    assert full.json()["versions"]["1.0.0"]["scripts"] == {"test": "true"}
    assert "scripts" not in short.json()["versions"]["1.0.0"]
    assert "1.0.0" in full.json()["time"] and "1.0.0" in short.json()["time"]
    assert short.headers["content-type"].startswith("application/vnd.npm.install-v1+json")
    assert len({full.headers["etag"], short.headers["etag"]}) == 2
    for document in (full.json(), short.json()):
        assert document["versions"]["1.0.0"]["dist"]["tarball"] == \
            f"{gate.url}/{package}/-/{packages.base_name(package)}-1.0.0.tgz"
        assert document["versions"]["1.0.0"]["dist"]["integrity"] == packages.integrity(data)
    again = http.get(f"{gate.url}/{path}", token=token, headers={"if-none-match": full.headers["etag"]})
    assert again.status == 304 and again.body == b""
    zipped = http.get(f"{gate.url}/{path}", token=token, headers={"accept-encoding": "gzip"})
    assert zipped.json() == full.json()
    assert zipped.headers["content-encoding"] is None or zipped.headers["etag"] != full.headers["etag"]
    # The same content in another encoding is no other content.
    for held, accepted in ((full, "gzip"), (zipped, "identity")):
        again = http.get(f"{gate.url}/{path}", token=token,
                         headers={"if-none-match": held.headers["etag"], "accept-encoding": accepted})
        assert again.status == 304 and again.headers["etag"] == held.headers["etag"]
    # Every spelling of the name, and the version's own document.
    for spelling in (package, package.replace("/", "%2F"), path):
        assert http.get(f"{gate.url}/{spelling}", token=token).json() == full.json()
        tarball = http.get(f"{gate.url}/{spelling}/-/{packages.base_name(package)}-1.0.0.tgz", token=token)
        assert tarball.body == data and int(tarball.headers["content-length"]) == len(data)
    assert http.get(f"{gate.url}/{path}/1.0.0", token=token).json()["version"] == "1.0.0"
    assert http.get(f"{gate.url}/{path}/next", token=token).json()["version"] == "1.1.0-rc.1"
    tags = http.get(f"{gate.url}/-/package/{path}/dist-tags", token=token).json()
    assert tags == {"latest": "1.0.0", "next": "1.1.0-rc.1"}


def test_a_tarball_is_fetched_once_and_kept(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package = packages.unique("kept")
    data = packages.package_tarball(package, files={"lib/noise": bytes(range(256)) * 4096})
    scripted_upstream.add(package, "1.0.0", data)
    path = f"/{package}/-/{package}-1.0.0.tgz"
    scripted_upstream.script("GET", path, Reply(200, data, stall_after=1000))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(http.get(gate.url + path, token=gate.user("bob").token)))
               for _ in range(12)]
    for thread in threads:
        thread.start()
    scripted_upstream.wait_for("GET", path)
    scripted_upstream.release()
    for thread in threads:
        thread.join()
    assert [answer.body == data for answer in answers] == [True] * 12
    assert len(scripted_upstream.seen("GET", path)) == 1
    scripted_upstream.stop()
    gate.restart()
    assert http.get(gate.url + path, token=gate.user("bob").token).body == data
    assert http.get(f"{gate.url}/{package}", token=gate.user("bob").token).json()["dist-tags"] == {"latest": "1.0.0"}


def test_what_is_answered_while_the_upstream_is_away_is_marked(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package = packages.unique("marked")
    scripted_upstream.add(package, "1.0.0", packages.package_tarball(package))
    first = http.get(f"{gate.url}/{package}", token=gate.user("bob").token)
    assert first.status == 200 and first.headers["warning"] is None
    scripted_upstream.stop()
    gate.settings["cache"] = {"fresh_for": "1 ms", "stale_for": "1 ms"}
    gate.configure()
    gate.restart()
    for path in (f"/{package}", f"/{package}/latest", f"/-/package/{package}/dist-tags"):
        answer = http.get(gate.url + path, token=gate.user("bob").token)
        assert answer.status == 200 and answer.headers["warning"] == '110 - "Response is Stale"', path


def test_what_is_not_cached_while_the_upstream_is_away(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    scripted_upstream.stop()
    answer = http.get(f"{gate.url}/never-seen", token=gate.user("bob").token)
    assert answer.status == 503 and answer.error and answer.headers["retry-after"]


def test_what_is_not_upstream(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    answer = http.get(f"{gate.url}/no-such-package", token=gate.user("bob").token)
    assert answer.status == 404 and answer.error


FAULTS = {
    "other bytes than the integrity says": lambda data: Reply(200, data[:-1] + bytes([data[-1] ^ 1])),
    "fewer bytes": lambda data: Reply(200, data[:-100]),
    "cut off": lambda data: Reply(200, data, cut_after=len(data) // 2),
    "more bytes than it said": lambda data: Reply(200, data + b"more"),
    "a length it does not keep": lambda data: Reply(200, data[:-100], content_length=len(data)),
    "an error page": lambda data: Reply(200, b"<html>come back later</html>"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_complete_wrong_tarball_leaves(fault, scripted_upstream, new_gate):
    """An error, or a transfer that visibly breaks off; afterwards nothing of it is kept."""
    gate = new_gate(upstream=scripted_upstream)
    package = packages.unique("faulty")
    data = packages.package_tarball(package, files={"lib/noise": bytes(range(256)) * 2048})
    scripted_upstream.add(package, "1.0.0", data)
    path = f"/{package}/-/{package}-1.0.0.tgz"
    scripted_upstream.script("GET", path, *[FAULTS[fault](data)] * 3)
    try:
        answer = http.get(gate.url + path, token=gate.user("bob").token)
        assert answer.status >= 500 and answer.error
    except (OSError, HTTPException):
        pass  # broken off: the client cannot take it for whole
    scripted_upstream.scripts.clear()
    assert http.get(gate.url + path, token=gate.user("bob").token).body == data


def test_local_names_are_never_asked_upstream(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream, packages=[
        {"match": "@private/*", "read": "local", "publish": "local"}, {"match": "**"}])
    package = "@private/" + packages.unique("secret")
    assert http.get(f"{gate.url}/{packages.escaped(package)}", token=gate.user("bob").token).status == 404
    data = packages.package_tarball(package)
    stage = gate.hold(gate.user("alice"), package, data=data)
    assert gate.approve(gate.user("rita"), stage).ok
    assert gate.served_tarball(package, "1.0.0") == data
    assert not [request for request in scripted_upstream.seen() if "private" in request.path]


def test_npm_ci_with_a_lock_file(verdaccio, new_gate, client, tmp_path):
    gate = new_gate(upstream=verdaccio)
    package = packages.unique("locked")
    verdaccio.publish(package, "1.0.0", packages.package_tarball(package))
    project = clients.project(tmp_path / "project")
    client("npm12", gate.url, gate.user("bob").token).install(project, package)
    lock = json.loads((project / "package-lock.json").read_text())
    assert lock["packages"][f"node_modules/{package}"]["resolved"].startswith(gate.url)
    other = tmp_path / "other"
    other.mkdir()
    for file in ("package.json", "package-lock.json"):
        (other / file).write_bytes((project / file).read_bytes())
    client("npm12", gate.url, gate.user("bob").token).run("ci", cwd=other)
    assert clients.installed(other, package)["version"] == "1.0.0"


def test_a_tarball_that_its_origin_calls_otherwise(scripted_upstream, new_gate, client, tmp_path):
    """By our own name for it, and by the origin's, as a lock file made there has it."""
    gate = new_gate(upstream=scripted_upstream)
    name = packages.unique("odd")
    data = packages.package_tarball(name)
    scripted_upstream.add(name, "1.0.0", data)
    dist = scripted_upstream.documents[name]["versions"]["1.0.0"]["dist"]
    dist["tarball"] = f"{scripted_upstream.url}/{name}/-/{name}.release-1.tar.gz"
    scripted_upstream.tarballs = {f"/{name}/-/{name}.release-1.tar.gz": data}
    project = clients.project(tmp_path / "project")
    client("npm11", gate.url, gate.user("bob").token).install(project, name)
    lock = project / "package-lock.json"
    assert f"/{name}-1.0.0.tgz" in lock.read_text()
    lock.write_text(lock.read_text().replace(f"/{name}-1.0.0.tgz", f"/{name}.release-1.tar.gz"))
    client("npm12", gate.url, gate.user("bob").token).run("ci", cwd=project)
    assert clients.installed(project, name)["version"] == "1.0.0"
    heading, row = gate.cli("who", f"{name}@1.0.0").stdout.splitlines()
    assert "bob" in row and "npm/11." in row and ", npm/12." in row
