"""Real packages from the registry that npm on this machine is configured with, through the gateway, by every
client; then once more with nothing behind it."""

import subprocess

import pytest

from support import clients
from support.processes import free_port

WANTED = "express@4.21.2"  # some sixty packages, with long histories


class Configured:
    """Never written to: it has no credential."""

    token = "none"

    def __init__(self):
        self.url = subprocess.run(["npm", "config", "get", "registry"], check=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True).stdout.strip().rstrip("/")


@pytest.fixture(scope="module")
def real_gate(gate_class, tmp_path_factory):
    made = gate_class(tmp_path_factory.mktemp("real"), upstream=Configured(),
                      packages=[{"publish": "deny"}])
    try:
        made.start()
        made.team = {"bob": made.add_user("bob")}
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("name", clients.PUBLISHERS)
def test_install_real_packages(name, real_gate, client, tmp_path):
    project = clients.project(tmp_path / "project")
    client(name, real_gate.url, real_gate.user("bob").token).install(project, WANTED, seconds=170)
    assert clients.installed(project, "express")["version"] == "4.21.2"


def test_install_real_packages_with_nothing_behind(real_gate, client, tmp_path):
    real_gate.settings["upstreams"]["main"]["url"] = f"http://127.0.0.1:{free_port()}/"
    real_gate.configure()
    real_gate.restart()
    for name in ("npm12", "bun"):
        project = clients.project(tmp_path / name)
        client(name, real_gate.url, real_gate.user("bob").token).install(project, WANTED, seconds=100)
        assert clients.installed(project, "express")["version"] == "4.21.2"
