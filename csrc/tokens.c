/* Self-identifying tokens: an anchor, then runs of classes and fixed characters, as a rule's shapes say.
 *
 * A shape is read once, forward, each run as far as its class and its bound go: the generator refuses a run that
 * would have to give characters back to the part behind it. So there is nothing to try again, and a verdict costs
 * at most one walk over TOKEN_TEXT characters for each shape.
 *
 * A published checksum (the CRC32 at the end of GitHub's and npm's tokens) is not used. One that holds says no more
 * than anchor, class and length together have said; one that fails proves nothing, since the token may be of the
 * next generation, and then masking is the safe answer.
 */
#include "internal.h"
#include <string.h>

enum { TOKEN_TEXT = 512 }; /* longest bounded token, in characters; the generator checks it */

int anchor_is_written_so(const struct candidate *c) {
    struct cursor k = {c->start, c->start, c->after, 1};
    int i;
    for (i = 0; i < c->anchor->length; i++) {
        if (look(&k) != (uint8_t)c->anchor->text[i]) return 0;
        k.at = k.next;
    }
    return 1;
}

/* ---- before the anchor ---- */

static const uint8_t *part_before(const struct candidate *c, const struct part *part, const uint8_t *p) {
    int count = part->text != NULL ? (int)strlen(part->text) : part->max, n = 0;
    for (; n < count; n++) {
        const uint8_t *q = p;
        int ch = look_back(c, &q);
        if (part->text != NULL ? ch != (uint8_t)part->text[count - 1 - n] : !in_class(c->set, part->klass, ch)) break;
        p = q;
    }
    return n >= (part->text != NULL ? count : part->min) ? p : NULL;
}

/* Whether a token's anchor may stand at `start`: behind the parts that belong before it, and those at a boundary. */
int anchor_may_stand(const struct candidate *c, const struct rule *rule, const uint8_t *start) {
    const uint8_t *p = start, *q;
    int i, ch;
    if (rule->form == FORM_BLOCK) return 1;
    for (i = rule->before_count - 1; i >= 0; i--)
        if ((p = part_before(c, &rule->before[i], p)) == NULL) return 0;
    if (!token_may_begin(c, p)) return 0;
    if (rule->before_count == 0 || rule->before[0].text != NULL) return 1;
    q = p;
    ch = look_back(c, &q);
    return is_word_character(ch) || !in_class(c->set, rule->before[0].klass, ch);
}

/* ---- behind the anchor ---- */

/* What has been read of a token behind its anchor. */
struct token_text { int length; uint32_t seen[8]; uint8_t text[TOKEN_TEXT]; };

enum outcome { FAILS, WAITS, ENDS, RUNS_ON };

static enum outcome read_text(struct cursor *k, const struct part *part, struct token_text *t) {
    const char *text = part->text;
    for (; *text; text++) {
        int ch = look(k);
        if (ch == LOOK_MORE) return WAITS;
        if (ch != (uint8_t)*text || t->length == TOKEN_TEXT) return FAILS;
        t->text[t->length++] = (uint8_t)ch;
        k->at = k->next;
    }
    return ENDS;
}

static enum outcome read_run(const struct candidate *c, struct cursor *k, const struct part *part, struct token_text *t) {
    int count = 0;
    while (part->max == 0 || count < part->max) {
        int ch = look(k);
        if (ch == LOOK_MORE) return WAITS;
        if (!in_class(c->set, part->klass, ch)) break;
        if (t->length == TOKEN_TEXT) return FAILS;
        t->text[t->length++] = (uint8_t)ch;
        t->seen[ch >> 5] |= 1u << (ch & 31);
        k->at = k->next;
        if (++count == part->min && part->max == 0) return RUNS_ON;
    }
    return count < part->min ? FAILS : ENDS;
}

static enum outcome read_shape(const struct candidate *c, struct cursor *k, const struct token_shape *shape, struct token_text *t) {
    enum outcome result = ENDS;
    int i;
    t->length = 0;
    memset(t->seen, 0, sizeof t->seen);
    for (i = 0; i < shape->count && result == ENDS; i++) {
        const struct part *part = &shape->parts[i];
        result = part->text != NULL ? read_text(k, part, t) : read_run(c, k, part, t);
    }
    return result;
}

