"""Feeds of advisories behind a URL: fetched, kept, and what holds while they cannot be had."""

import io
import json
import tarfile
import zipfile

import pytest

from support import http, packages
from support.processes import wait_until
from support.scanner import rules
from support.scripted_upstream import Reply, ScriptedUpstream


def osv(number, name, **more):
    return {"id": number, "summary": "steals tokens", "affected": [
        {"package": {"ecosystem": "npm", "name": name}, **more}]}


def zipped(*documents):
    """As OSV publishes an ecosystem."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in documents:
            archive.writestr(f"{document['id']}.json", json.dumps(document))
    return data.getvalue()


def repository(*documents):
    """As the archive of a repository is."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for document in documents:
            text = json.dumps(document, indent=2).encode()
            member = tarfile.TarInfo(f"malicious-packages-main/osv/malicious/npm/{document['id']}.json")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return data.getvalue()


@pytest.fixture
def feed():
    """The server of the feed: answers what `says` was given last, to every question, by its ETag."""
    class Feed(ScriptedUpstream):
        reply = Reply(500)

        def says(self, data):
            self.reply = data if isinstance(data, Reply) else Reply(200, data, {"etag": f'"{packages.shasum(data)}"'})

        def _truth(self, request):
            if request.headers.get("if-none-match") == self.reply.headers.get("etag", "-"):
                return Reply(304, b"", self.reply.headers)
            return self.reply

    server = Feed().start()
    yield server
    server.stop()


@pytest.fixture
def fed_gate(feed, scripted_upstream, new_gate):
    scripted_upstream.add("lib", "1.0.0", packages.package_tarball("lib"))
    scripted_upstream.add("lib", "1.1.0", packages.package_tarball("lib", "1.1.0"))

    def make(**policy):
        return new_gate(upstream=scripted_upstream, packages=[
            {"match": "@acme/*", "read": "local", "publish": "local", "publishers": ["*"], "reviewers": ["*"]},
            {"match": "**"}], policy={"malware_feed": feed.url + "/npm/all.zip", "feed_interval": "2s", **policy})

    return make


def state(gate):
    return http.get(gate.url + "/-/readyz").json()["feeds"]["malware_feed"]["state"]


def wait_state(gate, wanted):
    wait_until(lambda: state(gate) == wanted, 40, f"the feed to be {wanted}")


def install(gate, name="lib", version="1.0.0"):
    """What a packument, a manifest and a tarball are answered with."""
    token = gate.user("bob").token
    return [http.get(f"{gate.url}/{path}", token=token).status
            for path in (name, f"{name}/{version}", f"{name}/-/{name}-{version}.tgz")]


def publish(gate, **dependencies):
    name = "@acme/" + packages.unique("user")
    fields = {"dependencies": dependencies} if dependencies else {}
    return gate.publish(gate.user("alice"), name, "1.0.0", packages.package_tarball(name, **fields), fields=fields)


def known_bad(answer):
    return rules(answer.json()).get("deps/known-bad")


@pytest.mark.parametrize("packed", [zipped, repository])
def test_a_feed_at_a_url_counts_for_publishes_and_installs_alike_and_at_once(packed, feed, fed_gate):
    feed.says(packed(osv("MAL-1", "another")))
    gate = fed_gate()
    wait_state(gate, "current")
    assert install(gate) == [200, 200, 200]
    assert known_bad(publish(gate, lib="1.0.0")) is None

    feed.says(packed(osv("MAL-1", "another"), osv("MAL-2", "lib", versions=["1.0.0"])))
    wait_until(lambda: known_bad(publish(gate, lib="1.0.0")) == "block", 40)
    assert install(gate) == [200, 403, 403]
    assert install(gate, version="1.1.0") == [200, 200, 200]
    told = http.get(gate.url + "/lib/1.0.0", token=gate.user("bob").token)
    assert "MAL-2" in told.error
    assert list(gate.packument("lib", gate.user("bob"))["versions"]) == ["1.1.0"]

    feed.says(packed(osv("MAL-1", "another")))  # withdrawn
    wait_until(lambda: install(gate) == [200, 200, 200], 40)
    assert feed.seen("GET")[0].headers.get("if-none-match") is None
    wait_until(lambda: any(r.replied == 304 for r in feed.seen("GET")), 40)
    metrics = http.get(gate.url + "/-/metrics").body.decode()
    assert 'sallyport_feed_advisories{feed="malware_feed"} 1' in metrics
    assert 'sallyport_feed_outdated{feed="malware_feed"} 0' in metrics


