/* The prefilter with AVX2: two shuffles by nibble for each position and group of buckets, 32 places at once.
 *
 * The tables are held inverted, a bit says that a bucket is out of the question: a shuffle gives 0 for bytes from
 * 128 on, which then means "ask the other nibble", and the low nibble need not be masked out.
 */
#include "prefilter.h"

#if defined(LEVELS_X86)
#include <immintrin.h>

enum { WIDTH = 32 };
struct tables { __m256i low[GROUPS][WINDOW_BYTES], high[GROUPS][WINDOW_BYTES]; };

FOR_TARGET("avx2")
static inline __m256i load(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }

FOR_TARGET("avx2")
static inline __m256i inverted(const uint8_t *table) {
    __m128i once = _mm_loadu_si128((const __m128i *)(const void *)table);
    return _mm256_broadcastsi128_si256(_mm_xor_si128(once, _mm_set1_epi8(-1)));
}

FOR_TARGET("avx2")
static inline void fill(struct tables *t, const struct prefilter *f) {
    int group, i;
    for (group = 0; group < GROUPS; group++)
        for (i = 0; i < WINDOW_BYTES; i++) {
            t->low[group][i] = inverted(f->low[group][i]);
            t->high[group][i] = inverted(f->high[group][i]);
        }
}

FOR_TARGET("avx2")
static inline __m256i out_by(__m256i low_table, __m256i high_table, __m256i bytes, __m256i high) {
    return _mm256_or_si256(_mm256_shuffle_epi8(low_table, bytes), _mm256_shuffle_epi8(high_table, high));
}

/* Two vectors at once share the loads of the tables. */
#define GROUP(g, i)                                                                                          \
    low_table = t->low[g][i], high_table = t->high[g][i];                                                    \
    a[g] = _mm256_or_si256(a[g], out_by(low_table, high_table, bytes_a, high_a));                           \
    b[g] = _mm256_or_si256(b[g], out_by(low_table, high_table, bytes_b, high_b));

#define POSITION(i)                                                                                          \
    bytes_a = load(p + (i)), bytes_b = load(p + WIDTH + (i));                                                \
    high_a = _mm256_and_si256(_mm256_srli_epi16(bytes_a, 4), nibble);                                        \
    high_b = _mm256_and_si256(_mm256_srli_epi16(bytes_b, 4), nibble);                                        \
    GROUP(0, i)                                                                                              \
    GROUP(1, i)                                                                                              \
    GROUP(2, i)                                                                                              \
    GROUP(3, i)

FOR_TARGET("avx2")
static inline uint32_t left_over(const __m256i out[GROUPS], __m256i bytes) {
    const __m256i all = _mm256_set1_epi8(-1);
    __m256i dead = _mm256_and_si256(_mm256_and_si256(out[0], out[1]), _mm256_and_si256(out[2], out[3]));
    __m256i escapes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(LEVEL_ESC));
    dead = _mm256_xor_si256(_mm256_cmpeq_epi8(dead, all), all);
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(dead, escapes));
}

FOR_TARGET("avx2")
static inline uint64_t passing(const struct tables *t, const uint8_t *p) {
    const __m256i nibble = _mm256_set1_epi8(15), none = _mm256_setzero_si256();
    __m256i a[GROUPS] = {none, none, none, none}, b[GROUPS] = {none, none, none, none};
    __m256i bytes_a, bytes_b, high_a, high_b, low_table, high_table;
    POSITION(0)
    POSITION(1)
    POSITION(2)
    POSITION(3)
    return left_over(a, load(p)) | (uint64_t)left_over(b, load(p + WIDTH)) << WIDTH;
}

FOR_TARGET("avx2")
void mark_avx2(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    uint8_t rest[3 * WIDTH] = {0};
    struct tables t;
    fill(&t, f);
    for (; length >= 2 * WIDTH; p += 2 * WIDTH, length -= 2 * WIDTH) *words++ = passing(&t, p);
    if (length == 0) return;
    memcpy(rest, p, length + WINDOW_BYTES - 1);
    *words = passing(&t, rest) & (((uint64_t)1 << length) - 1);
}
#else
typedef int prefilter_avx2_is_for_x86;
#endif
