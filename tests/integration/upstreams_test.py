"""Many upstreams: each name at its origin and nowhere else, mirrors while an origin is down, one that does not
answer left alone, and Sallyport behind Sallyport."""

import base64
import concurrent.futures
import gzip
import json
from types import SimpleNamespace

import pytest

from support import clients, http, packages
from support.gateway import measured
from support.processes import wait_until
from support.scripted_upstream import Reply, ScriptedUpstream

BULK = "/-/npm/v1/security/advisories/bulk"
IMPATIENT = {"fresh_for": "1 ms", "stale_for": "1 ms"}


@pytest.fixture
def second_upstream():
    upstream = ScriptedUpstream(token="token-of-the-second").start()
    yield upstream
    upstream.stop()


@pytest.fixture
def secret(tmp_path):
    """secret(text) -> a file that holds it."""
    def write(text):
        file = tmp_path / packages.unique("secret")
        file.write_text(text + "\n")
        return str(file)

    return write


def get(gate, path, **options):
    return http.get(gate.url + path, token=gate.user("bob").token, **options)


def upstream_figure(gate, figure, upstream="main"):
    text = http.get(f"{gate.url}/-/metrics").body.decode()
    (line,) = [line for line in text.splitlines()
               if line.startswith(f'sallyport_upstream_{figure}{{upstream="{upstream}"}}')]
    return float(line.rsplit(" ", 1)[1])


def add(upstream, name, version="1.0.0", data=None, **options):
    data = data or packages.package_tarball(name, version)
    upstream.add(name, version, data, **options)
    return data


# -- one origin for a name


def test_each_pattern_is_read_from_its_own_upstream_with_its_own_credential(scripted_upstream, second_upstream, new_gate,
                                                                            secret, client, tmp_path):
    inner, outer = "@acme/" + packages.unique("inner"), packages.unique("outer")
    add(second_upstream, inner)
    add(scripted_upstream, inner, "99.0.0")  # somebody else's, higher
    add(scripted_upstream, outer)
    add(second_upstream, outer, "99.0.0")
    gate = new_gate(upstream=scripted_upstream,
                    upstreams={"company": {"url": second_upstream.url, "username": "reader",
                                           "password_file": secret("pass word")}},
                    packages=[{"match": "@acme/*", "read": "company", "publish": "deny"}, {"match": "**"}])
    project = clients.project(tmp_path / "project")
    client("npm11", gate.url, gate.user("bob").token).install(project, inner, outer)
    for name in (inner, outer):
        assert clients.installed(project, name)["version"] == "1.0.0"
    assert not [r for r in scripted_upstream.requests if b"acme" in r.head + gzip_free(r)]
    assert not [r for r in second_upstream.requests if outer.encode() in r.head + gzip_free(r)]
    basic = "Basic " + base64.b64encode(b"reader:pass word").decode()
    assert {r.headers["authorization"] for r in second_upstream.requests} == {basic}
    assert {r.headers["authorization"] for r in scripted_upstream.requests} == {f"Bearer {scripted_upstream.token}"}


def gzip_free(request):
    return gzip.decompress(request.body) if request.body.startswith(b"\x1f\x8b") else request.body


def test_what_its_origin_does_not_have_is_looked_for_nowhere_else(scripted_upstream, second_upstream, new_gate, secret):
    """Neither at another upstream nor at the origin's own mirror."""
    gate = new_gate(upstream=scripted_upstream,
                    upstreams={"main": {"url": scripted_upstream.url, "mirrors": ["second"],
                                        "token_file": secret(scripted_upstream.token)},
                               "second": {"url": second_upstream.url}},
                    packages=[{"publish": "deny"}])
    name = packages.unique("confused")
    add(second_upstream, name)
    assert get(gate, f"/{name}").status == 404
    assert get(gate, f"/{name}/-/{name}-1.0.0.tgz").status == 404
    assert second_upstream.requests == []


