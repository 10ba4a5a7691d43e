"""count_results.py RESULTS.xml : prints "passed failed skipped" of a JUnit report."""

import sys
import xml.etree.ElementTree

passed = failed = skipped = 0
for suite in xml.etree.ElementTree.parse(sys.argv[1]).iter("testsuite"):
    tests = int(suite.get("tests", 0))
    bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skips = int(suite.get("skipped", 0))
    failed += bad
    skipped += skips
    passed += tests - bad - skips
print(passed, failed, skipped)
