#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The way out: readiness fails first, requests in flight finish, idle connections close, what does not
end in time is cut, and a second signal means now."""
import contextlib
import http.client
import socket
import sys
import threading
import time

from _system import Origin, Proxy, TERM, backends, check, exchange, request, wait_until

CONFIG = """
pools:
- name: main
  backends: {backends}
  health_check: off
drain: {{grace: {grace}, timeout: {timeout}}}
"""


def proxy_for(origin, grace="0s", timeout="10s"):
    return Proxy(CONFIG.format(backends=backends(origin), grace=grace, timeout=timeout))


class Background(threading.Thread):
    """One request in the background; `.result` is its status, or what went wrong."""

    def __init__(self, port, path):
        super().__init__()
        self.port, self.path, self.result = port, path, None
        self.start()

    def run(self):
        try:
            self.result = request(self.port, path=self.path).status
        except (OSError, http.client.HTTPException) as error:
            self.result = type(error).__name__


def running(proxy):
    wait_until(lambda: proxy.metric("evenkeel_active_requests") == 1, "the request to run")


def refuses(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 5).close()
        return False
    return True


def requests_in_flight_finish(origin):
    with proxy_for(origin) as proxy:
        idle = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
        idle.request("GET", "/")
        idle.getresponse().read()
        slow = Background(proxy.port, "/slow/1")
        running(proxy)
        proxy.signal(TERM)
        proxy.wait_for_event("listeners_closed")
        check(refuses(proxy.port), "new connections are refused")
        check.equal(idle.sock.recv(10), b"", "an idle connection closes at once")
        idle.close()
        slow.join()
        check.equal(slow.result, 200, "a request in flight finishes")
        check.equal(proxy.exit_code(), 0, "and the exit code is 0")


def readiness_fails_first(origin):
    with proxy_for(origin, grace="30s") as proxy:
        check.equal(proxy.admin("/readyz").status, 200, "ready")
        proxy.signal(TERM)
        proxy.wait_for_event("drain_started")
        check.equal(proxy.admin("/readyz").status, 503, "not ready during the grace")
        check.equal(proxy.admin("/livez").status, 200, "and alive")
        check.equal(request(proxy.port).status, 200, "and still serving")
        check.equal(proxy.events("listeners_closed"), [], "listening")
        started = time.monotonic()
        proxy.signal(TERM)
        check.equal(proxy.exit_code(), 0, "a second signal ends it; nobody was cut: 0")
        check(time.monotonic() - started < 10, "without waiting for the rest of the grace")


def the_deadline_cuts(origin):
    with proxy_for(origin, timeout="300ms") as proxy:
        slow = Background(proxy.port, "/slow/15")
        running(proxy)
        proxy.signal(TERM)
        check.equal(proxy.exit_code(), 5, "connections cut by the deadline: exit code 5")
        slow.join()
        check(slow.result != 200, "the client can tell", str(slow.result))
        check.equal(proxy.events("connections_cut")[0]["count"], "1", "the log says how many")


def a_second_signal_cuts(origin):
    with proxy_for(origin, timeout="60s") as proxy:
        slow = Background(proxy.port, "/slow/15")
        running(proxy)
        proxy.signal(TERM)
        proxy.wait_for_event("listeners_closed")
        proxy.signal(TERM)
        check.equal(proxy.exit_code(), 5, "cut by the second signal: exit code 5")
        slow.join()


def the_access_log_is_complete(origin):
    with proxy_for(origin) as proxy:
        for _ in range(100):
            request(proxy.port)
        proxy.signal(TERM)
        check.equal(proxy.exit_code(), 0, "stopped right after the last answer")
        check.equal(len(proxy.access_log(100)), 100, "every request is in the access log")


def keep_alive_ends_with_the_answer(origin):
    with proxy_for(origin, grace="0s") as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), 20) as connection:
            connection.sendall(b"GET /slow/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            running(proxy)
            proxy.signal(TERM)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        check(b" 200 " in received[:20], "the answer arrives, then the connection ends")
        check.equal(proxy.exit_code(), 0, "with 0")


def main():
    with Origin() as origin:
        requests_in_flight_finish(origin)
        readiness_fails_first(origin)
        the_deadline_cuts(origin)
        a_second_signal_cuts(origin)
        the_access_log_is_complete(origin)
        keep_alive_ends_with_the_answer(origin)
        check(exchange(origin.port, b"GET / HTTP/1.0\r\n\r\n") != b"", "the origin outlives it all")
    return check.done()


sys.exit(main())
