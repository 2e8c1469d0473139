#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong is said once and clearly: exit codes at start, statuses while serving; no crash."""
import os
import resource
import socket
import subprocess
import sys
import tempfile

from _system import EVENKEEL, Origin, Proxy, TERM, backends, check, exchange, request, wait_until

GOOD = """\
admin: {address: 127.0.0.1:0}
listeners: [{address: 127.0.0.1:0}]
pools: [{name: main, backends: [{url: "http://127.0.0.1:9"}]}]
"""


def run(*words):
    done = subprocess.run([EVENKEEL, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20, check=False)
    return done.returncode, done.stdout, done.stderr


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def command_line():
    check.equal(run("--help")[0], 0, "--help succeeds")
    check("EXAMPLES" in run("--help")[1], "and shows examples")
    check("evenkeel " in run("--version")[1], "--version names the version")
    for words in ([], ["--nonsense"], ["--config"], ["origin", "--port", "x"], ["origin", "--port", "70000"],
                  ["origin", "--error-rate", "2"], ["origin", "--service-time", "fast"],
                  ["--config", "x", "--log-level", "loud"], ["--config", "x", "--workers", "0"]):
        check.equal(run(*words)[0], 2, f"wrong usage: {words}")


def configurations(folder):
    good = write(folder, "good.yaml", GOOD)
    check.equal(run("--config", good, "--check")[0], 0, "a valid file passes --check")
    check.equal(run("--config", good, "--check", "--workers", "2")[0], 2, "more workers than there are")
    doubtful = write(folder, "doubtful.yaml",
                     GOOD.replace("name: main", "name: main, session: {strict: true}"))
    code, out, err = run("--config", doubtful, "--check")
    check.equal(code, 0, "a file with a warning is valid")
    check("valid" in out and "warning: " in err and "doubtful.yaml:" in err and ".session: " in err,
          "and the warning says where", err)
    broken = {
        "unknown.yaml": (GOOD + "colour: red\n", "unknown.yaml:4:1: colour"),
        "type.yaml": (GOOD.replace("name: main", "name: main, retry: {max_attempts: many}"),
                      "retry.max_attempts"),
        "syntax.yaml": ("pools: [", "syntax.yaml:"),
        "empty.yaml": ("", "empty.yaml"),
        "nesting.yaml": ("[" * 200_000, "nesting.yaml"),
        "binary.yaml": ("\x00\x01\x02", "binary.yaml"),
    }
    for name, (text, expected) in broken.items():
        path = write(folder, name, text)
        for words in (["--config", path, "--check"], ["--config", path]):
            code, _, err = run(*words)
            check.equal(code, 3, f"{name} is invalid")
            check(expected in err, f"{name}: the message says where", err[:300])
            check(err.count("\n") <= 20 and len(err) < 4000, f"{name}: and is short", str(len(err)))
    for path in (folder, os.path.join(folder, "missing.yaml")):
        code, _, err = run("--config", path)
        check.equal(code, 3, f"{os.path.basename(path) or 'a directory'} is no configuration")
        check(path in err, "and is named")
    unknown_host = write(folder, "host.yaml", GOOD.replace("127.0.0.1:9", "no-such-host.invalid:80"))
    code, _, err = run("--config", unknown_host)
    check.equal(code, 1, "a backend whose name is unknown ends the start")
    check("no-such-host.invalid" in err, "and is named")


def ports(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for key in ("admin: {address: ", "listeners: [{address: "):
            path = write(folder, "taken.yaml", GOOD.replace(key + "127.0.0.1:0", key + address))
            code, _, err = run("--config", path)
            check.equal(code, 4, f"a port in use ({key.split(':')[0]})")
            check(address in err and "another process" in err, "the message names it and what to do", err)


def responses():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    config = f"""
pools:
- name: main
  backends: [{{url: "http://127.0.0.1:{port}"}}]
  health_check: {{interval: 100ms, unhealthy_interval: 100ms, timeout: 100ms}}
  balance: {{panic_threshold: 0}}  # else it would be asked all the same
drain: {{grace: 0s, timeout: 1s}}
"""
    with Proxy(config) as proxy:
        answer = request(proxy.port)
        check(answer.status in (502, 503), "an unreachable backend is answered 502 or 503", str(answer.status))
        check(0 < len(answer.body) < 200, "with a short body")
        wait_until(lambda: proxy.metric("evenkeel_pool_eligible_backends") == 0, "the check to fail")
        check.equal(request(proxy.port).status, 503, "no backend left: 503")
        check.equal(proxy.admin("/health?strict=1").status, 503, "/health?strict=1 says so")
        check.equal(proxy.admin("/livez").status, 200, "/livez does not mind")
        check(proxy.events("backend_state"), "and the change is in the log")


HOSTILE = [
    (b"nonsense\r\n\r\n", 400), (b"GET\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", 431),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
]


def hostile_bytes():
    with Origin() as origin, Proxy(f"pools: [{{name: main, backends: {backends(origin)}}}]\n"
                                   "drain: {grace: 0s, timeout: 1s}") as proxy:
        for data, status in HOSTILE:
            answer = exchange(proxy.port, data)
            head, _, body = answer.partition(b"\r\n\r\n")
            check.equal(head[9:12].decode(errors="replace"), str(status), f"{data[:60]!r} is answered {status}")
            check(0 < len(body) < 200 and b"Connection: close" in head, "briefly, and the connection closes")
        for garbage in (b"", b"\r\n", b"\x00" * 5000, os.urandom(5000), b"GET / HTTP/1.1\r\nHost: a"):
            exchange(proxy.port, garbage, half_close=True)
            check.equal(request(proxy.port).status, 200, f"{garbage[:20]!r} leaves the proxy serving")
        cut = exchange(proxy.port, b"GET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
        check(cut.endswith(b"half of it"), "a response that breaks off is not made to look complete")
        check(proxy.metric("evenkeel_requests_refused_total", code="400") >= 5, "refusals are counted")
        descriptors(proxy)
        proxy.signal(TERM)
        check.equal(proxy.exit_code(), 0, "and still ends well")


def descriptors(proxy):
    """Out of descriptors: nothing dies, nothing spins, and it passes."""
    limit = len(os.listdir(f"/proc/{proxy.child.pid}/fd")) + 10
    before = resource.prlimit(proxy.child.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.child.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    crowd = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(30)]
    wait_until(lambda: len(os.listdir(f"/proc/{proxy.child.pid}/fd")) >= limit - 1, "the descriptors to run out")
    for connection in crowd:
        connection.close()
    resource.prlimit(proxy.child.pid, resource.RLIMIT_NOFILE, before)
    check.equal(request(proxy.port).status, 200, "running out of descriptors passes")
    check(proxy.metric("evenkeel_connections_rejected_total", reason="resources") > 0, "and is counted")


def main():
    command_line()
    with tempfile.TemporaryDirectory() as folder:
        configurations(folder)
        ports(folder)
    responses()
    hostile_bytes()
    return check.done()


sys.exit(main())
