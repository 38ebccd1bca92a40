/* Finds the registered values in all their forms: an automaton with failure links, built at run time.
 *
 *     node   first child | failure link | children | depth | longest form that ends here | byte
 *
 * Nodes are numbered breadth first, so the children of a node stand side by side and need no list: most nodes
 * have one. A dense row per node would be faster to walk but is 1 KiB for each byte of each form, and text
 * seldom gets behind the first bytes anyway: at the root only one place in `stride` is looked at. When the shortest
 * form has n bytes, one of any n - 3 neighbouring places falls on one of its first n - 3 windows of four bytes. All of
 * those are in the filter, so the longer the values the faster the search.
 *
 *     filter    a word for each hash of a window, three bits of it for each window there (Bloom's filter in blocks of
 *               a word: Putze, Sanders, Singler, JEA 2009): one load tells, and it grows with the number of windows
 *
 * Tried and rejected: a bitmap of fixed size (at 100 values every ninth place passed), and the windows of all forms
 * in the buckets of prefilter.h (random text fills every bucket at 20 values).
 */
#include "internal.h"
#include <string.h>

enum { SHORTEST_FORM = 8, WINDOW = 4, LONGEST_STRIDE = 32, WORDS_EACH = 1, SMALLEST_FILTER = 10, LARGEST_FILTER = 24, WORD_SHIFT = 6, PATTERNS = 256 };

struct node {
    uint32_t first, fail;
    uint16_t children, depth, longest;
    uint8_t byte;
};

struct automaton {
    uint32_t count;
    size_t size;
    uint32_t stride, word_mask;
    size_t filter_words;
    uint32_t *filter;
    uint32_t root[256];
    uint32_t patterns[PATTERNS]; /* three bits each */
    struct node *nodes;
};

/* While building, children hang in lists and nodes are numbered as they come. */
struct draft { uint32_t child, sibling; uint16_t longest; uint8_t byte; };

static inline uint32_t filter_hash(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, WINDOW);
    return four * 0x9E3779B1u;
}

/* The pattern by the eight upper bits, the word by others. */
static inline int may_be_window(const struct automaton *a, const uint8_t *p) {
    uint32_t hash = filter_hash(p), pattern = a->patterns[hash >> 24];
    return (a->filter[hash >> WORD_SHIFT & a->word_mask] & pattern) == pattern;
}

