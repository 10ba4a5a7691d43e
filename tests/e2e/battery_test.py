"""`@verdaccio/e2e-cli`, a battery of checks for registries, with each of its clients; its uplink scenarios and the
checks it calls pending included. What is refused on purpose is listed with its reason, and must be refused at the very
step and with the very words that stand here; everything else must pass, and nothing more may be skipped."""

import re
import subprocess
from dataclasses import dataclass

import pytest

from support import clients, http, packages
from support.processes import free_port
from support.tools import clients_folder, node

ADAPTERS = {"npm12": "npm", "pnpm12": "pnpm", "berry": "yarn-modern", "bun": "bun"}


@dataclass
class Refusal:
    said: str
    why: str
    steps: tuple = ()  # of the check's, those that fail; none: it has no steps


FINAL = "what is out stays as it was approved: these writes would pass by the gate, and are refused"
OUTSIDE = "needs a plugin for Yarn that the battery fetches, and its registry has nothing from outside"
REFUSED = {
    "deprecate": Refusal("only publishing goes through this registry", FINAL, ("deprecate single version",)),
    "dist-tags": Refusal("Removing a dist-tag does not go through this registry", FINAL),
    "unpublish": Refusal("Unpublishing a package does not go through this registry", FINAL),
    "scenario:metadata": Refusal("Unpublishing, starring and changing owners does not go through this registry", FINAL,
                                 ("unpublished version disappears from the packument",)),
    "package-names": Refusal("it begins with a hyphen", "npm takes no such name either",
                             ("unusual valid names are published and served",)),
    "scenario:search": Refusal(
        "2 search contract check(s) failed", "its uplink finds packages that it does not have; a result is shown at the "
        "version that installs get, and names of a rule that is ours alone are not looked for upstream",
        ("merged local+uplink results are paginated once", "merged total counts local and uplink matches")),
}
REFUSED_FOR = {
    "berry": {
        "deprecate": Refusal("npm pack @verdaccio/yarn-plugin-npm-deprecate", OUTSIDE, ("deprecate single version",)),
        "login": Refusal("npm pack @verdaccio/yarn-plugin-npm-login", OUTSIDE, ("create new user + whoami",)),
        "ping": Refusal("npm pack @verdaccio/yarn-plugin-npm-ping", OUTSIDE),
    },
}

# What the battery itself leaves out with a client.
HTTP_ONLY = {"scenario:tarballs", "scenario:metadata", "scenario:search", "scenario:uplink-failure",
             "scenario:reserved-names"}  # they are the same with every client: only npm's adapter runs them
SKIPPED = {
    "npm12": {"login", "scenario:minimum-release-age"},
    "pnpm12": {"dist-tags", "login", "ping", "search"} | HTTP_ONLY,
    "berry": {"audit", "dist-tags", "search", "unpublish", "scenario:minimum-release-age"} | HTTP_ONLY,
    "bun": {"deprecate", "dist-tags", "login", "ping", "search", "unpublish", "scenario:minimum-release-age"} | HTTP_ONLY,
}

# Its packages name a `main` that they do not have, weigh 30 MB, or have capital letters in their names.
POLICY = """[profiles.internal.rules]
"pack/entry-points" = "note"
"size/file" = "note"
"manifest/name" = "note"
"""


@pytest.fixture
def uplink_port():
    return free_port()


@pytest.fixture
def gate(new_gate, uplink_port, tmp_path):
    """One that decides by itself about what is clean, as the battery's own configuration has it."""
    class Uplink:
        url, token = f"http://localhost:{uplink_port}", "none"

    (tmp_path / "policy.toml").write_text(POLICY)
    made = new_gate(upstream=Uplink, packages=[
        *({"match": match, "publish": "deny"} for match in ("e2e-uplink-*", "nul.*", "@e2e-uplink/*")),
        {"match": "**", "read": "local", "publish": "local", "profile": "internal", "approvals": 0}],
        identity={"readers": "anybody"}, policy={"file": str(tmp_path / "policy.toml")},
        upstreams={"main": {"url": Uplink.url + "/", "timeout": "3 s"}})
    # Its clients look for their token under this name.
    made.url = made.url.replace("127.0.0.1", "localhost")
    made.settings["public_url"] = made.url
    made.configure()
    return made.restart()


