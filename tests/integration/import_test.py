"""`sallyport import verdaccio`: what a real Verdaccio has kept installs here, and its users log in."""

import json

import pytest

from support import clients, http, packages
from support.verdaccio import Verdaccio


@pytest.fixture
def old(tmp_path, verdaccio):
    """A Verdaccio with packages of its own, one it only cached, and two users."""
    registry = Verdaccio(tmp_path / "old", uplink=verdaccio.url).start()
    registry.tarballs = {}
    registry.own = ["@acme/" + packages.unique("scoped"), packages.unique("plain")]
    for name in registry.own:
        for version in ("1.0.0", "1.1.0"):
            data = packages.package_tarball(name, version)
            registry.tarballs[name, version] = data
            registry.publish(name, version, data, fields={"readme": f"# {name} {version}"},
                             tag="latest" if version == "1.0.0" else "next")
    document = registry.packument(registry.own[1])
    document["versions"]["1.0.0"]["deprecated"] = "use 1.1.0"
    answer = http.put(f"{registry.url}/{registry.own[1]}", document, token=registry.token)
    assert answer.status == 201, answer.body
    registry.foreign = packages.unique("foreign")
    verdaccio.publish(registry.foreign, "1.0.0", packages.package_tarball(registry.foreign))
    dist = registry.packument(registry.foreign)["versions"]["1.0.0"]["dist"]
    assert http.get(dist["tarball"]).status == 200
    registry.add_user("carol", "the password of carol")
    yield registry
    registry.stop()


def imported(gate, registry, expect=0, env=None):
    return gate.cli("import", "verdaccio", registry.storage, "--htpasswd", registry.folder / "htpasswd", "--group",
                    "engineers", expect=expect, env=env)


@pytest.mark.parametrize("way", ["beside a server", "without a server"])
def test_what_it_kept_is_here(way, old, new_gate, client, tmp_path):
    gate = new_gate()
    if way == "without a server":
        gate.stop()
    done = imported(gate, old)
    assert done.stdout == ("Imported 4 releases of 2 packages and 2 users; 0 releases and users were here already, "
                           "0 were left out.\n")
    if way == "without a server":
        gate.start()
    for (name, version), data in old.tarballs.items():
        assert gate.served_tarball(name, version) == data
        before, after = old.packument(name), gate.packument(name, gate.user("bob"))
        assert after["dist-tags"] == before["dist-tags"]
        assert after["time"][version] == before["time"][version]
        assert after["versions"][version].get("deprecated") == before["versions"][version].get("deprecated")
    assert after["readme"].startswith("# ")
    assert after["versions"]["1.0.0"]["deprecated"] == "use 1.1.0"
    assert gate.packument(old.foreign, gate.user("bob")) is None

    # Its users log in with the passwords they had, and install with npm.
    for _ in range(2):  # the second time with the hash that the first one left
        answer = http.put(f"{gate.url}/-/user/org.couchdb.user:carol",
                          {"_id": "org.couchdb.user:carol", "name": "carol", "password": "the password of carol",
                           "type": "user"})
        assert answer.status == 201, answer.body
    wrong = http.put(f"{gate.url}/-/user/org.couchdb.user:carol",
                     {"_id": "org.couchdb.user:carol", "name": "carol", "password": "another password",
                      "type": "user"})
    assert wrong.status == 401
    project = clients.project(tmp_path / "project")
    npm = client("npm11", gate.url, answer.json()["token"])
    npm.install(project, *(f"{name}@1.0.0" for name in old.own))
    assert npm.run("whoami").stdout.strip() == "carol"
    assert clients.installed(project, old.own[0])["version"] == "1.0.0"

    # Told again, there is nothing to do; and what was imported is taken, and on the record.
    assert "Imported 0 releases of 0 packages and 0 users; 6 releases" in imported(gate, old).stdout
    again = gate.publish(gate.user("alice"), old.own[1], "1.0.0", packages.package_tarball(old.own[1], "1.0.0"))
    assert again.status == 409, again.body
    entries = [json.loads(line) for line in gate.cli("ledger", "export").stdout.splitlines()]
    assert {entry["subject"] for entry in entries if entry["action"] == "release.imported"} == \
        {f"{name}@{version}" for name, version in old.tarballs}
    assert gate.verify_ledger()
    assert "Removed 0 things" in gate.cli("gc").stderr


def test_imported_releases_are_history(old, new_gate):
    """The next release is compared with them."""
    gate = new_gate()
    imported(gate, old)
    name = old.own[1]
    stage = gate.hold(gate.user("alice"), name, "1.2.0")
    report = http.get(f"{gate.url}/-/stage/{stage}/report", token=gate.user("rita").token).json()
    assert report["baseline"]["version"] == "1.1.0" if isinstance(report["baseline"], dict) \
        else report["baseline"] == "1.1.0"


def test_what_is_damaged_is_left_out(old, new_gate):
    """Other bytes than were published, a missing tarball, a broken document, a hash that nobody can check."""
    gate = new_gate()
    scoped, plain = old.own
    (old.storage / scoped / f"{packages.base_name(scoped)}-1.0.0.tgz").write_bytes(b"something else")
    (old.storage / scoped / f"{packages.base_name(scoped)}-1.1.0.tgz").unlink()
    (old.storage / "broken").mkdir()
    (old.storage / "broken" / "package.json").write_text("{")
    with open(old.folder / "htpasswd", "a") as file:
        file.write("dave:$apr1$abcdefgh$0123456789012345678901\nErin:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")
    done = imported(gate, old, expect=1)
    assert done.stdout.startswith("Imported 2 releases of 1 packages and 2 users")
    assert f"left out {scoped}@1.0.0: its tarball is not the one that was published." in done.stderr
    assert f"left out {scoped}@1.1.0: its tarball is not there." in done.stderr
    assert "left out broken: its package.json is damaged" in done.stderr
    assert 'left out the user dave: ' in done.stderr and "sallyport user add dave" in done.stderr
    assert 'left out the user Erin: "Erin" cannot be the name of a user' in done.stderr
    assert gate.packument(scoped, gate.user("bob")) is None
    assert gate.served_tarball(plain, "1.0.0") == old.tarballs[plain, "1.0.0"]


