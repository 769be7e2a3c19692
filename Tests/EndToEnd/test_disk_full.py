"""A full disk: calls stay up, the loss is counted, recording resumes when there is space."""

import os
import subprocess
import time

import pytest

from evidence import probe
from peer import bodies, g711, matroska
from peer.recorded_call import RecordedCall
from peer.rtp import difference
from peer.server import EarshotServer


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB; unmounted at the end."""
    where = tmp_path / "disk"
    where.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(where)], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"mounting a small tmpfs is not permitted here: {mounted.stderr.strip()}")
    yield where
    if subprocess.run(["umount", str(where)], check=False).returncode != 0:
        subprocess.run(["umount", "-l", str(where)], check=True)


def free_space(disk):
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def fill(disk, leave):
    """A file that leaves only so many octets free."""
    ballast = disk / "ballast"
    with open(ballast, "wb") as file:
        file.write(b"\0" * max(0, free_space(disk) - leave))
    return ballast


def grow_until_full(ballast):
    """Takes the last free pages."""
    try:
        with open(ballast, "ab", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
    except OSError:
        pass


def test_a_full_disk_costs_audio_but_no_call_and_recording_resumes(small_disk, tmp_path):
    server = EarshotServer(tmp_path / "server", data=small_disk / "data").start()
    try:
        with RecordedCall(server, seed=700) as call:
            call.invite()
            paths = None
            codes = [g711.noise(701, 7.0), g711.noise(702, 7.0)]
            speaker = call.speak(codes, wait=False)
            paths = call.files()
            time.sleep(0.7)
            ballast = fill(small_disk, 40_000)
            deadline = time.monotonic() + 4
            while free_space(small_disk) > 4096:  # the recorder itself fills what is left
                assert time.monotonic() < deadline, "the recorder does not write"
                time.sleep(0.02)
            grow_until_full(ballast)
            full_since = time.monotonic()
            time.sleep(1.2)
            assert server.alive(), server.tail()
            assert call.dialog.request("OPTIONS").status == 200, "the call stays up"
            assert not call.endpoint.requests("BYE")
            size = [path.stat().st_size for path in paths]
            ballast.unlink()
            full_for = time.monotonic() - full_since
            deadline = time.monotonic() + 5
            while [path.stat().st_size for path in paths] <= size:
                assert time.monotonic() < deadline, f"recording does not resume\n{server.tail()}"
                time.sleep(0.05)
            speaker.finish()
            call.bye()
            assert len(call.ended()) == 2
            legs = sorted(call.record("SDR")[1]["Legs"], key=lambda leg: leg["MediaIndex"])
            for index, (path, leg) in enumerate(zip(paths, legs)):
                recording = matroska.read_recording(path)
                assert probe(path).code == 0
                beginning, end = g711.decode("u", codes[index][:4000]), g711.decode("u", codes[index][-8000:])
                assert difference(recording.pcm, beginning)[:2][1] == [] and difference(recording.pcm, beginning)[0] is not None
                offset, wrong, _ = difference(recording.pcm, end)
                assert offset is not None and not wrong, "the last second of the call is recorded"
                assert 0 < leg["WriterLostMilliseconds"] <= full_for * 1000 + 2000, leg["WriterLostMilliseconds"]
                assert leg["Lost"] == 0, "the network lost nothing"
            lengths = {len(matroska.read_recording(path).pcm) for path in paths}
            assert max(lengths) - min(lengths) <= 16000 * 2, f"the legs stay about as long as each other: {lengths}"
        server.stop()
    finally:
        server.destroy()


def test_a_disk_that_is_full_at_the_start_of_a_call_breaks_nothing(small_disk, tmp_path):
    server = EarshotServer(tmp_path / "server", data=small_disk / "data").start()
    try:
        ballast = fill(small_disk, 0)
        grow_until_full(ballast)
        with RecordedCall(server, seed=710) as call:
            response = call.dialog.invite(*bodies.recording_offer(call.offer(), bodies.metadata()))
            assert response.status in (200, 500, 503), response.start
            if response.status == 200:
                call.connect(response)
                call.speak([g711.noise(711, 0.5), g711.noise(712, 0.5)])
                ballast.unlink()
                call.bye()
                call.ended()
                assert call.record("CDR")[1]["CallId"]
        assert server.alive()
        ballast.unlink(missing_ok=True)
        with RecordedCall(server, seed=713) as call:
            call.invite()
            call.bye()
            call.ended()
        server.stop()
    finally:
        server.destroy()

