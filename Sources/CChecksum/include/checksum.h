#ifndef EARSHOT_CHECKSUM_H
#define EARSHOT_CHECKSUM_H

#include <stdint.h>

/// Whether the processor has an instruction for CRC-32C.
int earshot_crc32c_is_available(void);

/// Goes on with a CRC-32C (RFC 9260 appendix B) over `count` bytes. `state` and the answer are not inverted; begin with
/// all ones and invert at the end. Only where the processor has the instruction.
uint32_t earshot_crc32c(uint32_t state, const void *bytes, long count);

#endif
