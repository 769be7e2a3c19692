#ifndef COPUS_SHIM_H
#define COPUS_SHIM_H

#include <opus/opus.h>

// opus_encoder_ctl and opus_decoder_ctl take variable arguments, which Swift cannot pass. Each request that is used
// has a function here; all of them return OPUS_OK or a negative error code of libopus.

/// Bits a second, 500 to 512,000.
static inline int copus_set_bitrate(OpusEncoder *encoder, opus_int32 bits_per_second) {
    return opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bits_per_second));
}

/// 0 (least work) to 10.
static inline int copus_set_complexity(OpusEncoder *encoder, opus_int32 complexity) {
    return opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity));
}

/// Repeats of the previous frame in each packet (RFC 6716 §2.1.7), as far as `loss_percent` makes them worth it.
static inline int copus_set_forward_error_correction(OpusEncoder *encoder, opus_int32 enabled,
                                                     opus_int32 loss_percent) {
    int code = opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(enabled));
    return code == OPUS_OK ? opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(loss_percent)) : code;
}

/// Tunes the encoder for speech.
static inline int copus_set_voice(OpusEncoder *encoder) {
    return opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
}

/// How far the decoded audio lies behind what was encoded, in samples of the encoder's rate. Negative on failure.
static inline opus_int32 copus_lookahead(OpusEncoder *encoder) {
    opus_int32 samples = 0;
    int code = opus_encoder_ctl(encoder, OPUS_GET_LOOKAHEAD(&samples));
    return code == OPUS_OK ? samples : code;
}

/// Forgets the past of the stream.
static inline int copus_reset_decoder(OpusDecoder *decoder) {
    return opus_decoder_ctl(decoder, OPUS_RESET_STATE);
}

#endif
