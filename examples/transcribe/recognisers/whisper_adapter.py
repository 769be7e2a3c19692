"""Whisper by faster-whisper: offline, needs a model (WHISPER_MODEL, default base.en), which it downloads once.

Whisper reads whole stretches of speech, so a stretch is collected until its speaker pauses: words come with the pause, not as
they are said.
"""

import array
import os

import numpy
from faster_whisper import WhisperModel

from . import Heard, Recogniser, Word
from .audio import Doubler, Frames

RATE, FRAME = 16000, 0.03
PAUSE, LONGEST, QUIET = 0.6, 20.0, 300  # seconds, seconds, mean amplitude
_models = {}


class Whisper(Recogniser):
    def __init__(self, rate):
        super().__init__(rate)
        name = os.environ.get("WHISPER_MODEL", "base.en")
        if name not in _models:
            _models[name] = WhisperModel(name, device="auto", compute_type="int8")
        self._model = _models[name]
        self._doubler = Doubler() if rate == 8000 else None
        self._frames = Frames(int(RATE * FRAME) * 2)
        self._speech, self._begin, self._silence, self._now = b"", 0.0, 0.0, 0.0

    def accept(self, pcm):
        heard = []
        for frame in self._frames.cut(self._doubler.double(pcm) if self._doubler else pcm):
            self._now += FRAME
            loud = sum(map(abs, array.array("h", frame))) / (len(frame) / 2) > QUIET
            if not self._speech and not loud:
                continue
            if not self._speech:
                self._begin = self._now - FRAME
            self._speech += frame
            self._silence = 0.0 if loud else self._silence + FRAME
            if self._silence >= PAUSE or self._now - self._begin >= LONGEST:
                heard += self.finish()
        return heard

    def finish(self):
        if not self._speech:
            return []
        audio = numpy.frombuffer(self._speech, numpy.int16).astype(numpy.float32) / 32768
        begin, self._speech, self._silence = self._begin, b"", 0.0
        segments, _ = self._model.transcribe(audio, word_timestamps=True)
        words = [Word(word.word.strip(), begin + word.start, begin + word.end) for segment in segments for word in segment.words]
        return [Heard(words, final=True)] if words else []
