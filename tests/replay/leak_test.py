"""claude-code 2.1.88: a source map of 59.8 MB with 1,906 own sources beside the bundle."""

import base64
import gzip
import json

import pytest

from support import incidents, packages
from support.scanner import Scanner, files, rules

NAME = "@acme/agent"


@pytest.fixture(scope="module")
def leaked():
    return incidents.source_map()


@pytest.fixture(scope="module")
def bundle():
    return incidents.bundle()


@pytest.fixture
def judge(tmp_path, bundle):
    """judge(version, files) -> the report, compared with a clean release before it."""
    scanner = Scanner(tmp_path / "scanner")

    def tarball(version, contents):
        manifest = {"name": NAME, "version": version, "license": "SEE LICENSE IN README.md", "bin": {"agent": "cli.js"},
                    "files": ["cli.js", "vendor", "cli.js.map", "cli.js.map.gz", "assets"]}
        path = tmp_path / f"{version}.tgz"
        path.write_bytes(packages.tarball({"package.json": json.dumps(manifest), "README.md": "# agent\n", **contents},
                                          level=1))
        return path

    before = tarball("2.1.87", {"cli.js": bundle})
    return lambda contents: scanner.report(tarball("2.1.88", contents), "--previous", before)


def refuses(report, file):
    """Blocked by at least two rules, and the message says which file, how many sources, and what to change."""
    blocking = {rule for rule, action in rules(report).items() if action == "block"}
    assert len(blocking) >= 2, blocking
    assert report["verdict"] == "block"
    (finding,) = [f for f in report["findings"] if f["rule"] == "leak/source-map-sources"]
    assert finding["file"] == file
    assert "1,906 of your files (512,000 lines)" in finding["message"]
    assert "--sourcemap=none" in finding["fix"] and '"files"' in finding["fix"]


def test_the_map_beside_the_bundle(judge, bundle, leaked):
    report = judge({"cli.js": bundle + b"\n//# sourceMappingURL=cli.js.map\n", "cli.js.map": leaked})
    refuses(report, "package/cli.js.map")
    found = rules(report)
    assert found["leak/source-map"] == "block"
    assert found["size/file"] == "warn" and files(report, "size/file") == {"package/cli.js.map"}
    assert found["size/new-type"] == "escalate" and found["size/jump"] == "escalate"


@pytest.mark.parametrize("path", ["assets/data.bin", "vendor/LICENSE", "assets/logo.png"])
def test_under_another_name(path, judge, bundle, leaked):
    refuses(judge({"cli.js": bundle, path: leaked}), "package/" + path)


def test_inside_the_bundle(judge, bundle, leaked):
    comment = b"\n//# sourceMappingURL=data:application/json;charset=utf-8;base64," + base64.b64encode(leaked) + b"\n"
    report = judge({"cli.js": bundle + comment})
    refuses(report, "package/cli.js")
    assert rules(report)["leak/inline-source-map"] == "block"


@pytest.mark.parametrize("path", ["cli.js.map.gz", "assets/data"])
def test_compressed(path, judge, bundle, leaked):
    inner = "package/" + path + "!" + (path.rpartition("/")[2].removesuffix(".gz"))
    refuses(judge({"cli.js": bundle, path: gzip.compress(leaked, 1, mtime=0)}), inner)


def test_in_sections(judge, bundle):
    refuses(judge({"cli.js": bundle, "cli.js.map": incidents.source_map(sections=True)}), "package/cli.js.map")


def test_the_twin_without_the_map_passes(judge, bundle):
    report = judge({"cli.js": bundle})
    assert report["verdict"] == "clean", report["findings"]
    report = judge({"cli.js": bundle.replace(b"yarn", b"twine", 3)})
    assert report["verdict"] == "clean", report["findings"]