static uint32_t read_length(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void insert(struct draft *drafts, uint32_t *count, const uint8_t *form, uint32_t length) {
    uint32_t node = 0, i;
    for (i = 0; i < length; i++) {
        uint32_t child = drafts[node].child;
        while (child != 0 && drafts[child].byte != form[i]) child = drafts[child].sibling;
        if (child == 0) {
            child = (*count)++;
            drafts[child].byte = form[i];
            drafts[child].sibling = drafts[node].child;
            drafts[node].child = child;
        }
        node = child;
    }
    drafts[node].longest = (uint16_t)length;
}

static uint32_t child_of(const struct automaton *a, uint32_t node, uint8_t byte) {
    const struct node *n = &a->nodes[node];
    uint32_t i;
    if (node == 0) return a->root[byte];
    for (i = 0; i < n->children; i++)
        if (a->nodes[n->first + i].byte == byte) return n->first + i;
    return 0;
}

static uint32_t step(const struct automaton *a, uint32_t node, uint8_t byte) {
    uint32_t child;
    while ((child = child_of(a, node, byte)) == 0 && node != 0) node = a->nodes[node].fail;
    return child;
}

/* `order[i]` is the draft that becomes node i. */
static void number(struct automaton *a, const struct draft *drafts, uint32_t *order) {
    uint32_t done, next = 1, child;
    order[0] = 0;
    for (done = 0; done < next; done++) {
        struct node *n = &a->nodes[done];
        n->first = next;
        for (child = drafts[order[done]].child; child != 0; child = drafts[child].sibling) {
            a->nodes[next].byte = drafts[child].byte;
            a->nodes[next].depth = (uint16_t)(n->depth + 1);
            a->nodes[next].longest = drafts[child].longest;
            if (done == 0) a->root[drafts[child].byte] = next;
            order[next++] = child;
            n->children++;
        }
    }
    a->count = next;
}

static void link_failures(struct automaton *a) {
    uint32_t node, i;
    for (node = 0; node < a->count; node++) {
        struct node *n = &a->nodes[node];
        for (i = 0; i < n->children; i++) {
            struct node *child = &a->nodes[n->first + i];
            child->fail = node == 0 ? 0 : step(a, n->fail, child->byte);
            if (child->longest == 0) child->longest = a->nodes[child->fail].longest;
        }
    }
}

static void add_windows(struct automaton *a, const uint8_t *form) {
    uint32_t offset;
    for (offset = 0; offset < a->stride; offset++) {
        uint32_t hash = filter_hash(form + offset);
        a->filter[hash >> WORD_SHIFT & a->word_mask] |= a->patterns[hash >> 24];
    }
}

static void draw_patterns(struct automaton *a) {
    uint32_t i, state = 1;
    for (i = 0; i < PATTERNS; i++) {
        int bits = 0;
        while (bits < 3) {
            state = state * 1664525u + 1013904223u; /* Numerical Recipes, section 7.1 */
            if (a->patterns[i] >> (state >> 27) & 1) continue;
            a->patterns[i] |= 1u << (state >> 27);
            bits++;
        }
    }
}

/* The filter of all forms, or HSTORE_NO_MEMORY. */
static int make_filter(struct automaton *a, const uint8_t *forms, size_t length) {
    size_t position, count = 0, shortest = FORM_BYTES;
    uint32_t bits = SMALLEST_FILTER;
    for (position = 0; position < length; position += 4 + read_length(forms + position), count++)
        if (read_length(forms + position) < shortest) shortest = read_length(forms + position);
    a->stride = shortest - (WINDOW - 1) < LONGEST_STRIDE ? (uint32_t)(shortest - (WINDOW - 1)) : LONGEST_STRIDE;
    while (bits < LARGEST_FILTER && (size_t)1 << bits < WORDS_EACH * count * a->stride) bits++;
    a->filter_words = (size_t)1 << bits;
    a->word_mask = ((uint32_t)1 << bits) - 1;
    a->filter = grab(a->filter_words * sizeof *a->filter);
    if (a->filter == NULL) return HSTORE_NO_MEMORY;
    draw_patterns(a);
    for (position = 0; position < length; position += 4 + read_length(forms + position))
        add_windows(a, forms + position + 4);
    return 0;
}

static size_t checked_total(const uint8_t *forms, size_t length) {
    size_t total = 1, position = 0;
    while (position < length) {
        uint32_t size;
        if (length - position < 4) return 0;
        size = read_length(forms + position);
        if (size < SHORTEST_FORM || size > FORM_BYTES || size > length - position - 4) return 0;
        total += size;
        position += 4 + size;
    }
    return total < UINT32_MAX ? total : 0;
}

int forms_are_well_formed(const uint8_t *forms, size_t length) { return checked_total(forms, length) != 0; }

struct automaton *automaton_new(const uint8_t *forms, size_t length) {
    size_t total = checked_total(forms, length), position;
    struct automaton *a;
    struct draft *drafts;
    uint32_t *order, count = 1;
    if (total == 0) return NULL;
    a = grab(sizeof *a);
    drafts = grab(total * sizeof *drafts);
    order = grab(total * sizeof *order);
    if (a != NULL && drafts != NULL && order != NULL) {
        for (position = 0; position < length; position += 4 + read_length(forms + position)) {
            insert(drafts, &count, forms + position + 4, read_length(forms + position));
        }
        a->size = count * sizeof *a->nodes;
        a->nodes = grab(a->size);
    }
    if (a != NULL && a->nodes != NULL && make_filter(a, forms, length) == 0) {
        number(a, drafts, order);
        link_failures(a);
    } else {
        automaton_free(a);
        a = NULL;
    }
    release(drafts, drafts == NULL ? 0 : total * sizeof *drafts);
    release(order, order == NULL ? 0 : total * sizeof *order);
    return a;
}

void automaton_free(struct automaton *a) {
    if (a == NULL) return;
    release(a->nodes, a->size);
    release(a->filter, a->filter_words * sizeof *a->filter);
    release(a, sizeof *a);
}

/* A hit that begins inside a mark would break the mark: values like "pat]" + more are not worth that. */
static int begins_in_mark(const struct window *w, uint64_t start, uint64_t end) {
    const uint8_t *p = at(w, start), *low = start - w->origin > MARK_BYTES + 8 ? p - MARK_BYTES - 8 : w->bytes;
    const uint8_t *q;
    for (q = p; q > low && q[-1] != ']'; q--) {
        if (q[-1] == '[') {
            int length = mark_length(q - 1, at(w, end));
            return length > 0 && q - 1 + length > p;
        }
    }
    return 0;
}

/* Overlapping and touching hits unite; a longer form may begin before hits that were noted earlier. */
static int note(struct hstore_stream *s, const struct window *w, uint64_t start, uint64_t end) {
    struct interval hit = {start, end, 0, 0};
    struct interval *items = s->hits.items;
    int result;
    if (begins_in_mark(w, start, end)) return 0;
    while (s->hits.count > 0 && items[s->hits.count - 1].end >= hit.start) {
        if (items[s->hits.count - 1].start < hit.start) hit.start = items[s->hits.count - 1].start;
        s->hits.count--;
    }
    result = list_push(&s->hits, &hit, sizeof hit);
    if (s->hit_ends.count > 0 && ((uint64_t *)s->hit_ends.items)[s->hit_ends.count - 1] >= end) return result; /* read again */
    return result == 0 ? list_push(&s->hit_ends, &end, sizeof end) : result;
}

/* From the root: the first place that may lie in the first windows of a form, or behind the last testable one. */
static const uint8_t *skip(const struct automaton *a, const uint8_t *p, const uint8_t *end, const uint8_t *limit) {
    const uint8_t *q = p;
    const uint8_t *last = limit - p < WINDOW ? p : limit - WINDOW + 1; /* behind the last window */
    const size_t stride = a->stride;
    const uint8_t *start;
    /* A little beyond `end`: else each slice would end with bytes that are read for want of a test. */
    if (last - end > (ptrdiff_t)stride) last = end + stride;
    while (q < last && !may_be_window(a, q)) q += stride;
    start = (size_t)(q - p) < stride ? p : q - (stride - 1);
    return start < end ? start : end;
}

/* Where a match of `length` bytes that ends at `here` begins: what was stepped over inside it counts too. */
static uint64_t begin_of(const struct exact_state *e, uint64_t here, uint32_t length) {
    uint64_t start = here - length;
    uint32_t seen = e->escape_count < EXACT_ESCAPES ? e->escape_count : EXACT_ESCAPES, back;
    for (back = 1; back <= seen; back++) {
        const struct span *escape = &e->escapes[(e->escape_count - back) % EXACT_ESCAPES];
        if (escape->end <= start) break;
        start -= escape->end - escape->start;
    }
    return start;
}

/* Length of a colour code in the middle of a possible match, 0 if there is none. Strings (titles, links) are not
 * stepped over: a value may stand in their text. */
static size_t colour_code(const struct exact_state *e, const uint8_t *p, const uint8_t *limit, int last) {
    if (*p != ESC || e->escapes_live == EXACT_ESCAPES) return 0;
    if (p + 1 >= limit) return last ? 0 : ESCAPE_INCOMPLETE;
    return p[1] == '[' ? escape_length(p, limit, last) : 0;
}

static void remember(struct exact_state *e, uint64_t start, size_t length) {
    struct span *escape = &e->escapes[e->escape_count % EXACT_ESCAPES];
    escape->start = start;
    escape->end = start + length;
    if (++e->escape_count == 2 * EXACT_ESCAPES) e->escape_count = EXACT_ESCAPES;
    e->escapes_live++;
}

/* The bytes as they are, beside the reading that steps over escape sequences: what looks like the end of a sequence
 * may be a value's first letter, as in ESC [ p a s s w o r d, and a value must not be hidden by what it follows. */
static int read_raw(struct hstore_stream *s, const struct window *w, const uint8_t *p, size_t length) {
    const struct automaton *a = s->masker->automaton;
    struct exact_state *e = &s->exact;
    size_t i;
    for (i = 0; i < length; i++) {
        uint64_t here = w->origin + (uint64_t)(p + i + 1 - w->bytes);
        uint16_t longest;
        e->raw = step(a, e->raw, p[i]);
        longest = a->nodes[e->raw].longest;
        if (longest != 0 && note(s, w, here - longest, here) != 0) return HSTORE_NO_MEMORY;
    }
    return 0;
}

/* Everything before is decided: no form that is being read begins there. */
static uint64_t decided(const struct automaton *a, const struct exact_state *e, uint32_t node) {
    uint64_t start = node == 0 ? e->resume : begin_of(e, e->resume, a->nodes[node].depth);
    uint64_t raw = e->resume - (e->escapes_live ? a->nodes[e->raw].depth : 0);
    return raw < start ? raw : start;
}

/* Another automaton, which knows at least the same values, reads on: from the beginning of what may be one. */
void exact_rewind(struct exact_state *e) {
    e->resume = e->frontier;
    e->node = e->raw = 0;
    e->escapes_live = e->escape_count = 0;
}

int detect_exact(struct hstore_stream *s, const struct window *w, uint64_t until) {
    const struct automaton *a = s->masker->automaton;
    struct exact_state *e = &s->exact;
    const uint8_t *p = at(w, e->resume), *end = at(w, until), *limit = at(w, w->end);
    const uint8_t *horizon = limit - end > 64 ? end + 64 : limit; /* no window that matters reaches further */
    const uint8_t *escape = p; /* the next one, found out when it is passed */
    uint32_t node = e->node;
    while (a != NULL && p < end) {
        uint32_t next;
        if (node == 0) {
            e->escapes_live = 0;
            if (escape <= p) {
                escape = memchr(p + 1, ESC, (size_t)(horizon - p) - 1);
                if (escape == NULL) escape = horizon;
            }
            /* Windows with an escape sequence in them prove nothing: what begins just before it is read byte by byte. */
            if (*p != ESC) p = skip(a, p, end, escape);
            if (p >= end) break;
        }
        next = step(a, node, *p);
        if (node != 0 && next == 0) {
            size_t length = colour_code(e, p, limit, w->last);
            if (length == ESCAPE_INCOMPLETE) break;
            if (length != 0) {
                if (e->escapes_live == 0) e->raw = node;
                remember(e, w->origin + (uint64_t)(p - w->bytes), length);
                if (read_raw(s, w, p, length) != 0) return HSTORE_NO_MEMORY;
                p += length;
                continue;
            }
        }
        if (e->escapes_live != 0 && read_raw(s, w, p, 1) != 0) return HSTORE_NO_MEMORY;
        node = next;
        p++;
        s->work++;
        if (a->nodes[node].longest != 0) {
            uint64_t here = w->origin + (uint64_t)(p - w->bytes);
            int result = note(s, w, begin_of(e, here, a->nodes[node].longest), here);
            if (result != 0) return result;
        }
        if (node == 0 && e->escapes_live != 0) {
            node = e->raw;
            e->escapes_live = e->escape_count = 0; /* what it has read of a value holds none */
        }
    }
    e->position = until;
    e->resume = a == NULL ? until : w->origin + (uint64_t)(p - w->bytes);
    e->node = node;
    e->frontier = a == NULL ? e->resume : decided(a, e, node);
    if (e->frontier > until) e->frontier = until;
    if (w->last && until == w->end) e->frontier = until;
    return 0;
}
