"""From the last byte of a publish body to the answer, beside `gzip -dc` of the same tarball in the same round."""

import statistics
import subprocess
import time

import bodies
import raw_publish

ROUNDS, HELD_ROUNDS = 7, 3
PACE = 100_000_000  # bytes of body a second


def gunzip_s(path):
    began = time.perf_counter()
    with open(path, "rb") as tarball:
        subprocess.run(["gzip", "-dc"], stdin=tarball, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def compare(gate, token, samples, status):
    """Medians in ms: unpaced, paced, gzip -dc. samples: of each round the tarball's file, and two publish bodies."""
    unpaced, paced, gunzip = [], [], []
    for tarball, *pair in samples:
        gunzip.append(gunzip_s(tarball) * 1e3)
        for body, waits, pace in zip(pair, (unpaced, paced), (None, PACE)):
            sent = raw_publish.put(gate.url, token, body, bytes_per_second=pace)
            assert sent.status == status, (sent.status, sent.answer)
            waits.append(sent.wait_s * 1e3)
    return [statistics.median(waits) for waits in (unpaced, paced, gunzip)]


def measure(table, folder):
    table.part("last body byte to answer", "gzip -dc")
    gate = bodies.holding_gateway(folder).start()
    try:
        token = gate.add_user("alice", groups=["engineers"]).token
        tarball = bodies.leaked_map("leak")
        path = folder / "leak.tgz"
        path.write_bytes(tarball)
        body = bodies.write(folder, "leak", tarball)
        # It is refused, and so may be sent again.
        unpaced, paced, gunzip = compare(gate, token, [(path, body, body)] * ROUNDS, 403)
        what = f"map of 59.8 MB in {len(tarball) / 1e6:.1f} MB"
        table.row(f"{what}, refused: unpaced on loopback", unpaced, gunzip, "ms", goal=0.5, of="ratio")
        table.row(f"{what}, refused: at 100 MB/s", paced, gunzip, "ms", goal=0.1, of="ratio")

        # What is held is on the disk when the answer comes.
        unpaced, paced, gunzip = compare(gate, token, held(folder), 202)
        table.row("60 MB of binaries, held and synced: unpaced", unpaced, gunzip, "ms")
        table.row("60 MB of binaries, held and synced: at 100 MB/s", paced, gunzip, "ms")
    finally:
        gate.close()


def held(folder):
    archive = bodies.Archive(60_000_000)
    path = folder / "held.tgz"
    path.write_bytes(archive.tarball("held"))
    for number in range(HELD_ROUNDS):
        names = [f"held-{number}-{way}" for way in ("unpaced", "paced")]
        made = [bodies.write(folder, name, archive.tarball(name)) for name in names]
        yield path, *made
        for body in made:
            body.path.unlink()
