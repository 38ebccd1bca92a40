/* Named values: a telling name, an operator, a value.
 *
 *     export API_KEY=value     "apiKey": "value"     api_key => 'value'     <password>value</password>
 *     --password value         put("token", "value") var token string = "value"     X-Api-Key: value
 *
 * An anchor only says that a telling word stands there. The name is then read to both sides and judged by all
 * its words, so "tokenizer", "max_tokens" and "key_id" fall out before any value is looked at. What may be
 * shown (name, operator, quote) is not held back: a prompt passes at once.
 */
#include "internal.h"
#include <string.h>

enum { NAME_SIDE = 64, NAME_ROOM = 2 * NAME_SIDE + 20, GAPS = 24, CLOSERS = 6, TYPE_WORD = 24, VALUE_BYTES = 128 };
enum { TELLING = WORD_PASSWORD | WORD_SECRET | WORD_TOKEN | WORD_KEY | WORD_AUTHORIZATION | WORD_SIGNATURE | WORD_SESSION };
/* Beside the kinds of a name: other words follow the telling one, as in passwordEncoder. */
#define NAME_GOES_ON 0x80000000u
enum outcome { REFUSED, UNKNOWN, FOUND };

struct reading {
    const struct candidate *c;
    struct cursor k;
    uint8_t name[NAME_ROOM];
    int name_length;
    int lead;             /* the character before the name, or -1 */
    int closed;           /* the quote behind the name, or 0 */
    int operator_;        /* its first character; ' ' for none but a gap */
    int behind_operator;
    int argv;             /* the value is a word of its own */
    int after_env;        /* ENV NAME value, as in a Dockerfile */
    int quote, escaped;   /* around the value */
    uint32_t kinds;
    const struct own_name *own; /* the user's name that it is, or NULL */
    const uint8_t *hold;  /* from here on nothing may be shown yet */
    const uint8_t *name_end;
    uint8_t value[VALUE_BYTES];
    int value_length;
};

