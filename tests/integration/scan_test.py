"""`sallyport scan`: what a build sees, and what its exit code says."""

import json
import re
import shutil

import pytest

from support import packages
from support.scanner import Scanner, above_note, files, rules


@pytest.fixture
def scanner(tmp_path):
    return Scanner(tmp_path / "scanner")


def test_a_clean_folder_passes(scanner, tmp_path):
    folder = packages.write_package(tmp_path / "lib", "@acme/lib", license="MIT")
    done = scanner.run(folder, expect=0)
    assert done.stdout.startswith("@acme/lib@1.0.0") and "clean" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_folder_and_its_tarball_are_judged_alike(scanner, tmp_path, client):
    folder = packages.write_package(tmp_path / "lib", "lib", files={"lib/a.js.map": '{"version":3,"sources":[],"mappings":""}'})
    (tmp_path / "lib.tgz").write_bytes(client("npm11", "http://127.0.0.1:9").pack(folder))
    from_folder, from_tarball = scanner.report(folder), scanner.report(tmp_path / "lib.tgz")
    assert from_folder["integrity"] == from_tarball["integrity"] == packages.integrity((tmp_path / "lib.tgz").read_bytes())
    assert from_folder["findings"] == from_tarball["findings"]


def test_a_source_map_fails_the_build(scanner, tmp_path):
    source_map = json.dumps({"version": 3, "sources": ["../src/a.ts"], "sourcesContent": ["const a = 1;\n"], "mappings": "AAAA"})
    folder = packages.write_package(tmp_path / "lib", "lib", files={"lib/a.js.map": source_map})
    done = scanner.run(folder, expect=1)
    assert "package/lib/a.js.map" in done.stdout and "leak/source-map-sources" in done.stdout
    report = scanner.report(folder)
    assert report["verdict"] == "block"
    assert set(report) == {"name", "version", "integrity", "shasum", "size", "unpackedSize", "fileCount", "verdict",
                           "findings", "baseline", "facts", "policy"}
    assert report["fileCount"] == 4 and report["baseline"] is None


def test_scanning_a_folder_executes_nothing_of_it(scanner, tmp_path):
    ran = tmp_path / "ran"
    scripts = {event: f"touch {ran}-{event}" for event in ("prepublish", "prepare", "prepack", "postpack", "prepublishOnly",
                                                            "preinstall", "install", "postinstall")}
    folder = packages.write_package(tmp_path / "lib", "lib", scripts=scripts)
    assert rules(scanner.report(folder))["run/install-script"] == "block"
    assert not list(tmp_path.glob("ran*"))


def test_a_held_release_fails_only_when_asked(scanner, tmp_path):
    folder = packages.write_package(tmp_path / "lib", "lib")
    manifest = json.loads((folder / "package.json").read_text())
    del manifest["files"]
    (folder / "package.json").write_text(json.dumps(manifest))
    done = scanner.run(folder, expect=0)
    assert "hold" in done.stdout
    scanner.run(folder, "--fail-on", "warn", expect=1)
    scanner.run(folder, "--fail-on", "escalate", expect=0)
    scanner.run(folder, "--profile", "open", "--fail-on", "warn", expect=0)


def test_the_previous_release_may_be_a_tarball_a_folder_or_a_released_version(scanner, tmp_path, scripted_upstream):
    before = packages.package_tarball("axioms", "1.14.0")
    (tmp_path / "before.tgz").write_bytes(before)
    scripted_upstream.add("axioms", "1.14.0", before)
    scanner.environment["npm_config_registry"] = scripted_upstream.url
    (tmp_path / "now.tgz").write_bytes(packages.package_tarball("axioms", "1.14.1", dependencies={"plain-crypto-js": "^4.2.1"}))
    folder = packages.write_package(tmp_path / "folder", "axioms", "1.14.0", files={"index.js": "module.exports = 1;\n"})
    (folder / "README.md").unlink()
    expected = {"deps/phantom": "block", "deps/new": "warn", "run/manifest-only": "escalate"}
    for previous in (tmp_path / "before.tgz", folder, "axioms@1.14.0"):
        report = scanner.report(tmp_path / "now.tgz", "--previous", previous)
        # The folder is packed by npm, the tarballs are not: another tool.
        tools = {"origin/toolchain": "warn"} if previous == folder else {}
        assert above_note(report) == expected | tools, previous
        assert report["baseline"] == "1.14.0"
    assert above_note(scanner.report(tmp_path / "now.tgz")) == {}


