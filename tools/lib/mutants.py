#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The work of tools/mutants, which explains itself under --help."""
import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MUTANTS = os.path.join(ROOT, "tests", "mutants.json")
TABLE = os.path.join(ROOT, "docs", "mutants.md")
WORK = os.path.join(ROOT, "build", "mutants")
TREE = os.path.join(WORK, "tree")
# Where a preset has it: what the tree's own build has compiled comes from the compiler cache.
BUILD = os.path.join(TREE, "build", "dev")
TEST = "core_test"
NEEDED_PERCENT = 95
# An endless loop is a fault that was noticed, too. Without any fault the tests take a small part of
# this.
TIME_LIMIT_SECONDS = 300
# Few cases per property: a fault that needs thousands of them to show deserves an example of its
# own. Fixed, so that the table is the same every time.
PROPERTIES = "seed=20260101 max_success=100"


NOT_COMPILED = "the compiler"


def fail(message):
    print(f"mutants: {message}", file=sys.stderr)
    sys.exit(2)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def load():
    """The faults, each of which fits the source."""
    mutants = json.loads(read(MUTANTS))
    faults, names = [], set()
    for mutant in mutants:
        if set(mutant) != {"name", "file", "old", "new"}:
            fail(f"a mutant has name, file, old and new: {mutant}")
        name, path = mutant["name"], os.path.join(ROOT, mutant["file"])
        if name in names:
            faults.append(f"two mutants are called '{name}'")
        names.add(name)
        found = read(path).count(mutant["old"]) if os.path.isfile(path) else 0
        if found != 1:
            faults.append(f"{mutant['file']}: '{name}': its text is there {found} times, not once")
        elif mutant["old"] == mutant["new"]:
            faults.append(f"{mutant['file']}: '{name}' changes nothing")
    if faults:
        fail("tests/mutants.json no longer fits the source\n  " + "\n  ".join(faults))
    return mutants


