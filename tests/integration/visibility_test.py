"""The six places over HTTP, against the rules said again: generated packages and policies, one gateway, and what
happens to it while it runs. `tests/unit/proxy/visibility_property_test.cpp` is its larger twin, with a clock by hand.

    SALLYPORT_SEED=7 … -k places    # another draw; a failure names the seed that made it
"""

import itertools
import json
import os
import random
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest

from support import clients, http, packages, tools
from support.scripted_upstream import Reply

ABBREVIATED = {"accept": "application/vnd.npm.install-v1+json"}
CORPUS = 24
CHOICES = 10  # left to the real npm
PHASES = 4
SIGHTS = ["visible", "hidden", "denied"]


def key(version):
    """Where it stands in the order; versions are x.y.z and x.y.z-rc.n here."""
    numbers, _, candidate = version.partition("-rc.")
    return (*map(int, numbers.split(".")), int(candidate) if candidate else 1_000_000)


def is_release(version):
    return "-" not in version


@dataclass
class Stretch:
    """From one version up to, and without, another."""

    low: str
    high: str

    def holds(self, version):
        return key(self.low) <= key(version) < key(self.high)

    @property
    def text(self):
        return f">={self.low} <{self.high}"


@dataclass
class Release:
    version: str
    data: bytes
    published: datetime | None
    script: bool
    provenance: bool
    sha1_alone: bool
    zone: timezone


class Package:
    def __init__(self, chance, rule, now):
        self.rule = rule
        self.name = chance.choice([f"{rule['scope']}/", f"{rule['stem']}-"]) + packages.unique("any")
        texts = {f"{chance.randrange(3)}.{chance.randrange(3)}.{chance.randrange(3)}" +
                 (f"-rc.{chance.randrange(3)}" if chance.random() < 0.3 else "") for _ in range(chance.randint(3, 9))}
        self.releases = {}
        for text in chance.sample(sorted(texts), len(texts)):
            at = now - timedelta(days=chance.randrange(12) + 0.5) if chance.random() < 0.93 else None
            self.releases[text] = Release(text, packages.package_tarball(self.name, text), at, chance.random() < 0.25,
                                          chance.random() < 0.5, chance.random() < 0.2,
                                          timezone(timedelta(hours=chance.choice([0, 0, 0, 9, -5]))))
        highest = max(texts, key=key)
        self.tags = {"latest": highest if chance.random() < 0.6 else chance.choice(sorted(texts)),
                     "next": chance.choice(sorted(texts))}

    def add_to(self, upstream):
        for release in self.releases.values():
            fields = {"scripts": {"postinstall": "true"}} if release.script else {}
            upstream.add(self.name, release.version, release.data,
                         time=release.published and release.published.astimezone(release.zone).isoformat(), **fields)
            dist = upstream.documents[self.name]["versions"][release.version]["dist"]
            dist["tarball"] = upstream.url + upstream.tarball_path(self.name, release.version)
            if release.sha1_alone:
                del dist["integrity"]
            if release.provenance:
                dist["attestations"] = {"url": "https://any.example", "provenance": {"predicateType": "any"}}
        document = upstream.documents[self.name]
        document["dist-tags"] = dict(self.tags)
        document["time"] = {name: at for name, at in document["time"].items() if at}
        found = {"objects": [{"package": {"name": self.name, "version": "99.0.0"}}], "total": 1}
        text = packages.base_name(self.name)
        upstream.script("GET", rf"/-/v1/search\?text={text}&.*", *[Reply(200, found)] * PHASES)


