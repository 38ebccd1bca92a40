/* The prefilter with SSSE3: as with AVX2, tables inverted too, 16 places at once. */
#include "prefilter.h"

#if defined(LEVELS_X86)
#include <immintrin.h>

enum { WIDTH = 16 };
struct tables { __m128i low[GROUPS][WINDOW_BYTES], high[GROUPS][WINDOW_BYTES]; };

FOR_TARGET("ssse3")
static inline __m128i load(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }

FOR_TARGET("ssse3")
static inline __m128i inverted(const uint8_t *table) { return _mm_xor_si128(load(table), _mm_set1_epi8(-1)); }

FOR_TARGET("ssse3")
static inline void fill(struct tables *t, const struct prefilter *f) {
    int group, i;
    for (group = 0; group < GROUPS; group++)
        for (i = 0; i < WINDOW_BYTES; i++) {
            t->low[group][i] = inverted(f->low[group][i]);
            t->high[group][i] = inverted(f->high[group][i]);
        }
}

FOR_TARGET("ssse3")
static inline __m128i out_by(__m128i low_table, __m128i high_table, __m128i bytes, __m128i high) {
    return _mm_or_si128(_mm_shuffle_epi8(low_table, bytes), _mm_shuffle_epi8(high_table, high));
}

/* Two vectors at once share the loads of the tables. */
#define GROUP(g, i)                                                                                          \
    low_table = t->low[g][i], high_table = t->high[g][i];                                                    \
    a[g] = _mm_or_si128(a[g], out_by(low_table, high_table, bytes_a, high_a));                           \
    b[g] = _mm_or_si128(b[g], out_by(low_table, high_table, bytes_b, high_b));

#define POSITION(i)                                                                                          \
    bytes_a = load(p + (i)), bytes_b = load(p + WIDTH + (i));                                                \
    high_a = _mm_and_si128(_mm_srli_epi16(bytes_a, 4), nibble);                                        \
    high_b = _mm_and_si128(_mm_srli_epi16(bytes_b, 4), nibble);                                        \
    GROUP(0, i)                                                                                              \
    GROUP(1, i)                                                                                              \
    GROUP(2, i)                                                                                              \
    GROUP(3, i)

FOR_TARGET("ssse3")
static inline uint32_t left_over(const __m128i out[GROUPS], __m128i bytes) {
    const __m128i all = _mm_set1_epi8(-1);
    __m128i dead = _mm_and_si128(_mm_and_si128(out[0], out[1]), _mm_and_si128(out[2], out[3]));
    __m128i escapes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(LEVEL_ESC));
    dead = _mm_xor_si128(_mm_cmpeq_epi8(dead, all), all);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(dead, escapes));
}

FOR_TARGET("ssse3")
static inline uint64_t passing(const struct tables *t, const uint8_t *p) {
    const __m128i nibble = _mm_set1_epi8(15), none = _mm_setzero_si128();
    __m128i a[GROUPS] = {none, none, none, none}, b[GROUPS] = {none, none, none, none};
    __m128i bytes_a, bytes_b, high_a, high_b, low_table, high_table;
    POSITION(0)
    POSITION(1)
    POSITION(2)
    POSITION(3)
    return left_over(a, load(p)) | (uint64_t)left_over(b, load(p + WIDTH)) << WIDTH;
}

FOR_TARGET("ssse3")
void mark_ssse3(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    uint8_t rest[5 * WIDTH] = {0};
    struct tables t;
    fill(&t, f);
    for (; length >= 4 * WIDTH; p += 4 * WIDTH, length -= 4 * WIDTH)
        *words++ = passing(&t, p) | passing(&t, p + 2 * WIDTH) << 2 * WIDTH;
    if (length == 0) return;
    memcpy(rest, p, length + WINDOW_BYTES - 1);
    *words = (passing(&t, rest) | passing(&t, rest + 2 * WIDTH) << 2 * WIDTH) & (((uint64_t)1 << length) - 1);
}
#else
typedef int prefilter_ssse3_is_for_x86;
#endif
