"""`audit signatures`: keys, signatures and attestations of upstreams passed on untouched, our own beside them."""

import base64
import hashlib
import json
import subprocess

import pytest

from support import clients, http, packages
from support.scripted_upstream import Reply
from support.tools import ROOT

KEYS = "/-/npm/v1/keys"
RULES = [{"match": "@own/*", "read": "local", "publish": "local"}, {"match": "**"}]


class Signer:
    """An upstream's key, made and used by openssl."""

    def __init__(self, folder):
        self.key = folder / "upstream-key.pem"
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        self.spki = self.openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")
        self.id = "SHA256:" + base64.b64encode(hashlib.sha256(self.spki).digest()).decode().rstrip("=")

    @staticmethod
    def openssl(*arguments, stdin=b""):
        return subprocess.run(["openssl", *map(str, arguments)], input=stdin, check=True, capture_output=True).stdout

    def document(self):
        kind = "ecdsa-sha2-nistp256"
        return {"keys": [{"expires": None, "keyid": self.id, "keytype": kind, "scheme": kind,
                          "key": base64.b64encode(self.spki).decode()}]}

    def dist(self, name, version, data):
        text = f"{name}@{version}:{packages.integrity(data)}".encode()
        sig = base64.b64encode(self.openssl("dgst", "-sha256", "-sign", self.key, stdin=text)).decode()
        return {"integrity": packages.integrity(data), "shasum": packages.shasum(data),
                "signatures": [{"keyid": self.id, "sig": sig}]}


@pytest.fixture
def signer(tmp_path):
    return Signer(tmp_path)


@pytest.fixture
def gate(scripted_upstream, new_gate):
    return new_gate(upstream=scripted_upstream, packages=RULES)


def get(gate, path, **headers):
    return http.get(gate.url + path, token=gate.user("bob").token, headers=headers)


def release(gate, name):
    assert gate.approve(gate.user("rita"), gate.hold(gate.user("alice"), name)).ok


def project_with(gate, upstream, signer, client, folder, sabotage=lambda dist: dist):
    """Our package and a signed one of the upstream, installed by npm and by pnpm."""
    theirs, ours = packages.unique("theirs"), "@own/" + packages.unique("ours")
    data = packages.package_tarball(theirs)
    upstream.add(theirs, "1.0.0", data)
    upstream.documents[theirs]["versions"]["1.0.0"]["dist"].update(sabotage(signer.dist(theirs, "1.0.0", data)))
    upstream.script("GET", KEYS, *[Reply(200, signer.document())] * 9)
    release(gate, ours)
    project = clients.project(folder / "project")
    runner = client("pnpm12", gate.url, gate.user("bob").token)
    runner.install(project, f"{theirs}@1.0.0", f"{ours}@1.0.0")
    return project, runner


def test_pnpm_verifies_theirs_and_ours(gate, scripted_upstream, signer, client, tmp_path):
    project, pnpm = project_with(gate, scripted_upstream, signer, client, tmp_path)
    shown = pnpm.run("audit", "signatures", cwd=project).text
    assert "2" in shown and "invalid" not in shown and "missing" not in shown, shown


@pytest.mark.parametrize("fault, word", [
    (lambda dist: {**dist, "signatures": []}, "missing"),
    (lambda dist: {**dist, "signatures": [{**dist["signatures"][0], "sig": base64.b64encode(b"no").decode()}]},
     "invalid")])
def test_pnpm_tells_of_the_missing_and_the_forged(fault, word, gate, scripted_upstream, signer, client, tmp_path):
    project, pnpm = project_with(gate, scripted_upstream, signer, client, tmp_path, fault)
    assert word in pnpm.run("audit", "signatures", cwd=project, expect="failure").text


