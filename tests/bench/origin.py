"""An upstream of files, and a caching proxy before it, both nginx: what serving is measured beside."""

import base64
import gzip
import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

from support import http
from support.processes import Service, free_port

BENCH = Path(__file__).resolve().parent
SIZES = {"5 KB": 5_000, "300 KB": 300_000, "10 MB": 10_000_000, "30 MB": 30_000_000}
PACKUMENTS = {"small": (3, 1_500), "popular": (500, 4_000), "huge": (5_000, 4_000)}  # versions, bytes of each


class Nginx:
    """`http_block`: what stands within http { }; @ is the folder. `server`: within its one server."""

    def __init__(self, folder, http_block, server):
        self.folder = Path(folder)
        (self.folder / "temp").mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        temp = "\n".join(f"{kind}_temp_path {self.folder}/temp/{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # As Debian ships it, but for the paths.
        (self.folder / "nginx.conf").write_text(f"""
            user root; worker_processes auto; daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log;
            events {{ worker_connections 1024; }}
            http {{
              {temp}
              sendfile on; tcp_nopush on; default_type application/octet-stream;
              access_log {self.folder}/access.log;
              {http_block.replace("@", str(self.folder))}
              server {{ listen 127.0.0.1:{self.port}; {server.replace("@", str(self.folder))} }}
            }}""")

    def start(self):
        program = subprocess.check_output([BENCH / "nginx"], text=True).strip()
        self.service = Service([program, "-c", self.folder / "nginx.conf", "-p", self.folder], self.folder / "log")
        self.service.wait_ready(self.answers)
        return self

    def answers(self):
        try:
            return http.get(f"{self.url}/", seconds=2).status > 0
        except OSError:
            return False


class Origin(Nginx):
    """Packages named after PACKUMENTS, one version of "small" for each of SIZES, as a registry serves them."""

    def __init__(self, folder):
        super().__init__(folder, "", "root @/files; location ~ \\.tgz$ { etag off; } "
                         "location / { default_type application/json; gzip_static always; }")
        self.files = self.folder / "files"
        self.write()

    def write(self):
        noise = random.Random(1)
        tarballs = {}
        for number, size in enumerate(SIZES.values()):
            tarballs[f"1.0.{number}"] = noise.randbytes(size)
        for name, (count, size) in PACKUMENTS.items():
            versions, time = {}, {"created": "2020-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z"}
            (self.files / name / "-").mkdir(parents=True)
            for number in range(count if name != "small" else len(tarballs)):
                version = f"1.0.{number}"
                body = tarballs[version] if name == "small" else version.encode()
                file = f"{name}-{version}.tgz"
                if name == "small":
                    (self.files / name / "-" / file).write_bytes(body)
                filler = {f"module-{i}": f"^{noise.randrange(9)}.{noise.randrange(99)}.0" for i in range(size // 40)}
                versions[version] = {
                    "name": name, "version": version, "dependencies": dict(list(filler.items())[:12]),
                    "devDependencies": filler, "scripts": {"test": "node test.js"},
                    "dist": {"tarball": f"{self.url}/{name}/-/{file}", "shasum": hashlib.sha1(body).hexdigest(),
                             "integrity": "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode()}}
                time[version] = "2025-01-01T00:00:00.000Z"
            latest = list(versions)[-1]
            text = json.dumps({"_id": name, "name": name, "dist-tags": {"latest": latest}, "versions": versions,
                               "time": time, "readme": "# " + name}).encode()
            (self.files / name / "index.gz").write_bytes(gzip.compress(text, 6))
        self.part_documents(PACKUMENTS)

    def part_documents(self, names):
        """A folder and a document of one name cannot both be: documents lie elsewhere, and nginx is told so."""
        os.makedirs(self.files / "documents", exist_ok=True)
        for name in names:
            (self.files / name / "index.gz").rename(self.files / "documents" / f"{name}.gz")
        self.point_at_documents()

    def point_at_documents(self):
        conf = self.folder / "nginx.conf"
        conf.write_text(conf.read_text().replace(
            "location / {", "location ~ ^/[a-z]+$ { rewrite ^/(.*)$ /documents/$1 break; "))


class CachingProxy(Nginx):
    def __init__(self, folder, origin):
        super().__init__(
            folder,
            "proxy_cache_path @/cache keys_zone=all:10m max_size=10g inactive=1d use_temp_path=off;",
            f"location / {{ proxy_pass {origin}; proxy_http_version 1.1; proxy_set_header Connection ''; "
            "proxy_cache all; proxy_cache_valid 200 1d; proxy_cache_lock on; "
            "proxy_ignore_headers Cache-Control Expires Vary; }")
