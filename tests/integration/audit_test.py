"""Audits: each name is asked about at its origin only, and nobody is told that all is well who was not told so
by that origin."""

import gzip
import json
import socket

import pytest

from support import clients, http, packages
from support.processes import wait_until
from support.scripted_upstream import Reply, ScriptedUpstream

BULK = "/-/npm/v1/security/advisories/bulk"
QUICK = "/-/npm/v1/security/audits/quick"
RULES = [{"match": "@private/*", "read": "local", "publish": "local"}, {"match": "**"}]


def advisory(number=7, severity="high"):
    return {"id": number, "url": f"https://advisories.example/{number}", "title": f"fault {number}",
            "severity": severity, "vulnerable_versions": "<2.0.0", "cwe": ["CWE-1"],
            "cvss": {"score": 7.5, "vectorString": None}}


@pytest.fixture
def gate(scripted_upstream, new_gate):
    return new_gate(upstream=scripted_upstream, packages=RULES)


def ask(gate, body, path=BULK, **headers):
    return http.post(gate.url + path, body, token=gate.user("bob").token, headers=headers)


@pytest.mark.parametrize("packed", [False, True])
def test_names_of_ours_are_stripped(packed, gate, scripted_upstream):
    """By rule, and because we have released the package."""
    own = "@private/" + packages.unique("secret")
    question = {own: ["1.0.0"], "known": ["1.0.0", "1.1.0"], "../../etc": ["1.0.0"], "clean": ["3.0.0"]}
    scripted_upstream.script("POST", BULK, Reply(200, {"known": [advisory()], own: [advisory(8)]}))
    body = json.dumps(question).encode()
    answer = (ask(gate, gzip.compress(body), **{"content-encoding": "gzip"}) if packed else ask(gate, question))
    assert answer.status == 200 and answer.json() == {"known": [advisory()]}
    (seen,) = scripted_upstream.seen("POST", BULK)
    assert seen.json() == {"known": ["1.0.0", "1.1.0"], "clean": ["3.0.0"]}
    assert seen.headers["authorization"] == f"Bearer {scripted_upstream.token}"
    assert b"private" not in seen.head + seen.body


def test_a_name_released_here_is_ours_whatever_the_rule(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream, packages=[{"match": "**", "publish": "local"}])
    own = packages.unique("own")
    assert gate.approve(gate.user("rita"), gate.hold(gate.user("alice"), own)).ok
    answer = ask(gate, {own: ["1.0.0"]})
    assert answer.status == 200 and answer.json() == {}
    assert scripted_upstream.seen("POST") == []


def test_answers_of_several_upstreams_are_put_together(scripted_upstream, new_gate, tmp_path):
    other = ScriptedUpstream().start()
    try:
        gate = new_gate(upstream=scripted_upstream, upstreams={"other": {"url": other.url}}, packages=[
            {"match": "@other/*", "read": "other", "publish": "deny"}, {"match": "**"}])
        # Neither speaks for what is the other's.
        other.script("POST", BULK, Reply(200, {"@other/lib": [advisory(1)], "lib": []}))
        scripted_upstream.script("POST", BULK, Reply(200, {"lib": [advisory(2)], "@other/lib": []}))
        answer = ask(gate, {"@other/lib": ["1.0.0"], "lib": ["1.0.0"]})
        assert answer.json() == {"@other/lib": [advisory(1)], "lib": [advisory(2)]}
        assert [r.json() for r in other.seen("POST")] == [{"@other/lib": ["1.0.0"]}]
        assert [r.json() for r in scripted_upstream.seen("POST")] == [{"lib": ["1.0.0"]}]
        assert "authorization" not in other.seen("POST")[0].headers
    finally:
        other.stop()


@pytest.mark.parametrize("reply, status", [
    (Reply(404, {"error": "no"}), 404), (Reply(405, b""), 404), (Reply(500, b"oops"), 503), (Reply(200, b"[]"), 502),
    (Reply(200, b"<html>"), 502), (Reply(401, {}), 502), (Reply(200, b"{}", cut_after=1), 503)])
def test_no_audit_is_never_a_clean_one(reply, status, gate, scripted_upstream):
    scripted_upstream.script("POST", BULK, reply)
    answer = ask(gate, {"lib": ["1.0.0"]})
    assert answer.status == status and answer.error


def test_upstream_down(gate, scripted_upstream):
    scripted_upstream.stop()
    answer = ask(gate, {"lib": ["1.0.0"]})
    assert answer.status == 503 and "audited" in answer.error
    # What is all ours needs nobody.
    assert ask(gate, {"@private/lib": ["1.0.0"]}).json() == {}


