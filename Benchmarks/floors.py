"""The floors of ../shared/perf: what the kernel takes for a packet, whatever is done with it."""

import os
import re
import subprocess
import time

from processes import busy_seconds, children_seconds


class Floors:
    """The programs of ../shared/perf, compiled into the folder of the run. Without their source there are no floors, and
    it says so."""

    def __init__(self, root, folder, say):
        self._sources = os.path.join(os.path.dirname(root), "shared", "perf")
        self._folder = folder
        self._say = say
        self._programs = {}
        self.reason = None
        if not os.path.isdir(self._sources):
            self.reason = "no ../shared/perf: floors are not measured"

    def program(self, name, libraries=("-luring",)):
        """The path of a compiled program; None, and said once, where it cannot be had."""
        if name not in self._programs:
            self._programs[name] = self._compile(name, libraries)
        return self._programs[name]

    def _compile(self, name, libraries):
        if self.reason:
            return None
        program = os.path.join(self._folder, name)
        try:
            built = subprocess.run(
                ["cc", "-O2", "-w", os.path.join(self._sources, name + ".c"), "-o", program, *libraries],
                capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            self._say("floor", f"{name}.c was not compiled ({error}): skipped")
            return None
        if built.returncode != 0:
            text = built.stderr.strip().splitlines()
            self._say("floor", f"{name}.c was not compiled ({text[0] if text else 'cc failed'}): skipped")
            return None
        return program

    def receive(self, processes, cores, sockets, rate, mode="epoll"):
        """CPU µs a received datagram over `sockets` sockets at `rate` packets a second (None without the program), and
        how many cores' worth of other programs ran meanwhile. `mode` is receive_floor's: epoll, uringbatch."""
        if (program := self.program("receive_floor")) is None:
            return None, 0.0
        log = program + ".log"
        # It pins itself: the receiver to core 0, its sender to core 1.
        began, busy, children = time.monotonic(), busy_seconds(), children_seconds()
        process = processes.start(
            [program, mode, str(sockets), str(rate)], cores.service | cores.others, log,
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
            self._say("floor", f"receive_floor {mode} {sockets} gave no figure ({text or 'no output'}); are its ports free?")
            return None, others
        return float(found.group(2)) / 1000, others