@pytest.mark.parametrize("name", ["npm11", "npm12"])
@pytest.mark.parametrize("fault", [None, "signature", "attestation"])
def test_npm_verifies_signatures_and_attestations(fault, name, gate, scripted_upstream, signer, client, tmp_path):
    theirs, ours = packages.unique("theirs"), "@own/" + packages.unique("ours")
    data = packages.package_tarball(theirs)
    bundle, _ = packages.attestation(tmp_path / "lab", theirs, "1.0.0", b"other" if fault == "attestation" else data,
                                     "git+https://git.team.example/x.git")
    add_attested(scripted_upstream, theirs)
    dist = signer.dist(theirs, "1.0.0", b"other" if fault == "signature" else data)
    scripted_upstream.documents[theirs]["versions"]["1.0.0"]["dist"]["signatures"] = dist["signatures"]
    path = f"/-/npm/v1/attestations/{theirs}@1.0.0"
    attestations = {"attestations": [{"predicateType": "https://slsa.dev/provenance/v1", "bundle": bundle}]}
    scripted_upstream.script("GET", path, Reply(200, attestations))
    scripted_upstream.script("GET", KEYS, Reply(200, signer.document()))
    release(gate, ours)
    project = clients.project(tmp_path / "project")
    npm = client(name, gate.url, gate.user("bob").token)
    npm.install(project, f"{theirs}@1.0.0", f"{ours}@1.0.0")
    env = {"NODE_OPTIONS": f"--require {ROOT / 'tests/support/stub_tuf.cjs'}"}
    audited = npm.run("audit", "signatures", cwd=project, env=env, expect="failure" if fault else 0)
    if not fault:
        assert "2 packages have verified registry signatures" in audited.text, audited
        assert "1 package has a verified attestation" in audited.text, audited
    else:
        words = {"signature": "invalid registry signature", "attestation": "doesn't match what was signed"}
        assert words[fault] in audited.text, audited
    assert len(scripted_upstream.seen("GET", path)) == (0 if fault == "signature" else 1)


def test_our_own_signature_is_right_and_lasts(gate, scripted_upstream, tmp_path):
    name = "@own/" + packages.unique("signed")
    assert get(gate, KEYS).status == 404  # nobody has any
    assert http.get(gate.url + KEYS).status == 401
    release(gate, name)
    (key,) = get(gate, KEYS).json()["keys"]
    document = get(gate, "/" + packages.escaped(name))
    dist = document.json()["versions"]["1.0.0"]["dist"]
    (signature,) = dist["signatures"]
    assert signature["keyid"] == key["keyid"] and key["expires"] is None
    (tmp_path / "spki").write_bytes(base64.b64decode(key["key"]))
    (tmp_path / "sig").write_bytes(base64.b64decode(signature["sig"]))
    Signer.openssl("dgst", "-sha256", "-verify", tmp_path / "spki", "-keyform", "DER", "-signature", tmp_path / "sig",
                   stdin=f"{name}@1.0.0:{dist['integrity']}".encode())
    gate.restart()
    assert get(gate, KEYS).json()["keys"] == [key]
    assert get(gate, "/" + packages.escaped(name)).headers["etag"] == document.headers["etag"]


def test_a_publisher_signs_nothing_in_our_name(gate):
    name = "@own/" + packages.unique("forged")
    data = packages.package_tarball(name)
    forged = {"integrity": packages.integrity(data), "shasum": packages.shasum(data),
              "tarball": f"{gate.url}/x.tgz", "signatures": [{"keyid": "SHA256:forged", "sig": "x"}],
              "attestations": {"url": "https://evil.example/", "provenance": {"predicateType": "x"}}}
    user = {"name": "rita", "trustedPublisher": {"id": "ci"}}
    stage = gate.hold(gate.user("alice"), name, data=data, fields={"dist": forged, "_npmUser": user})
    assert gate.approve(gate.user("rita"), stage).ok
    shown = get(gate, "/" + packages.escaped(name)).json()["versions"]["1.0.0"]
    assert "SHA256:forged" not in str(shown) and "attestations" not in shown["dist"]
    assert shown["_npmUser"] == {"name": "alice"}


def test_keys_are_kept_and_outlive_the_upstream(gate, scripted_upstream, signer):
    scripted_upstream.script("GET", KEYS, Reply(200, signer.document()))
    first = get(gate, KEYS)
    assert first.json() == signer.document()
    assert get(gate, KEYS, **{"if-none-match": first.headers["etag"]}).status == 304
    head = http.request("HEAD", gate.url + KEYS, token=gate.user("bob").token)
    assert head.status == 200 and head.body == b"" and head.headers["content-length"] == str(len(first.body))
    assert len(scripted_upstream.seen("GET", KEYS)) == 1


