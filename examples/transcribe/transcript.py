"""Prints what is understood, word by word, while it is being said; keeps it for the end."""

import json
import statistics
import threading
import time

AGREED = 3  # looks at an utterance that must agree on a word, so that it does not change once it is printed


class Speaker:
    """One leg's words: those of the present utterance that are printed, and everything that was said."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.printed, self.looks, self.said = [], [], []

    def settle(self, heard):
        """The words of the utterance that may be printed now: all of a final one; else those that the last looks agree on."""
        texts = [word.text for word in heard.words]
        if heard.final:
            count = len(texts)
        else:
            self.looks = (self.looks + [texts])[-AGREED:]
            if len(self.looks) < AGREED:
                return []
            count = 0
            shortest = min(len(look) for look in self.looks)
            while count < shortest and len({look[count] for look in self.looks}) == 1:
                count += 1
        new = heard.words[len(self.printed):count]
        self.printed += [word.text for word in new]
        return new

    def close(self, heard):
        """The utterance is over: whether something else was printed than was said in the end."""
        differs = self.printed != [word.text for word in heard.words]
        if heard.words:
            self.said.append((heard.words[0].start, " ".join(word.text for word in heard.words)))
        self.printed, self.looks = [], []
        return differs


class Transcript:
    """All speakers of one call. Thread-safe."""

    def __init__(self, event, log=None):
        self.transaction = event["detail"]["transactionId"]
        self.speakers, self.latencies = {}, []
        self._log, self._lock, self._began = log, threading.Lock(), None

    def join(self, leg):
        with self._lock:
            self.speakers[leg.arn] = Speaker(leg.speaker, leg.number)

    def add(self, leg, heard):
        """What a leg's recogniser says; times count from the leg's first sample."""
        with self._lock:
            speaker = self.speakers[leg.arn]
            self._began = self._began or leg.first_sample
            now = time.time()
            if words := speaker.settle(heard):
                late = [now - leg.first_sample - word.end for word in words]
                self.latencies += late
                self._print(leg, words, f"(+{max(late):.2f} s)")
                self._write(leg, "words", [
                    {"text": word.text, "start": round(leg.first_sample + word.start, 3), "end": round(leg.first_sample + word.end, 3),
                     "after": round(after, 3)} for word, after in zip(words, late)])
            if heard.final and heard.words:
                if speaker.close(heard):
                    self._print(leg, heard.words, "(corrected)")
                self._write(leg, "utterance", [{"text": word.text} for word in heard.words])
            elif heard.final:
                speaker.close(heard)

    def _print(self, leg, words, note):
        at = leg.first_sample + words[0].start - self._began
        print(f"{at:7.2f} s  {leg.speaker:<7} {' '.join(word.text for word in words)}  {note}", flush=True)

    def _write(self, leg, kind, words):
        if self._log:
            self._log.write(json.dumps({
                "at": round(time.time(), 3), "kind": kind, "transactionId": leg.transaction, "speaker": leg.speaker,
                "number": leg.number, "words": words}) + "\n")
            self._log.flush()

    def close(self):
        """The whole call, in the order in which it was said."""
        with self._lock:
            lines = sorted((start, speaker.name, text) for speaker in self.speakers.values() for start, text in speaker.said)
            print(f"\n--- {self.transaction}")
            for start, name, text in lines:
                print(f"{start:7.2f} s  {name:<7} {text}")
            if self.latencies:
                worst = sorted(self.latencies)
                print(f"--- {len(worst)} words; from a word's end to its text: median {statistics.median(worst):.2f} s, "
                      f"95 % within {worst[int(len(worst) * 0.95)]:.2f} s, longest {worst[-1]:.2f} s", flush=True)