def copy_tree():
    """Brings TREE to what ROOT holds. What is the same keeps its time, so that little is rebuilt."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = {name for name in listed.split("\0") if name and os.path.isfile(os.path.join(ROOT, name))}
    for folder, folders, names in os.walk(TREE):
        if folder == TREE and "build" in folders:
            folders.remove("build")
        for name in names:
            path = os.path.join(folder, name)
            if os.path.relpath(path, TREE) not in files:
                os.remove(path)
    for name in sorted(files):
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        with open(source, "rb") as file:
            content = file.read()
        if os.path.isfile(target):
            with open(target, "rb") as file:
                if file.read() == content:
                    continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def digest_of_sources():
    digest = hashlib.sha256()
    for folder, _, names in sorted(os.walk(os.path.join(TREE, "core"))):
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as file:
                digest.update(name.encode() + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)


def configure():
    made = run(["cmake", "--preset", "dev"], cwd=TREE)
    if made.returncode:
        fail("configuring failed\n" + made.stdout)


def build(cached):
    """(whether it compiles, what the compiler says)"""
    # A hundred faults would push out of the compiler cache what is worth keeping there.
    environment = dict(os.environ) if cached else dict(os.environ, CCACHE_DISABLE="1")
    made = run(["cmake", "--build", BUILD, "--target", TEST], env=environment)
    return made.returncode == 0, made.stdout


def find_program():
    for folder, _, names in os.walk(BUILD):
        if TEST in names:
            return os.path.join(folder, TEST)
    fail(f"there is no {TEST} in {BUILD}")


def suites_about(path):
    """A filter for the tests that are about this source file: they are the likeliest to notice."""
    stem = os.path.splitext(os.path.basename(path))[0]
    stem = "balancer" if stem.startswith("balancer") else stem
    suites = set()
    for folder, _, names in os.walk(os.path.join(TREE, "tests", "core")):
        for name in names:
            if name.startswith(stem) and name.endswith("_test.cpp"):
                suites.update(re.findall(r"^(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)"
                                         r"\((\w+),", read(os.path.join(folder, name)), re.M))
    return ":".join(f"{suite}.*:*/{suite}.*" for suite in sorted(suites))


def first_failure(suites="*"):
    """The name of the first test that fails, or None."""
    environment = dict(os.environ, RC_PARAMS=PROPERTIES)
    command = [find_program(), "--gtest_fail_fast", "--gtest_color=no", f"--gtest_filter={suites}"]
    try:
        done = run(command, cwd=TREE, env=environment, timeout=TIME_LIMIT_SECONDS)
        output, ended = done.stdout, True
    except subprocess.TimeoutExpired as late:
        output, ended = late.stdout or "", False
        if isinstance(output, bytes):
            output = output.decode("utf-8", "replace")
    if ended and done.returncode == 0:
        return None
    failed = re.search(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", output, re.M)
    if failed:
        return failed.group(1)
    begun = re.findall(r"^\[ RUN      \] ([\w/]+\.[\w/]+)", output, re.M)
    where = begun[-1] if begun else "before the first test"
    return where + (" (the program ends)" if ended else " (never ends)")


def judge(mutant):
    """The test that notices the fault, or None; NOT_COMPILED when there is nothing to notice."""
    path = os.path.join(TREE, mutant["file"])
    original = read(path)
    try:
        write(path, original.replace(mutant["old"], mutant["new"]))
        compiles, output = build(cached=False)
        if not compiles:
            print(output[-2000:])
            return NOT_COMPILED
        near = suites_about(mutant["file"])
        return (first_failure(near) if near else None) or first_failure()
    finally:
        write(path, original)


def table_of(results, score):
    lines = ["# Faults that the tests notice", "",
             "`tools/mutants` puts each of these one-line faults (`tests/mutants.json`) into a copy of",
             "the core and runs the core's tests, with 100 cases per property. This is what it found.",
             "", "| Fault | File | Noticed first by |", "| --- | --- | --- |"]
    for mutant, killer in results:
        said = f"`{killer}`" if killer else "**nobody**"
        lines.append(f"| {mutant['name']} | `{mutant['file']}` | {said} |")
    return "\n".join(lines + ["", score, ""])


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    mutants = [m for m in load() if options.only in m["file"] or options.only in m["name"]]
    if not mutants:
        fail(f"no mutant contains '{options.only}'")
    if options.list:
        for mutant in mutants:
            print(f"{mutant['file']}: {mutant['name']}")
        return 0

    copy_tree()
    configure()
    print(f"== Building and running {TEST} without any fault", flush=True)
    compiles, output = build(cached=True)
    if not compiles:
        fail("the tree does not compile\n" + output[-4000:])
    broken = first_failure()
    if broken:
        fail(f"without any fault {broken} fails")
    # What was noticed stays noticed while the sources are the same: a run that was interrupted, or
    # a test that was added for a survivor, does not begin from nothing. Without --keep it does.
    known_file = os.path.join(WORK, "known.json")
    known = json.loads(read(known_file)) if os.path.isfile(known_file) else {}
    state = digest_of_sources()
    results = []
    for number, mutant in enumerate(mutants, 1):
        key = hashlib.sha256((state + json.dumps(mutant, sort_keys=True)).encode()).hexdigest()
        if key not in known:
            killer = judge(mutant)
            if killer and killer != NOT_COMPILED:
                known[key] = killer
                write(known_file, json.dumps(known))
        else:
            killer = known[key]
        results.append((mutant, killer))
        verdict = f"noticed by {killer}" if killer else "SURVIVED"
        print(f"[{number}/{len(mutants)}] {mutant['file']}: {mutant['name']}: {verdict}", flush=True)
    broken = [m["name"] for m, killer in results if killer == NOT_COMPILED]
    if broken:
        fail("these do not compile: " + "; ".join(broken))

    killed = sum(1 for _, killer in results if killer)
    score = f"{killed} of {len(mutants)} mutants killed ({100 * killed / len(mutants):.1f} %)"
    if not options.only:
        write(TABLE, table_of(results, score))
    if not options.keep:
        shutil.rmtree(WORK)
    for mutant, killer in results:
        if not killer:
            print(f"survived: {mutant['file']}: {mutant['name']}")
    print(score)
    return 0 if 100 * killed >= NEEDED_PERCENT * len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
