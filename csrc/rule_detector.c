/* Finds the places where a rule could match, has them verified from left to right, and follows long matches.
 *
 * The automaton reads folded bytes: node = move[node][column[byte]]. Over clean text it would be
 * slow, since every byte waits for the table entry of the one before (0.5 GB/s). So while it rests at its
 * root, the prefilter says where it has to go on.
 *
 * Only one candidate is open at a time. While it waits for more input the automaton stands still behind its
 * anchor, and what the candidate lets through is searched for other candidates first (`shown_until`).
 */
#include "detector.h"
#include "prefilter.h"
#include <string.h>

enum { WAIT = 1, CROWD = 24, CROWD_COUNT = 4, CROWD_BYTES = 128 };

/* ---- verdicts ---- */

static int push(struct hstore_stream *s, uint64_t start, uint64_t end, int type) {
    struct interval interval = {start, end, type, 0};
    return list_push(&s->intervals, &interval, sizeof interval);
}

/* `curl` counts as far as its line goes; a backslash before the line's end carries it on. Line ends in masked text do not count. */
static int follows_curl(struct rule_state *r, const struct window *w, uint64_t until) {
    uint64_t from = r->curl_checked > w->origin ? r->curl_checked : w->origin;
    const uint8_t *p = at(w, from), *end;
    if (r->curl == 0) return 0;
    if (until <= from) return 1;
    end = at(w, until);
    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        if (!(p > w->bytes && (p[-1] == '\\' || (p[-1] == '\r' && p - 1 > w->bytes && p[-2] == '\\')))) {
            r->curl = 0;
            return 0;
        }
        p++;
    }
    r->curl_checked = until;
    return 1;
}

/* A decided interval begins here: note it and go on behind it. */
static int take(struct hstore_stream *s, const struct window *w, enum verdict_kind kind, uint64_t from, uint64_t to, int type) {
    struct rule_state *r = &s->rules;
    follows_curl(r, w, from);
    r->curl_checked = to;
    r->position = r->barrier = to;
    r->node = 0;
    r->pending = 0;
    if (kind == VERDICT_SWALLOW) {
        r->swallowing = 1;
        r->backslash = 0;
        r->block_dashes = r->block_matched = r->block_end = r->block_line = r->block_bytes = 0;
        r->block_colon = 0;
        r->block_blank_ok = 1;
        return push(s, from, NOWHERE, type);
    }
    return push(s, from, to, type);
}

/* Keeps what lies behind the parked interval, where its verifier has read far ahead: its anchor is not met again. */
static void keep_for_later(struct rule_state *r, const struct parked *item) {
    uint32_t at = r->later_count;
    while (at > 0 && r->later[at - 1].span.start > item->span.start) at--;
    if (r->later_count == LATER || (at > 0 && r->later[at - 1].span.end > item->span.start)) return;
    memmove(r->later + at + 1, r->later + at, (r->later_count - at) * sizeof *item);
    r->later[at] = *item;
    r->later_count++;
}

static struct parked parked_now(const struct rule_state *r) {
    struct parked item = {r->parked, r->parked_kind, r->parked_swallow, r->parked_detail, r->parked_type};
    return item;
}

static int reads_far(const struct hstore_stream *s, uint32_t type) {
    uint8_t form = s->masker->set->rules[type].form;
    return form == FORM_COMMAND || form == FORM_KUBERNETES;
}

static int take_verdict(struct hstore_stream *s, const struct window *w, const struct verdict *v) {
    struct rule_state *r = &s->rules;
    uint64_t from = offset_of(w, v->from), to = offset_of(w, v->to);
    if (r->parked_kind != VERDICT_NO && from >= r->parked.start) {
        struct parked item = {{from, to}, v->kind, v->swallow, v->detail, (uint32_t)v->type};
        if (reads_far(s, item.type) && from >= r->parked.end) keep_for_later(r, &item);
        return 0;
    }
    if (from > r->position) {
        if (r->parked_kind != VERDICT_NO && reads_far(s, r->parked_type)) {
            struct parked item = parked_now(r);
            keep_for_later(r, &item);
        }
        r->parked.start = from;
        r->parked.end = to;
        r->parked_kind = v->kind;
        r->parked_swallow = v->swallow;
        r->parked_detail = v->detail;
        r->parked_type = (uint32_t)v->type;
        return 0;
    }
    r->swallow = v->swallow;
    r->detail = v->detail;
    return take(s, w, v->kind, from, to, v->type);
}

