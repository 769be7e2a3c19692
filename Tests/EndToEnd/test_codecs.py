"""G.722, Opus, codecs nobody knows, and the stream formats that a connector can choose.

Audio is made and judged by ffmpeg. Opus gives no samples back, so there loudness over time is compared.
"""

import json
import time

import pytest

from peer import codecs, g711, matroska, records
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.server import EarshotServer, configuration, connector
from secure_call import finish, frames, paced, say

pytestmark = pytest.mark.engine
G722 = ("9", ["rtpmap:9 G722/8000"])
OPUS = ("111", ["rtpmap:111 opus/48000/2", "fmtp:111 useinbandfec=1"])
ILBC = ("97", ["rtpmap:97 iLBC/8000", "fmtp:97 mode=20"])
PCMU = ("0", ["rtpmap:0 PCMU/8000"])


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """servers(format): a server whose connector writes that stream format; started once each."""
    running = {}

    def get(name):
        if name not in running:
            settings = configuration(connectors=[connector(streaming={"format": name})])
            running[name] = EarshotServer(tmp_path_factory.mktemp(name), settings).start()
        return running[name]

    yield get
    for one in running.values():
        one.stop()


def send(call, packets, payload_type, ticks, index=0, skip=()):
    """Packets of 20 ms with so many ticks of the RTP clock each; those of `skip` are lost on the way."""
    leg = call.legs[index]

    def step(number):
        if number in skip:
            leg.sequence += 1
            leg.timestamp += ticks
        else:
            leg.send(packets[number], payload_type, samples=ticks, heard=False)

    paced([lambda number=number: step(number) for number in range(len(packets))])


def place(server, *codecs_, seed, **options):
    call = RecordedCall(server, legs=len(codecs_), seed=seed)
    call.invite(offer=call.offer(codecs=list(codecs_), **options))
    return call


def track(path):
    recording = matroska.read_recording(path)
    audio = recording.track.all("Audio")[0]
    return recording, recording.track.one("CodecID"), audio.one("SamplingFrequency")


# ---- decoded


def test_a_g722_call_is_recorded_at_16_khz_as_its_decoder_gives_it(servers):
    packets = codecs.g722_packets(codecs.speech(70, 2.0, 16000))
    with place(servers("pcm16"), G722, seed=70) as call:
        assert call.answer[0].formats == ["9"]
        send(call, packets, 9, 160)
        _, legs = finish(call)
        path = call.files()[0]
    recording, _, rate = track(path)
    assert rate == 16000
    assert_heard(recording.pcm, codecs.decode_g722(packets), "G.722")
    assert legs[0]["Lost"] == 0 and legs[0]["Packets"] == len(packets)


def test_a_g722_call_is_recorded_at_8_khz_where_the_contract_is_kept(servers):
    pcm = codecs.speech(71, 2.0, 16000)
    packets = codecs.g722_packets(pcm)
    with place(servers("pcm"), G722, seed=71) as call:
        send(call, packets, 9, 160)
        finish(call)
        path = call.files()[0]
    recording, _, rate = track(path)
    assert rate == 8000
    offset, fit = codecs.best_offset(codecs.envelope(recording.pcm, 8000, 5), codecs.envelope(pcm, 16000, 5)[:-8])
    assert fit > 0.97, f"loudness correlates by {fit:.3f} only"


@pytest.mark.parametrize("name, rate", [("pcm16", 16000), ("pcm", 8000)])
def test_an_opus_call_is_decoded(name, rate, servers):
    pcm = codecs.speech(72, 2.5, 16000)
    packets = codecs.opus_packets(pcm)
    with place(servers(name), OPUS, seed=72) as call:
        assert call.answer[0].formats == ["111"]
        send(call, packets, 111, 960)
        _, legs = finish(call)
        path = call.files()[0]
    recording, _, found = track(path)
    assert found == rate
    offset, fit = codecs.best_offset(codecs.envelope(recording.pcm, rate, 5), codecs.envelope(pcm, 16000, 5)[:-8])
    assert fit > 0.95, f"loudness correlates by {fit:.3f} only"
    assert legs[0]["Lost"] == 0 and legs[0]["Packets"] == len(packets)


