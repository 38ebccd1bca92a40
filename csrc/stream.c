/* A stream: keeps what the detectors need, writes what both have passed, and marks what they found.
 *
 *     origin        low_bound        emitted       frontier        taken
 *       |--- spent ---|--- context ---|--- sure -----|--- held ------|
 *
 * Small writes are appended to a buffer of the stream. In a large one only the beginning is: as soon as the
 * detectors look back no further than into the caller's own bytes, they read those in place, and clean output
 * is never copied at all.
 */
#include "internal.h"
#include <string.h>

enum { PIECE = 1024, BUFFER_COMPACTED = 8192, BUFFER_KEPT = 64 * 1024, LIST_KEPT = 8192, REST_WORTH = 2048 };

/* ---- making and releasing ---- */

void hstore_stream_adopt(hstore_stream *s, const hstore_masker *masker) {
    if (s->masker == masker) return;
    s->masker = masker;
    exact_rewind(&s->exact);
}

/* Kept in the stream: a stream may be freed after its masker. */
size_t stream_counts_size(const hstore_stream *s) { return s->type_count * sizeof(uint64_t); }

hstore_stream *hstore_stream_new(const hstore_masker *masker) {
    hstore_stream *s = grab(sizeof *s);
    if (s == NULL) return NULL;
    s->masker = masker;
    s->type_count = (size_t)hstore_type_count(masker);
    s->counts = grab(stream_counts_size(s));
    if (s->counts == NULL) {
        release(s, sizeof *s);
        return NULL;
    }
    return s;
}

static void release_list(struct list *list, size_t size) {
    release(list->items, list->room * size);
    memset(list, 0, sizeof *list);
}

static void release_parts(hstore_stream *s) {
    release(s->buffer, s->room);
    release(s->out, s->out_room);
    s->buffer = s->out = NULL;
    s->length = s->room = s->out_length = s->out_room = 0;
    release_list(&s->intervals, sizeof(struct interval));
    release_list(&s->hits, sizeof(struct interval));
    release_list(&s->hit_ends, sizeof(uint64_t));
    release_list(&s->trace, sizeof(struct interval));
}

void hstore_stream_free(hstore_stream *s) {
    if (s == NULL) return;
    release_parts(s);
    release(s->counts, stream_counts_size(s));
    release(s, sizeof *s);
}

/* The buffers stay unless one write made them large. Between short texts this is much of the work, so the counts are
 * cleared only where there are any, and of the histories only what says how long they are. */
void hstore_stream_reset(hstore_stream *s) {
    if (s->marks != 0 || s->failed) memset(s->counts, 0, stream_counts_size(s));
    if (s->trace.items != NULL) release_list(&s->trace, sizeof(struct interval));
    if (s->room > BUFFER_KEPT || s->out_room > BUFFER_KEPT || s->hits.room > LIST_KEPT || s->intervals.room > LIST_KEPT)
        release_parts(s);
    wipe(s->buffer, s->length);
    wipe(s->out, s->out_length);
    memset(&s->rules, 0, offsetof(struct rule_state, escapes));
    memset(&s->exact, 0, offsetof(struct exact_state, escapes));
    s->intervals.count = s->hits.count = s->hit_ends.count = 0;
    s->length = s->out_length = s->rest_start = s->rest_length = 0;
    s->origin = s->taken = s->emitted = s->given_at = s->plain_from = s->plain_to = s->work = s->marks = 0;
    s->given = NULL;
    s->failed = s->in_mark = s->tracing = 0;
}

/* ---- output ---- */

static int room_for(uint8_t **block, size_t *room, size_t used, size_t more) {
    size_t wanted = *room ? *room : 256;
    uint8_t *grown;
    if (more <= *room - used) return 0;
    while (wanted - used < more) wanted *= 2;
    grown = regrab(*block, *room, wanted);
    if (grown == NULL) return HSTORE_NO_MEMORY;
    *block = grown;
    *room = wanted;
    return 0;
}

static int write_out(hstore_stream *s, const uint8_t *bytes, size_t length) {
    if (length == 0) return 0;
    if (room_for(&s->out, &s->out_room, s->out_length, length) != 0) return HSTORE_NO_MEMORY;
    memcpy(s->out + s->out_length, bytes, length);
    s->out_length += length;
    return 0;
}

/* Copies the clean stretch that was put off. It lies in the caller's bytes. */
static int flush(hstore_stream *s) {
    int result = 0;
    if (s->plain_to > s->plain_from)
        result = write_out(s, s->given + (size_t)(s->plain_from - s->given_at), (size_t)(s->plain_to - s->plain_from));
    s->plain_from = s->plain_to;
    return result;
}

