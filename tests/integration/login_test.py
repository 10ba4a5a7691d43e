"""npm's own ways in: login, logout, whoami, tokens, profile, two factors."""

import json

import pytest

from support import http, packages, totp


def login(npm, user, password):
    session = npm.terminal("login", "--auth-type=legacy")
    session.expect("Username:")
    session.send(user)
    session.expect("Password:")
    session.send(password)
    return session


@pytest.mark.parametrize("name", ["npm11", "npm12"])
def test_login_whoami_publish_logout(name, gate, client, tmp_path):
    alice = gate.user("alice")
    npm = client(name, gate.url)
    session = login(npm, "alice", alice.password)
    session.expect("Logged in")
    assert session.finish() == 0
    token = npm.saved_token()
    assert npm.run("whoami").stdout.strip() == "alice"
    package = packages.unique("login")
    npm.publish(packages.write_package(tmp_path / "source", package))
    assert gate.stage_of(gate.user("rita"), package, "1.0.0")["actor"] == "alice"
    npm.run("logout")
    assert not npm.saved_token()
    assert http.get(f"{gate.url}/-/whoami", token=token).status == 401
    assert token not in gate.log.read_text()
    assert alice.password not in gate.log.read_text()


def test_pnpm_and_berry_say_who_they_are(gate, client):
    for name in ("pnpm12", "bun"):
        arguments = ("pm", "whoami") if name == "bun" else ("whoami",)
        assert "alice" in client(name, gate.url, gate.user("alice").token).run(*arguments).text
    assert "alice" in client("berry", gate.url, gate.user("alice").token).run("npm", "whoami").text


def test_wrong_password_is_refused(gate, client):
    session = login(client("npm11", gate.url), "rolf", "not it")
    assert session.finish() != 0
    assert "rolf" not in client("npm11", gate.url).run("whoami", expect="failure").stdout


def test_unknown_and_known_users_are_refused_alike(gate):
    def attempt(name):
        answer = http.put(f"{gate.url}/-/user/org.couchdb.user:{name}",
                          {"_id": f"org.couchdb.user:{name}", "name": name, "password": "guess", "type": "user",
                           "roles": []})
        return answer.status, answer.error.replace(name, "NAME")
    assert attempt("rolf") == attempt("nobody-at-all")


def test_nobody_signs_up_by_logging_in(gate):
    answer = http.put(f"{gate.url}/-/user/org.couchdb.user:mallory",
                      {"_id": "org.couchdb.user:mallory", "name": "mallory", "password": "let me in please",
                       "type": "user", "roles": []})
    assert 400 <= answer.status < 500 and answer.error
    assert "mallory" not in gate.cli("user", "list").stdout


def test_tokens_are_created_listed_and_revoked(gate, client):
    bob = gate.user("bob")
    npm = client("npm11", gate.url, bob.token)
    created = npm.run("token", "create", "--name=reader", "--packages-all", "--password", bob.password,
                      "--packages-and-scopes-permission=read-only", "--json").stdout
    token = json.loads(created)["token"]
    assert http.get(f"{gate.url}/-/whoami", token=token).json() == {"username": "bob"}
    package = packages.unique("readonly")
    refused = http.put(f"{gate.url}/{package}", packages.publish_document(package, "1.0.0", b""), token=token)
    assert refused.status in (401, 403) and refused.error

    listed = http.get(f"{gate.url}/-/npm/v1/tokens", token=bob.token)
    (mine,) = [entry for entry in listed.json()["objects"] if entry["name"] == "reader"]
    assert mine["readonly"] is True and "urls" in listed.json()
    for secret in (token, bob.token):
        assert secret.encode() not in listed.body
    assert "reader" in npm.run("token", "list").stdout
    npm.run("token", "revoke", mine["key"])
    assert http.get(f"{gate.url}/-/whoami", token=token).status == 401


