"""A packument of 5,000 versions, 15 MB: its first answer, when it is hot, and 128 clients who want it at once while somebody pings."""

import http.client
import statistics
import threading
import time
from pathlib import Path

import origin as upstream
from serving import ABBREVIATED, Load, etag_of
from start_up import rss_mib
from support.gateway import Gateway

GZIP = ("accept-encoding", "gzip")
CLIENTS = 128
ROUNDS = 5


def get(port, path, headers):
    """Reads an answer without keeping it; the seconds it took."""
    began = time.perf_counter()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("GET", path, headers=dict(headers))
    answer = link.getresponse()
    assert answer.status == 200, answer.status
    while answer.read(1 << 20):
        pass
    link.close()
    return time.perf_counter() - began


class Pings:
    """One after the other for as long as it is open; .p99_ms."""

    def __init__(self, server):
        self.server = server
        self.spent = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        link = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        while not self.over.is_set():
            began = time.perf_counter()
            link.request("GET", "/-/ping")
            link.getresponse().read()
            self.spent.append(time.perf_counter() - began)
        link.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.p99_ms = statistics.quantiles(self.spent, n=100)[98] * 1e3


def measure(table, folder):
    origin = upstream.Origin(folder / "origin").start()
    gates = [Gateway(folder / f"gate{number}", packages=[{"match": "**", "read": "main", "publish": "deny"}],
                     upstreams={"main": {"url": origin.url}}, identity={"readers": "anybody"}).start()
             for number in range(ROUNDS)]
    gate = gates[-1]
    try:
        first = statistics.median(get(each.port, "/huge", (GZIP,)) for each in gates)
        fetch = statistics.median(get(origin.port, "/huge", (GZIP,)) for _ in range(ROUNDS))
        table.part("packument of 5,000 versions, 15 MB", "upstream")
        table.row("first answer after its fetch", (first - fetch) * 1e3, None, "ms", goal=300)
        brief = (GZIP, ("accept", ABBREVIATED))
        hot = {"abbreviated": Load(gate, "/huge", 1, brief), "full": Load(gate, "/huge", 1, (GZIP,)),
               "304": Load(gate, "/huge", 1, (GZIP, ("if-none-match", etag_of(gate, GZIP, path="/huge"))), expected=304)}
        for what, load in hot.items():
            table.row(f"hot, {what}: p50", load.p50_ms, None, "ms", goal=1)
        before = rss_mib(gate.service)
        Path(f"/proc/{gate.service.process.pid}/clear_refs").write_text("5")  # its highest memory is that of now
        with Pings(gate) as pings:
            Load(gate, "/huge", CLIENTS, (GZIP,))
        table.row(f"{CLIENTS} clients at once: growth", rss_mib(gate.service, "VmHWM") - before, None, "MiB", goal=64)
        table.row(f"{CLIENTS} clients at once: p99 of ping", pings.p99_ms, None, "ms", goal=10)
    finally:
        for server in (*gates, origin):
            server.service.stop()
