#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A backend for tests: _origin.py PORT NAME [JOURNAL].

Every answer names the origin in X-Origin. GET /slow/S waits S seconds first; GET /size/N answers N
bytes; GET /chunked/N answers N chunks; GET /cut breaks off in mid-body; anything else echoes the
request's body (chunked or not) or "origin NAME". Each request with an X-Id is written to the journal
before it is answered.
"""
import http.server
import os
import signal
import socketserver
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together: killed in between, it would break off an answer

    def log_message(self, *_):
        pass

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        body = self.read_body()
        if self.server.journal is not None and "X-Id" in self.headers:
            os.write(self.server.journal, f"{self.command} {self.headers['X-Id']}\n".encode())
        parts = self.path.split("/")
        if parts[1] == "slow":
            time.sleep(float(parts[2]))
        if parts[1] == "chunked":
            self.head(("Transfer-Encoding", "chunked"))
            for i in range(int(parts[2])):
                self.wfile.write(b"5\r\nchun" + str(i % 10).encode() + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
            return
        if parts[1] == "cut":
            self.head(("Content-Length", "1000"))
            self.wfile.write(b"half of it")
            self.close_connection = True
            return
        if parts[1] == "size":
            body = bytes(i * 7 % 256 for i in range(min(int(parts[2]), 4096)))
            body = (body * (int(parts[2]) // max(len(body), 1) + 1))[:int(parts[2])]
        elif not body:
            body = f"origin {self.server.name}\n".encode()
        self.head(("Content-Length", str(len(body))))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, framing):
        self.send_response(200)
        self.send_header("X-Origin", self.server.name)
        self.send_header("X-Seen-Forwarded-For", self.headers.get("X-Forwarded-For", ""))
        self.send_header("X-Seen-Host", self.headers.get("Host", ""))
        self.send_header("X-Seen-Proto", self.headers.get("X-Forwarded-Proto", ""))
        self.send_header(*framing)
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        pass


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    server.name = sys.argv[2]
    journal = sys.argv[3] if len(sys.argv) > 3 else ""
    server.journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if journal else None
    print("listening", server.server_address[1], file=sys.stderr, flush=True)
    server.serve_forever()


main()
