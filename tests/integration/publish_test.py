"""The main job with every client: publish, hold, approve, arrive byte for byte, install."""

import hashlib
import json

import pytest

from support import clients, http, packages
from support.scanner import rules
from support.tools import ROOT

REPOSITORY = "https://git.example/acme/lib"
SHOWS_NOTICES = {"npm11", "npm12", "bun", "pnpm10"}  # pnpm10 publishes through npm


@pytest.mark.parametrize("scope", ["", "@acme/"], ids=["plain", "scoped"])
@pytest.mark.parametrize("name", clients.PUBLISHERS)
def test_publish_hold_approve_install(name, scope, gate, record, client, tmp_path):
    package = scope + packages.unique(name)
    folder = packages.write_package(tmp_path / "source", package)
    registry = record(gate.url)
    run = client(name, registry.url, gate.user("alice").token).publish(folder)
    if name in SHOWS_NOTICES:
        assert "held" in run.text, run

    # Held: one publish on the wire, nothing visible, nothing upstream.
    assert len(registry.publishes()) == 1
    assert gate.is_invisible(package, "1.0.0")
    stage = gate.stage_of(gate.user("rita"), package, "1.0.0")
    assert (stage["packageName"], stage["tag"], stage["actor"]) == (package, "latest", "alice")
    sent = registry.packed()
    assert stage["shasum"] == packages.shasum(sent)
    assert gate.status(gate.user("alice"), package, "1.0.0") == "staged"

    client("npm11", gate.url, gate.user("rita").token).run("stage", "approve", stage["id"])

    assert gate.arrived(package, "1.0.0") == sent
    assert gate.served_tarball(package, "1.0.0") == sent
    assert gate.status(gate.user("alice"), package, "1.0.0") == "published"
    project = clients.project(tmp_path / "project")
    client(name, gate.url, gate.user("bob").token).install(project, f"{package}@1.0.0")
    assert clients.installed(project, package)["version"] == "1.0.0"


def approve(gate, package, version):
    stage = gate.stage_of(gate.user("rita"), package, version)
    answer = gate.approve(gate.user("rita"), stage["id"])
    assert answer.ok, answer.body


@pytest.mark.parametrize("name", ["npm11", "npm12"])
def test_tags_move_only_with_the_approved_release(name, gate, client, tmp_path):
    package = packages.unique("tagged")
    npm = client(name, gate.url, gate.user("alice").token)
    npm.publish(packages.write_package(tmp_path / "1", package, "1.0.0"))
    approve(gate, package, "1.0.0")
    npm.publish(packages.write_package(tmp_path / "2", package, "1.1.0"), "--tag", "beta")
    npm.publish(packages.write_package(tmp_path / "3", package, "2.0.0-rc.1"), "--tag", "next")
    assert gate.packument(package, gate.user("bob"))["dist-tags"] == {"latest": "1.0.0"}
    approve(gate, package, "1.1.0")
    approve(gate, package, "2.0.0-rc.1")
    tags = {"latest": "1.0.0", "beta": "1.1.0", "next": "2.0.0-rc.1"}
    assert gate.packument(package, gate.user("bob"))["dist-tags"] == tags
    if gate.upstream:
        assert gate.upstream.packument(package)["dist-tags"] == tags


