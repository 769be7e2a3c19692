"""Bad input of each kind, and what its author reads: configuration, SDP, XML, RTP, WAV, files, ports."""

import json
import os
import re
import socket
import wave

import pytest

from peer import bodies, g711, records
from peer.endpoint import Dialog, Endpoint
from peer.recorded_call import RecordedCall
from peer.server import PACKAGE, configuration, yaml

NO_STACK_TRACE = re.compile(r"Fatal error|Swift/|Thread \d+ crashed|libswift|0x[0-9a-f]{8}")


def refused(server, environment=None, *more):
    """Runs `serve`, asserts that it ends with a code that says so, and gives what it wrote."""
    done = server.run("serve", "--config", server.file, "--data", server.data, *more, timeout=15, environment=environment)
    said = done.stdout + done.stderr
    assert done.returncode not in (0, None) and done.returncode > 0, f"code {done.returncode}: {said}"
    assert "ready " not in done.stdout
    assert not NO_STACK_TRACE.search(said), f"a crash instead of a message:\n{said[-1500:]}"
    return said


def line_of(text, start):
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.strip().startswith(start))


# ---- configuration


def test_several_configuration_errors_are_named_at_once_each_with_key_and_line(new_server):
    text = yaml(configuration())
    text = text.replace("  udp: 0", "  udp: 70000").replace("  backend: auto", "  backend: magic").replace("  tls: 0", "  tsl: 5061")
    server = new_server(start=False, text=text)
    said = refused(server)
    for key, start in (("sip.udp", "udp:"), ("media.backend", "backend:"), ("sip.tsl", "tsl:")):
        line = line_of(text, start)
        assert re.search(rf"earshot\.yaml:{line}\b.*{re.escape(key)}", said), f"{key} of line {line} is not named in\n{said}"
    assert re.search(r"tsl.*\btls\b", said), "the key that was meant is suggested"
    assert "70000" in said and "magic" in said


@pytest.mark.parametrize("change, words", [
    (("drain: 3s", "drain: soon"), ["shutdown.drain", "soon"]),
    (("cidrAllowedList:\n", "cidrAllowedList:\n        - 10.0.0.0/99\n"), ["cidrAllowedList", "10.0.0.0/99"]),
    (("id: endtoend00000000000001", "id: Short"), ["connectors[0].id", "22"]),
    (("name: front desk", "nmae: front desk"), ["nmae", "name"]),
    (("accountId: \"111122223333\"", "accountId: 12"), ["node.accountId", "12"]),
], ids=["a duration", "a network", "a connector id", "a misspelt key in a list", "an account"])
def test_a_configuration_error_names_the_key_the_value_and_the_line(change, words, new_server):
    text = yaml(configuration())
    assert change[0] in text
    server = new_server(start=False, text=text.replace(*change))
    said = refused(server)
    assert all(word in said for word in words), f"{words} in\n{said}"
    assert re.search(r"earshot\.yaml:\d+", said)


def test_text_that_is_no_yaml_is_named_with_its_line(new_server):
    server = new_server(start=False, text="node:\n  region: us-east-1\nsip: [udp: 5060\nmedia: {}\n")
    assert re.search(r"earshot\.yaml.*\b[2345]\b", refused(server))


def test_a_missing_configuration_file_is_named(new_server):
    server = new_server(start=False)
    server.file.unlink()
    assert "earshot.yaml" in refused(server)


def test_a_bad_environment_override_is_named_by_its_variable(new_server):
    said = refused(new_server(start=False), {"EARSHOT_SIP_UDP": "seventy"})
    assert "EARSHOT_SIP_UDP" in said and "seventy" in said


