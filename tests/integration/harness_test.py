"""The harness itself, on Verdaccio alone: what these tests find wrong is not the gateway's fault."""

import json
from http.client import IncompleteRead

import pytest

from support import clients, http, packages
from support.scripted_upstream import Reply


@pytest.mark.parametrize("scope", ["", "@acme/"], ids=["plain", "scoped"])
@pytest.mark.parametrize("name", clients.PUBLISHERS)
def test_client_publishes_and_installs(name, scope, verdaccio, record, client, tmp_path):
    registry = record(verdaccio.url)
    package = scope + packages.unique("harness")
    folder = packages.write_package(tmp_path / "source", package)
    client(name, registry.url, verdaccio.token).publish(folder)

    assert verdaccio.versions(package) == ["1.0.0"]
    assert verdaccio.tarball(package, "1.0.0") == registry.packed()

    project = clients.project(tmp_path / "project")
    client(name, verdaccio.url, verdaccio.token).install(project, f"{package}@1.0.0")
    assert clients.installed(project, package)["version"] == "1.0.0"


def test_what_npm_sends_is_what_it_packs(verdaccio, record, client, tmp_path):
    registry = record(verdaccio.url)
    npm = client("npm11", registry.url, verdaccio.token)
    folder = packages.write_package(tmp_path / "source", packages.unique())
    npm.publish(folder)
    assert registry.packed() == npm.pack(folder)


def test_npm_logs_in_on_a_terminal(verdaccio, client):
    verdaccio.add_user("walker", "walks a lot")
    npm = client("npm11", verdaccio.url)
    session = npm.terminal("login", "--auth-type=legacy")
    session.expect("Username:")
    session.send("walker")
    session.expect("Password:")
    session.send("walks a lot")
    session.expect("Logged in")
    assert session.finish() == 0
    assert npm.run("whoami").stdout.strip() == "walker"
    assert npm.saved_token()


def test_scripted_upstream_is_a_registry(scripted_upstream, client, tmp_path):
    package = "@acme/" + packages.unique()
    npm = client("npm12", scripted_upstream.url, scripted_upstream.token)
    npm.publish(packages.write_package(tmp_path / "source", package))
    project = clients.project(tmp_path / "project")
    npm.install(project, package)
    assert clients.installed(project, package)["version"] == "1.0.0"


def test_scripted_upstream_fails_before_or_after_storing(scripted_upstream):
    data = packages.package_tarball("lib")
    document = packages.publish_document("lib", "1.0.0", data)
    scripted_upstream.script("PUT", "/lib", Reply(503, {"error": "not now"}), Reply(503, do=True))
    url, token = scripted_upstream.url + "/lib", scripted_upstream.token
    assert http.put(url, document, token=token).status == 503
    assert scripted_upstream.versions("lib") == []
    assert http.put(url, document, token=token).status == 503
    assert scripted_upstream.versions("lib") == ["1.0.0"]
    assert http.put(url, document, token=token).status == 409
    assert scripted_upstream.tarball("lib", "1.0.0") == data
    assert [json.loads(request.body) for request in scripted_upstream.writes()] == [document] * 3


def test_scripted_upstream_cuts_stalls_and_lies(scripted_upstream):
    data = packages.package_tarball("lib")
    scripted_upstream.add("lib", "1.0.0", data)
    path = "/lib/-/lib-1.0.0.tgz"
    url = scripted_upstream.url + path
    assert http.get(url).body == data
    scripted_upstream.script("GET", path, Reply(200, data, cut_after=10), Reply(200, data, stall_after=10),
                             Reply(200, data, content_length=len(data) + 1), Reply(200, data, cut_after=-1))
    with pytest.raises(ConnectionResetError):
        http.get(url)
    with pytest.raises(TimeoutError):
        http.get(url, seconds=0.3)
    with pytest.raises(IncompleteRead):
        http.get(url)
    with pytest.raises(ConnectionError):
        http.get(url)
    scripted_upstream.release()
    answer = http.get(scripted_upstream.url + "/lib")
    again = http.get(scripted_upstream.url + "/lib", headers={"if-none-match": answer.headers["etag"]})
    assert again.status == 304 and again.body == b""
