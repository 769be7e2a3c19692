"""A recorded call whose legs are encrypted, and what the tests of media share."""

import time

from peer import g711, matroska
from peer.recorded_call import RecordedCall
from peer.rtp import assert_heard
from peer.srtp import Keys, Session


class SecureCall(RecordedCall):
    """Every leg offers RTP/SAVP with a key of its own; `suites[i]` are those of leg i, the first is used to send."""

    def __init__(self, server, suites=("AES_CM_128_HMAC_SHA1_80",), plain=(), mki=b"", lifetime=None, **options):
        super().__init__(server, **options)
        self.suites, self.plain = suites, set(plain)
        self.keys = [None if index in self.plain else [Keys(suite, mki=mki, lifetime=lifetime) for suite in suites]
                     for index in range(len(self.legs))]

    def offer(self, **options):
        options.setdefault("protocol", ["RTP/SAVP" if keys else "RTP/AVP" for keys in self.keys])
        options.setdefault(
            "cryptos", [[one.line(tag + 1) for tag, one in enumerate(keys or [])] for keys in self.keys])
        return super().offer(**options)

    def connect(self, response=None):
        answer = super().connect(response)
        audio = [media for media in answer if media.kind == "audio"]
        for leg, keys, media in zip(self.legs, self.keys, audio):
            leg.secure = leg.their_session = None
            if keys and media.port:
                tag, theirs = Keys.of_line(media.value("crypto"))
                chosen = keys[tag - 1]
                assert theirs.suite == chosen.suite and theirs.key != chosen.key, "the answer has a key of its own"
                leg.secure, leg.their_session = Session(chosen), Session(theirs)
        return answer

    def reoffer(self, **options):
        """Re-INVITE; the sender's roll-over counters go on, as RFC 3711 section 3.3.1 wants it."""
        known = [leg.secure and leg.secure.indexes for leg in self.legs]
        response = self.reinvite(self.offer(**options))
        for leg, indexes in zip(self.legs, known):
            if leg.secure and indexes is not None:
                leg.secure.indexes = indexes
        return response

    def renew_keys(self, suite=None, mki=b"", lifetime=None):
        """New master keys for the next offer."""
        for leg, keys, index in zip(self.legs, self.keys, range(len(self.keys))):
            if keys:
                self.keys[index] = [Keys(suite or one.suite, mki=mki, lifetime=lifetime) for one in keys]


def paced(steps, milliseconds=20):
    """Runs one step (a function, or None) every `milliseconds`, on an absolute schedule."""
    start = time.perf_counter()
    for index, step in enumerate(steps):
        wait = start + index * milliseconds / 1000 - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        if step:
            step()


def frames(seed, count, size=160):
    codes = g711.noise(seed, count * size / 8000)
    return [codes[index * size:(index + 1) * size] for index in range(count)]


def finish(call):
    """BYE; gives (PCM of each leg, the SDR's legs in their order)."""
    call.bye()
    call.ended()
    pcm = [matroska.read_recording(path).pcm for path in call.files()]
    return pcm, sorted(call.record("SDR")[1]["Legs"], key=lambda leg: leg["MediaIndex"])


def say(call, seconds, seed=1, **options):
    """Noise on every leg."""
    call.speak([g711.noise(seed * 100 + index, seconds) for index in range(len(call.legs))], **options)


def assert_all_heard(call, recorded):
    """What each leg has sent stands in its recording, sample for sample."""
    for index, (leg, pcm) in enumerate(zip(call.legs, recorded)):
        assert_heard(pcm, leg.expected_pcm, f"leg {index}")


def assert_legs_clean(legs):
    for leg in legs:
        assert (leg["Lost"], leg["Late"], leg["WriterLostMilliseconds"]) == (0, 0, 0), leg
        assert not leg.get("EmptyReason"), leg
