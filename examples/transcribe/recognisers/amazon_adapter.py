"""Amazon Transcribe streaming, by Amazon's SDK for it (PyPI amazon-transcribe); costs money and needs credentials of AWS.

TRANSCRIBE_REGION (default us-east-1) and TRANSCRIBE_LANGUAGE (en-US) may be set. The credentials are AWS's own, from the
environment or a profile: give those of Earshot to this example by --access-key and --secret-key instead.
"""

import asyncio
import os
import queue
import threading

from amazon_transcribe.client import TranscribeStreamingClient
from amazon_transcribe.handlers import TranscriptResultStreamHandler

from . import Heard, Recogniser, Word


class AmazonTranscribe(Recogniser):
    def __init__(self, rate):
        super().__init__(rate)
        self._audio, self._heard, self._failure = queue.Queue(500), queue.Queue(), None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def accept(self, pcm):
        if self._failure:
            raise self._failure
        self._audio.put(pcm)
        return self._new()

    def finish(self):
        self._audio.put(None)
        self._thread.join(30)
        return self._new()

    def _new(self):
        found = []
        while not self._heard.empty():
            found.append(self._heard.get())
        return found

    def _run(self):
        try:
            asyncio.run(self._stream())
        except Exception as error:  # told by the next accept
            self._failure = error

    async def _stream(self):
        client = TranscribeStreamingClient(region=os.environ.get("TRANSCRIBE_REGION", "us-east-1"))
        stream = await client.start_stream_transcription(
            language_code=os.environ.get("TRANSCRIBE_LANGUAGE", "en-US"), media_sample_rate_hz=self.rate, media_encoding="pcm")
        heard = self._heard

        class Handler(TranscriptResultStreamHandler):
            async def handle_transcript_event(self, transcript_event):
                for result in transcript_event.transcript.results:
                    items = result.alternatives[0].items if result.alternatives else []
                    words = [Word(item.content, item.start_time, item.end_time) for item in items
                             if item.item_type == "pronunciation"]
                    heard.put(Heard(words, final=not result.is_partial))

        async def send():
            loop = asyncio.get_running_loop()
            while (pcm := await loop.run_in_executor(None, self._audio.get)) is not None:
                await stream.input_stream.send_audio_event(audio_chunk=pcm)
            await stream.input_stream.end_stream()

        await asyncio.gather(send(), Handler(stream.output_stream).handle_events())
