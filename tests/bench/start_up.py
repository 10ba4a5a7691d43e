"""From starting the process to its first answer, on data that is there already, and its memory then."""

import socket
import statistics
import time

from support.gateway import Gateway
from support.verdaccio import Verdaccio

IDLE_S = 1.0  # after which the memory is looked at


def first_answer(server, path):
    """Starts a server; returns it and the milliseconds until it answered."""
    began = time.perf_counter()
    service = server.spawn()
    while True:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
                link.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\nconnection: close\r\n\r\n".encode())
                if link.recv(64).startswith(b"HTTP/1.1 200"):
                    return service, (time.perf_counter() - began) * 1e3
        except OSError:
            pass
        assert service.process.poll() is None, service.text()
        time.sleep(0.0005)


def rss_mib(service, key="VmRSS"):
    with open(f"/proc/{service.process.pid}/status", encoding="ascii") as status:
        return int(status.read().split(f"{key}:")[1].split()[0]) / 1024


def starts(server, path, times):
    answers, idle = [], []
    for _ in range(times):
        service, took = first_answer(server, path)
        time.sleep(IDLE_S)
        answers.append(took)
        idle.append(rss_mib(service))
        service.stop()
    return statistics.median(answers), statistics.median(idle)


def measure(table, folder):
    gate = Gateway(folder / "gate")
    gate.start()
    alice = gate.add_user("alice", groups=["engineers"])
    gate.hold(alice, "first")
    gate.stop()

    ours = starts(gate, "/-/readyz", 7)
    verdaccio = Verdaccio(folder / "verdaccio").start()
    verdaccio.stop()
    theirs = starts(verdaccio, "/-/ping", 3)

    table.part("start, on existing data", "verdaccio")
    table.row("start to first answer", ours[0], theirs[0], "ms", goal=60)
    table.row("idle memory, all rules loaded", ours[1], theirs[1], "MiB", goal=30)
