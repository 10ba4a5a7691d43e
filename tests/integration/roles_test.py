"""Every route against every role. A cell is what the role gets: "+" the thing itself, "-" a refusal with a
sentence (401 for who is nobody, 403 or 404 for who may not), and nothing changed by it."""

import subprocess

import pytest

from support import http, packages
from support.gateway import User
from support.tools import gateway_binary

ROLES = ["nobody", "stranger", "reader", "engineer", "publisher", "reviewer", "robot", "admin", "read-only reviewer"]

# method, path, body; then a column a role. {stage} is held and was published by the publisher, {pkg} is
# released, {new} is a name of the cell's own.
TABLE = """
                                                       nobody stranger reader engineer publisher reviewer robot admin ro-reviewer
GET    /-/ping                                         +      +        +      +        +         +        +     +     +
GET    /-/livez                                        +      +        +      +        +         +        +     +     +
GET    /-/readyz                                       +      +        +      +        +         +        +     +     +
GET    /{pkg}                                          -      -        +      +        +         +        +     +     +
GET    /{pkg}/1.0.0                                    -      -        +      +        +         +        +     +     +
GET    /{pkg}/-/{base}-1.0.0.tgz                       -      -        +      +        +         +        +     +     +
GET    /-/package/{pkg}/dist-tags                      -      -        +      +        +         +        +     +     +
GET    /-/package/{pkg}/version/1.0.0/status           -      -        +      +        +         +        +     +     +
GET    /-/whoami                                       -      -        +      +        +         +        +     +     +
GET    /-/npm/v1/user                                  -      -        +      +        +         +        +     +     +
GET    /-/npm/v1/tokens                                -      -        +      +        +         +        +     +     +
POST   /-/npm/v1/tokens                                -      -        -      -        -         -        -     -     -
PUT    /{new}                                          -      -        -      +        +         -        +     -     -
POST   /-/stage/package/{new}                          -      -        -      +        +         -        +     -     -
GET    /-/stage                                        -      -        +      +        +         +        +     +     +
GET    /-/stage/{stage}                                -      -        -      -        +         +        -     +     +
GET    /-/stage/{stage}/tarball                        -      -        -      -        +         +        -     +     +
GET    /-/stage/{stage}/report                         -      -        -      -        +         +        -     +     +
GET    /-/stage/{stage}/decisions                      -      -        -      -        +         +        -     +     +
POST   /-/stage/{stage}/decisions                      -      -        -      -        +         +        -     +     -
POST   /-/stage/{stage}/approve                        -      -        -      -        -         +        -     -     -
DELETE /-/stage/{stage}                                -      -        -      -        +         +        -     -     -
PUT    /-/package/{pkg}/dist-tags/latest               -      -        -      -        -         -        -     -     -
DELETE /-/package/{pkg}/dist-tags/latest               -      -        -      -        -         -        -     -     -
PUT    /{pkg}                                          -      -        -      -        -         -        -     -     -
PUT    /{pkg}/-rev/1                                   -      -        -      -        -         -        -     -     -
DELETE /{pkg}/-rev/1                                   -      -        -      -        -         -        -     -     -
PUT    /-/package/{pkg}/owners                         -      -        -      -        -         -        -     -     -
POST   /-/package/{pkg}/access                         -      -        -      -        -         -        -     -     -
PUT    /-/pnpr/v0/publish                              -      -        -      -        -         -        -     -     -
POST   /-/v1/login                                     +      +        +      +        +         +        +     +     +
GET    /-/login/no-such                                -      -        -      -        -         -        -     -     -
POST   /-/login/no-such                                -      -        -      -        -         -        -     -     -
GET    /-/v1/done/no-such                              -      -        -      -        -         -        -     -     -
GET    /-/package/{pkg}/visibility                     -      -        +      +        +         +        +     +     +
GET    /-/package/{pkg}/collaborators                  -      -        +      +        +         +        +     +     +
GET    /-/user/reader/package                          -      -        +      -        -         -        -     -     -
GET    /-/v1/search                                    -      -        +      +        +         +        +     +     +
POST   /-/npm/v1/security/advisories/bulk              -      -        +      +        +         +        +     +     +
POST   /-/npm/v1/security/audits/quick                 -      -        +      +        +         +        +     +     +
POST   /-/npm/v1/security/audits                       -      -        +      +        +         +        +     +     +
GET    /-/no-such-route                                -      -        -      -        -         -        -     -     -
POST   /-/no-such-route                                -      -        -      -        -         -        -     -     -
"""

CELLS = [(method, path, role, cell) for method, path, *cells in
         (line.split() for line in TABLE.strip().splitlines()[1:]) for role, cell in zip(ROLES, cells, strict=True)]

BODIES = {"/-/npm/v1/security/advisories/bulk": {}, "/-/npm/v1/security/audits/quick": {},
          "/-/npm/v1/security/audits": {}, "/-/npm/v1/tokens": {"name": "x", "password": "a guess"}, "/{pkg}": {"_id": "x", "name": "x", "versions": {}},
          "/-/stage/{stage}/decisions": {"decision": "comment", "reason": "looked at it"},
          "/-/package/{pkg}/dist-tags/latest": "1.0.0", "/-/package/{pkg}/owners": {"user": "bob"},
          "/-/package/{pkg}/access": {"access": "public"}}