static int write_plain(hstore_stream *s, const struct window *w, uint64_t from, uint64_t to) {
    int result;
    if (from < s->given_at) {
        uint64_t middle = to < s->given_at ? to : s->given_at;
        result = flush(s);
        if (result == 0) result = write_out(s, at(w, from), (size_t)(middle - from));
        if (result != 0) return result;
        from = middle;
    }
    if (from == to) return 0;
    if (s->plain_to == from && s->plain_to > s->plain_from) {
        s->plain_to = to;
        return 0;
    }
    result = flush(s);
    s->plain_from = from;
    s->plain_to = to;
    return result;
}

static int write_mark(hstore_stream *s, int type) {
    const char *name = hstore_type_name(s->masker, type);
    int result = flush(s);
    s->counts[type]++;
    s->marks++;
    if (result == 0) result = write_out(s, (const uint8_t *)"[masked:", 8);
    if (result == 0) result = write_out(s, (const uint8_t *)name, strlen(name));
    if (result == 0) result = write_out(s, (const uint8_t *)"]", 1);
    return result;
}

void hstore_stream_trace(hstore_stream *s) { s->tracing = 1; }
size_t hstore_stream_traced(const hstore_stream *s) { return s->trace.count; }

int hstore_stream_mark(const hstore_stream *s, size_t number, uint64_t *start, uint64_t *end) {
    const struct interval *mark = (const struct interval *)s->trace.items + number;
    *start = mark->start;
    *end = mark->end;
    return mark->type;
}

/* One mark may come in several stretches. */
static int trace(hstore_stream *s, uint64_t start, uint64_t end, int type) {
    struct interval mark = {start, end, type, 0};
    if (!s->in_mark) return list_push(&s->trace, &mark, sizeof mark);
    if (s->trace.count > 0) ((struct interval *)s->trace.items)[s->trace.count - 1].end = end;
    return 0;
}

/* ---- the emitter ---- */

static const struct interval *front(struct list *list, size_t *taken, uint64_t emitted) {
    const struct interval *items = list->items;
    while (*taken < list->count && items[*taken].end <= emitted) ++*taken;
    return *taken < list->count ? &items[*taken] : NULL;
}

static int covers(const struct interval *i, uint64_t position) { return i != NULL && i->start <= position; }

/* Writes everything before `until`. Overlapping and touching intervals share the mark of the one that begins
 * first, a rule's before a value's. `in_mark` carries a mark over from one call to the next. */
static int emit(hstore_stream *s, const struct window *w, uint64_t until) {
    size_t rules_taken = 0, hits_taken = 0;
    int result = 0;
    while (s->emitted < until && result == 0) {
        const struct interval *rule = front(&s->intervals, &rules_taken, s->emitted);
        const struct interval *hit = front(&s->hits, &hits_taken, s->emitted);
        int in_rule = covers(rule, s->emitted), in_hit = covers(hit, s->emitted);
        uint64_t next = until;
        if (in_rule || in_hit) {
            uint64_t end = in_rule ? rule->end : 0;
            if (in_hit && hit->end > end) end = hit->end;
            int type = in_rule ? rule->type : (int)s->masker->set->rule_count;
            if (end < next) next = end;
            if (!s->in_mark) result = write_mark(s, type);
            if (s->tracing && result == 0) result = trace(s, s->emitted, next, type);
            s->in_mark = 1;
        } else {
            if (rule != NULL && rule->start < next) next = rule->start;
            if (hit != NULL && hit->start < next) next = hit->start;
            s->in_mark = 0;
            result = write_plain(s, w, s->emitted, next);
        }
        s->emitted = next;
    }
    list_drop(&s->intervals, rules_taken, sizeof(struct interval));
    list_drop(&s->hits, hits_taken, sizeof(struct interval));
    return result;
}

/* Ends of hits are boundaries for what begins behind them; further back than verifiers look they are not. */
static void forget_hit_ends(hstore_stream *s) {
    const uint64_t *ends = s->hit_ends.items;
    size_t spent = 0;
    while (spent < s->hit_ends.count && ends[spent] + CONTEXT < s->rules.position) spent++;
    list_drop(&s->hit_ends, spent, sizeof(uint64_t));
}

/* The detectors take turns in slices, the values ahead: the rules ask where hits end. */
static int advance(hstore_stream *s, const struct window *w) {
    int result;
    do {
        uint64_t until = w->end - s->exact.position > SLICE ? s->exact.position + SLICE : w->end, sure;
        result = detect_exact(s, w, until);
        if (result == 0) result = detect_rules(s, w, until);
        if (result != 0) return result;
        sure = s->rules.frontier < s->exact.frontier ? s->rules.frontier : s->exact.frontier;
        if (w->last && until == w->end) sure = w->end;
        result = emit(s, w, sure);
        forget_hit_ends(s);
    } while (result == 0 && s->exact.position < w->end);
    return result;
}

/* ---- input ---- */

