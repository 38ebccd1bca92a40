/* Verifiers: does a secret stand behind this anchor?
 *
 * Each is a pure function of the bytes from the candidate's start, at most CANDIDATE_BYTES of them, of the
 * LOOK_BACK bytes before it, and of whether the input ends there. With all of those at hand it decides; what
 * is still open then is masked. So the verdict cannot depend on how the input was cut.
 *
 * There is no backtracking and no nesting: every loop walks forward and has a bound of its own. Here is what
 * the verifiers share; tokens.c, structures.c and names.c hold one kind each.
 */
#include "internal.h"
#include <string.h>

const struct verdict refusal = {VERDICT_NO, SWALLOW_CLASS, 0, NULL, NULL, 0};

int is_word_character(int c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static int is_hex(int c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

struct verdict undecided(const struct candidate *c, const uint8_t *hold, const uint8_t *position,
                                enum swallow_kind swallow, int detail, int type) {
    struct verdict v = {VERDICT_MORE, swallow, (uint8_t)detail, hold, position, type};
    if (!c->full) return v;
    if (hold == NULL) return refusal;
    v.kind = VERDICT_SWALLOW;
    return v;
}

struct verdict found(enum verdict_kind kind, const uint8_t *from, const uint8_t *to, int type) {
    struct verdict v = {kind, SWALLOW_CLASS, 0, from, to, type};
    return v;
}

/* Backwards the bytes alone do not say where an escape sequence begins, so the detector notes those it passed. */
int look_back_over_escapes(const struct candidate *c, const uint8_t **p) {
    const struct rule_state *r = c->state;
    uint32_t seen = r->escape_count < ESCAPES ? r->escape_count : ESCAPES;
    uint64_t position = c->window->origin + (uint64_t)(*p - c->window->bytes);
    uint32_t back;
    for (back = 1; back <= seen; back++) {
        const struct span *e = &r->escapes[(r->escape_count - back) % ESCAPES];
        if (e->end > position) continue;
        if (e->end < position) break;
        position = e->start;
    }
    /* Everything that was noted has been passed: what lies further back is out of sight. */
    if (seen == ESCAPES && back > seen) return -1;
    if (position <= c->window->origin || at(c->window, position) <= c->low) return -1;
    *p = at(c->window, position) - 1;
    return **p;
}

/* A token begins behind anything but a word character. In escaped text the character before may belong to an
 * escape: the n of \n, the 2 of %22 or \x22, the last digit of \u0022. */
int token_may_begin(const struct candidate *c, const uint8_t *start) {
    const uint8_t *p = start;
    int last[6], count;
    for (count = 0; count < 6; count++) {
        last[count] = look_back(c, &p);
        if (last[count] < 0) break;
        if (count == 0 && !is_word_character(last[0])) return 1;
    }
    if (count == 0) return 1;
    if (count >= 2 && last[1] == '\\' && strchr("nrtbf0", last[0]) != NULL) return 1;
    if (count >= 3 && is_hex(last[0]) && is_hex(last[1])) {
        if (last[2] == '%' || (count >= 4 && last[2] == 'x' && last[3] == '\\')) return 1;
        if (count >= 6 && is_hex(last[2]) && is_hex(last[3]) && last[4] == 'u' && last[5] == '\\') return 1;
    }
    return 0;
}

int mark_length(const uint8_t *p, const uint8_t *end) {
    static const char head[] = "[masked:";
    int n = 0;
    for (; n < 8; n++) {
        if (p + n >= end) return -1;
        if (p[n] != (uint8_t)head[n]) return 0;
    }
    for (; n < 8 + MARK_BYTES + 1; n++) {
        if (p + n >= end) return -1;
        if (p[n] == ']') return n > 8 ? n + 1 : 0;
        if (!((p[n] >= 'a' && p[n] <= 'z') || (p[n] >= '0' && p[n] <= '9') || p[n] == '-')) return 0;
    }
    return 0;
}

struct verdict verify(const struct candidate *c) {
    int type = c->anchor->rule;
    const struct rule *rule = &c->set->rules[type];
    switch (rule->form) {
    case FORM_TOKEN: return verify_token(c, rule, type);
    case FORM_BLOCK: return verify_block(c, type);
    case FORM_JWT: return verify_jwt(c, type);
    case FORM_URL: return verify_url(c, type);
    case FORM_CURL: return verify_curl(c, type);
    case FORM_COMMAND: return verify_command(c, type);
    case FORM_KUBERNETES: return verify_kubernetes(c, type);
    case FORM_MARK: return verify_mark(c, type);
    case FORM_NAME: return verify_name(c);
    default: return refusal;
    }
}
