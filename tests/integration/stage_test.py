"""A reviewer's tools: npm's stage commands, and pnpm's and Yarn's, on a gateway that never heard of them."""

import json
import re

import pytest

from support import clients, http, packages

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
STAGERS = ["npm11", "npm12", "pnpm12", "berry"]


def stage_command(client, *arguments, **how):
    return client.run(*(("npm", "stage") if client.name == "berry" else ("stage",)), *arguments, **how)


def stage_publish(client, folder):
    if client.name == "berry":
        client.prepare(folder, {})
        return client.run("npm", "publish", "--staged", cwd=folder)
    return client.run("stage", "publish", *(["--no-git-checks"] if client.name == "pnpm12" else []), cwd=folder)


@pytest.mark.parametrize("name", STAGERS)
def test_stage_publish_list_approve(name, gate, client, record, tmp_path):
    package = "@acme/" + packages.unique("staged")
    registry = record(gate.url)
    run = stage_publish(client(name, registry.url, gate.user("alice").token),
                        packages.write_package(tmp_path / "source", package))
    stage = gate.stage_of(gate.user("rita"), package, "1.0.0")["id"]
    assert re.fullmatch(UUID, stage)
    if name != "berry":
        assert stage in run.text, run

    reviewer = client(name, gate.url, gate.user("rita").token)
    listed = stage_command(reviewer, "list", package)
    assert package in listed.text and "1.0.0" in listed.text, listed
    stage_command(reviewer, "approve", stage)
    assert gate.arrived(package, "1.0.0") == registry.packed()
    # A repeated approval is harmless: clients send it again when an answer is lost.
    assert gate.approve(gate.user("rita"), stage).ok
    if gate.upstream:
        assert gate.upstream.versions(package) == ["1.0.0"]


@pytest.mark.parametrize("name", ["npm11", "npm12", "pnpm12"])
def test_view_and_download(name, gate, client, tmp_path):
    package = packages.unique("viewed")
    data = packages.package_tarball(package)
    stage = gate.hold(gate.user("alice"), package, data=data)
    reviewer = client(name, gate.url, gate.user("rita").token)
    viewed = stage_command(reviewer, "view", stage)
    for word in (package, "1.0.0", "alice", "latest"):
        assert word in viewed.text, viewed
    assert "[object Object]" not in viewed.text
    stage_command(reviewer, "download", stage, cwd=tmp_path)
    (fetched,) = tmp_path.glob("*.tgz")
    assert fetched.read_bytes() == data


def test_items_are_flat_and_private_to_those_concerned(gate):
    package = packages.unique("flat")
    stage = gate.hold(gate.user("alice"), package)
    item = gate.stage_of(gate.user("rita"), package, "1.0.0")
    assert item["id"] == stage and item["actorType"] == "user"
    assert all(isinstance(value, (str, int, float, bool, type(None))) for value in item.values()), item
    for user, status in (("alice", 200), ("rita", 200), ("root", 200), ("bob", (403, 404))):
        for path in ("", "/tarball", "/report"):
            answer = http.get(f"{gate.url}/-/stage/{stage}{path}", token=gate.user(user).token)
            assert answer.status in (status if isinstance(status, tuple) else (status,)), (user, path, answer)
    for path in ("", "/tarball", "/report"):
        assert http.get(f"{gate.url}/-/stage/{stage}{path}").status == 401
    assert gate.stages(gate.user("bob"), package) == []


@pytest.mark.parametrize("name", STAGERS)
def test_reject(name, gate, client, tmp_path):
    package = packages.unique("rejected")
    stage = gate.hold(gate.user("alice"), package)
    reviewer = client(name, gate.url, gate.user("rita").token)
    stage_command(reviewer, "reject", stage)
    assert gate.is_invisible(package, "1.0.0")
    assert gate.stages(gate.user("rita"), package) == []
    # DELETE is repeated by clients after a lost answer.
    assert gate.reject(gate.user("rita"), stage).ok
    late = gate.approve(gate.user("rita"), stage)
    assert 400 <= late.status < 500 and late.error
    assert gate.is_invisible(package, "1.0.0")


@pytest.mark.parametrize("name", STAGERS)
def test_nobody_approves_their_own_release(name, gate, client):
    """Whatever the token or role: by identity."""
    package = packages.unique("own")
    stage = gate.hold(gate.user("alice"), package)
    run = stage_command(client(name, gate.url, gate.user("alice").token), "approve", stage, expect="failure")
    assert "403" in run.text or "own" in run.text, run
    assert gate.is_invisible(package, "1.0.0")


def test_self_approval_with_every_role(new_gate):
    gate = new_gate()
    chief = gate.add_user("chief", groups=["engineers", "release"], admin=True)
    package = packages.unique("own")
    stage = gate.hold(chief, package)
    for token in (chief.token, gate.create_token("chief")):
        answer = http.post(f"{gate.url}/-/stage/{stage}/approve", token=token)
        assert answer.status == 403 and answer.error
    assert gate.is_invisible(package, "1.0.0")
    assert gate.approve(gate.user("rita"), stage).ok


