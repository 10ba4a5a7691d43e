"""The gateway under test: the real binary on a free port, its configuration and data in one folder.

    gateway = Gateway(tmp_path / "gate", upstream=verdaccio).start()
    alice = gateway.add_user("alice", groups=["engineers"])      # .token, .password
    gateway.kill(); gateway.start()                              # on the same data
"""

import json
import os
import pty
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from support import http, packages
from support.processes import Service, free_port, wait_until
from support.tools import gateway_binary

FORWARDED_TOKEN_FILE = "upstream-token"


@dataclass
class User:
    name: str
    password: str
    token: str


def toml(document):
    """TOML text of nested dicts; a list of dicts is an array of tables, and plain values come first."""
    def value(item):
        # For strings, numbers, booleans and lists of strings JSON's spelling is TOML's.
        return json.dumps(item, ensure_ascii=False)

    def table(path, items):
        lines = [f"{key} = {value(item)}" for key, item in items.items()
                 if not isinstance(item, dict) and not (isinstance(item, list) and item and isinstance(item[0], dict))]
        for key, item in items.items():
            name = ".".join((*path, key))
            if isinstance(item, dict):
                lines += ["", f"[{name}]", *table((*path, key), item)]
            elif isinstance(item, list) and item and isinstance(item[0], dict):
                for entry in item:
                    lines += ["", f"[[{name}]]", *table((*path, key), entry)]
        return lines

    return "\n".join(table((), document)) + "\n"


def read_terminal(end):
    try:
        return os.read(end, 4096)
    except OSError:  # the other end is closed
        return b""


