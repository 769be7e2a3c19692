"""Small things that several recognisers need done to PCM."""

import array
import sys

# A half-band low-pass of 15 taps: every other one is zero, so twice the rate costs four products a sample.
TAPS = (0.6106, -0.1660, 0.0666, -0.0242)


def samples(pcm):
    values = array.array("h", pcm)
    if sys.byteorder == "big":
        values.byteswap()
    return values


class Doubler:
    """Twice the sample rate: the samples as they are, and between each two what a low-pass says was there.

    Three samples late, which is less than half a millisecond.
    """

    def __init__(self):
        self._past = array.array("h", bytes(14))

    def double(self, pcm):
        values = self._past + samples(pcm)
        count = len(values) - 7
        a, b, c, d = TAPS
        result = array.array("h", bytes(4 * count))
        result[0::2] = values[3:3 + count]
        result[1::2] = array.array("h", [
            max(-32768, min(32767, int(
                a * (values[i + 3] + values[i + 4]) + b * (values[i + 2] + values[i + 5])
                + c * (values[i + 1] + values[i + 6]) + d * (values[i] + values[i + 7]))))
            for i in range(count)])
        self._past = values[-7:]
        if sys.byteorder == "big":
            result.byteswap()
        return result.tobytes()


class Frames:
    """Cuts audio of any length into frames of one length."""

    def __init__(self, size):
        self.size, self._rest = size, b""

    def cut(self, pcm):
        data = self._rest + pcm
        whole = len(data) // self.size * self.size
        self._rest = data[whole:]
        return [data[at:at + self.size] for at in range(0, whole, self.size)]

    def rest(self):
        rest, self._rest = self._rest, b""
        return rest
