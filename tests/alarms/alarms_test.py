"""A few releases of popular packages, pinned: nothing in them is refused in the open profile."""

import pytest

from support import real_packages
from support.scanner import Scanner

# (release, the one before it on its line): framework, tool, server, native, wasm, words, cryptography, small.
PAIRS = [("react@18.3.1", "react@18.2.0"), ("vue@3.4.21", "vue@3.4.20"), ("rollup@4.14.1", "rollup@4.14.0"),
         ("express@4.19.2", "express@4.19.1"), ("bcrypt@5.1.1", "bcrypt@5.1.0"), ("sql.js@1.10.2", "sql.js@1.10.1"),
         ("i18next@23.10.1", "i18next@23.10.0"), ("elliptic@6.5.5", "elliptic@6.5.4"), ("chalk@5.3.0", "chalk@5.2.0"),
         ("lodash@4.17.21", "lodash@4.17.20")]


@pytest.fixture(scope="module")
def scanner(tmp_path_factory):
    return Scanner(tmp_path_factory.mktemp("scanner") / "home")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("release,before", PAIRS, ids=[release for release, _ in PAIRS])
def test_open_source_is_not_refused(release, before, scanner):
    tarball, tarball_before = real_packages.tarballs([release, before])
    report = scanner.report(tarball, "--previous", tarball_before, "--profile", "open")
    assert [finding for finding in report["findings"] if finding["action"] == "block"] == []