def test_hostile_bodies(gate, scripted_upstream):
    bomb = gzip.compress(b'{"a":"' + b"a" * 200_000_000 + b'"}')
    assert len(bomb) < 1_000_000
    before = gate.resident_bytes("VmHWM")
    assert ask(gate, bomb, **{"content-encoding": "gzip"}).status == 413
    assert gate.resident_bytes("VmHWM") - before < 64 << 20
    assert ask(gate, b"x" * (5 << 20)).status == 413
    assert ask(gate, gzip.compress(b"{}")[:-3], **{"content-encoding": "gzip"}).status == 400
    assert ask(gate, gzip.compress(b"{}") + b"more", **{"content-encoding": "gzip"}).status == 400
    assert ask(gate, b"{}", **{"content-encoding": "br"}).status == 400
    for body in (b"", b"[]", b"null", b"{", b'{"a":[],"a":[]}', b'{"a":' * 100 + b"1" + b"}" * 100):
        assert ask(gate, body).status in (400, 413), body
    assert ask(gate, {"lib": "no list", "other": {"1.0.0": 1}}).json() == {}
    assert http.post(gate.url + BULK, {"lib": ["1.0.0"]}).status == 401
    assert http.request("HEAD", gate.url + BULK, token=gate.user("bob").token).status == 405
    assert scripted_upstream.seen("POST") == []


def test_what_all_audits_together_may_hold(gate):
    """128 MiB, as announced; given back when they end."""
    announced = 4 << 20
    head = (f"POST {BULK} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {gate.user('bob').token}\r\n"
            f"Content-Length: {announced}\r\n\r\n").encode()
    assert ask(gate, {}).status == 200
    held = []

    def taken():
        # One more each time: a question of ours that is in there just then takes the room of the last that fits.
        held.append(socket.create_connection(("127.0.0.1", gate.port)))
        held[-1].sendall(head)
        return ask(gate, {}).status == 503

    wait_until(taken, what="the room to be taken")
    assert len(held) >= 32
    for connection in held:
        connection.close()
    wait_until(lambda: ask(gate, {}).status == 200, what="the room to be given back")


def test_a_read_only_token_audits(gate, scripted_upstream):
    scripted_upstream.script("POST", BULK, Reply(200, {}))
    token = gate.create_token("bob", "--read-only")
    assert http.post(gate.url + BULK, {"lib": ["1.0.0"]}, token=token).status == 200


def test_the_quick_audit_names_nothing_of_ours(gate, scripted_upstream):
    node = {"version": "1.0.0", "integrity": "sha512-x"}
    tree = {"name": "secret-project", "version": "9.9.9", "install": [], "remove": [], "metadata": {"secret": 1},
            "requires": {"@private/lib": "^1.0.0", "lib": "1.0.0"},
            "dependencies": {
                ".": {"version": "0.0.0", "requires": {"@private/lib": "1.0.0"}, "dependencies": {
                    "@private/lib": {**node, "requires": {"deep": "1"}, "dependencies": {"deep": node}},
                    "lib": {**node, "resolved": "https://internal.example/lib.tgz", "dev": True}}},
                "packages__secret": {"version": "0.0.0", "dependencies": {}}}}
    found = {"actions": [{"action": "review"}], "muted": [], "advisories": {
        "7": {"id": 7, "module_name": "deep"}, "8": {"id": 8, "module_name": "@private/lib"}},
        "metadata": {"vulnerabilities": {"high": 1}, "totalDependencies": 2}}
    scripted_upstream.script("POST", QUICK, Reply(200, found))
    answer = ask(gate, tree, QUICK)
    assert answer.status == 200, answer.body
    told = answer.json()
    assert list(told["advisories"]) == ["7"] and told["metadata"]["vulnerabilities"]["high"] == 1
    (seen,) = scripted_upstream.seen("POST", QUICK)
    assert not any(word in seen.body for word in (b"secret", b"private/", b"9.9.9", b"internal"))
    # What stands below a package of ours is audited still.
    assert seen.body.count(b'"deep":{') == 1 and b'"lib":{' in seen.body


