"""What a publish must not be: too large, broken, contradictory, left half-way. Each is refused with a sentence
and leaves nothing; a client that goes away, or dawdles, costs nothing but its own connection."""

import base64
import copy
import hashlib
import json
import socket
import threading

import pytest

from support import clients, http, packages
from support.processes import wait_until


def kept(gate):
    return sorted(path for path in (gate.data / "blobs" / "sha512").rglob("*") if path.is_file())


def staged(gate):
    """Files still being written; that of an answered publish goes just after the answer."""
    return list((gate.data / "blobs" / "tmp").iterdir())


def document(package, **options):
    return packages.publish_document(package, "1.0.0", packages.package_tarball(package), **options)


def changed(change):
    """A body: the document after change(document, package)."""
    def make(package):
        made = document(package)
        change(made, package)
        return json.dumps(made).encode()
    return make


def set_dist(**fields):
    return changed(lambda made, package: made["versions"]["1.0.0"]["dist"].update(fields))


def set_data(edit):
    def change(made, package):
        entry = made["_attachments"][f"{package}-1.0.0.tgz"]
        entry["data"] = edit(entry["data"])
    return changed(change)


def second_version(made, package):
    made["versions"]["2.0.0"] = {**copy.deepcopy(made["versions"]["1.0.0"]), "version": "2.0.0"}


def second_tarball(made, package):
    made["_attachments"]["other-1.0.0.tgz"] = copy.deepcopy(made["_attachments"][f"{package}-1.0.0.tgz"])


def duplicate_key(package):
    text = json.dumps(document(package))
    return text.replace('"dist-tags":', '"name": "somebody-else", "dist-tags":', 1).encode()


