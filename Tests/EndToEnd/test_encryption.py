"""Encrypted recordings of a running service: what lies on the disk, what readers get, a crash, and a change of the master key."""

import json
import re
import subprocess
import time

import pytest

import stored
from kinesis import KinesisServer, LiveCall, Reader, need, need_http, read_now, recorded_call
from peer import media_body
from peer.rtp import assert_heard

need_http()
need("boto3")

EARLIEST = {"StartSelectorType": "EARLIEST"}


def new_key(server_or_binary, name):
    made = server_or_binary.run("storage-keys", "new", "--id", name)
    assert made.returncode == 0, made.stderr
    (line,) = made.stdout.split()
    assert line.startswith(f"{name}:")
    return line


def write_keys(path, *lines, mode=0o600):
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(mode)


@pytest.fixture
def node(tmp_path):
    keys = tmp_path / "master.keys"
    made = KinesisServer(tmp_path / "node", streams={"encryption": {"keyFile": str(keys)}})
    made.keys = keys
    made.lines_of_keys = [new_key(made, "k1")]
    write_keys(keys, *made.lines_of_keys)
    made.start()
    yield made
    made.destroy()


def heard(chunks, leg, what):
    assert_heard(b"".join(chunk.pcm for chunk in chunks), leg.expected_pcm, what)


def verify(node, *arguments):
    return stored.verify(node, *arguments)


def exported(node, call, tmp_path, *arguments):
    out = tmp_path / f"export-{time.monotonic_ns()}"
    out.mkdir()
    transaction = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", str(call.files()[0].name)).group(0)
    made = node.run("export", "--transaction", transaction, "--data", node.data, "--output", out, *arguments)
    return made, sorted(out.iterdir())


def test_a_call_is_read_live_and_afterwards_and_nothing_of_it_lies_in_the_clear(node, tmp_path):
    with LiveCall(node, seconds=6) as live:
        readers = [Reader(node, stream).begin() for stream in live.streams]
        time.sleep(4)
        assert all(len(reader.data) > 20_000 for reader in readers), "audio comes while it is spoken"
        live.end()
        for reader in readers:
            chunks = reader.finish()
            media_body.check_live_body(chunks)
        for stream, leg in zip(live.streams, live.legs):
            heard(read_now(node, stream, EARLIEST), leg, stream)
            numbers = [row["FragmentNumber"] for row in stored.fragments(node, stream)]
            audio = stored.audio(node, stream, numbers)
            assert_heard(b"".join(audio[number] for number in numbers), leg.expected_pcm, f"fragments of {stream}")
        for path, leg in zip(live.call.files(), live.legs):
            content = path.read_bytes()
            assert content[:4] != b"\x1aE\xdf\xa3" and b"AWS_KINESISVIDEO" not in content and b"TransactionId" not in content
            pcm = leg.expected_pcm
            assert all(pcm[at:at + 32] not in content for at in range(0, len(pcm) - 32, 3200)), "audio in the clear"
            assert subprocess.run(["ffprobe", "-v", "error", path], capture_output=True, timeout=20).returncode != 0
    call = live.call
    checked = verify(node, "--key-file", node.keys)
    assert checked.code == 0 and checked.summary["clean"] and checked.summary["fragments"] > 0, checked.bad
    made, files = exported(node, call, tmp_path, "--key-file", node.keys)
    assert made.returncode == 0 and len(files) == 2, made.stderr
    made, files = exported(node, call, tmp_path)
    assert made.returncode != 0 and not files and "key" in made.stderr, made.stderr
    assert node.lines_of_keys[0].split(":")[1] not in node.log.read_text() + made.stderr


def test_without_its_key_verify_says_which_one_is_missing(node):
    recorded_call(node, seconds=1.2)
    node.stop()
    made = node.run("verify", "--data", node.data, "--json")
    assert made.returncode != 0 and "k1" in made.stdout + made.stderr, made.stdout + made.stderr
    other = node.folder / "other.keys"
    write_keys(other, new_key(node, "k9"))
    made = node.run("verify", "--data", node.data, "--json", "--key-file", other)
    assert made.returncode != 0 and "k1" in made.stdout + made.stderr, made.stdout + made.stderr


