/* Self-identifying tokens: an anchor and a run of one class of characters.
 *
 * A published checksum (GitHub's CRC32) is not used: one that fails proves nothing, since the token may be
 * cut, wrapped or of the next generation, and then masking is the safe answer.
 */
#include "internal.h"
#include <string.h>

int anchor_is_written_so(const struct candidate *c) {
    struct cursor k = {c->start, c->start, c->after, 1};
    int i;
    for (i = 0; i < c->anchor->length; i++) {
        if (look(&k) != (uint8_t)c->anchor->text[i]) return 0;
        k.at = k.next;
    }
    return 1;
}

static int digits_stand_before(const struct candidate *c) {
    const uint8_t *p = c->start, *first = p;
    int count = 0, before;
    while ((before = look_back(c, &p)) >= '0' && before <= '9' && count < 20) first = p, count++;
    return count >= 6 && count <= 16 && token_may_begin(c, first);
}

/* The first `min` characters of the run decide; what follows is the same secret, however long. */
static int run_looks_drawn(const struct rule *rule, const uint8_t *run) {
    uint32_t seen[8] = {0};
    int i, distinct = 0, digit = 0;
    for (i = 0; i < rule->min; i++) {
        uint32_t bit = 1u << (run[i] & 31);
        if (!(seen[run[i] >> 5] & bit)) distinct++;
        seen[run[i] >> 5] |= bit;
        digit |= run[i] >= '0' && run[i] <= '9';
    }
    if (distinct < rule->distinct || (rule->digit && !digit)) return 0;
    if (rule->inner != NULL) {
        int length = (int)strlen(rule->inner);
        for (i = 0; i + length <= rule->min; i++)
            if (memcmp(run + i, rule->inner, (size_t)length) == 0) return 1;
        return 0;
    }
    return 1;
}

static int ends_with(const uint8_t *text, int length, const char *suffix) {
    int n = suffix == NULL ? 0 : (int)strlen(suffix);
    return n > 0 && length >= n && memcmp(text + length - n, suffix, (size_t)n) == 0;
}

/* A rule with `max` has an anchor that says little, so a longer run is something else, and so is a run that
 * touches a mark: what the mark hides may have been its continuation, and verdicts must not change when
 * masked text is masked again. */
struct verdict verify_token(const struct candidate *c, const struct rule *rule, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    const uint8_t *from = rule->shown ? c->after : c->start;
    uint8_t run[256];
    int count = 0, ch;
    if (c->anchor->exact_case && !anchor_is_written_so(c)) return refusal;
    if (rule->digits_before ? !digits_stand_before(c) : !token_may_begin(c, c->start)) return refusal;
    for (;;) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, from, k.at, SWALLOW_CLASS, rule->klass, type);
        if (!in_class(c->set, rule->klass, ch)) break;
        run[count++] = (uint8_t)ch;
        k.at = k.next;
        if (count == rule->min) {
            if (!run_looks_drawn(rule, run)) return refusal;
            if (rule->max == 0) {
                struct verdict v = {VERDICT_SWALLOW, SWALLOW_CLASS, rule->klass, from, k.at, type};
                return v;
            }
        }
        if (rule->max != 0 && count > rule->max) return refusal;
    }
    if (count < rule->min || is_word_character(ch)) return refusal;
    if (ch == '[') {
        int mark = mark_length(k.next - 1, c->end);
        if (mark < 0 && !c->last) return undecided(c, from, k.at, SWALLOW_CLASS, rule->klass, type);
        if (mark > 0) return refusal;
    }
    if (ends_with(run, count, rule->allow_suffix)) return refusal;
    return found(VERDICT_MATCH, from, k.at, type);
}
