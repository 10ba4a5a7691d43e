"""`npm login` through the page: the clients themselves, and whoever would like to have the token instead."""

import re
import threading
import urllib.parse

import pytest

from support import http, totp

FORM = "application/x-www-form-urlencoded"


def begin(gate, **headers):
    answer = http.post(f"{gate.url}/-/v1/login", {}, headers=headers)
    assert answer.status == 200, answer.body
    return answer.json()


def submit(url, user, password, otp="", **headers):
    body = urllib.parse.urlencode({"user": user, "password": password, "otp": otp}).encode()
    return http.post(url, body, headers={"content-type": FORM, **headers})


@pytest.mark.parametrize("name", ["npm11", "npm12", "pnpm12"])
def test_clients_log_in(name, gate, client):
    alice = gate.user("alice")
    runner = client(name, gate.url)
    session = runner.terminal("login", "--auth-type=web") if name != "pnpm12" else runner.terminal("login")
    page = session.expect(re.escape(gate.url) + r"/-/login/[\w-]+")[0]
    code = session.expect(r"must show the code (\w{4})")[1]
    shown = http.get(page)
    assert f"<code>{code}</code>".encode() in shown.body and b"127.0.0.1" in shown.body
    assert submit(page, "alice", alice.password, origin=gate.url).status == 200
    assert session.finish() == 0, session.shown
    assert runner.run("whoami").stdout.strip().endswith("alice")
    log = gate.log.read_text()
    assert page.rsplit("/", 1)[1] not in log and alice.password not in log


def test_the_token_is_given_once(gate):
    urls = begin(gate)
    waiting = http.get(urls["doneUrl"])
    assert waiting.status == 202 and waiting.headers["retry-after"] == "1"
    assert submit(urls["loginUrl"], "alice", gate.user("alice").password).status == 200
    # Neither a look at its head, nor the page again, takes it away or over.
    assert http.request("HEAD", urls["doneUrl"]).status == 405
    assert http.get(urls["loginUrl"]).status == 404
    assert submit(urls["loginUrl"], "bob", gate.user("bob").password).status == 404
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(http.get(urls["doneUrl"]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (given,) = [answer for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} == {200, 404}
    token = given.json()["token"]
    assert given.headers["cache-control"] == "no-store"
    assert http.get(f"{gate.url}/-/whoami", token=token).json() == {"username": "alice"}
    log = gate.log.read_text()
    assert token not in log and urls["doneUrl"].rsplit("/", 1)[1] not in log


def test_wrong_passwords(new_gate):
    gate = new_gate()
    urls = begin(gate)
    for user, password in (("alice", "guess"), ("nobody", "guess"), ("", ""), ("alice", "")):
        refused = submit(urls["loginUrl"], user, password)
        assert refused.status == 401 and b"<form" in refused.body
        assert http.get(urls["doneUrl"]).status == 202
    # As slow as any other way of guessing, and the page does not last for ever.
    statuses = [submit(urls["loginUrl"], "alice", f"guess {n}").status for n in range(8)]
    assert 403 in statuses and statuses[-1] == 404
    assert http.get(urls["doneUrl"]).status == 404
    again = begin(gate)
    assert submit(again["loginUrl"], "alice", gate.user("alice").password).status == 403
    assert http.get(again["doneUrl"]).status == 202


def test_the_second_factor(new_gate):
    gate = new_gate()
    rita = gate.user("rita")
    url = f"{gate.url}/-/npm/v1/user"
    asked = http.post(url, {"tfa": {"mode": "auth-only", "password": rita.password}}, token=rita.token)
    secret = totp.secret_of(asked.json()["tfa"])
    assert http.post(url, {"tfa": [totp.code(secret, step=-1)]}, token=rita.token).status == 200
    urls = begin(gate)
    for code in ("", "000000"):
        assert submit(urls["loginUrl"], "rita", rita.password, code).status == 401
        assert http.get(urls["doneUrl"]).status == 202
    assert submit(urls["loginUrl"], "rita", rita.password, totp.code(secret)).status == 200
    assert http.get(urls["doneUrl"]).json()["token"]


def test_other_sites_submit_nothing(gate):
    urls = begin(gate)
    password = gate.user("alice").password
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
                    {"sec-fetch-site": "same-site", "origin": gate.url}, {"origin": gate.url + ".evil.example"}):
        assert submit(urls["loginUrl"], "alice", password, **headers).status == 403, headers
        assert http.get(urls["doneUrl"]).status == 202
    page = http.get(urls["loginUrl"])
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert page.headers["x-frame-options"] == "DENY" and page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(rb"(?:src|href|action)=|<script", page.body)


def test_the_page_quotes_nobody(gate):
    """What the client calls itself stands in the page as text."""
    urls = begin(gate, **{"user-agent": "<script>alert(1)</script>\"'&/1.0 x"})
    page = http.get(urls["loginUrl"])
    assert b"<script" not in page.body and b"&lt;script&gt;" in page.body
    refused = submit(urls["loginUrl"], "<b>alice</b>", "guess")
    assert b"<b>alice" not in refused.body


def test_hostile_forms(gate):
    urls = begin(gate)
    for body in (b"user=a&user=b&password=c", b"%ff=%00", b"user", b"{}", b"a" * 8000):
        assert http.post(urls["loginUrl"], body, headers={"content-type": FORM}).status in (400, 401, 403), body[:40]
    assert http.post(urls["loginUrl"], b"a" * 100_000, headers={"content-type": FORM}).status == 413
    for path in ("/-/login/x", "/-/login/..", "/-/login/%00", "/-/v1/done/", "/-/v1/done/x"):
        assert http.get(gate.url + path).status in (400, 404), path


def test_there_is_an_end_to_beginning(new_gate):
    gate = new_gate()
    statuses = [http.post(f"{gate.url}/-/v1/login", {}).status for _ in range(60)]
    assert statuses[:50] == [200] * 50 and set(statuses[50:]) == {403}
