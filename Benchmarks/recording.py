"""CPU a packet, memory a call, packets lost: many calls that are recorded to disk at once."""

import os
import shutil
import time

from processes import Load, Service, busy_seconds, cpu_seconds, resident_kilobytes

PACKETS_PER_SECOND = 50  # a leg: 20 ms a packet


class RecordPlan:
    """How one load is made and where in it the measuring window lies. Seconds."""

    def __init__(self, legs, runs, window, rate, settle=1.5):
        self.legs = legs
        self.calls = legs // 2
        self.runs = runs
        self.window = window
        self.rate = rate
        self.settle = settle
        self.ramp = self.calls / rate
        # Calls last as long, so they also end one after the other: all of them are up for `seconds - ramp`.
        self.seconds = self.ramp + settle + window + 1.5


class RecordRun:
    """What one load gave."""

    def __init__(self):
        self.microseconds = 0.0  # CPU of the service a received packet
        self.floor = None
        self.idle_kilobytes = 0
        self.kilobytes_per_call = 0.0
        self.packets_sent = 0
        self.totals = {}
        self.disturbance = 0.0  # CPU of everything that is neither service nor client, in cores
        self.report = {}

    @property
    def lost(self):
        return self.packets_sent - self.totals["Packets"]


def measure(bench, plan, number):
    """One load: a fresh service, all calls up, a window in the steady middle, everything closed properly."""
    run = RecordRun()
    run.floor = bench.floors.receive(bench.processes, bench.cores, plan.legs, plan.legs * PACKETS_PER_SECOND)
    folder = os.path.join(bench.folder, f"record-{plan.legs}-{number}")
    service = Service(bench.binary, folder, bench.processes, bench.cores)
    time.sleep(0.4)
    run.idle_kilobytes = resident_kilobytes(service.pid)
    load = Load(
        bench.binary, service, bench.processes, bench.cores, bench.voices, plan.calls, plan.rate, plan.seconds)
    service.wait_for_calls(plan.calls, plan.ramp + 5, load)
    time.sleep(plan.settle)
    began, busy, own, client = time.monotonic(), busy_seconds(), cpu_seconds(service.pid), cpu_seconds(load.process.pid)
    time.sleep(plan.window)
    elapsed = time.monotonic() - began
    used = cpu_seconds(service.pid) - own
    others = busy_seconds() - busy - used - (cpu_seconds(load.process.pid) - client)
    service.check()
    run.kilobytes_per_call = (resident_kilobytes(service.pid) - run.idle_kilobytes) / plan.calls
    run.microseconds = used / (plan.legs * PACKETS_PER_SECOND * elapsed) * 1e6
    run.disturbance = max(0.0, others / elapsed)
    run.report = load.report(plan.seconds + plan.ramp + 15)
    service.wait_until_quiet()
    service.stop()
    run.packets_sent = run.report["packetsSent"]
    run.totals = service.leg_totals()
    shutil.rmtree(folder, ignore_errors=True)
    beside = f", floor {run.floor:.2f}" if run.floor else ""
    bench.say(
        f"record {plan.legs}",
        f"run {number}/{plan.runs}: {run.microseconds:.2f} µs a packet{beside}; {run.kilobytes_per_call:.1f} kB a call; "
        f"{run.packets_sent} packets sent, {run.lost} lost; client late by p99 {run.report['pacingLateMs']['p99']} ms; "
        f"other programs {run.disturbance:.2f} cores")
    return run
