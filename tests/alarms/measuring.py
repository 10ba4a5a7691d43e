"""Scans releases of popular packages, each with the one before it on its line, in every profile, and counts what fires.
Tarballs and results are kept, so that a run goes on where the last one ended and a changed binary scans anew."""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from support import tools

HERE = Path(__file__).parent
SAMPLES = ["tune", "report"]
PROFILES = ["proprietary", "open", "internal"]
ACTIONS = ["note", "warn", "escalate", "block"]
MAPS = "source-map"  # in the name of every rule that is about them
PAIRS = 2  # of a package
BATCH = 12


def cache():
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sallyport-alarms"
    (folder / "tarballs").mkdir(parents=True, exist_ok=True)
    return folder


def listed(sample):
    """NAME@VERSION of the data file."""
    lines = (HERE / f"{sample}.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def keep(path, text):
    """Whole or not at all: a run may be stopped."""
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_text(text)
    fresh.rename(path)


class Fetcher:
    """Tarballs through npm, whatever registry it is configured with; kept, with what each NAME@RANGE resolved to."""

    def __init__(self, folder, pool):
        self.folder, self.pool = folder, pool

    def note(self, spec):
        return self.folder / (hashlib.sha256(spec.encode()).hexdigest()[:24] + ".json")

    def pack(self, specs):
        """All of them by one npm; nothing is kept where one of them fails, and npm's complaint is returned."""
        with tempfile.TemporaryDirectory(dir=self.folder) as fetched:
            npm = [tools.node(), tools.clients_folder() / "npm11/bin/npm-cli.js"]
            done = subprocess.run([*npm, "pack", "--json", "--pack-destination", fetched, *specs], cwd=fetched,
                                  capture_output=True, text=True, timeout=600)
            if done.returncode != 0:
                return done.stderr
            for spec, shown in zip(specs, json.loads(done.stdout), strict=True):
                file = f"{shown['name'].replace('/', '+')}@{shown['version']}.tgz"
                packed = f"{shown['name'].removeprefix('@').replace('/', '-')}-{shown['version']}.tgz"
                (Path(fetched) / packed).rename(self.folder / file)
                keep(self.note(spec), json.dumps([shown["name"], shown["version"], file]))
        return None

    def pack_all(self, specs):
        """In one go, which spares a start of npm each; one by one where that fails."""
        if self.pack(specs) is None:
            return
        for spec in specs:
            complaint = self.pack([spec])
            if complaint and any(code in complaint for code in ("ETARGET", "E404")):  # no such release
                keep(self.note(spec), "null")

    def fetch(self, specs):
        """[(name, version, tarball)] of what npm resolves each NAME@RANGE to, or None where there is nothing."""
        missing = [spec for spec in specs if not self.note(spec).exists()]
        list(self.pool.map(self.pack_all, [missing[at:at + BATCH] for at in range(0, len(missing), BATCH)]))
        known = [json.loads(self.note(spec).read_text()) if self.note(spec).exists() else None for spec in specs]
        return [entry and (entry[0], entry[1], self.folder / entry[2]) for entry in known]

    def pairs(self, specs):
        """[(name, version, tarball, version before, tarball before)]: some releases of each, each beside the highest
        lower one."""
        found = []
        releases = [release for release in self.fetch(specs) if release]
        for _ in range(PAIRS):
            befores = self.fetch([f"{name}@<{version}" for name, version, _ in releases])
            found += [(*release, *before[1:]) for release, before in zip(releases, befores) if before]
            releases = [before for before in befores if before]
        return found


def scan(binary, tarball, before, profile):
    """The findings, [rule, action, file, message, whether the release before had it], of one scan."""
    done = subprocess.run([binary, "scan", tarball, "--previous", before, "--profile", profile, "--format", "json"],
                          capture_output=True, text=True, timeout=600)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{tarball}: {done.stderr[-500:]}")
    return [[f["rule"], f["action"], f["file"], f["message"], f.get("known", False)] for f in json.loads(done.stdout)["findings"]]


def judged(binary, results, pair):
    """{"release", "previous", profile: findings} of a pair; from the last run of the same binary, if it got so far."""
    name, version, tarball, version_before, before = pair
    note = results / f"{name.replace('/', '+')}@{version}.json"
    if not note.exists():
        found = {profile: scan(binary, tarball, before, profile) for profile in PROFILES}
        keep(note, json.dumps({"release": f"{name}@{version}", "previous": version_before, **found}))
    return json.loads(note.read_text())


def worst(findings):
    """rule -> the worst action it took."""
    found = {}
    for rule, action, *_ in findings:
        found[rule] = max(found.get(rule, "note"), action, key=ACTIONS.index)
    return found


def counted(releases):
    """Per profile: releases with a block, with anything above note, both with source maps aside too; per rule, how many
    releases it took each action on at worst."""
    summary = {"releases": len(releases), "profiles": {}}
    for profile in PROFILES:
        rules = collections.defaultdict(collections.Counter)
        totals = collections.Counter()
        for release in releases:
            taken = worst(release[profile])
            for rule, action in taken.items():
                rules[rule][action] += 1
            aside = [action for rule, action in taken.items() if MAPS not in rule]
            totals["block"] += "block" in taken.values()
            totals["block, maps aside"] += "block" in aside
            totals["above note"] += any(action != "note" for action in taken.values())
            totals["above note, and new"] += any(f[1] != "note" and not f[4] for f in release[profile])
            totals["above note, maps aside"] += any(action != "note" for action in aside)
        summary["profiles"][profile] = {"releases with": dict(totals),
                                        "rules": {rule: dict(actions) for rule, actions in sorted(rules.items())}}
    return summary


def printed(summary):
    every = max(summary["releases"], 1)
    lines = [f"{summary['releases']} releases, each with the one before it"]
    for profile, found in summary["profiles"].items():
        lines += ["", f"{profile:34}{'note':>8}{'warn':>8}{'escalate':>10}{'block':>8}{'above note':>13}"]
        for rule, actions in found["rules"].items():
            above = sum(count for action, count in actions.items() if action != "note")
            shown = [actions.get(action, 0) or "" for action in ACTIONS]
            lines.append(f"  {rule:32}{shown[0]:>8}{shown[1]:>8}{shown[2]:>10}{shown[3]:>8}{above / every:>12.1%}")
        for total, count in found["releases with"].items():
            lines.append(f"  releases with {total + ':':24}{count:5}{count / every:>9.1%}")
    return "\n".join(lines)


def measure(specs, binary, jobs, progress):
    folder = cache()
    key = hashlib.sha256(Path(binary).read_bytes()).hexdigest()[:16]
    results = folder / "results" / key
    results.mkdir(parents=True, exist_ok=True)
    releases, failed = [], []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        pairs = Fetcher(folder / "tarballs", pool).pairs(specs)
        running = {pool.submit(judged, binary, results, pair): pair for pair in pairs}
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            try:
                releases.append(future.result())
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                failed.append(str(error))
            if progress:
                print(f"\r{done} of {len(pairs)} releases", end="", file=sys.stderr, flush=True)
    if progress:
        print(file=sys.stderr)
    return sorted(releases, key=lambda release: release["release"]), failed


def main():
    parser = argparse.ArgumentParser(prog="tests/alarms/measure", description=__doc__)
    parser.add_argument("--sample", choices=SAMPLES, default="tune", help="tune rules on one, report on the other")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures and findings, beside the table")
    parser.add_argument("--show", metavar="RULE", help="list what this rule said above note, and where")
    parser.add_argument("--profile", choices=PROFILES, default="open", help="of --show")
    options = parser.parse_args()
    releases, failed = measure(listed(options.sample), tools.gateway_binary(), options.jobs, sys.stderr.isatty())
    summary = counted(releases)
    print(printed(summary))
    for sentence in failed:
        print(f"not measured: {sentence}")
    if options.show:
        for release in releases:
            for rule, action, file, message, _ in release[options.profile]:
                if rule.startswith(options.show) and action != "note":
                    print(f"{release['release']} after {release['previous']}: {rule} {action} {file}: {message}")
    if options.json:
        options.json.write_text(json.dumps({"sample": options.sample, **summary, "findings": releases}, indent=1))


if __name__ == "__main__":
    main()
