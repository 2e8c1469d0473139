#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the ban list of tools/lib/banned.txt.

Usage: banned.py [--root DIR] [--list] [--self-test]

Prints file:line, the rule, why, and what to write instead. Exit codes: 0 clean, 1 something banned
was found (or the self-test failed), 2 wrong usage or a malformed list.

--self-test plants one violation of every pattern's rule in a tree of its own and expects each to be
found, and expects the same words in comments and strings not to be.
"""
import argparse
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# The drivers of net/: the only places there that may name a socket, a reactor or a clock.
DRIVERS = ("sockets", "tls", "redis_store", "dns")
SUFFIXES = (".h", ".cpp")


def scope_of(path):
    """The scope of banned.txt a file belongs to, or None."""
    parts = path.split("/")
    folder = parts[0]
    # net/include/evenkeel/net/tls/x.h and net/tls/x.cpp are one place.
    inner = parts[4:] if parts[1:3] == ["include", "evenkeel"] else parts[1:]
    if folder == "core":
        return "loader" if inner and inner[0] == "config" else "core"
    if folder == "net":
        name = inner[0].split(".")[0] if inner else ""
        return None if name in DRIVERS or path == "net/net_impl.cpp" else "machines"
    return "sim" if folder == "sim" else None


def blank(text):
    """The text with comments, and the contents of strings and characters, replaced by spaces.

    Lines keep their numbers. An include's file name is kept: it is what some rules look for.
    """
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|(?:u8|u|U|L)?R"(?P<d>[^()\s\\]{0,16})\(.*?\)(?P=d)"'
        r'|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'', re.S)

    def replace(match):
        found = match.group(0)
        line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
        if found.startswith('"') and re.match(r"\s*#\s*include\b", line):
            return found
        return re.sub(r"[^\n]", " ", found)

    return token.sub(replace, text)


class Rule:
    def __init__(self, name):
        self.name, self.scopes, self.bans, self.allowed = name, [], [], []
        self.why = self.use = ""


def load(path):
    rules = []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            rules.append(Rule(line.strip("[]")))
            continue
        key, _, value = line.partition(": ")
        value = value.strip()
        try:
            rule = rules[-1]
            if key == "in":
                rule.scopes = value.split()
                if set(value.split()) - {"core", "loader", "machines", "sim"}:
                    raise ValueError("unknown scope")
            elif key == "ban":
                rule.bans.append(re.compile(value))
            elif key == "allow":
                prefix, _, reason = value.partition(" ")
                if not reason:
                    raise ValueError("an allowed path needs a reason")
                rule.allowed.append(prefix)
            elif key in ("why", "use"):
                setattr(rule, key, value)
            else:
                raise ValueError("unknown key")
        except (IndexError, ValueError, re.error) as error:
            sys.exit(f"{path}:{number}: {error}: {line}")
    for rule in rules:
        if not (rule.scopes and rule.bans and rule.why and rule.use):
            sys.exit(f"{path}: [{rule.name}] needs in, ban, why and use")
    return rules


def check(root, rules):
    """(findings as text, number of files)"""
    findings, files = [], 0
    for folder in ("core", "net", "sim"):
        for where, folders, names in os.walk(os.path.join(root, folder)):
            folders.sort()
            for name in sorted(names):
                if not name.endswith(SUFFIXES):
                    continue
                path = os.path.relpath(os.path.join(where, name), root)
                scope = scope_of(path)
                if scope is None:
                    continue
                files += 1
                active = [r for r in rules
                          if scope in r.scopes and not any(path.startswith(a) for a in r.allowed)]
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    lines = blank(file.read()).split("\n")
                for number, line in enumerate(lines, 1):
                    for rule in active:
                        if any(ban.search(line) for ban in rule.bans):
                            findings.append(f"{path}:{number}: [{rule.name}] {line.strip()}\n"
                                            f"    why: {rule.why}\n    use: {rule.use}")
    return findings, files


# One line per rule that must be found, in a scope where it holds.
PLANTED = {
    "clock": "auto t = std::chrono::steady_clock::now();",
    "entropy": "std::random_device device;",
    "std-random": "std::shuffle(v.begin(), v.end(), rng);",
    "unordered": "std::unordered_map<int, int> m;",
    "unordered-iteration": "std::unordered_map<int, int> m;",
    "pointer-order": "std::map<Backend*, int> m;",
    "threads": "#include <mutex>",
    "waiting": "std::this_thread::sleep_for(d);",
    "io": "#include <iostream>",
    "third-party": "#include <boost/asio/ip/tcp.hpp>",
    "sockets": "#include <boost/asio/ip/tcp.hpp>",
    "callbacks": "std::function<void()> done;",
    "coroutines": "co_await read();",
    "floating-point": "double share = 0;",
    "exceptions": "throw 1;",
    "globals": "static int counter = 0;",
    "flags": "#pragma GCC optimize(3)",
}
PLACES = {"core": "core/planted.cpp", "loader": "core/config/planted.cpp",
          "machines": "net/connection/planted.cpp", "sim": "sim/planted.cpp"}
INNOCENT = """\
// steady_clock::now() in a comment, sleep(1), double
/* std::function, #include <thread>
   throw */
const char* text = "random_device \\" co_await double";
Instant now = 1'000'000; char c = '"'; // '"' double
bool renow(int time); int timeout(int x); auto r = runtime(5);
static constexpr int kLimit = 3;
static_assert(true);
"""


def self_test(rules):
    faults = [f"no planted violation for [{r.name}]" for r in rules if r.name not in PLANTED]
    faults += [f"planted violation for unknown rule [{n}]"
               for n in PLANTED if n not in {r.name for r in rules}]
    with tempfile.TemporaryDirectory() as root:
        def plant(path, text):
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)

        for place in PLACES.values():
            plant(place, INNOCENT)
        faults += ["found where there is nothing: " + f for f in check(root, rules)[0]]
        for rule in rules:
            for scope in rule.scopes:
                place = PLACES[scope]
                if any(place.startswith(a) for a in rule.allowed):
                    continue
                plant(place, INNOCENT + PLANTED.get(rule.name, "") + "\n")
                line = INNOCENT.count("\n") + 1
                if not any(f.startswith(f"{place}:{line}: [{rule.name}]")
                           for f in check(root, rules)[0]):
                    faults.append(f"[{rule.name}] not found in {place}")
                plant(place, INNOCENT)
        # A driver may do what a state machine may not.
        plant("net/sockets/planted.cpp", "#include <boost/asio.hpp>\nauto t = Clock::now();\n")
        plant("net/include/evenkeel/net/tls/planted.h", "#include <boost/asio.hpp>\n")
        faults += ["found in a driver: " + f for f in check(root, rules)[0]]
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=os.path.join(HERE, "..", ".."), help="the repository")
    parser.add_argument("--list", action="store_true", help="print the rules and stop")
    parser.add_argument("--self-test", action="store_true", help="prove that the rules find")
    args = parser.parse_args()
    rules = load(os.path.join(HERE, "banned.txt"))
    if args.list:
        for rule in rules:
            print(f"{rule.name} ({', '.join(rule.scopes)}): {rule.why}; use: {rule.use}")
        return 0
    if args.self_test:
        faults = self_test(rules)
        print("\n".join(faults) if faults else f"{len(rules)} rules find what they ban")
        return 1 if faults else 0
    findings, files = check(args.root, rules)
    if findings:
        print("\n".join(findings))
    print(f"ban list: {len(rules)} rules, {files} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
