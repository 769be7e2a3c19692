"""The instruments of this suite against outside references, so that a green run means something."""

import json
import struct
import subprocess
import sys
import warnings

import pytest

from peer import bodies, codecs, digest, g711, matroska, rtcp, sip, srtp, without_io_uring
from peer.rtp import difference
from peer.server import yaml

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import audioop


def ffmpeg(path, *options):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "pipe:0", "-c:a", "pcm_s16le",
                    *options, str(path)], input=PCM, check=True)


PCM = g711.decode("u", g711.noise(7, 2.5))


@pytest.mark.parametrize("law", ["u", "a"])
def test_g711_decodes_every_code_as_the_python_library_does(law):
    reference = audioop.ulaw2lin if law == "u" else audioop.alaw2lin
    assert g711.decode(law, bytes(range(256))) == reference(bytes(range(256)), 2)


@pytest.mark.parametrize("law", ["u", "a"])
def test_g711_decodes_the_itu_sweep(law, test_data):
    folder = test_data / "codec-vectors" / "itu-stl-g711"
    codes = (folder / f"sweep-r.{law}").read_bytes()[0::2]  # 16-bit little-endian words
    assert g711.decode(law, codes) == (folder / f"sweep-r.{law}-{law}").read_bytes()


@pytest.mark.parametrize("law", ["u", "a"])
def test_g711_encodes_to_the_nearest_level(law):
    pcm = struct.pack("<500h", *range(-32000, 32000, 128))
    decoded = struct.unpack("<500h", g711.decode(law, g711.encode(law, pcm)))
    for wanted, got in zip(range(-32000, 32000, 128), decoded):
        assert abs(wanted - got) <= max(8, abs(wanted) // 24 + 8)


def test_reader_takes_a_file_of_ffmpeg_apart_to_the_last_sample(tmp_path):
    path = tmp_path / "one.mkv"
    ffmpeg(path)
    top, cut = matroska.read_elements(path.read_bytes())
    assert cut is None and [element.name for element in top] == ["EBML", "Segment"]
    clusters = top[1].all("Cluster")
    payload = b"".join(block.value[4:] for cluster in clusters for block in cluster.all("SimpleBlock"))
    assert payload == PCM


def test_reader_takes_a_live_file_of_ffmpeg_with_unknown_sizes(tmp_path):
    path = tmp_path / "live.mkv"
    ffmpeg(path, "-live", "1", "-f", "matroska", "-cluster_time_limit", "500")
    recording = matroska.read_recording(path)
    assert recording.pcm == PCM and len(recording.fragments) >= 4
    assert matroska.audio_track(recording)["codec"] == "A_PCM/INT/LIT"
    assert matroska.audio_track(recording)["rate"] == 8000.0


def test_reader_says_where_a_cut_file_ends_only_when_that_is_allowed(tmp_path):
    path = tmp_path / "live.mkv"
    ffmpeg(path, "-live", "1", "-f", "matroska", "-cluster_time_limit", "500")
    data = path.read_bytes()
    for length in range(len(data) - 4000, len(data), 97):
        recording = matroska.read_recording(data[:length], partial=True)
        assert PCM.startswith(recording.pcm) and len(PCM) - len(recording.pcm) < 8000
    with pytest.raises(matroska.MatroskaError):
        matroska.read_recording(data[:-3])


def element(identifier, payload, size=None):
    size = (1 << 56) | len(payload) if size is None else size
    return bytes.fromhex(identifier) + size.to_bytes(8, "big") + payload


def small_file(tags=b"", block=b"\x81\0\0\x80\1\2", segment_tail=b""):
    track = element("AE", element("D7", b"\1") + element("83", b"\2") + element("86", b"A_PCM/INT/LIT"))
    cluster = element("1F43B675", element("E7", b"\0") + element("A3", block))
    inside = element("1654AE6B", track) + tags + cluster + segment_tail
    return element("1A45DFA3", element("4282", b"matroska")) + element("18538067", inside, (1 << 57) - 1)


def tag(name, value, swapped=False):
    pair = [element("45A3", name), element("4487", value)]
    return element("1254C367", element("7373", element("67C8", b"".join(reversed(pair) if swapped else pair))))


def test_reader_keeps_the_tags_before_the_cluster_apart_from_those_after_it():
    recording = matroska.read_recording(small_file(tag(b"CallId", b"abc"), segment_tail=tag(b"Late", b"x")))
    assert recording.fragments[0].tags == {"CallId": "abc"} and recording.trailing_tags == [{"Late": "x"}]
    assert recording.pcm == b"\1\2"


@pytest.mark.parametrize("fault, data", [
    ("lacing", small_file(block=b"\x81\0\0\x82\1\2")),
    ("key frame", small_file(block=b"\x81\0\0\x00\1\2")),
    ("one octet", small_file(block=b"\x40\1\0\0\x80\1\2")),
    ("TagName, TagString", small_file(tag(b"CallId", b"abc", swapped=True))),
    ("unknown element id", small_file(element("4DDD", b"x"))),
    ("past its parent", element("1A45DFA3", element("4282", b"x", (1 << 56) | 90)) + small_file()),
])
def test_reader_refuses_what_readers_of_the_streams_cannot_take(fault, data):
    with pytest.raises(matroska.MatroskaError, match=fault):
        matroska.read_recording(data)


def test_digest_answers_match_the_published_vectors(test_data):
    vectors = json.loads((test_data / "digest" / "digest-vectors.json").read_text())["credentials"]
    checked = 0
    for one in vectors:
        got = digest.response(one["username"], one["password"], one["realm"], one["nonce"], one["method"], one["uri"],
                              one.get("algorithm"), one.get("qop"), one.get("nc"), one.get("cnonce"), one.get("body", "").encode())
        assert got == one["response"], one["src"]
        checked += 1
    assert checked >= 10


def test_multipart_bodies_are_read_by_the_python_mail_parser():
    import email

    kind, body = bodies.multipart([(bodies.SDP, None, bodies.offer([4000, 4002])),
                                   (bodies.METADATA, "recording-session", bodies.metadata())])
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    parts = message.get_payload()
    assert [part.get_content_type() for part in parts] == [bodies.SDP, bodies.METADATA]
    assert [media.port for media in sip.parse_sdp(bodies.offer([4000, 4002]))] == [4000, 4002]


def test_metadata_documents_are_well_formed_and_name_each_label():
    import xml.etree.ElementTree as tree

    for options in ({}, {"labels": ("1", "2", "3"), "senders": [0, 1, 2]}, {"mode": "partial", "labels": (), "people": [2]}):
        root = tree.fromstring(bodies.metadata(**options))
        assert root.tag == "{urn:ietf:params:xml:ns:recording:1}recording"


def test_stream_splitter_finds_messages_in_single_octets_and_in_one_piece():
    one = sip.compose("SIP/2.0 200 OK", [("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("CSeq", "1 BYE")], b"abc")
    octet_by_octet = sip.StreamSplitter()
    found = [message for octet in one + one for message in octet_by_octet.feed(bytes([octet]))]
    assert found == [one, one] == sip.StreamSplitter().feed(b"\r\n\r\n" + one + one)


@pytest.mark.parametrize("fault", [b"SIP/2.0 200 OK\nVia: x\n\n", b"SIP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nabc",
                                   b"SIP/2.0 20 OK\r\nContent-Length: 0\r\n\r\n", b"SIP/2.0 200 OK\r\nno colon\r\n\r\n"])
def test_message_parser_refuses_what_no_server_may_send(fault):
    with pytest.raises(sip.SIPFault):
        sip.parse(fault)


def test_difference_reports_shift_loss_and_absence():
    sent = g711.decode("u", g711.noise(1, 1))
    assert difference(b"\0" * 640 + sent + b"\0" * 99, sent)[:2] == (640, [])
    broken = bytearray(sent)
    broken[320 * 3] ^= 1
    assert difference(bytes(broken), sent)[:2] == (0, [3])
    assert difference(b"\0" * 32000, sent)[0] is None


def test_configuration_text_is_yaml():
    text = yaml({"a": {"b": 1, "c": "x: y", "d": [], "e": True}, "f": [{"g": "1", "h": ["x/32", "y"]}, {"i": {"j": "0s"}}]})
    assert text == ('a:\n  b: 1\n  c: "x: y"\n  d: []\n  e: true\nf:\n  - g: "1"\n    h:\n      - x/32\n      - y\n'
                    '  - i:\n      j: 0s\n')


# ---- SRTP, RTCP and other codecs


def test_session_keys_are_those_of_rfc_3711():
    keys = srtp.Keys(
        "AES_CM_128_HMAC_SHA1_80", bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6"))  # appendix B.3
    assert keys.cipher.hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert keys.session_salt.hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert keys.auth.hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"
    assert srtp.Keys.of_line(keys.line(5))[1].key == keys.key


def test_srtp_packets_are_those_of_the_reference_implementation(test_data):
    checked = 0
    for vector in json.loads((test_data / "srtp" / "vectors.json").read_text())["vectors"]:
        name = vector.get("profile", "").split(" ")[0]
        if name not in srtp.SUITES or "rtp" not in vector or "extensions" in vector["name"]:
            continue
        parts = [bytes.fromhex(vector.get(part, "")) for part in ("master_key", "master_salt", "mki")]
        session = srtp.Session(srtp.Keys(name, *parts))
        assert session.protect(bytes.fromhex(vector["rtp"])).hex() == vector["srtp"], vector["name"]
        checked += 1
        if "srtcp" in vector:
            report = bytes.fromhex(vector["rtcp"])
            assert session.protect_control(report, 1).hex() == vector["srtcp"], vector["name"]
            assert session.unprotect_control(bytes.fromhex(vector["srtcp"])) == report
            broken = bytearray.fromhex(vector["srtcp"])
            broken[9] ^= 1
            with pytest.raises(srtp.SRTPFault):
                session.unprotect_control(bytes(broken))
    assert checked >= 5


def test_the_roll_over_counter_of_the_instrument_goes_on_at_a_wrap():
    session = srtp.Session(srtp.Keys("AES_CM_128_HMAC_SHA1_80"))
    for number in (65_534, 65_535, 0, 1, 65_533):
        session.protect(b"\x80\0" + number.to_bytes(2, "big") + bytes(8) + b"x")
    assert session.indexes[0] == 1 << 16 | 1


def test_compounds_are_written_as_they_are_read():
    report = rtcp.read(rtcp.sender_report(5, 1_000_000.5, 160, 2, 320, rtcp.block(9, 3, 4, 5, 6, 7, 8)))
    assert (report.ssrc, report.blocks, report.types) == (5, {9: (3, 4, 5, 6, 7, 8)}, [200, 202])
    assert rtcp.read(rtcp.goodbye(5)).goodbye and rtcp.read(rtcp.voip_metrics(5, 6)).types == [201, 202, 207]
    with pytest.raises(AssertionError):
        rtcp.read(rtcp.goodbye(5)[:-4])


def test_coded_audio_is_what_was_spoken():
    pcm = codecs.speech(1, 1.0, 16000)
    coded = codecs.g722_packets(pcm)
    assert len(coded) == 50 and {len(one) for one in coded} == {160}
    wanted = codecs.envelope(pcm, 16000)[:45]
    offset, fit = codecs.best_offset([0.0] * 3 + codecs.envelope(codecs.decode_g722(coded), 16000), wanted)
    assert offset == 3 and fit > 0.99
    assert 49 <= len(codecs.opus_packets(pcm)) <= 52


def test_the_sandbox_refuses_io_uring_only(tmp_path):
    asks = tmp_path / "asks.py"
    asks.write_text(
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.syscall(425, 8, ctypes.create_string_buffer(200)), os.strerror(ctypes.get_errno()))\n")
    said = subprocess.run([sys.executable, without_io_uring.__file__, sys.executable, str(asks)], capture_output=True, text=True,
                          timeout=20, check=True)
    assert said.stdout.strip() == "-1 Operation not permitted"
