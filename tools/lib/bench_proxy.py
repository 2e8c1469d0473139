#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPU time per request of evenkeel beside HAProxy and nginx; tools/bench proxy calls this.

The figure is CPU microseconds of the proxy's processes (the kernel's nanosecond counters in
/proc/PID/task/*/schedstat) per completed request. Contenders run one after the other in every round,
the ratio to HAProxy is formed inside the round, and the median over rounds is printed with the least
and the greatest: other work on the machine hits both sides of a ratio. With two or more processors the
proxy has the first to itself; wrk and the three backends share the second.
"""
import argparse
import glob
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HAPROXY = """\
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
    option forwardfor
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    balance roundrobin
"""
NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  keepalive_requests 1000000000;
  upstream back {{ {servers} keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""
EVENKEEL = """\
admin: {{address: 127.0.0.1:{admin}}}
listeners: [{{address: 127.0.0.1:{port}}}]
pools:
- name: main
  balance: {{algorithm: round_robin}}
  backends:
{servers}
logging: {{access: false}}
"""
WORKLOADS = [("small keep-alive GET", []), ("new connection per request", ["-H", "Connection: close"])]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    for _ in range(200):
        if process.poll() is not None:
            sys.exit(f"bench: {process.args[0]} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"bench: {process.args[0]} does not listen on port {port}")


def family(pid):
    """pid and its children (nginx has a worker below its master)."""
    pids = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path) as file:
            for child in file.read().split():
                pids += family(int(child))
    return pids


def cpu_ns(pid):
    total = 0
    for member in family(pid):
        for path in glob.glob(f"/proc/{member}/task/*/schedstat"):
            with open(path) as file:
                total += int(file.read().split()[0])
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evenkeel", default="build/release/evenkeel")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of one measurement")
    args = parser.parse_args()
    peers = [name for name in ("haproxy", "nginx") if shutil.which(name)]
    if not shutil.which("wrk") or not peers:
        sys.exit("bench: not available: needs wrk, and haproxy or nginx to compare with")
    cores = sorted(os.sched_getaffinity(0))
    proxy_core, load_core = (cores[0], cores[1]) if len(cores) > 1 else (cores[0], cores[0])
    processes = []

    def start(core, port, *command):
        process = subprocess.Popen(["taskset", "-c", str(core), *command],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        processes.append(process)
        wait_for(port, process)
        return process

    with tempfile.TemporaryDirectory() as work:
        def write(name, text):
            path = os.path.join(work, name)
            with open(path, "w") as file:
                file.write(text)
            return path

        try:
            origins = [free_port() for _ in range(3)]
            for port in origins:
                start(load_core, port, args.evenkeel, "origin", "--port", str(port))
            contenders = {}
            port = free_port()
            servers = "\n".join(f'  - {{url: "http://127.0.0.1:{o}"}}' for o in origins)
            config = write("evenkeel.yaml",
                           EVENKEEL.format(port=port, admin=free_port(), servers=servers))
            contenders["evenkeel"] = port, start(proxy_core, port, args.evenkeel, "--config", config)
            if "haproxy" in peers:
                port = free_port()
                config = write("haproxy.cfg", HAPROXY.format(port=port) + "".join(
                    f"    server s{o} 127.0.0.1:{o}\n" for o in origins))
                contenders["haproxy"] = port, start(proxy_core, port, "haproxy", "-f", config)
            if "nginx" in peers:
                port = free_port()
                servers = " ".join(f"server 127.0.0.1:{o};" for o in origins)
                config = write("nginx.conf", NGINX.format(dir=work, port=port, servers=servers))
                contenders["nginx"] = port, start(proxy_core, port, "nginx", "-c", config)
            base = "haproxy" if "haproxy" in contenders else "nginx"

            def measure(name, options, seconds):
                port, process = contenders[name]
                before = cpu_ns(process.pid)
                result = subprocess.run(
                    ["taskset", "-c", str(load_core), "wrk", "-t1", "-c64", f"-d{seconds}s", *options,
                     f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True)
                spent = cpu_ns(process.pid) - before
                if "Non-2xx" in result.stdout or "Socket errors" in result.stdout:
                    sys.exit(f"bench: {name} failed requests:\n{result.stdout}")
                requests = int(re.search(r"(\d+) requests in", result.stdout).group(1))
                return spent / 1000 / requests, requests / seconds

            for title, options in WORKLOADS:
                cost = {name: [] for name in contenders}
                rate = {name: [] for name in contenders}
                for name in contenders:
                    measure(name, options, 1)
                for _ in range(args.rounds):
                    for name in contenders:
                        micros, per_second = measure(name, options, args.seconds)
                        cost[name].append(micros)
                        rate[name].append(per_second)
                print(f"{title}: CPU us per request, ratio to {base} (least .. greatest of "
                      f"{args.rounds} rounds), requests/s")
                for name in contenders:
                    ratios = [c / b for c, b in zip(cost[name], cost[base])]
                    print(f"  {name:9} {statistics.median(cost[name]):7.2f}"
                          f"  {statistics.median(ratios):5.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"
                          f"  {statistics.median(rate[name]):8.0f}", flush=True)
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
            for process in processes:
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


if __name__ == "__main__":
    main()