@pytest.mark.parametrize("reply", [
    Reply(500), Reply(200, b"<html>down for maintenance</html>"), Reply(200, zipped(osv("MAL-1", "x"))[:-30]),
    Reply(200, zipped(osv("MAL-1", "x")), cut_after=20)], ids=["500", "html", "truncated", "cut"])
def test_until_a_feed_was_read_once_nothing_of_others_passes(reply, feed, fed_gate):
    feed.says(reply)
    gate = fed_gate()
    wait_until(lambda: feed.seen("GET"), 40)
    assert state(gate) == "unavailable"
    assert install(gate) == [403, 403, 403]
    refused = http.get(gate.url + "/lib", token=gate.user("bob").token)
    assert "malware feed of this registry has never been read" in refused.error
    assert known_bad(publish(gate)) == "escalate"
    own = "@acme/" + packages.unique("own")
    assert gate.publish(gate.user("alice"), own, "1.0.0", packages.package_tarball(own)).ok

    feed.says(zipped(osv("MAL-1", "x")))
    wait_until(lambda: install(gate) == [200, 200, 200], 60)
    assert known_bad(publish(gate)) is None


def test_the_last_good_copy_outlives_a_restart_and_the_feeds_server(feed, fed_gate):
    feed.says(zipped(osv("MAL-1", "lib", versions=["1.0.0"])))
    gate = fed_gate()
    wait_state(gate, "current")
    gate.stop()
    feed.stop()
    gate.start()
    assert install(gate) == [200, 403, 403]
    wait_state(gate, "stale")
    assert install(gate) == [200, 403, 403]
    assert known_bad(publish(gate, lib="1.0.0")) == "block"
    assert known_bad(publish(gate)) == "note"
    metrics = http.get(gate.url + "/-/metrics").body.decode()
    assert 'sallyport_feed_outdated{feed="malware_feed"} 1' in metrics
    assert 'sallyport_feed_failures_total{feed="malware_feed"} 0' not in metrics

    feed.says(zipped(osv("MAL-1", "another")))
    feed.resume()
    wait_until(lambda: install(gate) == [200, 200, 200], 60)
    assert state(gate) == "current"


def test_offline_nothing_is_fetched_and_what_was_kept_counts(feed, fed_gate):
    feed.says(zipped(osv("MAL-1", "lib", versions=["1.0.0"])))
    gate = fed_gate()
    wait_state(gate, "current")
    assert install(gate) == [200, 403, 403]
    gate.stop()
    gate.start(env={"SALLYPORT_CACHE_MODE": "offline"})
    asked = len(feed.seen("GET"))
    wait_state(gate, "stale")
    assert len(feed.seen("GET")) == asked
    assert install(gate) == [200, 403, 403]


def test_faults_at_a_url_are_told_by_an_audit(feed, fed_gate):
    feed.says(zipped(osv("GHSA-1", "lib", versions=["1.0.0"])))
    gate = fed_gate(malware_feed="", advisories=feed.url + "/npm/all.zip")
    wait_until(lambda: http.get(gate.url + "/-/readyz").json()["feeds"]["advisories"]["state"] == "current", 40)
    answer = http.post(gate.url + "/-/npm/v1/security/advisories/bulk", {"lib": ["1.0.0"]},
                       token=gate.user("bob").token)
    assert answer.status == 200 and answer.json()["lib"][0]["url"].endswith("/GHSA-1")