HOSTILE = {
    "wrong integrity": set_dist(integrity=packages.integrity(b"other")),
    "wrong shasum": set_dist(shasum=packages.shasum(b"other")),
    "no digests": changed(lambda made, package: made["versions"]["1.0.0"].update(dist={})),
    "another name in the body": changed(lambda made, package: made.update(name="somebody-else")),
    "another _id": changed(lambda made, package: made.update(_id="somebody-else")),
    "another name in the manifest": changed(lambda made, package: made["versions"]["1.0.0"].update(name="x")),
    "another version in the manifest": changed(lambda made, package: made["versions"]["1.0.0"].update(version="1.0.1")),
    "two versions": changed(second_version),
    "two tarballs": changed(second_tarball),
    "no tarball": changed(lambda made, package: made.update(_attachments={})),
    "a tag on another version": changed(lambda made, package: made.update({"dist-tags": {"latest": "9.9.9"}})),
    "wrong length": changed(lambda made, package: made["_attachments"][f"{package}-1.0.0.tgz"].update(length=1)),
    "a duplicate key": duplicate_key,
    "trailing bytes": lambda package: json.dumps(document(package)).encode() + b"{}",
    "half a document": lambda package: (text := json.dumps(document(package)).encode())[:len(text) // 2],
    "not JSON": lambda package: b"package: lib\n",
    "an array": lambda package: b"[]",
    "an empty body": lambda package: b"",
    "base64 with blanks": set_data(lambda data: data[:40] + "\n" + data[40:]),
    "base64 of the other alphabet": set_data(lambda data: data[:-4] + "-_-_"),
    "base64 without its padding": set_data(lambda data: data.rstrip("=")[:-1]),
    "base64 after its end": set_data(lambda data: data + "QUJD"),
    "data that is no text": set_data(lambda data: 7),
    "another tarball than the digests": set_data(lambda data: base64.b64encode(packages.package_tarball("x")).decode()),
    "a tarball that is none": changed(lambda made, package: made.update(
        packages.publish_document(package, "1.0.0", b"not a tarball"))),
}


@pytest.mark.parametrize("fault", HOSTILE)
def test_hostile_body(fault, gate):
    package = packages.unique("hostile")
    before = kept(gate)
    answer = http.put(f"{gate.url}/{package}", HOSTILE[fault](package), token=gate.user("alice").token,
                      headers={"content-type": "application/json"})
    assert answer.status in (400, 403, 409, 422), answer
    assert answer.error
    assert gate.stages(gate.user("root"), package) == []
    assert gate.is_invisible(package, "1.0.0")
    wait_until(lambda: not staged(gate), 5, "the staged file to be gone")
    assert kept(gate) == before
    # The name is as free as before.
    assert gate.hold(gate.user("alice"), package)


def test_the_words_of_a_stranger_are_not_sent_to_the_terminal(gate):
    package = packages.unique("escape")
    hostile = "\x1b]0;owned\x07\x1b[31mx"
    dependencies = {f"{hostile}lib": f"file:../{hostile}"}
    answer = gate.publish(gate.user("alice"), package, "1.0.0",
                          packages.package_tarball(package, dependencies=dependencies, description=hostile),
                          fields={"dependencies": dependencies, "description": hostile})
    assert answer.status in (400, 403), answer
    assert not [c for c in answer.error if ord(c) < 32 and c not in "\n\t"]
    assert "\x1b" not in str(answer.headers)


@pytest.fixture(scope="module")
def small_gate(gate_class, tmp_path_factory):
    made = gate_class(tmp_path_factory.mktemp("small"), limits={"publish_body_bytes_max": "1 MiB"})
    try:
        made.start()
        made.team = made.add_team()
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("name", clients.PUBLISHERS)
def test_over_the_limit_is_told_once(name, small_gate, client, tmp_path):
    """The answer comes before the body is in; the body is drained, or npm would send it three times."""
    package = packages.unique("big")
    noise = hashlib.shake_256(b"big").digest(12 << 20)
    folder = packages.write_package(tmp_path / "source", package, files={"lib/noise.bin": noise})
    run = client(name, small_gate.url, small_gate.user("alice").token).publish(folder, expect="failure")
    assert "over the limit" in run.text, run
    puts = [entry for entry in small_gate.entries() if entry.get("method") == "PUT" and package in str(entry.get("path"))]
    assert [entry["status"] for entry in puts] == [413]


def test_over_the_limit_in_chunks(small_gate):
    """No Content-Length tells beforehand."""
    package = packages.unique("chunks")
    block = b"x" * 65536
    with socket.create_connection(("127.0.0.1", small_gate.port), timeout=20) as connection:
        connection.sendall((f"PUT /{package} HTTP/1.1\r\nhost: 127.0.0.1:{small_gate.port}\r\ntransfer-encoding: chunked\r\n"
                            f"authorization: Bearer {small_gate.user('alice').token}\r\n\r\n").encode())
        start = b'{"_id":"' + package.encode() + b'","readme":"'
        answer = b""
        try:
            connection.sendall(f"{len(start):x}\r\n".encode() + start + b"\r\n")
            for _ in range(40):
                connection.sendall(f"{len(block):x}\r\n".encode() + block + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
        except ConnectionError:
            pass  # it may have hung up after the answer
        while piece := connection.recv(65536):
            answer += piece
            if b"\r\n\r\n" in answer:
                break
    assert answer.split(b" ")[1] in (b"413", b"400"), answer


def test_a_bad_token_is_answered_from_the_headers(gate):
    """Not a byte of the body is needed for it."""
    with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as connection:
        connection.sendall((f"PUT /lib HTTP/1.1\r\nhost: 127.0.0.1:{gate.port}\r\ncontent-length: 100000000\r\n"
                            "authorization: Bearer slp_wrong\r\n\r\n").encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_clients_that_go_away_leave_nothing(new_gate):
    gate = new_gate()
    before = kept(gate)
    token = gate.user("alice").token
    connections = []
    for _ in range(40):
        package = packages.unique("gone")
        body = json.dumps(document(package)).encode()
        connection = socket.create_connection(("127.0.0.1", gate.port))
        connection.sendall((f"PUT /{package} HTTP/1.1\r\nhost: 127.0.0.1:{gate.port}\r\ncontent-length: {len(body)}\r\n"
                            f"content-type: application/json\r\nauthorization: Bearer {token}\r\n\r\n").encode()
                           + body[:len(body) * 3 // 4])
        connections.append(connection)
    # While forty wait half-way, the others are served.
    stage = gate.hold(gate.user("alice"), packages.unique("served"))
    assert gate.approve(gate.user("rita"), stage).ok
    for connection in connections:
        connection.close()
    wait_until(lambda: not staged(gate), 20, "every staged file to be gone")
    assert len(kept(gate)) == len(before) + 1
    assert gate.stages(gate.user("root")) == []


def test_many_at_once(gate):
    names = [packages.unique("parallel") for _ in range(24)]
    held = {}

    def publish(name):
        held[name] = gate.hold(gate.user("alice"), name)

    threads = [threading.Thread(target=publish, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == sorted(names) and len(set(held.values())) == len(names)


def test_the_same_version_by_two_at_once(gate):
    """One of them holds it, the other is told so."""
    package = packages.unique("race")
    answers = {}

    def publish(who):
        data = packages.package_tarball(package, files={"index.js": f"module.exports = '{who}';\n"})
        answers[who] = gate.publish(gate.user(who), package, "1.0.0", data)

    threads = [threading.Thread(target=publish, args=(who,)) for who in ("alice", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers.values()) == [202, 409]
    (item,) = gate.stages(gate.user("rita"), package)
    (winner,) = [who for who, answer in answers.items() if answer.status == 202]
    assert item["actor"] == winner


HELD = ["npm11", "npm12", "pnpm12", "pnpm10", "yarn1", "berry", "bun"]


@pytest.mark.parametrize("name", HELD)
def test_held_answer_refuse_turns_the_job_red(name, new_gate, client, tmp_path):
    """For pipelines that must not take "held" for "published": every client shows why, and the review code."""
    gate = new_gate(packages=[{"held_answer": "refuse"}])
    package = packages.unique("red")
    folder = packages.write_package(tmp_path / "source", package)
    publisher = client(name, gate.url, gate.user("alice").token)
    run = publisher.publish(folder, expect="failure")
    assert "held" in run.text and "R-" in run.text, run
    (stage,) = gate.stages(gate.user("rita"), package)
    if name != "yarn1":  # whose bytes change with the times of its files
        publisher.publish(folder, expect="failure")
        assert [item["id"] for item in gate.stages(gate.user("rita"), package)] == [stage["id"]]
    assert gate.is_invisible(package, "1.0.0")
    assert gate.approve(gate.user("rita"), gate.stages(gate.user("rita"), package)[0]["id"]).ok


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_held_answer_wait_ends_with_the_decision(decision, new_gate, client, tmp_path):
    gate = new_gate(packages=[{"held_answer": "wait"}])
    package = packages.unique("patient")
    folder = packages.write_package(tmp_path / "source", package)
    publisher = client("npm12", gate.url, gate.user("alice").token)
    runs = []
    waiting = threading.Thread(target=lambda: runs.append(publisher.publish(folder, expect=None)))
    waiting.start()
    stage = wait_until(lambda: gate.stages(gate.user("rita"), package), 20, "the release to be held")[0]["id"]
    getattr(gate, decision)(gate.user("rita"), stage)
    waiting.join()
    assert (runs[0].code == 0) == (decision == "approve"), runs[0]
    assert gate.is_invisible(package, "1.0.0") == (decision == "reject")
