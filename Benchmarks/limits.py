"""At and beyond the limit: 80 % of a core without loss, 120 % with what suffers, and 503 before that."""

import os
import shutil

import recording
from media_load import MediaLoad
from processes import Service
from sip_calls import SIPCalls, statuses

# What one core can send, and the ports there are.
MOST_LEGS = 6000


def at_utilisation(bench, share, microseconds, seconds, back_end="io_uring", secure=False):
    """A run with as many legs as take `share` of a core; corrected once where the first try is far off."""
    run = None
    for attempt in (1, 2, 3):
        legs = min(MOST_LEGS, int(share / (microseconds * 1e-6 * 50)) // 2 * 2)
        plan = recording.RecordPlan(
            f"share-{share:g}", legs, runs=1, window=seconds, back_end=back_end, secure=secure, has_floor=False)
        run = recording.measure(bench, plan, attempt)
        run.legs = legs
        reached = run.utilisation if share < 1 else run.microseconds * legs * 50e-6
        if legs == MOST_LEGS or abs(reached - share) <= 0.05 or share > 1:
            break
        microseconds = run.microseconds
    return run


def counters(totals):
    """What the service's own counters say, those that are not zero."""
    names = {"Lost": "lost on the way", "KernelDrops": "dropped by full sockets", "Late": "late", "WriterLostMilliseconds": "ms not written"}
    found = [f"{name} {totals[name]} ({text})" for name, text in names.items() if totals[name]]
    return ", ".join(found) or "none"


def full(bench, most=50, more=10):
    """`media.maxCalls` calls are up and speak; more are answered 503, and those that are up lose nothing.

    Returns {status: calls}, packets lost, calls cut.
    """
    folder = os.path.join(bench.folder, "full")
    service = Service(bench.binary, folder, bench.processes, bench.cores, maxCalls=most)
    calls = SIPCalls(service)
    try:
        first = calls.place(most, 200)
        load = MediaLoad(bench, calls, "full", 4.0)
        load.go()
        refused = calls.place(more, 50)
        report = load.report(20)
        cut = calls.end()
        service.wait_until_quiet()
        service.stop()
    finally:
        calls.close()
    lost = report["sent"] - service.leg_totals()["Packets"]
    shutil.rmtree(folder, ignore_errors=True)
    return statuses(first), statuses(refused), lost, cut
