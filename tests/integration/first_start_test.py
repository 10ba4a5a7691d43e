"""A newcomer's start: what is printed, the first administrator, the shipped configuration."""

import json
import re
import shlex
import subprocess

from support import http
from support.gateway import Gateway
from support.processes import wait_until
from support.tools import ROOT, gateway_binary


def printed_command(gateway):
    """The curl command, as the first start prints it."""
    return wait_until(lambda: (found := re.search(r"curl .*", gateway.log.read_text())) and found[0], 10,
                      "the command for the first administrator")


def run_printed(command, name, password):
    """As somebody would: with the two words that stand for something replaced."""
    words = shlex.split(command.replace("NAME", name).replace('"..."', json.dumps(password)))
    done = subprocess.run([words[0], "-sS", "-w", "%{http_code}", "-o", "/dev/null", *words[1:]], check=True,
                          stdout=subprocess.PIPE, text=True, timeout=30)
    return int(done.stdout)


def test_the_printed_command_makes_one_administrator_once(tmp_path):
    gateway = Gateway(tmp_path / "gate")
    try:
        gateway.start()
        command = printed_command(gateway)
        guess = http.post(f"{gateway.url}/-/sallyport/first-admin",
                          {"secret": "a guess", "name": "mallory", "password": "let me in please"})
        assert guess.status in (401, 403) and guess.error
        assert run_printed(command, "ada", "ada has a long passphrase") in (200, 201)
        assert run_printed(command, "mallory", "let me in please") in (401, 403, 404, 409)
        listed = gateway.cli("user", "list").stdout
        assert "ada" in listed and "mallory" not in listed
        gateway.restart()
        assert gateway.log.read_text().count("There is no user yet") == 1
    finally:
        gateway.close()


def test_with_a_user_there_is_no_such_way_in(tmp_path):
    gateway = Gateway(tmp_path / "gate")
    try:
        gateway.start()
        command = printed_command(gateway)
        gateway.add_user("alice")
        assert run_printed(command, "mallory", "let me in please") in (401, 403, 404, 409)
        assert "mallory" not in gateway.cli("user", "list").stdout
    finally:
        gateway.close()


def test_two_servers_do_not_share_a_folder(tmp_path):
    gateway = Gateway(tmp_path / "gate")
    try:
        gateway.start()
        second = gateway.cli("serve", "--listen", "127.0.0.1:0", expect=2)
        assert "in use by another Sallyport" in second.stderr and str(gateway.data) in second.stderr
        assert gateway.ready()
    finally:
        gateway.close()


def test_the_example_configuration_is_right():
    done = subprocess.run([gateway_binary(), "config", "check", "--config", ROOT / "deploy/sallyport.example.toml"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_configuration_is_told_with_line_key_and_nearest_name(tmp_path):
    file = tmp_path / "sallyport.toml"
    file.write_text('listen = "127.0.0.1:0"\n[[packages]]\nmatch = "**"\nread = "local"\npublisher = ["alice"]\n')
    done = subprocess.run([gateway_binary(), "serve", "--config", file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"{file}:5" in done.stderr and "publisher" in done.stderr and "publishers" in done.stderr


def test_nobody_else_looks_into_the_data_even_where_the_folder_is_open(tmp_path):
    gateway = Gateway(tmp_path / "gate")
    gateway.data.mkdir(mode=0o755)
    try:
        gateway.start()
        inner = [path for path in gateway.data.iterdir() if path.is_dir()]
        assert {path.name for path in inner} >= {"meta", "blobs", "cache", "scratch"}
        assert {path.name: oct(path.stat().st_mode & 0o777) for path in inner if path.stat().st_mode & 0o077} == {}
    finally:
        gateway.close()
