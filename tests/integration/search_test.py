"""Search: our own packages and the upstreams', at the version that installs would get, and no word more than what
was typed leaves."""

import threading
import urllib.parse
from datetime import datetime, timedelta, timezone

import pytest

from support import http, packages
from support.scripted_upstream import Reply, ScriptedUpstream

RULES = [{"match": "@private/*", "read": "local", "publish": "local"}, {"match": "**"}]
SEARCH = r"/-/v1/search\?.*"


def search(gate, text="", seconds=30.0, **query):
    encoded = urllib.parse.urlencode({"text": text, **query})
    return http.get(f"{gate.url}/-/v1/search?{encoded}", token=gate.user("bob").token, seconds=seconds)


def names(answer):
    assert answer.status == 200, answer.body
    return [entry["package"]["name"] for entry in answer.json()["objects"]]


def release(gate, name, version="1.0.0", **fields):
    data = packages.package_tarball(name, version, **fields)
    stage = gate.hold(gate.user("alice"), name, version, data=data, fields=fields)
    assert gate.approve(gate.user("rita"), stage).ok


def result(*found, total=None):
    objects = [{"package": {"name": name, "version": version, "description": "as the upstream says"},
                "score": {"final": 0.5, "detail": {}}, "searchScore": 3} for name, version in found]
    return Reply(200, {"objects": objects, "total": len(found) if total is None else total, "time": "now"})


def add(upstream, name, *versions, **fields):
    for version in versions:
        upstream.add(name, version, packages.package_tarball(name, version), **fields)


def test_own_packages_by_everything_that_can_be_typed(new_gate):
    gate = new_gate()
    word = packages.unique("word")
    by_name, by_text, scoped = f"{word}-core", packages.unique("other"), "@team/" + packages.unique("tool")
    release(gate, by_name, keywords=["Alpha", "beta"], author="Ada <ada@team.example>")
    release(gate, by_text, description=f"Made for {word.upper()} people", keywords=["gamma"])
    release(gate, scoped, author={"name": "Grace"})
    assert names(search(gate, word)) == [by_name, by_text]
    assert names(search(gate, by_name)) == [by_name]
    assert names(search(gate, f"{word} people")) == [by_text]
    assert names(search(gate, "keywords:alpha,delta")) == [by_name]
    assert names(search(gate, "scope:team")) == names(search(gate, "scope:@team")) == [scoped]
    assert names(search(gate, "author:grace")) == [scoped]
    assert names(search(gate, f"{word} scope:team")) == []
    assert names(search(gate, "nothing-of-the-kind")) == []
    everything = names(search(gate))
    assert set(everything) == {by_name, by_text, scoped}
    pages = [names(search(gate, "", size=1, **{"from": n})) for n in range(4)]
    assert sum(pages, []) == everything and pages[3] == []
    # The newest release is what is told, at once.
    release(gate, by_name, "1.1.0", description="renewed")
    (entry,) = search(gate, by_name).json()["objects"]
    assert entry["package"]["version"] == "1.1.0" and entry["package"]["description"] == "renewed"
    assert entry["package"]["publisher"]["username"] == "alice"
    assert {"name", "version", "description", "keywords", "date", "links", "publisher", "maintainers"} <= set(entry["package"])


def test_conditions_heads_and_strange_queries(new_gate):
    gate = new_gate()
    release(gate, packages.unique("lib"))
    first = search(gate, "lib")
    assert search(gate, "lib").headers["etag"] == first.headers["etag"]
    token, url = gate.user("bob").token, f"{gate.url}/-/v1/search?text=lib"
    assert http.get(url, token=token, headers={"if-none-match": first.headers["etag"]}).status == 304
    head = http.request("HEAD", url, token=token)
    assert head.status == 200 and head.body == b"" and head.headers["content-length"] == str(len(first.body))
    assert http.get(url).status == 401
    for query in ({"size": "-1"}, {"size": "99999999999999999999"}, {"from": "x"}, {"from": "4294967296"}, {"size": "0"}):
        assert search(gate, "lib", **query).status == 200, query
    assert search(gate, "x" * 1000).status == 400
    assert http.get(f"{gate.url}/-/v1/search", token=token).status == 400
    told = datetime.fromisoformat(search(gate, "lib").json()["time"].replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - told) < timedelta(minutes=5)
    assert search(gate, "scope: keywords: author: @ / .. scope:../.. ").status == 200


def test_merged_with_what_the_upstream_finds(scripted_upstream, new_gate):
    """Ours first; an upstream speaks for its own names only, and at the version that installs would get."""
    gate = new_gate(upstream=scripted_upstream, packages=RULES)
    ours, theirs, other = "@private/" + packages.unique("find"), packages.unique("find"), packages.unique("find")
    release(gate, ours)
    add(scripted_upstream, theirs, "1.0.0", "2.0.0")
    add(scripted_upstream, other, "3.0.0")
    scripted_upstream.script("GET", SEARCH, *[result(
        (theirs, "9.9.9"), (ours, "6.6.6"), ("@private/planted", "1.0.0"), ("gone", "1.0.0"), (other, "3.0.0"),
        ("../evil", "1.0.0"))] * 2)
    answer = search(gate, "find", quality="0.65")
    assert names(answer) == [ours, theirs, other]
    told = {entry["package"]["name"]: entry for entry in answer.json()["objects"]}
    assert told[theirs]["package"]["version"] == "2.0.0" and told[theirs]["searchScore"] == 3
    assert told[ours]["package"]["version"] == "1.0.0"
    assert names(search(gate, "find", quality="0.65")) == [ours, theirs, other]
    (asked,) = scripted_upstream.seen("GET", SEARCH)  # once
    assert "text=find&" in asked.path and "quality=0.65" in asked.path and "private" not in asked.path
    # A page past our own asks the upstream for its first ones.
    assert names(search(gate, "find", size=2, **{"from": 1})) == [theirs]
    assert "size=2&from=0" in scripted_upstream.seen("GET", SEARCH)[-1].path


