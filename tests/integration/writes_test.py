"""Every other write a client can send is refused with a sentence, and the upstream hears nothing of it."""

import pytest

from support import http, packages


@pytest.fixture(scope="module")
def published(gate):
    package = "@acme/" + packages.unique("written")
    for version in ("1.0.0", "1.1.0"):
        stage = gate.hold(gate.user("alice"), package, version)
        assert gate.approve(gate.user("rita"), stage).ok
    return package


COMMANDS = {
    "dist-tag add": ("npm11", ["dist-tag", "add", "{package}@1.0.0", "latest"]),
    "dist-tag rm": ("npm11", ["dist-tag", "rm", "{package}", "latest"]),
    "pnpm dist-tag add": ("pnpm12", ["dist-tag", "add", "{package}@1.0.0", "latest"]),
    "yarn1 tag add": ("yarn1", ["tag", "add", "{package}@1.0.0", "latest"]),
    "berry tag add": ("berry", ["npm", "tag", "add", "{package}@1.0.0", "latest"]),
    "deprecate": ("npm12", ["deprecate", "{package}@1.0.0", "old"]),
    "unpublish a version": ("npm11", ["unpublish", "{package}@1.0.0"]),
    "unpublish all": ("npm11", ["unpublish", "{package}", "--force"]),
    "pnpm unpublish": ("pnpm12", ["unpublish", "{package}@1.0.0", "--force"]),
    "owner add": ("npm11", ["owner", "add", "bob", "{package}"]),
    "pnpm owner add": ("pnpm12", ["owner", "add", "bob", "{package}"]),
    "access": ("npm11", ["access", "set", "status=public", "{package}"]),
    "star": ("npm11", ["star", "{package}"]),
    "team": ("npm11", ["team", "create", "@acme:new"]),
}


@pytest.mark.parametrize("what", COMMANDS)
def test_write_commands_are_refused(what, gate, published, client):
    name, arguments = COMMANDS[what]
    before = gate.packument(published, gate.user("bob"))
    writes = gate.upstream.writes() if gate.upstream else []
    for user in ("alice", "root"):
        runner = client(name, gate.url, gate.user(user).token)
        runner.run(*(argument.format(package=published) for argument in arguments), expect="failure", seconds=60)
    assert gate.packument(published, gate.user("bob")) == before
    assert (gate.upstream.writes() if gate.upstream else []) == writes


ROUTES = [
    ("PUT", "/{p}/-rev/1-abc", {"_id": "x"}), ("DELETE", "/{p}/-rev/1-abc", None),
    ("PUT", "/{p}", {"_id": "x", "name": "x", "versions": {}}), ("PUT", "/{p}/1.0.0", {}), ("PUT", "/{p}/latest", "1.0.0"),
    ("PUT", "/{p}/1.0.0/-tag/latest", {}), ("PUT", "/{p}/-/x-1.0.0.tgz/-rev/1", b"x"),
    ("DELETE", "/{p}/-/x-1.0.0.tgz/-rev/1", None),
    ("PUT", "/-/package/{p}/dist-tags/latest", "1.0.0"), ("DELETE", "/-/package/{p}/dist-tags/latest", None),
    ("POST", "/-/package/{p}/dist-tags", {"latest": "1.0.0"}), ("PUT", "/-/package/{p}/dist-tags", {"latest": "1.0.0"}),
    ("POST", "/-/package/{p}/access", {"access": "public"}), ("PUT", "/-/package/{p}/owners", {"user": "bob"}),
    ("DELETE", "/-/package/{p}/owners/alice", None), ("POST", "/-/package/{p}/trust", [{}]),
    ("PUT", "/-/team/acme/dev/package", {"package": "x"}), ("DELETE", "/-/team/acme/dev/package", {"package": "x"}),
    ("PUT", "/-/org/acme/team", {"name": "x"}), ("PUT", "/-/org/acme/user", {"user": "x"}),
    ("DELETE", "/-/org/acme/user", {"user": "x"}), ("PUT", "/team/acme", {"team": "x"}), ("PUT", "/-/user/v1/star", {}),
    ("PUT", "/-/user/package/{p}/star", {}), ("PUT", "/-/pnpr/v0/publish", {"packages": []}),
    ("POST", "/-/npm/v1/oidc/token/exchange/package/{p}", None), ("POST", "/-/nothing/here", {}),
    ("PATCH", "/{p}", {}), ("COPY", "/{p}", None), ("MOVE", "/{p}", None),
]


@pytest.mark.parametrize("method, path, body", ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
def test_write_routes_are_refused(method, path, body, gate, published):
    before = gate.packument(published, gate.user("bob"))
    writes = gate.upstream.writes() if gate.upstream else []
    for user in ("alice", "rita", "root"):
        answer = http.request(method, gate.url + path.replace("{p}", packages.escaped(published)), body,
                              token=gate.user(user).token)
        assert 400 <= answer.status < 500 or answer.status == 501, (user, answer)
        assert answer.error
    assert gate.packument(published, gate.user("bob")) == before
    assert (gate.upstream.writes() if gate.upstream else []) == writes
