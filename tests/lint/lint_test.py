"""Each lint on the whole tree, and each lint on a tree that breaks its rule: a lint that finds nothing
there would find nothing anywhere."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import forbidden_words  # noqa: E402
import include_levels  # noqa: E402
import layout  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def listed_files():
    """What is or would be committed."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                             capture_output=True, text=True).stdout
    return [path for path in listing.split("\0") if path and (ROOT / path).is_file()]


def texts(paths):
    found = {}
    for path in paths:
        data = (ROOT / path).read_bytes()
        if b"\0" not in data:
            found[path] = data.decode("utf-8", "replace")
    return found


def test_includes_keep_their_levels():
    assert include_levels.violations(texts(listed_files())) == []


@pytest.mark.parametrize("path, line", [
    ("storage/x.cpp", '#include "policies/rule.hpp"'),
    ("policies/x.cpp", '#include "storage/blob_store.hpp"'),
    ("storage/base/x.cpp", '#include "storage/blob_store.hpp"'),
    ("gate/x.hpp", '#include "proxy/config.hpp"'),
    ("gate/x.hpp", '#include "upstream.hpp"'),
    ("gate/x.cpp", "#include <boost/beast/http.hpp>"),
    ("proxy/x.cpp", "#include <curl/curl.h>"),
    ("storage/x.cpp", "#include <rocksdb/db.h>"),
    ("proxy/x.cpp", "#include <archive.h>"),
    ("policies/tarball/x.cpp", "#include <re2/re2.h>"),
    ("gate/x.cpp", "#include <openssl/sha.h>"),
    ("gate/x.cpp", "#include <toml++/toml.h>"),
    ("gate/x.cpp", "  # include <prometheus/registry.h>"),
    ("gate/x.cpp", "#include <nlohmann/json.hpp>"),
])
def test_include_across_a_level_is_found(path, line):
    faults = include_levels.violations({path: "#pragma once\n" + line + "\n"})
    assert len(faults) == 1 and faults[0].startswith(f"{path}:2:")


def test_include_downwards_is_fine():
    assert include_levels.violations({
        "proxy/x.cpp": '#include <sys/socket.h>\n#include <vector>\n#include "gate/gate.hpp"\n',
        "gate/x.cpp": '#include <boost/asio/post.hpp>\n#include "policies/rule.hpp"\n',
        "tests/x.cpp": "#include <curl/curl.h>\n",
    }) == []


def test_no_forbidden_words():
    assert forbidden_words.violations(texts(listed_files())) == []


# Joined here, so that this file does not hold them either.
@pytest.mark.parametrize("parts", [
    ("https://registry", ".npm", "js.org/"),
    ("registry", ".acme-cloud", ".io"),
    ("www.npm", "js.com/package/x"),
    ("npm", ".pkg.some-forge", ".com"),
    ("/ro", "ot/.npmrc"),
    ("cd /ho", "me/mallory/src"),
])
def test_forbidden_word_is_found(parts):
    assert len(forbidden_words.violations({"README.md": "first\n" + "".join(parts)})) == 1


def test_names_that_are_nobodys_are_fine():
    assert forbidden_words.violations({"x": "registry.example npm.acme.example registry.find(x) ~/.npmrc"}) == []


def test_layout():
    assert layout.violations(set(listed_files())) == []


@pytest.mark.parametrize("extra", ["src/main.cpp", "Makefile", "tests/new_kind/x_test.py"])
def test_layout_fault_is_found(extra):
    good = {f"{room}/README.md" for room in layout.ROOMS} | {"README.md", "CMakeLists.txt", ".gitignore"}
    assert layout.violations(good) == []
    assert len(layout.violations(good | {extra})) == 1


def unformatted(paths):
    run = subprocess.run(["clang-format-19", "--dry-run", "-Werror", "--style", f"file:{ROOT}/.clang-format", *paths],
                         cwd=ROOT, capture_output=True, text=True)
    return run.stderr if run.returncode else ""


def test_sources_are_formatted():
    assert unformatted([path for path in listed_files() if path.endswith((".hpp", ".cpp"))]) == ""


def test_unformatted_source_is_found(tmp_path):
    source = tmp_path / "x.cpp"
    source.write_text("int  f( ){return 1 ;}\n")
    assert "clang-format" in unformatted([str(source)])