class Policy:
    """What holds, as this test understands it."""

    def __init__(self, chance, now):
        self.now = now
        self.rules = [self.rule(chance, n) for n in range(6)]
        self.malware, self.faults, self.denied = {}, {}, {}  # by name: a Stretch
        self.digests = set()  # of tarballs, as bytes
        self.frozen = None

    @staticmethod
    def rule(chance, n):
        stem = packages.unique(f"r{n}")
        rule = {"stem": stem, "scope": f"@{stem}", "days": chance.choice([None, 2, 5, 9]), "exempt": None,
                "scripts": chance.choice(["show", "show", "hide", "deny"]),
                "provenance": chance.choice(["show", "show", "hide", "deny"])}
        if rule["days"] and chance.random() < 0.6:
            rule["exempt"] = Stretch(f"{chance.randrange(2)}.0.0", f"{chance.randrange(2, 4)}.0.0")
        return rule

    def tables(self):
        for rule in self.rules:
            for match in (f"{rule['scope']}/*", f"{rule['stem']}-*"):
                table = {"match": match, "publish": "deny", "install_scripts": rule["scripts"],
                         "provenance_lost": rule["provenance"]}
                if rule["days"]:
                    table["minimum_release_age"] = f"{rule['days']} days"
                if rule["exempt"]:
                    table["release_age_exempt"] = [f"{match}@{rule['exempt'].text}"]
                yield table
        yield {"match": "**", "publish": "deny"}

    def sight(self, package, release):
        name, version, rule = package.name, release.version, package.rule
        worst = 0
        for bad in (self.malware, self.denied):
            if name in bad and bad[name].holds(version):
                worst = 2
        if release.data in self.digests:
            worst = 2
        asked = []
        if release.script:
            asked.append(rule["scripts"])
        below = [other for other in package.releases.values() if key(other.version) < key(version)
                 and (is_release(other.version) or not is_release(version))]
        if not release.provenance and below and max(below, key=lambda one: key(one.version)).provenance:
            asked.append(rule["provenance"])
        if self.frozen and (not release.published or release.published > self.frozen):
            asked.append("hide")
        if rule["days"]:
            old = release.published and release.published + timedelta(days=rule["days"]) <= self.now
            exempt = rule["exempt"] and rule["exempt"].holds(version)
            mends = name in self.faults and self.faults[name].high == version
            if not (old or exempt or mends):
                asked.append("hide")
        return SIGHTS[max([worst, *(["show", "hide", "deny"].index(one) for one in asked)])]

    @staticmethod
    def tags(package, sights):
        shown = {tag: version for tag, version in package.tags.items() if sights[version] == "visible"}
        visible = [version for version in sights if sights[version] == "visible"]
        if visible and "latest" not in shown:
            was = key(package.tags["latest"])
            shown["latest"] = max(visible, key=lambda one: (is_release(one), key(one) < was, key(one)))
        return shown


def osv(folder, kind, stretches):
    folder.mkdir()
    for n, (name, stretch) in enumerate([("nobody", Stretch("0.0.0", "1.0.0")), *stretches.items()]):
        events = [{"introduced": stretch.low}, {"fixed": stretch.high}]
        (folder / f"{kind}-{n}.json").write_text(json.dumps(
            {"id": f"{kind}-{n}", "summary": "bad", "affected": [
                {"package": {"ecosystem": "npm", "name": name}, "ranges": [{"type": "SEMVER", "events": events}]}]}))
    return str(folder)


class House:
    """The gateway, and what it says at each of the six places."""

    def __init__(self, gate):
        self.gate, self.token, self.etags = gate, gate.user("bob").token, {}

    def get(self, path, **headers):
        return http.get(self.gate.url + path, token=self.token, headers=headers)

    def agrees(self, package, policy, where):
        sights = {version: policy.sight(package, release) for version, release in package.releases.items()}
        tags = policy.tags(package, sights)
        visible = {version for version in sights if sights[version] == "visible"}
        path, base = packages.escaped(package.name), packages.base_name(package.name)
        for version, release in package.releases.items():  # first: a digest may be known by its bytes alone
            answer = self.get(f"/{package.name}/-/{base}-{version}.tgz")
            wanted = (403, None) if sights[version] == "denied" else (200, release.data)
            assert (answer.status, answer.body if answer.ok else None) == wanted, (where, version, sights)
        for version in package.releases:
            answer = self.get(f"/{path}/{version}")
            assert answer.status == (403 if sights[version] == "denied" else 200), (where, version, sights)
            assert not answer.ok or answer.json()["version"] == version
            status = self.get(f"/-/package/{path}/version/{version}/status").json()
            assert status["visibility"] == sights[version], (where, version, sights, status)
        for accept in ({}, ABBREVIATED):
            answer = self.get(f"/{path}", **accept)
            if set(sights.values()) == {"denied"}:
                assert answer.status == 403 and answer.error, where
                continue
            document = answer.json()
            assert set(document["versions"]) == visible, (where, sights)
            assert document["dist-tags"] == tags, (where, sights, package.tags)
            assert set(document["time"]) - {"created", "modified"} == {
                version for version in visible if package.releases[version].published}, (where, sights)
            # Who has an older one is not told that nothing has changed.
            last = self.etags.get((path, *accept))
            if last:
                again = self.get(f"/{path}", **accept, **{"if-none-match": last[0]})
                assert (again.status == 304) == (last[1] == answer.body), where
            self.etags[path, *accept] = (answer.headers["etag"], answer.body)
        answer = self.get(f"/-/package/{path}/dist-tags")
        assert answer.json() == tags if answer.ok else set(sights.values()) == {"denied"}, where
        for tag, version in package.tags.items():
            answer = self.get(f"/{path}/{tag}")
            assert answer.json()["version"] == tags[tag] if tag in tags else answer.status == 404, (where, tag, sights)
        found = self.get(f"/-/v1/search?text={base}").json()["objects"]
        assert [hit["package"]["version"] for hit in found] == ([tags["latest"]] if visible else []), (where, sights)
        return sights


