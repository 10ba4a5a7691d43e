"""How reading grows with what is kept: 10, 10,000 and 1,000,000 versions of generated packages, which came through the
gateway from an upstream. As rows, and as a plot beside the binary (build/growth.svg)."""

import base64
import concurrent.futures
import gzip
import hashlib
import http.client
import json
import math
import random
from pathlib import Path

import origin as upstream
from replay import name_of
from serving import ABBREVIATED, Load, etag_of
from start_up import rss_mib, starts
from support.gateway import Gateway

STORES = {10: (1, 10), 10_000: (100, 100), 1_000_000: (10_000, 100)}  # versions: packages, versions of each
SPREAD = 200  # packages that are asked for in turn
FILLERS = 4   # clients that bring them in
STARTS = 5
TARBALL_BYTES = 5_000
PLOT = Path(__file__).resolve().parents[2] / "build" / "growth.svg"


class Registry(upstream.Origin):
    """Packages that differ in their names; the first has a tarball of its 1.0.0."""

    def __init__(self, folder, packages, versions):
        self.names = [name_of(number) for number in range(packages)]
        self.count = versions
        super().__init__(folder)

    def write(self):
        body = random.Random(3).randbytes(TARBALL_BYTES)
        dist = {"shasum": hashlib.sha1(body).hexdigest(),
                "integrity": "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode()}
        versions = [f"1.0.{number}" for number in range(self.count)]
        text = json.dumps({
            "_id": "NAME", "name": "NAME", "dist-tags": {"latest": versions[-1]},
            "versions": {version: {"name": "NAME", "version": version, "dependencies": {"other": "^1.0.0"},
                                   "dist": {**dist, "tarball": f"{self.url}/NAME/-/NAME-{version}.tgz"}}
                         for version in versions},
            "time": {version: "2025-01-01T00:00:00.000Z" for version in versions}})
        (self.files / "documents").mkdir(parents=True)
        for name in self.names:
            packed = gzip.compress(text.replace("NAME", name).encode(), 1)
            (self.files / "documents" / f"{name}.gz").write_bytes(packed)
        tarball = self.files / self.names[0] / "-" / f"{self.names[0]}-1.0.0.tgz"
        tarball.parent.mkdir(parents=True)
        tarball.write_bytes(body)
        self.point_at_documents()


def bring_in(server, names):
    def some(mine):
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for name in mine:
            link.request("GET", f"/{name}", headers={"accept-encoding": "gzip", "accept": ABBREVIATED})
            answer = link.getresponse()
            answer.read()
            assert answer.status == 200, (name, answer.status)
        link.close()

    with concurrent.futures.ThreadPoolExecutor(FILLERS) as pool:
        list(pool.map(some, [names[start::FILLERS] for start in range(FILLERS)]))


def spread_load(folder, server, names):
    """Abbreviated documents in turn, of packages all over the store."""
    script = folder / "names.lua"
    paths = ",".join(f'"/{name}"' for name in names[::max(1, len(names) // SPREAD)])
    script.write_text(f"""local paths = {{{paths}}}
        local at = 0
        request = function() at = at % #paths + 1; return wrk.format("GET", paths[at]) end""")
    return Load(server, f"/{names[0]}", 16, (("accept-encoding", "gzip"), ("accept", ABBREVIATED)), script=script)


def figures(folder, packages, versions):
    """What was measured -> (figure, unit)."""
    registry = Registry(folder / "registry", packages, versions).start()
    gate = Gateway(folder / "gate", packages=[{"match": "**", "read": "main", "publish": "deny"}],
                   upstreams={"main": {"url": registry.url}}, cache={"fresh_for": "1 day"},
                   identity={"readers": "anybody"}).start()
    first = registry.names[0]
    tarball = f"/{first}/-/{first}-1.0.0.tgz"
    packed, brief = ("accept-encoding", "gzip"), ("accept", ABBREVIATED)
    try:
        bring_in(gate, registry.names)
        found = {"packument": (1e6 / Load(gate, f"/{first}", 16, (packed, brief)).rate, "µs"),
                 "packuments in turn": (1e6 / spread_load(folder, gate, registry.names).rate, "µs"),
                 "tarball": (1e6 / Load(gate, tarball, 16).rate, "µs")}
        held = (packed, ("if-none-match", etag_of(gate, packed, path=f"/{first}")))
        found["304"] = (1e6 / Load(gate, f"/{first}", 16, held, expected=304).rate, "µs")
        found["memory"] = (rss_mib(gate.service), "MiB")
        gate.stop()
        took, memory = starts(gate, "/-/readyz", STARTS)
        found["start to first answer"] = (took, "ms")
        found["memory after a start"] = (memory, "MiB")
        return found
    finally:
        registry.service.stop()
        gate.close()


def plot(measured):
    """Each figure's line as multiples of what it is with the smallest store, both axes logarithmic."""
    width, height, left, top = 640, 360, 60, 20
    sizes = list(measured)
    lines = {what: [measured[size][what][0] for size in sizes] for what in measured[sizes[0]]}
    low, high = math.log10(0.5), math.log10(max(10, *(max(line) / line[0] * 1.2 for line in lines.values())))

    def x(size):
        return left + (width - left - 200) * math.log10(size / sizes[0]) / math.log10(sizes[-1] / sizes[0])

    def y(multiple):
        return top + (height - top - 50) * (high - math.log10(multiple)) / (high - low)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
             'font-size="12"><rect width="100%" height="100%" fill="white"/>']
    for multiple in (value for value in (0.5, 1, 2, 5, 10, 20, 50, 100) if low <= math.log10(value) <= high):
        parts.append(f'<path d="M{left} {y(multiple):.0f}H{width - 200}" stroke="#ddd"/>'
                     f'<text x="{left - 6}" y="{y(multiple) + 4:.0f}" text-anchor="end">×{multiple:g}</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.0f}" y="{height - 28}" text-anchor="middle">{size:,}</text>')
    parts.append(f'<text x="{x(sizes[1]):.0f}" y="{height - 8}" text-anchor="middle">versions in the store</text>')
    colours = ("#1b6ca8", "#c0392b", "#27803b", "#8e44ad", "#b9770e", "#444", "#16a085")
    for number, (what, line) in enumerate(lines.items()):
        colour = colours[number % len(colours)]
        points = " ".join(f"{x(size):.0f},{y(value / line[0]):.1f}" for size, value in zip(sizes, line))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{width - 190}" y="{top + 20 + 20 * number}" fill="{colour}">{what}, '
                     f'{line[0]:.0f} {measured[sizes[0]][what][1]}</text>')
    return "\n".join([*parts, "</svg>\n"])


def measure(table, folder):
    measured = {}
    for size, (packages, versions) in STORES.items():
        (folder / str(size)).mkdir()
        measured[size] = figures(folder / str(size), packages, versions)
    least = measured[min(measured)]
    for size in list(measured)[1:]:
        table.part(f"{size:,} versions in the store", "10 versions")
        for what, (figure, unit) in measured[size].items():
            table.row(what, figure, least[what][0], unit)
    PLOT.parent.mkdir(exist_ok=True)
    PLOT.write_text(plot(measured))
