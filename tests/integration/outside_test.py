"""What the gate asks of others before it judges: the age of dependencies, known malware, and the record of it all."""

import json

import pytest

from support import http, packages
from support.processes import wait_until
from support.scanner import Scanner, rules


def findings(answer):
    return rules(answer.json())


def report_of(gate, user, answer):
    found = http.get(f"{gate.url}/-/stage/{answer.json()['stageId']}/report", token=user.token)
    assert found.status == 200, found.body
    return found.json()


def test_a_young_dependency_that_nothing_imports_is_refused_and_the_evidence_kept(new_gate, verdaccio, tmp_path):
    gate = new_gate(upstream=verdaccio)
    alice, rita = gate.user("alice"), gate.user("rita")
    name, trojan = packages.unique("axioms"), packages.unique("plain-crypto")
    stage = gate.hold(alice, name, "1.14.0")
    assert gate.approve(rita, stage).ok
    gate.wait_status(alice, name, "1.14.0", "published")
    verdaccio.publish(trojan, "4.2.1", packages.package_tarball(trojan, "4.2.1"))

    data = packages.package_tarball(name, "1.14.1", dependencies={trojan: "^4.2.1"})
    refused = gate.publish(alice, name, "1.14.1", data, fields={"dependencies": {trojan: "^4.2.1"}})
    assert refused.status == 403, refused.body
    assert findings(refused)["deps/young"] == "block" and findings(refused)["deps/phantom"] == "block"
    assert "first published" in refused.error and trojan in refused.error

    report = report_of(gate, alice, refused)
    outside = report["context"]["outside"]
    assert outside["dependencies"][trojan]["state"] == "known"
    assert outside["dependencies"][trojan]["resolved"] == "4.2.1"
    assert outside["dependencies"][trojan]["firstPublished"].startswith("20")
    assert outside["origin"]["publisher"] == "alice" and outside["origin"]["path"] == "token"
    assert report["context"]["history"]["baseline"]["origin"]["publisher"] == "alice"

    # The same verdict, offline, from the bytes and the record; and another one without the record.
    (tmp_path / "now.tgz").write_bytes(data)
    (tmp_path / "report.json").write_text(json.dumps(report))
    scanner = Scanner(tmp_path / "scanner")
    again = scanner.report(tmp_path / "now.tgz", "--outside", tmp_path / "report.json")
    assert again["findings"] == report["findings"]
    assert (again["verdict"], again["baseline"], again["policy"]) == ("block", "1.14.0", report["policy"])
    assert "deps/young" not in rules(scanner.report(tmp_path / "now.tgz"))


def test_the_scan_refuses_a_record_that_is_none(tmp_path):
    scanner = Scanner(tmp_path / "scanner")
    (tmp_path / "now.tgz").write_bytes(packages.package_tarball("lib"))
    for text in ("", "[]", "{}", '{"context": 1}', '{"context": {"v": 2}}'):
        (tmp_path / "record.json").write_text(text)
        done = scanner.run(tmp_path / "now.tgz", "--outside", tmp_path / "record.json", expect=2)
        assert "record.json" in done.stderr
    scanner.run(tmp_path / "now.tgz", "--outside", tmp_path / "none.json", expect=2)


def advisory(name):
    return json.dumps({"id": "MAL-2026-1", "summary": "steals tokens",
                       "affected": [{"package": {"ecosystem": "npm", "name": name},
                                     "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]})


@pytest.fixture
def feed(tmp_path):
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "MAL-2026-1.json").write_text(advisory("evil-package"))
    return folder


def depends_on(gate, dependency):
    name = packages.unique("user")
    fields = {"dependencies": {dependency: "1.0.0"}}
    return gate.publish(gate.user("alice"), name, "1.0.0", packages.package_tarball(name, **fields), fields=fields)


def test_known_malware_and_what_the_operator_denies_are_refused(new_gate, feed):
    gate = new_gate(policy={"malware_feed": str(feed), "deny": ["left-pad@<1.3.0", "@bad/thing"]})
    for dependency in ("evil-package", "left-pad", "@bad/thing"):
        refused = depends_on(gate, dependency)
        assert refused.status == 403, (dependency, refused.body)
        assert findings(refused)["deps/known-bad"] == "block"
    assert "MAL-2026-1" in depends_on(gate, "evil-package").error
    assert "deps/known-bad" not in findings(depends_on(gate, "good-package"))


def test_a_feed_is_read_again_while_the_server_runs_and_a_damaged_one_holds_everything(new_gate, feed):
    gate = new_gate(policy={"malware_feed": str(feed)})
    assert "deps/known-bad" not in findings(depends_on(gate, "later-package"))
    (feed / "MAL-2026-2.json").write_text(advisory("later-package"))
    wait_until(lambda: findings(depends_on(gate, "later-package")).get("deps/known-bad") == "block", 30)
    (feed / "damaged.json").write_text("{")
    wait_until(lambda: findings(depends_on(gate, "good-package")).get("deps/known-bad") == "escalate", 30)
    assert any(entry.get("event") == "feed.damaged" for entry in gate.entries())
