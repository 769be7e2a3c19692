#ifndef CAVFORMAT_H
#define CAVFORMAT_H

#include <stddef.h>
#include <stdint.h>

// A thin layer over FFmpeg 5.1 (libavcodec, libavformat, libswresample): only what Earshot uses, with no FFmpeg type in
// it. Functions that return int answer 0 (or a count) or a negative AVERROR; cav_message puts it in words. No function
// keeps a pointer it was given beyond its return. Each object belongs to one thread at a time.

/// Most bytes a clip or segment may have; larger ones fail with ENOSPC.
#define CAV_LARGEST_OUTPUT (256 << 20)

/// Writes what an error means, with a zero at the end.
void cav_message(int code, char *text, size_t room);

/// Frees what a function has put in `*bytes`.
void cav_free(uint8_t *bytes);

// --- Decoding -------------------------------------------------------------------------------------------------------

/// A mono speech decoder by FFmpeg's name, e.g. "g729", at `rate`. `block_align` is the octets of a frame where the codec
/// wants to know; 0 otherwise. NULL where there is none.
typedef struct cav_decoder cav_decoder;
cav_decoder *cav_decoder_open(const char *name, int rate, int block_align, int bits_per_sample);
/// Decodes one packet into mono 16-bit samples; the count, at most `room`. What it does not understand is an error.
int cav_decoder_decode(cav_decoder *decoder, const uint8_t *packet, int size, int16_t *samples, int room);
/// Forgets the past.
void cav_decoder_reset(cav_decoder *decoder);
void cav_decoder_close(cav_decoder *decoder);

// --- Resampling -----------------------------------------------------------------------------------------------------

/// Mono 16-bit samples from one rate to another, in time with the input: output 0 is input 0.
typedef struct cav_resampler cav_resampler;
cav_resampler *cav_resampler_open(int from_rate, int to_rate);
/// Takes `count` samples and gives out what is ready, at most `room`. `input` NULL: gives out the rest.
int cav_resampler_run(cav_resampler *resampler, const int16_t *input, int count, int16_t *output, int room);
void cav_resampler_close(cav_resampler *resampler);

// --- MP4 with AAC-LC ------------------------------------------------------------------------------------------------

/// One tag of a file.
typedef struct { const char *name; const char *value; } cav_tag;

/// Whether libavcodec can encode AAC at this rate.
int cav_aac_rate_supported(int rate);

/// A whole MP4, encoded while it is written. `path` NULL: into memory, with its index in front where
/// `expected_samples` (a channel) is above 0.
typedef struct cav_mp4 cav_mp4;
int cav_mp4_open(cav_mp4 **mp4, const char *path, int rate, int channels, int bitrate, int64_t expected_samples,
                 const cav_tag *tags, int tag_count);
/// `count` samples a channel, interleaved.
int cav_mp4_write(cav_mp4 *mp4, const int16_t *samples, int count);
/// Ends the file and closes it; the object is gone. For memory, `*bytes` is to be freed with cav_free.
int cav_mp4_finish(cav_mp4 *mp4, uint8_t **bytes, size_t *size);
/// Closes without an end.
void cav_mp4_abandon(cav_mp4 *mp4);

/// The initialisation segment of fragmented MP4.
int cav_initialization(int rate, int channels, int bitrate, uint8_t **bytes, size_t *size);

/// One media segment of fragmented MP4 (moof + mdat). `samples` are `count` a channel, interleaved, a whole number of
/// frames of 1,024. The packets of the frames before `first_frame` and from `end_frame` on are dropped (lead-in and what
/// the encoder looks ahead); the others get decode times from `first_time` on, in samples.
int cav_segment(const int16_t *samples, int count, int rate, int channels, int bitrate, int first_frame, int end_frame,
                int64_t first_time, int sequence, uint8_t **bytes, size_t *size);

#endif