def test_hidden_and_denied_versions(scripted_upstream, new_gate):
    denied, partly, young = packages.unique("denied"), packages.unique("partly"), packages.unique("young")
    add(scripted_upstream, denied, "1.0.0")
    add(scripted_upstream, partly, "1.0.0", "1.1.0")
    add(scripted_upstream, young, "1.0.0")
    add(scripted_upstream, young, "1.1.0", time="2999-01-01T00:00:00.000Z")
    gate = new_gate(upstream=scripted_upstream, policy={"deny": [denied, f"{partly}@1.1.0"]},
                    packages=[{"match": "**", "minimum_release_age": "3 days"}])
    scripted_upstream.script("GET", SEARCH, result((denied, "1.0.0"), (partly, "1.1.0"), (young, "1.1.0")))
    told = {entry["package"]["name"]: entry["package"]["version"] for entry in search(gate, "any").json()["objects"]}
    assert told == {partly: "1.0.0", young: "1.0.0"}


def test_names_of_ours_go_nowhere(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream, packages=RULES)
    for text in ("@private/secret", "@private", "scope:private", "scope:@private word", "@PRIVATE/secret more"):
        assert search(gate, text).status == 200
    assert scripted_upstream.seen("GET", SEARCH) == []
    assert search(gate, "a\r\nx-evil: 1").status == 400
    odd = "a b&size=1#/../%0d%0ax-evil: 1%00\u00e4"
    scripted_upstream.script("GET", SEARCH, result())
    assert search(gate, odd).status == 200
    (asked,) = scripted_upstream.seen("GET", SEARCH)
    query = urllib.parse.parse_qs(asked.path.split("?", 1)[1])
    assert query["text"] == [odd] and query["size"] == ["20"] and "x-evil" not in asked.headers


@pytest.mark.parametrize("reply", [Reply(404, {}), Reply(500, {}), Reply(200, b"[]"), Reply(200, {"objects": 1})])
def test_an_upstream_that_finds_nothing(reply, scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream, packages=RULES)
    ours = "@private/" + packages.unique("alone")
    release(gate, ours)
    scripted_upstream.script("GET", SEARCH, *[reply] * 2)
    answer = search(gate, "alone")
    assert names(answer) == [ours]
    assert (answer.headers["warning"] is not None) == (reply.status != 404)
    nothing = search(gate, "no-such-thing")
    assert nothing.status == 200 if reply.status == 404 else nothing.status in (502, 503) and nothing.error


def test_an_upstream_behind_which_nobody_answers(scripted_upstream, new_gate):
    """Its results are looked at, and those whose packument does not come are not waited for."""
    gate = new_gate(upstream=scripted_upstream, packages=RULES)
    add(scripted_upstream, "quick", "1.0.0")
    add(scripted_upstream, "slow", "1.0.0")
    scripted_upstream.script("GET", "/slow", Reply(200, {}, stall_after=-1))
    scripted_upstream.script("GET", SEARCH, result(("slow", "1.0.0"), ("quick", "1.0.0")))
    assert names(search(gate, "any")) == ["quick"]
    scripted_upstream.release()


def test_stopping_while_a_search_waits(scripted_upstream, new_gate):
    gate = new_gate(upstream=scripted_upstream, packages=RULES, limits={"stop_deadline": "1s"})
    add(scripted_upstream, "slow", "1.0.0")
    scripted_upstream.script("GET", "/slow", Reply(200, {}, stall_after=-1))
    scripted_upstream.script("GET", SEARCH, result(("slow", "1.0.0")), Reply(200, {}, stall_after=-1))

    def ask(text):
        try:
            search(gate, text)
        except (OSError, http.HTTPException):
            pass  # it was told nothing, or broken off
    threads = [threading.Thread(target=ask, args=(text,)) for text in ("first", "second")]
    for thread in threads:
        thread.start()
    scripted_upstream.wait_for("GET", "/slow")
    scripted_upstream.wait_for("GET", SEARCH, count=2)
    assert gate.stop() == 0
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("name", ["npm11", "npm12", "pnpm12"])
def test_clients_search(name, scripted_upstream, new_gate, client):
    gate = new_gate(upstream=scripted_upstream, packages=RULES)
    ours, theirs = "@private/" + packages.unique("find"), packages.unique("find")
    release(gate, ours, description="kept at home", keywords=["home"], author="Ada")
    add(scripted_upstream, theirs, "1.0.0", "2.0.0")
    scripted_upstream.script("GET", SEARCH, *[result((theirs, "1.0.0"))] * 3)
    shown = client(name, gate.url, gate.user("bob").token).run("search", "find").text
    assert ours in shown and theirs in shown and "kept at home" in shown and "2.0.0" in shown, shown
