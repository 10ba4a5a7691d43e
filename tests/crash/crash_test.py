"""kill -9 at every named point of intake, decision and forwarding, then a restart on the same data. Nothing
acknowledged is lost, nothing unapproved is visible, nothing is forwarded twice, and the ledger is whole."""

import hashlib
import json
import re
import socket
import subprocess

import pytest

from support import http, packages
from support.tools import ROOT, faults_binary

ELSEWHERE = ("sweep.", "import.")  # upkeep_test.py
POINTS = sorted({name for folder in ("storage", "gate", "proxy") for path in (ROOT / folder).rglob("*.cpp")
                 for name in re.findall(r'fault_point\("([^"]+)"\)', path.read_text())
                 if not name.startswith(ELSEWHERE)})
BROKEN_OFF = (OSError, http.HTTPException)


def publish_and_approve(gate, package, data):
    """Goes as far as it comes. Returns the stage if the publish was acknowledged, and whether the approval was."""
    try:
        answer = gate.publish(gate.user("alice"), package, "1.0.0", data)
        assert answer.status == 202, answer.body
        stage = answer.json()["stageId"]
    except BROKEN_OFF:
        return None, False
    try:
        answer = gate.approve(gate.user("rita"), stage)
        assert answer.ok, answer.body
    except BROKEN_OFF:
        return stage, False
    return stage, True


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("way", ["upstream", "local"])
def test_killed_at(way, point, nth, scripted_upstream, new_gate):
    upstream = scripted_upstream if way == "upstream" else None
    gate = new_gate(upstream=upstream, binary=faults_binary())
    gate.stop()
    gate.start(env={"SALLYPORT_FAULT": f"{point}:{nth}"})
    package = "@acme/" + packages.unique("crash")
    data = packages.package_tarball(package)
    stage, approved = publish_and_approve(gate, package, data)
    try:
        gate.died(seconds=0.5 if approved else 10)
    except subprocess.TimeoutExpired:
        # One release passes some points once; each is passed at least once, by one way at least.
        assert nth > 1 or (way == "local" and point.startswith("forward.")), f"{point} is never reached"
        return
    gate.start()

    assert gate.verify_ledger()
    status = gate.status(gate.user("alice"), package, "1.0.0")
    if stage is not None:
        assert status != "absent", "an acknowledged publish is lost"
    if approved:
        gate.wait_status(gate.user("alice"), package, "1.0.0", "published")
    elif status == "staged":
        assert upstream is None or upstream.versions(package) == []
        assert gate.is_invisible(package, "1.0.0")

    # The client that heard nothing does it again.
    again = gate.publish(gate.user("alice"), package, "1.0.0", data)
    if again.status == 202:
        assert stage in (None, again.json()["stageId"])
        answer = gate.approve(gate.user("rita"), again.json()["stageId"])
        assert answer.ok, answer.body
    gate.wait_status(gate.user("alice"), package, "1.0.0", "published")
    assert gate.arrived(package, "1.0.0") == data
    assert gate.served_tarball(package, "1.0.0") == data
    if upstream:
        sent = upstream.seen("PUT", "/" + packages.escaped(package))
        assert [request.replied for request in sent if request.complete] == [201]
    assert gate.verify_ledger()


def test_points_are_named():
    assert {point.split(".")[0] for point in POINTS} >= {"blob", "submit", "approve", "forward"}


def test_killed_while_a_body_arrives(new_gate):
    """Nothing of it is there afterwards, and the same publish goes through."""
    gate = new_gate()
    package = packages.unique("crash")
    data = packages.package_tarball(package, files={"lib/noise": hashlib.shake_256(b"noise").digest(4 << 20)})
    body = json.dumps(packages.publish_document(package, "1.0.0", data)).encode()
    with socket.create_connection(("127.0.0.1", gate.port)) as connection:
        connection.sendall((f"PUT /{package} HTTP/1.1\r\nhost: 127.0.0.1:{gate.port}\r\ncontent-length: {len(body)}\r\n"
                            f"content-type: application/json\r\nauthorization: Bearer {gate.user('alice').token}\r\n\r\n"
                            ).encode() + body[:len(body) // 2])
        gate.kill()
    gate.start()
    assert gate.status(gate.user("alice"), package, "1.0.0") == "absent"
    assert gate.stages(gate.user("root"), package) == []
    stage = gate.hold(gate.user("alice"), package, data=data)
    assert gate.approve(gate.user("rita"), stage).ok
    assert gate.verify_ledger()