@pytest.mark.parametrize("name", ["npm11", "npm12", "pnpm12", "pnpm10", "berry", "bun"])
def test_clients_audit(name, gate, scripted_upstream, client, tmp_path):
    """A fault that the origin knows of is told, and no package of ours is named to it."""
    theirs, ours = packages.unique("theirs"), "@private/" + packages.unique("ours")
    scripted_upstream.add(theirs, "1.0.0", packages.package_tarball(theirs))
    assert gate.approve(gate.user("rita"), gate.hold(gate.user("alice"), ours)).ok
    project = clients.project(tmp_path / "project")
    runner = client(name, gate.url, gate.user("bob").token)
    runner.install(project, f"{theirs}@1.0.0", f"{ours}@1.0.0")
    scripted_upstream.script("POST", BULK, *[Reply(200, {theirs: [advisory()]})] * 3)
    scripted_upstream.script("POST", QUICK, Reply(200, {
        "actions": [], "muted": [], "metadata": {"vulnerabilities": {"high": 1}, "totalDependencies": 2},
        "advisories": {"7": {**advisory(), "module_name": theirs, "patched_versions": ">=2.0.0", "findings": [
            {"version": "1.0.0", "paths": [f".>{theirs}"]}], "github_advisory_id": "GHSA-x", "cves": [],
            "overview": "", "recommendation": "", "access": "public"}}}))
    arguments = ("npm", "audit") if name == "berry" else ("audit",)
    audited = runner.run(*arguments, cwd=project, expect="failure")
    assert "fault 7" in audited.text, audited
    asked = scripted_upstream.seen("POST")
    assert asked and all(theirs.encode() in r.body and b"private/" not in r.body for r in asked)


def test_npm_says_that_there_is_no_audit(gate, scripted_upstream, client, tmp_path):
    name = packages.unique("theirs")
    scripted_upstream.add(name, "1.0.0", packages.package_tarball(name))
    project = clients.project(tmp_path / "project")
    npm = client("npm12", gate.url, gate.user("bob").token)
    npm.install(project, name)
    audited = npm.run("audit", cwd=project, expect="failure")
    assert "audit endpoint returned an error" in audited.text and "found 0 vulnerabilities" not in audited.text


# -- what the own feeds know

