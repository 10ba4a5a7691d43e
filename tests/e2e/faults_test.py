"""Real installs while the upstream is ill: each ends as promised, and soon. Then the upstream is well again, and gone:
every package installs with the right bytes, so nothing of what went wrong was kept. The cases on the wire, one by one,
are in integration/install_test.py and the unit tests of proxy/cache and proxy/upstream."""

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import clients, http, packages
from support.processes import wait_until
from support.scripted_upstream import Reply

NAMES = ["npm12", "berry"]  # Berry checks no digest at a first install: it takes what it is sent
TIMEOUT_SECONDS = 2  # of the upstream, as configured here
INSTALL_SECONDS_MAX = 60  # with all tries of the client

ALWAYS = 1000


def noise(seed, size=1 << 16):
    return random.Random(seed).randbytes(size)


# fault -> what every request gets, made of the true document's or tarball's bytes.
EITHER = {
    "answers 500": lambda data: Reply(500, {"error": "ill"}),
    "answers 503": lambda data: Reply(503, {"error": "ill"}, {"retry-after": "3600"}),
    "is silent": lambda data: Reply(200, data, stall_after=-1),
    "is silent in the middle": lambda data: Reply(200, data, stall_after=len(data) // 2),
    "hangs up": lambda data: Reply(200, data, cut_after=-1),
    "hangs up in the middle": lambda data: Reply(200, data, cut_after=len(data) // 2),
    "ends too early": lambda data: Reply(200, data[:-10], content_length=len(data)),
    "has an error page": lambda data: Reply(200, b"<html>maintenance</html>"),
    "never ends": lambda data: Reply(200, noise("endless"), chunked=True, endless=True),
    "redirects in a circle": lambda data: Reply(302, b"", {"location": "?again"}),
    "redirects to this machine": lambda data: Reply(302, b"", {"location": "http://127.0.0.1:1/"}),
}
DOCUMENT = {
    **EITHER,
    "is short": lambda data: Reply(200, data[:-10]),
    "is of another package": lambda data: Reply(200, data.replace(b'"name": "', b'"name": "other-')),
}
TARBALL = {
    **EITHER,
    "has one other byte": lambda data: Reply(200, data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]),
    "has fewer bytes": lambda data: Reply(200, data[:-10]),
    "has more bytes": lambda data: Reply(200, data + b"more"),
    "is another package's": lambda data: Reply(200, packages.package_tarball("another")),
}
CASES = [(f"document-{number}", "document", fault, DOCUMENT[fault]) for number, fault in enumerate(DOCUMENT)] + \
        [(f"tarball-{number}", "tarball", fault, TARBALL[fault]) for number, fault in enumerate(TARBALL)]
SIZES = {"small": 1 << 10, "large": 3 << 20}  # kept in memory before it is sent; sent as it arrives


def install(client, folder, names, **how):
    """A project of its own, with a client that has seen nothing."""
    project = clients.project(folder, {name: "1.0.0" for name in names})
    (project / ".yarnrc.yml").write_text("httpRetry: 0\n")
    return project, client.install(project, seconds=INSTALL_SECONDS_MAX, **how)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_wrong_is_installed_and_nothing_wrong_is_kept(name, scripted_upstream, new_gate, client, tmp_path):
    content = {}  # package -> its file

    def path_of(package, part):
        return f"/{package}" if part == "document" else scripted_upstream.tarball_path(package, "1.0.0")

    every = [(f"{package}-{size}", part, fault, reply, bytes_) for package, part, fault, reply in CASES
             for size, bytes_ in SIZES.items() if part == "tarball" or size == "small"]
    for package, part, _, reply, bytes_ in every:
        content[package] = noise(package, bytes_)
        data = packages.package_tarball(package, files={"noise.bin": content[package]})
        scripted_upstream.add(package, "1.0.0", data)
        whole = json.dumps(scripted_upstream.documents[package]).encode() if part == "document" else data
        scripted_upstream.script("GET", path_of(package, part).replace(".", r"\.") + r"(\?again)?", *[reply(whole)] * ALWAYS)
    # One upstream for each, so that none is spared because another one failed.
    gate = new_gate(upstream=scripted_upstream, packages=[
        {"match": package, "read": f"for-{package}", "publish": "deny"} for package in content],
        upstreams={f"for-{package}": {"url": scripted_upstream.url + "/", "timeout": f"{TIMEOUT_SECONDS} s"}
                   for package in content})
    token = gate.user("bob").token

    def ill(case):
        package, part, fault, _, _ = case
        project, run = install(client(name, gate.url, token), tmp_path / package, [package], expect=None)
        # One that arrives is broken off where what is wrong comes after its beginning.
        said = r"\b(502|503) |ECONNRESET" if package.endswith("large") else r"\b(502|503) "
        told = name == "berry" or re.search(said, run.text)  # which has words of its own
        if run.code != 0 and told and not (project / "node_modules" / package).exists():
            return None
        return f"{package}, whose {part} {fault}: {run}"

    with ThreadPoolExecutor(4) as pool:
        wrong = [found for found in pool.map(ill, every) if found]
    assert not wrong, "\n\n".join(wrong)
    assert gate.resident_bytes("VmHWM") < 512 << 20  # though three bodies had no end

    scripted_upstream.scripts.clear()
    scripted_upstream.release()
    for package in content:
        wait_until(lambda: http.get(f"{gate.url}/{package}", token=token).status == 200, 60, f"{package} to be there again")
    for what in ("well", "gone"):
        if what == "gone":
            scripted_upstream.stop()
        project, _ = install(client(name, gate.url, token), tmp_path / what, content)
        for package, bytes_ in content.items():
            assert (project / "node_modules" / package / "noise.bin").read_bytes() == bytes_, (package, what)
