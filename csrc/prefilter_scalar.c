/* The prefilter without vectors: the hash of each place's four bytes says what the buckets say elsewhere. */
#include "prefilter.h"

void mark_scalar(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    size_t from, i;
    for (from = 0; from < length; from += 64) {
        size_t count = length - from < 64 ? length - from : 64;
        uint64_t word = 0;
        for (i = 0; i < count; i++) word |= (uint64_t)is_confirmed(f, p + from + i) << i;
        *words++ = word;
    }
}
