/* A stream's state as bytes: saved before a write that may fail, taken back after it did. */
#include "internal.h"
#include <string.h>

/*  | struct saved | counts | intervals | hits | hit ends | kept input |  all as they lie in memory */
struct saved {
    uint64_t checksum; /* of all that follows, this one counted as 0: a damaged state must not be trusted */
    uint64_t fingerprint, origin, taken, emitted, work, marks, intervals, hits, hit_ends, length;
    int64_t in_mark;
    struct rule_state rules;
    struct exact_state exact;
};

static uint8_t *put(uint8_t *out, const void *from, size_t size) {
    if (size) memcpy(out, from, size);
    return out + size;
}

size_t hstore_stream_save(const hstore_stream *s, uint8_t *out, size_t room) {
    struct saved head;
    uint64_t low = stream_low_bound(s) > s->origin ? stream_low_bound(s) : s->origin;
    size_t size;
    uint8_t *state;
    memset(&head, 0, sizeof head);
    head.fingerprint = s->masker->fingerprint;
    head.origin = low;
    head.taken = s->taken, head.emitted = s->emitted, head.work = s->work, head.marks = s->marks;
    head.intervals = s->intervals.count, head.hits = s->hits.count, head.hit_ends = s->hit_ends.count;
    head.length = s->taken - low;
    head.in_mark = s->in_mark;
    head.rules = s->rules;
    head.exact = s->exact;
    size = sizeof head + stream_counts_size(s) + (size_t)(head.intervals + head.hits) * sizeof(struct interval) +
           (size_t)head.hit_ends * sizeof(uint64_t) + (size_t)head.length;
    if (out == NULL || room < size) return size;
    state = out;
    out = put(out, &head, sizeof head);
    out = put(out, s->counts, stream_counts_size(s));
    out = put(out, s->intervals.items, s->intervals.count * sizeof(struct interval));
    out = put(out, s->hits.items, s->hits.count * sizeof(struct interval));
    out = put(out, s->hit_ends.items, s->hit_ends.count * sizeof(uint64_t));
    if (head.length != 0) put(out, s->buffer + (low - s->origin), (size_t)head.length);
    head.checksum = fingerprint(state, size, CHECKSUM_SEED);
    put(state, &head, sizeof head);
    return size;
}

static int refill(struct list *list, const uint8_t **from, size_t count, size_t size) {
    size_t i;
    list->count = 0;
    for (i = 0; i < count; i++, *from += size)
        if (list_push(list, *from, size) != 0) return HSTORE_NO_MEMORY;
    return 0;
}

static uint64_t checksum(const struct saved *head, const uint8_t *state, size_t length) {
    struct saved plain = *head;
    plain.checksum = 0;
    return fingerprint(state + sizeof plain, length - sizeof plain,
                       fingerprint((const uint8_t *)&plain, sizeof plain, CHECKSUM_SEED));
}

int hstore_stream_restore(hstore_stream *s, const uint8_t *state, size_t length) {
    struct saved head;
    size_t lists;
    if (length < sizeof head + stream_counts_size(s)) return HSTORE_BAD_STATE;
    memcpy(&head, state, sizeof head);
    if (checksum(&head, state, length) != head.checksum) return HSTORE_BAD_STATE;
    if (head.fingerprint != s->masker->fingerprint && !descends_from(s->masker, head.fingerprint)) return HSTORE_BAD_STATE;
    if (head.intervals > length || head.hits > length) return HSTORE_BAD_STATE;
    if (head.hit_ends > length || head.length > length || head.taken - head.origin != head.length) return HSTORE_BAD_STATE;
    lists = (size_t)(head.intervals + head.hits) * sizeof(struct interval) + (size_t)head.hit_ends * sizeof(uint64_t);
    if (length != sizeof head + stream_counts_size(s) + lists + head.length) return HSTORE_BAD_STATE;
    s->failed = 1; /* until all of it is in place */
    state += sizeof head;
    memcpy(s->counts, state, stream_counts_size(s));
    state += stream_counts_size(s);
    if (refill(&s->intervals, &state, (size_t)head.intervals, sizeof(struct interval)) != 0) return HSTORE_NO_MEMORY;
    if (refill(&s->hits, &state, (size_t)head.hits, sizeof(struct interval)) != 0) return HSTORE_NO_MEMORY;
    if (refill(&s->hit_ends, &state, (size_t)head.hit_ends, sizeof(uint64_t)) != 0) return HSTORE_NO_MEMORY;
    wipe(s->buffer, s->length);
    s->length = 0;
    s->origin = s->taken = head.origin;
    if (stream_append(s, state, (size_t)head.length) != 0) return HSTORE_NO_MEMORY;
    s->emitted = head.emitted, s->work = head.work, s->marks = head.marks;
    s->in_mark = (int)head.in_mark;
    s->rules = head.rules;
    s->exact = head.exact;
    if (head.fingerprint != s->masker->fingerprint) exact_rewind(&s->exact);
    s->out_length = 0;
    s->failed = 0;
    return 0;
}
