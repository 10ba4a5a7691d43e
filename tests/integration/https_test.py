"""HTTPS without a proxy in front: real npm with a company's authority, a certificate renewed under way."""

import re
import signal
import socket
import ssl
import subprocess
import warnings

import pytest

from support import clients, packages
from support.authority import Authority
from support.gateway import Gateway
from support.processes import wait_until
from support.tools import gateway_binary


class Https(Gateway):
    def __init__(self, folder, authority):
        self.authority = authority
        super().__init__(folder, identity={"readers": "anybody"},
                         tls={"certificate": str(authority.folder / "tls.pem"), "key": str(authority.folder / "tls.key")})
        self.url = self.url.replace("http://", "https://")
        self.settings["public_url"] = self.url
        self.configure()

    def context(self):
        context = ssl.create_default_context(cafile=self.authority.file)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context

    def connect(self, context=None):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return (context or self.context()).wrap_socket(plain, server_hostname="127.0.0.1")

    def ready(self):
        try:
            with self.connect() as wire:
                return ask(wire, "/-/readyz").startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def shown(self):
        with self.connect() as wire:
            return dict(part[0] for part in wire.getpeercert()["subject"])["commonName"]


def ask(wire, path):
    wire.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data or len(data.split(b"\r\n\r\n", 1)[1]) < length(data):
        piece = wire.recv(65536)
        if not piece:
            break
        data += piece
    return data


def length(data):
    head = data.split(b"\r\n\r\n")[0].lower()
    return int(head.split(b"content-length: ")[1].split(b"\r\n")[0])


@pytest.fixture
def https(tmp_path):
    (tmp_path / "pki").mkdir()
    authority = Authority(tmp_path / "pki")
    authority.issue("first")
    gateway = Https(tmp_path / "gate", authority)
    try:
        yield gateway.start()
    finally:
        gateway.close()


def test_the_protocols_that_are_spoken(https):
    with https.connect() as wire:
        assert wire.version() in ("TLSv1.2", "TLSv1.3") and wire.selected_alpn_protocol() == "http/1.1"
    old = https.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        https.connect(old)
    # Plain HTTP gets no answer, and is no fault of the server.
    with socket.create_connection(("127.0.0.1", https.port), timeout=20) as plain:
        plain.sendall(b"GET /-/ping HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP/1.1" not in plain.recv(1000)
    assert https.ready()


def test_who_never_finishes_the_handshake_holds_nobody_up_and_is_let_go(https):
    silent = [socket.create_connection(("127.0.0.1", https.port), timeout=25) for _ in range(100)]
    for wire in silent[::2]:
        wire.sendall(b"\x16\x03\x01\x02")  # the first bytes of a hello
    assert https.ready()
    for wire in silent:
        assert wire.recv(100) == b""
        wire.close()


def test_a_renewed_certificate_is_shown_and_no_connection_dropped(https):
    assert https.shown() == "first"
    with https.connect() as before:
        assert ask(before, "/-/ping").startswith(b"HTTP/1.1 200")
        https.authority.issue("second")
        https.service.signal(signal.SIGHUP)
        wait_until(lambda: https.shown() == "second", 20, "the second certificate")
        https.authority.issue("third")  # seen without a signal
        wait_until(lambda: https.shown() == "third", 30, "the third certificate")
        (https.authority.folder / "tls.pem").write_text("no certificate\n")
        https.service.signal(signal.SIGHUP)
        wait_until(lambda: "the old one stays in use" in https.log.read_text(), 20, "the error in the log")
        assert https.shown() == "third"
        assert ask(before, "/-/ping").startswith(b"HTTP/1.1 200")


def test_a_wrong_pair_is_told_at_the_start(https, tmp_path):
    key = https.authority.folder / "tls.key"
    text = key.read_text()
    https.authority.issue("other")
    key.write_text(text)
    https.stop()
    done = subprocess.run([gateway_binary(), "serve", "--config", https.config], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "give the PEM file of the certificate's key" in done.stderr


def test_npm_publishes_and_installs_over_https(https, tmp_path):
    team = https.add_team()
    npm = clients.make("npm11", tmp_path / "home", https.url, team["alice"].token)
    npm.settings["cafile"] = str(https.authority.file)
    npm.configure()
    folder = packages.write_package(tmp_path / "lib", "lib", "1.0.0")
    npm.publish(folder)
    reviewer = clients.make("npm11", tmp_path / "reviewer", https.url, team["rita"].token)
    reviewer.settings["cafile"] = str(https.authority.file)
    reviewer.configure()
    (stage,) = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", reviewer.run("stage", "list", "--json").stdout)[:1]
    reviewer.run("stage", "approve", stage)
    npm.install(clients.project(tmp_path / "project"), "lib@1.0.0")
    assert (tmp_path / "project/node_modules/lib/package.json").is_file()
    # Whose authority nobody named is not believed.
    stranger = clients.make("npm11", tmp_path / "stranger", https.url)
    assert "certificate" in stranger.run("view", "lib", expect="failure").text
