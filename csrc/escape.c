/* Terminal escape sequences, so that everything else can look at characters.
 *
 *     ESC [ parameters intermediates final      CSI: colours, cursor moves          at most 64 bytes
 *     ESC ] ... BEL   or   ESC ] ... ESC \      OSC: titles, links                  at most 256 bytes
 *     ESC P|_|^ ... ESC \                       device control, program commands    at most 256 bytes
 *     ESC ( ) * + X     ESC 7 8 = >             character sets, cursor
 *
 * A lone ESC \, the end of a string whose text was read, is a boundary and stays. Longer ones, and ESC before
 * anything else, are no sequences here but ESC and text: a terminal may eat a letter after ESC, but so would
 * someone who wants to hide a token's first letter.
 */
#include "internal.h"

enum { CSI_BYTES = 64, STRING_BYTES = 256, GAP_BYTES = 512 };

/* A mark behind ESC is a mark: "[m" would be a sequence, and so would the "[" behind its parameters. Returns
 * `length`, the sequence's, unless one begins at `mark`. */
static size_t unless_mark(const uint8_t *mark, const uint8_t *end, int whole, size_t length) {
    int found = *mark == '[' ? mark_length(mark, end) : 0;
    if (found > 0) return 0;
    return found < 0 && !whole ? ESCAPE_INCOMPLETE : length;
}

static size_t control_sequence(const uint8_t *p, const uint8_t *end, int whole) {
    const uint8_t *q = p + 2;
    int intermediates = 0;
    for (; q < end && q - p < CSI_BYTES; q++) {
        if (*q >= 0x40 && *q <= 0x7e) return unless_mark(*q == 'm' ? p + 1 : q, end, whole, (size_t)(q - p) + 1);
        if (*q >= 0x20 && *q <= 0x2f) intermediates = 1;
        else if (*q < 0x30 || *q > 0x3f || intermediates) return 0;
    }
    return q - p >= CSI_BYTES || whole ? 0 : ESCAPE_INCOMPLETE;
}

static size_t control_string(const uint8_t *p, const uint8_t *end, int whole) {
    const uint8_t *q = p + 2;
    for (; q < end && q - p < STRING_BYTES; q++) {
        if (*q == 0x07) return (size_t)(q - p) + 1;
        if (*q == ESC) {
            if (q + 1 >= end) break;
            return q[1] == '\\' ? (size_t)(q - p) + 2 : 0;
        }
        if (*q < 0x20) return 0;
    }
    return q - p >= STRING_BYTES || whole ? 0 : ESCAPE_INCOMPLETE;
}

size_t escape_length(const uint8_t *p, const uint8_t *end, int whole) {
    if (p >= end || *p != ESC) return 0;
    if (p + 1 >= end) return whole ? 0 : ESCAPE_INCOMPLETE;
    switch (p[1]) {
    case '[':
        return control_sequence(p, end, whole);
    case ']': case 'P': case '_': case '^':
        return control_string(p, end, whole);
    case '(': case ')': case '*': case '+':
        if (p + 2 >= end) return whole ? 0 : ESCAPE_INCOMPLETE;
        return p[2] >= 0x30 && p[2] <= 0x7e ? unless_mark(p + 2, end, whole, 3) : 0;
    case '7': case '8': case '=': case '>':
        return 2;
    default:
        return 0;
    }
}

/* Several sequences may follow one another; the bound keeps a flood of them from making one look expensive. */
int look_behind_escapes(struct cursor *c) {
    const uint8_t *p = c->at;
    while (p < c->end && *p == ESC) {
        size_t length = escape_length(p, c->end, c->last);
        if (length == ESCAPE_INCOMPLETE) return LOOK_MORE;
        if (length == 0 || (size_t)(p - c->at) + length > GAP_BYTES) break;
        p += length;
    }
    if (p >= c->end) return c->last ? LOOK_END : LOOK_MORE;
    c->next = p + 1;
    return *p;
}
