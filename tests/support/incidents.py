"""Payloads of known incidents, generated: no sample of anybody's code."""

import json
import random
import string

from support.tools import clients_folder

# claude-code 2.1.88, 31 March 2026.
MAP_BYTES = 59_800_000
OWN_SOURCES, OWN_LINES, THIRD_PARTY_SOURCES = 1906, 512_000, 2850

WORDS = ("const let return await async function export import from session token render buffer request response "
         "handler stream config option value index context parser message error result state update widget prompt tool "
         "agent model input output cache queue worker signal timer event listener process module vector matrix").split()


def bundle():
    """A real bundle of some megabytes: a client that the tests have at hand anyway."""
    return (clients_folder() / "@yarnpkg" / "cli-dist" / "bin" / "yarn.js").read_bytes()


def source_map(sections=False):
    """The leaked map: its size, its number of sources and the lines of the own ones are the incident's."""
    choose = random.Random(2188)
    pool = [f"  {' '.join(choose.choices(WORDS, k=5))} = {choose.randrange(10**9)}; // {choose.getrandbits(64):x}"
            for _ in range(40_000)]
    names, texts = [], []
    for number in range(OWN_SOURCES):
        lines = OWN_LINES // OWN_SOURCES + (number < OWN_LINES % OWN_SOURCES)
        names.append(f"../src/{choose.choice(WORDS)}/{choose.choice(WORDS)}{number}.ts")
        texts.append("\n".join(choose.choices(pool, k=lines)))
    for number in range(THIRD_PARTY_SOURCES):
        names.append(f"../node_modules/{choose.choice(WORDS)}{number % 400}/lib/{number}.js")
        texts.append("\n".join(choose.choices(pool, k=40)))

    def one(start, end, mappings):
        return {"version": 3, "file": "cli.js", "sources": names[start:end], "sourcesContent": texts[start:end],
                "names": [], "mappings": mappings}

    middle = OWN_SOURCES // 2

    def whole(mappings):
        if not sections:
            return json.dumps(one(0, len(names), mappings)).encode()
        return json.dumps({"version": 3, "sections": [
            {"offset": {"line": 0, "column": 0}, "map": one(0, middle, "AAAA")},
            {"offset": {"line": 9, "column": 0}, "map": one(middle, len(names), mappings)}]}).encode()

    missing = MAP_BYTES - len(whole(""))
    assert missing > 0
    segments = "".join(choose.choices(string.ascii_letters + string.digits + "+/,,;", k=missing))
    made = whole(segments)
    assert len(made) == MAP_BYTES
    return made
