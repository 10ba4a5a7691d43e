"""Tarballs and publish bodies, made once and kept as files: what sends them needs no memory of their size."""

import json
import mmap
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

from support import incidents, packages
from support.gateway import Gateway

BINARY_BYTES = 4 << 20  # one vendored binary


@dataclass
class Body:
    name: str
    path: Path
    tarball_bytes: int

    def open(self):
        with open(self.path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def write(folder, name, tarball):
    """The publish document of `tarball`, as a file."""
    path = Path(folder) / f"{name}.json"
    path.write_text(json.dumps(packages.publish_document(name, "1.0.0", tarball, fields={"files": FILES})))
    return Body(name, path, len(tarball))


def holding_gateway(folder):
    """Holds what an Archive is: the bundle in it is real, and reads its environment beside a network."""
    policy = Path(folder) / "policy.toml"
    policy.write_text('[rules]\n"code/exfiltration" = "escalate"\n')
    return Gateway(Path(folder) / "gate", policy={"file": str(policy)})


FILES = ["cli.js", "cli.js.map", "vendor"]


def manifest_text(name):
    return json.dumps(packages.manifest(name, "1.0.0", files=FILES))


class Archive:
    """Many packages of one size whose files differ in package.json alone: some megabytes of real text where they
    fit, and binaries that do not compress. The common part is deflated once."""

    def __init__(self, packed_bytes):
        choose = random.Random(packed_bytes)
        files = {}
        if packed_bytes > BINARY_BYTES:
            files["cli.js"] = incidents.bundle()
        missing = packed_bytes - len(deflated(tar(files))) - 300
        for number in range(0, missing, BINARY_BYTES):
            size = min(BINARY_BYTES, missing - number)
            files[f"vendor/{number // BINARY_BYTES}.node"] = choose.randbytes(size)
        self.tail = tar(files) + b"\0" * 1024
        self.tail_deflated = deflated(self.tail)

    def tarball(self, name):
        head = tar({"package.json": manifest_text(name)})
        # After a full flush nothing refers back, so what was deflated on its own may follow.
        start = zlib.compressobj(1, zlib.DEFLATED, -15)
        plain = start.compress(head) + start.flush(zlib.Z_FULL_FLUSH)
        check = zlib.crc32(self.tail, zlib.crc32(head))
        size = (len(head) + len(self.tail)) & 0xffffffff
        return (b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + plain + self.tail_deflated +
                check.to_bytes(4, "little") + size.to_bytes(4, "little"))


def tar(files):
    """Without the two blocks that close an archive."""
    return zlib.decompress(packages.tarball(files, level=0), 31)[:-1024]


def deflated(plain):
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
    return squeeze.compress(plain) + squeeze.flush()


def leaked_map(name):
    """The tarball of a bundle beside its map of 59.8 MB."""
    return packages.tarball({"package.json": manifest_text(name), "cli.js": incidents.bundle(),
                             "cli.js.map": incidents.source_map()}, level=6)