def run_battery(name, adapter, folder, gate, uplink_port):
    """What it says."""
    runner = clients.make(name, folder / "home", gate.url)
    npm = clients.make("npm11", folder / "npm-home", gate.url)  # it calls npm by itself, for Yarn
    for made in ("tmp", "bin"):
        folder.joinpath(made).mkdir()
    for command, client in (("npm", npm), (adapter, runner)):
        program = folder / "bin" / command
        program.write_text("#!/bin/sh\nexec " + " ".join(f'"{part}"' for part in client.program()) + ' "$@"\n')
        program.chmod(0o755)
    environment = runner.environment()
    done = subprocess.run(
        [node(), clients_folder() / "@verdaccio/e2e-cli/bin/e2e-cli.js", "--registry", gate.url, "--token",
         gate.user("alice").token, "--uplink-port", str(uplink_port), "--timeout", "200000",  # of a check, in ms
         "--pm", f"{adapter}={folder / 'bin' / adapter}"],
        cwd=folder, env={**environment, "PATH": f"{folder / 'bin'}:{environment['PATH']}", "TMPDIR": str(folder / "tmp"),
                         "E2E_PENDING_CONTRACT_CHECKS": "true", "npm_config_min_release_age": "0"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode(errors="replace"))


@dataclass
class Outcome:
    result: str  # pass, skip, fail
    steps: tuple  # that failed
    said: str = ""


def outcomes(text):
    """check -> how it went."""
    found, steps, failing = {}, [], None
    for line in text.splitlines():
        if match := re.match(r"  (✓|PASS|SKIP|FAIL) (\S+)", line):
            result = {"SKIP": "skip", "FAIL": "fail"}.get(match[1], "pass")
            found[match[2]] = failing = Outcome(result, tuple(steps))
            steps = []
        elif match := re.match(r"    ✗ (.*) [0-9.]+m?s$", line):
            steps.append(match[1])
        elif line.startswith("  running "):
            failing = None
        elif failing:
            failing.said += " " + line.strip(" │")  # some clients break their lines
    return found


@pytest.mark.timeout(700)
@pytest.mark.parametrize("name", ADAPTERS)
def test_battery(name, gate, uplink_port, tmp_path):
    text = run_battery(name, ADAPTERS[name], tmp_path, gate, uplink_port)
    found = outcomes(text)
    (listed,) = re.findall(r"^Tests: (.*)$", text, re.MULTILINE) or pytest.fail(text, pytrace=False)
    assert set(found) == set(listed.split(", ")), text
    assert {check for check, outcome in found.items() if outcome.result == "skip"} == SKIPPED[name]
    refused = {check: refusal for check, refusal in {**REFUSED, **REFUSED_FOR.get(name, {})}.items()
               if check not in SKIPPED[name]}
    wrong = []
    for check, outcome in found.items():
        if refusal := refused.get(check):
            if outcome.result != "fail" or outcome.steps != refusal.steps or refusal.said not in outcome.said:
                wrong.append(f"{check} was to be refused, since {refusal.why}: {outcome}")
        elif outcome.result == "fail":
            wrong.append(f"{check}: {outcome}")
    assert not wrong, "\n\n".join([*wrong, text])


def test_it_has_no_adapter_for_yarn_classic(gate, uplink_port, tmp_path):
    assert "yarn classic (v1) is no longer supported" in run_battery("yarn1", "yarn-classic", tmp_path, gate, uplink_port)


@pytest.mark.parametrize("name", [*ADAPTERS, "yarn1"])
def test_the_names_after_the_one_that_is_refused(name, gate, client, tmp_path):
    """What its check of names does after its first step."""
    names = [packages.unique("JSONStream"), "@e2e-names/" + packages.unique("_x"), "@con/" + packages.unique("x")]
    for package in names:
        answer = gate.publish(gate.user("alice"), package, "1.0.0", packages.package_tarball(package, "1.0.0"))
        assert answer.status == 201, answer.body
    project = clients.project(tmp_path / "project", {package: "1.0.0" for package in names})
    client(name, gate.url, gate.user("bob").token).install(project)
    for package in names:
        assert clients.installed(project, package)["version"] == "1.0.0"
    for bad in ("_x-1", "%40x-1", "x-1%40y"):
        assert http.get(f"{gate.url}/{bad}").status == 400, bad
