"""Installs' reads from a warm cache: requests a second, CPU a request, latencies; with a token, over TLS and while the
metrics are read; beside nginx as a caching proxy, and Verdaccio. All servers in one run, asked by wrk for the same bytes."""

import contextlib
import os
import re
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import origin as upstream
from start_up import rss_mib
from support import http
from support.gateway import Gateway
from support.verdaccio import Verdaccio

SECONDS = 2
ABBREVIATED = "application/vnd.npm.install-v1+json"
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(service):
    """Of the process group, which nginx's workers are in."""
    spent = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == service.process.pid:
            spent += int(fields[11]) + int(fields[12])
    return spent / TICK


class Load:
    """One wrk run: .rate (requests/s), .cpu_us (of the server, a request), .p50_ms, .p99_ms."""

    def __init__(self, server, path, connections, headers=(), seconds=SECONDS, expected=200, script=None):
        if server.url.startswith("http:"):
            answer = http.request("GET", server.url + path, headers=dict(headers), seconds=60)
            assert answer.status == expected, (server.url + path, answer.status, answer.body[:200])
        before = cpu_seconds(server.service)
        arguments = [arg for name, value in headers for arg in ("-H", f"{name}: {value}")]
        arguments += ["-s", script] if script else []
        text = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", *arguments,
                               server.url + path], capture_output=True, text=True, check=True, timeout=120).stdout
        spent = cpu_seconds(server.service) - before
        assert "Non-2xx" not in text, (server.url + path, text)
        requests = int(re.search(r"(\d+) requests in", text)[1])
        assert requests, text
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
        self.cpu_us = spent / requests * 1e6
        self.p50_ms, self.p99_ms = (milliseconds(re.search(rf"{p}%\s+([\d.]+\w+)", text)[1]) for p in (50, 99))


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(\w+)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def measure(table, folder):
    origin = upstream.Origin(folder / "origin").start()
    gate = Gateway(folder / "gate", packages=[{"match": "**", "read": "main", "publish": "deny"}],
                   upstreams={"main": {"url": origin.url}}, identity={"readers": "anybody"}).start()  # each logs its requests
    proxy = upstream.CachingProxy(folder / "proxy", origin.url).start()
    verdaccio = Verdaccio(folder / "verdaccio", uplink=origin.url).start()
    servers = (gate, proxy, verdaccio)
    gzip = ("accept-encoding", "gzip")
    documents = {"packument, 4 versions": "/small", "packument, 500 versions": "/popular",
                 "packument, 5,000 versions": "/huge"}
    tarballs = {f"tarball, {size}": f"/small/-/small-1.0.{number}.tgz" for number, size in enumerate(upstream.SIZES)}
    try:
        for connections in (1, 16, 64, 256):
            table.part(f"serving, {connections} connections", "nginx")
            for what, path in {**documents, **tarballs}.items():
                large = "MB" in what or "5,000" in what
                if large and connections > 16:  # more requests than end in the time would be measured badly
                    continue
                headers = (gzip, ("accept", "application/json")) if path in documents.values() else ()
                ours = Load(gate, path, connections, headers)
                theirs = Load(proxy, path, connections, headers)
                ratio_row(table, what, ours, theirs)
            ours, theirs = (
                Load(server, "/small", connections, (gzip, ("if-none-match", etag_of(server, gzip))), expected=304)
                for server in (gate, proxy))
            ratio_row(table, "304", ours, theirs)
        table.part("serving, others under 64 connections", "without")
        reader = ("authorization", f"Bearer {gate.add_user('reader').token}")
        for what, path in ("tarball, 5 KB", tarballs["tarball, 5 KB"]), ("packument, 4 versions", "/small"):
            known, anybody = Load(gate, path, 64, (reader,)), Load(gate, path, 64)
            table.row(f"{what}, with a token: time a request", 1e6 / known.rate, 1e6 / anybody.rate, "µs",
                      goal=1.33, of="ratio")
            table.row(f"{what}, with a token: CPU a request", known.cpu_us, anybody.cpu_us, "µs",
                      goal=1.33, of="ratio")
        secure = Secured(folder / "tls", origin.url).start()
        for what in ("tarball, 5 KB", "tarball, 300 KB"):
            encrypted, plain = Load(secure, tarballs[what], 64), Load(gate, tarballs[what], 64)
            table.row(f"{what}, over TLS: CPU a request", encrypted.cpu_us, plain.cpu_us, "µs")
        secure.service.stop()
        with Scraped(gate):
            scraped = Load(gate, tarballs["tarball, 5 KB"], 64)
        quiet = Load(gate, tarballs["tarball, 5 KB"], 64)
        table.row("tarball, 5 KB, metrics read each second: CPU a request", scraped.cpu_us, quiet.cpu_us, "µs")
        before = rss_mib(gate.service)
        with slow_readers(gate, tarballs["tarball, 30 MB"], 256):
            table.part("serving, memory", "before")
            table.row("256 slow readers of 30 MB: growth", rss_mib(gate.service) - before, None, "MiB", goal=8)
        table.part("serving, 16 connections", "verdaccio")
        for what, path in ("tarball, 5 KB", tarballs["tarball, 5 KB"]), ("packument, 500 versions", "/popular"):
            headers = (("accept", ABBREVIATED), gzip) if path == "/popular" else ()
            ours, theirs = (Load(server, path, 16, headers, seconds=4) for server in (gate, verdaccio))
            table.row(f"{what}: time a request", 1e6 / ours.rate, 1e6 / theirs.rate, "µs",
                      goal=1 / 1000 if path == "/popular" else 1 / 35, of="ratio")
    finally:
        for server in servers:
            server.service.stop()
        origin.service.stop()


