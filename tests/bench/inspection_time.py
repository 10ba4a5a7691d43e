"""A whole inspection with every rule on, beside `gzip -dc` of the same file, both pinned to one core in turn."""

import json
import resource
import statistics
import subprocess
import time

import bodies
from support import real_packages
from support.tools import ROOT

# Text-heavy packages of about the sizes that the goals name, unpacked, and one with tens of thousands of lines to look
# at twice.
PACKAGES = ["nanoid@5.0.7", "axios@1.21.1", "prettier@3.2.5", "typescript@5.4.5"]
ROUNDS = 7
PROGRAM = ROOT / "build" / "release" / "inspection_time"


def gunzip_ms(path):
    """Medians of wall and CPU time."""
    wall, cpu = [], []
    for _ in range(ROUNDS):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        with open(path, "rb") as tarball:
            subprocess.run(["taskset", "-c", "0", "gzip", "-dc"], stdin=tarball, stdout=subprocess.DEVNULL, check=True)
        wall.append((time.perf_counter() - began) * 1e3)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3)
    return statistics.median(wall), statistics.median(cpu)


def measure(table, folder):
    leak = folder / "leak.tgz"
    leak.write_bytes(bodies.leaked_map("leak"))
    subjects = list(zip(PACKAGES, real_packages.tarballs(PACKAGES)))
    subjects.append(("the map of 59.8 MB", leak))
    steps = []
    for by in ("wall", "cpu"):
        table.part(f"whole inspection, {by} time on one core", "gzip -dc")
        for name, tarball in subjects:
            done = subprocess.run(["taskset", "-c", "0", PROGRAM, folder, str(ROUNDS), tarball], check=True,
                                  stdout=subprocess.PIPE)
            figures = json.loads(done.stdout)
            gunzip = gunzip_ms(tarball)[by == "cpu"]
            time_of = {step: figures[step][f"{by}_ms"] for step in ("digests", "archive", "feed", "finish")}
            whole = time_of["digests"] + time_of["feed"] + time_of["finish"]
            # A small file is over before gzip has started: only the larger ones have a goal.
            goal = 1.0 if figures["unpacked"] > 500_000 else None
            table.row(f"{name} ({figures['unpacked'] / 1e6:.1f} MB unpacked)", whole, gunzip, "ms", goal=goal, of="ratio")
            if by == "cpu":
                steps.append((name, time_of, figures["memory"]))
    table.part("where its CPU time goes", "of it")
    for name, time_of, _ in steps:
        table.row(f"{name}: digests", time_of["digests"], unit="ms")
        table.row(f"{name}: inflate, walk, digest of each file", time_of["archive"], unit="ms")
        table.row(f"{name}: contents as they pass", time_of["feed"] - time_of["archive"], unit="ms")
        table.row(f"{name}: second reader and rules", time_of["finish"], unit="ms")
    table.part("memory of one inspection", "")
    for name, _, memory in steps:
        table.row(name, memory / 2**20, unit="MiB", goal=64)
