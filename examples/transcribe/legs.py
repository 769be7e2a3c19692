"""Follows one leg of a call through GetMedia, across broken connections, to its end."""

import threading
import time
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

import media

PIECE = 640  # bytes a read waits for: 40 ms of 8 kHz PCM
_making = threading.Lock()  # a boto3 session makes one client at a time


class Leg(threading.Thread):
    """Reads a stream from its STARTED event on and hands the audio to `heard(leg, pcm)`.

    `first_sample` is when the leg's first sample was spoken (seconds since 1970), `rate` its sample rate; both are set before
    the first call of `heard`.
    """

    def __init__(self, session, endpoint, event, heard, done):
        super().__init__(daemon=True)
        detail = event["detail"]
        self.transaction, self.arn = detail["transactionId"], detail["streamArn"]
        self.is_caller = detail.get("isCaller", True)
        self.number = detail.get("fromNumber" if self.is_caller else "toNumber", "")
        self.first_sample, self.rate, self.failure = None, None, None
        self._start_time = datetime.fromisoformat(detail["startTime"].replace("Z", "+00:00")).timestamp()
        self._session, self._endpoint, self._heard, self._done = session, endpoint, heard, done
        self._is_ended = threading.Event()
        # The fragment that was read last, and how many bytes of it: a new connection begins with what is missing.
        self._fragment, self._taken, self._whole = None, 0, None
        self._seen, self._passed = None, 0

    @property
    def speaker(self):
        return "caller" if self.is_caller else "callee"

    def end(self):
        """The call's ENDED event has come: when the body ends, all is read."""
        self._is_ended.set()

    def run(self):
        try:
            attempts = 0
            while True:
                progress = (self._fragment, self._taken)
                if self._read_once():
                    break
                # The service closes a body when nothing has come for 3 s; a network breaks when it likes.
                if self._is_ended.is_set():
                    break
                attempts = 0 if progress != (self._fragment, self._taken) else attempts + 1
                if attempts > 20:
                    raise TimeoutError(f"nothing came on {self.arn} and its call has no end")
                time.sleep(0.5)
        except Exception as error:  # a thread's failure is looked at by whoever waits for it
            self.failure = error
        self._done(self)

    def _read_once(self):
        """One GetMedia; True when another call was met: this one is over."""
        try:
            body = self._open()
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403, 404):
                raise
            return False
        parser = media.MediaParser()
        try:
            for piece in body.iter_chunks(PIECE):
                for fragment, audio in parser.feed(piece):
                    if fragment.tags.get("TransactionId") != self.transaction:
                        if self._fragment is not None and fragment.number > self._fragment:
                            return True  # the stream is used for the next call
                        self._whole = fragment.number  # what was there before this call: boto3 asks for whole seconds
                        continue
                    self._take(fragment, audio)
        except (BotoCoreError, OSError):
            pass
        finally:
            body.close()
        return False

    def _open(self):
        with _making:
            video = self._session.client("kinesisvideo", endpoint_url=self._endpoint)
        url = video.get_data_endpoint(StreamARN=self.arn, APIName="GET_MEDIA")["DataEndpoint"]
        if self._whole:
            selector = {"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": self._whole}
        else:
            selector = {"StartSelectorType": "SERVER_TIMESTAMP", "StartTimestamp": self._start_time}
        with _making:
            client = self._session.client("kinesis-video-media", endpoint_url=url)
        return client.get_media(StreamARN=self.arn, StartSelector=selector)["Payload"]

    def _take(self, fragment, audio):
        if fragment.number != self._fragment:
            if self._fragment is not None and fragment.number < self._fragment:
                return
            self._whole = self._fragment
            self._fragment, self._taken = fragment.number, 0
        if fragment is not self._seen:  # the same fragment on another connection: from its beginning
            self._seen, self._passed = fragment, 0
        self._passed += len(audio)
        fresh = self._passed - self._taken
        if fresh <= 0:
            return
        self._taken = self._passed
        if self.first_sample is None:
            self.first_sample, self.rate = fragment.produced, fragment.rate
        self._heard(self, audio[-fresh:])
