"""Attestations that our check takes, npm's own takes as well, and both refuse the same attacks: what we verify is
the real format, and not one that we made up. Beyond that ours is the stricter of the two, in named cases."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from support import tools

HERE = Path(__file__).parent
DAMAGED = 1500


@pytest.fixture(scope="session")
def cases(tmp_path_factory):
    """(folder, [case]): attestations with our verdicts on them."""
    folder = tmp_path_factory.mktemp("attestations")
    subprocess.run([tools.attestations(), "--write", folder, str(DAMAGED)], check=True)
    return folder, json.loads((folder / "index.json").read_text())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("client", ["npm11", "npm12"])
def test_npm_takes_what_we_verify_and_refuses_the_attacks(client, cases):
    folder, index = cases
    shown = subprocess.run([tools.node(), HERE / "verify_with_npm.cjs", folder, client], check=True, text=True,
                           stdout=subprocess.PIPE, env={**os.environ, "NODE_PATH": str(tools.clients_folder())}).stdout
    theirs = [json.loads(line) for line in shown.splitlines()]
    assert len(theirs) == len(index) > DAMAGED + 90
    stricter = same = 0
    for case, npm in zip(index, theirs, strict=True):
        verified = case["ours"] == "verified"
        if verified:
            assert npm["taken"], (case["name"], npm["why"], case["bundle"])
        elif npm["taken"]:
            assert case["npm_takes_it"] or case["name"].startswith("damaged"), (case["name"], case["fault"])
            stricter += 1
        same += verified == npm["taken"]
    print(f"\n{client}: alike on {same} of {len(index)}, ours stricter on {stricter}")
    assert sum(case["ours"] == "verified" for case in index[:-DAMAGED]) >= 13


@pytest.mark.parametrize("client", ["npm11", "npm12"])
def test_the_public_trust_root(client, cases, tmp_path):
    """npm carries the public Sigstore's root with it, as a seed of its downloads."""
    seeds = json.loads((tools.clients_folder() / client / "node_modules/@sigstore/tuf/seeds.json").read_text())
    (targets,) = (seed["targets"] for seed in seeds.values())
    path = tmp_path / "trusted_root.json"
    path.write_bytes(base64.b64decode(targets["trusted_root.json"]))
    named = json.loads(path.read_text())
    held = json.loads(subprocess.run([tools.attestations(), "--root", path], check=True, stdout=subprocess.PIPE).stdout)
    assert held == {"authorities": len(named["certificateAuthorities"]), "logs": len(named["tlogs"]),
                    "certificate_logs": len(named["ctlogs"]), "clocks": len(named["timestampAuthorities"])}
    assert held["authorities"] >= 2 and held["logs"] >= 1
