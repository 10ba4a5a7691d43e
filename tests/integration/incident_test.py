"""The day on which a version turns out bad: nobody installs it any more, and it is known who has."""

import json

import pytest

from support import clients, http, packages
from support.processes import wait_until


def publish(upstream, name, *versions):
    for version in versions:
        upstream.publish(name, version, packages.package_tarball(name, version))


def test_a_denied_version_is_installed_by_nobody_from_that_moment(verdaccio, new_gate, client, tmp_path):
    gate = new_gate(upstream=verdaccio)
    name = packages.unique("stolen")
    publish(verdaccio, name, "1.0.0", "1.0.1")
    bob = gate.user("bob")
    npm = client("npm11", gate.url, bob.token)
    npm.install(clients.project(tmp_path / "before"), f"{name}@1.0.1")

    said = gate.cli("deny", f"{name}@1.0.1", "--reason", "published by a stolen account")
    assert f"{name}@1.0.1" in str(said)
    # A range gets the version before it, without a restart and without waiting.
    after = clients.project(tmp_path / "after")
    npm.install(after, f"{name}@^1.0.0", "--prefer-online")
    assert clients.installed(after, name)["version"] == "1.0.0"
    assert "1.0.1" not in gate.packument(name, bob)["versions"]
    # A lock file gets the reason, in npm's own output.
    base = packages.base_name(name)
    tarball = http.get(f"{gate.url}/{name}/-/{base}-1.0.1.tgz", token=bob.token)
    assert tarball.status == 403 and "stolen account" in tarball.error
    refused = npm.run("ci", "--prefer-online", "--cache", tmp_path / "empty", cwd=tmp_path / "before", expect=1)
    assert "published by a stolen account" in str(refused)

    assert "published by a stolen account" in str(gate.cli("deny"))
    gate.kill()
    gate.start()
    assert http.get(f"{gate.url}/{name}/-/{base}-1.0.1.tgz", token=bob.token).status == 403
    gate.cli("deny", f"{name}@1.0.1", "--lift")
    assert http.get(f"{gate.url}/{name}/-/{base}-1.0.1.tgz", token=bob.token).status == 200
    actions = [json.loads(line)["action"] for line in gate.cli("ledger", "export").stdout.splitlines()]
    assert actions.count("install.denied") == 1 and actions.count("install.allowed") == 1


def test_who_holds_an_older_document_is_not_told_that_nothing_changed(verdaccio, new_gate):
    """Neither by its tag nor by its date, which is the upstream's and knows nothing of a denial."""
    gate = new_gate(upstream=verdaccio)
    name, token = packages.unique("kept"), gate.user("bob").token
    publish(verdaccio, name, "1.0.0", "1.0.1")

    def get(**headers):
        return http.get(f"{gate.url}/{name}", token=token, headers=headers)

    before = get()
    held = [{"if-none-match": before.headers["etag"]}, {"if-none-match": "W/" + before.headers["etag"]},
            {"if-modified-since": before.headers["last-modified"]}]
    gate.cli("deny", f"{name}@1.0.1", "--reason", "stolen")
    for headers in held:
        answer = get(**headers)
        assert answer.status == 200 and list(answer.json()["versions"]) == ["1.0.0"], headers
    held = [{"if-none-match": answer.headers["etag"]}, {"if-modified-since": answer.headers["last-modified"]}]
    assert get(**held[0]).status == 304
    gate.cli("deny", f"{name}@1.0.1", "--lift")
    for headers in held:
        assert set(get(**headers).json()["versions"]) == {"1.0.0", "1.0.1"}, headers


def test_a_freeze_hides_what_comes_after_it(verdaccio, new_gate):
    gate = new_gate(upstream=verdaccio)
    name = packages.unique("worm")
    publish(verdaccio, name, "1.0.0")
    bob = gate.user("bob")
    assert list(gate.packument(name, bob)["versions"]) == ["1.0.0"]
    gate.cli("freeze", "--reason", "a worm is spreading")
    publish(verdaccio, name, "1.0.1")
    fresh = packages.unique("fresh")
    publish(verdaccio, fresh, "1.0.0")
    assert gate.packument(fresh, bob)["versions"] == {}
    assert "a worm is spreading" in str(gate.cli("freeze"))
    gate.cli("freeze", "--lift")
    assert list(gate.packument(fresh, bob)["versions"]) == ["1.0.0"]
    gate.cli("freeze", "--lift", expect=2)
    gate.cli("freeze", "--at", "2999-01-01T00:00:00.000Z", "--reason", "later", expect=2)
    gate.cli("deny", name, expect=2)  # nobody would know why


def test_it_is_known_who_has_pulled_a_version(verdaccio, new_gate, client, tmp_path):
    gate = new_gate(upstream=verdaccio)
    name = packages.unique("pulled")
    publish(verdaccio, name, "1.0.0", "1.0.1")
    client("npm11", gate.url, gate.user("bob").token).install(clients.project(tmp_path / "project"), f"{name}@1.0.1")
    told = str(gate.cli("who", f"{name}@1.0.1"))
    assert "bob" in told and "127.0.0.1" in told and "npm/11" in told
    assert "bob" not in str(gate.cli("who", f"{name}@1.0.0"))
    # A graceful end keeps it, and no server is needed to ask.
    gate.stop()
    assert "bob" in str(gate.cli("who", name))


@pytest.mark.parametrize("kind", ["absent", "empty", "damaged", "a file"])
def test_a_feed_that_could_never_be_read_lets_nothing_in(kind, scripted_upstream, new_gate, client, tmp_path):
    """Not knowing what is malware is no reason to serve it; and nobody restarts anything once it is there."""
    feed, name = tmp_path / "feed", packages.unique()
    scripted_upstream.add(name, "1.0.0", packages.package_tarball(name))
    if kind in ("empty", "damaged"):
        feed.mkdir()
    if kind == "damaged":
        (feed / "one.json").write_text("{")
    if kind == "a file":
        feed.write_text("{}")
    gate = new_gate(upstream=scripted_upstream, policy={"malware_feed": str(feed)}, packages=[{"publish": "deny"}])
    token = gate.user("bob").token
    for path in (f"/{name}", f"/{name}/1.0.0", f"/{name}/latest", f"/{name}/-/{name}-1.0.0.tgz",
                 f"/-/package/{name}/dist-tags"):
        answer = http.get(gate.url + path, token=token)
        assert answer.status in (403, 404) and b"tgz" not in answer.body, path
        assert answer.status == 404 or "never been read" in answer.error, path
    npm = client("npm11", gate.url, token)
    refused = npm.run("install", name, cwd=clients.project(tmp_path / "project"), expect="failure")
    assert "malware feed of this registry has never been read" in refused.text
    if kind == "a file":
        feed.unlink()
    feed.mkdir(exist_ok=True)
    (feed / "one.json").write_text(json.dumps({"id": "MAL-1", "summary": "bad", "affected": [
        {"package": {"ecosystem": "npm", "name": "another"}}]}))
    wait_until(lambda: http.get(f"{gate.url}/{name}", token=token).status == 200, 60, "the feed to be read")
    npm.install(clients.project(tmp_path / "later"), name)
