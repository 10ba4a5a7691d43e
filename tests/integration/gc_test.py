"""`sallyport gc`: what nothing refers to goes, everything else stays, with and without a server."""

import hashlib
import os
import re
import time

import pytest

from support import packages


def age(folder, days=3):
    """Everything in it was written that long ago."""
    then = time.time() - days * 86400
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def orphan(folder, data):
    """Bytes whose record was never written."""
    name = hashlib.sha512(data).hexdigest()
    path = folder / "sha512" / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def blobs(gate, kind="blobs"):
    return {path.name for path in (gate.data / kind / "sha512").rglob("*") if path.is_file()}


def digest(data):
    return hashlib.sha512(data).hexdigest()


@pytest.fixture(params=["beside a server", "without a server"])
def house(request, new_gate):
    """A release of each kind, all written days ago; what was rejected is past its time."""
    gate = new_gate(limits={"turned_down_kept_for": "1 ms"})
    alice, rita = gate.user("alice"), gate.user("rita")
    wanted, past = set(), set()
    for kind in ("held", "published", "rejected"):
        name = packages.unique(kind)
        data = packages.package_tarball(name)
        stage = gate.hold(alice, name, data=data)
        if kind == "published":
            assert gate.approve(rita, stage).ok
        if kind == "rejected":
            assert gate.reject(rita, stage).ok
        (past if kind == "rejected" else wanted).add(digest(data))
    past.add(orphan(gate.data / "blobs", b"a publish that came no further").name)
    past.add(orphan(gate.data / "cached", b"a tarball of a package that is not kept").name)
    age(gate.data / "blobs")
    age(gate.data / "cached")
    wanted.add(orphan(gate.data / "blobs", b"a publish whose record is on its way").name)
    if request.param == "without a server":
        gate.stop()
    return gate, wanted, past


def test_what_goes_and_what_stays(house):
    gate, wanted, past = house
    before = blobs(gate) | blobs(gate, "cached")
    sizes = sum(path.stat().st_size for kind in ("blobs", "cached") for path in (gate.data / kind).rglob("*")
                if path.name in past)

    dry = gate.cli("gc", "--dry-run")
    assert len(dry.stdout.splitlines()) == len(past) == 3
    assert "rejected by rita" in dry.stdout and "nothing refers to it" in dry.stdout
    assert f"Would remove 3 things, {sizes:,} bytes." in dry.stderr
    assert blobs(gate) | blobs(gate, "cached") == before

    done = gate.cli("gc")
    assert f"Removed 3 things, {sizes:,} bytes." in done.stderr
    assert blobs(gate) | blobs(gate, "cached") == wanted
    assert "Removed 0 things" in gate.cli("gc").stderr
    assert gate.verify_ledger()
    assert '"garbage.removed"' in gate.cli("ledger", "export").stdout


def test_bytes_that_are_published_again_stay(new_gate):
    gate = new_gate(limits={"turned_down_kept_for": "1 ms"})
    alice, rita = gate.user("alice"), gate.user("rita")
    name = packages.unique("again")
    data = packages.package_tarball(name)
    assert gate.reject(rita, gate.hold(alice, name, data=data)).ok
    age(gate.data / "blobs")
    stage = gate.hold(alice, name, data=data)
    age(gate.data / "blobs")
    assert "Removed 0 things" in gate.cli("gc").stderr
    assert gate.approve(rita, stage).ok
    assert gate.served_tarball(name, "1.0.0") == data


def test_a_tarball_that_is_gone_is_told(new_gate):
    gate = new_gate()
    name = packages.unique("lost")
    data = packages.package_tarball(name)
    gate.hold(gate.user("alice"), name, data=data)
    gate.stop()
    (path,) = [path for path in (gate.data / "blobs").rglob("*") if path.name == digest(data)]
    path.unlink()
    done = gate.cli("gc", expect=1)
    assert "is referred to and not there" in done.stderr


def test_what_a_killed_command_left(new_gate):
    gate = new_gate()
    left = gate.data / "copy-00000000-0000-4000-8000-000000000000"
    (left / "meta").mkdir(parents=True)
    (left / "meta" / "000001.sst").write_bytes(b"x" * 1000)
    young = gate.data / "copy-00000000-0000-4000-8000-000000000001"
    young.mkdir()
    os.utime(left, (time.time() - 3 * 86400,) * 2)
    assert "1,000 bytes  left by a command that was killed" in gate.cli("gc", "--dry-run").stdout
    assert left.exists()
    assert "Removed 1 thing, 1,000 bytes." in gate.cli("gc").stderr
    assert not left.exists() and young.exists()


def test_who_watches_sees_how_far_it_is(new_gate):
    gate = new_gate()
    for i in range(20):
        orphan(gate.data / "blobs", str(i).encode())
    age(gate.data / "blobs")
    printed, shown = gate.watched("gc")
    assert printed == ""
    assert re.search(r"\[#+ +\] [\d,]+ of 20 tarballs", shown), shown
    assert "Removed 20 things" in shown
