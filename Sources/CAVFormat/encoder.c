#include "encoder.h"
#include "cavformat.h"

#include <libavutil/channel_layout.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>

void cav_message(int code, char *text, size_t room) {
    if (room > 0 && av_strerror(code, text, room) < 0) text[room - 1] = 0;
}

void cav_free(uint8_t *bytes) { av_free(bytes); }

int cav_aac_rate_supported(int rate) {
    const AVCodec *codec = avcodec_find_encoder_by_name("aac");
    if (!codec || !codec->supported_samplerates) return 0;
    for (const int *supported = codec->supported_samplerates; *supported; supported++)
        if (*supported == rate) return 1;
    return 0;
}

int cav_aac_open(cav_aac *aac, int rate, int channels, int bitrate) {
    // Its statistics are nobody's business on a terminal; what fails is returned.
    av_log_set_level(AV_LOG_QUIET);
    memset(aac, 0, sizeof *aac);
    const AVCodec *codec = avcodec_find_encoder_by_name("aac");
    if (!codec) return AVERROR_ENCODER_NOT_FOUND;
    if (channels != 1 && channels != 2) return AVERROR(EINVAL);
    aac->context = avcodec_alloc_context3(codec);
    aac->frame = av_frame_alloc();
    aac->packet = av_packet_alloc();
    if (!aac->context || !aac->frame || !aac->packet) return AVERROR(ENOMEM);
    aac->context->sample_rate = rate;
    aac->context->sample_fmt = AV_SAMPLE_FMT_FLTP;
    av_channel_layout_default(&aac->context->ch_layout, channels);
    aac->context->bit_rate = bitrate;
    aac->context->time_base = (AVRational){1, rate};
    // MP4 keeps the codec's set-up in its header.
    aac->context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    aac->context->thread_count = 1;
    int code = avcodec_open2(aac->context, codec, NULL);
    if (code < 0) return code;
    if (aac->context->frame_size != CAV_FRAME) return AVERROR_BUG;
    aac->frame->format = AV_SAMPLE_FMT_FLTP;
    aac->frame->nb_samples = CAV_FRAME;
    aac->frame->sample_rate = rate;
    code = av_channel_layout_copy(&aac->frame->ch_layout, &aac->context->ch_layout);
    return code < 0 ? code : av_frame_get_buffer(aac->frame, 0);
}

static int drain(cav_aac *aac, cav_packet_sink sink, void *opaque) {
    for (;;) {
        int code = avcodec_receive_packet(aac->context, aac->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return 0;
        if (code < 0) return code;
        code = sink(opaque, aac->packet);
        av_packet_unref(aac->packet);
        if (code < 0) return code;
    }
}

static int send_frame(cav_aac *aac, cav_packet_sink sink, void *opaque) {
    aac->frame->nb_samples = aac->filled;
    aac->frame->pts = aac->position;
    aac->position += aac->filled;
    aac->filled = 0;
    int code = avcodec_send_frame(aac->context, aac->frame);
    if (code < 0) return code;
    code = drain(aac, sink, opaque);
    if (code < 0) return code;
    // The encoder may still hold the samples.
    aac->frame->nb_samples = CAV_FRAME;
    return av_frame_make_writable(aac->frame);
}

int cav_aac_write(cav_aac *aac, const int16_t *samples, int count, cav_packet_sink sink, void *opaque) {
    int channels = aac->context->ch_layout.nb_channels;
    for (int at = 0; at < count; at++) {
        for (int channel = 0; channel < channels; channel++)
            ((float *)aac->frame->data[channel])[aac->filled] = samples[at * channels + channel] / 32768.0f;
        if (++aac->filled == CAV_FRAME) {
            int code = send_frame(aac, sink, opaque);
            if (code < 0) return code;
        }
    }
    return 0;
}

int cav_aac_finish(cav_aac *aac, cav_packet_sink sink, void *opaque) {
    // A last frame may be short; the encoder fills it up and tells its length in the packet.
    if (aac->filled > 0) {
        int code = send_frame(aac, sink, opaque);
        if (code < 0) return code;
    }
    int code = avcodec_send_frame(aac->context, NULL);
    return code < 0 ? code : drain(aac, sink, opaque);
}

void cav_aac_close(cav_aac *aac) {
    av_packet_free(&aac->packet);
    av_frame_free(&aac->frame);
    avcodec_free_context(&aac->context);
}
