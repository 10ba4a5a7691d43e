"""Stolen accounts: a release in which only the manifest changed."""

import pytest

from support import packages
from support.scanner import Scanner, above_note, rules

LIBRARY = {"index.js": "module.exports = require('./lib/axioms.js');\n",
           "lib/axioms.js": "const follow = require('follow-redirects');\nmodule.exports = (url) => follow.get(url);\n",
           "README.md": "# axioms\n"}
DEPENDENCIES = {"follow-redirects": "^1.15.6"}


@pytest.fixture
def judge(tmp_path):
    """judge(version, files, **fields) -> what the rules say of it after `before`."""
    scanner = Scanner(tmp_path / "scanner")

    def tarball(version, files, fields):
        path = tmp_path / f"{version}.tgz"
        path.write_bytes(packages.package_tarball("axioms", version, files=files, **fields))
        return path

    def judged(version, files, before="1.14.0", **fields):
        previous = tarball(before, LIBRARY, {"dependencies": DEPENDENCIES})
        return scanner.report(tarball(version, files, fields), "--previous", previous)

    return judged


@pytest.mark.parametrize("version, before", [("1.14.1", "1.14.0"), ("0.30.4", "0.30.3")])
def test_axios_a_dependency_that_nothing_imports(version, before, judge):
    trojan = {**DEPENDENCIES, "plain-crypto-js": "^4.2.1"}
    report = judge(version, LIBRARY, before, dependencies=trojan)
    assert report["verdict"] == "block"
    assert above_note(report) == {"deps/phantom": "block", "deps/new": "warn", "run/manifest-only": "escalate"}
    (finding,) = [f for f in report["findings"] if f["rule"] == "deps/phantom"]
    assert "plain-crypto-js" in finding["message"] and "package.json" in finding["fix"]

    # A mention where no code runs changes nothing.
    noted = {**LIBRARY, "README.md": "require('plain-crypto-js')\n",
             "lib/axioms.js": LIBRARY["lib/axioms.js"] + "// uses plain-crypto-js: require('plain-crypto-js')\n"}
    assert rules(judge(version, noted, before, dependencies=trojan))["deps/phantom"] == "block"


def test_the_twin_that_uses_its_new_dependency_is_held_for_a_look(judge):
    used = {**LIBRARY, "lib/axioms.js": LIBRARY["lib/axioms.js"] + "require('plain-crypto-js');\n"}
    report = judge("1.14.1", used, dependencies={**DEPENDENCIES, "plain-crypto-js": "^4.2.1"})
    assert report["verdict"] == "hold" and above_note(report) == {"deps/new": "warn"}


def test_cline_one_line_of_postinstall(judge):
    report = judge("1.14.1", LIBRARY, dependencies=DEPENDENCIES, scripts={"postinstall": "npm install -g openthing@latest"})
    assert above_note(report) == {"run/install-script": "block", "run/manifest-only": "escalate",
                                  "code/download-and-run": "block"}


def test_the_twin_with_changed_code_passes(judge):
    changed = {**LIBRARY, "lib/axioms.js": LIBRARY["lib/axioms.js"].replace("url", "address")}
    assert judge("1.14.1", changed, dependencies=DEPENDENCIES)["verdict"] == "clean"


def test_workspace_leftovers(judge):
    report = judge("1.15.0", LIBRARY, dependencies={**DEPENDENCIES, "@acme/core": "workspace:^"})
    assert rules(report)["pack/local-dependency"] == "block"
    assert rules(report)["deps/phantom"] == "block"