/* A shape with an end ends at a boundary: a longer run is something else. So is one that touches a mark: what the
 * mark hides may have been its continuation, and verdicts must not change when masked text is masked again. */
static enum outcome token_end(const struct candidate *c, const struct rule *rule, struct cursor k, const struct part *last) {
    int ch = look(&k);
    if (ch == LOOK_MORE) return WAITS;
    if (is_word_character(ch) || (last->text == NULL && in_class(c->set, last->klass, ch))) return FAILS;
    if (ch == '[') {
        int mark = mark_length(k.next - 1, c->end);
        if (mark < 0 && !c->last) return WAITS;
        if (mark > 0) return FAILS;
    }
    if (rule->lone && ch == '.') {
        k.at = k.next;
        ch = look(&k);
        if (ch == LOOK_MORE) return WAITS;
        if (is_word_character(ch)) return FAILS;
    }
    return ENDS;
}

/* ---- does it look drawn? ---- */

static int holds(const uint8_t *text, int length, const char *word, int at_start) {
    int n = (int)strlen(word), i, k;
    for (i = 0; i + n <= length && (i == 0 || !at_start); i++) {
        for (k = 0; k < n; k++) {
            int ch = text[i + k];
            if (!at_start && ch >= 'A' && ch <= 'Z') ch += 32;
            if (ch != (uint8_t)word[k]) break;
        }
        if (k == n) return 1;
    }
    return 0;
}

static int looks_drawn(const struct rule *rule, const struct token_text *t) {
    const char *const *word;
    int i, distinct = 0, digit = 0;
    for (i = 0; i < 256; i++) distinct += t->seen[i >> 5] >> (i & 31) & 1;
    for (i = '0'; i <= '9'; i++) digit |= t->seen[i >> 5] >> (i & 31) & 1;
    if (distinct < rule->distinct || (rule->digit && !digit)) return 0;
    for (word = stop_words; *word != NULL; word++)
        if (holds(t->text, t->length, *word, 0)) return 0;
    for (word = rule->allow; word != NULL && *word != NULL; word++)
        if (holds(t->text, t->length, *word, 1)) return 0;
    if (rule->inner == NULL) return 1;
    for (i = 0; i + (int)strlen(rule->inner) <= t->length; i++)
        if (memcmp(t->text + i, rule->inner, strlen(rule->inner)) == 0) return 1;
    return 0;
}

static int ends_with(const struct token_text *t, const char *suffix) {
    int n = suffix == NULL ? 0 : (int)strlen(suffix);
    return n > 0 && t->length >= n && memcmp(t->text + t->length - n, suffix, (size_t)n) == 0;
}

static struct verdict verify_shape(const struct candidate *c, const struct rule *rule, const struct token_shape *shape, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    const struct part *last = &shape->parts[shape->count - 1];
    const uint8_t *from = rule->shown ? c->after : c->start;
    struct token_text t;
    enum outcome result = read_shape(c, &k, shape, &t);
    if (result == ENDS) result = token_end(c, rule, k, last);
    if (result == WAITS) return undecided(c, from, k.at, SWALLOW_CLASS, class_any_token, type);
    if (result == FAILS || !looks_drawn(rule, &t)) return refusal;
    if (result == RUNS_ON) {
        struct verdict v = {VERDICT_SWALLOW, SWALLOW_CLASS, last->klass, from, k.at, type};
        return v;
    }
    if (ends_with(&t, rule->allow_suffix)) return refusal;
    return found(VERDICT_MATCH, from, k.at, type);
}

struct verdict verify_token(const struct candidate *c, const struct rule *rule, int type) {
    struct part run = {NULL, rule->min, rule->max, rule->klass};
    struct token_shape plain = {&run, 1};
    int i;
    if (c->anchor->exact_case && !anchor_is_written_so(c)) return refusal;
    if (!anchor_may_stand(c, rule, c->start)) return refusal;
    if (rule->shape_count == 0) return verify_shape(c, rule, &plain, type);
    for (i = 0; i < rule->shape_count; i++) {
        struct verdict v = verify_shape(c, rule, &rule->shapes[i], type);
        if (v.kind != VERDICT_NO) return v;
    }
    return refusal;
}
