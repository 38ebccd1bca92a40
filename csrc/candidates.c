/* What a verifier is given, and what must be held back while it waits for more. */
#include "detector.h"
#include <string.h>

/* How far back a verifier may look from `start`: not into what is masked, by rules or by values. */
static uint64_t lowest(const struct hstore_stream *s, const struct window *w, uint64_t start) {
    const uint64_t *ends = s->hit_ends.items;
    size_t low = 0, high = s->hit_ends.count;
    uint64_t floor = start > LOOK_BACK ? start - LOOK_BACK : 0;
    if (floor < w->origin) floor = w->origin;
    if (floor < s->rules.barrier && s->rules.barrier <= start) floor = s->rules.barrier;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ends[middle] <= start) low = middle + 1;
        else high = middle;
    }
    if (low > 0 && ends[low - 1] > floor) floor = ends[low - 1];
    return floor;
}

/* The end of the latest escape sequence that was passed. */
static uint64_t newest_escape(const struct rule_state *r) {
    return r->escape_count == 0 ? 0 : r->escapes[(r->escape_count - 1) % ESCAPES].end;
}

void fill(struct hstore_stream *s, const struct window *w, struct candidate *c, const uint8_t *start) {
    uint64_t from = offset_of(w, start);
    c->window = w;
    c->set = s->masker->set;
    c->state = &s->rules;
    c->start = start;
    c->low = at(w, lowest(s, w, from));
    c->full = w->end - from >= CANDIDATE_BYTES;
    c->end = c->full ? start + CANDIDATE_BYTES : at(w, w->end);
    c->last = w->last && c->end == at(w, w->end);
    if (c->last) c->full = 0;
    c->colourless = newest_escape(&s->rules) <= offset_of(w, c->low);
}

/* The byte where `length` characters before `behind` begin; NULL where escape sequences stretch them too far. */
const uint8_t *anchor_start(struct hstore_stream *s, const struct window *w, const uint8_t *behind, int length) {
    const struct rule_state *r = &s->rules;
    struct candidate c;
    const uint8_t *p = behind;
    uint64_t here = offset_of(w, behind);
    if (newest_escape(r) + (uint64_t)length <= here) return p - length;
    c.colourless = 0;
    c.window = w;
    c.state = &s->rules;
    c.low = here - w->origin > LOOK_BACK ? behind - LOOK_BACK : w->bytes;
    while (length-- > 0)
        if (look_back(&c, &p) < 0) return NULL;
    return p;
}

/* Text inside a control string (a title, a link) is searched like any other; its ends are boundaries. */
int is_string_escape(uint8_t kind) { return kind == ']' || kind == 'P' || kind == '_' || kind == '^' || kind == '\\'; }

void note_escape(struct rule_state *r, uint64_t start, size_t length) {
    r->escapes[r->escape_count % ESCAPES].start = start;
    r->escapes[r->escape_count % ESCAPES].end = start + length;
    if (++r->escape_count == 2 * ESCAPES) r->escape_count = ESCAPES;
}

/* The start of the longest piece before `behind` that a held anchor may begin with, or NOWHERE. */
uint64_t partial_anchor(struct hstore_stream *s, const struct window *w, uint32_t node, const uint8_t *behind) {
    const struct ruleset *set = s->masker->set;
    uint32_t i;
    for (i = set->held_at[node]; i < set->held_at[node + 1]; i++) {
        const struct anchor *anchor = &set->anchors[set->held[2 * i + 1]];
        int length = set->held[2 * i], n = 0;
        const uint8_t *start = anchor_start(s, w, behind, length);
        struct candidate c;
        struct cursor k;
        if (start == NULL) continue;
        fill(s, w, &c, start);
        k.at = start;
        k.end = behind;
        k.last = 1;
        while (n < length && look(&k) == (uint8_t)anchor->text[n]) k.at = k.next, n++;
        if (n < length) continue;
        if (!anchor_may_stand(&c, &set->rules[anchor->rule], start)) continue;
        return offset_of(w, start);
    }
    return NOWHERE;
}

/* How much of [position, limit) an open candidate lets through: up to the first other anchor, or its piece at the end. */
static uint64_t search_shown(struct hstore_stream *s, const struct window *w, uint64_t limit, const struct stretch *name) {
    const uint8_t *p = at(w, s->rules.position), *end = at(w, limit);
    const struct ruleset *set = s->masker->set;
    uint32_t node = s->rules.node;
    uint64_t partial;
    while (p < end) {
        uint32_t move, i;
        if (*p == ESC) {
            int opens_string = end - p >= 2 && is_string_escape(p[1]);
            size_t length = opens_string ? 2 : escape_length(p, end, 0);
            if (length == ESCAPE_INCOMPLETE) {
                limit = offset_of(w, p);
                break;
            }
            if (length == 0 || opens_string) node = 0;
            else note_escape(&s->rules, offset_of(w, p), length);
            p += length ? length : 1;
            continue;
        }
        s->work++;
        move = move_from(set, node, *p++);
        node = move & ~ENDS_HERE;
        if (!(move & ENDS_HERE)) continue;
        for (i = set->end_at[node]; i < set->end_at[node + 1]; i++) {
            const struct anchor *anchor = &set->anchors[set->ends[i]];
            int form = set->rules[anchor->rule].form;
            const uint8_t *start;
            if (form == FORM_CURL_WORD) continue;
            start = anchor_start(s, w, p, anchor->length);
            if (start == NULL) continue;
            if (form == FORM_NAME && p <= name->to && lowest(s, w, offset_of(w, start)) <= offset_of(w, name->from)) continue;
            partial = partial_anchor(s, w, node, p);
            return partial < offset_of(w, start) ? partial : offset_of(w, start);
        }
    }
    partial = partial_anchor(s, w, node, p);
    return partial < limit ? partial : limit;
}

/* The escape sequences met on the way are noted again when the automaton gets there. */
uint64_t shown_until(struct hstore_stream *s, const struct window *w, uint64_t limit, const struct stretch *name) {
    struct rule_state *r = &s->rules;
    struct span escapes[ESCAPES];
    uint32_t count = r->escape_count;
    uint64_t shown;
    memcpy(escapes, r->escapes, sizeof escapes);
    shown = search_shown(s, w, limit, name);
    memcpy(r->escapes, escapes, sizeof escapes);
    r->escape_count = count;
    return shown;
}