def test_an_environment_override_is_used(new_server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = new_server(environment={"EARSHOT_SIP_UDP": str(port)})
    assert server.udp == ("127.0.0.1", port)


def test_passwords_are_in_no_message_and_no_log(new_server):
    from peer.server import connector

    secret = "correct-horse-battery"
    settings = configuration(connectors=[connector(credentials=[("sbc", secret)])], logging={"level": "debug"})
    server = new_server(start=False, text=yaml(settings).replace("udp: 0", "udp: x"))
    assert secret not in refused(server)
    good = new_server(start=False, text=yaml(settings)).start()
    with RecordedCall(good, seed=950) as call:
        call.invite(credentials=("sbc", secret))
        call.bye()
        call.ended()
    assert secret not in good.log.read_text()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_port_in_use_is_named_with_how_to_mend_it(transport, new_server):
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if transport == "tcp":
            taken.listen()
        port = taken.getsockname()[1]
        said = refused(new_server(start=False, sip={transport: port}))
    assert str(port) in said and re.search(r"in use|already", said, re.I)
    assert f"sip.{transport}" in said or re.search(r"another|choose|stop|free", said, re.I), f"how to mend it? {said}"


def test_a_data_folder_that_cannot_be_written_is_named(new_server, tmp_path):
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    server = new_server(start=False, data=blocked / "data")
    assert "a-file" in refused(server)


# ---- SIP bodies


@pytest.mark.parametrize("name, description", [
    ("no session description", b"hello"),
    ("no media", b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"),
    ("a port out of range", bodies.offer([4000]).replace(b"4000", b"99999")),
    ("video only", bodies.offer([4000]).replace(b"m=audio", b"m=video")),
], ids=["no session description", "no media", "a port out of range", "video only"])
def test_a_session_description_that_cannot_be_used_gets_488_or_400_with_a_reason(name, description, server):
    with Endpoint(server.udp) as client:
        response = Dialog(client, server.uri()).invite([("Require", "siprec"), ("Content-Type", bodies.SDP)], description)
    assert response.status in (400, 488), response.start
    said = response.reason + " " + " ".join(response.all("warning"))
    assert len(said.split()) >= 3, f"a reason that a person can use, not {said!r}"


def test_metadata_that_cannot_be_read_is_recorded_kept_and_flagged(server):
    document = b'<recording xmlns="urn:ietf:params:xml:ns:recording:1"><participant></recording>'
    with RecordedCall(server, seed=951) as call:
        call.invite(document)
        for event in call.started():
            assert event["detail"]["metadataStatus"] == "unreadable"
            assert event["detail"]["siprecMetadata"] == document.decode()
        call.speak([g711.noise(1, 0.3), g711.noise(2, 0.3)])
        call.bye()
        call.ended()
        assert call.record("CDR")[1]["Status"] == "Completed"
        assert call.transaction in "\n".join(line for line in server.log.read_text().splitlines() if "metadata" in line.lower())


def test_rtp_rubbish_leaves_the_call_and_its_counters_right(server):
    with RecordedCall(server, seed=952) as call:
        call.invite()
        for number in range(200):
            call.legs[0].send_raw(os.urandom(1 + number * 7 % 1400))
        call.speak([g711.noise(3, 0.4), g711.noise(4, 0.4)])
        call.bye()
        call.ended()
        legs = sorted(call.record("SDR")[1]["Legs"], key=lambda leg: leg["MediaIndex"])
        assert legs[1]["Packets"] == 20 and legs[1]["Lost"] == 0
        assert legs[0]["Packets"] >= 1, "one of 256 rubbish packets looks like RTP; the call goes on all the same"


# ---- files given to commands


def wav(path, rate=8000, channels=1, width=2, frames=8000):
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(b"\0" * frames * channels * width)
    return path


def failed(done, *words):
    said = done.stdout + done.stderr
    assert done.returncode > 0, f"code {done.returncode}: {said}"
    assert not NO_STACK_TRACE.search(said), said
    assert all(word.lower() in said.lower() for word in words), f"{words} in\n{said}"
    return said


@pytest.mark.parametrize("name", ["missing", "not a WAV", "cut off", "empty", "24 bit"])
def test_a_wav_that_cannot_be_used_is_named_with_its_fault(name, server, tmp_path):
    path = tmp_path / "speech.wav"
    if name == "not a WAV":
        path.write_bytes(b"ID3\4" + os.urandom(500))
    elif name == "cut off":
        path.write_bytes(wav(path).read_bytes()[:30])
    elif name == "empty":
        path.write_bytes(b"")
    elif name == "24 bit":
        wav(path, width=3)
    good = wav(tmp_path / "good.wav")
    done = server.run("call", "--to", server.uri(host="127.0.0.1"), "--caller", path, "--callee", good, "--seconds", "1")
    failed(done, "speech.wav")


def test_a_call_to_where_nobody_answers_fails_with_the_address(server, tmp_path):
    speech = wav(tmp_path / "a.wav")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = server.run("call", "--to", f"sip:x@127.0.0.1:{port};transport=tcp", "--caller", speech, "--callee", speech)
    failed(done, str(port))


@pytest.mark.parametrize("content", [b"", b"this is not Matroska", b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\xff"],
                         ids=["empty", "text", "cut off in its header"])
def test_a_stream_file_that_cannot_be_read_is_named_by_tail(content, new_server):
    server = new_server()
    with RecordedCall(server, seed=953) as call:
        call.invite()
        call.speak([g711.noise(5, 0.2), g711.noise(6, 0.2)])
        call.bye()
        call.ended()
        name, path = records.stream_name(call.started()[0]), call.files()[0]
    server.stop()
    path.write_bytes(content)
    done = server.run("tail", name, "--data", server.data, "--wav", server.folder / "x.wav")
    failed(done, path.name)


def test_a_stream_that_does_not_exist_is_named_by_tail(server):
    failed(server.run("tail", "ChimeVoiceConnector-nosuch", "--data", server.data), "ChimeVoiceConnector-nosuch")


def test_an_unknown_option_is_answered_with_usage(server):
    failed(server.run("serve", "--confgi", "x"), "confgi")


# ---- the client and the doctor, when their input is good


@pytest.mark.parametrize("dialect", ["rfc", "oracle", "cisco", "audiocodes", "sonus", "broadworks", "avaya", "none"])
def test_the_client_places_a_call_in_each_dialect(dialect, new_server):
    server = new_server()
    done = server.run("call", "--to", server.uri(), "--caller", PACKAGE / "fixtures" / "caller.wav", "--callee",
                      PACKAGE / "fixtures" / "callee.wav", "--dialect", dialect, "--seconds", "1", "--json")
    if done.returncode != 0:  # the connector's host name has no DNS entry: by address then
        done = server.run("call", "--to", server.uri(host="127.0.0.1"), "--caller", PACKAGE / "fixtures" / "caller.wav", "--callee",
                          PACKAGE / "fixtures" / "callee.wav", "--dialect", dialect, "--seconds", "1", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.strip().splitlines()[-1]) or json.loads(done.stdout)
    ended = records.wait_for_events(server, "ENDED", count=2 if dialect != "none" else 1)
    assert len({event["detail"]["transactionId"] for event in ended}) == 1


def test_the_doctor_says_what_it_looked_at(new_server):
    server = new_server(start=False)
    done = server.run("doctor", "--config", server.file)
    said = (done.stdout + done.stderr).lower()
    assert done.returncode == 0, said
    for word in ("port", "certificate", "space"):
        assert word in said, said


def test_the_doctor_names_a_port_in_use_and_how_to_mend_it(new_server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        server = new_server(start=False, sip={"udp": port})
        done = server.run("doctor", "--config", server.file)
    assert done.returncode != 0 and str(port) in done.stdout + done.stderr
