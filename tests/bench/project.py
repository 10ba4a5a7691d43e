"""`npm ci` of the project of some 900 packages that tests/e2e installs, with a client that has seen nothing, from a
warm cache: wall time and the server's CPU. nginx as a caching proxy and Verdaccio beside it."""

import shutil
import statistics
import time
from pathlib import Path

import origin as upstream
from serving import cpu_seconds
from support import clients
from support.gateway import Gateway
from support.kept_registry import KeptRegistry
from support.verdaccio import Verdaccio

PROJECT = Path(__file__).resolve().parents[1] / "e2e/project.json"
OPTIONS = ("--ignore-scripts", "--legacy-peer-deps")
ROUNDS = 2


def fresh(folder, server):
    shutil.rmtree(folder, ignore_errors=True)
    made = clients.project(folder / "project")
    shutil.copy(PROJECT, made / "package.json")
    return made, clients.make("npm11", folder / "home", server.url)


def ci(folder, server, lock):
    """The seconds it took, and those of the server's processor."""
    project, npm = fresh(folder, server)
    (project / "package-lock.json").write_text(lock.replace("REGISTRY", server.url))
    began, before = time.perf_counter(), cpu_seconds(server.service)
    npm.run("ci", *OPTIONS, cwd=project, seconds=400)
    return time.perf_counter() - began, cpu_seconds(server.service) - before


def measure(table, folder):
    registry = KeptRegistry().start()
    gate = Gateway(folder / "gate", packages=[{"match": "**", "read": "main", "publish": "deny"}],
                   upstreams={"main": {"url": registry.url}}, identity={"readers": "anybody"}).start()
    others = {"nginx": upstream.CachingProxy(folder / "proxy", registry.url).start(),
              "verdaccio": Verdaccio(folder / "verdaccio", uplink=registry.url).start()}
    try:
        project, npm = fresh(folder / "case", gate)
        npm.install(project, *OPTIONS, seconds=400)
        lock = (project / "package-lock.json").read_text().replace(gate.url, "REGISTRY")
        for other in others.values():
            ci(folder / "case", other, lock)  # fills its cache
        servers = {"": gate, **others}
        # In turn, so that a busy moment of the machine is everybody's.
        rounds = [{name: ci(folder / "case", server, lock) for name, server in servers.items()} for _ in range(ROUNDS)]
        spent = {name: [statistics.mean(figures) for figures in zip(*(each[name] for each in rounds))]
                 for name in servers}
        for name in others:
            table.part("npm ci, warm", name)
            table.row("wall time", spent[""][0], spent[name][0], "s")
            table.row("server CPU", spent[""][1], spent[name][1], "s")
    finally:
        for server in (gate, *others.values()):
            server.service.stop()
        registry.stop()
