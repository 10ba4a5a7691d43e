"""SARIF as code scanning takes it, and the example workflow that makes it."""

import copy
import json
import re
import subprocess

import pytest

from support import packages, sarif
from support.scanner import Scanner
from support.tools import ROOT, gateway_binary


@pytest.fixture
def scanner(tmp_path):
    return Scanner(tmp_path / "scanner")


def many_findings(folder):
    """A package that meets rules of every kind: with lines, offsets, odd names, and none at all."""
    source_map = json.dumps({"version": 3, "sources": ["../src/a.ts"], "sourcesContent": ["const a = 1;\n"], "mappings": "AAAA"})
    names = [f"lib/{name}.js.map" for name in ("a", "b b", "c#d", "é", "x%2e", "a;b", "q'\"")] + [f"lib/m{i}.map" for i in range(40)]
    files = {name: source_map for name in names}
    files |= {".env": "KEY=1\n", "CLAUDE.md": "# notes\n", "lib/t.js": "//# sourceMappingURL=absent.js.map\n"}
    return packages.write_package(folder, "lib", files=files, dependencies={"x": "git+ssh://git@host.example.invalid/x.git"},
                                  scripts={"postinstall": "node lib/t.js"})


def test_a_report_validates_against_the_schema(scanner, tmp_path):
    folder = many_findings(tmp_path / "lib")
    report = scanner.report(folder)
    waived = [f for f in report["findings"] if f["rule"] == "leak/source-map"][:2]
    policy = tmp_path / "policy.toml"
    policy.write_text("".join(
        f'[[waivers]]\nrule = "{f["rule"]}"\nfingerprint = "{f["fingerprint"]}"\npackage = "lib"\nowner = "ada"\n'
        f'reason = "an \\"example\\" <b>"\nexpires = 2000-01-01\n' for f in waived[:1]))
    clean = packages.write_package(tmp_path / "clean", "clean", license="MIT")
    for subject, arguments in ((folder, []), (folder, ["--policy", policy]), (clean, [])):
        document = json.loads(scanner.run(subject, "--format", "sarif", *arguments, expect=int(subject == folder)).stdout)
        assert sarif.faults(document) == []
        (run,) = document["runs"]
        rules = run["tool"]["driver"]["rules"]
        for result in run["results"]:
            assert "ruleIndex" not in result or rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["partialFingerprints"]["sallyportFinding/v1"].startswith("sha256-")
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            assert not uri.startswith("/") and ".." not in uri.split("/") and ":" not in uri
    assert len(run["results"]) < len(report["findings"])


def test_a_live_waiver_is_a_suppression(scanner, tmp_path):
    folder = packages.write_package(tmp_path / "lib", "lib", files={"lib/a.map": '{"version":3,"sources":[],"mappings":""}'})
    (found,) = [f for f in scanner.report(folder)["findings"] if f["rule"] == "leak/source-map"]
    expires = subprocess.run(["date", "-u", "-d", "+30 days", "+%F"], check=True, capture_output=True, text=True).stdout.strip()
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[[waivers]]\nrule = "leak/source-map"\nfingerprint = "{found["fingerprint"]}"\npackage = "lib"\n'
                      f'owner = "ada"\nreason = "an example"\nexpires = {expires}\n')
    document = json.loads(scanner.run(folder, "--policy", policy, "--format", "sarif", expect=0).stdout)
    assert sarif.faults(document) == []
    (result,) = [r for r in document["runs"][0]["results"] if r["ruleId"] == "leak/source-map"]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted",
                                       "justification": f"waived by ada until {expires}: an example"}]
    assert result["level"] == "error"
    text = scanner.run(folder, "--policy", policy, expect=0).stdout
    assert f"waived by ada until {expires}" in text and "leak/source-map" in text

    # The same waiver for other content, another package or another rule is none.
    (folder / "lib/a.map").write_text('{"version":3,"sources":["x"],"mappings":""}')
    scanner.run(folder, "--policy", policy, expect=1)


def test_the_schema_would_notice():
    """The validation above means something: what SARIF forbids is found."""
    good = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [{"message": {"text": "m"}}]}]}
    assert sarif.faults(good) == []
    for path, value in ((("version",), "2.0.0"), (("runs", 0, "tool"), {}), (("runs", 0, "results", 0, "level"), "bad"),
                        (("runs", 0, "results", 0, "message"), "m")):
        bad = copy.deepcopy(good)
        at = bad
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        assert sarif.faults(bad), path


def steps_of(workflow):
    """The commands of the workflow's steps, each with its condition; read as it stands, without a YAML parser."""
    found = []
    for step in re.split(r"^      - ", workflow, flags=re.M)[1:]:
        command = re.search(r"^        run: \|\n((?:          .*\n)+)", step, re.M)
        condition = re.search(r"^        if: (.*)$", step, re.M)
        if command:
            found.append((condition and condition[1], command[1]))
    return found


@pytest.mark.parametrize("leaks", [False, True])
def test_the_example_workflow_does_what_it_says(scanner, tmp_path, leaks):
    workflow = (ROOT / "deploy/ci-scan.yml").read_text()
    folder = packages.write_package(tmp_path / "lib", "lib", license="MIT",
                                    files={"lib/a.map": '{"version":3,"sources":[],"mappings":""}'} if leaks else {})
    (scanner.programs / "sallyport").symlink_to(gateway_binary())
    steps = steps_of(workflow)
    assert len(steps) == 3
    failed, said = False, ""
    for condition, command in steps:
        if (condition == "failure()") != failed:
            continue
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", command], cwd=folder, env=scanner.environment,
                              capture_output=True, text=True, timeout=120)
        said += done.stdout
        failed = failed or done.returncode != 0
    assert failed == leaks
    assert ("leak/source-map" in said) == leaks
    name = re.search(r"sarif_file: (\S+)", workflow)[1]
    document = json.loads((folder / name).read_text())
    assert sarif.faults(document) == []
    assert bool(document["runs"][0]["results"]) >= leaks
