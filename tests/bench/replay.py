"""The requests of an install of some 900 packages: 941 packuments, then 933 tarballs, of generated packages whose
sizes are spread as real ones' are. Cold, from an upstream that answers at once, and warm; nginx as a caching proxy
beside it."""

import base64
import concurrent.futures
import gzip
import hashlib
import http.client
import json
import random
import string
import subprocess
import time

import origin as upstream
from support.gateway import Gateway

PACKUMENTS, TARBALLS = 941, 933
AT_ONCE = 16
PASSES_S = 4


def name_of(number):
    letters = string.ascii_lowercase
    return "p" + letters[number // 676] + letters[number // 26 % 26] + letters[number % 26]


class Registry(upstream.Origin):
    """One tarball a package; packuments of 1 to 600 versions, half of them under 30."""

    def write(self):
        chance = random.Random(900)
        names = [name_of(number) for number in range(PACKUMENTS)]
        for name in names:
            body = chance.randbytes(min(3_000_000, int(chance.lognormvariate(9.6, 1.5))))
            count = max(1, min(600, int(chance.lognormvariate(3.3, 1.2))))
            (self.files / name / "-").mkdir(parents=True)
            (self.files / name / "-" / f"{name}-1.0.0.tgz").write_bytes(body)
            dist = {"shasum": hashlib.sha1(body).hexdigest(),
                    "integrity": "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode()}
            versions = {f"1.0.{n}": {"name": name, "version": f"1.0.{n}", "description": "x" * 900,
                                     "dependencies": {names[n % 900]: "^1.0.0"},
                                     "dist": {**dist, "tarball": f"{self.url}/{name}/-/{name}-1.0.{n}.tgz"}}
                        for n in range(count)}
            text = json.dumps({"_id": name, "name": name, "dist-tags": {"latest": "1.0.0"}, "versions": versions,
                               "time": {version: "2025-01-01T00:00:00.000Z" for version in versions}})
            (self.files / name / "index.gz").write_bytes(gzip.compress(text.encode(), 6))
        self.part_documents(names)


def packuments():
    return [f"/{name_of(number)}" for number in range(PACKUMENTS)]


def tarballs():
    return [f"/{name_of(number)}/-/{name_of(number)}-1.0.0.tgz" for number in range(TARBALLS)]


def fetch(server, paths):
    """Each path once, over AT_ONCE connections; the seconds it took."""
    def some(mine):
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for path in mine:
            link.request("GET", path, headers={"accept-encoding": "gzip"})
            answer = link.getresponse()
            answer.read()
            assert answer.status == 200, (path, answer.status)
        link.close()

    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(some, [paths[start::AT_ONCE] for start in range(AT_ONCE)]))
    return time.perf_counter() - began


def pass_seconds(server, paths, folder):
    """All of them once, as wrk would ask for them: it goes round for a while, and is faster than any script."""
    script = folder / "paths.lua"
    listed = ",".join(f'"{path}"' for path in paths)
    script.write_text(f"""local paths = {{{listed}}}
        local at = 0
        request = function() at = at % #paths + 1; return wrk.format("GET", paths[at]) end""")
    text = subprocess.run(["wrk", "-t1", f"-c{AT_ONCE}", f"-d{PASSES_S}s", "-H", "accept-encoding: gzip",
                           "-s", script, server.url], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Non-2xx" not in text, text
    rate = float(text.split("Requests/sec:")[1].split()[0])
    return len(paths) / rate


def measure(table, folder):
    registry = Registry(folder / "registry").start()
    gate = Gateway(folder / "gate", packages=[{"match": "**", "read": "main", "publish": "deny"}],
                   upstreams={"main": {"url": registry.url}}, identity={"readers": "anybody"}).start()
    proxy = upstream.CachingProxy(folder / "proxy", registry.url).start()
    try:
        table.part(f"an install's requests, {PACKUMENTS} packuments and {TARBALLS} tarballs", "nginx")
        for what, paths, goal in ("packuments", packuments(), 2.0), ("tarballs", tarballs(), 1.0):
            table.row(f"cold: {what}", fetch(gate, paths), fetch(proxy, paths), "s", goal=goal)
        both = packuments() + tarballs()
        ours, theirs = (pass_seconds(server, both, folder) * 1e3 for server in (gate, proxy))
        table.row("warm: all of them", ours, theirs, "ms", goal=1.5, of="ratio")
    finally:
        for server in (gate, proxy, registry):
            server.service.stop()
