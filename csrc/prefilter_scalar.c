/* The prefilter without vectors: the buckets of the four positions side by side in two words, shifted along.
 *
 *     first word     position 0 | 1 | 2 | 3, each the sixteen buckets of groups 0 and 1       second: groups 2 and 3
 */
#include "prefilter.h"

void mark_scalar(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    uint64_t first = 0, second = 0; /* the buckets whose windows agree so far; those of the last position are on top */
    size_t from, i;
    for (i = 0; i < WINDOW_BYTES - 1; i++) {
        first = (first << 16 | 0xffffu) & f->steps[p[i]][0];
        second = (second << 16 | 0xffffu) & f->steps[p[i]][1];
    }
    for (from = 0; from < length; from += 64) {
        size_t count = length - from < 64 ? length - from : 64;
        uint64_t word = 0;
        for (i = 0; i < count; i++) {
            const uint64_t *steps = f->steps[p[from + i + WINDOW_BYTES - 1]];
            first = (first << 16 | 0xffffu) & steps[0];
            second = (second << 16 | 0xffffu) & steps[1];
            word |= (uint64_t)((first | second) >> 48 != 0 || p[from + i] == LEVEL_ESC) << i;
        }
        *words++ = word;
    }
}