static int take_parked(struct hstore_stream *s, const struct window *w) {
    struct rule_state *r = &s->rules;
    enum verdict_kind kind = (enum verdict_kind)r->parked_kind;
    uint64_t from = r->parked.start > r->position ? r->parked.start : r->position;
    uint64_t to = r->parked.end > from ? r->parked.end : from;
    struct parked taken = parked_now(r);
    r->parked_kind = VERDICT_NO;
    if (r->later_count > 0) {
        const struct parked *next = &r->later[0];
        r->parked = next->span;
        r->parked_kind = next->kind;
        r->parked_swallow = next->swallow;
        r->parked_detail = next->detail;
        r->parked_type = next->type;
        r->later_count--;
        memmove(r->later, r->later + 1, r->later_count * sizeof *r->later);
    }
    if (kind == VERDICT_MATCH && taken.span.end <= r->position) return 0;
    r->swallow = taken.swallow;
    r->detail = taken.detail;
    return take(s, w, kind, from, to, (int)taken.type);
}

/* Judges the anchors that end at the automaton's node, the longest first. WAIT when one needs more input. */
static int judge(struct hstore_stream *s, const struct window *w) {
    struct rule_state *r = &s->rules;
    const struct ruleset *set = s->masker->set;
    uint32_t first = set->end_at[r->node], behind_last = set->end_at[r->node + 1];
    uint32_t i = first + (r->pending ? r->pending - 1 : 0);
    const uint8_t *behind = at(w, r->position);
    r->pending = 0;
    for (; i < behind_last; i++) {
        struct candidate c;
        struct verdict v;
        const uint8_t *start;
        int form, result;
        c.anchor = &set->anchors[set->ends[i]];
        form = set->rules[c.anchor->rule].form;
        start = anchor_start(s, w, behind, c.anchor->length);
        if (start == NULL) continue;
        fill(s, w, &c, start);
        if (form == FORM_NAME && offset_of(w, start) < r->name_done && offset_of(w, c.low) <= r->name_from) continue;
        c.after = behind;
        if (start < c.low) continue;
        if (form == FORM_CURL_WORD) {
            if (token_may_begin(&c, start)) r->curl = 1, r->curl_checked = r->position;
            continue;
        }
        c.after_curl = form == FORM_CURL && follows_curl(r, w, r->position);
        v = verify(&c);
        if (c.set->allowed_count != 0) v = unless_allowed(&c, &v);
        s->work += 8;
        if (v.kind == VERDICT_NO) {
            if (form == FORM_NAME && v.to != NULL) r->name_done = offset_of(w, v.to), r->name_from = offset_of(w, start);
            continue;
        }
        s->work += (uint64_t)(v.to - start);
        if (v.kind == VERDICT_MORE) {
            uint64_t limit = v.from == NULL ? w->end : offset_of(w, v.from);
            struct stretch name = {start, form == FORM_NAME ? v.to : start};
            if (r->parked_kind != VERDICT_NO && limit > r->parked.start) limit = r->parked.start;
            /* Another anchor that ends here is judged later: "pass" behind "sshpass". It may want what follows held. */
            if (form != FORM_NAME && i + 1 < behind_last && limit > r->position) limit = r->position;
            r->pending = i - first + 1;
            if (limit < r->position) {
                /* A longer anchor may be open around this one: "api-" in "bedrock-api-key-". */
                uint64_t around = partial_anchor(s, w, r->node, behind);
                r->frontier = around < limit ? around : limit;
            } else {
                r->frontier = shown_until(s, w, limit, &name);
            }
            return WAIT;
        }
        if (form == FORM_MARK) {
            r->position = r->barrier = offset_of(w, v.to);
            r->node = 0;
            return 0;
        }
        result = take_verdict(s, w, &v);
        if (result != 0 || r->node == 0) return result;
    }
    return 0;
}

/* A token that begins exactly at `start`: the value of a named value may be one. */
struct verdict verify_token_at(const struct candidate *from, const uint8_t *start) {
    struct verdict v = {VERDICT_NO, SWALLOW_CLASS, 0, NULL, NULL, 0};
    const struct ruleset *set = from->set;
    struct cursor k = {start, start, from->end, from->last};
    uint32_t node = 0;
    int depth;
    for (depth = 1;; depth++) {
        int ch = look(&k);
        uint32_t move, i;
        if (ch == LOOK_MORE && (depth == 1 || set->held_at[node] < set->held_at[node + 1]))
            v.kind = VERDICT_MORE;
        if (ch < 0) return v;
        move = move_from(set, node, ch);
        node = move & ~ENDS_HERE;
        k.at = k.next;
        if (node == 0 || depth > 32) return v;
        if (!(move & ENDS_HERE)) continue;
        for (i = set->end_at[node]; i < set->end_at[node + 1]; i++) {
            const struct anchor *anchor = &set->anchors[set->ends[i]];
            struct candidate c = *from;
            struct verdict inner;
            if (anchor->length != depth || !anchor->exact_case) continue;
            c.start = c.low = start;
            c.after = k.at;
            c.anchor = anchor;
            inner = verify(&c);
            if (inner.kind != VERDICT_NO) return inner;
        }
    }
}

/* ---- the scan ---- */

/* An escape sequence under the automaton: colours are stepped over, text inside strings is read. Returns the
 * bytes to step, 0 when the sequence is not complete yet. */
