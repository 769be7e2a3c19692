#include "cavformat.h"
#include "encoder.h"

#include <libavutil/opt.h>

struct cav_mp4 {
    cav_aac aac;
    AVFormatContext *format;
    int in_memory;
};

static int open_muxer(AVFormatContext **format, const cav_aac *aac, const char *movflags) {
    int code = avformat_alloc_output_context2(format, NULL, "mp4", NULL);
    if (code < 0) return code;
    AVStream *stream = avformat_new_stream(*format, NULL);
    if (!stream) return AVERROR(ENOMEM);
    code = avcodec_parameters_from_context(stream->codecpar, aac->context);
    if (code < 0) return code;
    stream->time_base = aac->context->time_base;
    (*format)->flags |= AVFMT_FLAG_BITEXACT;
    return movflags ? av_opt_set((*format)->priv_data, "movflags", movflags, 0) : 0;
}

static void free_memory(AVIOContext **io) {
    uint8_t *bytes = NULL;
    if (*io) avio_close_dyn_buf(*io, &bytes);
    *io = NULL;
    av_free(bytes);
}

static int take_memory(AVIOContext **io, uint8_t **bytes, size_t *size) {
    uint8_t *all = NULL;
    int count = avio_close_dyn_buf(*io, &all);
    *io = NULL;
    if (count < 0 || !all) return AVERROR(ENOMEM);
    *bytes = all;
    *size = (size_t)count;
    return 0;
}

static void release(cav_mp4 *mp4) {
    if (mp4->format) {
        if (mp4->in_memory) free_memory(&mp4->format->pb);
        else if (mp4->format->pb) avio_closep(&mp4->format->pb);
        avformat_free_context(mp4->format);
    }
    cav_aac_close(&mp4->aac);
    av_free(mp4);
}

static int write_packet(void *opaque, AVPacket *packet) {
    cav_mp4 *mp4 = opaque;
    if (mp4->in_memory && avio_tell(mp4->format->pb) > CAV_LARGEST_OUTPUT) return AVERROR(ENOSPC);
    packet->stream_index = 0;
    packet->time_base = mp4->aac.context->time_base;
    av_packet_rescale_ts(packet, packet->time_base, mp4->format->streams[0]->time_base);
    int code = av_write_frame(mp4->format, packet);
    if (code >= 0 && mp4->format->pb->error < 0) code = mp4->format->pb->error;
    return code;
}

int cav_mp4_open(cav_mp4 **result, const char *path, int rate, int channels, int bitrate, int64_t expected_samples,
                 const cav_tag *tags, int tag_count) {
    cav_mp4 *mp4 = av_mallocz(sizeof *mp4);
    if (!mp4) return AVERROR(ENOMEM);
    mp4->in_memory = path == NULL;
    int code = cav_aac_open(&mp4->aac, rate, channels, bitrate);
    // Any tag name is taken; without the flag only those that iTunes knows would be written.
    if (code >= 0) code = open_muxer(&mp4->format, &mp4->aac, tag_count > 0 ? "use_metadata_tags" : NULL);
    for (int index = 0; code >= 0 && index < tag_count; index++)
        code = av_dict_set(&mp4->format->metadata, tags[index].name, tags[index].value, 0);
    if (code >= 0 && mp4->in_memory && expected_samples > 0) {
        // Four octets a packet for its length and eight for its chunk at most; what is left over becomes a free box.
        int64_t room = 8192 + (expected_samples / CAV_FRAME + 4) * 12;
        if (room < 16 << 20) code = av_opt_set_int(mp4->format->priv_data, "moov_size", room, 0);
    }
    if (code >= 0)
        code = path ? avio_open(&mp4->format->pb, path, AVIO_FLAG_WRITE) : avio_open_dyn_buf(&mp4->format->pb);
    if (code >= 0) code = avformat_write_header(mp4->format, NULL);
    if (code < 0) {
        release(mp4);
        return code;
    }
    *result = mp4;
    return 0;
}

int cav_mp4_write(cav_mp4 *mp4, const int16_t *samples, int count) {
    return cav_aac_write(&mp4->aac, samples, count, write_packet, mp4);
}