QUERIES = {"/-/v1/search": "?text=roles"}


@pytest.fixture(scope="module")
def house(gate):
    """The gate with everybody in it, one released package, and one held for the cells that only look."""
    people = {"reader": gate.add_user("reader"), "engineer": gate.user("bob"), "publisher": gate.user("alice"),
              "reviewer": gate.user("rita"), "admin": gate.user("root"), "nobody": None,
              "stranger": User("?", "", "slp_not-a-token-of-anybody"),
              "robot": gate.add_user("robot", groups=["engineers", "release"], service=True),
              "read-only reviewer": User("rita", "", gate.create_token("rita", "--read-only"))}
    released = packages.unique("roles")
    stage = gate.hold(people["publisher"], released)
    assert gate.approve(people["reviewer"], stage).ok
    held = gate.hold(people["publisher"], packages.unique("roles"))
    return people, released, held


@pytest.mark.parametrize("method, path, role, cell", CELLS, ids=[f"{m} {p} {r}" for m, p, r, _ in CELLS])
def test_cell(method, path, role, cell, gate, house):
    people, released, held = house
    name = packages.unique("cell")
    decides = "{stage}" in path and method != "GET"
    if decides and cell == "+":
        name = packages.unique("decided")
        held = gate.hold(people["publisher"], name)
    body = BODIES.get(path) if method in ("PUT", "POST") else None
    if "{new}" in path:
        body = packages.publish_document(name, "1.0.0", packages.package_tarball(name))
    before = gate.packument(released, people["reader"])
    filled = path.format(pkg=released, base=released, new=name, stage=held) + QUERIES.get(path, "")
    answer = http.request(method, gate.url + filled, body, token=people[role] and people[role].token)
    if cell == "+":
        assert answer.ok, answer.body
    else:
        unknown = role in ("nobody", "stranger")
        # A path that no route has, or one closed to everybody, may say so before it asks who is there.
        closed = all(other == "-" for m, p, _, other in CELLS if (m, p) == (method, path))
        allowed = {401} if unknown and not closed else {400, 401, 403, 404, 405, 409}
        assert answer.status in allowed, (answer.status, answer.body)
        # What stands in a browser is a page, not JSON.
        assert b"log-in is over" in answer.body if path.startswith("/-/login/") else answer.error
        if "{new}" in path:
            assert gate.stages(people["admin"], name) == []
        if decides:
            assert http.get(f"{gate.url}/-/stage/{held}", token=people["admin"].token).ok
            assert held in [item["id"] for item in gate.stages(people["admin"])]
    assert gate.packument(released, people["reader"]) == before


def served_routes():
    """(method, pattern, what) as the binary prints them."""
    shown = subprocess.run([gateway_binary(), "routes"], check=True, capture_output=True, text=True).stdout
    rows = [[part.strip(" `") for part in line.strip("|").split("|")] for line in shown.splitlines() if "`/" in line]
    return [(method, pattern, what) for method, pattern, _, what in rows]


def test_no_route_is_missing_here():
    elsewhere = {
        ("PUT", "/-/user/:id"), ("GET", "/-/user/:id"), ("DELETE", "/-/user/token/:token"),
        ("DELETE", "/-/npm/v1/tokens/token/:token"), ("POST", "/-/npm/v1/user"),  # login_test.py
        ("POST", "/-/sallyport/first-admin"),  # first_start_test.py
        ("GET", "/-/metrics"),  # load_test.py: who may read them depends on where from
        ("GET", "/-/npm/v1/keys"), ("GET", "/-/npm/v1/attestations/*spec"),  # signature_test.py
    }
    tabled = [tuple(line.split()[:2]) for line in TABLE.strip().splitlines()[1:]]

    def covered(method, pattern):
        parts = pattern.strip("/").split("/")
        return any(m == method and len(p.strip("/").split("/")) == len(parts) and
                   all(a.startswith((":", "*")) or a == b for a, b in zip(parts, p.strip("/").split("/")))
                   for m, p in tabled)
    routes = served_routes()
    assert len(routes) > 40
    assert [(method, pattern) for method, pattern, what in routes if what != "refused"
            and (method, pattern) not in elsewhere and not covered(method, pattern)] == []


def test_every_route_that_is_refused_is_refused_to_everybody(gate, house):
    people, released, _ = house
    refused = [(method, pattern) for method, pattern, what in served_routes() if what == "refused"]
    assert len(refused) > 25
    before = gate.packument(released, people["reader"])
    writes = gate.upstream.writes() if gate.upstream else []
    for method, pattern in refused:
        path = pattern.replace(":pkg", released).replace(":", "some-")
        for role in ROLES:
            answer = http.request(method, gate.url + path, {"x": 1}, token=people[role] and people[role].token)
            unknown = role in ("nobody", "stranger")
            assert answer.status in ({401} if unknown else {403, 404, 405}), (method, path, role, answer)
            assert answer.error
    assert gate.packument(released, people["reader"]) == before
    assert (gate.upstream.writes() if gate.upstream else []) == writes
