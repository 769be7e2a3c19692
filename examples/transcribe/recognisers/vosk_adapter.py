"""Vosk: offline, needs a model folder, named in VOSK_MODEL (https://alphacephei.com/vosk/models)."""

import json
import os

from vosk import KaldiRecognizer, Model

from . import Heard, Recogniser, Word

_models = {}


class Vosk(Recogniser):
    def __init__(self, rate):
        super().__init__(rate)
        folder = os.environ.get("VOSK_MODEL", "model")
        if folder not in _models:  # both legs share the model, which is large
            _models[folder] = Model(folder)
        self._recogniser = KaldiRecognizer(_models[folder], rate)
        self._recogniser.SetWords(True)
        self._recogniser.SetPartialWords(True)

    def accept(self, pcm):
        if self._recogniser.AcceptWaveform(pcm):
            return self._heard(self._recogniser.Result(), "result", True)
        return self._heard(self._recogniser.PartialResult(), "partial_result", False)

    def finish(self):
        return self._heard(self._recogniser.FinalResult(), "result", True)

    @staticmethod
    def _heard(text, member, final):
        words = [Word(one["word"], one["start"], one["end"]) for one in json.loads(text).get(member, [])]
        return [Heard(words, final)] if words or final else []
