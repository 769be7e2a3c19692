#!/usr/bin/env python3
"""Prints the calls that Earshot records as text, by speaker, while they go on.

Follows the events of the service, opens GetMedia for each leg with boto3, and gives the audio to a recogniser. README.md
says how to set it up.
"""

import argparse
import os
import queue
import signal
import sys
import threading

import boto3
import botocore.config
import botocore.session

import events
import recognisers
from legs import Leg
from transcript import Transcript


class Transcriber:
    """All calls that are being transcribed."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.recogniser = recognisers.load(arguments.recogniser)
        settings = botocore.session.get_session()
        settings.set_default_client_config(botocore.config.Config(
            connect_timeout=5, read_timeout=15, retries={"max_attempts": 2}))
        self.session = boto3.session.Session(
            aws_access_key_id=arguments.access_key, aws_secret_access_key=arguments.secret_key, region_name=arguments.region,
            botocore_session=settings)
        self.log = open(arguments.json, "a", encoding="utf-8") if arguments.json else None
        self.transcripts, self.legs = {}, {}
        self.lock, self.stopping, self.failed = threading.Lock(), threading.Event(), False

    def run(self):
        options = self.arguments
        if options.webhook is not None:
            source = events.receive_webhook(options.host, options.webhook, options.secret, self.stopping)
        else:
            source = events.follow_file(options.events, self.stopping)
        print(f"ready: waiting for calls ({options.recogniser})", flush=True)
        for event in source:
            self.handle(event)

    def handle(self, event):
        detail = event.get("detail", {})
        status, arn = detail.get("streamingStatus"), detail.get("streamArn")
        key = (detail.get("transactionId"), arn)
        if status == "STARTED" and key not in self.legs:
            with self.lock:
                transcript = self.transcripts.setdefault(detail["transactionId"], Transcript(event, self.log))
            ears = Ears(self.recogniser, transcript)
            leg = Leg(self.session, self.arguments.endpoint, event, ears.hear, lambda leg: self.done(key, ears, leg))
            transcript.join(leg)
            self.legs[key] = leg
            print(f"          {leg.speaker:<7} {leg.number} is on the line", flush=True)
            leg.start()
        elif status in ("ENDED", "FAILED") and key in self.legs:
            self.legs[key].end()

    def done(self, key, ears, leg):
        ears.finish(leg)
        if failure := leg.failure or ears.failure:
            self.failed = True
            print(f"transcribe: the {leg.speaker}'s leg: {type(failure).__name__}: {failure}", file=sys.stderr, flush=True)
        with self.lock:
            del self.legs[key]
            if any(transaction == leg.transaction for transaction, _ in self.legs):
                return
            self.transcripts.pop(leg.transaction).close()
        if self.arguments.once:
            self.stopping.set()


class Ears(threading.Thread):
    """One leg's recogniser in a thread of its own: however long it thinks, the audio is taken from the service at once."""

    def __init__(self, kind, transcript):
        super().__init__(daemon=True)
        self.kind, self.transcript, self.failure = kind, transcript, None
        self.audio = queue.Queue()
        self.recogniser = None

    def hear(self, leg, pcm):
        if self.recogniser is None:
            self.recogniser = self.kind(leg.rate)
            self.start()
        self.audio.put((leg, pcm))

    def run(self):
        try:
            while (item := self.audio.get()) is not None:
                leg, pcm = item
                for heard in self.recogniser.accept(pcm):
                    self.transcript.add(leg, heard)
        except Exception as error:
            self.failure = error

    def finish(self, leg):
        if self.recogniser is None:
            return
        self.audio.put(None)
        self.join()
        if self.failure is None:
            for heard in self.recogniser.finish():
                self.transcript.add(leg, heard)


def parse():
    parser = argparse.ArgumentParser(description="Prints recorded calls as text, by speaker, while they go on.")
    parser.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:8080"), metavar="URL",
                        help="Earshot's HTTP interface (http://127.0.0.1:8080, or AWS_ENDPOINT_URL)")
    parser.add_argument("--region", default=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    parser.add_argument("--access-key", metavar="ID", help="a key of `earshot keys create --role consumer`; without it, AWS's "
                        "usual places (AWS_ACCESS_KEY_ID, profiles)")
    parser.add_argument("--secret-key", metavar="SECRET", default=os.environ.get("EARSHOT_SECRET_KEY"),
                        help="its secret; better in EARSHOT_SECRET_KEY, where no list of processes shows it")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--events", default="data/logs/events.jsonl", metavar="FILE", help="the service's event log, on the same machine")
    source.add_argument("--webhook", type=int, metavar="PORT", help="receive events over HTTP instead (delivery.webhook)")
    parser.add_argument("--host", default="127.0.0.1", help="address to receive them on")
    parser.add_argument("--secret", default=os.environ.get("EARSHOT_WEBHOOK_SECRET"), help="delivery.webhook.secret, or EARSHOT_WEBHOOK_SECRET")
    parser.add_argument("--recogniser", choices=list(recognisers.NAMES), default="pocketsphinx")
    parser.add_argument("--json", metavar="FILE", help="append every word with its times to this file, an object a line")
    parser.add_argument("--once", action="store_true", help="end after the first call")
    arguments = parser.parse_args()
    if arguments.webhook is not None and not arguments.secret:
        parser.error("--webhook needs --secret: whoever reaches the port could send events")
    return arguments


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        transcriber = Transcriber(parse())
        transcriber.run()
    except recognisers.Missing as error:
        sys.exit(f"transcribe: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if transcriber.failed else 0)


if __name__ == "__main__":
    main()