@pytest.mark.parametrize("reply", [Reply(500, {}), Reply(200, b"nonsense"), Reply(200, {"keys": 1})])
def test_unreadable_keys_are_not_no_keys(reply, gate, scripted_upstream):
    """Without them every version that they signed would pass for forged."""
    scripted_upstream.script("GET", KEYS, reply)
    release(gate, "@own/" + packages.unique("own"))
    answer = get(gate, KEYS)
    assert answer.status in (502, 503) and answer.error


ATTESTATIONS = {"attestations": [{"predicateType": "https://slsa.dev/provenance/v1", "bundle": {"x": 1}}]}


def add_attested(upstream, name, version="1.0.0", url="http://127.0.0.1:1/steal"):
    upstream.add(name, version, packages.package_tarball(name, version))
    upstream.documents[name]["versions"][version]["dist"]["attestations"] = {
        "url": url, "provenance": {"predicateType": "https://slsa.dev/provenance/v1"}}


def test_attestations(gate, scripted_upstream):
    """Asked at the origin, at the place that is its own whatever the packument says, and kept."""
    name = "@acme/" + packages.unique("attested")
    add_attested(scripted_upstream, name)
    path = f"/-/npm/v1/attestations/{packages.escaped(name)}@1.0.0"
    scripted_upstream.script("GET", path, Reply(200, ATTESTATIONS))
    url = get(gate, "/" + name).json()["versions"]["1.0.0"]["dist"]["attestations"]["url"]
    assert url == f"{gate.url}/-/npm/v1/attestations/{name}@1.0.0"
    answers = [http.get(where, token=gate.user("bob").token) for where in
               (url, gate.url + path, f"{gate.url}/-/npm/v1/attestations/{name.replace('/', '%2F')}@1.0.0")]
    assert [answer.json() for answer in answers] == [ATTESTATIONS] * 3
    assert len(scripted_upstream.seen("GET", path)) == 1
    assert get(gate, path, **{"if-none-match": answers[0].headers["etag"]}).status == 304
    assert http.request("HEAD", gate.url + path, token=gate.user("bob").token).status == 200


def test_attestations_that_nobody_is_asked_for(gate, scripted_upstream):
    plain, ours = packages.unique("plain"), "@own/" + packages.unique("own")
    scripted_upstream.add(plain, "1.0.0", packages.package_tarball(plain))
    release(gate, ours)
    for spec in (f"{plain}@1.0.0", f"{plain}@2.0.0", f"{plain}@latest", f"{packages.escaped(ours)}@1.0.0", "no-such@1.0.0"):
        assert get(gate, f"/-/npm/v1/attestations/{spec}").status == 404, spec
    for spec in ("plain", "@1.0.0", "..@1.0.0", "a/b/c@1.0.0", f"{plain}@", f"{plain}@1.0.0%3fx", f"{plain}@1.0.0/..",
                 f"{plain}@1.0.0/more", "@own%2f..@1.0.0"):
        answer = get(gate, f"/-/npm/v1/attestations/{spec}")
        assert answer.status in (400, 404) and answer.error, spec
    assert scripted_upstream.seen("GET", "/-/npm/v1/attestations/.*") == []


def test_denied_versions_have_no_attestations(scripted_upstream, new_gate, tmp_path):
    name = packages.unique("denied")
    for version in ("1.0.0", "1.1.0"):
        add_attested(scripted_upstream, name, version)
    gate = new_gate(upstream=scripted_upstream, packages=RULES, policy={"deny": [f"{name}@1.1.0"]})
    scripted_upstream.script("GET", ".*/attestations/.*", *[Reply(200, ATTESTATIONS)] * 2)
    assert get(gate, f"/-/npm/v1/attestations/{name}@1.0.0").json() == ATTESTATIONS
    refused = get(gate, f"/-/npm/v1/attestations/{name}@1.1.0")
    assert refused.status == 403 and refused.error
    assert len(scripted_upstream.seen("GET", ".*/attestations/.*")) == 1
    status = get(gate, f"/-/package/{name}/version/1.1.0/status").json()
    assert status["status"] == "published" and status["visibility"] == "denied" and status["reason"]
    assert get(gate, f"/-/package/{name}/version/1.0.0/status").json()["visibility"] == "visible"
    assert get(gate, f"/-/package/{name}/version/9.0.0/status").json()["status"] == "absent"


def test_status_of_what_cannot_be_known(gate, scripted_upstream):
    scripted_upstream.stop()
    answer = get(gate, "/-/package/never-seen/version/1.0.0/status")
    assert answer.status == 503 and answer.error
