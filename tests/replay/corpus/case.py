"""What a case is: the release before, the one that was bad, a twin without the intent, and how it may hide."""

import json
from dataclasses import dataclass, field, replace

from support import packages

FOLDERS = ["index.js", "lib", "dist", "data", "assets", "types", "scripts", "bin", "vendor", "hooks", "test", "Lib",
           "bundle.js"]


@dataclass(frozen=True)
class Release:
    name: str
    version: str
    files: dict  # path -> bytes or text, package.json left out
    fields: dict = field(default_factory=dict)  # of package.json
    tag: str = "latest"
    raw: bytes | None = None  # the tarball itself, where no packer would make it

    def manifest(self):
        made = {"name": self.name, "version": self.version, "description": "a library", "license": "MIT",
                "main": "index.js", "files": FOLDERS, **self.fields}
        return {key: value for key, value in made.items() if value is not None}

    def tarball(self):
        if self.raw is not None:
            return self.raw
        return packages.tarball({"package.json": json.dumps(self.manifest(), indent=1), **self.files}, level=1)

    def with_files(self, files, without=()):
        kept = {path: text for path, text in self.files.items() if path not in without}
        return replace(self, files={**kept, **files})

    def with_fields(self, **fields):
        return replace(self, fields={**self.fields, **fields})


@dataclass(frozen=True)
class NotApplicable:
    reason: str


@dataclass(frozen=True, eq=False)
class Case:
    name: str
    row: str  # as the catalogue of incidents calls it
    before: Release
    bad: Release
    twin: Release
    must_fire: tuple
    payload: object = None  # what a transform works on: one of payload.py
    outside: dict = field(default_factory=dict)  # what a gate would know of the bad release, see judge.py
    twin_outside: dict | None = None  # of the twin, where that differs
    policy: str = ""
    stops_alone: str = ""  # why one rule is enough, where no second one can see it

    def variant(self, transform):
        """The bad release under a transform, or why there is none."""
        if transform == "plain":
            return self.bad
        return self.payload.variant(transform, self.bad)
