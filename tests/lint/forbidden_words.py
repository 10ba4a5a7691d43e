"""Words that no file may hold: the host of a package registry, and the path of somebody's machine.

The default upstream is whatever npm is configured with, so a host name in the source is a mistake or a
leak; a path of the machine a thing was written on works nowhere else.
"""

import re

TOP_LEVEL = r"(?:com|org|net|io|dev|app|cloud|sh|cn|jp|eu|de)"

FORBIDDEN = [
    (re.compile(rf"\b(?:registry|npm|mirrors?)\.(?:[a-z0-9-]+\.)+{TOP_LEVEL}\b", re.I), "a registry's host"),
    (re.compile(rf"\b(?:npmjs|yarnpkg|npmmirror|pypi|debian)\.{TOP_LEVEL}\b", re.I), "a registry's host"),
    (re.compile(r"(?<![\w.])/(?:root|work)/[\w.-]+"), "a path of one machine"),
    (re.compile(r"(?<![\w.])/(?:home|Users)/(?!(?:runner|circleci|vsts|travis|me|user|you|builder|alice|jsmith)\b)[\w.-]+"), "somebody's home folder"),
]


def violations(files):
    faults = []
    for path, text in sorted(files.items()):
        for number, line in enumerate(text.splitlines(), 1):
            found = ((what, pattern.search(line)) for pattern, what in FORBIDDEN)
            if hit := next(((what, match) for what, match in found if match), None):
                faults.append(f"{path}:{number}: {hit[0]}: {hit[1][0]}")
    return faults