@pytest.mark.parametrize("way", ["upstream", "local"])
def test_provenance_file_arrives_untouched(way, scripted_upstream, new_gate, record, client, tmp_path):
    """The upstream is a scripted one: Verdaccio refuses a second attachment."""
    gate = new_gate(upstream=scripted_upstream if way == "upstream" else None)
    package = "@acme/" + packages.unique("proven")
    folder = packages.write_package(tmp_path / "source", package, repository=REPOSITORY)
    registry = record(gate.url)
    npm = client("npm11", registry.url, gate.user("alice").token)
    bundle, _ = packages.attestation(tmp_path, package, "1.0.0", npm.pack(folder), REPOSITORY)
    # What nobody reads travels too.
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = "ü"
    (tmp_path / "bundle.json").write_text(json.dumps(bundle, ensure_ascii=False))
    npm.publish(folder, "--provenance-file", tmp_path / "bundle.json",
                env={"NODE_OPTIONS": f"--require {ROOT / 'tests/support/stub_sigstore.cjs'}"})
    (document,) = registry.publishes()
    sent = document["_attachments"][f"{package}-1.0.0.sigstore"]
    assert json.loads(sent["data"]) == bundle

    approve(gate, package, "1.0.0")
    if way == "upstream":
        (forwarded,) = [request.json() for request in scripted_upstream.writes()]
        assert forwarded["_attachments"][f"{package}-1.0.0.sigstore"] == sent
        assert packages.tarball_of(forwarded) == registry.packed()
    assert gate.arrived(package, "1.0.0") == registry.packed()


def test_provenance_is_verified_against_the_operators_trust_root(new_gate, tmp_path):
    name = packages.unique("proven")
    data = packages.package_tarball(name, "1.0.0", repository=REPOSITORY)
    bundle, root = packages.attestation(tmp_path, name, "1.0.0", data, REPOSITORY)
    gate = new_gate(policy={"trust_root": str(root)})
    alice, fields = gate.user("alice"), {"repository": REPOSITORY}
    held = gate.publish(alice, name, "1.0.0", data, fields=fields, provenance=bundle)
    assert held.status == 202, held.body
    assert "origin/provenance-invalid" not in rules(held.json())

    # Of the right bytes, and by somebody else.
    stranger, _ = packages.attestation(tmp_path / "other", name, "1.0.0", data, REPOSITORY)
    refused = gate.publish(alice, name, "1.0.0", data, fields=fields, provenance=stranger)
    assert refused.status == 403, refused.body
    assert rules(refused.json())["origin/provenance-invalid"] == "block"
    assert "trust root" in refused.error


def test_only_dist_tarball_is_rewritten(verdaccio, new_gate, record, client, tmp_path):
    wire = record(verdaccio.url)

    class Upstream:
        url, token = wire.url, verdaccio.token

    gate = new_gate(upstream=Upstream)
    package = "@acme/" + packages.unique("exact")
    registry = record(gate.url)
    folder = packages.write_package(tmp_path / "source", package, "1.2.3", bin="index.js", keywords=["a", "ü"])
    client("npm12", registry.url, gate.user("alice").token).publish(folder, "--access", "public", "--tag", "beta")
    approve(gate, package, "1.2.3")
    (sent,), (forwarded,) = registry.publishes(), wire.publishes()
    where = forwarded["versions"]["1.2.3"]["dist"].pop("tarball")
    sent["versions"]["1.2.3"]["dist"].pop("tarball")
    # In npm's own form, which has the scope twice; the registry makes its own of it.
    assert where == f"{wire.url}/{package}/-/{package}-1.2.3.tgz"
    assert forwarded["versions"] == sent["versions"]
    assert (forwarded["dist-tags"], forwarded["access"]) == ({"beta": "1.2.3"}, "public")
    assert packages.tarball_of(forwarded) == packages.tarball_of(sent)
    asked = [exchange for exchange in wire.exchanges if exchange.method == "PUT"]
    assert [exchange.headers["authorization"] for exchange in asked] == [f"Bearer {verdaccio.token}"]
    assert gate.user("alice").token not in str(wire.exchanges)


def test_publishing_again(gate, client, tmp_path):
    """The same bytes are the same stage; other bytes supersede, somebody else's are a conflict."""
    package = packages.unique("again")
    first, second = (packages.package_tarball(package, files={"index.js": f"module.exports = {n};\n"}) for n in (1, 2))
    alice, bob, rita = (gate.user(name) for name in ("alice", "bob", "rita"))
    stage = gate.hold(alice, package, data=first)
    assert gate.hold(alice, package, data=first) == stage
    refused = gate.publish(bob, package, "1.0.0", second)
    assert refused.status == 409 and refused.error
    newer = gate.hold(alice, package, data=second)
    assert newer != stage
    late = gate.approve(rita, stage)
    assert 400 <= late.status < 500 and late.error
    assert gate.is_invisible(package, "1.0.0")
    assert gate.approve(rita, newer).ok
    assert gate.served_tarball(package, "1.0.0") == second
    taken = gate.publish(alice, package, "1.0.0", first)
    assert taken.status in (403, 409) and taken.error
    assert gate.served_tarball(package, "1.0.0") == second


