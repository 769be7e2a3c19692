"""The bridge as a relay: `media-bench relay` beside `relay_floor`, both under `rtpload` of ../shared/perf."""

import json
import os
import re
import subprocess
import time

from processes import ServiceFailure, cpu_seconds

LEGS = 600
RATE = 50  # packets a second a leg
PAYLOAD = 160
SECONDS = 7.5


class RelayRun:
    def __init__(self, microseconds, latency, sent, received):
        self.microseconds, self.latency, self.sent, self.received = microseconds, latency, sent, received

    @property
    def lost(self):
        return self.sent - self.received


def _load(bench, legs_file, seconds):
    """rtpload towards the legs of a file: (sent, received, {p50, p99, p99.9: ms})."""
    program = bench.floors.program("rtpload", ())
    if program is None:
        return None
    process = bench.processes.start(
        [program, legs_file, f"{seconds:g}", str(RATE), str(PAYLOAD)], bench.cores.others, program + ".log",
        stdout=subprocess.PIPE, text=True)
    try:
        output, _ = process.communicate(timeout=seconds + 15)
    except subprocess.TimeoutExpired:
        output = ""
    bench.processes.end(process)
    found = re.search(r"sent=(\d+) .*received=(\d+) .*p50=(\d+) p99=(\d+) p99\.9=(\d+)", output)
    if not found:
        raise ServiceFailure(f"rtpload gave no figure: {output.strip()[-200:]}")
    sent, received, *latency = map(int, found.groups())
    return sent, received, dict(zip(("p50", "p99", "p99.9"), (value / 1000 for value in latency)))


def floor(bench, seconds, attempts=3):
    """relay_floor with epoll, as its README runs it. Its ports are fixed: it is tried again where one is in use."""
    program = bench.floors.program("relay_floor")
    if program is None:
        return None
    if attempts == 0:
        raise ServiceFailure("relay_floor cannot bind its ports, 40000 to 40599: another program uses one")
    folder = os.path.join(bench.folder, "relay-floor")
    os.makedirs(folder, exist_ok=True)
    process = bench.processes.start(
        [program, "epoll", str(LEGS), f"{seconds + 1.5:g}"], bench.cores.service, program + ".log", cwd=folder,
        stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    if process.poll() is not None:
        bench.processes.end(process)
        time.sleep(1.0)
        return floor(bench, seconds, attempts - 1)
    loaded = _load(bench, os.path.join(folder, "legs.txt"), seconds)
    if loaded is None:
        bench.processes.end(process)
        return None
    sent, received, latency = loaded
    output, _ = process.communicate(timeout=seconds + 15)
    bench.processes.end(process)
    found = re.search(r"got (\d+) .* (\d+) ns/pkt", output)
    if not found:
        raise ServiceFailure(f"relay_floor gave no figure: {output.strip()[-200:]}")
    return RelayRun(float(found.group(2)) / 1000, latency, sent, received)


def measure(bench, seconds, back_end="auto"):
    """One run of the engine's bridges in a process of their own."""
    legs_file = os.path.join(bench.folder, "relay.legs")
    log = os.path.join(bench.folder, "media-bench.log")
    process = bench.processes.start(
        [bench.media_bench, "relay", "--legs", str(LEGS), "--ports", "40000-49999", "--remote-base", "10000",
         "--back-end", back_end, "--legs-file", legs_file], bench.cores.service, log, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if not line.startswith("ready"):
        bench.processes.end(process)
        with open(log, encoding="utf-8", errors="replace") as file:
            raise ServiceFailure(f"media-bench is not ready: {line.strip()} {file.read().strip()[-300:]}")
    before = cpu_seconds(process.pid)
    load = _load(bench, legs_file, seconds)
    used = cpu_seconds(process.pid) - before
    output, _ = process.communicate("", timeout=20)
    bench.processes.end(process)
    if load is None:
        return None
    sent, received, latency = load
    if received == 0:
        raise ServiceFailure(f"nothing came back through media-bench: {output.strip()[-300:]}")
    run = RelayRun(used / received * 1e6, latency, sent, received)
    run.report = json.loads(output)
    return run


def measure_all(bench, runs, seconds):
    """Floor and engine in turn. Two lists; empty where a program of ../shared/perf is missing."""
    floors, engine = [], []
    for number in range(1, runs + 1):
        bench.wait_until_undisturbed()
        below = floor(bench, seconds)
        run = measure(bench, seconds)
        if below is None or run is None:
            bench.say("relay", "skipped: no relay_floor or rtpload of ../shared/perf")
            return [], []
        floors.append(below)
        engine.append(run)
        bench.say(
            f"relay {LEGS}",
            f"run {number}: {run.microseconds:.2f} µs a packet, floor {below.microseconds:.2f}; p50 {run.latency['p50']:.2f} ms, "
            f"p99 {run.latency['p99']:.2f} ms (floor {below.latency['p50']:.2f}, {below.latency['p99']:.2f}); "
            f"{run.sent} sent, {run.lost} lost; back end {run.report.get('backEnd', '?')}")
    return floors, engine
