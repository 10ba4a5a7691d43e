"""kill -9 in the middle of what keeps the data folder in order: everything that is referred to is whole
afterwards, and the same command again comes to the same end."""

import hashlib
import json
import os
import time

import pytest

from support import packages
from support.tools import faults_binary
from support.verdaccio import Verdaccio


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("point", ["sweep.before_remove", "sweep.after_remove"])
def test_killed_while_it_removes(point, nth, new_gate):
    gate = new_gate(binary=faults_binary())
    name = packages.unique("kept")
    data = packages.package_tarball(name)
    assert gate.approve(gate.user("rita"), gate.hold(gate.user("alice"), name, data=data)).ok
    held = packages.package_tarball(name, "1.1.0")
    stage = gate.hold(gate.user("alice"), name, "1.1.0", data=held)
    gate.stop()
    for i in range(4):
        digest = hashlib.sha512(str(i).encode()).hexdigest()
        path = gate.data / "blobs" / "sha512" / digest[:2] / digest
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(str(i).encode())
    then = time.time() - 3 * 86400
    for path in (gate.data / "blobs").rglob("*"):
        os.utime(path, (then, then))

    assert gate.cli("gc", env={"SALLYPORT_FAULT": f"{point}:{nth}"}, expect=None).returncode == -9
    gate.cli("gc")
    left = {path.name for path in (gate.data / "blobs" / "sha512").rglob("*") if path.is_file()}
    assert left == {hashlib.sha512(kept).hexdigest() for kept in (data, held)}
    gate.start()
    assert gate.served_tarball(name, "1.0.0") == data
    assert gate.approve(gate.user("rita"), stage).ok
    assert gate.served_tarball(name, "1.1.0") == held
    assert gate.verify_ledger()


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", ["import.before_fact", "import.after_fact", "blob.before_link", "blob.after_link"])
def test_killed_while_it_imports(point, nth, new_gate, tmp_path):
    old = Verdaccio(tmp_path / "old").start()
    tarballs = {}
    try:
        for _ in range(3):
            name = packages.unique("import")
            tarballs[name] = packages.package_tarball(name)
            old.publish(name, "1.0.0", tarballs[name])
    finally:
        old.stop()
    gate = new_gate(binary=faults_binary())
    gate.stop()
    command = ("import", "verdaccio", old.storage, "--htpasswd", old.folder / "htpasswd")
    assert gate.cli(*command, env={"SALLYPORT_FAULT": f"{point}:{nth}"}, expect=None).returncode == -9
    gate.cli(*command)
    assert "Imported 0 releases" in gate.cli(*command).stdout
    gate.start()
    for name, data in tarballs.items():
        assert gate.served_tarball(name, "1.0.0") == data
    assert gate.verify_ledger()
    events = [json.loads(line) for line in gate.cli("ledger", "export").stdout.splitlines()]
    assert sorted(event["subject"] for event in events if event["action"] == "release.imported") == \
        sorted(f"{name}@1.0.0" for name in tarballs)
