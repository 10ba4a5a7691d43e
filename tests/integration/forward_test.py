"""Forwarding to an upstream that stalls, cuts, lies and fails, with and without having stored the package:
never twice, never lost, never said to be published when it is not."""

import threading

import pytest

from support import http, packages
from support.processes import wait_until
from support.scripted_upstream import Reply


def held(gate, **options):
    package = "@acme/" + packages.unique("forward")
    data = packages.package_tarball(package)
    return package, data, gate.hold(gate.user("alice"), package, data=data, **options)


def puts(upstream, package):
    return upstream.seen("PUT", "/" + packages.escaped(package))


def check_published_once(gate, upstream, package, data):
    gate.wait_status(gate.user("alice"), package, "1.0.0", "published")
    assert upstream.versions(package) == ["1.0.0"]
    assert upstream.tarball(package, "1.0.0") == data
    assert gate.served_tarball(package, "1.0.0") == data
    assert gate.verify_ledger()


def test_the_plain_way(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package, data, stage = held(gate)
    assert scripted_upstream.writes() == []
    assert gate.approve(gate.user("rita"), stage).ok
    check_published_once(gate, scripted_upstream, package, data)
    (put,) = puts(scripted_upstream, package)
    assert put.headers["authorization"] == f"Bearer {scripted_upstream.token}"


AFTER_STORING = {
    "503 after storing": Reply(503, {"error": "busy"}, do=True),
    "500 after storing": Reply(500, b"<html>", do=True),
    "reset after storing": Reply(201, do=True, cut_after=-1),
    "half an answer after storing": Reply(201, b'{"ok": true}', do=True, cut_after=3),
}

BEFORE_STORING = {
    "503 before storing": Reply(503, {"error": "busy"}),
    "502 before storing": Reply(502, b"<html>"),
    "reset before storing": Reply(201, cut_after=-1),
    "reset amid the body": Reply(201, cut_request_after=100),
}


@pytest.mark.parametrize("fault", AFTER_STORING)
def test_an_unclear_answer_is_read_back(fault, scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package, data, stage = held(gate)
    scripted_upstream.script("PUT", "/" + packages.escaped(package), AFTER_STORING[fault])
    gate.approve(gate.user("rita"), stage)
    check_published_once(gate, scripted_upstream, package, data)
    # Read back instead of sent again: the upstream has it.
    assert len(puts(scripted_upstream, package)) == 1


@pytest.mark.parametrize("fault", BEFORE_STORING)
def test_a_lost_publish_is_sent_again(fault, scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package, data, stage = held(gate)
    scripted_upstream.script("PUT", "/" + packages.escaped(package), BEFORE_STORING[fault])
    gate.approve(gate.user("rita"), stage)
    check_published_once(gate, scripted_upstream, package, data)


def test_an_upstream_that_is_away_when_the_approval_comes(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package, data, stage = held(gate)
    scripted_upstream.stop()
    answer = gate.approve(gate.user("rita"), stage)
    # The approval stands, but "approved and published" would be a lie.
    assert not answer.ok and answer.error
    assert gate.status(gate.user("alice"), package, "1.0.0") != "published"
    gate.kill()
    gate.start()
    scripted_upstream.resume()
    check_published_once(gate, scripted_upstream, package, data)


def test_a_definite_no_is_shown_and_can_be_tried_again(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package, data, stage = held(gate)
    scripted_upstream.script("PUT", "/" + packages.escaped(package), Reply(403, {"error": "not in this house"}))
    answer = gate.approve(gate.user("rita"), stage)
    assert not answer.ok and "not in this house" in answer.error
    assert gate.status(gate.user("alice"), package, "1.0.0") == "failed"
    assert scripted_upstream.versions(package) == []
    assert gate.approve(gate.user("rita"), stage).ok
    check_published_once(gate, scripted_upstream, package, data)


def test_somebody_else_published_that_version_meanwhile(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package, data, stage = held(gate)
    other = packages.package_tarball(package, files={"index.js": "module.exports = 'theirs';\n"})
    scripted_upstream.add(package, "1.0.0", other)
    scripted_upstream.script("PUT", "/" + packages.escaped(package), Reply(503))
    answer = gate.approve(gate.user("rita"), stage)
    assert not answer.ok and answer.error
    gate.wait_status(gate.user("alice"), package, "1.0.0", "failed")
    assert scripted_upstream.tarball(package, "1.0.0") == other


def test_a_version_that_is_upstream_already_is_refused_at_publish(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package = packages.unique("taken")
    scripted_upstream.add(package, "1.0.0", packages.package_tarball(package))
    answer = gate.publish(gate.user("alice"), package, "1.0.0",
                          packages.package_tarball(package, files={"index.js": "2\n"}))
    assert answer.status in (403, 409) and answer.error
    assert scripted_upstream.writes() == []


def test_two_reviewers_at_once_forward_once(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package, data, stage = held(gate)
    scripted_upstream.script("PUT", "/" + packages.escaped(package), Reply(201, {"ok": True}, do=True, stall_after=-1))
    answers = []
    threads = [threading.Thread(target=lambda user=user: answers.append(gate.approve(gate.user(user), stage)))
               for user in ("rita", "rolf", "rita")]
    for thread in threads:
        thread.start()
    scripted_upstream.wait_for("PUT")
    scripted_upstream.release()
    for thread in threads:
        thread.join()
    check_published_once(gate, scripted_upstream, package, data)
    assert len(puts(scripted_upstream, package)) == 1
    assert any(answer.ok for answer in answers)


def test_the_credential_appears_nowhere(scripted_upstream, new_gate):
    scripted_upstream.token = "npm_Zq9verysecretupstreamtoken"
    gate = new_gate(upstream=scripted_upstream)
    package, _, stage = held(gate)
    scripted_upstream.script("PUT", ".*", Reply(403, {"error": f"bad token {scripted_upstream.token}"}))
    answer = gate.approve(gate.user("rita"), stage)
    shown = [answer.body, http.get(f"{gate.url}/-/stage/{stage}", token=gate.user("rita").token).body,
             http.get(f"{gate.url}/-/stage/{stage}/report", token=gate.user("rita").token).body,
             gate.log.read_bytes(), gate.cli("config", "show").stdout.encode()]
    for text in shown:
        assert scripted_upstream.token.encode() not in text
    wait_until(lambda: puts(scripted_upstream, package))


def test_graceful_stop_ends_what_is_in_flight(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream)
    package, data, stage = held(gate)
    scripted_upstream.script("PUT", ".*", Reply(201, {"ok": True}, do=True, stall_after=-1))
    answers = []
    approving = threading.Thread(target=lambda: answers.append(gate.approve(gate.user("rita"), stage)))
    approving.start()
    scripted_upstream.wait_for("PUT")
    service = gate.service
    service.signal(15)
    scripted_upstream.release()
    approving.join()
    assert answers[0].ok
    assert service.process.wait(30) == 0
    gate.service = None
    gate.start()
    check_published_once(gate, scripted_upstream, package, data)
