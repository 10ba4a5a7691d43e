"""The server under load, from outside: metrics and who reads them, limits, a proxy in front, a full disk."""

import http.client as http_client
import json
import os
import re
import socket
import subprocess
from contextlib import contextmanager

import pytest

from support import http, packages
from support.gateway import Gateway
from support.processes import wait_until
from support.tools import ROOT, gateway_binary


@contextmanager
def running(folder, **settings):
    gateway = Gateway(folder, **settings)
    try:
        yield gateway.start()
    finally:
        gateway.close()


def samples(text):
    """{name{labels}: value} of the text format, and the type of each family."""
    values, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name] = kind
        elif line and not line.startswith("#"):
            name, number = line.rsplit(" ", 1)
            values[name] = float(number)
    return values, kinds


def test_metrics_count_what_happened_and_the_dashboard_asks_for_nothing_else(tmp_path):
    with running(tmp_path / "gate", identity={"readers": "anybody"}) as gateway:
        team = gateway.add_team()
        gateway.approve(team["rita"], gateway.hold(team["alice"], "counted"))
        gateway.hold(team["alice"], "waiting")
        assert gateway.packument("counted")["name"] == "counted"
        assert gateway.packument("counted") and http.get(f"{gateway.url}/no/such/thing/at/all").status == 404
        answer = http.get(f"{gateway.url}/-/metrics")
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        values, kinds = samples(answer.body.decode())
        assert values['sallyport_requests_total{route="/:pkg",method="GET",status="200"}'] == 2
        assert values['sallyport_requests_total{route="/:pkg",method="PUT",status="202"}'] == 2
        assert values['sallyport_releases{state="held"}'] == 1
        assert values['sallyport_submissions_total{state="held"}'] == 2
        assert values['sallyport_request_duration_seconds_count{class="packument"}'] == 2
        assert values['sallyport_cache_answers_total{what="packument",result="hit"}'] >= 1
        assert values["sallyport_requests_in_flight"] == 1 and values["sallyport_connections"] >= 1
        assert values["process_resident_memory_bytes"] > 1e6 and values["process_open_fds"] > 5

        exported = set(kinds)
        for name, kind in kinds.items():
            if kind == "histogram":
                exported |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
        dashboard = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        asked += re.findall(r"expr: (.*)", (ROOT / "deploy/alerts.example.yml").read_text())
        names = set(re.findall(r"\b(?:sallyport|process)_\w+", " ".join(asked)))
        assert len(names) > 10 and names - exported == set()
        assert {name for name, kind in kinds.items() if kind != "histogram"} - names == set(), "shown nowhere"


def test_metrics_are_for_this_machine_and_administrators(tmp_path):
    with running(tmp_path / "gate") as gateway:
        team = gateway.add_team()
        metrics = f"{gateway.url}/-/metrics"
        # A proxy on this machine that nobody told of: what comes through it is not from here.
        for header in ("x-forwarded-for", "forwarded", "x-real-ip", "via"):
            assert http.get(metrics, headers={header: "203.0.113.7"}).status == 401
        through = {"x-forwarded-for": "203.0.113.7"}
        assert http.get(metrics, headers=through, token=team["alice"].token).status == 403
        assert http.get(metrics, headers=through, token=team["root"].token).status == 200
    with running(tmp_path / "named", trusted_proxies=["127.0.0.1"], metrics={"readers": ["203.0.113.0/24"]}) as gateway:
        metrics = f"{gateway.url}/-/metrics"
        assert http.get(metrics, headers={"x-forwarded-for": "203.0.113.7"}).status == 200
        assert http.get(metrics, headers={"x-forwarded-for": "203.0.113.7, 198.51.100.1"}).status == 401


def until_limited(ask, most):
    for count in range(most):
        answer = ask()
        if answer.status == 429:
            return count, answer
    raise AssertionError(f"{most} requests were all admitted")


def test_one_token_has_its_share_and_others_theirs(tmp_path):
    limits = {"requests_per_second_per_token": 1, "requests_burst": 20}
    with running(tmp_path / "gate", limits=limits) as gateway:
        team = gateway.add_team()
        whoami = f"{gateway.url}/-/whoami"
        count, answer = until_limited(lambda: http.get(whoami, token=team["alice"].token), 200)
        assert count >= 20
        assert 1 <= int(answer.headers["retry-after"]) <= 2 and "Too many requests with this token" in answer.error
        assert http.get(whoami, token=team["bob"].token).status == 200
        assert http.get(f"{gateway.url}/-/ping").status == 200
        values, _ = samples(http.get(f"{gateway.url}/-/metrics").body.decode())
        assert values['sallyport_requests_limited_total{by="token"}'] == 1


