"""Holds the includes to the order of the house (README.md): arrows go one way, each library has one corner.

    proxy -> gate -> {policies, storage} -> storage/base

A room may include itself and what stands below it. A third-party library is included only from its corner,
so that replacing it touches one folder, and a library that is not in the table at all is refused until
somebody gives it a corner.
"""

import re
from pathlib import PurePosixPath

BELOW = {
    "storage/base": set(),
    "storage": {"storage/base"},
    "policies": {"storage/base"},
    "gate": {"policies", "storage", "storage/base"},
    "proxy": {"gate", "policies", "storage", "storage/base"},
}

# Header prefix -> the places that may include it (regular expressions on the path). The longest prefix rules.
CORNERS = {
    "boost/beast": [r"proxy/http/"],
    "boost/asio": [r"gate/", r"proxy/"],
    "boost/": [r"storage/", r"policies/", r"gate/", r"proxy/"],
    "curl/": [r"proxy/upstream/"],
    "rocksdb/": [r"storage/rocks_[^/]*\.cpp$"],
    "archive": [r"policies/tarball/"],
    "zlib.h": [r"policies/tarball/"],
    "isa-l": [r"policies/tarball/", r"proxy/cache/gzip\.cpp$"],
    "simdjson": [r"proxy/cache/json_slices\.cpp$"],
    "hs/": [r"policies/content/"],
    "hs.h": [r"policies/content/"],
    "re2/": [r"policies/content/", r"policies/glob\.cpp$"],
    "openssl/": [r"storage/base/(digest|signing_key)\.cpp$", r"policies/provenance/"],
    "openssl/rand.h": [r"storage/base/"],
    **dict.fromkeys(["openssl/kdf.h", "openssl/params.h", "openssl/core_names.h"], [r"proxy/identity/password\.cpp$"]),
    "openssl/ssl.h": [r"proxy/"],
    "CLI/": [r"proxy/cli"],
    "toml++/": [r"storage/base/toml"],
    "prometheus/": [r"proxy/metrics\.cpp$"],
}

# What the kernel and libc give belongs to nobody.
PLATFORM = ("sys/", "netinet/", "arpa/", "linux/", "net/", "bits/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    if path.startswith("storage/base/"):
        return "storage/base"
    return PurePosixPath(path).parts[0]


def corner_of(header):
    found = [prefix for prefix in CORNERS if header.startswith(prefix)]
    return max(found, key=len) if found else None


def violations(files):
    """files: {path from the root: text}. Returns one sentence a fault."""
    faults = []
    for path, text in sorted(files.items()):
        if not path.endswith((".hpp", ".cpp")) or room_of(path) not in BELOW:
            continue
        room = room_of(path)
        for number, line in enumerate(text.splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quoted, header = match[1] == '"', match[2]
            where = f"{path}:{number}"
            if quoted:
                if header.endswith(".inc"):
                    pass  # a part of the source beside it
                elif "/" not in header:
                    faults.append(f"{where}: write project includes from the root, not \"{header}\"")
                elif room_of(header) != room and room_of(header) not in BELOW[room]:
                    faults.append(f"{where}: {room} may not include {header}")
                continue
            prefix = corner_of(header)
            if prefix is not None:
                if not any(re.match(place, path) for place in CORNERS[prefix]):
                    faults.append(f"{where}: <{header}> has its corner elsewhere: {', '.join(CORNERS[prefix])}")
            elif "/" in header and not header.startswith(PLATFORM):
                faults.append(f"{where}: <{header}> is of a library without a corner (tests/lint/include_levels.py)")
    return faults
