// node list_with_node_semver.cjs FILE: what semver_listing prints, by node-semver; without "majors", "any" and "pin".
const { readFileSync } = require("node:fs");
const semver = require("semver");

const { texts, versions, ranges } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const bits = (range, options) => {
  const parsed = new semver.Range(range, options);
  return versions.map((version) => (parsed.test(version) ? "1" : "0")).join("");
};
// A range may be valid without prereleases only: a number that such a bound adds one to may be the last one.
const included = (range) => {
  try {
    return bits(range, { includePrerelease: true });
  } catch {
    return null;
  }
};

console.log(JSON.stringify({
  texts: texts.map((text) => {
    const version = semver.parse(text);
    return version && version.version + (version.build.length ? "+" + version.build.join(".") : "");
  }),
  order: versions.map((a) => versions.map((b) => "<=>"[semver.compare(a, b) + 1]).join("")),
  ranges: ranges.map((range) => semver.validRange(range) === null ? null : {
    min: semver.minVersion(range)?.version ?? null,
    max: semver.maxSatisfying(versions, range),
    matches: bits(range),
    included: included(range),
  }),
}));
