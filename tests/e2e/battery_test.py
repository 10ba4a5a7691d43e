"""`@verdaccio/e2e-cli`, a battery of checks for registries, with each of its clients. What is refused here on purpose
is listed with its reason, and must be refused at the very step that is named; everything else must pass."""

import re
import subprocess

import pytest

from support import clients
from support.processes import free_port
from support.tools import clients_folder, node

NO_CHANGE = "a released version is final: deprecate, unpublish and moved tags would pass by the gate"
NO_SIGN_UP = "accounts are made by an administrator, not by whoever logs in"

# The name of its check -> what must be in its failure, and why.
REFUSED = {
    "npm12": {},
    "pnpm12": {},
    "berry": {},
    "bun": {},
}
ADAPTERS = {"npm12": "npm", "pnpm12": "pnpm", "berry": "yarn-modern", "bun": "bun"}


def run_battery(name, folder, gate, token, uplink_port):
    runner = clients.make(name, folder / "home", gate.url)
    folder.joinpath("tmp").mkdir()
    program = folder / ADAPTERS[name]
    program.write_text("#!/bin/sh\nexec " + " ".join(f'"{part}"' for part in runner.program()) + ' "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        [node(), clients_folder() / "@verdaccio/e2e-cli/bin/e2e-cli.js", "--registry", gate.url, "--token", token,
         "--uplink-port", str(uplink_port), "--pm", f"{ADAPTERS[name]}={program}"],
        cwd=folder, env={**runner.environment(), "TMPDIR": str(folder / "tmp"), "E2E_PENDING_CONTRACT_CHECKS": "true",
                         "npm_config_min_release_age": "0"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=400)
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode(errors="replace"))


def results(text):
    """check -> "pass", "skip", or the text of its failure."""
    found, failing = {}, None
    for line in text.splitlines():
        if match := re.match(r"  (✓|PASS|SKIP|FAIL) (\S+)", line):
            failing = match[2] if match[1] == "FAIL" else None
            found[match[2]] = {"SKIP": "skip", "FAIL": ""}.get(match[1], "pass")
        elif failing and line.startswith("    "):
            found[failing] += line.strip() + "\n"
        else:
            failing = None
    return found


@pytest.mark.timeout(500)
@pytest.mark.parametrize("name", ADAPTERS)
def test_battery(name, new_gate, tmp_path):
    port = free_port()

    class Uplink:
        url, token = f"http://localhost:{port}", "none"

    gate = new_gate(upstream=Uplink, packages=[
        *({"match": match, "publish": "deny"} for match in ("e2e-uplink-*", "nul.*", "@e2e-uplink/*")),
        {"match": "**", "read": "local", "publish": "local", "profile": "internal", "approvals": 0}],
        identity={"readers": "anybody"}, upstreams={"main": {"url": Uplink.url + "/", "timeout": "3 s"}})
    # Its clients look for their token under this name.
    gate.url = gate.url.replace("127.0.0.1", "localhost")
    gate.settings["public_url"] = gate.url
    gate.configure()
    gate.restart()
    text = run_battery(name, tmp_path, gate, gate.user("alice").token, port)
    print(text)
    found = results(text)
    assert found, text
    assert 0