def test_who_may_not_decide(new_gate):
    gate = new_gate()
    package = packages.unique("robot")
    robot = gate.add_user("robot", groups=["engineers", "release"], service=True)
    stage = gate.hold(gate.user("alice"), package)
    readonly = gate.create_token("rita", "--read-only")
    for token in (robot.token, gate.user("bob").token, readonly, None, "not-a-token"):
        for method, path in (("POST", "/approve"), ("DELETE", "")):
            answer = http.request(method, f"{gate.url}/-/stage/{stage}{path}", b"", token=token)
            assert answer.status in (401, 403, 404) and answer.error, (method, token, answer)
    assert gate.is_invisible(package, "1.0.0")
    assert gate.stage_of(gate.user("rita"), package, "1.0.0")["id"] == stage
    # A service identity can stage.
    assert gate.hold(robot, packages.unique("robot"))


def test_a_quorum_of_two(new_gate, client):
    gate = new_gate(packages=[{"approvals": 2}])
    package = packages.unique("quorum")
    stage = gate.hold(gate.user("alice"), package)
    short = client("npm11", gate.url, gate.user("rita").token).run("stage", "approve", stage, expect="failure")
    assert "409" in short.text and "1" in short.text, short
    again = gate.approve(gate.user("rita"), stage)  # one person is one approval
    assert again.status == 409 and again.error
    assert gate.is_invisible(package, "1.0.0")
    client("npm11", gate.url, gate.user("rolf").token).run("stage", "approve", stage)
    assert not gate.is_invisible(package, "1.0.0")


def test_no_approval_needed_for_a_clean_release(new_gate):
    gate = new_gate(packages=[{"approvals": 0}])
    package = packages.unique("clean")
    answer = gate.publish(gate.user("alice"), package, "1.0.0", packages.package_tarball(package))
    assert answer.ok and "error" not in answer.json()
    assert gate.status(gate.user("alice"), package, "1.0.0") == "published"
    noticed = packages.unique("clean")
    held = gate.publish(gate.user("alice"), noticed, "1.0.0",
                        packages.package_tarball(noticed, files={"CLAUDE.md": "notes\n"}))
    assert held.status == 202 and gate.is_invisible(noticed, "1.0.0")


def test_warnings_must_be_acknowledged(gate):
    package = packages.unique("warned")
    data = packages.package_tarball(package, files={"CLAUDE.md": "notes\n", "index.js": "module.exports = 1;\n"})
    stage = gate.hold(gate.user("alice"), package, data=data)
    refused = gate.approve(gate.user("rita"), stage)
    assert refused.status == 409 and "leak/ai-state" in refused.error
    report = http.get(f"{gate.url}/-/stage/{stage}/report", token=gate.user("rita").token).json()
    assert report["verdict"] == "hold"
    warned = [finding for finding in report["findings"] if finding["action"] == "warn"]
    assert "leak/ai-state" in [finding["rule"] for finding in warned]
    answer = http.post(f"{gate.url}/-/stage/{stage}/decisions",
                       {"decision": "acknowledge", "findings": [finding["fingerprint"] for finding in warned],
                        "reason": "meant to ship"}, token=gate.user("rita").token)
    assert answer.ok, answer.body
    assert gate.approve(gate.user("rita"), stage).ok
    assert gate.arrived(package, "1.0.0") == data


def test_a_hundred_and_one_stages(new_gate, client):
    """Clients page by hundreds, counting from zero, and loop forever on a total that is never reached."""
    gate = new_gate()
    names = sorted(packages.unique("many") for _ in range(101))
    for name in names:
        gate.hold(gate.user("alice"), name)
    listed = json.loads(client("npm11", gate.url, gate.user("rita").token).run("stage", "list", "--json").stdout)
    assert sorted(item["packageName"] for item in listed) == names
    second = http.get(f"{gate.url}/-/stage?page=1&perPage=100", token=gate.user("rita").token).json()
    assert len(second["items"]) == 1 and second["total"] == 101
    # A client that asks for more than a page gets no more than a page.
    assert len(http.get(f"{gate.url}/-/stage?page=0&perPage=5000",
                        token=gate.user("rita").token).json()["items"]) <= 100


def test_the_publisher_withdraws(gate):
    package = packages.unique("withdrawn")
    stage = gate.hold(gate.user("alice"), package)
    assert gate.reject(gate.user("alice"), stage).ok
    assert gate.is_invisible(package, "1.0.0")
    assert 400 <= gate.approve(gate.user("rita"), stage).status < 500
    assert gate.status(gate.user("alice"), package, "1.0.0") in ("absent", "blocked")


def test_held_through_a_restart(new_gate, client, tmp_path):
    gate = new_gate()
    package = packages.unique("kept")
    data = packages.package_tarball(package)
    stage = gate.hold(gate.user("alice"), package, data=data)
    gate.kill()
    gate.start()
    assert gate.is_invisible(package, "1.0.0")
    assert gate.approve(gate.user("rita"), stage).ok
    gate.restart()
    project = clients.project(tmp_path / "project")
    client("npm12", gate.url, gate.user("bob").token).install(project, package)
    assert gate.served_tarball(package, "1.0.0") == data
    assert gate.verify_ledger()
