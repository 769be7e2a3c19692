#ifndef CAVFORMAT_ENCODER_H
#define CAVFORMAT_ENCODER_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#define CAV_FRAME 1024

// The AAC-LC encoder and the frame that feeds it.
typedef struct {
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
    int filled;     // samples a channel in the frame
    int64_t position;
} cav_aac;

// Called for each packet; its times are in samples from the encoder's first input, the first one before it.
typedef int (*cav_packet_sink)(void *opaque, AVPacket *packet);

int cav_aac_open(cav_aac *aac, int rate, int channels, int bitrate);
int cav_aac_write(cav_aac *aac, const int16_t *samples, int count, cav_packet_sink sink, void *opaque);
int cav_aac_finish(cav_aac *aac, cav_packet_sink sink, void *opaque);
void cav_aac_close(cav_aac *aac);

#endif
