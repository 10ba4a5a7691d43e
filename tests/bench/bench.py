"""Runs the parts and prints what they found."""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/bench")]

import answer_time  # noqa: E402
import cold  # noqa: E402
import growth  # noqa: E402
import huge  # noqa: E402
import inspection_time  # noqa: E402
import project  # noqa: E402
import publish_memory  # noqa: E402
import replay  # noqa: E402
import serving  # noqa: E402
import start_up  # noqa: E402
from table import Table  # noqa: E402

PARTS = {"start": start_up.measure, "answer": answer_time.measure,
         "inspection": inspection_time.measure, "memory": publish_memory.measure, "serving": serving.measure,
         "replay": replay.measure, "cold": cold.measure, "huge": huge.measure, "project": project.measure,
         "growth": growth.measure}


def main(wanted):
    if unknown := set(wanted) - set(PARTS):
        sys.exit(f"tests/bench/run: no part {', '.join(sorted(unknown))}; there are: {' '.join(PARTS)}")
    began = time.monotonic()
    loads = [os.getloadavg()[0]]
    table = Table()
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        for name, measure in PARTS.items():
            if wanted and name not in wanted:
                continue
            print(f"measuring: {name}", file=sys.stderr)
            part = Path(folder) / name
            part.mkdir()
            measure(table, part)
            loads.append(os.getloadavg()[0])
    print(table.text())
    print(f"\n{os.cpu_count()} cores, load average {statistics.mean(loads):.1f} "
          f"({min(loads):.1f} to {max(loads):.1f}), {time.monotonic() - began:.0f} s")
    missed = table.missed()
    print("goals missed: " + ("; ".join(missed) if missed else "none"))


main(sys.argv[1:])
