"""`sallyport scan` as a build runs it."""

import json
import os
import subprocess

from support.tools import clients_folder, gateway_binary, node


class Scanner:
    """With npm 11 as the npm on the PATH, unless it is taken away, and a home of its own."""

    def __init__(self, home):
        self.home = home
        self.programs = home / "bin"
        self.programs.mkdir(parents=True)
        npm = self.programs / "npm"
        npm.write_text(f"#!/bin/sh\nexec {node()} {clients_folder() / 'npm11' / 'bin' / 'npm-cli.js'} \"$@\"\n")
        npm.chmod(0o755)
        self.environment = {"HOME": str(home), "PATH": f"{self.programs}:{os.defpath}",
                            "npm_config_update_notifier": "false"}

    def run(self, *arguments, expect, cwd=None):
        done = subprocess.run([gateway_binary(), "scan", *map(str, arguments)], cwd=cwd or self.home,
                              env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def report(self, subject, *arguments, expect=None):
        """The JSON report; `expect` is the exit code, by default what the verdict means."""
        done = subprocess.run([gateway_binary(), "scan", str(subject), "--format", "json", *map(str, arguments)],
                              cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1), done.stderr
        report = json.loads(done.stdout)
        assert done.returncode == (expect if expect is not None else int(report["verdict"] == "block")), report
        return report


def rules(report):
    """rule -> the worst action it took."""
    order = ["note", "warn", "escalate", "block"]
    worst = {}
    for finding in report["findings"]:
        before = worst.get(finding["rule"], "note")
        worst[finding["rule"]] = max(before, finding["action"], key=order.index)
    return worst


def above_note(report):
    """The same without what is only shown to a reviewer."""
    return {rule: action for rule, action in rules(report).items() if action != "note"}


def files(report, rule):
    return {finding["file"] for finding in report["findings"] if finding["rule"] == rule}
