#include "cavformat.h"

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libswresample/swresample.h>

struct cav_decoder {
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
};

cav_decoder *cav_decoder_open(const char *name, int rate, int block_align, int bits_per_sample) {
    av_log_set_level(AV_LOG_QUIET);
    const AVCodec *codec = avcodec_find_decoder_by_name(name);
    cav_decoder *decoder = codec ? av_mallocz(sizeof *decoder) : NULL;
    if (!decoder) return NULL;
    decoder->context = avcodec_alloc_context3(codec);
    decoder->frame = av_frame_alloc();
    decoder->packet = av_packet_alloc();
    if (decoder->context && decoder->frame && decoder->packet) {
        decoder->context->sample_rate = rate;
        decoder->context->block_align = block_align;
        decoder->context->bits_per_coded_sample = bits_per_sample;
        decoder->context->thread_count = 1;
        av_channel_layout_default(&decoder->context->ch_layout, 1);
        if (avcodec_open2(decoder->context, codec, NULL) >= 0) return decoder;
    }
    cav_decoder_close(decoder);
    return NULL;
}

static int16_t from_float(float value) {
    float scaled = value * 32768.0f;
    return scaled >= 32767.0f ? 32767 : scaled <= -32768.0f ? -32768 : (int16_t)scaled;
}

int cav_decoder_decode(cav_decoder *decoder, const uint8_t *packet, int size, int16_t *samples, int room) {
    if (size <= 0) return AVERROR(EINVAL);
    // A copy with the padding that the bit readers of libavcodec want behind it.
    int code = av_new_packet(decoder->packet, size);
    if (code < 0) return code;
    memcpy(decoder->packet->data, packet, (size_t)size);
    code = avcodec_send_packet(decoder->context, decoder->packet);
    av_packet_unref(decoder->packet);
    if (code < 0) return code;
    int done = 0;
    while ((code = avcodec_receive_frame(decoder->context, decoder->frame)) >= 0) {
        AVFrame *frame = decoder->frame;
        int count = frame->nb_samples < room - done ? frame->nb_samples : room - done;
        for (int at = 0; at < count; at++) {
            switch (frame->format) {
            case AV_SAMPLE_FMT_S16:
            case AV_SAMPLE_FMT_S16P: samples[done + at] = ((int16_t *)frame->data[0])[at]; break;
            case AV_SAMPLE_FMT_FLT:
            case AV_SAMPLE_FMT_FLTP: samples[done + at] = from_float(((float *)frame->data[0])[at]); break;
            default: samples[done + at] = 0;
            }
        }
        done += count;
        av_frame_unref(frame);
    }
    return code == AVERROR(EAGAIN) || code == AVERROR_EOF ? done : code;
}

void cav_decoder_reset(cav_decoder *decoder) { avcodec_flush_buffers(decoder->context); }

void cav_decoder_close(cav_decoder *decoder) {
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->frame);
    avcodec_free_context(&decoder->context);
    av_free(decoder);
}

struct cav_resampler {
    SwrContext *context;
};

cav_resampler *cav_resampler_open(int from_rate, int to_rate) {
    cav_resampler *resampler = av_mallocz(sizeof *resampler);
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    if (!resampler) return NULL;
    if (swr_alloc_set_opts2(&resampler->context, &mono, AV_SAMPLE_FMT_S16, to_rate, &mono, AV_SAMPLE_FMT_S16, from_rate,
                            0, NULL) >= 0 && swr_init(resampler->context) >= 0)
        return resampler;
    cav_resampler_close(resampler);
    return NULL;
}

int cav_resampler_run(cav_resampler *resampler, const int16_t *input, int count, int16_t *output, int room) {
    const uint8_t *in[1] = {(const uint8_t *)input};
    uint8_t *out[1] = {(uint8_t *)output};
    return swr_convert(resampler->context, out, room, input ? in : NULL, input ? count : 0);
}

void cav_resampler_close(cav_resampler *resampler) {
    swr_free(&resampler->context);
    av_free(resampler);
}
