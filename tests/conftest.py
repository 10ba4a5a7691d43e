"""Fixtures that every kind of test may use."""

import pytest

from support import clients, http, packages, verdaccio as verdaccio_server
from support.gateway import Gateway
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


class Gate(Gateway):
    """One that knows where what it forwards arrives."""

    team = None
    upstream = None  # a Verdaccio, or None when it publishes into its own store

    def user(self, name):
        return self.team[name]

    def arrived(self, package, version):
        """The tarball where it was published to: on the upstream's disk, or as anybody installs it."""
        if self.upstream:
            return self.upstream.tarball(package, version)
        return self.served_tarball(package, version)

    def served_tarball(self, package, version):
        dist = self.packument(package, self.team["bob"])["versions"][version]["dist"]
        answer = http.get(dist["tarball"], token=self.team["bob"].token)
        assert answer.status == 200, answer.body
        return answer.body

    def is_invisible(self, package, version):
        """By every way there is to see a version."""
        bob = self.team["bob"]
        document = self.packument(package, bob)
        if document is not None and (version in document["versions"] or version in document["dist-tags"].values()
                                     or version in document.get("time", {})):
            return False
        path = packages.escaped(package)
        if http.get(f"{self.url}/{path}/{version}", token=bob.token).status != 404:
            return False
        tarball = f"{self.url}/{path}/-/{packages.base_name(package)}-{version}.tgz"
        if http.get(tarball, token=bob.token).status not in (403, 404):
            return False
        return not (self.upstream and version in self.upstream.versions(package))


@pytest.fixture(scope="session")
def gate_class():
    return Gate


@pytest.fixture(scope="module", params=["upstream", "local"])
def gate(request, tmp_path_factory):
    """One a module and way: tests use names of their own. Runs twice, once forwarding to Verdaccio, once
    publishing into its own store with no upstream at all."""
    verdaccio = request.getfixturevalue("verdaccio") if request.param == "upstream" else None
    made = Gate(tmp_path_factory.mktemp("gate"), upstream=verdaccio)
    made.upstream = verdaccio
    try:
        made.start()
        made.team = made.add_team()
        yield made
    finally:
        made.close()


@pytest.fixture
def new_gate(tmp_path):
    """new_gate(upstream=…, …) -> a started one of the test's own, with the cast. What has a `tarball` and
    `versions` method counts as an upstream to look into."""
    made = []

    def make(upstream=None, start_env=None, **settings):
        gate = Gate(tmp_path / f"gate-{len(made)}", upstream=upstream, **settings)
        made.append(gate)
        gate.upstream = upstream
        gate.start(env=start_env)
        gate.team = gate.add_team()
        return gate

    yield make
    for gate in made:
        gate.close()