def test_a_changed_configuration_hands_no_name_to_another_upstream(scripted_upstream, second_upstream, new_gate, client,
                                                                   tmp_path):
    name, scoped = packages.unique("moved"), "@acme/" + packages.unique("moved")
    data = add(scripted_upstream, name)
    add(scripted_upstream, scoped)
    other = add(second_upstream, name, data=packages.package_tarball(name, files={"lib.js": b"other();\n"}))
    gate = new_gate(upstream=scripted_upstream, packages=[{"publish": "deny"}])
    path = f"/{name}/-/{name}-1.0.0.tgz"
    assert get(gate, path).body == data and get(gate, "/" + packages.escaped(scoped)).status == 200
    assert f"{name} belongs to main since 2" in gate.cli("origin", name).stdout

    gate.settings["upstreams"]["other"] = {"url": second_upstream.url}
    gate.settings["packages"] = [{"match": "@acme/*", "read": "local", "publish": "local"},
                                 {"match": "**", "read": "other", "publish": "deny"}]
    gate.configure()
    gate.restart()
    for wanted in (f"/{name}", path):
        answer = get(gate, wanted)
        assert answer.status == 403 and f'sallyport origin {name} --move other' in answer.error
    assert second_upstream.requests == []
    project = clients.project(tmp_path / "project")
    runner = client("npm11", gate.url, gate.user("bob").token)
    refused = runner.run("install", name, cwd=project, expect=None)
    assert refused.code != 0 and 'belongs to the upstream "main"' in refused.text
    # What is ours now by configuration alone was main's: an engineer does not take it.
    assert get(gate, "/" + packages.escaped(scoped)).status == 404
    publish = gate.publish(gate.user("alice"), scoped, "9.0.0", packages.package_tarball(scoped, "9.0.0"))
    assert publish.status == 403 and f"sallyport origin {scoped} --move local" in publish.error

    # An audit tells the other upstream nothing of it either: what was installed is main's.
    bulk = http.post(gate.url + BULK, {name: ["1.0.0"], scoped: ["1.0.0"]}, token=gate.user("bob").token)
    assert bulk.status == 404 and second_upstream.requests == []
    (asked,) = scripted_upstream.seen("POST", BULK)
    assert asked.json() == {name: ["1.0.0"], scoped: ["1.0.0"]}
    # Nor is it asked how old the package is, when one of ours depends on it.
    user = packages.unique("user")
    held = gate.hold(gate.user("alice"), "@acme/" + user, data=packages.package_tarball(
        "@acme/" + user, dependencies={name: "1.0.0"}), fields={"dependencies": {name: "1.0.0"}})
    report = http.get(f"{gate.url}/-/stage/{held}/report", token=gate.user("rita").token).json()
    assert any("belongs to the upstream" in finding["message"] for finding in report["findings"])
    assert second_upstream.requests == []

    wrong = gate.cli("origin", name, "--move", "ohter", expect=2)
    assert 'no upstream "ohter"' in wrong.stderr and "local, main, other" in wrong.stderr
    gate.cli("origin", name, "--move", "other")
    gate.cli("origin", scoped, "--move", "local")
    runner.install(project, name)
    assert (project / "node_modules" / name / "lib.js").read_bytes() == b"other();\n"
    assert get(gate, path).body == other
    assert gate.hold(gate.user("alice"), scoped, "9.0.0")
    moves = [json.loads(line) for line in gate.cli("ledger", "export").stdout.splitlines()]
    assert [(e["subject"], e["detail"]) for e in moves if e["action"] == "origin.moved"] == [
        (name, {"from": "main", "to": "other"}), (scoped, {"from": "main", "to": "local"})]
    assert gate.verify_ledger()


def test_an_upstream_name_is_shadowed_by_an_administrator_alone(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream, packages=[{"publish": "local"}])
    name, free = packages.unique("shadow"), packages.unique("free")
    add(scripted_upstream, name, "3.0.0")
    refused = gate.publish(gate.user("alice"), name, "1.0.0", packages.package_tarball(name))
    assert refused.status == 409 and "administrator" in refused.error
    scripted_upstream.script("GET", f"/{free}", Reply(503))
    unknown = gate.publish(gate.user("alice"), free, "1.0.0", packages.package_tarball(free))
    assert unknown.status == 503 and unknown.error
    chief = gate.add_user("chief", groups=["engineers"], admin=True)
    assert gate.approve(gate.user("rita"), gate.hold(chief, name)).ok
    assert list(gate.packument(name, gate.user("bob"))["versions"]) == ["1.0.0"]
    # A name that an upstream gets while it waits here is not shadowed by its approval.
    waiting = gate.hold(gate.user("alice"), free)
    add(scripted_upstream, free, "99.0.0")
    late = gate.approve(gate.user("rita"), waiting)
    assert late.status == 409 and "since" in late.error
    assert list(gate.packument(free, gate.user("bob"))["versions"]) == ["99.0.0"]


# -- an origin that is down


