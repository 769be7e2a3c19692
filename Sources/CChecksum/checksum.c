#include "checksum.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

int earshot_crc32c_is_available(void) {
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

static uint64_t word_at(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

// The instruction takes three cycles and one can begin each cycle, so three stretches go side by side. Their sums are put
// together by multiplying with a power of x modulo the polynomial: SHIFT_n is x^(8 n - 33), reflected, for the bytes that
// follow the stretch.
enum { STRETCH = 336 };
static const uint32_t SHIFT_680 = 0xE417F38A; // 2 * STRETCH + 8 bytes
static const uint32_t SHIFT_344 = 0x8F158014; // STRETCH + 8 bytes

__attribute__((target("sse4.2,pclmul"))) static uint64_t times(uint32_t sum, uint32_t power) {
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)sum), _mm_cvtsi32_si128((int)power), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

__attribute__((target("sse4.2,pclmul"))) uint32_t earshot_crc32c(uint32_t state, const void *bytes, long count) {
    const uint8_t *at = bytes;
    uint64_t first = state;
    while (count >= 3 * STRETCH + 8) {
        uint64_t second = 0, third = 0;
        for (int i = 0; i < STRETCH; i += 8) {
            first = _mm_crc32_u64(first, word_at(at + i));
            second = _mm_crc32_u64(second, word_at(at + STRETCH + i));
            third = _mm_crc32_u64(third, word_at(at + 2 * STRETCH + i));
        }
        uint64_t both = times((uint32_t)first, SHIFT_680) ^ times((uint32_t)second, SHIFT_344);
        first = _mm_crc32_u64(third, word_at(at + 3 * STRETCH) ^ both);
        at += 3 * STRETCH + 8;
        count -= 3 * STRETCH + 8;
    }
    for (; count >= 8; count -= 8, at += 8) first = _mm_crc32_u64(first, word_at(at));
    uint32_t narrow = (uint32_t)first;
    for (; count > 0; count--, at++) narrow = _mm_crc32_u8(narrow, *at);
    return narrow;
}

#elif defined(__aarch64__)

#include <sys/auxv.h>

// HWCAP_CRC32 of the kernel's <asm/hwcap.h>.
int earshot_crc32c_is_available(void) { return (getauxval(AT_HWCAP) >> 7) & 1; }

__attribute__((target("crc"))) uint32_t earshot_crc32c(uint32_t state, const void *bytes, long count) {
    const uint8_t *at = bytes;
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = __builtin_arm_crc32cd(state, word);
    }
    for (; count > 0; count--, at++) state = __builtin_arm_crc32cb(state, *at);
    return state;
}

#else

int earshot_crc32c_is_available(void) { return 0; }

uint32_t earshot_crc32c(uint32_t state, const void *bytes, long count) {
    (void)bytes;
    (void)count;
    return state;
}

#endif