def test_one_address_has_its_share_guessed_tokens_included(tmp_path):
    limits = {"requests_per_second_per_address": 1, "requests_burst": 20}
    with running(tmp_path / "gate", limits=limits, trusted_proxies=["127.0.0.1"]) as gateway:
        def guess(address):
            return http.get(f"{gateway.url}/-/whoami", token="a guess", headers={"x-forwarded-for": address})
        count, answer = until_limited(lambda: guess("203.0.113.7"), 200)
        assert count >= 20 and "Too many requests with this address" in answer.error
        # Who writes more into the header is still who the proxy saw.
        assert guess("198.51.100.9, 203.0.113.7").status == 429
        assert guess("198.51.100.9").status == 401
        # What the proxy asks for itself, such as whether we live, has no limit.
        assert all(http.get(f"{gateway.url}/-/livez").status == 200 for _ in range(50))


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_refuses_publishes_and_goes_on_reading(tmp_path, small_disk):
    gateway = Gateway(tmp_path / "gate", identity={"readers": "anybody"})
    gateway.data = small_disk / "data"
    gateway.settings["data"] = str(gateway.data)
    gateway.configure()
    try:
        gateway.start()
        team = gateway.add_team()
        gateway.approve(team["rita"], gateway.hold(team["alice"], "kept"))
        before = gateway.packument("kept")
        filler = small_disk / "filler"
        with open(filler, "wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(b"x" * 4096)
        answer = gateway.publish(team["alice"], "kept", "2.0.0", packages.package_tarball("kept", "2.0.0"))
        assert answer.status >= 500 and answer.error
        assert gateway.packument("kept") == before
        tarball = before["versions"]["1.0.0"]["dist"]["tarball"]
        assert http.get(tarball).status == 200
        filler.unlink()
        gateway.hold(team["alice"], "kept", "2.0.1")
        assert gateway.verify_ledger()
    finally:
        gateway.close()


def publish(connection, user):
    name = packages.unique("own")
    body = json.dumps(packages.publish_document(name, "1.0.0", packages.package_tarball(name)))
    connection.request("PUT", f"/{name}", body, {"authorization": f"Bearer {user.token}", "content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_who_opens_connections_leaves_files_and_upstreams_for_others(tmp_path, scripted_upstream):
    """A shell's usual limit of descriptors is soon reached: what installs and publishes need stays free."""
    few = tmp_path / "few"
    few.write_text(f'#!/bin/sh\nulimit -n 300\nexec "{gateway_binary()}" "$@"\n')
    few.chmod(0o755)
    name, large = packages.unique(), packages.unique("large")
    scripted_upstream.add(name, "1.0.0", packages.package_tarball(name))
    noise = packages.package_tarball(large, files={"lib/noise": os.urandom(3 << 20)})
    scripted_upstream.add(large, "1.0.0", noise)
    with running(tmp_path / "gate", binary=few, upstream=scripted_upstream, packages=[{"publish": "local"}]) as gate:
        alice, bob = gate.add_user("alice", groups=["engineers"], admin=True), gate.add_user("bob")
        held = []
        mine = http_client.HTTPConnection("127.0.0.1", gate.port, timeout=30)

        def get(path):
            mine.request("GET", path, headers={"authorization": f"Bearer {bob.token}"})
            answer = mine.getresponse()
            return answer.status, answer.read()

        assert get("/-/whoami")[0] == 200
        try:
            for _ in range(500):
                held.append(socket.create_connection(("127.0.0.1", gate.port), timeout=10))
            # One more is told so, in a sentence or by an end; nobody hangs.
            held[-1].settimeout(20)
            said = held[-1].recv(4096)
            assert said == b"" or said.startswith(b"HTTP/1.1 503"), said
            assert get(f"/{name}")[0] == 200
            assert get(f"/{large}/-/{large}-1.0.0.tgz") == (200, noise)
            assert publish(mine, alice) == 202
        finally:
            for one in held:
                one.close()
        wait_until(gate.ready, what="new connections")
        assert not [entry for entry in gate.entries() if entry["level"] == "error"]