def test_a_kill_in_a_call_leaves_what_was_written(node):
    with LiveCall(node, seconds=5, seed=130) as live:
        time.sleep(3.5)
        node.kill()
        live._hush()
        live.over = True
        node.start()
        checked = verify(node, "--key-file", node.keys)
        assert checked.code == 0 and checked.summary["clean"], checked.bad
        for stream, leg in zip(live.streams, live.legs):
            pcm = b"".join(chunk.pcm for chunk in read_now(node, stream, EARLIEST))
            assert len(pcm) >= 16_000 * 2.7, f"{len(pcm) / 16:.0f} ms of 3.5 s"
            offset = leg.expected_pcm.find(pcm[8000:12_000])
            assert offset >= 0, "what is left is what was said"


def test_the_master_key_is_changed_while_calls_go_on(node):
    before = recorded_call(node, seconds=1.2, seed=140)
    node.stop()
    node.lines_of_keys.insert(0, new_key(node, "k2"))
    write_keys(node.keys, *node.lines_of_keys)
    node.start()
    with LiveCall(node, seconds=4, seed=141) as live:
        time.sleep(0.8)
        made = node.run("storage-keys", "rewrap", "--key-file", node.keys, "--data", node.data)
        assert made.returncode == 0, made.stdout + made.stderr
        # Once more, with nothing to do.
        assert node.run("storage-keys", "rewrap", "--key-file", node.keys, "--data", node.data).returncode == 0
        time.sleep(1)
        live.end()
        for stream, leg in zip(live.streams, live.legs):
            heard(read_now(node, stream, EARLIEST)[-len(stored.fragments(node, stream)):], leg, stream)
    node.stop()
    write_keys(node.keys, node.lines_of_keys[0])
    node.start()
    checked = verify(node, "--key-file", node.keys)
    assert checked.code == 0 and checked.summary["clean"], checked.bad
    for stream, leg in zip(before.streams, before.legs):
        heard(read_now(node, stream, EARLIEST), leg, "the recording from before the change")


def test_a_configuration_without_a_usable_key_does_not_start(tmp_path):
    node = KinesisServer(tmp_path / "node", streams={"encryption": {"keyFile": str(tmp_path / "keys")}})
    line = new_key(node, "k1")

    def refusal():
        made = node.run("serve", "--config", node.file, "--data", node.data, timeout=20)
        assert made.returncode != 0, made.stdout
        return made.stderr

    assert "keys" in refusal(), "no such file"
    write_keys(tmp_path / "keys", line, mode=0o644)
    assert "600" in refusal(), "a file that others can read"
    write_keys(tmp_path / "keys", "k1:short")
    said = refusal()
    assert "line 1" in said and "short" not in said
    write_keys(tmp_path / "keys")
    refusal()
    write_keys(tmp_path / "keys", line)
    node.start()
    node.stop()


def test_the_keys_may_come_from_a_variable(tmp_path):
    node = KinesisServer(tmp_path / "node", streams={"encryption": {"keyVariable": "STORAGE_KEYS"}})
    line = new_key(node, "v1")
    node.environment["STORAGE_KEYS"] = line
    node.start()
    call = recorded_call(node, seconds=1.2, seed=150)
    heard(read_now(node, call.streams[0], EARLIEST), call.legs[0], "a call")
    assert call.files()[0].read_bytes()[:4] != b"\x1aE\xdf\xa3"
    made = node.run("verify", "--data", node.data, "--json", "--key-variable", "STORAGE_KEYS", environment={"STORAGE_KEYS": line})
    assert made.returncode == 0 and json.loads(made.stdout.splitlines()[-1])["clean"], made.stdout
    node.stop()
