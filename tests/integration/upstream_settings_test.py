"""What is said of an upstream takes effect: its proxy, its certificate authority, its limits."""

import concurrent.futures
import http.server
import socket
import ssl
import threading
from types import SimpleNamespace

import pytest

from support import http as client
from support import packages
from support.authority import Authority
from support.gateway import measured
from support.processes import wait_until
from support.scripted_upstream import Reply

STEADY = {"fresh_for": "1 h"}


def get(gate, path, **options):
    return client.get(gate.url + path, token=gate.user("bob").token, **options)


def reaching(new_gate, url, **settings):
    return new_gate(upstream=SimpleNamespace(url=url, token="t"), upstreams={"main": {"url": url, **settings}},
                    packages=[{"publish": "deny"}])


def packument(name, url):
    data = packages.package_tarball(name)
    document = packages.publish_document(name, "1.0.0", data, registry=url)
    del document["_attachments"]
    return document, data


def test_all_that_is_asked_goes_by_the_proxy(scripted_upstream, new_gate):
    """Whose name alone resolves the upstream's; a tarball of another host goes there too."""
    proxy, far, name = scripted_upstream, "http://registry.invalid", packages.unique()
    document, data = packument(name, "http://files.invalid")
    proxy.script("GET", f"{far}/{name}", Reply(200, document))
    proxy.script("GET", f"http://files.invalid/{name}/.*", Reply(200, data))
    gate = reaching(new_gate, far, proxy=proxy.url)
    assert get(gate, f"/{name}/-/{name}-1.0.0.tgz").body == data
    assert [r.path for r in proxy.requests] == [f"{far}/{name}", f"http://files.invalid/{name}/-/{name}-1.0.0.tgz"]
    assert get(gate, "/" + packages.unique("other")).status == 404  # as the proxy says


class Registry:
    """One package by TLS."""

    def __init__(self, authority):
        self.name = packages.unique()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.folder / "tls.pem", authority.folder / "tls.key")
        answers = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = answers.get(self.path, b"{}")
                self.send_response(200 if self.path in answers else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        document, self.data = packument(self.name, self.url)
        answers[f"/{self.name}"] = Reply(body=document).data()
        answers[f"/{self.name}/-/{self.name}-1.0.0.tgz"] = self.data
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def registry(tmp_path):
    authority = Authority(tmp_path)
    authority.issue("registry")
    made = Registry(authority)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_company_s_own_authority_is_trusted_where_it_is_named(registry, new_gate, tmp_path):
    named = reaching(new_gate, registry.url, ca_file=str(tmp_path / "ca.pem"))
    path = f"/{registry.name}/-/{registry.name}-1.0.0.tgz"
    assert get(named, path).body == registry.data
    for elsewhere in ({}, {"ca_file": str(other_authority(tmp_path / "other").file)}):
        gate = reaching(new_gate, registry.url, **elsewhere)
        for asked in (f"/{registry.name}", path):
            answer = get(gate, asked)
            assert answer.status in (502, 503) and "certificate" in answer.error, answer.body


def other_authority(folder):
    folder.mkdir()
    return Authority(folder)


def test_no_more_connections_are_open_than_its_limit_says(scripted_upstream, new_gate):
    names = [packages.unique() for _ in range(6)]
    for name in names:
        scripted_upstream.script("GET", f"/{name}", Reply(404, {}, stall_after=-1))
    gate = reaching(new_gate, scripted_upstream.url, connections_max=2)
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        asked = [pool.submit(get, gate, f"/{name}") for name in names]
        scripted_upstream.wait_for("GET", count=2)
        assert get(gate, "/-/ping").ok
        # All six are here by now, and four of them wait here.
        wait_until(lambda: in_flight(gate) >= len(names), what="all requests")
        assert len(scripted_upstream.requests) == len(scripted_upstream.connections) == 2
        scripted_upstream.release()
        assert [one.result().status for one in asked] == [404] * len(names)
    assert len(scripted_upstream.requests) == len(names)


def in_flight(gate):
    text = client.get(f"{gate.url}/-/metrics").body.decode()
    return max(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("sallyport_requests_in_flight"))


def test_who_takes_no_connection_is_not_waited_for_longer_than_is_said(new_gate):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        try:
            for _ in range(4):  # until its queue takes no more
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(full.getsockname())
                waiting.append(one)
            gate = reaching(new_gate, f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout="300 ms")
            answer, seconds = measured(lambda: get(gate, "/lib"))
            assert answer.status == 503 and answer.headers["retry-after"] and 0.2 < seconds < 8, (answer.body, seconds)
        finally:
            for one in waiting:
                one.close()


def test_who_sends_nothing_is_not_waited_for_longer_than_is_said(scripted_upstream, new_gate):
    name = packages.unique()
    data = packages.package_tarball(name)
    scripted_upstream.add(name, "1.0.0", data)
    gate = reaching(new_gate, scripted_upstream.url, timeout="300 ms")
    scripted_upstream.script("GET", f"/{name}", Reply(200, b"{" + b" " * 100, stall_after=50))
    answer, seconds = measured(lambda: get(gate, f"/{name}"))
    assert answer.status == 503 and 0.2 < seconds < 15, (answer.body, seconds)
