"""Programs that a test starts: bounded in time, their output kept, stopped with the test."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import time


def free_port():
    """A loopback port nobody listens on. The kernel does not hand it out again soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=20.0, what="the condition"):
    """Polls until condition() is true and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds} s")
        time.sleep(0.02)


class Service:
    """A server in a process group of its own, its standard output and error in one file."""

    def __init__(self, arguments, log, cwd=None, env=None):
        self.log = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen([str(a) for a in arguments], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT, start_new_session=True)

    def wait_ready(self, probe, seconds=30.0):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"ended with {self.process.returncode} before it was ready:\n{self.text()}")
            return probe()
        wait_until(ready, seconds, f"{self.process.args[0]} to be ready")

    def text(self):
        return self.log.read_text(errors="replace")

    def signal(self, number):
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def stop(self, seconds=20.0):
        """Asks it to end, and returns its exit code; kills what does not."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()


class Terminal:
    """A program on a pseudo-terminal, spoken to as a person would."""

    def __init__(self, arguments, cwd, env):
        self.child, self.fd = pty.fork()
        if self.child == 0:
            os.chdir(cwd)
            os.execve(str(arguments[0]), [str(a) for a in arguments], env)
        self.shown = ""
        self.code = None

    def read(self, deadline):
        """Takes what is there; False at the end of the output."""
        if not select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"nothing more came. Shown so far:\n{self.shown}")
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side has closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, seconds=30.0):
        """Waits until the pattern is shown after what was already expected."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.plain())):
            if not self.read(deadline):
                raise AssertionError(f"ended without showing {pattern!r}:\n{self.shown}")
        return match

    def plain(self):
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.shown)

    def send(self, line):
        self.shown = ""
        os.write(self.fd, line.encode() + b"\r")

    def finish(self, seconds=30.0):
        """Reads to the end; returns the exit code."""
        deadline = time.monotonic() + seconds
        while self.read(deadline):
            pass
        self.close()
        return self.code

    def close(self):
        if self.code is None:
            try:
                os.kill(self.child, signal.SIGHUP)
            except ProcessLookupError:
                pass
            os.close(self.fd)
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
