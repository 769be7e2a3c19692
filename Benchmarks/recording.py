"""CPU a packet, memory a call, packets lost: many calls that are recorded to disk at once."""

import os
import shutil
import time

from media_load import MediaLoad
from processes import Service, busy_seconds, cpu_seconds, resident_kilobytes
from sip_calls import SIPCalls, base64_key, statuses

# Cores' worth of other programs beyond which a run says more about them. The kernel's own writing to the disk is
# counted there too, and stays well below.
DISTURBED = 0.25
FLOOR = {"epoll": "epoll", "io_uring": "uringbatch"}


class RecordPlan:
    """How one load is made and where in it the measuring window lies. Seconds."""

    def __init__(self, name, legs, runs, window, back_end="io_uring", secure=False, spare=0, settle=4.0, packet_ms=20,
                 has_floor=True):
        self.name, self.legs, self.runs, self.spare = name, legs, runs, spare
        self.calls = legs // 2
        self.window, self.settle = window, settle
        self.back_end, self.secure, self.packet_ms = back_end, secure, packet_ms
        self.has_floor = has_floor
        self.packets_per_second = legs * 1000 // packet_ms
        self.seconds = settle + window + 1.0

    @property
    def floor_mode(self):
        return FLOOR[self.back_end]


class RecordRun:
    """What one load gave."""

    def __init__(self):
        self.microseconds = 0.0  # CPU of the service a received packet
        self.utilisation = 0.0  # of a core, in the window
        self.floor = None
        self.idle_kilobytes = 0
        self.kilobytes_per_call = 0.0
        self.packets_sent = 0
        self.totals = {}
        self.calls_cut = 0
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
    if plan.has_floor:
        run.floor, run.floor_disturbance = bench.floors.receive(
            bench.processes, bench.cores, plan.legs, plan.packets_per_second, plan.floor_mode)
    folder = os.path.join(bench.folder, f"{plan.name}-{number}")
    service = Service(
        bench.binary, folder, bench.processes, bench.cores, plan.back_end, maxCalls=max(4000, plan.calls + 100))
    time.sleep(0.4)
    run.idle_kilobytes = resident_kilobytes(service.pid)
    key = os.urandom(30) if plan.secure else None
    calls = SIPCalls(service, base64_key(key) if key else None)
    try:
        found = statuses(calls.place(plan.calls, 250))
        if found != {200: plan.calls}:
            raise bench.failure(f"{plan.calls} calls were answered {found}")
        load = MediaLoad(bench, calls, plan.name, plan.seconds, key, plan.packet_ms)
        load.go()
        time.sleep(plan.settle)
        began, busy, own, client = time.monotonic(), busy_seconds(), cpu_seconds(service.pid), cpu_seconds(load.pid)
        time.sleep(plan.window)
        elapsed = time.monotonic() - began
        used = cpu_seconds(service.pid) - own
        others = busy_seconds() - busy - used - (cpu_seconds(load.pid) - client)
        service.check()
        run.kilobytes_per_call = (resident_kilobytes(service.pid) - run.idle_kilobytes) / plan.calls
        run.report = load.report(plan.seconds + 15)
        time.sleep(0.3)  # the last packets before BYE, which comes by another socket
        run.calls_cut = calls.end()
        service.wait_until_quiet(30)
        service.stop()
    finally:
        calls.close()
    run.packets_sent = run.report["sent"]
    # What was really sent a second, which at the limit of the load's core is less than planned.
    rate = run.packets_sent / run.report["seconds"]
    run.microseconds = used / (rate * elapsed) * 1e6
    run.utilisation = used / elapsed
    run.disturbance = max(0.0, others / elapsed)
    run.totals = service.leg_totals()
    shutil.rmtree(folder, ignore_errors=True)
    beside = f", floor {run.floor:.2f}" if run.floor else ""
    other = max(run.disturbance, run.floor_disturbance)
    late = run.report["pacingLateMs"]
    bench.say(
        plan.name,
        f"run {number}: {run.microseconds:.2f} µs a packet{beside}; {run.utilisation:.2f} of a core at {rate:.0f} packets/s; "
        f"{run.kilobytes_per_call:.1f} kB a call; {run.packets_sent} sent, {run.lost} lost; load late by p99 {late['p99']} ms; "
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
