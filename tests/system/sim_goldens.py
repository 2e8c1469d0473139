#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The decisions of every scenario are those committed in tests/golden/decisions.txt.

As a test: the first 5 % of every run, at both fidelities, which even unoptimised builds do quickly.
  --full     whole runs at fidelity message too, and the committed reports/ byte for byte
  --update   write all of these anew. A changed digest needs an entry in CHANGELOG.md that names the
             behaviour.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/decisions.txt"
REPORTS = ROOT / "reports"
SIM = os.environ.get("EVENKEEL_SIM", str(ROOT / "build/release/evenkeel-sim"))
QUICK = [("message", "5%"), ("wire", "5%")]
FULL = [("message", "all")]
HEADER = """\
# Decision digests over the base run and its variants, written by tests/system/sim_goldens.py --update.
# A changed line needs an entry in CHANGELOG.md that names the behaviour.
# scenario fidelity part seed digest
"""


def measure(fidelity, part):
    words = [SIM, "run", "scenarios", "--seeds", "1..3", "--fidelity", fidelity]
    if part != "all":
        words += ["--until", part]
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    found = re.findall(r"^PASS (\S+) seed=(\d+) .*digest=([0-9a-f]{32})", done.stdout, re.M)
    return [f"{label} {fidelity} {part} {seed} {digest}" for label, seed, digest in found]


def reports():
    """What reports/ should hold: each suite's report and result, by file name."""
    files = {}
    for kind in ("load", "chaos"):
        with tempfile.TemporaryDirectory() as folder:
            words = [SIM, "run", f"scenarios/{kind}", "--seeds", "1..3", "--out", folder]
            done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
            made = pathlib.Path(folder)
            files[f"{kind}.md"] = (made / "report.md").read_bytes()
            files[f"{kind}.json"] = (made / "result.json").read_bytes()
    return files


def check_reports():
    stale = [name for name, content in reports().items()
             if not (REPORTS / name).is_file() or (REPORTS / name).read_bytes() != content]
    for name in stale:
        print(f"reports/{name} is not what the scenarios give now")
    return not stale


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    parts = QUICK + (FULL if options.full or options.update else [])
    measured = [line for part in parts for line in measure(*part)]
    if options.update:
        GOLDEN.write_text(HEADER + "\n".join(sorted(measured)) + "\n", encoding="utf-8")
        REPORTS.mkdir(exist_ok=True)
        for name, content in reports().items():
            (REPORTS / name).write_bytes(content)
        return 0
    kinds = {" ".join(part) for part in parts}
    golden = [line for line in GOLDEN.read_text(encoding="utf-8").splitlines()
              if line and not line.startswith("#") and " ".join(line.split()[1:3]) in kinds]
    fresh = check_reports() if options.full else True
    if sorted(measured) == golden and golden:
        print(f"{len(golden)} digests agree" + (" and so do the reports" if options.full else ""))
        return 0 if fresh else 1
    for line in sorted(set(golden) - set(measured)):
        print(f"committed: {line}")
    for line in sorted(set(measured) - set(golden)):
        print(f"measured:  {line}")
    print("Decisions changed. If that is meant: tests/system/sim_goldens.py --update, and an entry in "
          "CHANGELOG.md that names the behaviour.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
