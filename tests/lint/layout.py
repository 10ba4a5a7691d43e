"""The fixed top level, and a README in each room and each kind of test."""

from pathlib import PurePosixPath

TOP_LEVEL = {"CMakeLists.txt", "README.md", "proxy", "gate", "storage", "policies", "deploy", "tests"}
ROOMS = ["proxy", "gate", "storage", "policies", "deploy", "tests"]


def violations(paths):
    faults = []
    top = {PurePosixPath(path).parts[0] for path in paths}
    faults += [f"{name}: does not belong at the top level" for name in sorted(top - TOP_LEVEL)
               if not name.startswith(".")]
    kinds = {f"tests/{PurePosixPath(path).parts[1]}" for path in paths
             if path.startswith("tests/") and path.count("/") > 1}
    faults += [f"{folder}: has no README.md" for folder in sorted({*(r for r in ROOMS if r in top), *kinds})
               if f"{folder}/README.md" not in paths]
    return faults
