/* Verifiers: does a secret stand behind this anchor?
 *
 * Each is a pure function of the bytes from the candidate's start, at most CANDIDATE_BYTES of them, of the
 * LOOK_BACK bytes before it, and of whether the input ends there. With all of those at hand it decides; what
 * is still open then is masked. So the verdict cannot depend on how the input was cut.
 *
 * There is no backtracking and no nesting: every loop walks forward and has a bound of its own. A published
 * checksum (GitHub's CRC32) is not used: one that fails proves nothing, since the token may be cut, wrapped
 * or of the next generation, and then masking is the safe answer.
 */
#include "internal.h"
#include <string.h>

enum { URL_USER = 128, URL_PASSWORD = 512, LABEL = 64, JWT_HEADER = 1024, JWT_PART = 8, CURL_USER = 64 };

static const struct verdict no = {VERDICT_NO, SWALLOW_CLASS, 0, NULL, NULL, 0};

int in_class(int klass, int character) {
    return character >= 0 && (class_bits[character] >> klass & 1);
}

int is_word_character(int c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static int is_hex(int c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* Not decided at the end of what is known. With everything that may be seen in sight it counts as a secret. */
static struct verdict undecided(const struct candidate *c, const uint8_t *hold, const uint8_t *position,
                                enum swallow_kind swallow, int detail, int type) {
    struct verdict v = {VERDICT_MORE, swallow, (uint8_t)detail, hold, position, type};
    if (!c->full) return v;
    if (hold == NULL) return no;
    v.kind = VERDICT_SWALLOW;
    return v;
}

static struct verdict found(enum verdict_kind kind, const uint8_t *from, const uint8_t *to, int type) {
    struct verdict v = {kind, SWALLOW_CLASS, 0, from, to, type};
    return v;
}

/* Backwards the bytes alone do not say where an escape sequence begins, so the detector notes those it passed. */
int look_back(const struct candidate *c, const uint8_t **p) {
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

static int anchor_is_written_so(const struct candidate *c) {
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
    if (c->anchor->exact_case && !anchor_is_written_so(c)) return no;
    if (rule->digits_before ? !digits_stand_before(c) : !token_may_begin(c, c->start)) return no;
    for (;;) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, from, k.at, SWALLOW_CLASS, rule->klass, type);
        if (!in_class(rule->klass, ch)) break;
        run[count++] = (uint8_t)ch;
        k.at = k.next;
        if (count == rule->min) {
            if (!run_looks_drawn(rule, run)) return no;
            if (rule->max == 0) {
                struct verdict v = {VERDICT_SWALLOW, SWALLOW_CLASS, rule->klass, from, k.at, type};
                return v;
            }
        }
        if (rule->max != 0 && count > rule->max) return no;
    }
    if (count < rule->min || is_word_character(ch)) return no;
    if (ch == '[') {
        int mark = mark_length(k.next - 1, c->end);
        if (mark < 0 && !c->last) return undecided(c, from, k.at, SWALLOW_CLASS, rule->klass, type);
        if (mark > 0) return no;
    }
    if (ends_with(run, count, rule->allow_suffix)) return no;
    return found(VERDICT_MATCH, from, k.at, type);
}

static struct verdict verify_mark(const struct candidate *c, int type) {
    int length = mark_length(c->start, c->end);
    if (length < 0 && !c->last) return undecided(c, c->after, c->after, SWALLOW_PLAIN, 0, type);
    if (length <= 0) return no;
    return found(VERDICT_MATCH, NULL, c->start + length, type);
}

/* -----BEGIN ... PRIVATE KEY-----, also PGP's "PRIVATE KEY BLOCK". */
static struct verdict verify_block(const struct candidate *c, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    char label[LABEL + 1];
    int count = 0, dashes = 0, ch;
    if (!anchor_is_written_so(c)) return no;
    while (dashes < 5) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, c->start, k.at, SWALLOW_BLOCK, 0, type);
        if (ch == '-') dashes++;
        else if (dashes > 0 || count == LABEL) return no;
        else if ((ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == ' ') label[count++] = (char)ch;
        else return no;
        k.at = k.next;
    }
    label[count] = 0;
    if (strstr(label, "PRIVATE KEY") == NULL) return no;
    {
        struct verdict v = {VERDICT_SWALLOW, SWALLOW_BLOCK, 0, c->start, k.at, type};
        return v;
    }
}

/* header.payload, both beginning as base64url of '{"' does; the signature is swallowed with the rest. */
static struct verdict verify_jwt(const struct candidate *c, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    int count = 0, part = 0, ch;
    if (!anchor_is_written_so(c) || !token_may_begin(c, c->start)) return no;
    for (;;) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, c->start, k.at, SWALLOW_CLASS, class_jwt, type);
        if (ch == '.' && part == 0 && count >= JWT_PART) part = 1, count = 0;
        else if (!in_class(class_jwt, ch) || ch == '.' || ch == '=' || count > JWT_HEADER) return no;
        else if (part == 1 && count < 2 && ch != "ey"[count]) return no;
        else if (++count == JWT_PART + 2 && part == 1) {
            struct verdict v = {VERDICT_SWALLOW, SWALLOW_CLASS, (uint8_t)class_jwt, c->start, k.next, type};
            return v;
        }
        k.at = k.next;
    }
}

