"""Fixtures that every kind of test may use."""

import pytest

from support import clients, verdaccio as verdaccio_server
from support.recorder import Recorder
from support.scripted_upstream import ScriptedUpstream


@pytest.fixture(scope="session")
def verdaccio(tmp_path_factory):
    """One for the whole run: names are unique (packages.unique), so tests do not meet there."""
    server = verdaccio_server.Verdaccio(tmp_path_factory.mktemp("verdaccio"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def scripted_upstream():
    upstream = ScriptedUpstream().start()
    yield upstream
    upstream.stop()


@pytest.fixture
def record():
    """record(url) -> a Recorder in front of it."""
    started = []

    def start(target):
        started.append(Recorder(target).start())
        return started[-1]

    yield start
    for recorder in started:
        recorder.stop()


@pytest.fixture
def client(tmp_path):
    """client("npm11", registry, token) -> one with a home of its own."""
    made = []

    def make(name, registry, token=None):
        made.append(name)
        return clients.make(name, tmp_path / "homes" / f"{name}-{len(made)}", registry, token)

    return make
