#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits, queues, sessions and splits over real sockets."""
import json
import subprocess
import sys
import tempfile
import threading

from _system import EVENKEEL, Origin, Proxy, TERM, backends, check, request, wait_until

CONFIG = """
pools:
- name: main
  balance: {{algorithm: round_robin}}
  backends: {main}
  health_check: off
- name: canary
  backends: {canary}
  health_check: off
- name: sticky
  balance: {{algorithm: round_robin}}
  backends: {main}
  health_check: off
  session: {{mode: cookie, cookie: SID, ttl: 10m}}
- name: narrow
  backends: {canary}
  health_check: off
  limits: {{max_requests: 1, max_pending: 1, queue_timeout: 10s}}
routes:
- name: limited
  match: {{path_prefix: /limited}}
  split: [{{pool: main}}]
  rate_limit: {{requests_per_second: 0.2, burst: 2, key: header, name: X-Tenant}}
- name: sticky
  match: {{path_prefix: /sticky}}
  split: [{{pool: sticky}}]
- name: narrow
  match: {{path_prefix: /slow}}
  split: [{{pool: narrow}}]
- name: versions
  match: {{path_regex: "/v[0-9]+(/.*)?"}}
  split: [{{pool: canary}}]
- name: chosen
  match: {{headers: {{x-canary: "always"}}}}
  split: [{{pool: canary}}]
- name: rest
  split:
  - {{pool: main, weight: 80, sticky_by: header, sticky_name: X-User}}
  - {{pool: canary, weight: 20}}
drain: {{grace: 0s, timeout: 5s}}
"""


def rate_limits(proxy):
    statuses = [request(proxy.port, path="/limited", headers={"X-Tenant": "a"}).status for _ in range(4)]
    check.equal(statuses, [200, 200, 429, 429], "after its burst a client is limited")
    refused = request(proxy.port, path="/limited", headers={"X-Tenant": "a"})
    wait = int(refused.headers["Retry-After"])
    check(1 <= wait <= 5, "and told when to come back", wait)
    check.equal(request(proxy.port, path="/limited", headers={"X-Tenant": "b"}).status, 200,
                "others are not")
    check.equal(proxy.metric("evenkeel_rate_limited_total", route="limited"), 3, "metrics count it")


def origin_of(proxy, path, headers=None):
    answer = request(proxy.port, path=path, headers=headers)
    check.equal(answer.status, 200, f"GET {path}") if answer.status != 200 else None
    return answer.headers["X-Origin"]


def sessions(proxy):
    first = request(proxy.port, path="/sticky/1")
    cookie = first.headers["Set-Cookie"]
    check(cookie.startswith("SID=") and cookie.endswith("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"),
          "a session begins with a cookie", cookie)
    shown = {"Cookie": "theme=dark; " + cookie.split(";")[0]}
    homes = {origin_of(proxy, f"/sticky/{i}", shown) for i in range(6)}
    check.equal(homes, {first.headers["X-Origin"]}, "which leads back to the backend")
    check.equal(request(proxy.port, path="/sticky/x", headers=shown).headers["Set-Cookie"], None,
                "and is set once")
    check.equal(len({origin_of(proxy, "/sticky/y") for _ in range(6)}), 2, "others go on in turn")
    check.equal(proxy.metric("evenkeel_sessions", pool="sticky"), 7, "metrics count sessions")


def moved_session(proxy, origins):
    first = request(proxy.port, path="/sticky/1")
    shown = {"Cookie": first.headers["Set-Cookie"].split(";")[0]}
    home = first.headers["X-Origin"]
    next(o for o, name in origins if name == home).kill()
    after = {origin_of(proxy, f"/sticky/{i}", shown) for i in range(6)}
    check.equal(len(after - {home}), 1, "a session moves when its backend dies, to one other")
    check.equal(len(after), 1, "and no request of it fails")


