/* The prefilter with AVX-512 VBMI: vpermi2b looks 64 bytes up in a table of 128 at once, so by the whole byte. */
#include "prefilter.h"

#if defined(LEVELS_X86)
#include <immintrin.h>

struct tables { __m512i half[2][WINDOW_BYTES][2]; };

FOR_TARGET("avx512f,avx512bw,avx512vbmi")
static inline __m512i buckets(__m512i table[2], __m512i bytes) {
    return _mm512_permutex2var_epi8(table[0], bytes, table[1]);
}

/* The places among 64 that pass; `b0` to `b3` hold the bytes from there and from one, two, three places on. */
FOR_TARGET("avx512f,avx512bw,avx512vbmi")
static inline uint64_t passing(struct tables *t, __m512i b0, __m512i b1, __m512i b2, __m512i b3) {
    __m512i first = _mm512_ternarylogic_epi64(buckets(t->half[0][0], b0), buckets(t->half[0][1], b1),
                                              buckets(t->half[0][2], b2), 0x80);
    __m512i second = _mm512_ternarylogic_epi64(buckets(t->half[1][0], b0), buckets(t->half[1][1], b1),
                                               buckets(t->half[1][2], b2), 0x80);
    uint64_t escapes = _mm512_cmpeq_epi8_mask(b0, _mm512_set1_epi8(LEVEL_ESC));
    return escapes | _mm512_test_epi8_mask(first, buckets(t->half[0][3], b3)) |
           _mm512_test_epi8_mask(second, buckets(t->half[1][3], b3));
}

FOR_TARGET("avx512f,avx512bw,avx512vbmi")
static inline __m512i load_some(const uint8_t *p, const uint8_t *readable) {
    size_t left = p < readable ? (size_t)(readable - p) : 0;
    __mmask64 mask = left >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
    return _mm512_maskz_loadu_epi8(mask, p);
}

FOR_TARGET("avx512f,avx512bw,avx512vbmi")
void mark_avx512vbmi(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    const uint8_t *end = p + length, *readable = end + WINDOW_BYTES - 1;
    struct tables t;
    int half, position;
    for (half = 0; half < 2; half++)
        for (position = 0; position < WINDOW_BYTES; position++) {
            t.half[half][position][0] = _mm512_loadu_si512(f->exact[half][position]);
            t.half[half][position][1] = _mm512_loadu_si512(f->exact[half][position] + 64);
        }
    for (; end - p >= 64; p += 64)
        *words++ = passing(&t, _mm512_loadu_si512(p), _mm512_loadu_si512(p + 1), _mm512_loadu_si512(p + 2),
                           _mm512_loadu_si512(p + 3));
    if (p < end)
        *words = passing(&t, load_some(p, readable), load_some(p + 1, readable), load_some(p + 2, readable),
                         load_some(p + 3, readable)) & (((uint64_t)1 << (end - p)) - 1);
}
#else
typedef int prefilter_avx512_is_for_x86;
#endif
