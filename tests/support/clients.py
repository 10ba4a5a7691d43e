"""The real clients, each with a home, a cache and a configuration of its own, so that no test sees another's
or the machine's. Where a client's setting stands is in its class; why is said where it surprises.

    npm = clients.make("npm11", tmp_path / "home", registry, token)
    npm.publish(folder)          # raises with the output unless it ends with 0
    npm.install(project, "lib@1.0.0")
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.processes import Terminal
from support.tools import clients_folder, node


@dataclass
class Run:
    command: str
    code: int
    stdout: str
    stderr: str

    @property
    def text(self):
        """Everything shown, without colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.stdout + self.stderr)

    def __str__(self):
        return f"{self.command} ended with {self.code}\n{self.stdout}{self.stderr}"


class Client:
    name = ""
    stages = False  # has `stage` commands of its own

    def __init__(self, home, registry, token=None):
        self.home = Path(home).resolve()
        self.home.mkdir(parents=True, exist_ok=True)
        self.registry = registry.rstrip("/") + "/"
        self.settings = {}  # further lines of .npmrc
        self.sign_in(token)

    def sign_in(self, token):
        self.token = token
        self.configure()

    def npmrc(self):
        lines = {"registry": self.registry, "audit": "false", "fund": "false", "update-notifier": "false",
                 # As many tries as ever, without minutes between them.
                 "fetch-retry-mintimeout": "100", "fetch-retry-maxtimeout": "1000", **self.settings}
        if self.token:
            lines[self.registry.split(":", 1)[1] + ":_authToken"] = self.token
        return "".join(f"{key}={value}\n" for key, value in lines.items())

    def configure(self):
        (self.home / ".npmrc").write_text(self.npmrc())

    def saved_token(self):
        """The token that the client's own configuration holds now (after a login)."""
        match = re.search(r"_authToken\s*=\s*\"?([^\"\n]+)", (self.home / ".npmrc").read_text())
        return match and match[1]

    def program(self):
        raise NotImplementedError

    def environment(self):
        kept = {key: os.environ[key] for key in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "LANG") if key in os.environ}
        return {**kept, "HOME": str(self.home), "PATH": f"{node().parent}:/usr/bin:/bin", "TERM": "xterm",
                "XDG_CACHE_HOME": str(self.home / "cache"), "XDG_DATA_HOME": str(self.home / "data"),
                "XDG_CONFIG_HOME": str(self.home / "config"), "XDG_STATE_HOME": str(self.home / "state"),
                "npm_config_userconfig": str(self.home / ".npmrc"),
                "npm_config_globalconfig": str(self.home / "npmrc-global"),
                "npm_config_cache": str(self.home / "npm-cache"), "npm_config_loglevel": "notice"}

    def run(self, *arguments, cwd=None, expect=0, seconds=120.0, env=None):
        """expect: the exit code it must end with, None for any, "failure" for any but 0."""
        command = [str(part) for part in (*self.program(), *arguments)]
        done = subprocess.run(command, cwd=cwd or self.home, env={**self.environment(), **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
        run = Run(" ".join([self.name, *map(str, arguments)]), done.returncode,
                  done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        if expect == "failure":
            assert run.code != 0, run
        elif expect is not None:
            assert run.code == expect, run
        return run

    def terminal(self, *arguments, cwd=None, env=None):
        return Terminal([*self.program(), *arguments], str(cwd or self.home), {**self.environment(), **(env or {})})

    def publish(self, folder, *options, **how):
        raise NotImplementedError

    def install(self, folder, *specs, **how):
        """Installs into the folder, from nothing but the registry."""
        raise NotImplementedError


def project(folder, dependencies=None):
    """An empty project to install into."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps({"name": "project", "version": "1.0.0", "private": True,
                                                     "dependencies": dependencies or {}}))
    return folder


def split_spec(spec):
    """"@acme/lib@1.0.0" -> ("@acme/lib", "1.0.0"); without a version "latest"."""
    name, at, version = spec[1:].rpartition("@")
    return (spec[0] + name, version) if at else (spec, "latest")


class Npm(Client):
    stages = True

    def program(self):
        return [node(), clients_folder() / self.name / "bin" / "npm-cli.js"]

    def publish(self, folder, *options, **how):
        return self.run("publish", *options, cwd=folder, **how)

    def install(self, folder, *specs, **how):
        return self.run("install", *specs, cwd=folder, **how)

    def pack(self, folder):
        """The bytes it would publish."""
        out = self.home / "packed"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        self.run("pack", "--pack-destination", out, cwd=folder)
        (made,) = out.iterdir()
        return made.read_bytes()


class Npm11(Npm):
    name = "npm11"


class Npm12(Npm):
    name = "npm12"


class Pnpm12(Client):
    """A native program. It reads its own settings from pnpm-workspace.yaml or --config only, and hides
    versions younger than a day unless told not to."""

    name = "pnpm12"
    stages = True

    def program(self):
        return [clients_folder() / "pnpm12" / "pnpm"]

    def run(self, *arguments, **how):
        return super().run("--config.minimumReleaseAge=0", "--config.fetchRetryMintimeout=100",
                           "--config.fetchRetryMaxtimeout=1000", f"--config.storeDir={self.home / 'store'}",
                           *arguments, **how)

    def publish(self, folder, *options, **how):
        return self.run("publish", "--no-git-checks", *options, cwd=folder, **how)

    def install(self, folder, *specs, **how):
        return self.run(*(("add", *specs) if specs else ("install",)), cwd=folder, **how)


class Pnpm10(Client):
    """Publishes through whatever npm is on the PATH."""

    name = "pnpm10"

    def program(self):
        return [node(), clients_folder() / "pnpm10" / "bin" / "pnpm.cjs"]

    def environment(self):
        folder = self.home / "bin"
        folder.mkdir(exist_ok=True)
        npm = folder / "npm"
        if not npm.exists():
            npm.write_text(f"#!/bin/sh\nexec {node()} {clients_folder() / 'npm11' / 'bin' / 'npm-cli.js'} \"$@\"\n")
            npm.chmod(0o755)
        found = super().environment()
        return {**found, "PATH": f"{folder}:{found['PATH']}"}

    def npmrc(self):
        return super().npmrc() + f"store-dir={self.home / 'store'}\n"

    def publish(self, folder, *options, **how):
        return self.run("publish", "--no-git-checks", *options, cwd=folder, **how)

    def install(self, folder, *specs, **how):
        return self.run(*(("add", *specs) if specs else ("install",)), cwd=folder, **how)


class Yarn1(Client):
    """Sends no credentials for unscoped reads without always-auth."""

    name = "yarn1"

    def __init__(self, home, registry, token=None):
        super().__init__(home, registry, token)
        self.settings["always-auth"] = "true"
        self.configure()

    def program(self):
        return [node(), clients_folder() / "yarn1" / "bin" / "yarn.js"]

    def environment(self):
        return {**super().environment(), "YARN_CACHE_FOLDER": str(self.home / "yarn-cache")}

    def publish(self, folder, *options, **how):
        return self.run("publish", "--non-interactive", "--no-git-tag-version", *options, cwd=folder, **how)

    def install(self, folder, *specs, **how):
        return self.run(*(("add", *specs) if specs else ("install",)), "--non-interactive", cwd=folder, **how)


class Berry(Client):
    """Refuses plain http and young versions unless told otherwise; wants a lock file in the folder it
    publishes from. Its configuration is read from the home folder too."""

    name = "berry"
    stages = True

    def program(self):
        return [node(), clients_folder() / "@yarnpkg" / "cli-dist" / "bin" / "yarn.js"]

    def configure(self):
        super().configure()
        lines = {"npmRegistryServer": self.registry.rstrip("/"), "unsafeHttpWhitelist": ["127.0.0.1", "localhost"],
                 "npmAlwaysAuth": bool(self.token), "npmMinimalAgeGate": 0, "enableTelemetry": False,
                 "enableGlobalCache": False, "cacheFolder": str(self.home / "berry-cache"),
                 "globalFolder": str(self.home / "berry"), "nodeLinker": "node-modules",
                 "enableImmutableInstalls": False, "enableProgressBars": False, "enableColors": False}
        if self.token:
            lines["npmAuthToken"] = self.token
        # YAML is a superset of JSON.
        (self.home / ".yarnrc.yml").write_text("".join(f"{key}: {json.dumps(value)}\n"
                                                       for key, value in lines.items()))

    def prepare(self, folder, how):
        if not (Path(folder) / "yarn.lock").exists():
            (Path(folder) / "yarn.lock").write_text("")
            self.run("install", cwd=folder, seconds=how.get("seconds", 120.0))

    def publish(self, folder, *options, **how):
        self.prepare(folder, how)
        return self.run("npm", "publish", *options, cwd=folder, **how)

    def install(self, folder, *specs, **how):
        if not (Path(folder) / "yarn.lock").exists():
            (Path(folder) / "yarn.lock").write_text("")
        return self.run(*(("add", "--exact", *specs) if specs else ("install",)), cwd=folder, **how)


class Bun(Client):
    name = "bun"

    def program(self):
        return [clients_folder() / "bun" / "bin" / "bun.exe"]

    def environment(self):
        return {**super().environment(), "BUN_INSTALL_CACHE_DIR": str(self.home / "bun-cache"),
                "BUN_INSTALL": str(self.home / "bun"), "DO_NOT_TRACK": "1"}

    def publish(self, folder, *options, **how):
        return self.run("publish", *options, cwd=folder, **how)

    def install(self, folder, *specs, **how):
        return self.run(*(("add", *specs) if specs else ("install",)), cwd=folder, **how)


KINDS = {kind.name: kind for kind in (Npm11, Npm12, Pnpm12, Pnpm10, Yarn1, Berry, Bun)}
PUBLISHERS = list(KINDS)


def make(name, home, registry, token=None):
    return KINDS[name](home, registry, token)


def installed(folder, name):
    """The manifest of an installed package."""
    return json.loads((Path(folder) / "node_modules" / name / "package.json").read_text())