class Gateway:
    def __init__(self, folder, upstream=None, packages=None, binary=None, **settings):
        """upstream: what has .url and .token, or None for publish = "local". packages: the [[packages]]
        tables, instead of one for everything. settings: further tables and keys of the configuration."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.binary = Path(binary or gateway_binary())
        self.data = self.folder / "data"
        self.config = self.folder / "sallyport.toml"
        self.log = self.folder / "log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.service = None
        origin = "main" if upstream else "local"
        everything = {"match": "**", "read": origin, "publish": origin, "publishers": ["group:engineers"],
                      "reviewers": ["group:release"], "approvals": 1}
        self.settings = {"listen": f"127.0.0.1:{self.port}", "public_url": self.url, "data": str(self.data)}
        if upstream:
            (self.folder / FORWARDED_TOKEN_FILE).write_text(upstream.token + "\n")
            self.settings["upstreams"] = {"main": {"url": upstream.url + "/", "forward": "publish",
                                                   "token_file": str(self.folder / FORWARDED_TOKEN_FILE)}}
        self.settings["packages"] = [{**everything, **table} for table in packages or [{}]]
        for key, item in settings.items():
            if isinstance(item, dict):
                self.settings.setdefault(key, {}).update(item)
            else:
                self.settings[key] = item
        self.configure()

    def configure(self):
        self.config.write_text(toml(self.settings))

    # -- life

    def spawn(self, env=None):
        """The process, which may not answer yet."""
        return Service([self.binary, "serve", "--config", self.config], self.log, cwd=self.folder,
                       env={**self.environment(), **(env or {})})

    def start(self, env=None, seconds=30.0):
        self.service = self.spawn(env)
        self.service.wait_ready(self.ready, seconds)
        return self

    @staticmethod
    def environment():
        return {key: item for key, item in os.environ.items()
                if not key.startswith(("SALLYPORT_", "npm_config_", "NPM_CONFIG_"))}

    def ready(self):
        try:
            return http.get(f"{self.url}/-/readyz", seconds=2).status == 200
        except OSError:
            return False

    def stop(self):
        """Gracefully; returns the exit code."""
        code = self.service.stop()
        self.service = None
        return code

    def kill(self):
        """kill -9, as a crash would."""
        self.service.kill()
        self.service = None

    def close(self):
        if self.service:
            self.service.signal(signal.SIGKILL)
            self.service.process.wait()
            self.service = None

    def restart(self, **how):
        self.stop()
        return self.start(**how)

    def died(self, seconds=20.0):
        """Waits for it to be gone by itself (a crash point); returns its exit code."""
        code = self.service.process.wait(seconds)
        self.service = None
        return code

    # -- what it says

    def entries(self):
        """The log, one dict a line."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                found.append(entry)
        return found

    def resident_bytes(self, key="VmRSS"):
        """Memory now (VmRSS) or at its highest (VmHWM)."""
        status = Path(f"/proc/{self.service.process.pid}/status").read_text()
        return int(status.split(f"{key}:")[1].split()[0]) * 1024

    # -- the command line

    def cli(self, *arguments, expect=0, env=None, stdin=None, seconds=60.0):
        """One command on this configuration; returns what it printed."""
        command = [str(part) for part in (self.binary, *arguments, "--config", self.config)]
        done = subprocess.run(command, cwd=self.folder, env={**self.environment(), **(env or {})}, input=stdin,
                              stdin=None if stdin is not None else subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds)
        if expect is not None:
            assert done.returncode == expect, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def watched(self, *arguments):
        """The same with a terminal as standard error: what it printed, and what the terminal was sent."""
        command = [str(part) for part in (self.binary, *arguments, "--config", self.config)]
        ours, theirs = pty.openpty()
        running = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=theirs, env=self.environment())
        os.close(theirs)
        shown = b""
        while piece := read_terminal(ours):
            shown += piece
        os.close(ours)
        printed = running.communicate(timeout=60)[0]
        assert running.returncode == 0, shown
        return printed.decode(), shown.decode()

    def add_user(self, name, groups=(), admin=False, service=False, password=None):
        password = password or f"the password of {name}"
        secret = self.folder / f"password-{name}"
        secret.write_text(password + "\n")
        self.cli("user", "add", name, *(part for group in groups for part in ("--group", group)),
                 *(["--admin"] if admin else []), *(["--service"] if service else []), "--password-file", secret)
        return User(name, password, self.create_token(name))

    def create_token(self, user, *options):
        return self.cli("token", "create", "--user", user, *options).stdout.strip()

    def add_team(self):
        """The usual cast: two engineers, two reviewers, an administrator."""
        return {"alice": self.add_user("alice", groups=["engineers"]),
                "bob": self.add_user("bob", groups=["engineers"]),
                "rita": self.add_user("rita", groups=["release"]),
                "rolf": self.add_user("rolf", groups=["release"]),
                "root": self.add_user("root", admin=True)}

    # -- releases, over plain HTTP

    def publish(self, user, name, version, data, **options):
        """PUT as npm does; returns the answer."""
        return http.put(f"{self.url}/{packages.escaped(name)}",
                        packages.publish_document(name, version, data, registry=self.url, **options), token=user.token)

    def stages(self, user, name=None):
        query = f"&package={packages.escaped(name)}" if name else ""
        answer = http.get(f"{self.url}/-/stage?page=0&perPage=100{query}", token=user.token)
        assert answer.status == 200, answer.body
        return answer.json()["items"]

    def stage_of(self, user, name, version):
        (found,) = [item for item in self.stages(user, name) if item["version"] == version]
        return found

    def hold(self, user, name, version="1.0.0", data=None, **options):
        """Publishes a clean package and returns its stage id; it must be held."""
        answer = self.publish(user, name, version, data or packages.package_tarball(name, version), **options)
        assert answer.status == 202, answer.body
        return answer.json()["stageId"]

    def approve(self, user, stage, **options):
        return http.post(f"{self.url}/-/stage/{stage}/approve", token=user.token, **options)

    def reject(self, user, stage, **options):
        return http.delete(f"{self.url}/-/stage/{stage}", token=user.token, **options)

    def packument(self, name, user=None):
        answer = http.get(f"{self.url}/{packages.escaped(name)}", token=user and user.token)
        assert answer.status in (200, 404), answer.body
        return answer.json() if answer.status == 200 else None

    def status(self, user, name, version):
        answer = http.get(f"{self.url}/-/package/{packages.escaped(name)}/version/{version}/status", token=user.token)
        assert answer.status == 200, answer.body
        return answer.json()["status"]

    def wait_status(self, user, name, version, wanted, seconds=40.0):
        wait_until(lambda: self.status(user, name, version) == wanted, seconds, f"{name}@{version} to be {wanted}")

    def verify_ledger(self):
        """Whether the chain is whole, as the binary itself says."""
        return self.cli("ledger", "verify", expect=None).returncode == 0


def measured(call):
    """call() and the seconds it took."""
    before = time.monotonic()
    return call(), time.monotonic() - before