def routes(proxy):
    check.equal(origin_of(proxy, "/x", {"X-Canary": "always"}), "c", "a header picks the canary")
    check.equal(origin_of(proxy, "/v12/things"), "c", "a regular expression does")
    check.equal(origin_of(proxy, "/v12"), "c", "of the whole path")
    users = [str(i) for i in range(40)]
    sides = {user: origin_of(proxy, "/a", {"X-User": user}) == "c" for user in users}
    again = {user: origin_of(proxy, "/b/" + user, {"X-User": user}) == "c" for user in users}
    check.equal(again, sides, "who is on the canary stays there")
    share = sum(sides.values())
    check(1 <= share <= 20, f"{share} of 40 clients are", share)


def queue(proxy):
    results = []

    def ask():
        results.append(request(proxy.port, path="/slow/1.5"))

    waiting = [threading.Thread(target=ask) for _ in range(2)]
    waiting[0].start()
    wait_until(lambda: proxy.metric("evenkeel_active_requests", pool="narrow") == 1, "a request to run")
    waiting[1].start()
    wait_until(lambda: proxy.metric("evenkeel_queue_depth", pool="narrow") == 1, "a request to wait")
    refused = request(proxy.port, path="/slow/0")
    check.equal((refused.status, refused.headers["Retry-After"]), (503, "1"),
                "a full queue turns requests away at once")
    for thread in waiting:
        thread.join()
    check.equal([answer.status for answer in results], [200, 200], "who waits is served")
    check.equal(proxy.metric("evenkeel_queue_shed_total", pool="narrow", reason="queue_full"), 1,
                "metrics count it")
    log = proxy.access_log(int(proxy.metric("evenkeel_requests_total")))
    slow = [line for line in log if line["path"] == "/slow/1.5"]
    check.equal(sum(1 for line in slow if line.get("queue_ms", 0) > 0), 1, "the log has the wait")
    check.equal(next(line["flags"] for line in log if line["path"] == "/slow/0"), ["queue_full"],
                "and the reason")


def limited_connections(config):
    with Proxy(config) as proxy:
        answers = []

        def ask():
            answers.append(request(proxy.port, path="/slow/0.2").status)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        most = 0
        while any(thread.is_alive() for thread in threads):
            most = max(most, proxy.metric("evenkeel_upstream_connections"))
        check.equal(answers, [200] * 6, "with few connections allowed requests wait")
        check(1 <= most <= 2, "and the limit is kept", most)
        proxy.signal(TERM)
        check.equal(proxy.exit_code(), 0, "SIGTERM ends the proxy with 0")


def refused_configuration(main):
    text = "listeners: [{address: 127.0.0.1:0}]\npools:\n- name: main\n" \
           f"  backends: {main}\nregions: {{header: x-region}}\n"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        for arguments in (["--check"], []):
            done = subprocess.run([EVENKEEL, "--config", file.name, *arguments], capture_output=True,
                                  text=True, timeout=30, check=False)
            check.equal(done.returncode, 3, "what is not available yet is refused")
            check(f"{file.name}:5:19: regions.header: not available yet"
                  in done.stderr, "at its place", done.stderr)


def admin(proxy):
    listed = json.loads(proxy.admin("/admin/v1/backends").body)["backends"]
    check.equal({b["standing"] for b in listed}, {"eligible"}, "the admin endpoint has the standing")


def main():
    with Origin(name="a") as a, Origin(name="b") as b, Origin(name="c") as c:
        config = CONFIG.format(main=backends(a, b), canary=backends(c))
        with Proxy(config) as proxy:
            admin(proxy)
            rate_limits(proxy)
            sessions(proxy)
            routes(proxy)
            queue(proxy)
            moved_session(proxy, [(a, "a"), (b, "b")])
            proxy.signal(TERM)
            check.equal(proxy.exit_code(), 0, "SIGTERM ends the proxy with 0")
        limited_connections("pools: [{name: main, backends: " + backends(c) +
                            ", health_check: off, limits: {max_connections: 2}}]")
        refused_configuration(backends(c))
    return check.done()


sys.exit(main())