def test_npm_installs_from_the_mirror_while_the_origin_is_down(scripted_upstream, second_upstream, new_gate, secret,
                                                               client, tmp_path):
    leaf, root = "@acme/" + packages.unique("leaf"), packages.unique("root")
    for upstream in (scripted_upstream, second_upstream):
        add(upstream, leaf)
        upstream.add(root, "1.0.0", packages.package_tarball(root, dependencies={leaf: "1.0.0"}),
                     dependencies={leaf: "1.0.0"})
    gate = new_gate(upstream=scripted_upstream, cache=IMPATIENT,
                    upstreams={"main": {"url": scripted_upstream.url, "mirrors": ["second"],
                                        "token_file": secret(scripted_upstream.token)},
                               "second": {"url": second_upstream.url, "token_file": secret(second_upstream.token)}},
                    packages=[{}])
    # What is kept of the origin may come from the mirror later, and the other way round.
    tree = clients.project(tmp_path / "before")
    client("npm11", gate.url, gate.user("bob").token).install(tree, root)
    assert second_upstream.requests == []
    scripted_upstream.stop()
    project = clients.project(tmp_path / "project")
    client("npm11", gate.url, gate.user("bob").token).install(project, root)
    assert clients.installed(project, root)["version"] == clients.installed(project, leaf)["version"] == "1.0.0"
    lock = "package-lock.json"
    assert json.loads((project / lock).read_text()) == json.loads((tree / lock).read_text())
    assert second_upstream.seen("GET")
    assert {r.headers["authorization"] for r in second_upstream.requests} == {f"Bearer {second_upstream.token}"}
    # What the mirror lacks is not absent.
    assert get(gate, "/" + packages.unique("unknown")).status == 503
    # Releases never go to a mirror.
    held = gate.publish(gate.user("alice"), root, "2.0.0", packages.package_tarball(root, "2.0.0"))
    assert held.status == 503 and second_upstream.writes() == []


def test_an_upstream_that_does_not_answer_is_left_alone_until_it_is_back(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream, cache=IMPATIENT)
    name = packages.unique("kept")
    data = add(scripted_upstream, name)
    assert get(gate, f"/{name}/-/{name}-1.0.0.tgz").body == data
    assert upstream_figure(gate, "down") == 0
    scripted_upstream.script("GET", ".*", *[Reply(502)] * 1000)
    asked = len(scripted_upstream.requests)
    for n in range(40):
        answer = get(gate, f"/unknown-{n}")
        assert answer.status == 503 and answer.headers["retry-after"] and answer.error
        kept = get(gate, f"/{name}")
        assert kept.status == 200 and kept.headers["warning"] == '110 - "Response is Stale"'
    # Five failures, and a probe now and then; a slow machine has time for some.
    assert len(scripted_upstream.requests) - asked < 20
    assert upstream_figure(gate, "down") == 1 and upstream_figure(gate, "opened_total") >= 1
    assert upstream_figure(gate, "left_alone_total") > 20
    assert [e for e in gate.entries() if e["event"] == "upstream.down" and e["upstream"] == "main"]
    scripted_upstream.scripts.clear()
    fresh = packages.unique("fresh")
    add(scripted_upstream, fresh)

    def answered():
        # Under another name each time: an error is kept for a while.
        return upstream_figure(gate, "down") == 0 or get(gate, "/" + packages.unique("probe")).status == 404

    wait_until(answered, 60, "the upstream to be asked again")
    assert get(gate, f"/{fresh}").status == 200
    assert [e for e in gate.entries() if e["event"] == "upstream.up"]


