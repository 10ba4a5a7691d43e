"""What the gateway adds to an upstream's own latency: documents and tarballs that nobody has asked for yet, one at a
time, through it and from the upstream itself."""

import http.client
import statistics
import time

import replay
from support.gateway import Gateway

ASKED = 200


def seconds_of(server, paths):
    """Of each, over one connection."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    spent = []
    for path in paths:
        began = time.perf_counter()
        link.request("GET", path, headers={"accept-encoding": "gzip"})
        answer = link.getresponse()
        answer.read()
        spent.append(time.perf_counter() - began)
        assert answer.status == 200, (path, answer.status)
    link.close()
    return spent


def measure(table, folder):
    registry = replay.Registry(folder / "registry").start()
    gate = Gateway(folder / "gate", packages=[{"match": "**", "read": "main", "publish": "deny"}],
                   upstreams={"main": {"url": registry.url}}, identity={"readers": "anybody"}).start()
    try:
        table.part("cold, one at a time", "upstream")
        for what, paths in ("packument", replay.packuments()[:ASKED]), ("tarball", replay.tarballs()[:ASKED]):
            direct, through = (statistics.median(seconds_of(server, paths)) * 1e3 for server in (registry, gate))
            table.row(f"{what}: p50", through, direct, "ms")
            table.row(f"{what}: added to the upstream's own", through - direct, None, "ms", goal=2)
    finally:
        for server in (gate, registry):
            server.service.stop()