@pytest.fixture
def seed():
    return int(os.environ.get("SALLYPORT_SEED", random.SystemRandom().randrange(1_000_000)))


def test_the_six_places_agree(seed, scripted_upstream, new_gate, client, tmp_path):
    chance, now = random.Random(seed), datetime.now(timezone.utc).replace(microsecond=0)
    policy = Policy(chance, now)
    corpus = [Package(chance, rule, now) for rule in itertools.islice(itertools.cycle(policy.rules), CORPUS)]
    for package in corpus:
        package.add_to(scripted_upstream)
        for kind in (policy.malware, policy.faults):
            if chance.random() < 0.3:
                high = chance.choice(sorted(package.releases))
                kind[package.name] = Stretch("0.0.0", high)
    gate = new_gate(upstream=scripted_upstream, packages=list(policy.tables()), cache={"fresh_for": "1 h"},
                    policy={"malware_feed": osv(tmp_path / "malware", "MAL", policy.malware),
                            "advisories": osv(tmp_path / "faults", "GHSA", policy.faults)})
    house, seen = House(gate), []

    def look(phase):
        for package in corpus:
            seen.append(house.agrees(package, policy, f"seed {seed}, {phase}, {package.name}"))

    look("at first")
    policy.frozen = now - timedelta(days=chance.randrange(1, 8) + 0.25)
    gate.cli("freeze", "--at", policy.frozen.isoformat().replace("+00:00", ".000Z"), "--reason", "a worm")
    look("frozen")
    for package in chance.sample(corpus, 6):
        policy.denied[package.name] = Stretch(chance.choice(sorted(package.releases)), "9.0.0")
        gate.cli("deny", f"{package.name}@{policy.denied[package.name].text}", "--reason", "stolen")
    for package in chance.sample(corpus, 8):
        release = chance.choice(list(package.releases.values()))
        policy.digests.add(release.data)
        by_sha1 = chance.random() < 0.4
        gate.cli("deny", packages.shasum(release.data) if by_sha1 else packages.integrity(release.data), "--reason", "bad")
    look("denied")
    policy.frozen = None
    gate.cli("freeze", "--lift")
    look("thawed")
    sights = [sight for package in seen for sight in package.values()]
    assert all(sights.count(sight) > len(sights) / 50 for sight in SIGHTS), sights  # none of them is rare

    asked = [(package, visible, chance.choice(["^", "~", ">=", "<", ""]) + chance.choice(sorted(package.releases)))
             for package, sights in zip(corpus, seen[-CORPUS:])
             if (visible := [version for version in sights if sights[version] == "visible"])][:CHOICES]
    npm = client("npm11", gate.url, gate.user("bob").token)
    for (package, visible, wanted), best in zip(asked, best_by_node_semver(asked)):
        latest = policy.tags(package, {one: "visible" if one in visible else "hidden" for one in package.releases})["latest"]
        where = f"seed {seed}, {package.name}@{wanted} of {visible}, latest {latest}"
        assert npm.run("view", package.name, "version").stdout.strip() == latest, where
        project = clients.project(tmp_path / "projects" / packages.unique())
        run = npm.run("install", "--package-lock-only", f"{package.name}@{wanted}", cwd=project, expect=None)
        if best["max"] is None:
            assert run.code != 0 and "ETARGET" in run.text, (where, run)
            continue
        assert run.code == 0, (where, run)
        locked = json.loads((project / "package-lock.json").read_text())["packages"][f"node_modules/{package.name}"]
        assert locked["version"] == (latest if latest in best["all"] else best["max"]), where


def best_by_node_semver(asked):
    """By the node-semver in npm: all that the range admits of what is visible, and the highest."""
    program = """const semver = require("semver");
        const asked = JSON.parse(require("fs").readFileSync(0));
        console.log(JSON.stringify(asked.map(([range, versions]) => ({max: semver.maxSatisfying(versions, range),
                                   all: versions.filter((one) => semver.satisfies(one, range))}))));"""
    done = subprocess.run([tools.node(), "-e", program], check=True, stdout=subprocess.PIPE, text=True,
                          input=json.dumps([[wanted, visible] for _, visible, wanted in asked]),
                          env={"NODE_PATH": str(tools.clients_folder() / "npm11" / "node_modules")})
    return json.loads(done.stdout)
