"""What every recogniser must do, and how one is chosen. Each adapter imports its library when it is made."""

import importlib
from dataclasses import dataclass, field


@dataclass
class Word:
    """One word, with its times in seconds from the first sample that the recogniser was given."""

    text: str
    start: float
    end: float


@dataclass
class Heard:
    """What is understood of the present utterance, from its beginning. A final one closes it."""

    words: list = field(default_factory=list)
    final: bool = False


class Recogniser:
    """Understands one speaker. Used from one thread."""

    def __init__(self, rate):
        """`rate`: samples a second of what `accept` is given; 16-bit little-endian PCM, mono."""
        self.rate = rate

    def accept(self, pcm):
        """Takes audio of any length; gives the list of what is new, each a Heard."""
        raise NotImplementedError

    def finish(self):
        """The speaker is gone: what is left, as accept."""
        return []


NAMES = {"pocketsphinx": "PocketSphinx", "vosk": "Vosk", "whisper": "Whisper", "amazon": "AmazonTranscribe"}


class Missing(Exception):
    """The recogniser's library is not installed; the text says how to get it."""


def load(name):
    """The class of a recogniser; its library is imported here, and only its."""
    try:
        return getattr(importlib.import_module(f"recognisers.{name}_adapter"), NAMES[name])
    except ImportError as error:
        raise Missing(f"{name} is not installed ({error}); see examples/transcribe/README.md") from None