static size_t step_escape(struct hstore_stream *s, const struct window *w, const uint8_t *p) {
    struct rule_state *r = &s->rules;
    const uint8_t *end = at(w, w->end);
    uint64_t here = offset_of(w, p);
    size_t length;
    if (end - p < 2 && !w->last) return 0;
    if (end - p >= 2 && is_string_escape(p[1])) {
        r->node = 0;
        if (p[1] == '\\') r->barrier = here + 2;
        return 2;
    }
    length = escape_length(p, end, w->last);
    if (length == ESCAPE_INCOMPLETE) return 0;
    if (length == 0) {
        r->node = 0;
        return 1;
    }
    note_escape(r, here, length);
    return length;
}

/* Where a word that the prefilter may drop can begin at the earliest: a mark, the end of a value or of a colour code is
 * no letter of it. */
static const uint8_t *lowest_letter(const struct hstore_stream *s, const struct window *w) {
    const struct rule_state *r = &s->rules;
    uint64_t low = r->barrier > w->origin ? r->barrier : w->origin;
    if (s->hit_ends.count > 0) return at(w, w->end);
    if (r->escape_count > 0) {
        uint64_t end = r->escapes[(r->escape_count - 1) % ESCAPES].end;
        if (end > low) low = end;
    }
    return at(w, low);
}

/* Runs the automaton up to `until`. Returns WAIT at a cut escape sequence or an open candidate. */
static int scan(struct hstore_stream *s, struct hints *hints, const struct window *w, uint64_t until) {
    const struct ruleset *set = s->masker->set;
    struct rule_state *r = &s->rules;
    const uint8_t *p = at(w, r->position), *end = at(w, until), *limit = at(w, w->end);
    const uint8_t *lookable = lowest_letter(s, w);
    const uint8_t *read = p; /* the automaton reads at least up to here */
    uint32_t node = r->node;
    int crowded = 0;
    while (p < end) {
        uint32_t move;
        if (node == 0 && p >= read) {
            const uint8_t *from = p;
            p = next_start(set, hints, p, end, lookable, limit, &read);
            /* Where hints stand close together, looking for each costs more than reading on. */
            crowded = p - from < CROWD ? crowded + 1 : 0;
            if (crowded >= CROWD_COUNT) read += CROWD_BYTES, crowded = 0;
            if (p >= end) break;
        }
        if (*p == ESC) {
            size_t length;
            r->node = node;
            r->position = offset_of(w, p);
            length = step_escape(s, w, p);
            if (length == 0) {
                r->frontier = partial_anchor(s, w, node, p);
                /* Not shown: where it turns out to be no sequence, an anchor may begin in it, like "1//0" in "ESC [ 1 / /". */
                if (r->frontier == NOWHERE) r->frontier = offset_of(w, p);
                return WAIT;
            }
            node = r->node;
            p += length;
            if (lookable < p) lookable = p;
            continue;
        }
        move = move_from(set, node, *p++);
        node = move & ~ENDS_HERE;
        s->work++;
        if (move & ENDS_HERE) {
            int result;
            r->position = offset_of(w, p);
            r->node = node;
            result = judge(s, w);
            if (result != 0) return result;
            if (r->swallowing || r->parked_kind != VERDICT_NO || r->position > offset_of(w, p)) return 0;
        }
    }
    r->position = offset_of(w, p);
    r->node = node;
    return 0;
}

/* Reads up to `until`, at most w->end. Sets the frontier. 0 or HSTORE_NO_MEMORY. */
int detect_rules(struct hstore_stream *s, const struct window *w, uint64_t until) {
    struct rule_state *r = &s->rules;
    struct hints hints;
    int result = 0;
    no_hints(&hints);
    while (result == 0 && (r->position < until || r->pending || (w->last && until == w->end && (r->swallowing || r->parked_kind != VERDICT_NO)))) {
        if (r->swallowing) {
            result = swallow(s, w, until);
        } else if (r->pending) {
            result = judge(s, w);
        } else if (r->parked_kind != VERDICT_NO && r->position >= r->parked.start) {
            result = take_parked(s, w);
        } else {
            uint64_t stop = until;
            if (r->parked_kind != VERDICT_NO && r->parked.start < stop) stop = r->parked.start;
            result = scan(s, &hints, w, stop);
            if (result == 0 && r->position >= until && r->parked_kind == VERDICT_NO) break;
        }
    }
    if (result < 0) return result;
    if (!r->swallowing) follows_curl(r, w, r->position < w->end ? r->position : w->end);
    if (r->swallowing) r->frontier = r->position; /* also where the open interval begins at the very end */
    if (result == WAIT || r->swallowing) return 0;
    r->frontier = r->position;
    if (!(w->last && r->position >= w->end) && r->position <= w->end) {
        uint64_t partial = partial_anchor(s, w, r->node, at(w, r->position));
        if (partial < r->frontier) r->frontier = partial;
    }
    return 0;
}
