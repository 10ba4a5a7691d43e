"""npm's commands that only read, as people type them."""

import json

import pytest

from support import clients, http, packages

NPMS = ["npm11", "npm12"]


@pytest.fixture
def house(gate):
    """(gate, package): two versions of it released and a tag beside latest, at home or upstream."""
    package = "@acme/" + packages.unique("read")
    for version, tag in (("1.0.0", "latest"), ("1.1.0-rc.1", "next"), ("1.2.0", "latest")):
        fields = {"description": "a thing to read", "homepage": "https://team.example/",
                  "funding": {"url": "https://team.example/fund"}, "license": "MIT",
                  "repository": {"type": "git", "url": "git+https://git.team.example/x.git"}}
        data = packages.package_tarball(package, version, **fields)
        stage = gate.hold(gate.user("alice"), package, version, data=data, tag=tag, fields=fields)
        answer = gate.approve(gate.user("rita"), stage)
        assert answer.ok, answer.body
    return gate, package


@pytest.mark.parametrize("name", NPMS)
def test_commands_that_read(name, house, client, tmp_path):
    gate, package = house
    npm = client(name, gate.url, gate.user("bob").token)
    viewed = json.loads(npm.run("view", package, "--json").stdout)
    assert (viewed[0] if name == "npm12" else viewed)["version"] == "1.2.0"
    assert json.loads(npm.run("view", package, "versions", "--json").stdout) == ["1.0.0", "1.1.0-rc.1", "1.2.0"]
    assert npm.run("view", f"{package}@next", "version").stdout.strip() == "1.1.0-rc.1"
    assert npm.run("view", f"{package}@^1", "dist.integrity").stdout.count("sha512-") == 2
    assert "a thing to read" in npm.run("view", package).stdout
    npm.run("view", f"{package}-absent", expect="failure")
    tags = npm.run("dist-tag", "ls", package).stdout.split("\n")
    assert {"latest: 1.2.0", "next: 1.1.0-rc.1"} <= set(tags)
    assert npm.run("ping").text.count("PONG")
    assert npm.run("whoami").stdout.strip() == "bob"

    project = clients.project(tmp_path / "project")
    npm.install(project, f"{package}@1.0.0", "--save-exact=false")
    (project / "package.json").write_text(json.dumps({"name": "project", "version": "1.0.0",
                                                      "dependencies": {package: "^1.0.0"}}))
    outdated = json.loads(npm.run("outdated", "--json", cwd=project, expect=1).stdout)
    assert outdated[package]["current"] == "1.0.0" and outdated[package]["latest"] == "1.2.0"
    assert "https://team.example/fund" in npm.run("fund", cwd=project).text
    assert json.loads(npm.run("explain", package, "--json", cwd=project).stdout)[0]["version"] == "1.0.0"
    npm.run("update", cwd=project)
    assert clients.installed(project, package)["version"] == "1.2.0"
    npm.run("pack", f"{package}@1.0.0", cwd=tmp_path)
    assert [path.name for path in tmp_path.glob("*.tgz")] == [package[1:].replace("/", "-") + "-1.0.0.tgz"]
    assert "1.0.0" in npm.run("diff", f"--diff={package}@1.0.0", f"--diff={package}@1.2.0").text


@pytest.mark.parametrize("name", NPMS)
def test_commands_about_people(name, house, client):
    """What we have of them is told; what we have not is said to be refused, in a sentence."""
    gate, package = house
    npm = client(name, gate.url, gate.user("bob").token)
    owners = npm.run("owner", "ls", package, expect=None)
    assert owners.code == 0 or "no admin found" in owners.text, owners
    people = npm.run("access", "list", "collaborators", package).stdout.split("\n")
    assert {"alice: read-write", "bob: read-write", "rita: read-only"} <= set(people) and "root" not in str(people)
    # A registry's own are private; upstream's are as they are there.
    status = "public" if gate.upstream else "private"
    assert npm.run("access", "get", "status", package).stdout.strip() == f"{package}: {status}"
    own = npm.run("access", "list", "packages").stdout
    assert (f"{package}: read-write" in own) == (gate.upstream is None)
    npm.run("access", "get", "status", package + "-absent", expect="failure")
    for command in (("team", "ls", "@acme"), ("org", "ls", "acme"), ("access", "list", "packages", "alice")):
        told = npm.run(*command, expect="failure")
        assert "npm error" in told.text and "Exit handler" not in told.text, told
    doctor = npm.run("doctor", "connection", "registry", expect=None, seconds=180)
    assert "Ok" in doctor.text and "fetch failed" not in doctor.text, doctor


def test_other_clients_read(house, client):
    gate, package = house
    bob = gate.user("bob")
    assert "1.2.0" in client("pnpm12", gate.url, bob.token).run("view", package).stdout
    assert "1.2.0" in client("yarn1", gate.url, bob.token).run("info", package, "version").stdout
    berry = client("berry", gate.url, bob.token)
    project = clients.project(berry.home / "project")
    (project / "yarn.lock").write_text("")
    assert "1.2.0" in berry.run("npm", "info", package, "--json", cwd=project).stdout
    assert "next" in berry.run("npm", "tag", "list", package, cwd=project).stdout
    assert "1.2.0" in client("bun", gate.url, bob.token).run("pm", "view", package, cwd=project).stdout


def test_every_read_has_a_head_and_conditions(house):
    gate, package = house
    token, path = gate.user("bob").token, packages.escaped(package)
    base = packages.base_name(package)
    for spelling in (path, package, path.replace("%2f", "%2F")):
        for where in (f"/{spelling}", f"/{spelling}/1.0.0", f"/{spelling}/next", f"/{spelling}/-/{base}-1.0.0.tgz",
                      f"/-/package/{spelling}/dist-tags", f"/-/package/{spelling}/version/1.0.0/status"):
            got = http.get(gate.url + where, token=token)
            assert got.status == 200, (where, got.body)
            head = http.request("HEAD", gate.url + where, token=token)
            assert head.status == 200 and head.body == b"", where
            assert head.headers["content-length"] == got.headers["content-length"], where
            assert head.headers["etag"] == got.headers["etag"] and got.headers["etag"], where
            again = http.get(gate.url + where, token=token, headers={"if-none-match": got.headers["etag"]})
            assert again.status == 304 and again.headers["etag"] == got.headers["etag"], where
            assert http.get(gate.url + where).status == 401, where