def test_a_redirect_does_not_take_the_credential_along(scripted_upstream, second_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    name = packages.unique("elsewhere")
    data = add(scripted_upstream, name)
    path = f"/{name}/-/{name}-1.0.0.tgz"
    scripted_upstream.script("GET", path, Reply(302, headers={"location": second_upstream.url + "/files" + path}))
    second_upstream.script("GET", "/files" + path, Reply(200, data))
    assert get(gate, path).body == data
    assert scripted_upstream.seen("GET", path)[0].headers["authorization"] == f"Bearer {scripted_upstream.token}"
    (moved,) = second_upstream.seen("GET")
    assert "authorization" not in moved.headers


# -- Sallyport behind Sallyport


@pytest.fixture
def two_gates(scripted_upstream, new_gate):
    """(inner, outer): what the outer forwards is held once more by the inner; all else is the registry's behind."""
    inner = new_gate(upstream=scripted_upstream, packages=[
        {"match": "@acme/*", "read": "local", "publish": "local"}, {"match": "**", "publish": "deny"}])
    front = inner.add_user("front", groups=["engineers"], service=True)
    outer = new_gate(upstream=SimpleNamespace(url=inner.url, token=front.token), cache=IMPATIENT)
    return inner, outer


def test_a_release_passes_both_gates(two_gates, client, tmp_path):
    inner, outer = two_gates
    name = "@acme/" + packages.unique("twice")
    data = packages.package_tarball(name)
    answer = outer.approve(outer.user("rita"), outer.hold(outer.user("alice"), name, data=data))
    # Taken by the inner, and not published: the outer says so, and goes on saying so.
    assert answer.status == 503 and "holds it for a review of its own (held as R-" in answer.error
    (waiting,) = inner.stages(inner.user("rita"), name)
    assert waiting["actor"] == "front"
    assert outer.status(outer.user("alice"), name, "1.0.0") == "staged"
    assert outer.packument(name, outer.user("bob")) is None
    outer.restart()
    assert outer.status(outer.user("alice"), name, "1.0.0") == "staged"
    assert [item["id"] for item in inner.stages(inner.user("rita"), name)] == [waiting["id"]]
    assert inner.approve(inner.user("rita"), waiting["id"]).ok
    outer.wait_status(outer.user("alice"), name, "1.0.0", "published")
    project = clients.project(tmp_path / "project")
    client("npm11", outer.url, outer.user("bob").token).install(project, name)
    assert clients.installed(project, name)["version"] == "1.0.0"
    assert outer.served_tarball(name, "1.0.0") == inner.served_tarball(name, "1.0.0") == data
    assert outer.verify_ledger() and inner.verify_ledger()


def test_what_the_inner_gate_refuses_is_not_published(two_gates):
    inner, outer = two_gates
    name = "@acme/" + packages.unique("refused")
    stage = outer.hold(outer.user("alice"), name)
    assert outer.approve(outer.user("rita"), stage).status == 503
    (waiting,) = inner.stages(inner.user("rita"), name)
    assert inner.reject(inner.user("rita"), waiting["id"], body={"reason": "not in this house"}).ok
    outer.wait_status(outer.user("alice"), name, "1.0.0", "failed")
    why = http.get(f"{outer.url}/-/stage/{stage}", token=outer.user("alice").token).json()["why"]
    assert "own review did not let it through" in why
    assert outer.packument(name, outer.user("bob")) is None and inner.packument(name, inner.user("bob")) is None
    assert inner.stages(inner.user("rita"), name) == []


def test_reads_pass_through_both(two_gates, scripted_upstream, client, tmp_path):
    inner, outer = two_gates
    own, name = "@acme/" + packages.unique("own"), packages.unique("far")
    data = add(scripted_upstream, name)
    assert inner.approve(inner.user("rita"), inner.hold(inner.user("alice"), own)).ok
    project = clients.project(tmp_path / "project")
    scripted_upstream.script("POST", BULK, *[Reply(200, {name: [{
        "id": 7, "url": "https://advisories.example/7", "title": "a fault", "severity": "high",
        "vulnerable_versions": "<2.0.0", "cwe": [], "cvss": {"score": 7.5, "vectorString": None}}]})] * 2)
    npm = client("npm11", outer.url, outer.user("bob").token)
    npm.install(project, name, own)
    assert clients.installed(project, name)["version"] == clients.installed(project, own)["version"] == "1.0.0"
    document = outer.packument(name, outer.user("bob"))
    assert document["versions"]["1.0.0"]["dist"]["tarball"].startswith(outer.url)
    assert get(outer, f"/{name}/-/{name}-1.0.0.tgz").body == data
    # Asked again, it costs the inner a 304.
    text = http.get(f"{inner.url}/-/metrics").body.decode()
    assert 'sallyport_requests_total{route="/:pkg",method="GET",status="304"}' in text
    # The audit, as the registry behind both answers it, and of ours nothing left the house.
    audit = npm.run("audit", "--json", cwd=project, expect=None)
    assert audit.code == 1 and json.loads(audit.stdout)["vulnerabilities"][name]["severity"] == "high"
    assert all(b"acme" not in gzip_free(r) for r in scripted_upstream.seen("POST", BULK))
    # The inner's signatures hold for who installs from the outer.
    keys = get(inner, "/-/npm/v1/keys").json()["keys"]
    assert {key["keyid"] for key in keys} <= {key["keyid"] for key in get(outer, "/-/npm/v1/keys").json()["keys"]}
    signed = outer.packument(own, outer.user("bob"))["versions"]["1.0.0"]["dist"]["signatures"]
    assert {s["keyid"] for s in signed} <= {key["keyid"] for key in keys}
    found = get(outer, f"/-/v1/search?text={own.split('/')[1]}").json()["objects"]
    assert [hit["package"]["name"] for hit in found] == [own]
    # Both may be away behind what is kept.
    scripted_upstream.stop()
    inner.stop()
    kept = get(outer, f"/{name}")
    assert kept.status == 200 and kept.headers["warning"] == '110 - "Response is Stale"'
    assert get(outer, f"/{name}/-/{name}-1.0.0.tgz").body == data


# -- gateways that ask each other in a circle


def test_gateways_that_ask_each_other_say_so_at_once(new_gate, scripted_upstream):
    """And what has an origin that does not lead back is served by both all the while."""
    first = new_gate(upstream=scripted_upstream)
    second = new_gate(upstream=SimpleNamespace(url=first.url, token=first.user("bob").token), packages=[
        {"match": "@second/*", "read": "local", "publish": "local"}, {}])
    first.settings["upstreams"]["far"] = {"url": scripted_upstream.url}
    first.settings["packages"].insert(0, {"match": "far-*", "read": "far", "publish": "deny"})
    first.settings["upstreams"]["main"]["url"] = second.url
    (first.folder / "upstream-token").write_text(second.user("bob").token + "\n")
    first.configure()
    first.restart()
    name, own = "far-" + packages.unique(), "@second/" + packages.unique()
    data = add(scripted_upstream, name)
    assert second.approve(second.user("rita"), second.hold(second.user("alice"), own)).ok
    unknown = packages.unique("nowhere")
    for gate in (first, second):
        for path in (f"/{unknown}", f"/{unknown}/1.0.0", f"/{unknown}/-/{unknown}-1.0.0.tgz",
                     "/-/npm/v1/keys", f"/-/v1/search?text={unknown}"):
            answer, seconds = measured(lambda path=path, gate=gate: get(gate, path))
            assert answer.status == 508 and "circle" in answer.error, (path, answer.body)
            assert seconds < 10
        audit = http.post(gate.url + BULK, {unknown: ["1.0.0"]}, token=gate.user("bob").token)
        assert audit.status == 508 and "circle" in audit.error
    for _ in range(8):  # more than a breaker takes of failures
        assert get(first, "/" + packages.unique("nowhere")).status == 508
    assert upstream_figure(first, "down") == upstream_figure(second, "down") == 0
    assert get(first, f"/{own}").status == 200
    assert get(second, f"/{name}/-/{name}-1.0.0.tgz").body == data
    assert [e for e in first.entries() + second.entries() if e["event"] == "upstream.loop"]


def test_two_that_ask_each_other_at_the_same_time_do_not_wait_for_each_other(new_gate, scripted_upstream):
    first = new_gate(upstream=scripted_upstream)
    second = new_gate(upstream=SimpleNamespace(url=first.url, token=first.user("bob").token))
    first.settings["upstreams"]["main"]["url"] = second.url
    (first.folder / "upstream-token").write_text(second.user("bob").token + "\n")
    first.configure()
    first.restart()
    names = [packages.unique("nowhere") for _ in range(30)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(get, gate, f"/{name}", seconds=20) for name in names for gate in (first, second)]
        assert {one.result().status for one in asked} == {508}


def test_what_a_client_makes_up_about_gateways_reaches_no_registry_and_harms_nobody(scripted_upstream, new_gate):
    """A registry's own network answers an error to who has passed it already: others would get that error."""
    gate, name = new_gate(upstream=scripted_upstream), packages.unique()
    add(scripted_upstream, name)
    known = "sallyport-0123456789abcdef"
    for made_up in ("cloud; loops=9", "x, " + known, ", ".join([known] * 20), "sallyport-" + "a" * 900, "\x80"):
        get(gate, f"/{name}-{len(made_up)}", headers={"cdn-loop": made_up})
    seen = [request.headers["cdn-loop"].split(", ") for request in scripted_upstream.seen("GET")]
    assert [len(hops) for hops in seen] == [1, 2, 1, 1] and seen[1][0] == known
    assert len({hops[-1] for hops in seen}) == 1
    # What goes wrong for such a question is not kept for those who come without.
    scripted_upstream.script("GET", f"/{name}", Reply(508))
    assert get(gate, f"/{name}", headers={"cdn-loop": known}).status == 508
    assert get(gate, f"/{name}").status == 200