static int is_letter(int c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
static int is_name_character(int c) { return is_word_character(c) || c == '-' || c == '.'; }
static int is_quote(int c) { return c == '"' || c == '\'' || c == '`'; }
static int is_gap(int c) { return c == ' ' || c == '\t'; }

/* ---- words ---- */

static uint32_t word_kinds(const uint8_t *word, size_t length) {
    int low = 0, high = word_count;
    while (low < high) {
        int middle = (low + high) / 2;
        const char *text = words[middle].text;
        size_t i;
        int order = 0;
        for (i = 0; i < length && order == 0; i++) {
            int c = word[i] >= 'A' && word[i] <= 'Z' ? word[i] + 32 : word[i];
            order = c - (uint8_t)text[i]; /* ends at the text's zero */
        }
        if (order == 0 && text[length] == 0) return words[middle].kinds;
        if (order < 0 || order == 0) high = middle;
        else low = middle + 1;
    }
    return 0;
}

/* The end of the word at `i`: capitals and what follows them ("API", "Key"), or small letters. */
static size_t word_end(const uint8_t *name, size_t i, size_t length) {
    size_t from = i;
    while (i < length && name[i] >= 'A' && name[i] <= 'Z') i++;
    if (i - from > 1 && i < length && name[i] >= 'a' && name[i] <= 'z') return i - 1;
    while (i < length && name[i] >= 'a' && name[i] <= 'z') i++;
    return i;
}

/* The telling kinds of a name, 0 when it is harmless. WORD_KEY_BESIDE alone is a bare "key". */
uint32_t name_kinds(const uint8_t *name, size_t length) {
    uint32_t found = 0, behind = 0, before = 0, trailing = 0;
    size_t i = 0;
    int count = 0;
    while (i < length) {
        size_t end;
        uint32_t kinds;
        if (!is_letter(name[i])) {
            i++;
            continue;
        }
        end = word_end(name, i, length);
        kinds = word_kinds(name + i, end - i);
        count++;
        if (kinds & (TELLING | WORD_PASSWORD_BESIDE | WORD_KEY_BESIDE | WORD_AUTHORIZATION_WEAK)) {
            if (before & WORD_HARMLESS_BEFORE) return 0;
            found |= kinds;
            behind = trailing = 0;
        } else {
            before |= kinds;
            behind |= kinds;
            trailing = NAME_GOES_ON;
        }
        i = end;
    }
    if (behind & WORD_HARMLESS_BEHIND) return 0;
    if (count > 1 && found & WORD_PASSWORD_BESIDE) found |= WORD_PASSWORD;
    if (count > 1 && found & WORD_KEY_BESIDE) found |= WORD_KEY;
    found &= TELLING | WORD_KEY_BESIDE | WORD_AUTHORIZATION_WEAK;
    return found ? found | trailing : 0;
}

int hstore_telling_name(const uint8_t *name, size_t length) {
    uint32_t kinds;
    if (length == 0 || length > 256) return 0;
    kinds = name_kinds(name, length);
    if (length == 3 && memcmp(name, "PWD", 3) == 0) return 0; /* the working directory */
    return (kinds & (TELLING & ~WORD_SIGNATURE)) != 0;
}

static int type_of(uint32_t kinds) {
    if (kinds & WORD_PASSWORD) return type_password;
    if (kinds & (WORD_AUTHORIZATION | WORD_AUTHORIZATION_WEAK)) return type_authorization;
    if (kinds & WORD_SECRET) return type_secret;
    if (kinds & WORD_TOKEN) return type_token;
    if (kinds & WORD_SIGNATURE) return type_signature;
    if (kinds & WORD_SESSION) return type_session;
    return type_api_key;
}

/* ---- the name ---- */

/* What stands before a lone "key" in running text: "API key: ...". */
static void prepend_word(struct reading *r, const uint8_t *p) {
    uint8_t word[16];
    int count = 0, ch;
    while (count < 16 && (ch = look_back(r->c, &p)) >= 0 && is_letter(ch)) word[15 - count++] = (uint8_t)ch;
    if (count == 0 || count == 16) return;
    if (count == 3 && memcmp(word + 13, "ENV", 3) == 0) r->after_env = 1;
    if (r->kinds != WORD_KEY_BESIDE) return;
    memmove(r->name + count + 1, r->name, (size_t)r->name_length);
    memcpy(r->name, word + 16 - count, (size_t)count);
    r->name[count] = ' ';
    r->name_length += count + 1;
}

static enum outcome read_name(struct reading *r) {
    uint8_t left[NAME_SIDE];
    const uint8_t *p = r->c->start, *before = p;
    int count = 0, overlong = 0, ch;
    for (;;) {
        ch = look_back(r->c, &p);
        if (ch < 0 || !is_name_character(ch)) break;
        overlong = count == NAME_SIDE;
        if (overlong) break;
        left[NAME_SIDE - ++count] = (uint8_t)ch;
        before = p;
    }
    r->lead = ch;
    memcpy(r->name, left + NAME_SIDE - count, (size_t)count);
    r->name_length = count;
    r->k.at = r->c->start;
    for (count = 0;; count++) {
        ch = look(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch < 0 || !is_name_character(ch)) break;
        overlong |= count == NAME_SIDE;
        if (count == NAME_SIDE) break;
        r->name[r->name_length++] = (uint8_t)ch;
        r->k.at = r->k.next;
    }
    r->name_end = r->k.at; /* also of an overlong one, so that its other anchors are not looked at */
    if (overlong) return REFUSED;
    r->kinds = kinds_in(r->c->set, r->name, (size_t)r->name_length, &r->own);
    if (is_gap(r->lead)) {
        p = before;
        look_back(r->c, &p);
        prepend_word(r, p);
        r->kinds = kinds_in(r->c->set, r->name, (size_t)r->name_length, &r->own);
    }
    return r->kinds == 0 ? REFUSED : FOUND;
}

static int is_option(const struct reading *r) { return r->name[0] == '-' && r->name_length > 2; }

static int is_bearer(const struct reading *r) {
    return r->kinds & WORD_AUTHORIZATION && r->name_length == 6; /* of the two words only "bearer" has six */
}

/* ---- the operator ---- */

/* Steps over gaps. FOUND with the character behind them in `*ch`. */
static enum outcome skip_gaps(struct reading *r, int *gaps, int *ch) {
    for (*gaps = 0;; r->k.at = r->k.next) {
        *ch = look(&r->k);
        if (*ch == LOOK_MORE) return UNKNOWN;
        if (!is_gap(*ch)) return FOUND;
        if (++*gaps > GAPS) return REFUSED;
    }
}

static enum outcome skip_closers(struct reading *r) {
    int count, ch;
    for (count = 0; count < CLOSERS; count++) {
        ch = look(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (is_quote(ch)) r->closed = ch;
        else if (ch != '\\' && ch != ']' && ch != ')') return FOUND;
        r->k.at = r->k.next;
    }
    return REFUSED;
}

/* A type or the word `value` between the name and "=": `token string = "…"`, `key: &str = "…"`,
 * `name="password" value="…"`. Without an "=" behind it the word is the value: the cursor stays. */
static enum outcome skip_type(struct reading *r, int needs_value_word) {
    const uint8_t *start = r->k.at;
    uint8_t word[TYPE_WORD];
    int count = 0, gaps, ch;
    enum outcome outcome;
    r->hold = start;
    for (;; r->k.at = r->k.next) {
        ch = look(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch < 0 || !(is_word_character(ch) || strchr("&*.<>?[]':", ch) != NULL) || ch == 0) break;
        if (ch == ':' && needs_value_word) break;
        if (ch == '[') {
            int mark = mark_length(r->k.next - 1, r->c->end);
            if (mark < 0 && !r->c->last) return UNKNOWN;
            if (mark > 0) goto not_a_type;
        }
        if (count == TYPE_WORD) goto not_a_type;
        word[count++] = (uint8_t)ch;
    }
    if (count == 0) goto not_a_type;
    if (needs_value_word && (count != 5 || memcmp(word, "value", 5) != 0)) goto not_a_type;
    outcome = skip_gaps(r, &gaps, &ch);
    if (outcome == UNKNOWN) return UNKNOWN;
    if (outcome == REFUSED || (ch != '=' && !(needs_value_word && ch == ':'))) goto not_a_type;
    r->k.at = r->k.next;
    r->hold = NULL;
    return FOUND;
not_a_type:
    r->k.at = start;
    r->hold = NULL;
    return REFUSED;
}

/* `- name: API_KEY` and on the next line `value: …`, as orchestrators write environments. */
static enum outcome value_on_next_line(struct reading *r, int line_end) {
    int gaps, ch;
    enum outcome outcome;
    r->k.at = r->k.next;
    if (line_end == '\r') {
        ch = look(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch == '\n') r->k.at = r->k.next;
    }
    outcome = skip_gaps(r, &gaps, &ch);
    if (outcome != FOUND) return outcome;
    if (gaps == 0 || ch != 'v') return REFUSED;
    r->operator_ = ':';
    return skip_type(r, 1);
}

/* The second character of :=, =>, ==, ?=, += and of ::. */
static enum outcome rest_of_operator(struct reading *r, int needed) {
    int ch = look(&r->k);
    if (ch == LOOK_MORE) return UNKNOWN;
    if (ch == '=' || (!needed && (ch == '>' || ch == ':'))) {
        r->k.at = r->k.next;
        return FOUND;
    }
    return needed ? REFUSED : FOUND;
}

static enum outcome read_operator(struct reading *r) {
    int gaps, ch;
    enum outcome outcome = skip_closers(r);
    if (outcome != FOUND) return outcome;
    outcome = skip_gaps(r, &gaps, &ch);
    if (outcome != FOUND) return outcome;
    r->operator_ = ch;
    if (ch == 0 && is_option(r)) r->argv = 1;
    else if ((ch == '\n' || ch == '\r') && gaps == 0) return value_on_next_line(r, ch);
    else if (ch == '>' && (r->lead == '<' || r->closed)) {}
    else if (ch == ',' && r->closed && !(r->kinds & NAME_GOES_ON)) {}
    else if (ch == '(' && gaps == 0 && !r->closed && !(r->kinds & NAME_GOES_ON)) {}
    else if (ch == '?' || ch == '+') {
        r->k.at = r->k.next;
        return rest_of_operator(r, 1);
    } else if (ch == '=' || ch == ':') {
        r->k.at = r->k.next;
        return rest_of_operator(r, 0);
    } else if (gaps > 0 && ((is_option(r) && ch > ' ' && ch != '-') || is_bearer(r) || is_quote(ch) || (r->after_env && ch != '='))) {
        r->operator_ = ' ';
        return FOUND;
    } else if (gaps > 0 && !(r->kinds & NAME_GOES_ON) && (is_letter(ch) || ch == '*' || ch == '&')) {
        return skip_type(r, r->closed);
    } else {
        return REFUSED;
    }
    r->k.at = r->k.next;
    return FOUND;
}

/* ---- the value ---- */

/* The quote that opens the value, with the letters a language puts before it (b"", r"", @"") and backslashes. */
static enum outcome read_opener(struct reading *r) {
    struct cursor start = r->k;
    int count, ch;
    for (count = 0; count < 4; count++) {
        ch = look(&r->k);
        if (ch == LOOK_MORE) {
            r->hold = count > 0 ? start.at : NULL;
            return UNKNOWN;
        }
        if (is_quote(ch)) {
            r->quote = ch;
            r->k.at = r->k.next;
            return FOUND;
        }
        if (ch == '\\') r->escaped = 1;
        else if (count > 1 || r->escaped || ch < 0 || strchr("bBrRuUfFL@", ch) == NULL || ch == 0) break;
        r->k.at = r->k.next;
    }
    r->escaped = 0;
    r->k = start;
    return FOUND;
}

/* Basic, Bearer, Token, …: a word and a gap before the credentials. */
static enum outcome skip_scheme(struct reading *r) {
    struct cursor start = r->k;
    int count, gaps, ch;
    for (count = 0; count <= 12; count++, r->k.at = r->k.next) {
        ch = look(&r->k);
        if (ch == LOOK_MORE) {
            r->hold = start.at;
            return UNKNOWN;
        }
        if (!is_letter(ch)) break;
    }
    if (count > 0 && count <= 12 && (is_gap(ch) || ch == '%')) {
        if (ch == '%') r->k.at = r->k.next;
        return skip_gaps(r, &gaps, &ch);
    }
    r->k = start;
    return FOUND;
}

static int ends_value(const struct reading *r, int ch) {
    if (ch < 0 || ch == 0 || ch == '\n' || ch == '\r') return 1;
    if (r->quote) return ch == r->quote || (r->escaped && ch == '\\');
    if (r->argv) return 0;
    if (r->operator_ == '>') return ch == '<';
    return ch <= ' ' || ch == 127 || strchr("\"'`,;<>(){}[]|&\\", ch) != NULL;
}

/* FOUND: the value is complete, `*ch` stands behind it, or LOOK_MORE where it is longer than what was read. */
static enum outcome read_value(struct reading *r, int *ch) {
    int escaped = 0;
    for (;; r->k.at = r->k.next) {
        *ch = look(&r->k);
        if (*ch == LOOK_MORE) return UNKNOWN;
        if (*ch == '[') {
            int mark = mark_length(r->k.next - 1, r->c->end);
            if (mark < 0 && !r->c->last) return UNKNOWN;
            if (mark > 0) return REFUSED; /* masked already, wholly or in part */
        }
        if (!escaped && ends_value(r, *ch)) return FOUND;
        if (escaped && (*ch < 0 || *ch == 0 || *ch == '\n' || *ch == '\r')) return FOUND;
        escaped = !escaped && r->quote && *ch == '\\';
        if (r->value_length == VALUE_BYTES) {
            *ch = LOOK_MORE;
            return FOUND;
        }
        r->value[r->value_length++] = (uint8_t)*ch;
    }
}

static struct verdict refused(const struct reading *r) {
    struct verdict v = {VERDICT_NO, SWALLOW_PLAIN, 0, NULL, NULL, 0};
    v.to = r->name_end;
    return v;
}

static enum swallow_kind swallow_of(const struct reading *r) {
    if (r->quote) return SWALLOW_QUOTED;
    return r->argv ? SWALLOW_LINE : SWALLOW_PLAIN;
}

static struct verdict unknown(const struct reading *r) {
    struct verdict v = {VERDICT_MORE, SWALLOW_PLAIN, 0, NULL, NULL, 0};
    const uint8_t *hold = r->hold;
    /* What looks like an incomplete escape sequence may turn out to be the value's first character. */
    if (r->behind_operator && hold == NULL && r->k.at < r->c->end) hold = r->k.at;
    if (r->c->full && hold == NULL) return refused(r);
    if (r->c->full) v.kind = VERDICT_SWALLOW;
    v.swallow = swallow_of(r);
    v.detail = (uint8_t)(r->escaped ? '\\' : r->quote);
    v.from = hold;
    v.to = v.kind == VERDICT_MORE && r->name_end != NULL ? r->name_end : r->k.at;
    v.type = r->own != NULL ? r->own->rule : type_of(r->kinds);
    return v;
}

static enum outcome read_until_value(struct reading *r) {
    int gaps, ch;
    enum outcome outcome = read_name(r);
    if (outcome != FOUND) return outcome;
    outcome = read_operator(r);
    if (outcome != FOUND) return outcome;
    r->behind_operator = 1;
    if (r->argv) return FOUND;
    outcome = skip_gaps(r, &gaps, &ch);
    if (outcome != FOUND) return outcome;
    if (r->operator_ == ':' && (is_letter(ch) || ch == '&' || ch == '*')) {
        outcome = skip_type(r, 0);
        if (outcome == UNKNOWN) return UNKNOWN;
        if (outcome == FOUND && skip_gaps(r, &gaps, &ch) != FOUND) return UNKNOWN;
    }
    outcome = read_opener(r);
    if (outcome != FOUND) return outcome;
    if ((r->operator_ == ',' || r->operator_ == '(') && !r->quote) return REFUSED;
    return r->kinds & WORD_AUTHORIZATION && !is_bearer(r) ? skip_scheme(r) : FOUND;
}

/* In getpass('Password: ', stream) the quote behind the name ends a text, it does not open a value. */
static int closes_a_prompt(const struct reading *r, int behind) {
    if (r->value_length == 0) return 0;
    return r->value[0] == ' ' || (behind != r->quote && strchr(",);+]}.", r->value[0]) != NULL);
}

/* A whole word of a command line behind --password is one, however plain; between tags the closing one must follow. */
static int value_counts(const struct reading *r, int behind) {
    size_t length = (size_t)r->value_length;
    if (r->operator_ == '>' && !r->quote && behind != '<' && behind != LOOK_MORE) return 0;
    if (r->quote && closes_a_prompt(r, behind)) return 0;
    if (r->lead == ':' && r->operator_ == ':' && memchr(r->value, '*', length) != NULL) return 0; /* arn:…:secret:name* */
    if (r->argv && r->kinds & (WORD_PASSWORD | WORD_SECRET))
        return length > 0 && r->value[0] != '-' && r->value[0] != '$' && r->value[0] != '<' && r->value[0] != '{';
    return value_is_telling(r->value, length, r->kinds, r->quote != 0 || r->argv, behind);
}

struct verdict verify_name(const struct candidate *c) {
    struct reading r;
    const uint8_t *from;
    enum outcome outcome;
    struct verdict v;
    int ch;
    memset(&r, 0, sizeof r - sizeof r.value - sizeof r.value_length);
    r.value_length = 0;
    r.c = c;
    r.k.end = c->end;
    r.k.last = c->last;
    outcome = read_until_value(&r);
    if (outcome == REFUSED) return refused(&r);
    if (outcome == UNKNOWN) return unknown(&r);
    ch = look(&r.k);
    if (ch == LOOK_MORE) return unknown(&r);
    if (ch >= 0) r.k.at = r.k.next - 1; /* colours before the value stay */
    r.hold = from = r.k.at;
    v = verify_token_at(c, from);
    if (v.kind == VERDICT_MORE) return unknown(&r);
    if (v.kind != VERDICT_NO) return refused(&r); /* it is found by itself, under its own type */
    outcome = read_value(&r, &ch);
    if (outcome == UNKNOWN) return unknown(&r);
    if (outcome == REFUSED) return refused(&r);
    if (!value_counts(&r, ch)) return refused(&r);
    v = unknown(&r);
    v.kind = ch == LOOK_MORE ? VERDICT_SWALLOW : VERDICT_MATCH;
    v.from = from;
    v.to = r.k.at;
    return v;
}