class Secured(Gateway):
    """Over TLS. wrk trusts anybody."""

    def __init__(self, folder, upstream_url):
        folder.mkdir()
        certificate, key = folder / "tls.pem", folder / "tls.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        super().__init__(folder / "gate", packages=[{"match": "**", "read": "main", "publish": "deny"}],
                         upstreams={"main": {"url": upstream_url}}, identity={"readers": "anybody"},
                         tls={"certificate": str(certificate), "key": str(key)})
        self.url = self.url.replace("http://", "https://")
        self.settings["public_url"] = self.url
        self.configure()

    def ready(self):
        try:
            plain = socket.create_connection(("127.0.0.1", self.port), timeout=2)
            with ssl._create_unverified_context().wrap_socket(plain):
                return True
        except OSError:
            return False


class Scraped:
    """Reads the metrics once a second for as long as it is open."""

    def __init__(self, server):
        self.server = server
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(1):
            assert http.get(self.server.url + "/-/metrics", seconds=20).status == 200

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@contextlib.contextmanager
def slow_readers(server, path, count):
    """Clients that have read the beginning of an answer and then nothing more."""
    links = []
    try:
        for _ in range(count):
            link = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            links.append(link)
            link.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        for link in links:
            assert link.recv(4096).startswith(b"HTTP/1.1 200")
        yield
    finally:
        for link in links:
            link.close()


def etag_of(server, *headers, path="/small"):
    return http.get(server.url + path, headers=dict(headers)).headers["etag"]


def ratio_row(table, what, ours, theirs):
    """Time and CPU a request: the smaller the better, so that 0.9 of nginx's requests a second is 1.11 here."""
    goal = {"tarball, 5 KB": 1.11, "304": 1.11, "packument, 4 versions": 1.11, "packument, 500 versions": 1.11,
            "tarball, 300 KB": 0.67}.get(what)
    table.row(f"{what}: time a request", 1e6 / ours.rate, 1e6 / theirs.rate, "µs", goal=goal, of="ratio")
    table.row(f"{what}: CPU a request", ours.cpu_us, theirs.cpu_us, "µs",
              goal=1.2 if what == "tarball, 30 MB" else goal, of="ratio")
    table.row(f"{what}: p50", ours.p50_ms, theirs.p50_ms, "ms")
    table.row(f"{what}: p99", ours.p99_ms, theirs.p99_ms, "ms")
