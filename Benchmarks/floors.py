"""The floors of ../shared/perf: what the kernel takes for a packet, whatever is done with it."""

import os
import re
import subprocess
import time

from processes import busy_seconds, children_seconds


class Floors:
    """`receive_floor`, compiled into the folder of the run. Without its source there are no floors, and it says so."""

    def __init__(self, root, folder, say):
        self._program = None
        self.reason = None
        source = os.path.join(os.path.dirname(root), "shared", "perf", "receive_floor.c")
        if not os.path.exists(source):
            self.reason = "no ../shared/perf: floors are not measured"
            return
        program = os.path.join(folder, "receive_floor")
        try:
            built = subprocess.run(
                ["cc", "-O2", "-w", source, "-o", program, "-luring"], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.reason = f"receive_floor.c was not compiled ({error}): floors are not measured"
            return
        if built.returncode != 0:
            text = built.stderr.strip().splitlines()
            self.reason = f"receive_floor.c was not compiled ({text[0] if text else 'cc failed'}): no floors"
            return
        self._program = program
        self._say = say

    def receive(self, processes, cores, sockets, rate):
        """CPU µs a received datagram over `sockets` sockets with epoll at `rate` packets a second (None without the
        program), and how many cores' worth of other programs ran meanwhile."""
        if self._program is None:
            return None, 0.0
        log = self._program + ".log"
        # It pins itself: the receiver to core 0, its sender to core 1.
        began, busy, children = time.monotonic(), busy_seconds(), children_seconds()
        process = processes.start(
            [self._program, "epoll", str(sockets), str(rate)], cores.service | cores.others, log,
            stdout=subprocess.PIPE, text=True)
        try:
            output, _ = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            output = ""
        processes.end(process)
        others = max(0.0, busy_seconds() - busy - (children_seconds() - children)) / (time.monotonic() - began)
        found = re.search(r"got (\d+) .* ([0-9.]+) ns/pkt", output)
        if not found or int(found.group(1)) == 0:
            with open(log, encoding="utf-8", errors="replace") as file:
                text = file.read().strip()[-120:]
            self._say("floor", f"receive_floor epoll {sockets} gave no figure ({text or 'no output'}); are its ports free?")
            return None, others
        return float(found.group(2)) / 1000, others