def test_a_token_is_not_made_without_the_password(gate):
    bob = gate.user("bob")
    answer = http.post(f"{gate.url}/-/npm/v1/tokens", {"name": "x", "password": "guess"}, token=bob.token)
    assert answer.status in (401, 403) and answer.error


def test_a_token_is_bound_to_its_network_and_its_time(gate):
    elsewhere = gate.create_token("bob", "--cidr", "203.0.113.0/24")
    here = gate.create_token("bob", "--cidr", "127.0.0.0/8")
    assert http.get(f"{gate.url}/-/whoami", token=elsewhere).status in (401, 403)
    assert http.get(f"{gate.url}/-/whoami", token=here).json() == {"username": "bob"}


def test_profile(gate, client):
    shown = client("npm11", gate.url, gate.user("bob").token).run("profile", "get", "--json").stdout
    assert '"name": "bob"' in shown


def enable_two_factors(gate, user):
    """As `npm profile enable-2fa auth-and-writes` talks. Returns the secret."""
    url = f"{gate.url}/-/npm/v1/user"
    asked = http.post(url, {"tfa": {"mode": "auth-and-writes", "password": user.password}}, token=user.token)
    assert asked.status == 200, asked.body
    secret = totp.secret_of(asked.json()["tfa"])
    confirmed = http.post(url, {"tfa": [totp.code(secret, step=-1)]}, token=user.token)
    assert confirmed.status == 200, confirmed.body
    return secret


def test_approval_asks_for_the_one_time_password(new_gate, client):
    gate = new_gate()
    rita = gate.user("rita")
    package = packages.unique("otp")
    secret = enable_two_factors(gate, rita)
    stage = gate.hold(gate.user("alice"), package)

    npm = client("npm11", gate.url, rita.token)
    without = npm.run("stage", "approve", stage, expect="failure")
    assert "EOTP" in without.text, without
    assert gate.is_invisible(package, "1.0.0")
    code = totp.code(secret)
    npm.run("stage", "approve", stage, "--otp", code)
    assert not gate.is_invisible(package, "1.0.0")

    # The same code again is a replay.
    again = gate.hold(gate.user("alice"), packages.unique("otp"))
    replayed = gate.approve(rita, again, headers={"npm-otp": code})
    assert replayed.status == 401 and "OTP" in replayed.headers["www-authenticate"]


def test_one_time_password_is_asked_for_on_the_terminal(new_gate, client):
    gate = new_gate()
    rita = gate.user("rita")
    secret = enable_two_factors(gate, rita)
    package = packages.unique("otp")
    stage = gate.hold(gate.user("alice"), package)
    session = client("npm12", gate.url, rita.token).terminal("stage", "approve", stage)
    session.expect("one-time password")
    session.send(totp.code(secret))
    assert session.finish() == 0, session.shown
    assert not gate.is_invisible(package, "1.0.0")


def test_required_one_time_password_for_somebody_without_one(new_gate):
    gate = new_gate(identity={"otp_to_approve": "required"})
    package = packages.unique("otp")
    stage = gate.hold(gate.user("alice"), package)
    answer = gate.approve(gate.user("rita"), stage)
    assert 400 <= answer.status < 500 and answer.error
    assert gate.is_invisible(package, "1.0.0")


def test_guessing_is_slowed_down(new_gate):
    gate = new_gate()
    url = f"{gate.url}/-/user/org.couchdb.user:alice"
    body = {"_id": "org.couchdb.user:alice", "name": "alice", "type": "user", "roles": []}
    answers = [http.put(url, {**body, "password": f"guess {n}"}) for n in range(30)]
    # 403, not 429: npm sends a 429 again three times.
    assert [answer.status for answer in answers[:5]] == [401] * 5
    slowed = [answer for answer in answers if answer.status == 403]
    assert len(slowed) >= 20 and "seconds" in slowed[0].error
    # Nor does the right password help while the wait runs.
    assert http.put(url, {**body, "password": gate.user("alice").password}).status == 403
