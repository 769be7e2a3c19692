"""CPU a packet, memory a call, packets lost: many calls that are recorded to disk at once."""

import os
import shutil
import time

from processes import Load, Service, busy_seconds, cpu_seconds, resident_kilobytes

PACKETS_PER_SECOND = 50  # a leg: 20 ms a packet
# Cores' worth of other programs beyond which a run says more about them. The kernel's own writing to the disk is
# counted there too, and stays well below.
DISTURBED = 0.25


class RecordPlan:
    """How one load is made and where in it the measuring window lies. Seconds."""

    def __init__(self, legs, runs, window, rate, spare=0, settle=1.0):
        self.legs = legs
        self.spare = spare
        self.calls = legs // 2
        self.runs = runs
        self.window = window
        self.rate = rate
        self.settle = settle
        self.ramp = self.calls / rate
        # Calls last as long, so they also end one after the other: all of them are up for `seconds - ramp`.
        self.seconds = self.ramp + settle + window + 1.0


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
        self.floor_disturbance = 0.0
        self.report = {}

    @property
    def is_disturbed(self):
        return max(self.disturbance, self.floor_disturbance) > DISTURBED

    @property
    def lost(self):
        return self.packets_sent - self.totals["Packets"]


def measure(bench, plan, number):
    """One load: a fresh service, all calls up, a window in the steady middle, everything closed properly."""
    run = RecordRun()
    bench.wait_until_undisturbed()
    run.floor, run.floor_disturbance = bench.floors.receive(
        bench.processes, bench.cores, plan.legs, plan.legs * PACKETS_PER_SECOND)
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
    other = max(run.disturbance, run.floor_disturbance)
    bench.say(
        f"record {plan.legs}",
        f"run {number}: {run.microseconds:.2f} µs a packet{beside}; {run.kilobytes_per_call:.1f} kB a call; "
        f"{run.packets_sent} packets sent, {run.lost} lost; client late by p99 {run.report['pacingLateMs']['p99']} ms; "
        f"other programs {other:.2f} cores")
    return run


def measure_all(bench, plan):
    """The runs of one load. A run that other programs have disturbed is made again while there are spare ones left; all
    of them count for what was lost, the least disturbed ones for the figures."""
    runs, spare = [], plan.spare
    while len([run for run in runs if not run.is_disturbed]) < plan.runs:
        if len(runs) >= plan.runs:
            if spare == 0:
                break
            spare -= 1
        runs.append(measure(bench, plan, len(runs) + 1))
    return runs


def best(plan_runs, count):
    """The `count` least disturbed runs, in the order in which they were made."""
    chosen = sorted(plan_runs, key=lambda run: (run.is_disturbed, run.disturbance if run.is_disturbed else 0))[:count]
    return [run for run in plan_runs if run in chosen]
