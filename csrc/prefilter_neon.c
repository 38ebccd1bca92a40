/* The prefilter with NEON: as with SSSE3; a table lookup takes the nibbles of 16 places. */
#include "prefilter.h"

#if defined(LEVELS_ARM)
#include <arm_neon.h>

enum { WIDTH = 16 };
struct tables { uint8x16_t low[GROUPS][WINDOW_BYTES], high[GROUPS][WINDOW_BYTES]; };

/* A bit for each of 16 places. NEON has no movemask: each place keeps its own bit, and pairs are added three times. */
static inline uint64_t passing(const struct tables *t, const uint8_t *p) {
    static const uint8_t own_bit[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t alive[GROUPS], any = vdupq_n_u8(0);
    uint8x8_t sums;
    int group, i;
    for (group = 0; group < GROUPS; group++) alive[group] = vdupq_n_u8(255);
    for (i = 0; i < WINDOW_BYTES; i++) {
        uint8x16_t bytes = vld1q_u8(p + i), low = vandq_u8(bytes, vdupq_n_u8(15)), high = vshrq_n_u8(bytes, 4);
        for (group = 0; group < GROUPS; group++)
            alive[group] = vandq_u8(alive[group], vandq_u8(vqtbl1q_u8(t->low[group][i], low),
                                                           vqtbl1q_u8(t->high[group][i], high)));
    }
    for (group = 0; group < GROUPS; group++) any = vorrq_u8(any, alive[group]);
    any = vtstq_u8(any, any);
    any = vorrq_u8(any, vceqq_u8(vld1q_u8(p), vdupq_n_u8(LEVEL_ESC)));
    any = vandq_u8(any, vld1q_u8(own_bit));
    sums = vpadd_u8(vget_low_u8(any), vget_high_u8(any));
    sums = vpadd_u8(sums, sums);
    sums = vpadd_u8(sums, sums);
    return vget_lane_u16(vreinterpret_u16_u8(sums), 0);
}

static inline uint64_t passing_64(const struct tables *t, const uint8_t *p) {
    return passing(t, p) | passing(t, p + WIDTH) << WIDTH | passing(t, p + 2 * WIDTH) << 2 * WIDTH |
           passing(t, p + 3 * WIDTH) << 3 * WIDTH;
}

void mark_neon(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    uint8_t rest[5 * WIDTH] = {0};
    struct tables t;
    int group, i;
    for (group = 0; group < GROUPS; group++)
        for (i = 0; i < WINDOW_BYTES; i++) {
            t.low[group][i] = vld1q_u8(f->low[group][i]);
            t.high[group][i] = vld1q_u8(f->high[group][i]);
        }
    for (; length >= 4 * WIDTH; p += 4 * WIDTH, length -= 4 * WIDTH) *words++ = passing_64(&t, p);
    if (length == 0) return;
    memcpy(rest, p, length + WINDOW_BYTES - 1);
    *words = passing_64(&t, rest) & (((uint64_t)1 << length) - 1);
}
#else
typedef int prefilter_neon_is_for_arm;
#endif