def test_what_the_previous_release_had_is_said_to_be_known(scanner, tmp_path):
    mine = {"index.js": "module.exports = 1;\n", ".cursor/rules": "be kind\n"}
    (tmp_path / "before.tgz").write_bytes(packages.package_tarball("axioms", "1.14.0", files=mine))
    more = {**mine, ".windsurf/rules": "be brief\n"}
    (tmp_path / "now.tgz").write_bytes(packages.package_tarball("axioms", "1.14.1", files=more))
    report = scanner.report(tmp_path / "now.tgz", "--previous", tmp_path / "before.tgz")
    known = {f["file"]: f.get("known", False) for f in report["findings"] if f["rule"] == "leak/ai-state"}
    assert known == {"package/.cursor/rules": True, "package/.windsurf/rules": False}
    # In another profile the one before is judged by that, too.
    report = scanner.report(tmp_path / "now.tgz", "--previous", tmp_path / "before.tgz", "--profile", "internal")
    assert {f["file"]: f.get("known", False) for f in report["findings"] if f["rule"] == "leak/ai-state"} == known


@pytest.mark.parametrize("previous, said", [("axioms@1.14.9", "npm could not pack"), ("nothing-here", "is none of them"),
                                            ("git+https://e.example/x.git", "is none of them"),
                                            ("-x@1.0.0", "is none of them")])
def test_a_previous_release_that_cannot_be_had_is_no_pass(previous, said, scanner, tmp_path, scripted_upstream):
    scanner.environment["npm_config_registry"] = scripted_upstream.url
    (tmp_path / "now.tgz").write_bytes(packages.package_tarball("axioms"))
    done = scanner.run(tmp_path / "now.tgz", f"--previous={previous}", expect=2)
    assert said in done.stderr and done.stdout == ""


def test_what_is_no_package_is_not_judged_clean(scanner, tmp_path):
    (tmp_path / "text.tgz").write_text("not a tarball")
    assert scanner.report(tmp_path / "text.tgz")["verdict"] == "block"
    (tmp_path / "empty").mkdir()
    assert "npm could not pack" in scanner.run(tmp_path / "empty", expect=2).stderr
    assert "cannot be read" in scanner.run(tmp_path / "absent.tgz", expect=2).stderr


def test_a_folder_needs_npm_and_says_so(scanner, tmp_path):
    folder = packages.write_package(tmp_path / "lib", "lib")
    shutil.rmtree(scanner.programs)
    scanner.environment["PATH"] = str(scanner.programs)
    assert "install it, or give a tarball" in scanner.run(folder, expect=2).stderr


def test_a_policy_overrides_the_profile_and_its_faults_are_named(scanner, tmp_path):
    (tmp_path / "now.tgz").write_bytes(packages.package_tarball("lib", dependencies={"x": "file:../x"}))
    policy = tmp_path / "policy.toml"
    policy.write_text('[rules]\n"pack/local-dependency" = "note"\n')
    assert rules(scanner.report(tmp_path / "now.tgz", "--policy", policy))["pack/local-dependency"] == "note"
    policy.write_text('[rules]\n\n"pack/local-dependancy" = "note"\n')
    done = scanner.run(tmp_path / "now.tgz", "--policy", policy, expect=2)
    assert 'policy.toml:3: unknown rule "pack/local-dependancy"; did you mean "pack/local-dependency"?' in done.stderr


def test_mistakes_on_the_command_line_end_with_two(scanner):
    assert "did you mean --format?" in scanner.run("--formt", "json", "x", expect=2).stderr
    assert "text,json,sarif" in scanner.run("x", "--format", "xml", expect=2).stderr
    assert "required" in scanner.run(expect=2).stderr
    help_text = scanner.run("--help", expect=0).stdout
    assert "Example: sallyport scan" in help_text and "--ignore-scripts" in help_text


def test_no_temporary_file_is_left(scanner, tmp_path):
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    scanner.environment["TMPDIR"] = str(scratch)
    scanner.report(packages.write_package(tmp_path / "lib", "lib"))
    assert list(scratch.glob("sallyport*")) == []


def test_sarif_is_what_code_scanning_reads(scanner, tmp_path):
    """The members and types that SARIF 2.1.0 requires of what we use, and the references between them."""
    tarball = tmp_path / "now.tgz"
    tarball.write_bytes(packages.package_tarball("lib", files={"ä #1.js.map": '{"version":3,"sources":["a"],"mappings":""}',
                                                               "id_rsa": "x"}, dependencies={"x": "workspace:^"}))
    log = json.loads(scanner.run(tarball, "--format", "sarif", expect=1).stdout)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "Sallyport"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"] and rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    assert {"leak/source-map", "pack/local-dependency"} <= set(ids)
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("note", "warning", "error") and result["message"]["text"]
        (location,) = result["locations"]
        artifact = location["physicalLocation"]["artifactLocation"]
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", artifact["uri"]), artifact
        assert artifact["uriBaseId"] in run["originalUriBaseIds"]
        region = location["physicalLocation"].get("region")
        assert region is None or region.get("startLine", 1) >= 1
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
    assert "id_rsa" in {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}


def test_the_refusing_file_is_named(scanner, tmp_path):
    (tmp_path / "now.tgz").write_bytes(packages.package_tarball("lib", files={"stray.txt": "x"}))
    assert files(scanner.report(tmp_path / "now.tgz"), "pack/outside-files") == {"package/stray.txt"}
