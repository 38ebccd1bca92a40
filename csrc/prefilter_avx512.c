/* The prefilter with AVX-512 VBMI: vpermi2b looks 64 bytes up in a table of 128 at once, so by the whole byte. */
#include "prefilter.h"

#if defined(LEVELS_X86)
#include <immintrin.h>

struct tables { __m512i group[GROUPS][WINDOW_BYTES][2]; };

FOR_TARGET("avx512f,avx512bw,avx512vbmi")
static inline __m512i buckets(__m512i table[2], __m512i bytes) {
    return _mm512_permutex2var_epi8(table[0], bytes, table[1]);
}

/* The places among 64 that pass; `b` holds the bytes from there and from one, two, three places on. */
FOR_TARGET("avx512f,avx512bw,avx512vbmi")
static inline uint64_t passing(struct tables *t, const __m512i b[WINDOW_BYTES]) {
    uint64_t found = _mm512_cmpeq_epi8_mask(b[0], _mm512_set1_epi8(LEVEL_ESC));
    __m512i any = _mm512_setzero_si512();
    int g;
    for (g = 0; g < GROUPS; g++) {
        __m512i three = _mm512_ternarylogic_epi64(buckets(t->group[g][0], b[0]), buckets(t->group[g][1], b[1]),
                                                  buckets(t->group[g][2], b[2]), 0x80);
        any = _mm512_ternarylogic_epi64(any, three, buckets(t->group[g][3], b[3]), 0xf8); /* any | three & fourth */
    }
    return found | _mm512_test_epi8_mask(any, any);
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
    __m512i b[WINDOW_BYTES];
    struct tables t;
    int group, i;
    for (group = 0; group < GROUPS; group++)
        for (i = 0; i < WINDOW_BYTES; i++) {
            t.group[group][i][0] = _mm512_loadu_si512(f->exact[group][i]);
            t.group[group][i][1] = _mm512_loadu_si512(f->exact[group][i] + 64);
        }
    for (; end - p >= 64; p += 64) {
        for (i = 0; i < WINDOW_BYTES; i++) b[i] = _mm512_loadu_si512(p + i);
        *words++ = passing(&t, b);
    }
    if (p == end) return;
    for (i = 0; i < WINDOW_BYTES; i++) b[i] = load_some(p + i, readable);
    *words = passing(&t, b) & (((uint64_t)1 << (end - p)) - 1);
}
#else
typedef int prefilter_avx512_is_for_x86;
#endif