def osv(number, name, **fields):
    return {"id": number, "summary": f"steals through {name}", "affected": [
        {"package": {"ecosystem": "npm", "name": name}, "ranges": [
            {"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}], **fields}


FAULT = {"database_specific": {"severity": "MODERATE", "cwe_ids": ["CWE-79"]}, "severity": [
    {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}]}


@pytest.fixture
def knowing(scripted_upstream, new_gate, tmp_path):
    """knowing(malware=[…], faults=[…]) -> a gate with feeds of these documents."""
    def make(**feeds):
        policy = {}
        for key, documents in feeds.items():
            folder = tmp_path / key
            folder.mkdir()
            for document in documents:
                (folder / f"{document['id']}.json").write_text(json.dumps(document))
            policy[{"malware": "malware_feed", "faults": "advisories"}[key]] = str(folder)
        return new_gate(upstream=scripted_upstream, packages=RULES, policy=policy)

    return make


def test_own_advisories_stand_beside_the_upstreams(knowing, scripted_upstream):
    own = "@private/" + packages.unique("own")
    gate = knowing(malware=[osv("MAL-1", "evil")],
                   faults=[osv("GHSA-1", "lib", **FAULT), osv("GHSA-2", "lib"), osv("GHSA-3", own)])
    both = {**advisory(), "url": "https://github.com/advisories/GHSA-2"}
    scripted_upstream.script("POST", BULK, Reply(200, {"lib": [advisory(), both]}))
    answer = ask(gate, {"lib": ["2.0.0", "1.5.0"], "evil": ["1.0.0"], "fine": ["1.0.0"], own: ["1.0.0"]})
    assert answer.status == 200 and "npm-notice" not in answer.headers
    told = answer.json()
    assert sorted(told) == sorted(["lib", "evil", own])
    assert told["lib"][:2] == [advisory(), both] and len(told["lib"]) == 3
    ours = told["lib"][2]
    assert isinstance(ours.pop("id"), int)
    assert ours == {
        "url": "https://github.com/advisories/GHSA-1", "title": "steals through lib", "severity": "moderate",
        "vulnerable_versions": "<2.0.0", "cwe": ["CWE-79"],
        "cvss": {"score": 6.1, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}}
    (evil,) = told["evil"]
    assert (evil["severity"], evil["cwe"], evil["cvss"]) == (
        "critical", ["CWE-506"], {"score": 0, "vectorString": None})
    (seen,) = scripted_upstream.seen("POST", BULK)
    assert own.encode() not in seen.body
    scripted_upstream.script("POST", BULK, Reply(200, {}))
    assert ask(gate, {"lib": ["2.0.0"]}).json() == {}


@pytest.mark.parametrize("reply", [Reply(404, {}), Reply(500, b"oops"), Reply(200, b"<html>")])
def test_what_we_know_is_told_without_the_upstream_and_nothing_is_called_clean(reply, knowing, scripted_upstream):
    gate = knowing(malware=[osv("MAL-1", "evil")])
    scripted_upstream.script("POST", BULK, reply, reply)
    answer = ask(gate, {"evil": ["1.0.0"], "lib": ["1.0.0"]})
    assert answer.status == 200 and list(answer.json()) == ["evil"]
    assert "could not be asked" in answer.headers["npm-notice"]
    answer = ask(gate, {"evil": ["2.0.0"], "lib": ["1.0.0"]})
    assert answer.status >= 400 and answer.error


def test_a_current_feed_of_faults_stands_in_for_an_audit_that_there_is_not(knowing, scripted_upstream):
    gate = knowing(faults=[osv("GHSA-1", "lib")])
    scripted_upstream.script("POST", BULK, Reply(404, {}), Reply(503, {}))
    answer = ask(gate, {"lib": ["2.0.0"]})
    assert answer.status == 200 and answer.json() == {} and answer.headers["npm-notice"]
    assert ask(gate, {"lib": ["2.0.0"]}).status == 503  # down: it may know more


def test_the_quick_audit_tells_what_we_know(knowing, scripted_upstream):
    gate = knowing(malware=[osv("MAL-1", "evil")], faults=[osv("GHSA-1", "lib", **FAULT)])
    node = {"version": "1.0.0", "integrity": "sha512-x"}
    tree = {"name": "project", "dependencies": {".": {"version": "0.0.0", "dependencies": {
        "lib": {**node, "dependencies": {"evil": node}}, "evil": {**node, "version": "2.0.0"}}}}}
    scripted_upstream.script("POST", QUICK, Reply(500, b""))
    told = ask(gate, tree, QUICK).json()
    by_name = {one["module_name"]: one for one in told["advisories"].values()}
    assert by_name["evil"]["findings"] == [{"version": "1.0.0", "paths": [".>lib>evil"]}]
    assert by_name["lib"]["patched_versions"] == ">=2.0.0"
    assert told["metadata"]["vulnerabilities"]["critical"] == 1
    assert told["metadata"]["vulnerabilities"]["moderate"] == 1


@pytest.mark.parametrize("upstream_answers", [True, False])
@pytest.mark.parametrize("name", ["npm11", "npm12", "pnpm12", "pnpm10", "berry", "bun"])
def test_clients_are_told_what_we_know(name, upstream_answers, knowing, scripted_upstream, client, tmp_path):
    lib = packages.unique("lib")
    gate = knowing(faults=[osv("GHSA-1", lib, **FAULT)])
    scripted_upstream.add(lib, "1.0.0", packages.package_tarball(lib))
    project = clients.project(tmp_path / "project")
    runner = client(name, gate.url, gate.user("bob").token)
    runner.install(project, f"{lib}@1.0.0")
    quick = {"actions": [], "muted": [], "advisories": {}, "metadata": {"vulnerabilities": {}}}
    if upstream_answers:
        scripted_upstream.script("POST", BULK, *[Reply(200, {})] * 6)
        scripted_upstream.script("POST", QUICK, *[Reply(200, quick)] * 6)
    audited = runner.run(*(("npm", "audit") if name == "berry" else ("audit",)), cwd=project, expect="failure")
    assert f"steals through {lib}" in audited.text and "GHSA-1" in audited.text, audited


@pytest.mark.parametrize("name", ["npm12", "pnpm12"])
def test_malware_that_was_installed_before_it_was_known(name, scripted_upstream, new_gate, client, tmp_path):
    """By then its packument is refused, and the audit says why nevertheless."""
    evil = packages.unique("evil")
    folder = tmp_path / "malware"
    folder.mkdir()
    (folder / "0.json").write_text(json.dumps(osv("MAL-0", "another")))
    gate = new_gate(upstream=scripted_upstream, packages=RULES, policy={"malware_feed": str(folder)})
    scripted_upstream.add(evil, "1.0.0", packages.package_tarball(evil))
    project = clients.project(tmp_path / "project")
    runner = client(name, gate.url, gate.user("bob").token)
    runner.install(project, f"{evil}@1.0.0")
    (folder / "1.json").write_text(json.dumps(osv("MAL-1", evil)))
    wait_until(lambda: ask(gate, {evil: ["1.0.0"]}).status == 200, 30)
    audited = runner.run("audit", cwd=project, expect="failure")
    assert f"steals through {evil}" in audited.text and "critical" in audited.text.lower(), audited
