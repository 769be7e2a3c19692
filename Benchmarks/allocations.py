"""What a packet costs in allocations, locks and reference counts: `media-bench allocations`, for both back ends."""

import json
import os
import subprocess

from processes import ServiceFailure

KINDS = ("allocations", "frees", "retains", "releases", "locks", "futexes")


def measure(bench, packets):
    """The report of media-bench. Its exit code 1 (a packet costs something) is no failure here: the figure says it."""
    log = os.path.join(bench.folder, "media-bench-allocations.log")
    process = bench.processes.start(
        [bench.media_bench, "allocations", "--packets", str(packets)], bench.cores.service | bench.cores.others, log,
        stdout=subprocess.PIPE, text=True)
    try:
        output, _ = process.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        output = ""
    bench.processes.end(process)
    try:
        report = json.loads(output)
    except ValueError:
        with open(log, encoding="utf-8", errors="replace") as file:
            raise ServiceFailure(f"media-bench allocations gave no report: {file.read().strip()[-300:]}") from None
    for reason in report["skipped"]:
        bench.say("allocations", f"skipped: {reason}")
    return report


def add(bench, report):
    """The figures of a report: what packets cost, and what a hand-in of audio does."""
    paths = report["paths"]
    packets, hand_ins = (sum(path[part] for path in paths) for part in ("packets", "handIns"))
    costs = [path["packetCost"] for path in paths]
    back_ends = ", ".join(sorted({path["backEnd"] for path in paths}))
    bench.add(
        "allocations-per-packet", sum(costs) / max(1, packets), "events", costs,
        f"allocations, frees, retains, releases, locks and futex calls of the media workers for {packets} packets on "
        f"{len(paths)} paths ({back_ends}): recorded, relayed, forked, in clear and SRTP, with loss and disorder", most=0)
    for kind in KINDS:
        times = sum(path["counts"]["handIn"][kind] for path in paths)
        bench.add(
            f"hand-in-{kind}", times / max(1, hand_ins), "events", [], f"of one hand-in of audio to a leg's tap, every "
            f"230 ms; {hand_ins} hand-ins", **({"most": 0} if kind in ("allocations", "locks") else {}))
    bench.say("allocations", f"{sum(costs)} for {packets} packets on {len(paths)} paths, {back_ends}")
