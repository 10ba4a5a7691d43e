"""`manifest/confusion` at the gate: no client is accused of what it does to a manifest by itself, and a manifest
that was tampered with is refused."""

import json

import pytest

from support import clients, http, packages
from support.scanner import rules

# What clients rewrite on the way to the registry and leave alone in the tarball, all in one package.
ODD = {"version": "1.2.3+build.5", "bin": "./cli.js", "main": "./lib/main.js",
       "scripts": {"build": "./node_modules/.bin/tsc -p .", "test": "true"},
       "optionalDependencies": {"fsevents": "^2.3.3"}, "dependencies": {"fsevents": "^2.3.3"},
       "peerDependencies": {"react": ">=18"}, "peerDependenciesMeta": {"react": {"optional": True}},
       "author": "A <a@acme.example> (http://acme.example)", "contributors": ["B <b@acme.example>"], "repository": "acme/odd",
       "bugs": "https://acme.example/bugs", "keywords": ["a", "b"], "funding": "https://acme.example/fund",
       "exports": {".": {"import": "./lib/main.mjs", "require": "./lib/main.js"}, "./package.json": "./package.json"},
       "engines": {"node": ">=18"}, "os": ["linux", "darwin"], "publishConfig": {"access": "public"},
       "files": ["index.js", "cli.js", "lib", "binding.gyp", "server.js"]}
ODD_FILES = {"cli.js": "#!/usr/bin/env node\n", "lib/main.js": "1\n", "lib/main.mjs": "1\n",
             "lib/main.d.ts": "export {}\n", "binding.gyp": "{}\n", "server.js": "1\n"}


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    from conftest import Gate
    made = Gate(tmp_path_factory.mktemp("gate"))
    try:
        made.start()
        made.team = made.add_team()
        yield made
    finally:
        made.close()


def report_of(gate, package):
    (stage,) = gate.stages(gate.user("rita"), package)
    answer = http.get(f"{gate.url}/-/stage/{stage['id']}/report", token=gate.user("rita").token)
    assert answer.status == 200, answer.body
    return answer.json()


@pytest.mark.parametrize("name", clients.PUBLISHERS)
def test_no_client_is_accused(name, new_gate, client, tmp_path):
    # The open profile holds a new install script (the odd package has a binding.gyp) instead of refusing it.
    gate = new_gate(packages=[{"profile": "open"}])
    package = "@acme/" + packages.unique(name)
    fields = dict(ODD)
    if name == "berry":  # resolves what it publishes: nothing to find in an empty registry
        fields = {key: value for key, value in ODD.items() if "ependencies" not in key}
    folder = packages.write_package(tmp_path / "odd", package, files=ODD_FILES)
    manifest = {"name": package, "license": "MIT", **fields}
    (folder / "package.json").write_text(json.dumps(manifest, indent=2))
    client(name, gate.url, gate.user("alice").token).publish(folder)
    found = rules(report_of(gate, package))
    assert "manifest/confusion" not in found and "manifest/version" not in found, found


@pytest.mark.parametrize("tampered", [
    {"scripts": {"test": "true"}}, {"dependencies": {"evil": "1.0.0"}}, {"bin": {"git": "index.js"}},
    {"main": "other.js"}, {"exports": "./other.js"}, {"os": ["linux"]}, {"bundleDependencies": ["x"]},
], ids=lambda fields: next(iter(fields)))
def test_a_tampered_manifest_is_refused(tampered, gate):
    package = "@acme/" + packages.unique("confused")
    data = packages.package_tarball(package, scripts={"postinstall": "node hidden.js"} if "scripts" in tampered else {})
    answer = gate.publish(gate.user("alice"), package, "1.0.0", data, fields=tampered)
    assert answer.status == 403, answer.body
    assert "manifest/confusion" in answer.json()["error"] and "package.json" in answer.json()["error"]
    assert gate.stages(gate.user("rita"), package) == []


def test_a_package_meant_for_another_registry_is_refused(gate):
    for registry, status in [(gate.url + "/", 202), ("https://elsewhere.example/", 403)]:
        package = "@acme/" + packages.unique("directed")
        config = {"publishConfig": {"registry": registry}}
        answer = gate.publish(gate.user("alice"), package, "1.0.0", packages.package_tarball(package, **config), fields=config)
        assert answer.status == status, answer.body
        assert status == 202 or "pack/private" in answer.json()["error"]
