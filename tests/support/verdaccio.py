"""A real registry: Verdaccio on its own storage, with no uplink of its own unless one is asked for."""

import json
import os
import signal
from pathlib import Path

from support import http, packages
from support.processes import Service, free_port
from support.tools import clients_folder, node


class Verdaccio:
    def __init__(self, folder, uplink=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.storage = self.folder / "storage"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.service = None
        open_rule = {"access": "$all", "publish": "$authenticated", "unpublish": "$authenticated"}
        if uplink:
            open_rule["proxy"] = "up"
        # YAML is a superset of JSON.
        (self.folder / "config.yaml").write_text(json.dumps({
            "storage": str(self.storage),
            "auth": {"htpasswd": {"file": str(self.folder / "htpasswd"), "max_users": 100}},
            "uplinks": {"up": {"url": uplink}} if uplink else {},
            "packages": {"@*/*": open_rule, "**": open_rule},
            "max_body_size": "200mb",
            "log": {"type": "stdout", "format": "json", "level": "http"},
        }))

    def spawn(self):
        """The process, which may not answer yet."""
        program = clients_folder() / "verdaccio" / "bin" / "verdaccio"
        environment = {"PATH": f"{node().parent}:/usr/bin:/bin", "HOME": str(self.folder), "NODE_ENV": "production"}
        for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        return Service([node(), program, "--config", self.folder / "config.yaml",
                        "--listen", f"127.0.0.1:{self.port}"],
                       self.folder / "log", cwd=self.folder, env=environment)

    def start(self):
        self.service = self.spawn()
        self.service.wait_ready(self.answers)
        self.user, self.password = "forwarder", "a password of the tests"
        self.token = self.add_user(self.user, self.password)
        return self

    def answers(self):
        try:
            return http.get(f"{self.url}/-/ping", seconds=2).status == 200
        except OSError:
            return False

    def stop(self):
        if self.service:
            self.service.signal(signal.SIGKILL)
            self.service.process.wait()
            self.service = None

    def add_user(self, name, password):
        """Creates the user; returns a token that may publish."""
        answer = http.put(f"{self.url}/-/user/org.couchdb.user:{name}",
                          {"_id": f"org.couchdb.user:{name}", "name": name, "password": password, "type": "user",
                           "roles": []})
        assert answer.status == 201, answer.body
        return answer.json()["token"]

    def publish(self, name, version, data, **options):
        """Puts a package there past every client, and past the gateway."""
        answer = http.put(f"{self.url}/{packages.escaped(name)}",
                          packages.publish_document(name, version, data, registry=self.url, **options),
                          token=self.token)
        assert answer.status == 201, answer.body

    def packument(self, name):
        """What it has now, or None."""
        answer = http.get(f"{self.url}/{packages.escaped(name)}")
        return answer.json() if answer.status == 200 else None

    def versions(self, name):
        found = self.packument(name)
        return sorted(found["versions"]) if found else []

    def tarball(self, name, version):
        """The bytes on its disk, whatever it would serve."""
        return (self.storage / name / f"{packages.base_name(name)}-{version}.tgz").read_bytes()

    def writes(self):
        """Every request that was not a read, as its own log has them."""
        seen = []
        for line in self.service.text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            asked = entry.get("request")
            if isinstance(asked, dict) and asked.get("method") not in ("GET", "HEAD", None) and "status" in entry:
                seen.append((asked["method"], asked["url"], entry["status"]))
        return seen
