#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""evenkeel-sim as its users meet it: exit codes, what it prints where, what it leaves behind.

Every wrong request ends with code 2, one clear message and no report; the small scenario here takes
milliseconds.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SIM = os.environ["EVENKEEL_SIM"]

# Checks of a proxy by hand: 50 requests a second for 20 s, one of three backends gone for 5 s.
SCENARIO = """\
scenario: tiny
kind: chaos
about: A backend of three is gone for five seconds.
duration: 20s
warmup: 1s
seeds: [1, 2]
proxy:
  pools:
  - name: main
    health_check: {interval: 1s, unhealthy_interval: 1s, timeout: 500ms, jitter_percent: 0}
world:
  backends:
  - {name: b, count: 3, workers: 4, service: {distribution: exponential, mean: 10ms}}
traffic:
- {name: web, arrivals: {process: poisson, rate: 50}, timeout: 3s}
faults:
- {kind: crash, target: b-2, at: 5s, until: 10s}
variants:
  defenceless:
    set:
      proxy.pools.main.retry.max_attempts: 1
      proxy.pools.main.outlier_detection: off
      proxy.pools.main.circuit_breaker: off
    control: [few-failures]
expect:
- id: few-failures
  metric: failures
  op: "<="
  value: %d
  because: >-
    Those in hand at the crash, at most four in service, may be lost; without retries every refused
    connect is, for the 2 s that checks take.
"""


