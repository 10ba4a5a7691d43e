"""Judges releases with `sallyport scan`, each with what a gate would have known at that moment."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

from replay.corpus import accidental, intentional
from replay.corpus.payload import TRANSFORMS
from replay.corpus.case import NotApplicable

AT = "2026-03-31T00:30:00.000Z"
USUAL = {"publisher": "jane", "credential": "k1", "client": "npm/11.0.0", "path": "token", "attested": False,
         "repository": "", "workflow": "", "builder": ""}
STOPS = ("warn", "escalate", "block")


def all_cases():
    return accidental.cases() + intentional.cases()


class Judge:
    def __init__(self, folder, scanner):
        self.folder, self.scanner = folder, scanner
        folder.mkdir(parents=True, exist_ok=True)
        self.facts = {}

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def facts_before(self, release):
        data = release.tarball()
        key = hashlib.sha256(data).hexdigest()
        if key not in self.facts:
            report = self.scanner.report(self.file(f"{key}.tgz", data))
            self.facts[key] = {**report["facts"], "released": "2026-03-01T00:00:00.000Z"}
        return self.facts[key]

    def context(self, release, before, said):
        facts = {**self.facts_before(before), "origin": said.get("previousOrigin", USUAL)}
        small = {**facts, "files": []}
        sizes = max(file["size"] for file in facts["files"])
        dependencies = {name: intentional.known() for kind in ("dependencies", "optionalDependencies", "peerDependencies")
                        for name in release.fields.get(kind) or {}}
        context = {
            "v": 1, "at": AT, "profile": "proprietary", "tag": release.tag, "publicUpstream": False,
            "publisherScopes": [], "registries": [],
            "outside": {"v": 1, "collected": True, "dependencies": {**dependencies, **said.get("dependencies", {})},
                        "knownBad": [], "feed": "none", "origin": said.get("origin", USUAL),
                        "provenance": said.get("provenance"), "previousProvenance": said.get("previousProvenance"),
                        "previousUnavailable": ""},
            "history": {"v": 1, "baseline": facts, "baselineOrigin": "gate",
                        "typesSeen": sorted({file["type"] for file in facts["files"]}), "largestFileBytes": [sizes] * 3,
                        "tagTarget": said.get("tagTarget", before.version),
                        "lastRelease": said.get("lastRelease", "2026-03-01T00:00:00.000Z"), "known": {},
                        "line": [small] * 6}}
        if "published" in said:
            context["published"] = said["published"]
        return context

    def judge(self, case, release, said, name):
        """rule -> the worst action it took."""
        before = self.facts_before(case.before)  # once, before threads ask for it
        assert before
        tarball = self.file(f"{name}.tgz", release.tarball())
        context = self.file(f"{name}.json", json.dumps(self.context(release, case.before, said)))
        options = ["--outside", context]
        if case.policy:
            options += ["--policy", self.file(f"{name}.toml", case.policy)]
        report = self.scanner.report(tarball, *options)
        tarball.unlink()
        context.unlink()
        worst = {}
        for finding in report["findings"]:
            order = ["note", *STOPS]
            worst[finding["rule"]] = max(worst.get(finding["rule"], "note"), finding["action"], key=order.index)
        return worst


def stopping(found):
    return sorted(rule for rule, action in found.items() if action in STOPS)


def judge_all(folder, scanner, cases=None, transforms=None):
    """(case name, "plain" | "twin" | transform) -> what fired, or why there is no such form."""
    judge = Judge(folder, scanner)
    cases = all_cases() if cases is None else cases
    jobs = []
    for case in cases:
        said = case.outside
        twin_said = case.outside if case.twin_outside is None else case.twin_outside
        if transforms is None or "twin" in transforms:
            jobs.append((case, "twin", case.twin, twin_said))
        for transform in ["plain", *TRANSFORMS]:
            if transforms is None or transform in transforms:
                jobs.append((case, transform, None, said))

    def run(job):
        number, (case, form, release, said) = job
        if release is None:
            release = case.variant(form)
        if isinstance(release, NotApplicable):
            return release
        return judge.judge(case, release, said, f"{number}")

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(run, enumerate(jobs)))
    return {(case.name, form): what for (case, form, _, _), what in zip(jobs, found)}
