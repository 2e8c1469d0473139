#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three origins under load, one killed and restarted: no failed GET, no doubled POST."""
import collections
import http.client
import os
import sys
import tempfile
import threading

from _system import Origin, Proxy, backends, check, wait_until

CONFIG = """
pools:
- name: main
  backends: {backends}
  health_check: {{interval: 200ms, unhealthy_interval: 200ms, timeout: 200ms}}
  outlier_detection: {{base_ejection_time: 500ms}}
  retry: {{budget: {{percent: 50, min_per_second: 20, interval: 10s}}}}
drain: {{grace: 0s, timeout: 5s}}
"""
CLIENTS = 8
REQUESTS_PER_PHASE = 150  # and client
GETS_PER_POST = 3


class Client(threading.Thread):
    """Sends a phase's requests over one connection, a fresh one when the proxy closed it."""

    def __init__(self, number, port, results):
        super().__init__()
        self.number, self.port, self.results = number, port, results

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for i in range(REQUESTS_PER_PHASE):
            method = "POST" if i % (GETS_PER_POST + 1) == 0 else "GET"
            identity = f"{self.results.phase}-{self.number}-{i}"
            try:
                connection.request(method, "/", b"body" if method == "POST" else None, {"X-Id": identity})
                answer = connection.getresponse()
                answer.read()
                outcome = answer.status
            except (OSError, http.client.HTTPException) as error:
                outcome = repr(error)
                connection.close()
            self.results.add(method, identity, outcome)
        connection.close()


class Results:
    def __init__(self):
        self.lock = threading.Lock()
        self.outcomes = {"GET": {}, "POST": {}}
        self.phase = ""

    def add(self, method, identity, outcome):
        with self.lock:
            self.outcomes[method][identity] = outcome

    def count(self):
        with self.lock:
            return sum(map(len, self.outcomes.values()))


def load(proxy, results, phase, at_half=None):
    """One phase of load; `at_half` is done while it runs."""
    results.phase = phase
    before = results.count()
    clients = [Client(n, proxy.port, results) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    if at_half:
        wait_until(lambda: results.count() - before >= CLIENTS * REQUESTS_PER_PHASE // 2, "half the load")
        at_half()
    for client in clients:
        client.join()


def main():
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        journals = [os.path.join(folder, name) for name in "abc"]
        origins = [Origin(name=name, journal=journal) for name, journal in zip("abc", journals)]
        with Proxy(CONFIG.format(backends=backends(*origins))) as proxy:
            victim = origins[1]

            def restart():
                origins[1] = Origin(port=victim.port, name="b", journal=journals[1])

            try:
                load(proxy, results, "calm")
                load(proxy, results, "killed", victim.kill)
                load(proxy, results, "down")
                wait_until(lambda: proxy.metric("evenkeel_backend_state", backend="o1", state="eligible") == 0,
                           "the dead origin to be noticed")
                load(proxy, results, "restarted", restart)
                wait_until(lambda: proxy.metric("evenkeel_backend_state", backend="o1", state="eligible") == 1,
                           "the origin to return")
                before = proxy.metric("evenkeel_backend_requests_total", backend="o1", code_class="2xx")
                load(proxy, results, "recovered")
                after = proxy.metric("evenkeel_backend_requests_total", backend="o1", code_class="2xx")
                retries = proxy.metric("evenkeel_retries_total")
            finally:
                for origin in origins:
                    origin.kill()
        delivered = collections.Counter()
        for journal in journals:
            with open(journal, encoding="utf-8") as lines:
                delivered.update(line.strip() for line in lines)
    gets, posts = results.outcomes["GET"], results.outcomes["POST"]
    failed = {identity: outcome for identity, outcome in gets.items() if outcome != 200}
    check.equal(failed, {}, f"none of {len(gets)} GETs failed")
    doubled = [what for what, times in delivered.items() if what.startswith("POST") and times > 1]
    check.equal(doubled, [], f"none of {len(posts)} POSTs was delivered twice")
    lost = [identity for identity, outcome in posts.items()
            if outcome == 200 and delivered[f"POST {identity}"] != 1]
    check.equal(lost, [], "every POST that was answered 200 was delivered once")
    good = sum(1 for outcome in posts.values() if outcome == 200)
    check(good >= len(posts) - CLIENTS, f"{good} of {len(posts)} POSTs succeeded: only those on the wire "
          "when the origin died may be lost")
    check(retries > 0, f"{retries:.0f} attempts were repeated")
    check(after > before, f"the restarted origin served {after - before:.0f} requests")
    return check.done()


sys.exit(main())
