"""The README is true: its walk is executed as written, and what it prints of the binary is the binary's."""

import os
import re
import shlex
import subprocess

from support.processes import Service, free_port
from support.tools import ROOT, clients_folder, gateway_binary, node

README = (ROOT / "README.md").read_text()


def blocks(kind):
    return re.findall(rf"^```sh {kind}\n(.*?)^```$", README, re.S | re.M)


def printed(*arguments):
    return subprocess.run([gateway_binary(), *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def section(command):
    return README.split(f"<!-- sallyport {command} -->")[1].split("<!-- end -->")[0].strip()


def test_the_reference_and_the_routes_are_printed_by_the_binary():
    assert section("config reference") == printed("config", "reference")
    assert section("policy reference") == printed("policy", "reference")
    assert section("routes") == printed("routes")


def test_the_walk_of_five_minutes(tmp_path):
    """Every command as the README has it; only the port and the place of the built program differ."""
    port = free_port()
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "npm").write_text(f'#!/bin/sh\nexec {node()} {clients_folder()}/npm11/bin/npm-cli.js "$@"\n')
    (tools / "npm").chmod(0o755)
    (tools / "node").symlink_to(node())
    env = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tmp_path), "npm_config_update_notifier": "false",
           "npm_config_cache": str(tmp_path / "cache"), "npm_config_fetch_retries": "0"}

    def adapted(text):
        return (text.replace("127.0.0.1:4873", f"127.0.0.1:{port}").replace('"$PWD/build/release', f'"{ROOT}/build/release')
                .replace("deploy/run", f"{shlex.quote(str(ROOT))}/deploy/run --listen 127.0.0.1:{port}"))

    (server_block,) = blocks("walk-server")
    # No registry behind it is reached: the walk needs none, and the machine may have none.
    server_env = {**env, "npm_config_registry": f"http://127.0.0.1:{free_port()}/", "SALLYPORT_LOG_LEVEL": "warn"}
    (tmp_path / "sallyport.toml").write_text('[[packages]]\nmatch = "**"\nread = "local"\npublish = "local"\n'
                                             'publishers = ["*"]\nreviewers = ["*"]\n')
    server = Service(["bash", "-ec", adapted(server_block).strip() + " --config sallyport.toml"], tmp_path / "server.log",
                     cwd=tmp_path, env=server_env)
    try:
        server.wait_ready(lambda: "Make the first administrator" in server.text(), seconds=300)  # it may build first
        script = "set -e\n" + "\n".join(adapted(block) for block in blocks("walk"))
        walked = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    finally:
        server.stop()
    said = walked.stdout
    assert walked.returncode == 0, said
    for words in ("held as R-", "needs 1 approval", "needs a second engineer", "not her own", "Approved and published.",
                  "\nhello\n", "leak/source-map-sources", "\nrefused\n", "The ledger is whole"):
        assert words in said, said


def test_an_upstream_that_is_the_registry_itself_is_refused(tmp_path):
    port = free_port()
    for upstream in (f"http://127.0.0.1:{port}", f"http://localhost:{port}/"):
        run = subprocess.run([gateway_binary(), "serve", "--listen", f"127.0.0.1:{port}", "--upstream", upstream,
                              "--data", tmp_path / "data"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=30)
        assert run.returncode == 2
        assert "is this registry itself" in run.stderr