/* Nothing before this is looked at again. */
uint64_t stream_low_bound(const hstore_stream *s) {
    uint64_t low = s->emitted;
    uint64_t rules_at = s->rules.position > CONTEXT ? s->rules.position - CONTEXT : 0;
    uint64_t exact_at = s->exact.frontier > CONTEXT ? s->exact.frontier - CONTEXT : 0;
    if (rules_at < low) low = rules_at;
    return exact_at < low ? exact_at : low;
}

static void compact(hstore_stream *s) {
    uint64_t low = stream_low_bound(s);
    size_t spent = low > s->origin ? (size_t)(low - s->origin) : 0;
    if (spent == 0) return;
    memmove(s->buffer, s->buffer + spent, s->length - spent);
    wipe(s->buffer + s->length - spent, spent);
    s->length -= spent;
    s->origin += spent;
}

int stream_append(hstore_stream *s, const uint8_t *bytes, size_t length) {
    if (length == 0) return 0;
    if (s->room - s->length < length && s->room >= BUFFER_COMPACTED) compact(s);
    if (room_for(&s->buffer, &s->room, s->length, length) != 0) return HSTORE_NO_MEMORY;
    memcpy(s->buffer + s->length, bytes, length);
    s->length += length;
    s->taken += length;
    return 0;
}

/* Reads the caller's bytes where they lie and keeps their end. */
static int take_in_place(hstore_stream *s, size_t length, int last) {
    struct window w = {s->given, s->given_at, s->given_at + length, last};
    uint64_t low;
    int result;
    s->taken = w.end;
    result = advance(s, &w);
    if (result != 0) return result;
    wipe(s->buffer, s->length);
    low = last ? w.end : stream_low_bound(s);
    s->origin = low;
    s->length = 0;
    s->taken = low;
    return stream_append(s, at(&w, low), (size_t)(w.end - low));
}

static int take_copied(hstore_stream *s, const uint8_t *bytes, size_t length, int last) {
    struct window w;
    if (stream_append(s, bytes, length) != 0) return HSTORE_NO_MEMORY;
    w.bytes = s->buffer;
    w.origin = s->origin;
    w.end = s->taken;
    w.last = last;
    return advance(s, &w);
}

int hstore_stream_feed(hstore_stream *s, const uint8_t *bytes, size_t length, int flags) {
    const int last = flags & HSTORE_LAST;
    uint64_t emitted = s->emitted, marks = s->marks;
    size_t done = 0;
    int result = 0;
    if (s->failed) return HSTORE_NO_MEMORY;
    if (length == 0) bytes = (const uint8_t *)""; /* NULL is allowed then, but not to be counted from */
    s->out_length = 0;
    s->given = bytes;
    s->given_at = s->taken;
    s->plain_from = s->plain_to = s->given_at;
    do {
        size_t left = length - done, piece = left < PIECE ? left : PIECE;
        if (s->length == 0 || stream_low_bound(s) >= s->given_at) {
            result = take_in_place(s, length, last);
            done = length;
        } else {
            result = take_copied(s, bytes + done, piece, last && piece == left);
            done += piece;
        }
    } while (result == 0 && done < length);
    if (result != 0) {
        s->failed = 1;
        return result;
    }
    if (marks == s->marks && emitted == s->given_at && s->out_length == 0 && s->plain_from == s->given_at &&
        s->plain_to == s->taken)
        return 0;
    if (flags & HSTORE_REST && s->plain_to - s->plain_from >= REST_WORTH) {
        s->rest_start = (size_t)(s->plain_from - s->given_at);
        s->rest_length = (size_t)(s->plain_to - s->plain_from);
        return 2;
    }
    if (flush(s) != 0) {
        s->failed = 1;
        return HSTORE_NO_MEMORY;
    }
    return 1;
}

const uint8_t *hstore_stream_output(const hstore_stream *s) { return s->out; }
size_t hstore_stream_output_length(const hstore_stream *s) { return s->out_length; }
size_t hstore_stream_rest_start(const hstore_stream *s) { return s->rest_start; }
size_t hstore_stream_rest_length(const hstore_stream *s) { return s->rest_length; }
size_t hstore_stream_held(const hstore_stream *s) { return (size_t)(s->taken - s->emitted); }
uint64_t hstore_stream_work(const hstore_stream *s) { return s->work; }
uint64_t hstore_stream_marks(const hstore_stream *s) { return s->marks; }

int hstore_stream_next_type(const hstore_stream *s, int type) {
    for (; type >= 0 && (size_t)type < s->type_count; type++)
        if (s->counts[type] != 0) return type;
    return -1;
}

uint64_t hstore_stream_count(const hstore_stream *s, int type) {
    return type < 0 || type >= hstore_type_count(s->masker) ? 0 : s->counts[type];
}
