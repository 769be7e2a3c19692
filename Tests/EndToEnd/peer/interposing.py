"""Faults from within the service's process: its clock set, its death in the middle of a write.

`interposed.c` is compiled once a run and loaded before the C library; the service itself knows nothing of it.
"""

import functools
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("interposed.c")
BEFORE, HALF, AFTER = range(3)
ORDER = "<iiii240s"
_compiling = threading.Lock()


def library():
    """The compiled library; removed when Python ends."""
    with _compiling:
        return _compile()


@functools.lru_cache(maxsize=1)
def _compile():
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        assert not os.environ.get("CI"), "a C compiler is missing in CI"
        pytest.skip("skipped: no C compiler")
    folder = tempfile.TemporaryDirectory(prefix="earshot-interposed-")
    path = Path(folder.name) / "interposed.so"
    built = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", path, SOURCE, "-ldl"], capture_output=True,
                           text=True, timeout=60)
    assert built.returncode == 0, built.stderr
    return folder, path


class Interposed:
    """What is interposed in one server; `environment` is the server's."""

    def __init__(self, folder):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = self._map(folder / "clock", 8)
        self._order = self._map(folder / "order", struct.calcsize(ORDER))
        self.environment = {"LD_PRELOAD": str(library()[1]), "INTERPOSED_CLOCK": str(folder / "clock"),
                            "INTERPOSED_KILL": str(folder / "order")}

    @staticmethod
    def _map(path, size):
        path.write_bytes(bytes(size))
        with open(path, "r+b") as file:
            return mmap.mmap(file.fileno(), size)

    def set_clock(self, seconds):
        """The wall clock is so far off from now on; negative: set back."""
        self._clock[:] = struct.pack("<q", int(seconds * 1e9))

    @property
    def clock(self):
        """By how many seconds the wall clock is off."""
        return struct.unpack("<q", self._clock[:])[0] / 1e9

    def kill_at(self, pattern, count=1, when=HALF):
        """The process is to die at the `count`-th change of a file whose path matches the pattern."""
        self._order[:] = struct.pack(ORDER, 0, count, when, 0, pattern.encode())
        self._order[:4] = struct.pack("<i", 1)

    def disarm(self):
        self._order[:4] = bytes(4)

    @property
    def seen(self):
        """How many changes of such files there were since `kill_at`."""
        return struct.unpack(ORDER, self._order[:])[3]
