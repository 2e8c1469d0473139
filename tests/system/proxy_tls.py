#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS termination against other implementations' clients: Python's ssl, openssl s_client, curl."""
import http.client
import os
import socket
import ssl
import subprocess
import sys
import tempfile

from _system import EVENKEEL, Origin, Proxy, TERM, backends, check, request, wait_until

CONFIG = """
pools:
- name: main
  backends: {backends}
  health_check: off
drain: {{grace: 0s, timeout: 5s}}
"""


def certificate(folder, name, days=2):
    paths = [os.path.join(folder, f"{name}.{kind}") for kind in ("crt", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                    "-days", str(days), "-out", paths[0], "-keyout", paths[1]],
                   check=True, capture_output=True)
    return paths


def listener(*certificates):
    listed = ", ".join(f"{{cert_file: {cert}, key_file: {key}}}" for cert, key in certificates)
    return f"listeners: [{{address: 127.0.0.1:0, tls: {{certificates: [{listed}]}}}}]"


def client_context(ca):
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = True
    return context


def serves(proxy, cert):
    context = client_context(cert)
    connection = http.client.HTTPSConnection("localhost", proxy.port, context=context, timeout=20)
    for i in range(5):
        connection.request("POST", "/", f"body {i}")
        answer = connection.getresponse()
        check.equal((answer.status, answer.read()), (200, f"body {i}".encode()), "a request over TLS")
    check.equal(answer.headers["X-Seen-Proto"], "https", "the origin is told that it was TLS")
    connection.request("GET", "/size/3000000")
    check.equal(len(connection.getresponse().read()), 3_000_000, "a large response over TLS")
    connection.request("POST", "/", b"z" * 2_000_000)
    check.equal(connection.getresponse().read(), b"z" * 2_000_000, "a large request over TLS")
    check.equal(connection.sock.version(), "TLSv1.3", "TLS 1.3 by default")
    connection.close()


def versions_and_protocols(proxy, cert):
    context = client_context(cert)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)),
                             server_hostname="localhost") as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
        check(b" 200 " in received[:20], "TLS 1.2 works and ends with close_notify")
    context = client_context(cert)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)),
                             server_hostname="localhost") as connection:
        check.equal(connection.selected_alpn_protocol(), "http/1.1", "ALPN picks http/1.1")
    old = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}", "-tls1_1",
                          "-cipher", "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, capture_output=True,
                         check=False, timeout=20)
    check(old.returncode != 0, "TLS 1.1 is refused")
    curl = subprocess.run(["curl", "-sS", "-m", "10", "--cacert", cert, "--resolve",
                           f"localhost:{proxy.port}:127.0.0.1", f"https://localhost:{proxy.port}/"],
                          capture_output=True, check=False)
    check.equal((curl.returncode, curl.stdout), (0, b"origin o\n"), "curl works")


def names(proxy, first, second):
    for name, cert in (("localhost", first), ("shop.test", second)):
        with client_context(cert).wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)),
                                              server_hostname=name):
            check(True, f"the certificate of {name} is shown to whoever asks for it")


def hostile(proxy):
    for data in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"A" * 3000, b"\x00"):
        with socket.create_connection(("127.0.0.1", proxy.port), 20) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(4096):
                    pass
            except OSError:
                pass
    wait_until(lambda: proxy.metric("evenkeel_downstream_connections") == 0, "bad connections to go")
    check(True, "bytes that are not TLS end their connection and nothing else")


def bad_certificates(folder, good):
    cert, key = good
    other_key = certificate(folder, "other.test")[1]
    empty = os.path.join(folder, "empty")
    with open(empty, "w", encoding="utf-8"):
        pass
    for name, pair in {"a missing certificate": (cert + "x", key), "a missing key": (cert, key + "x"),
                       "a key of another certificate": (cert, other_key), "an empty file": (empty, key),
                       "a directory": (folder, key), "a certificate for a key": (cert, cert)}.items():
        path = os.path.join(folder, "bad.yaml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"{listener(pair)}\npools: [{{name: m, backends: [{{url: 'http://127.0.0.1:9'}}]}}]\n")
        for words in (["--check"], []):
            done = subprocess.run([EVENKEEL, "--config", path, *words], capture_output=True, text=True,
                                  timeout=20, check=False)
            check.equal(done.returncode, 3, f"{name}: exit code 3")
            check(folder in done.stderr and done.stderr.count("\n") == 1, "one line that names the file",
                  done.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        first = certificate(folder, "localhost")
        second = certificate(folder, "shop.test")
        with Origin() as origin, Proxy(CONFIG.format(backends=backends(origin)), listener(first, second)) as proxy:
            serves(proxy, first[0])
            versions_and_protocols(proxy, first[0])
            names(proxy, first[0], second[0])
            hostile(proxy)
            check.equal(request(proxy.admin_port, path="/readyz").status, 200, "the proxy is well")
            proxy.signal(TERM)
            check.equal(proxy.exit_code(), 0, "SIGTERM ends the proxy with 0")
        bad_certificates(folder, first)
    return check.done()


sys.exit(main())