def test_a_leak_is_refused_with_every_reason(gate, client, tmp_path):
    package = packages.unique("leaky")
    source_map = {"version": 3, "sources": ["../src/a.ts"], "sourcesContent": ["let secret = 1\n"], "mappings": "AAAA"}
    folder = packages.write_package(tmp_path / "source", package,
                                    files={"lib/a.js": "a\n", "lib/a.js.map": json.dumps(source_map),
                                           "lib/.env": "PASSWORD=hunter2\n"})
    for name in ("npm11", "npm12", "pnpm12", "yarn1", "berry", "bun"):
        run = client(name, gate.url, gate.user("alice").token).publish(folder, expect="failure")
        assert "a.js.map" in run.text and ".env" in run.text, run
        if name in ("npm11", "npm12"):
            said = [line for line in run.text.splitlines() if line.startswith("npm error 403 ")][1:-1]
            for reason in (f"{package}@1.0.0 is refused: 3 findings.", "leak/secret-file: package/lib/.env",
                           "  the file holds environment variables of a deployment",
                           '  Fix: Leave the file out of "files"', "leak/source-map-sources: package/lib/a.js.map",
                           "  source map carries the text of 1 of your files (1 line)", "  Fix: Build with source maps off"):
                assert reason in run.text, run
            assert len(said) > 10 and max(map(len, said)) <= len("npm error 403 ") + 76, run
        if name == "pnpm12":  # prints the body: what a person reads is first
            assert run.text.index("is refused: 3") < run.text.index("stageId"), run
    assert gate.stages(gate.user("root"), package) == []
    assert gate.is_invisible(package, "1.0.0")


@pytest.mark.parametrize("name", clients.PUBLISHERS)
def test_no_right_to_publish(name, gate, client, tmp_path):
    """Nobody, a reader, and a reviewer who is no publisher."""
    package = packages.unique("nobody")
    folder = packages.write_package(tmp_path / "source", package)
    readonly = gate.create_token("alice", "--read-only")
    for token in ("not-a-token", readonly, gate.user("rita").token):
        run = client(name, gate.url, token).publish(folder, expect="failure")
        assert "success" not in run.text.lower(), run
    assert gate.stages(gate.user("root"), package) == []


def test_a_large_package_within_every_clients_patience(gate, record, client, tmp_path):
    """Yarn classic gives up after 30 s."""
    package = packages.unique("large")
    noise = hashlib.shake_256(b"large").digest(24 << 20)
    folder = packages.write_package(tmp_path / "source", package,
                                    files={f"lib/{part}.bin": noise[part << 22:(part + 1) << 22] for part in range(6)})
    registry = record(gate.url)
    client("yarn1", registry.url, gate.user("alice").token).publish(folder, seconds=60)
    stage = gate.stage_of(gate.user("rita"), package, "1.0.0")
    answer = gate.approve(gate.user("rita"), stage["id"])
    if answer.status == 409:  # findings to acknowledge
        pytest.fail(answer.error)
    assert gate.arrived(package, "1.0.0") == registry.packed()


def test_a_wrong_digest_leaves_nothing(gate):
    package = packages.unique("wrong")
    data = packages.package_tarball(package)
    for dist in ({"integrity": packages.integrity(b"other")}, {"shasum": packages.shasum(b"other")}):
        document = packages.publish_document(package, "1.0.0", data)
        document["versions"]["1.0.0"]["dist"].update(dist)
        answer = http.put(f"{gate.url}/{package}", document, token=gate.user("alice").token)
        assert 400 <= answer.status < 500 and answer.error
    assert gate.stages(gate.user("root"), package) == []
