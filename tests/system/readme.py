#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the README and docs/ tell the reader to do works.

Every command in a ```sh block: a script of tools/ exists and explains itself (running it is CI's job), a
command of build/release is run with the programs under test and must succeed. Every ```yaml block of a
proxy configuration passes --check. Every relative link leads somewhere.
"""
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

PROGRAMS = {"build/release/evenkeel": os.environ["EVENKEEL"],
            "build/release/evenkeel-sim": os.environ["EVENKEEL_SIM"]}
faults = []


def succeeds(where, words):
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        faults.append(f"{where}: {shlex.join(words)}: {error}")
        return
    if done.returncode:
        faults.append(f"{where}: {shlex.join(words)}: exit code {done.returncode}\n"
                      f"{(done.stdout + done.stderr)[-2000:]}")


def check_command(where, line):
    words = shlex.split(line, comments=True)
    if not words:
        return
    if words[0].startswith("tools/"):
        succeeds(where, [words[0], "--help"])
    elif words[0] in PROGRAMS:
        succeeds(where, [PROGRAMS[words[0]], *words[1:]])
    else:
        faults.append(f"{where}: no test knows how to run: {line}")


def check_yaml(where, text):
    if "listeners:" not in text:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        succeeds(where, [PROGRAMS["build/release/evenkeel"], "--config", file.name, "--check"])


for page in ["README.md", *sorted(glob.glob("docs/*.md"))]:
    with open(page, encoding="utf-8") as file:
        text = file.read()
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```", text, re.S | re.M):
        if kind == "sh":
            for line in body.replace("\\\n", " ").splitlines():
                check_command(page, line)
        elif kind == "yaml":
            check_yaml(page, body)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not re.match(r"\w+:", target):
            if not os.path.exists(os.path.join(os.path.dirname(page), target)):
                faults.append(f"{page}: a link leads nowhere: {target}")

print("\n".join(faults) if faults else "all commands, configurations and links work")
sys.exit(1 if faults else 0)