static int ends_authority(int ch) {
    return ch <= ' ' || ch == 127 || strchr("/?#\"'`<>\\", ch) != NULL;
}

/* The password ends at the last '@' of the authority, since people forget to escape one in it. */
static struct verdict url_password(const struct candidate *c, struct cursor k, int type) {
    const uint8_t *from = k.at, *to = NULL;
    uint8_t value[URL_PASSWORD];
    int count = 0, length = 0, ch;
    for (;; k.at = k.next) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, from, k.at, SWALLOW_PLAIN, 0, type);
        if (ch == '[') {
            int mark = mark_length(k.next - 1, c->end);
            if (mark < 0 && !c->last) return undecided(c, from, k.at, SWALLOW_PLAIN, 0, type);
            if (mark > 0) return no;
        }
        if (ends_authority(ch)) break;
        if (ch == '@') to = k.at, length = count;
        if (count == URL_PASSWORD) {
            struct verdict v = {VERDICT_SWALLOW, SWALLOW_PLAIN, 0, from, k.at, type};
            return v;
        }
        value[count++] = (uint8_t)ch;
    }
    if (to == NULL || length == 0 || value[0] == '$' || value[0] == '{' || value[0] == '*') return no;
    if (value[0] == '%' && value[length - 1] == '%') return no;
    return found(VERDICT_MATCH, from, to, type);
}

static struct verdict verify_url(const struct candidate *c, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    int count, ch;
    for (count = 0; count < URL_USER; count++) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, NULL, k.at, SWALLOW_PLAIN, 0, type);
        if (ch == ':') {
            k.at = k.next;
            ch = look(&k);
            if (ch == LOOK_MORE) return undecided(c, k.at < c->end ? k.at : NULL, k.at, SWALLOW_PLAIN, 0, type);
            if (ch >= 0) k.at = k.next - 1; /* colours before the password stay */
            return url_password(c, k, type);
        }
        if (ends_authority(ch) || ch == '@' || ch == '[' || ch == ',') return no;
        k.at = k.next;
    }
    return no;
}

static int is_gap(int ch) { return ch == ' ' || ch == '\t' || ch == 0; }

static struct verdict curl_password(const struct candidate *c, struct cursor k, int quote, int type) {
    const uint8_t *from = k.at;
    uint8_t value[URL_PASSWORD];
    int count = 0, ch;
    for (;; k.at = k.next) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, from, k.at, SWALLOW_PLAIN, 0, type);
        if (ch == '[' && count == 0) {
            int mark = mark_length(k.next - 1, c->end);
            if (mark < 0 && !c->last) return undecided(c, from, k.at, SWALLOW_PLAIN, 0, type);
            if (mark > 0) return no;
        }
        if (ch < 0 || ch == 0 || ch == '\n' || ch == '\r') break;
        if (quote ? ch == quote : (is_gap(ch) || ch == '"' || ch == '\'' || ch == '`')) break;
        if (count == URL_PASSWORD) {
            struct verdict v = {VERDICT_SWALLOW, SWALLOW_PLAIN, 0, from, k.at, type};
            if (quote) v.swallow = SWALLOW_QUOTED, v.detail = (uint8_t)quote;
            return v;
        }
        value[count++] = (uint8_t)ch;
    }
    if (count == 0 || value[0] == '$' || value[0] == '<' || value[0] == '{' || value[0] == '*') return no;
    if (!c->after_curl && !value_is_telling(value, (size_t)count, WORD_PASSWORD, quote, ch)) return no;
    return found(VERDICT_MATCH, from, k.at, type);
}

/* Words of a command line arrive joined by NUL as well as by spaces. Away from curl many programs have an -u
 * that takes user:group, so there the second half must look like a password. */
static struct verdict verify_curl(const struct candidate *c, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    int count = 0, gaps = 0, quote = 0, ch;
    for (;; k.at = k.next) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, NULL, k.at, SWALLOW_PLAIN, 0, type);
        if (count == 0 && !quote && (is_gap(ch) || (ch == '=' && gaps == 0)) && gaps < 8) gaps++;
        else if (count == 0 && !quote && (ch == '"' || ch == '\'')) quote = ch;
        else if (gaps == 0 && !quote && (c->anchor->length > 3 || !c->after_curl)) return no;
        else if (ch == ':' && count > 0) break;
        else if (ch <= ' ' || ch == '"' || ch == '\'' || ch == '/' || ch == '[' || ++count > CURL_USER) return no;
    }
    k.at = k.next;
    ch = look(&k);
    if (ch == LOOK_MORE) return undecided(c, k.at < c->end ? k.at : NULL, k.at, SWALLOW_PLAIN, 0, type);
    if (ch >= 0) k.at = k.next - 1;
    return curl_password(c, k, quote, type);
}

struct verdict verify(const struct candidate *c) {
    int type = c->anchor->rule;
    const struct rule *rule = &rules[type];
    switch (rule->form) {
    case FORM_TOKEN: return verify_token(c, rule, type);
    case FORM_BLOCK: return verify_block(c, type);
    case FORM_JWT: return verify_jwt(c, type);
    case FORM_URL: return verify_url(c, type);
    case FORM_CURL: return verify_curl(c, type);
    case FORM_MARK: return verify_mark(c, type);
    case FORM_NAME: return verify_name(c);
    default: return no;
    }
}
