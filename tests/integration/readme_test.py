"""README.md as a newcomer uses it: every command of the walk is run, and what it says about keys and routes
is what the binary prints."""

import os
import re
import subprocess

from support import http
from support.processes import Service, free_port
from support.tools import ROOT


def blocks(kind):
    return re.findall(rf"^```sh {kind}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)


def test_five_minutes(verdaccio, tmp_path):
    """In a folder that looks like the clone, on a port that is free, with the machine's own npm."""
    for name in ("deploy", "build"):
        (tmp_path / name).symlink_to(ROOT / name)
    port = free_port()
    home = tmp_path / "home"
    home.mkdir()
    kept = {key: os.environ[key] for key in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS") if key in os.environ}
    environment = {**kept, "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "CI": "true"}
    (server,), walk = blocks("walk-server"), blocks("walk")
    assert len(walk) >= 4
    service = Service(["bash", "-ec", server], tmp_path / "server.log", cwd=tmp_path,
                      env={**environment, "SALLYPORT_LISTEN": f"127.0.0.1:{port}",
                           "npm_config_registry": verdaccio.url + "/"})
    try:
        service.wait_ready(lambda: ready(port), seconds=60)
        script = "\n".join(walk).replace(":4873/", f":{port}/")
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=150)
        shown = done.stdout
        assert done.returncode == 0, shown
        # Each thing the text promises: held, not her own, installed, refused.
        for promise in ("held", "not her own", "\nhello\n", "index.js.map", "refused"):
            assert promise in shown, shown
        assert shown.index("held") < shown.index("not her own") < shown.index("\nhello\n") < shown.index("refused")
    finally:
        service.stop()


def ready(port):
    try:
        return http.get(f"http://127.0.0.1:{port}/-/readyz", seconds=2).status == 200
    except OSError:
        return False


def test_what_it_says_about_keys_and_routes():
    done = subprocess.run([ROOT / "deploy/document", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_configuration():
    done = subprocess.run([ROOT / "build/release/sallyport", "config", "check", "--config",
                           ROOT / "deploy/sallyport.example.toml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
