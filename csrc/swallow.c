/* Follows a secret to its end in constant state: a run of a class, plain text, a quotation, a line, a block. */
#include "detector.h"
#include <string.h>

int ends_plain(int ch) { return ch <= ' ' || ch == 127 || strchr("\"'`,;<>(){}[]|&\\", ch) != NULL; }

/* The end line of a block, a blank line behind its body, or the cap. Returns 1 when the block ends before `byte`,
 * 2 when it ends behind it. Header lines ("Proc-Type: …") may be followed by a blank line, body lines not. */
static int block_step(struct rule_state *r, uint8_t byte) {
    enum { CAP = 64 * 1024, END_LABEL = 72 };
    static const char end[] = "-----END ";
    if (++r->block_bytes > CAP) return 1;
    if (r->block_matched == 9) {
        if (byte == '-') return ++r->block_end == 5 ? 2 : 0;
        if (byte == '\n' || byte == '\r' || byte == 0 || ++r->block_dashes > END_LABEL) return 1;
        if (r->block_end > 0) return 1;
        return 0;
    }
    if (byte == (uint8_t)end[r->block_matched]) r->block_matched++;
    else if (byte == '-') r->block_matched = r->block_matched == 5 ? 5 : 1;
    else r->block_matched = 0;
    if (byte == '\n') {
        if (r->block_line == 0 && !r->block_blank_ok) return 1;
        if (r->block_line != 0) r->block_blank_ok = r->block_colon;
        r->block_line = r->block_colon = 0;
    } else if (byte != '\r' && byte != ' ' && byte != '\t') {
        r->block_line = 1;
        if (byte == ':') r->block_colon = 1;
    }
    return 0;
}

static const uint8_t *swallow_block(struct rule_state *r, const uint8_t *p, const uint8_t *end, int *done) {
    for (; p < end; p++) {
        int result = block_step(r, *p);
        if (result == 0) continue;
        *done = 1;
        return result == 2 ? p + 1 : p;
    }
    return p;
}

/* A line, or what stands in quotes: nothing in an escape sequence ends those. */
static const uint8_t *swallow_text(struct rule_state *r, const uint8_t *p, const uint8_t *end, int *done) {
    for (; p < end; p++) {
        int stop = *p == 0 || *p == '\n' || *p == '\r';
        if (r->swallow == SWALLOW_QUOTED) {
            if (!r->backslash) stop |= *p == r->detail;
            r->backslash = !r->backslash && *p == '\\';
        }
        if (stop) {
            *done = 1;
            return p;
        }
    }
    return p;
}

static int goes_on(const struct ruleset *set, const struct rule_state *r, int ch) {
    return r->swallow == SWALLOW_CLASS ? in_class(set, (int)r->detail, ch) : ch == ESC || !ends_plain(ch);
}

/* Escape sequences belong to the run when the run goes on behind them, else they stay. */
static const uint8_t *swallow_run(struct rule_state *r, const struct ruleset *set, const struct window *w,
                                  const uint8_t *p, const uint8_t *end, int *done, int *stuck) {
    struct cursor k = {p, p, at(w, w->end), w->last};
    for (;;) {
        int ch;
        while (p < end && *p != ESC && goes_on(set, r, *p)) p++;
        if (p >= end) return p;
        k.at = p;
        ch = look(&k);
        if (ch == LOOK_MORE) {
            *stuck = 1;
            return p;
        }
        if (!goes_on(set, r, ch)) {
            *done = 1;
            return p;
        }
        p = k.next;
    }
}

/* Follows the open interval; returns 1 when it waits for more input. */
int swallow(struct hstore_stream *s, const struct window *w, uint64_t until) {
    struct rule_state *r = &s->rules;
    const uint8_t *p = at(w, r->position), *end = at(w, until);
    int done = 0, stuck = 0;
    if (r->swallow == SWALLOW_BLOCK) p = swallow_block(r, p, end, &done);
    else if (r->swallow == SWALLOW_LINE || r->swallow == SWALLOW_QUOTED) p = swallow_text(r, p, end, &done);
    else p = swallow_run(r, s->masker->set, w, p, end, &done, &stuck);
    s->work += offset_of(w, p) - r->position;
    r->position = offset_of(w, p);
    r->frontier = r->position;
    if (!done && w->last && r->position >= w->end) done = 1;
    if (!done) return stuck || r->position >= until;
    {
        struct interval *open = (struct interval *)s->intervals.items + s->intervals.count - 1;
        open->end = r->position;
    }
    r->swallowing = 0;
    r->barrier = r->position;
    r->curl_checked = r->position;
    r->node = 0;
    return 0;
}
