#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ordinary traffic through the proxy to three origins: methods, bodies, keep-alive, logs, metrics."""
import http.client
import json
import subprocess
import sys

from _system import EVENKEEL, Origin, Proxy, TERM, backends, check, exchange, request

CONFIG = """
pools:
- name: main
  balance: {{algorithm: round_robin}}
  backends: {backends}
  health_check: off
drain: {{grace: 0s, timeout: 5s}}
"""


def ordinary_requests(proxy):
    seen = {request(proxy.port).headers["X-Origin"] for _ in range(6)}
    check.equal(seen, {"a", "b", "c"}, "all three origins are used")
    answer = request(proxy.port, "POST", "/post", b"x" * 100_000)
    check.equal(answer.body, b"x" * 100_000, "a POST's body arrives and comes back")
    answer = request(proxy.port, "PUT", "/", iter([b"one ", b"two ", b"three"]))
    check.equal(answer.body, b"one two three", "a chunked request body arrives")
    answer = request(proxy.port, "GET", "/chunked/1000")
    check.equal(len(answer.body), 5000, "a chunked response arrives")
    answer = request(proxy.port, "GET", "/size/3000000")
    check.equal(len(answer.body), 3_000_000, "a large response arrives")
    answer = request(proxy.port, "HEAD", "/size/5")
    check.equal((answer.status, answer.headers["Content-Length"], answer.body), (200, "5", b""),
                "a HEAD has the length and no body")
    answer = request(proxy.port, headers={"Host": "shop.example"})
    check.equal(answer.headers["X-Seen-Host"], "shop.example", "the Host is kept")
    check.equal(answer.headers["X-Seen-Forwarded-For"], "127.0.0.1", "X-Forwarded-For is added")
    check.equal(answer.headers["X-Seen-Proto"], "http", "X-Forwarded-Proto is set")
    check("evenkeel" in answer.headers.get("Via", ""), "Via is added")


def connections(proxy):
    before = proxy.metric("evenkeel_downstream_connections_total")
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    bodies = []
    for i in range(20):
        connection.request("POST", f"/{i}", f"body {i}")
        bodies.append(connection.getresponse().read().decode())
    connection.close()
    check.equal(bodies, [f"body {i}" for i in range(20)], "twenty requests share one connection")
    check.equal(proxy.metric("evenkeel_downstream_connections_total") - before, 1, "and only one")
    check(proxy.metric("evenkeel_upstream_reuses_total") > 15, "backend connections are reused")
    pipelined = exchange(proxy.port, b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                         b"GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    check.equal(pipelined.count(b"HTTP/1.1 200"), 2, "pipelined requests are answered in order")
    old = exchange(proxy.port, b"GET / HTTP/1.0\r\n\r\n")
    check(old.startswith(b"HTTP/1.") and b" 200 " in old[:20] and b"chunked" not in old.lower(),
          "HTTP/1.0 is answered without chunks and closed", old[:100])


def curl(proxy):
    done = subprocess.run(["curl", "-sS", "-m", "10", "--data-binary", "@-", "-H", "Expect: 100-continue",
                           f"http://127.0.0.1:{proxy.port}/curl"], input=b"from curl" * 1000,
                          capture_output=True, check=False)
    check.equal((done.returncode, done.stdout), (0, b"from curl" * 1000), "curl with Expect works")


def logs_and_metrics(proxy):
    request(proxy.port, "GET", '/odd"path\\?q=<>&x=1', headers={"Host": "a", "X-Request-ID": "mine"})
    log = proxy.access_log(int(proxy.metric("evenkeel_requests_total")))
    line = next(line for line in log if line["path"].startswith("/odd"))
    check.equal(line["path"], '/odd"path\\?q=<>&x=1', "the access log escapes what clients send")
    for field in ("time", "request_id", "client_ip", "listener", "method", "host", "route", "pool",
                  "backend", "status", "bytes_in", "bytes_out", "duration_ms", "attempts"):
        check(field in line, f"the access log has {field}")
    check.equal((line["status"], line["client_ip"], line["method"]), (200, "127.0.0.1", "GET"),
                "and says what happened")
    check.equal(len(log), proxy.metric("evenkeel_requests_total"), "every request is in the log")
    check.equal(proxy.metric("evenkeel_requests_total", method="HEAD", code="200"), 1,
                "metrics count by method and code")
    check.equal(proxy.metric("evenkeel_request_duration_seconds_count"),
                proxy.metric("evenkeel_requests_total"), "durations are counted")
    check.equal(proxy.metric("evenkeel_backend_state", state="healthy"), 3, "backends are healthy")
    check.equal(proxy.metric("evenkeel_active_requests"), 0, "nothing runs any more")


def admin(proxy):
    for path, status in (("/livez", 200), ("/readyz", 200), ("/health", 200), ("/metrics", 200),
                         ("/admin/v1/backends", 200), ("/nothing", 404)):
        check.equal(proxy.admin(path).status, status, f"GET {path}")
    listed = json.loads(proxy.admin("/admin/v1/backends").body)["backends"]
    check.equal([b["backend"] for b in listed], ["o0", "o1", "o2"], "backends are listed")
    for method in ("POST", "PUT", "DELETE"):
        check.equal(proxy.admin("/metrics", method).status, 405, f"{method} is refused")
    check(b" 431 " in exchange(proxy.admin_port, b"GET / HTTP/1.1\r\nX: " + b"y" * 20000)[:20],
          "an endless head is refused")
    check(b" 400 " in exchange(proxy.admin_port, b"nonsense\r\n\r\n")[:20], "nonsense is refused")


def demonstration_origin():
    child = subprocess.Popen([EVENKEEL, "origin", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(child.stdout.readline().rsplit(":", 1)[1])
        check.equal(request(port).body.decode(), f"origin {port}\n", "evenkeel origin names its port")
        check.equal(request(port, "POST", "/echo", b"twice").body, b"twice", "and echoes")
        check.equal(request(port, path="/health").status, 200, "and is healthy")
        child.send_signal(TERM)
        check.equal(child.wait(10), 0, "SIGTERM ends it")
    finally:
        child.kill()
        child.wait()


def main():
    with Origin(name="a") as a, Origin(name="b") as b, Origin(name="c") as c, \
            Proxy(CONFIG.format(backends=backends(a, b, c))) as proxy:
        ordinary_requests(proxy)
        connections(proxy)
        curl(proxy)
        logs_and_metrics(proxy)
        admin(proxy)
        proxy.signal(TERM)
        check.equal(proxy.exit_code(), 0, "SIGTERM ends the proxy with 0")
    demonstration_origin()
    return check.done()


sys.exit(main())
