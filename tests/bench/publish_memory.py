"""How much a server's memory grows by publishes in flight. Each figure is of a fresh process that has taken one
small publish, on the same data."""

import threading

import bodies
import raw_publish
from start_up import rss_mib
from support.verdaccio import Verdaccio

SIZES = {"10 KB": 10_000, "17.5 MB": 17_500_000, "60 MB": 60_000_000}
AT_ONCE = (1, 8)
MIB_EACH, MIB_IN_ALL = 4, 128


def together(url, token, group, look_first):
    """Publishes them at once; returns what was sent of each."""
    sent = [None] * len(group)

    def one(number):
        sent[number] = raw_publish.put(url, token, group[number], look_first=look_first)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(group))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


def growth(server, ready, token, warm_up, group, statuses):
    """Starts the server; MiB of growth by the group, MiB at the highest, and what was sent."""
    server.service = server.spawn()
    try:
        server.service.wait_ready(ready)
        together(server.url, server.bench_token, [warm_up], False)
        before = rss_mib(server.service)
        with open(f"/proc/{server.service.process.pid}/clear_refs", "w", encoding="ascii") as forget_highest:
            forget_highest.write("5")
        good = token is None
        sent = together(server.url, server.bench_token if good else token, group, not good)
        assert all(each.status in statuses for each in sent), [(each.status, each.answer) for each in sent]
        highest = rss_mib(server.service, "VmHWM")
        return highest - before, highest, sent
    finally:
        server.stop()


def measure(table, folder):
    gate = bodies.holding_gateway(folder).start()
    gate.bench_token = gate.add_user("alice", groups=["engineers"]).token
    gate.stop()
    verdaccio = Verdaccio(folder / "verdaccio").start()
    verdaccio.bench_token = verdaccio.token
    verdaccio.stop()

    serial = 0

    def some(archive, count):
        nonlocal serial
        made = []
        for _ in range(count):
            serial += 1
            name = f"bench-{serial}"
            made.append(bodies.write(folder, name, archive.tarball(name)))
        return made

    rows, refused = [], []
    tiny = bodies.Archive(2_000)
    for label, packed_bytes in SIZES.items():
        archive = bodies.Archive(packed_bytes)
        for count in AT_ONCE:
            group = some(archive, count)
            for token, seen in ((None, rows), ("npm_" + "x" * 36, refused)):
                ours = growth(gate, gate.ready, token, some(tiny, 1)[0], group, {202} if token is None else {401})
                theirs = growth(verdaccio, verdaccio.answers, token, some(tiny, 1)[0], group, {201} if token is None else {401, 403})
                seen.append((label, count, ours, theirs, sum(body.path.stat().st_size for body in group)))
            for body in group:
                body.path.unlink()

    table.part("memory of publishes in flight", "verdaccio")
    for label, count, ours, theirs, _ in rows:
        table.row(f"{label} × {count}: growth for each", ours[0] / count, theirs[0] / count, "MiB", goal=MIB_EACH)
    for label, count, ours, theirs, _ in rows:
        table.row(f"{label} × {count}: process at its highest", ours[1], theirs[1], "MiB", goal=MIB_IN_ALL)
    table.part("the same with a bad token", "verdaccio")
    for label, count, ours, theirs, _ in refused:
        table.row(f"{label} × {count}: growth for each", ours[0] / count, theirs[0] / count, "MiB", goal=MIB_EACH)
    for label, count, ours, theirs, total in refused:
        table.row(f"{label} × {count}: body sent before the answer", sum(s.body_bytes for s in ours[2]) / 1e6,
                  sum(s.body_bytes for s in theirs[2]) / 1e6, "MB", goal=0)