def test_forward_error_correction_of_opus_brings_a_lost_packet_back(servers):
    pcm = codecs.speech(73, 3.0, 16000)
    packets = codecs.opus_packets(pcm, options=("-fec", "1", "-packet_loss", "20"))
    with place(servers("pcm16"), OPUS, seed=73) as call:
        lost = {40, 60, 80, 100, 120}
        send(call, packets, 111, 960, skip=lost)
        _, legs = finish(call)
        path = call.files()[0]
    sent, heard = codecs.envelope(pcm, 16000), codecs.envelope(track(path)[0].pcm, 16000)
    offset, fit = codecs.best_offset(heard, sent[:-2])
    assert fit > 0.9
    assert legs[0]["Lost"] == len(lost)
    # Frames of the recording need not begin where the packets do, so the neighbours must be loud, too.
    loud = [number for number in lost if min(sent[number - 1:number + 2]) > 500]
    assert loud and all(heard[offset + number] > sent[number] * 0.2 for number in loud), "a lost packet is a hole"


def test_a_narrow_leg_beside_a_wide_one_keeps_its_own_rate(servers):
    with place(servers("pcm16"), G722, PCMU, seed=74) as call:
        packets = codecs.g722_packets(codecs.speech(74, 1.2, 16000))
        parts = frames(74, 60)

        def step(number):
            call.legs[0].send(packets[number], 9, samples=160, heard=False)
            call.legs[1].send(parts[number])

        paced([lambda number=number: step(number) for number in range(60)])
        finish(call)
        paths = call.files()
    rates = [track(path)[2] for path in paths]
    assert rates == [16000, 8000]
    assert_heard(track(paths[0])[0].pcm, codecs.decode_g722(packets[:60]), "the wide leg")
    assert_heard(track(paths[1])[0].pcm, g711.decode("u", b"".join(parts)), "the narrow leg")


# ---- kept as it came


def payloads(path):
    return [octets for fragment in matroska.read_recording(path).fragments for _, octets in fragment.blocks]


@pytest.mark.parametrize("codec, ticks, known", [
    (PCMU, 160, "pcm_mulaw"), (("8", ["rtpmap:8 PCMA/8000"]), 160, "pcm_alaw"), (G722, 160, "adpcm_g722"), (OPUS, 960, "opus"),
], ids=["PCMU", "PCMA", "G.722", "Opus"])
def test_payloads_are_kept_untouched_and_can_be_played(codec, ticks, known, servers):
    if codec is OPUS:
        packets = codecs.opus_packets(codecs.speech(75, 1.5, 16000))
    elif codec is G722:
        packets = codecs.g722_packets(codecs.speech(75, 1.5, 16000))
    else:
        packets = frames(75, 75)
    with place(servers("payload"), codec, seed=75) as call:
        send(call, packets, int(codec[0]), ticks)
        finish(call)
        path = call.files()[0]
    found = [octets for octets in payloads(path) if octets in packets]
    assert b"".join(found).find(b"".join(packets)) >= 0, f"{len(found)} of {len(packets)} payloads are in the file untouched"
    seen = codecs.probe(path)
    assert seen["codec_name"] == known
    assert len(codecs.decode_file(path, 16000)) >= 16000 * 2 * 1.4


@pytest.mark.parametrize("name", ["pcm", "payload"])
def test_a_codec_nobody_knows_is_kept_verbatim_and_named(name, servers):
    packets = [octets[:38] for octets in frames(76, 60)]
    with place(servers(name), ILBC, seed=76) as call:
        assert call.answer[0].formats == ["97"] and call.answer[0].port
        send(call, packets, 97, 160)
        _, legs = finish(call)
        path = call.files()[0]
    found = payloads(path)
    assert [octets for octets in found if octets in packets] == packets
    assert "ILBC" in json.dumps(legs[0]).upper(), f"the record does not name the codec: {legs[0]}"
    assert legs[0]["Packets"] == 60 and legs[0]["Lost"] == 0


def test_lost_payloads_leave_their_time_free(servers):
    packets = frames(77, 60)
    with place(servers("payload"), PCMU, seed=77) as call:
        send(call, packets, 0, 160, skip={20, 21, 22})
        _, legs = finish(call)
        path = call.files()[0]
    recording, times = matroska.read_recording(path), {}
    for fragment in recording.fragments:
        for relative, octets in fragment.blocks:
            if octets in packets:
                times[packets.index(octets)] = (fragment.timestamp + relative) * recording.timestamp_scale / 1e6
    assert sorted(set(range(60)) - set(times)) == [20, 21, 22] and legs[0]["Lost"] == 3
    assert times[30] - times[10] == pytest.approx(400, abs=2)


# ---- another codec in mid-call