int cav_mp4_finish(cav_mp4 *mp4, uint8_t **bytes, size_t *size) {
    int code = cav_aac_finish(&mp4->aac, write_packet, mp4);
    if (code >= 0) code = av_write_trailer(mp4->format);
    if (code >= 0) avio_flush(mp4->format->pb);
    if (code >= 0 && mp4->format->pb->error < 0) code = mp4->format->pb->error;
    if (code >= 0 && mp4->in_memory) code = take_memory(&mp4->format->pb, bytes, size);
    if (code >= 0 && !mp4->in_memory) code = avio_closep(&mp4->format->pb);
    release(mp4);
    return code < 0 ? code : 0;
}

void cav_mp4_abandon(cav_mp4 *mp4) { release(mp4); }

// --- Segments --------------------------------------------------------------------------------------------------------

static const char fragmented[] = "empty_moov+default_base_moof+frag_custom+frag_discont+skip_trailer";

static int open_fragmented(AVFormatContext **format, const cav_aac *aac, int sequence) {
    int code = open_muxer(format, aac, fragmented);
    // Times are the stream's own: no edit list may move them.
    if (code >= 0) code = av_opt_set_int((*format)->priv_data, "use_editlist", 0, 0);
    if (code >= 0) code = av_opt_set_int((*format)->priv_data, "fragment_index", sequence, 0);
    if (code < 0) return code;
    (*format)->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
    // The encoder's delay is made up for by dropping packets, see cav_segment.
    (*format)->streams[0]->codecpar->initial_padding = 0;
    code = avio_open_dyn_buf(&(*format)->pb);
    return code < 0 ? code : avformat_write_header(*format, NULL);
}

int cav_initialization(int rate, int channels, int bitrate, uint8_t **bytes, size_t *size) {
    cav_aac aac;
    AVFormatContext *format = NULL;
    int code = cav_aac_open(&aac, rate, channels, bitrate);
    if (code >= 0) code = open_fragmented(&format, &aac, 1);
    if (code >= 0) {
        avio_flush(format->pb);
        code = take_memory(&format->pb, bytes, size);
    }
    if (format) free_memory(&format->pb);
    avformat_free_context(format);
    cav_aac_close(&aac);
    return code < 0 ? code : 0;
}

typedef struct {
    AVFormatContext *format;
    int index, first, end;
    int64_t first_time;
} segment_sink;

static int keep_packet(void *opaque, AVPacket *packet) {
    segment_sink *sink = opaque;
    // Packet 0 is the encoder's delay; packet n + 1 completes frame n of the input.
    int frame = sink->index++ - 1;
    if (frame < sink->first || frame >= sink->end) return 0;
    packet->stream_index = 0;
    packet->pts = packet->dts = sink->first_time + (int64_t)(frame - sink->first) * CAV_FRAME;
    packet->duration = CAV_FRAME;
    av_packet_free_side_data(packet);
    return av_write_frame(sink->format, packet);
}

int cav_segment(const int16_t *samples, int count, int rate, int channels, int bitrate, int first_frame, int end_frame,
                int64_t first_time, int sequence, uint8_t **bytes, size_t *size) {
    cav_aac aac;
    AVFormatContext *format = NULL;
    int code = cav_aac_open(&aac, rate, channels, bitrate);
    if (code >= 0) code = open_fragmented(&format, &aac, sequence);
    int64_t header = 0;
    if (code >= 0) {
        avio_flush(format->pb);
        header = avio_tell(format->pb);
        segment_sink sink = {format, 0, first_frame, end_frame, first_time};
        code = cav_aac_write(&aac, samples, count, keep_packet, &sink);
        if (code >= 0) code = cav_aac_finish(&aac, keep_packet, &sink);
        if (code >= 0) code = av_write_frame(format, NULL);
    }
    if (code >= 0) {
        avio_flush(format->pb);
        uint8_t *all = NULL;
        size_t length = 0;
        code = take_memory(&format->pb, &all, &length);
        if (code >= 0 && length > (size_t)header) {
            memmove(all, all + header, length - (size_t)header);
            *bytes = all;
            *size = length - (size_t)header;
        } else if (code >= 0) {
            av_free(all);
            code = AVERROR_INVALIDDATA;
        }
    }
    if (format) free_memory(&format->pb);
    avformat_free_context(format);
    cav_aac_close(&aac);
    return code < 0 ? code : 0;
}
