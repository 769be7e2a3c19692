"""Hours in small: steady calls with others that come and go, and memory that must not grow.

The second variant has calls besides whose legs send nothing but rubbish.
"""

import os
import shutil
import time

from media_load import MediaLoad
from processes import Load, Service, ServiceFailure, resident_kilobytes
from sip_calls import SIPCalls, statuses

CALLS = 100
RUBBISH_CALLS = 5
STRANGER = "+19995550100"
# The first part fills caches, pools and the stream table.
WARM_UP = 0.25


class SoakRun:
    """What one soak showed. Kilobytes and seconds."""

    def __init__(self):
        self.samples = []  # (seconds, resident kB, open files)
        self.lost = 0
        self.calls_cut = 0
        self.churned = 0
        self.rubbish = 0

    @property
    def steady(self):
        end = self.samples[-1][0]
        return [sample for sample in self.samples if sample[0] >= end * WARM_UP]

    @property
    def slope(self):
        """Least squares, kB a minute."""
        points = [(seconds / 60, kilobytes) for seconds, kilobytes, _ in self.steady]
        count = len(points)
        mean_x = sum(x for x, _ in points) / count
        mean_y = sum(y for _, y in points) / count
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0

    @property
    def growth(self):
        """What the slope adds over the steady part, as a part of the mean."""
        steady = self.steady
        minutes = (steady[-1][0] - steady[0][0]) / 60
        return self.slope * minutes / (sum(kilobytes for _, kilobytes, _ in steady) / len(steady))


def measure(bench, seconds, rubbish):
    """One soak of `seconds`; with `rubbish`, 5 % more calls whose legs send noise."""
    run = SoakRun()
    name = "soak-rubbish" if rubbish else "soak"
    folder = os.path.join(bench.folder, name)
    service = Service(bench.binary, folder, bench.processes, bench.cores)
    calls = SIPCalls(service)
    strangers = SIPCalls(service, user=STRANGER) if rubbish else None
    try:
        if statuses(calls.place(CALLS, 100)) != {200: CALLS}:
            raise ServiceFailure(f"{CALLS} calls were not all answered")
        load = MediaLoad(bench, calls, name, seconds)
        load.go()
        noise = None
        if strangers:
            strangers.place(RUBBISH_CALLS, 50)
            noise = MediaLoad(bench, strangers, name + "-noise", seconds, rubbish=100)
            noise.go()
        # Two short calls a second beside them.
        churn = Load(
            bench.binary, service, bench.processes, bench.cores, bench.voices, max(1, int((seconds - 12) * 2)), 2, 4.0)
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            service.check()
            run.samples.append((elapsed, resident_kilobytes(service.pid), service.open_files()))
            time.sleep(min(1.0, max(0.05, seconds - elapsed)))
        report = load.report(20)
        run.rubbish = noise.report(20)["rubbish"] if noise else 0
        churned = churn.report(30)
        run.churned = churned["calls"]
        run.calls_cut = calls.end() + (strangers.end() if strangers else 0)
        service.wait_until_quiet()
        service.stop()
    finally:
        calls.close()
        if strangers:
            strangers.close()
    true = None
    if rubbish:
        true = {record["TransactionId"] for record in service.records("SDR")} - service.transactions(STRANGER)
    run.lost = report["sent"] + churned["packetsSent"] - service.leg_totals(true)["Packets"]
    shutil.rmtree(folder, ignore_errors=True)
    first, last = run.steady[0], run.steady[-1]
    bench.say(
        name,
        f"{seconds:.0f} s: {first[1] / 1024:.1f} to {last[1] / 1024:.1f} MB, {run.slope:+.1f} kB a minute; "
        f"{first[2]} to {last[2]} descriptors; {run.churned} calls came and went, {run.lost} packets lost"
        + (f", {run.rubbish} packets of rubbish" if rubbish else ""))
    return run
