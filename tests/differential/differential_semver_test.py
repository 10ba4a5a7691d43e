"""Versions and ranges against the node-semver in npm: what is one, its order, what a range admits."""

import json
import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from support import tools

HERE = Path(__file__).parent
PROGRAM = tools.ROOT / "build/dev/tests/semver_listing"

NUMBERS = ["0", "0", "1", "1", "2", "3", "10", "9007199254740991"]
IDENTIFIERS = ["0", "1", "2", "10", "alpha", "beta", "rc", "x", "-", "a-b", "0a", "X1", "9007199254740990"]
OPERATORS = ["", "", "^", "~", "~>", ">", ">=", "<", "<=", "=", "^ ", "~ ", "> ", ">= ", "< ", "= ", "v", "=v"]
NOISE = list("0123456789xX*.-+|^~<>=v ab\t\n") + [" - ", "||", "01", "latest", "1.2.3", "*", "9007199254740992"]


def version(choose, build=0.1):
    text = ".".join(choose.choice(NUMBERS) for _ in range(3))
    if choose.random() < 0.4:
        text += "-" + ".".join(choose.choices(IDENTIFIERS, k=choose.randint(1, 3)))
    if choose.random() < build:
        text += "+" + ".".join(choose.choices(["7", "007", "b", "x-1"], k=choose.randint(1, 2)))
    return text


def partial(choose):
    if choose.random() < 0.5:
        return version(choose)
    parts = [choose.choice([*NUMBERS, "x", "*", "X"]) for _ in range(choose.randint(1, 3))]
    return ".".join(parts) + (choose.choice(["", "-beta", "+b"]) if len(parts) == 3 else "")


def clause(choose):
    if choose.random() < 0.15:
        return f"{partial(choose)} - {partial(choose)}"
    return " ".join(choose.choice(OPERATORS) + partial(choose) for _ in range(choose.choice([1, 1, 1, 2, 2, 3])))


def damaged(choose, text):
    for _ in range(choose.choice([1, 1, 2, 4])):
        at = choose.randint(0, len(text))
        text = text[:at] + choose.choice(NOISE) + text[at + choose.randint(0, 1):]
    return text


def damaged_some(choose, texts, part):
    return [damaged(choose, text) if choose.random() < part else text for text in texts]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """(samples, ours, node's) over some thousands of generated versions and ranges; the seed makes them the same."""
    choose = random.Random(20260331)
    samples = {"texts": damaged_some(choose, [version(choose, build=0.3) for _ in range(6000)], 0.5),
               "versions": sorted({version(choose, build=0.05) for _ in range(160)}),
               "ranges": damaged_some(choose, ["||".join(clause(choose) for _ in range(choose.choice([1, 1, 1, 2, 3])))
                                               for _ in range(8000)], 0.35)}
    samples["texts"] += ["1.2.3-" + "a" * 250, "1.2.3-" + "a" * 251, "", " 1.2.3", "1" * 256 + ".0.0"]
    samples["ranges"] += ["1.2.3-" + "a" * 250, "1.2.3-" + "a" * 251, "v1.2.3-" + "a" * 250, "", " ", "||", "*1.2.3",
                          ">*1.2.3", "^ = 1.2", "~ > 1.2", "~> = 1.2.3", "> = 1.2.3", "^*.*.1", "* || 1.0.0-alpha"]
    # Where build metadata stands alone it leaves two blanks, which npm reads or not as its patterns happen to fall.
    samples["ranges"] = [text for text in samples["ranges"] if not re.search(r"(^|[\s|])\+|\+[0-9A-Za-z.-]*\+", text)]
    file = tmp_path_factory.mktemp("semver") / "samples.json"
    file.write_text(json.dumps(samples))
    subprocess.run([tools.ROOT / "deploy/build", "dev", "semver_listing"], check=True, stdout=subprocess.DEVNULL)
    ours = subprocess.run([PROGRAM, file], check=True, stdout=subprocess.PIPE, text=True).stdout
    environment = {**os.environ, "NODE_PATH": str(tools.clients_folder() / "npm11/node_modules")}
    node = subprocess.run([tools.node(), HERE / "list_with_node_semver.cjs", file], check=True, stdout=subprocess.PIPE,
                          text=True, env=environment).stdout
    return samples, json.loads(ours), json.loads(node)


def test_versions(compared):
    samples, ours, node = compared
    # Ours are the versions that a registry keeps: node-semver takes off blanks and a "v" before it looks.
    expected = [None if text[:1] == "v" or text != text.strip() else reading
                for text, reading in zip(samples["texts"], node["texts"], strict=True)]
    assert 1500 < sum(reading is not None for reading in expected) < 5000
    different = [row for row in zip(samples["texts"], ours["texts"], expected, strict=True) if row[1] != row[2]]
    assert different == []


def test_order(compared):
    samples, ours, node = compared
    assert set("".join(node["order"])) == set("<=>")
    for text, our_row, node_row in zip(samples["versions"], ours["order"], node["order"], strict=True):
        assert our_row == node_row, text


def test_ranges(compared):
    samples, ours, node = compared
    rows = list(zip(samples["ranges"], ours["ranges"], node["ranges"], strict=True))
    valid = sum(theirs is not None for _, _, theirs in rows)
    print(f"\n{len(rows)} ranges, {valid} valid, {len(samples['versions'])} versions each")
    assert 3000 < valid < 7000
    assert [row for row in rows if (row[1] is None) != (row[2] is None)] == []
    for text, mine, theirs in rows:
        if theirs is None:
            continue
        assert mine["matches"] == theirs["matches"], text
        assert mine["max"] == (theirs["max"] and theirs["max"].split("+")[0]), text
        if theirs["included"] is not None:
            assert mine["included"] == theirs["included"], text
        # node-semver looks at the lowest bound only, be it one that another bound rules out.
        if theirs["min"] is not None:
            assert mine["min"] == theirs["min"], text


def test_majors_and_pins_follow_from_what_is_admitted(compared):
    samples, ours, node = compared
    pins = 0
    for text, mine in zip(samples["ranges"], ours["ranges"], strict=True):
        if mine is None:
            continue
        for admitted, major in zip(mine["matches"], mine["majors"], strict=True):
            assert admitted == "0" or major == "1", text
        if mine["any"]:
            releases = ["0" if "-" in version.split("+")[0] else "1" for version in samples["versions"]]
            assert mine["matches"] == "".join(releases), text
        pins += mine["pin"]
        admitted = {version.split("+")[0] for version, bit in zip(samples["versions"], mine["matches"]) if bit == "1"}
        assert not mine["pin"] or len(admitted) <= text.count("||") + 1, text
    assert pins > 100
