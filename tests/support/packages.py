"""Packages for the tests: source folders to publish, tarballs made by hand, publish documents."""

import base64
import gzip
import hashlib
import io
import itertools
import json
import os
import subprocess
import tarfile
from pathlib import Path

from support import tools

serial = itertools.count(1)


def unique(stem="lib"):
    """A name no other test of this run has used."""
    return f"{stem}-{os.getpid()}-{next(serial)}"


def manifest(name, version="1.0.0", **fields):
    return {"name": name, "version": version, "description": "a package of the tests", "license": "MIT",
            "files": ["index.js", "lib"], **fields}


def write_package(folder, name, version="1.0.0", files=None, **fields):
    """A source folder as somebody would publish it. Returns the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"package.json": json.dumps(manifest(name, version, **fields), indent=2) + "\n",
                "index.js": f"module.exports = {json.dumps(name + '@' + version)};\n",
                "README.md": f"# {name}\n", **(files or {})}
    for path, text in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def tarball(files, level=9):
    """A gzipped tar as npm packs it: ustar, fixed times, everything under package/."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            entry = tarfile.TarInfo("package/" + path)
            entry.size, entry.mtime, entry.mode = len(data), 499162500, 0o644
            archive.addfile(entry, io.BytesIO(data))
    # tarfile pads to 10 KiB; npm closes with two zero blocks.
    plain = raw.getvalue().rstrip(b"\0")
    plain += b"\0" * (-len(plain) % 512) + b"\0" * 1024
    return gzip.compress(plain, level, mtime=0)


def package_tarball(name, version="1.0.0", files=None, **fields):
    made = manifest(name, version, **fields)
    return tarball({"package.json": json.dumps(made), "index.js": "module.exports = 1;\n", **(files or {})})


def integrity(data):
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def shasum(data):
    return hashlib.sha1(data).hexdigest()


def base_name(name):
    return name.rsplit("/", 1)[-1]


def escaped(name):
    """As clients write it in a path."""
    return name.replace("/", "%2f")


def publish_document(name, version, data, tag="latest", registry="http://registry.invalid", fields=None,
                     provenance=None, access=None):
    """The body of PUT /:pkg, in npm's key order. `fields` replaces or adds manifest fields."""
    file = f"{name}-{version}.tgz"
    made = {**manifest(name, version), "_id": f"{name}@{version}", "_nodeVersion": "22.0.0", "_npmVersion": "11.0.0",
            "dist": {"integrity": integrity(data), "shasum": shasum(data),
                     "tarball": f"{registry}/{name}/-/{file}"}, **(fields or {})}
    attachments = {file: {"content_type": "application/octet-stream", "data": base64.b64encode(data).decode(),
                          "length": len(data)}}
    if provenance is not None:
        text = json.dumps(provenance)
        attachments[f"{name}-{version}.sigstore"] = {"content_type": provenance["mediaType"], "data": text,
                                                     "length": len(text)}
    return {"_id": name, "name": name, "description": made.get("description"), "dist-tags": {tag: version},
            "versions": {version: made}, "access": access, "_attachments": attachments}


def tarball_of(document):
    """The bytes that a publish document carries."""
    (attachment,) = [entry for key, entry in document["_attachments"].items() if key.endswith(".tgz")]
    return base64.b64decode(attachment["data"], validate=True)


def attestation(folder, name, version, data, repository):
    """(bundle, path of the trust root that vouches for it): how `data` was built, by a Sigstore of our own."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([tools.attestations(), "--publish", folder, name, version, hashlib.sha512(data).hexdigest(),
                    repository], check=True)
    return json.loads((folder / "bundle.json").read_text()), folder / "trusted_root.json"
