/* The prefilter without vectors: the buckets of four positions side by side in one word, shifted along. */
#include "prefilter.h"

void mark_scalar(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    uint64_t alive = 0; /* for each position the buckets whose windows agree up to there; the last one is on top */
    size_t from, i;
    for (i = 0; i < WINDOW_BYTES - 1; i++) alive = (alive << 16 | 0xffffu) & f->steps[p[i]];
    for (from = 0; from < length; from += 64) {
        size_t count = length - from < 64 ? length - from : 64;
        uint64_t word = 0;
        for (i = 0; i < count; i++) {
            alive = (alive << 16 | 0xffffu) & f->steps[p[from + i + WINDOW_BYTES - 1]];
            if (alive >> 48 != 0 || p[from + i] == LEVEL_ESC) word |= (uint64_t)1 << i;
        }
        *words++ = word;
    }
}