def change(call, codec):
    """Offers another codec; the answer names another port, where another stream begins."""
    before = call.answer[0].port
    call.reinvite(call.offer(codecs=[codec]))
    assert call.answer[0].formats == [codec[0]] and call.answer[0].port not in (0, before)
    call.started(2)


@pytest.mark.parametrize("name, first, second", [
    ("pcm", ILBC, PCMU), ("pcm", PCMU, ILBC), ("payload", PCMU, ILBC), ("payload", ILBC, PCMU),
], ids=["to one that can be decoded", "to one nobody knows", "payloads", "payloads back"])
def test_a_codec_that_the_stream_cannot_hold_begins_another(name, first, second, servers):
    parts = frames(81, 120)
    packets = {ILBC[0]: [octets[:38] for octets in parts], PCMU[0]: parts}
    with place(servers(name), first, seed=81) as call:
        send(call, packets[first[0]][:60], int(first[0]), 160)
        change(call, second)
        send(call, packets[second[0]][60:], int(second[0]), 160)
        call.bye()
        call.ended(2)
        started = call.started(2)
        legs = call.record("SDR")[1]["Legs"]
        paths = {event["detail"]["startFragmentNumber"]: records.leg_file(call.server, event) for event in started}
    assert [leg["Packets"] for leg in legs] == [60, 60] and not any(leg["Lost"] for leg in legs)
    for leg, codec, half in zip(legs, (first, second), (slice(0, 60), slice(60, 120))):
        path, sent = paths[leg["StartFragmentNumber"]], packets[codec[0]][half]
        if name == "pcm" and codec is PCMU:
            assert_heard(track(path)[0].pcm, g711.decode("u", b"".join(sent)), "the decoded stream")
        else:
            assert b"".join(payloads(path)).find(b"".join(sent)) >= 0, "payloads are missing"


def test_a_new_number_of_the_same_codec_goes_on_in_its_stream_under_both(servers):
    packets = [octets[:38] for octets in frames(82, 90)]
    with place(servers("payload"), ILBC, seed=82) as call:
        send(call, packets[:30], 97, 160)
        port = call.answer[0].port
        call.reinvite(call.offer(codecs=[("98", ["rtpmap:98 iLBC/8000", "fmtp:98 mode=20"])]))
        assert call.answer[0].port == port
        send(call, packets[30:60], 97, 160)
        send(call, packets[60:], 98, 160)
        _, legs = finish(call)
        path = call.files()[0]
    assert [octets for octets in payloads(path) if octets in packets] == packets
    assert "otherCodec" not in legs[0]["DiscardedByReason"]


# ---- compact archives


@pytest.mark.parametrize("codec, rate", [(PCMU, 8000), (G722, 16000)], ids=["narrow", "wide"])
def test_an_opus_archive_is_small_and_can_be_played(codec, rate, servers):
    pcm = codecs.speech(78, 4.0, rate)
    if codec is G722:
        packets = codecs.g722_packets(pcm)
    else:
        coded = g711.encode("u", pcm)
        packets = [coded[at:at + 160] for at in range(0, len(coded), 160)]
    with place(servers("opus"), codec, seed=78) as call:
        send(call, packets, int(codec[0]), 160)
        finish(call)
        path = call.files()[0]
    assert codecs.probe(path)["codec_name"] == "opus"
    assert path.stat().st_size < 4.5 * 8000, f"{path.stat().st_size} octets for 4 s"
    decoded = codecs.decode_file(path, rate)
    offset, fit = codecs.best_offset(codecs.envelope(decoded, rate, 5), codecs.envelope(pcm, rate, 5)[:-20])
    assert fit > 0.95, f"loudness correlates by {fit:.3f} only"


def test_a_growing_opus_archive_can_be_read(servers):
    with place(servers("opus"), PCMU, seed=79) as call:
        speaker = call.speak([g711.noise(79, 4.0)], wait=False)
        time.sleep(3.0)
        seen = codecs.probe(call.files()[0])
        speaker.finish()
        call.bye()
    assert seen["codec_name"] == "opus" and len(seen["packets"]) >= 50


def test_a_plain_call_of_the_default_format_is_as_the_contract_says(servers):
    with RecordedCall(servers("pcm"), seed=80) as call:
        call.invite()
        say(call, 1.0, 80)
        finish(call)
        for leg, path in zip(call.legs, call.files()):
            recording, codec, rate = track(path)
            assert (codec, rate) == ("A_PCM/INT/LIT", 8000)
            assert_heard(recording.pcm, leg.expected_pcm, "a leg")
