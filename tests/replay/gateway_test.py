"""Incidents that no scan of a tarball can see: the gate itself stands in the way."""

from support import http, packages


def test_left_pad_nobody_takes_a_package_away(scripted_upstream, new_gate):
    name, data = packages.unique("left-pad"), packages.package_tarball("left-pad")
    scripted_upstream.add(name, "1.0.0", data)
    gate = new_gate(upstream=scripted_upstream)
    path = f"{gate.url}/{packages.escaped(name)}"
    tarball = f"{path}/-/{name}-1.0.0.tgz"
    assert http.get(tarball, token=gate.user("bob").token).body == data

    # Through the gate: refused, whoever asks, and the upstream hears nothing of it.
    for user in ("alice", "rita", "root"):
        answer = http.delete(f"{path}/-rev/1-abc", token=gate.user(user).token)
        assert answer.status in (403, 405), answer.body
    assert not scripted_upstream.writes()

    # Past the gate, at the upstream: what was installed once goes on being installed.
    scripted_upstream.documents.clear()
    scripted_upstream.tarballs.clear()
    assert http.get(tarball, token=gate.user("bob").token).body == data


def test_dependency_confusion_a_name_has_one_origin(scripted_upstream, new_gate):
    name = packages.unique("acme-internal")
    own, planted = packages.package_tarball(name), packages.package_tarball(name, "99.0.1", scripts={"preinstall": "node x.js"})
    scripted_upstream.add(name, "99.0.1", planted)
    gate = new_gate(upstream=scripted_upstream, packages=[{"match": "acme-*", "read": "local", "publish": "local"},
                                                          {"match": "**"}])
    stage = gate.hold(gate.user("alice"), name, data=own)
    assert gate.approve(gate.user("rita"), stage).ok
    document = gate.packument(name, gate.user("bob"))
    assert list(document["versions"]) == ["1.0.0"] and document["dist-tags"] == {"latest": "1.0.0"}
    assert http.get(f"{gate.url}/{name}/-/{name}-99.0.1.tgz", token=gate.user("bob").token).status == 404
    assert not [request for request in scripted_upstream.seen() if "acme-internal" in request.path]
