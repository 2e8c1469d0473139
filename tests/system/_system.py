# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: real processes on free ports, stopped whatever happens."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

EVENKEEL = os.environ["EVENKEEL"]
HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 20  # seconds for anything that should take none


class Check:
    """Counts what held and what did not; done() is the script's exit code."""

    def __init__(self):
        self.faults = 0

    def __call__(self, condition, text, detail=""):
        print(("ok   " if condition else "FAIL ") + text + (f": {detail}" if detail and not condition else ""),
              flush=True)
        self.faults += not condition
        return condition

    def equal(self, found, expected, text):
        return self(found == expected, text, f"expected {expected!r}, found {found!r}")

    def done(self):
        return 1 if self.faults else 0


check = Check()


class Process:
    """A child whose standard error is read line by line in the background."""

    def __init__(self, words, stdout=subprocess.DEVNULL, preexec_fn=None):
        self.child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=stdout,
                                      stderr=subprocess.PIPE, text=True, preexec_fn=preexec_fn)
        self.lines = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stderr:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.lines.append(None)
            self.news.notify_all()

    def wait_for(self, wanted, what):
        """The first result of wanted(line) that is not None."""
        deadline = time.monotonic() + PATIENCE
        seen = 0
        with self.news:
            while True:
                for line in self.lines[seen:]:
                    found = wanted(line) if line is not None else None
                    if found is not None:
                        return found
                seen = len(self.lines)
                if (self.lines and self.lines[-1] is None) or time.monotonic() > deadline:
                    sys.exit(f"{what} did not come; standard error was: {self.lines}")
                self.news.wait(0.5)

    def wait_for_event(self, event):
        def wanted(line):
            with contextlib.suppress(ValueError):
                fields = json.loads(line)
                if fields.get("event") == event:
                    return fields
            return None
        return self.wait_for(wanted, f"event {event}")

    def events(self, event):
        found = []
        for line in list(self.lines):
            with contextlib.suppress(ValueError, TypeError):
                fields = json.loads(line)
                if fields.get("event") == event:
                    found.append(fields)
        return found

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()

    def exit_code(self):
        return self.child.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Origin(Process):
    """_origin.py: see there. `port` 0: a free one, kept over restarts."""

    def __init__(self, port=0, name="o", journal=""):
        super().__init__([sys.executable, os.path.join(HERE, "_origin.py"), str(port), name, journal])
        self.port = self.wait_for(
            lambda line: int(line.split()[-1]) if line.startswith("listening ") else None, "the origin")


class Proxy(Process):
    """evenkeel with listeners and admin on free ports; `config` is the rest of the file."""

    def __init__(self, config, listeners="listeners: [{address: 127.0.0.1:0}]", arguments=(),
                 preexec_fn=None):
        self.folder = tempfile.TemporaryDirectory()
        self.access_file = os.path.join(self.folder.name, "access.log")
        path = os.path.join(self.folder.name, "evenkeel.yaml")
        text = f"admin: {{address: 127.0.0.1:0}}\n{listeners}\n{config}\n"
        if "logging:" not in text:
            text += f"logging: {{access_file: {self.access_file}}}\n"
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        super().__init__([EVENKEEL, "--config", path, *arguments], preexec_fn=preexec_fn)
        self.port = int(self.wait_for_event("listening")["address"].rsplit(":", 1)[1])
        self.admin_port = int(self.wait_for_event("admin_listening")["address"].rsplit(":", 1)[1])

    def admin(self, path, method="GET"):
        return request(self.admin_port, method, path)

    def metric(self, name, **labels):
        """The sum of the series of a metric that have these labels."""
        total = 0
        for line in self.admin("/metrics").body.decode().splitlines():
            if line.startswith((name + "{", name + " ")) and all(
                    f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def access_log(self, lines):
        """The access log once it has so many lines."""
        wait_until(lambda: len(self._access()) >= lines, f"{lines} lines in the access log")
        return self._access()

    def _access(self):
        if not os.path.exists(self.access_file):
            return []
        with open(self.access_file, encoding="utf-8") as text:
            return [json.loads(line) for line in text if line.endswith("\n")]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def request(port, method="GET", path="/", body=None, headers=None, timeout=PATIENCE):
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def exchange(port, data, timeout=PATIENCE, half_close=False):
    """Sends raw bytes and returns everything that comes back until the peer closes."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        received = b""
        with contextlib.suppress(OSError):
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                received += piece
        return received


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.02)


def backends(*origins):
    """The flow list of backends for a pool."""
    return "[" + ", ".join(f"{{id: o{i}, url: \"http://127.0.0.1:{o.port}\"}}"
                           for i, o in enumerate(origins)) + "]"


TERM = signal.SIGTERM