def sim(*words, cwd=None):
    done = subprocess.run([SIM, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


class SimCli(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.tiny = self.write("tiny.yaml", SCENARIO % 4)

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    def refuses(self, *words, says):
        """Exit code 2, the message on standard error, nothing on standard output, no reports."""
        out = self.path / "refused"
        arguments = [*words, "--out", str(out)] if words[:1] == ("run",) else list(words)
        code, stdout, stderr = sim(*arguments)
        self.assertEqual(code, 2, stdout + stderr)
        self.assertIn(says, stderr)
        self.assertEqual(stdout, "")
        self.assertFalse(out.exists())
        return stderr

    def test_a_passing_run_prints_a_line_a_seed_and_ends_with_0(self):
        code, stdout, stderr = sim("run", self.tiny)
        self.assertEqual((code, stderr), (0, ""), stdout)
        lines = stdout.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[0], r"^PASS tiny seed=1 requests=\d+ p99=[\d.]+ms "
                                   r"digest=[0-9a-f]{32} trace=[0-9a-f]{32}$")
        self.assertRegex(lines[1], r"^PASS tiny seed=2 ")
        self.assertEqual(lines[2], "1 passed, 0 failed")

    def test_a_failing_expectation_ends_with_1_and_names_the_command(self):
        strict = self.write("strict/tiny.yaml", SCENARIO.replace('"<="', '"<"') % 0)
        code, stdout, _ = sim("run", strict, "--seed", "7")
        self.assertEqual(code, 1)
        self.assertIn("FAIL tiny seed=7 ", stdout)
        self.assertIn("  few-failures: failures is ", stdout)
        self.assertIn(f"  reproduce: evenkeel-sim run {strict} --seed 7\n", stdout)
        self.assertTrue(stdout.endswith("0 passed, 1 failed\n"))

    def test_a_control_that_holds_ends_with_1(self):
        loose = self.write("loose/tiny.yaml", SCENARIO % 1000)
        code, stdout, _ = sim("run", loose, "--seed", "1")
        self.assertEqual(code, 1)
        self.assertIn("and holds, but must fail", stdout)

    def test_the_printed_command_gives_the_same_digests(self):
        _, first, _ = sim("run", self.tiny, "--seeds", "1..2")
        _, second, _ = sim("run", self.tiny, "--seed", "2", "--jobs", "1")
        self.assertEqual(first.splitlines()[1], second.splitlines()[0])

    def test_seeds_differ(self):
        _, stdout, _ = sim("run", self.tiny, "--seeds", "1..3")
        digests = {line.split("digest=")[1] for line in stdout.splitlines() if "digest=" in line}
        self.assertEqual(len(digests), 3)

    def test_reports_are_byte_identical_for_any_number_of_jobs(self):
        files = []
        for name, jobs in (("one", "1"), ("two", "4")):
            code, _, stderr = sim("run", self.tiny, "--out", str(self.path / name), "--jobs", jobs)
            self.assertEqual(code, 0, stderr)
            root = self.path / name
            files.append({str(f.relative_to(root)): f.read_bytes()
                          for f in sorted(root.rglob("*")) if f.is_file()})
        self.assertEqual(files[0], files[1])
        for name in ("report.md", "result.json", "junit.xml", "tiny/report.md"):
            self.assertIn(name, files[0])
        self.assertEqual(json.loads(files[0]["result.json"])["schema"], "evenkeel.result/1")

    def test_until_checks_invariants_only(self):
        for point in ("5%", "3s", "2000"):
            code, stdout, _ = sim("run", self.tiny, "--seed", "1", "--until", point)
            self.assertEqual(code, 0, stdout)
            self.assertIn(f" until={point} ", stdout)

    def test_a_proxy_file_replaces_the_policies(self):
        proxy = self.write("proxy.conf", "listeners: [{address: 0.0.0.0:80}]\n"
                           "pools: [{name: main, backends: [{url: http://127.0.0.1:1}]}]\n")
        _, own, _ = sim("run", self.tiny, "--seed", "1")
        _, other, _ = sim("run", self.tiny, "--seed", "1", "--proxy", proxy)
        self.assertNotEqual(own.split("digest=")[1][:32], other.split("digest=")[1][:32])

    def test_list_and_validate(self):
        code, stdout, _ = sim("list", self.folder.name)
        self.assertEqual((code, stdout),
                         (0, "tiny  chaos  A backend of three is gone for five seconds.\n"))
        code, stdout, _ = sim("validate", self.folder.name)
        self.assertEqual(code, 0)
        self.assertIn("tiny.yaml: 1 variants, 1 expectations\n", stdout)
        code, stdout, _ = sim("list", "--metrics")
        self.assertEqual(code, 0)
        self.assertIn("latency_p99  duration  ", stdout)

    def test_help_shows_examples(self):
        for words in (["--help"], ["run", "--help"]):
            code, stdout, _ = sim(*words)
            self.assertEqual(code, 0)
        code, stdout, _ = sim("--help")
        self.assertIn("EXAMPLES", stdout)
        self.assertIn("EXIT CODES", stdout)

    def test_wrong_usage(self):
        for words in (["fly"], [], ["run"], ["run", self.tiny, "--seed", "x"],
                      ["run", self.tiny, "--seed", "1..2"], ["run", self.tiny, "--seeds", "2..1"],
                      ["run", self.tiny, "--seed", "1", "--seeds", "1..2"],
                      ["run", self.tiny, "--fidelity", "atomic"],
                      ["run", self.tiny, "--until", "nine"], ["run", self.tiny, "--jobs", "0"],
                      ["run", self.tiny, "--speed"]):
            code, stdout, stderr = sim(*words)
            self.assertEqual(code, 2, f"{words}: {stdout}{stderr}")
            self.assertNotEqual(stderr, "", words)

    def test_missing_file(self):
        self.refuses("run", str(self.path / "nowhere.yaml"), says="nowhere.yaml")

    def test_folder_without_scenarios(self):
        (self.path / "empty").mkdir()
        self.refuses("run", str(self.path / "empty"), says="there is no scenario in this folder")

    def test_malformed_yaml(self):
        wrong = self.write("wrong/tiny.yaml", "scenario: [tiny\nkind: {\n")
        self.refuses("run", wrong, says="tiny.yaml:")

    def test_binary_rubbish(self):
        file = self.path / "rubbish.yaml"
        file.write_bytes(bytes(range(256)) * 64)
        self.refuses("run", str(file), says="rubbish.yaml")

    def test_deep_nesting(self):
        deep = self.write("deep.yaml", "[" * 100_000 + "]" * 100_000)
        self.refuses("run", deep, says="deep.yaml")

    def test_unknown_metric_names_its_place(self):
        wrong = self.write("wrong/tiny.yaml", (SCENARIO % 4).replace("c: failures", "c: failurs"))
        self.refuses("run", wrong, says="tiny.yaml:27:11: expect[0].metric: there is no metric "
                                        '"failurs"; did you mean "failures"?')

    def test_every_fault_of_a_file_is_reported(self):
        wrong = self.write("wrong/tiny.yaml", (SCENARIO % 4).replace("target: b-2", "target: b-7")
                           .replace("kind: chaos", "kind: choas").replace("rate: 50", "rate: x"))
        stderr = self.refuses("run", wrong, says="tiny.yaml")
        self.assertEqual(len(stderr.splitlines()), 3, stderr)

    def test_reports_that_cannot_be_written(self):
        code, stdout, stderr = sim("run", self.tiny, "--seed", "1", "--out", self.tiny)
        self.assertEqual((code, stdout), (2, ""))
        self.assertIn("cannot be written", stderr)

    def test_a_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([SIM, "run", self.tiny, "--seed", "1"], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("standard output", done.stderr)

    def test_nothing_is_drawn_when_piped(self):
        _, stdout, stderr = sim("run", self.tiny)
        self.assertNotIn("\r", stdout + stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
