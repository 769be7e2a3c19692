"""PocketSphinx: offline, no download (its American English model is in the package), a real-time factor of about 0.3.

It is the recogniser that runs everywhere, not the best one: expect half of the words on a telephone line.
"""

from pocketsphinx import Decoder, Endpointer

from . import Heard, Recogniser, Word
from .audio import Doubler, Frames

MODEL_RATE = 16000
ASK_EVERY = 0.15  # seconds of speech between two looks at the hypothesis
# The cepstral mean of speech on telephone lines. The model's own is that of a microphone, and costs the first sentences.
TELEPHONE = "51,18,-15,29,-16,7,-7,-2,2,-1,-1,-5,5"


class PocketSphinx(Recogniser):
    def __init__(self, rate):
        super().__init__(rate)
        if rate not in (8000, MODEL_RATE):
            raise ValueError(f"PocketSphinx takes 8000 or 16000 samples a second, not {rate}")
        line = {"cmninit": TELEPHONE} if rate == 8000 else {}
        self._decoder = Decoder(samprate=MODEL_RATE, loglevel="FATAL", **line)
        self._endpointer = Endpointer(sample_rate=MODEL_RATE)
        self._doubler = Doubler() if rate == 8000 else None
        self._frames = Frames(self._endpointer.frame_bytes)
        self._speaking, self._asked, self._begin = False, 0.0, 0.0
        self._fed = 0.0

    def accept(self, pcm):
        if self._doubler:
            pcm = self._doubler.double(pcm)
        return [heard for frame in self._frames.cut(pcm) for heard in self._frame(self._endpointer.process(frame))]

    def finish(self):
        return list(self._frame(self._endpointer.end_stream(self._frames.rest() or bytes(2))))

    def _frame(self, speech):
        """`speech` is what the endpointer lets through: nothing while nobody speaks."""
        if speech is None:
            return
        if not self._speaking:
            self._speaking, self._begin, self._asked, self._fed = True, self._endpointer.speech_start, 0.0, 0.0
            self._decoder.start_utt()
        self._decoder.process_raw(speech)
        self._fed += len(speech) / 2 / MODEL_RATE
        if not self._endpointer.in_speech:
            self._speaking = False
            self._decoder.end_utt()
            yield Heard(self._words(), final=True)
        elif self._fed - self._asked >= ASK_EVERY:
            self._asked = self._fed
            yield Heard(self._words())

    def _words(self):
        words = []
        for segment in self._decoder.seg() or ():
            if segment.word[0] in "<[":  # silence, noise
                continue
            start, end = (self._begin + frame / 100 for frame in (segment.start_frame, segment.end_frame + 1))
            words.append(Word(segment.word.split("(")[0], start, end))
        return words
