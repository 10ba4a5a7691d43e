"""`sallyport policy`, and what becomes of a policy when the server starts."""

import json
import re
import subprocess

import pytest

from support import packages
from support.tools import ROOT, gateway_binary

MAP = '{"version":3,"sources":[],"mappings":""}'


@pytest.fixture
def run(tmp_path):
    def command(*arguments, expect=0, cwd=tmp_path):
        done = subprocess.run([gateway_binary(), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done
    return command


def test_check_names_every_mistake_and_what_has_no_effect(run, tmp_path):
    (tmp_path / "bad.toml").write_text('[rules]\n"leak/sorce-map" = "off"\n[limits]\ndepth = 1\n')
    said = run("policy", "check", "bad.toml", expect=2).stderr
    assert 'bad.toml:2: unknown rule "leak/sorce-map"; did you mean "leak/source-map"?' in said
    assert "bad.toml:4: unknown key" in said
    (tmp_path / "good.toml").write_text('[rules]\n"size/jump" = "off"\n[thresholds]\njump_factor = 2\n')
    done = run("policy", "check", "good.toml")
    assert "in order (good.toml): 1 rule off" in done.stdout
    assert "jump_factor is read by nothing" in done.stderr
    assert "cannot be read" in run("policy", "check", "absent.toml", expect=2).stderr
    assert "without a policy file" in run("policy", "check").stdout
    (tmp_path / "far.toml").write_text('secret_rules = ["absent.toml"]\n')
    assert "far.toml:1: the file" in run("policy", "check", "far.toml", expect=2).stderr


def test_the_example_is_in_order(run):
    assert "in order" in run("policy", "check", ROOT / "deploy/policy.example.toml").stdout


def test_the_configuration_is_checked_with_its_policy(run, tmp_path):
    (tmp_path / "sallyport.toml").write_text(
        '[[packages]]\nmatch = "@acme/*"\nread = "local"\n[[packages]]\nmatch = "@acme/lib-*"\nread = "local"\n'
        '[[packages]]\nmatch = "**"\nread = "local"\n[policy]\nfile = "policy.toml"\n')
    (tmp_path / "policy.toml").write_text('[rules]\n"leak/nothing" = "off"\n')
    said = run("config", "check", "--config", "sallyport.toml", expect=2).stderr
    assert 'policy.toml:2: unknown rule "leak/nothing"' in said
    (tmp_path / "policy.toml").write_text("")
    said = run("config", "check", "--config", "sallyport.toml")
    assert "in order" in said.stdout
    assert 'rule for "@acme/lib-*" can never match: the one for "@acme/*" stands before it.' in said.stderr
    assert '"**"' not in said.stderr


def test_explain_says_why_what_to_do_and_what_is_in_force(run, tmp_path):
    (tmp_path / "policy.toml").write_text('[profiles.open.rules]\n"size/jump" = "off"\n[thresholds]\njump_factor = 2\n'
                                          '[[paths]]\nmatch = "test/**"\nrules = { "size/file" = "note" }\n')
    said = run("policy", "explain", "size/jump", "--policy", "policy.toml").stdout
    for words in ("size/jump: ", "why  ", "fix  ", "warn; escalate", "in force (policy.toml)", "jump_factor = 2",
                  "as shipped: 1.5"):
        assert words in said, said
    assert [line.split()[-1] for line in said.splitlines() if line.startswith("  open")] == ["off"]
    assert "note for files test/**" in run("policy", "explain", "size/file", "--policy", "policy.toml").stdout
    everything = run("policy", "explain").stdout
    assert "leak/source-map " in everything and "origin" in run("policy", "reference").stdout
    assert "did you mean" in run("policy", "explain", "size/jmp", expect=2).stderr


def test_diff_says_what_is_judged_otherwise(run, tmp_path):
    (tmp_path / "a.toml").write_text("")
    (tmp_path / "b.toml").write_text('[profiles.open.rules]\n"size/count" = "off"\n[thresholds]\njump_factor = 2\n')
    assert run("policy", "diff", "a.toml", "b.toml").stdout == "size/count (open): warn -> off\nthresholds jump_factor: 1.5 -> 2\n"
    assert "judge alike" in run("policy", "diff", "a.toml", "a.toml").stdout
    run("policy", "diff", "a.toml", "absent.toml", expect=2)


@pytest.mark.parametrize("command", ["check", "explain", "diff", "replay", "reference"])
def test_each_command_has_help_with_an_example(run, command):
    assert f"Example: sallyport policy {command}" in run("policy", command, "--help").stdout


def test_a_changed_policy_is_a_fact_of_the_ledger(new_gate):
    gate = new_gate()
    gate.stop()
    (gate.folder / "policy.toml").write_text('[rules]\n"leak/vcs" = "off"\n')
    gate.settings["policy"] = {"file": "policy.toml"}
    gate.configure()
    gate.start()
    gate.restart()
    changes = [json.loads(line) for line in gate.cli("ledger", "export").stdout.splitlines() if "policy.changed" in line]
    assert len(changes) == 2
    assert changes[0]["detail"]["off"] == {"proprietary": [], "open": [], "internal": []}
    assert changes[1]["detail"]["off"]["open"] == ["leak/vcs"]
    assert changes[1]["detail"]["before"] == changes[0]["detail"]["digest"]
    assert changes[1]["subject"].endswith("policy.toml")
    assert gate.verify_ledger()


@pytest.mark.parametrize("running", [True, False])
def test_replay_says_what_another_policy_would_have_done(new_gate, running):
    gate = new_gate()
    alice, rita = gate.team["alice"], gate.team["rita"]
    clean = gate.hold(alice, "@acme/clean")
    assert gate.approve(rita, clean).ok
    gate.hold(alice, "other", data=packages.package_tarball("other", files={"lib/x.js": "1;\n"}))
    refused = gate.publish(alice, "@acme/map", "1.0.0", packages.package_tarball("@acme/map", files={"lib/a.map": MAP}))
    assert refused.status == 403
    if not running:
        gate.stop()
    policy = gate.folder / "strict.toml"
    policy.write_text('[rules]\n"size/file" = "block"\n[thresholds]\nfile_bytes_max = 1\n')
    before = sorted(path.name for path in gate.data.iterdir())

    report = json.loads(gate.cli("policy", "replay", "--policy", policy, "--format", "json").stdout)
    by_name = {release["name"]: release for release in report["releases"]}
    assert report["summary"] == {"releases": 3, "stricter": 2, "milder": 0, "alike": 0, "notJudged": 1}
    assert by_name["@acme/clean"]["would"] == "block" and by_name["@acme/clean"]["was"] == "clean"
    assert by_name["@acme/clean"]["state"] == "published"
    assert "size/file" in {f["rule"] for f in by_name["@acme/clean"]["findings"]}
    assert by_name["@acme/map"]["would"] is None and "not kept" in by_name["@acme/map"]["why"]

    text = gate.cli("policy", "replay", "--policy", policy, "--package", "@acme/*", "--since", "1 hour")
    assert "@acme/clean@1.0.0 (R-" in text.stdout and "clean -> block  size/file" in text.stdout
    assert "other" not in text.stdout and "2 releases: 1 judged more strictly" in text.stdout
    assert text.stderr == ""  # no bar where nobody watches
    printed, shown = gate.watched("policy", "replay", "--policy", policy)
    assert "3 releases" in printed
    assert re.search(r"\r\[#+ +\] 1 of 3 releases", shown) and "] 3 of 3 releases" in shown, shown
    same = gate.cli("policy", "replay", "--policy", policy, "--since", "2099-01-01").stdout
    assert same.startswith("0 releases")
    assert "--since is neither" in gate.cli("policy", "replay", "--policy", policy, "--since", "soon", expect=2).stderr
    gate.cli("policy", "replay", expect=2)

    assert sorted(path.name for path in gate.data.iterdir()) == before
    assert gate.verify_ledger()


def test_replay_makes_no_data_where_there_is_none(run, tmp_path):
    (tmp_path / "policy.toml").write_text("")
    said = run("policy", "replay", "--policy", "policy.toml", "--data", "nowhere", expect=2).stderr
    assert "There is no data in nowhere" in said
    assert not (tmp_path / "nowhere").exists()
