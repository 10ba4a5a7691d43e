"""Every incident of the corpus, its twin, and each again under every way of hiding it."""

import pytest

from replay.corpus.case import NotApplicable
from replay.corpus.judge import all_cases, judge_all, stopping
from replay.corpus.payload import TRANSFORMS
from support.scanner import Scanner

CASES = {case.name: case for case in all_cases()}
RECALL_MIN = 0.95

# As the catalogue of incidents names them; left-pad is in gateway_test.py.
ROWS = {
    "claude-code, Feb 2025", "claude-code 2.1.88, 31 Mar 2026", "map pointing at a bucket",
    "`.claude/settings.local.json`, Apr 2026 study", "AI configs and editor swap files, spring 2026",
    "log file with a chat token", "private folder with a key archive", "`.npmrc` packed by another packer",
    "`.env.production`, service-account JSON", "development build published as latest", "monorepo leftovers",
    "wrong folder published", "backport published as `latest`", "eslint-scope 3.7.2, 2018",
    "event-stream / flatmap-stream, 2018", "dependency confusion, 2021", "ua-parser-js, Oct 2021", "coa and rc, Nov 2021",
    "colors and faker, Jan 2022", "node-ipc, Mar 2022", "manifest confusion, 2023", "connect-kit, Dec 2023",
    "rspack and vant, Dec 2024", "off-screen code, 2025", "eslint-config-prettier, Jul 2025", "nx, Aug 2025",
    "chalk and debug, Sep 2025", "Shai-Hulud 1 and 2, 2025", "cline 2.3.0, Feb 2026",
    "axios 1.14.1 and 0.30.4, 31 Mar 2026", "LiteLLM, Mar 2026 (npm twin)", "TanStack, May 2026",
    "Phantom Gyp, Jun 2026", "keyv wave, Aug 2026", "xz, 2024 (comparable)", "tar smuggling, 2026",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return judge_all(folder, Scanner(folder / "home"))


def is_stopped(case, rules):
    return len(stopping(rules)) >= (1 if case.stops_alone else 2)


def test_every_row_of_the_catalogue_is_a_case():
    assert {case.row for case in CASES.values()} == ROWS


@pytest.mark.parametrize("name", CASES)
def test_the_incident_is_stopped_by_two_rules(name, found):
    case, rules = CASES[name], found[name, "plain"]
    silent = [rule for rule in case.must_fire if rule not in rules]
    assert not silent, f"{silent} did not fire; {rules}"
    assert is_stopped(case, rules), rules


@pytest.mark.parametrize("name", CASES)
def test_its_twin_is_not(name, found):
    case = CASES[name]
    loud = [rule for rule in case.must_fire if rule in stopping(found[name, "twin"])]
    assert not loud, found[name, "twin"]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_recall_under(transform, found):
    applied = {name: found[name, transform] for name in CASES if not isinstance(found[name, transform], NotApplicable)}
    assert len(applied) >= 12, "a transform that hardly anything can take says little"
    missed = {name: rules for name, rules in applied.items() if not is_stopped(CASES[name], rules)}
    assert len(missed) <= (1 - RECALL_MIN) * len(applied), missed


def test_what_no_transform_can_act_on_says_why(found):
    for (name, form), what in found.items():
        if isinstance(what, NotApplicable):
            assert form in TRANSFORMS and len(what.reason) > 20, (name, form)
