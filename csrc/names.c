/* Named values: a telling name, an operator, a value.
 *
 *     export API_KEY=value     "apiKey": "value"     api_key => 'value'     <password>value</password>
 *     --password value         put("token", "value") var token string = "value"     X-Api-Key: value
 *
 * An anchor only says that a telling word may stand there. What follows the name comes first, since in most places
 * it is no operator and nothing else need be looked at. Then the name is judged by all its words (words.c), so
 * "tokenizer", "max_tokens" and "key_id" fall out before any value is read (operators.c, openers.c) and judged
 * (values.c). What may be shown (name, operator, quote) is not held back: a prompt passes at once.
 */
#include "named.h"
#include <string.h>

enum { NETRC = 96, LONGEST_WALK = 4 * NAME_SIDE };

/* ---- the name ---- */

/* Can what stands behind a name belong to an operator? Spares most refusals everything else. */
static int may_follow_name(int ch) {
    static const uint8_t follows[128] = {
        [0] = 1, ['\t'] = 1, ['\n'] = 1, ['\r'] = 1, [' '] = 1, ['"'] = 1, ['\''] = 1, ['`'] = 1, ['\\'] = 1,
        [']'] = 1, ['['] = 1, [')'] = 1, ['='] = 1, [':'] = 1, [','] = 1, ['>'] = 1, ['<'] = 1, ['('] = 1,
        ['?'] = 1, ['+'] = 1, ['!'] = 1, ['|'] = 1, ['%'] = 1, ['&'] = 1,
    };
    return ch >= 0 && ch < 128 && follows[ch];
}

/* The character before `*p`, which moves before it; -1 at the candidate's limit. Bytes behind the latest escape
 * sequence need no search for one. */
static inline int peek_back(const struct candidate *c, const uint8_t **p, const uint8_t *plain) {
    if (*p > plain) return *--*p;
    return look_back(c, p);
}

/* Behind it the bytes before the candidate are characters. */
static const uint8_t *end_of_latest_escape(const struct candidate *c) {
    const struct rule_state *s = c->state;
    const struct window *w = c->window;
    uint32_t seen = s->escape_count < ESCAPES ? s->escape_count : ESCAPES, back;
    for (back = 1; back <= seen; back++) {
        uint64_t end = s->escapes[(s->escape_count - back) % ESCAPES].end;
        if (end <= w->origin) break;
        if (end > w->origin + (uint64_t)(c->start - w->bytes)) continue;
        return at(w, end) > c->low ? at(w, end) : c->low;
    }
    return c->low;
}

/* ---- the quick refusal ---- */

enum { PROSE_WORD = 24 };

/* The first byte from `p` on that is no gap, or NULL where it cannot be seen or colours lie before it. */
static const uint8_t *behind_gaps(const uint8_t *p, const uint8_t *end) {
    const uint8_t *from = p;
    while (p < end && is_gap(*p) && p - from <= GAPS) p++;
    return p < end && *p != ESC ? p : NULL;
}

/* Is the name an option, Bearer, or what stands behind ENV and the like? Then a gap is operator enough. */
static int takes_gap(const struct candidate *c, const uint8_t *plain, const uint8_t *name_end) {
    const uint8_t *first = c->start;
    int before;
    while (first > plain && is_name_character(first[-1]) && c->start - first < NAME_SIDE) first--;
    if (first == plain || *first == '-' || (name_end - first == 6 && (*first | 0x20) == 'b')) return 1;
    if (!is_gap(first[-1]) || first - 1 == plain) return 0;
    before = first[-2] | 0x20;
    return before == 'v' || before == 'x';
}

/* Most names in logs are words of a sentence: "Failed password for", "the token is". Here they are told from bytes
 * alone, without a reading; what is not plain at once is left to that. Sets where the name ends. */
static int is_prose(const struct candidate *c, const uint8_t *plain, const uint8_t **name_end) {
    const uint8_t *p = c->start, *word;
    while (p < c->end && is_name_character(*p) && p - c->start <= NAME_SIDE) p++;
    if (p >= c->end || *p == ESC || p - c->start > NAME_SIDE) return 0;
    *name_end = p;
    if (!may_follow_name(*p)) return 1;
    if (!is_gap(*p)) return 0;
    word = p = behind_gaps(p, c->end);
    if (p == NULL || !is_alphanumeric(*p)) return 0;
    while (p < c->end && (is_alphanumeric(*p) || *p == '_' || *p == ',' || *p == '.') && p - word <= PROSE_WORD) p++;
    if (p >= c->end || !is_gap(*p)) return 0; /* it may be a type, or .netrc's password at the line's end */
    p = behind_gaps(p, c->end);
    return p != NULL && *p != '=' && !takes_gap(c, plain, *name_end);
}

/* Words before a name: ENV NAME value, setx NAME value, set -x NAME value, login USER password VALUE. */
static int follows_command(const uint8_t *word, int count) {
    static const char *const commands[] = {"env", "setx", "setenv", "-x", "-gx", "-ux"};
    size_t i;
    for (i = 0; i < sizeof commands / sizeof *commands; i++)
        if ((size_t)count == strlen(commands[i]) && memcmp(word, commands[i], (size_t)count) == 0) return 1;
    return 0;
}

/* "login me password x", as in .netrc, in one line or over the lines of an entry. */
static int follows_login(const struct reading *r, const uint8_t *p, const uint8_t *plain) {
    static const char login[] = "login";
    int count, matched = 5, ch;
    for (count = 0; count < NETRC && matched > 0; count++) {
        ch = peek_back(r->c, &p, plain);
        if (ch < 0 || ch == '=' || ch == ':' || ch == ',') return 0;
        if (ch == login[matched - 1]) matched--;
        else matched = ch == 'n' ? 4 : 5;
    }
    return matched == 0;
}

/* What stands before the name in running text: "API key: ...", "ENV NAME value". */
static void read_word_before(struct reading *r, const uint8_t *p, const uint8_t *plain) {
    uint8_t word[16];
    const uint8_t *first = p;
    int count = 0, ch = -1, shift;
    while (count < 16) {
        ch = peek_back(r->c, &p, plain);
        if (!is_letter(ch) && ch != '-') break;
        word[15 - count++] = (uint8_t)to_lower(ch);
    }
    if (count == 0 || count == 16) {
        r->line_start = count == 0 && (ch < 0 || ends_line(ch));
        return;
    }
    r->line_start = count == 6 && memcmp(word + 10, "export", 6) == 0;
    r->command |= follows_command(word + 16 - count, count);
    if (!r->command && r->kinds & WORD_PASSWORD && follows_login(r, first, plain)) r->command = r->whole_line = 1;
    if (r->kinds != WORD_KEY_BESIDE && !(word_kinds(word + 16 - count, (size_t)count) & WORD_HARMLESS_BEFORE)) return;
    shift = count + 1;
    if (r->name_length + shift > NAME_ROOM) return;
    memmove(r->buffer + shift, r->name, (size_t)r->name_length);
    memcpy(r->buffer, word + 16 - count, (size_t)count);
    r->buffer[count] = ' ';
    r->kinds = kinds_in(r->c->set, r->buffer, (size_t)(r->name_length + shift), &r->own);
}

/* Settings of Redis have a gap for their operator. */
static int is_setting(const uint8_t *name, int length) {
    if (length == 11) return memcmp(name, "requirepass", 11) == 0;
    return length == 10 && memcmp(name, "masterauth", 10) == 0;
}

/* The name's bytes where they lie, or copied together where colour codes lie between them. */
static void take_name(struct reading *r, const uint8_t *from, int before, int behind) {
    const uint8_t *p = r->k.at, *plain = from;
    int i;
    r->name = from;
    r->name_length = before + behind;
    if (p - from == r->name_length) return;
    {
        struct cursor k = {plain, plain, r->c->end, r->c->last};
        for (i = 0; i < r->name_length; i++, k.at = k.next) r->buffer[i] = (uint8_t)peek(&k);
        r->name = r->buffer;
    }
}

/* What lies before it in an overlong name has as much of the name behind it, and is refused as well. With colours inside
 * the other anchors are not looked at: while the name was open, the text of links in it may have been shown. */
static const uint8_t *behind_overlong(const struct reading *r) {
    const uint8_t *start = r->c->start, *p = start;
    while (p < r->c->end && p - start < LONGEST_WALK && is_name_character(*p)) p++;
    return p - start > NAME_SIDE ? p - NAME_SIDE : r->k.at;
}

/* The "-D" of -Dname=value is no part of the name. */
static int property_prefix(const uint8_t *name, int length) {
    return length > 3 && name[0] == '-' && name[1] == 'D' ? 2 : 0;
}

static enum outcome read_name(struct reading *r, const uint8_t *plain) {
    const uint8_t *p, *first;
    int before, behind, overlong = 0, prefix, ch;
    r->k.at = r->c->start;
    for (behind = 0;; behind++, r->k.at = r->k.next) {
        ch = peek(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch < 0 || !is_name_character(ch)) break;
        overlong |= behind == NAME_SIDE;
        if (overlong) break;
    }
    r->name_end = overlong ? behind_overlong(r) : r->k.at;
    if (overlong || !may_follow_name(ch)) return REFUSED;
    p = first = r->c->start;
    for (before = 0;; before++, first = p) {
        ch = peek_back(r->c, &p, plain);
        if (ch < 0 || !is_name_character(ch)) break;
        if (before == NAME_SIDE) return REFUSED;
    }
    r->lead = ch;
    r->before_lead = is_quote(ch) || ch == ':' || ch == '/' ? peek_back(r->c, &(const uint8_t *){p}, plain) : -1;
    r->line_start = ch < 0 || ends_line(ch);
    take_name(r, first, before, behind);
    prefix = property_prefix(r->name, r->name_length);
    r->name += prefix;
    r->name_length -= prefix;
    r->kinds = kinds_in(r->c->set, r->name, (size_t)r->name_length, &r->own);
    if (r->kinds != 0 && is_gap(r->lead)) read_word_before(r, p, plain);
    if (r->line_start && is_setting(r->name, r->name_length)) r->command = r->whole_line = 1;
    return r->kinds == 0 ? REFUSED : FOUND;
}

/* All its words decide, not the one with the anchor: the "key" in "pat.hotkey" finds a name that "pat" makes telling. */
int name_is_refused(const struct ruleset *set, const uint8_t *start, const uint8_t *low, const uint8_t *limit) {
    const uint8_t *from = start, *to = start;
    const struct own_name *own;
    int prefix;
    while (to < limit && to - start <= NAME_SIDE && is_name_character(*to)) to++;
    if (to == limit || *to == ESC) return 0;
    if (to - start > NAME_SIDE || !may_follow_name(*to)) return 1;
    while (from > low && start - from <= NAME_SIDE && is_name_character(from[-1])) from--;
    if (start - from > NAME_SIDE) return 1;
    if (from <= low || from[-1] == ESC) return 0;
    prefix = property_prefix(from, (int)(to - from));
    return kinds_in(set, from + prefix, (size_t)(to - from - prefix), &own) == 0;
}

/* ---- the verdict ---- */

static struct verdict refused_at(const uint8_t *name_end) {
    struct verdict v = {VERDICT_NO, SWALLOW_PLAIN, 0, NULL, NULL, 0};
    v.to = name_end;
    return v;
}

static struct verdict refused(const struct reading *r) { return refused_at(r->name_end); }

static int fills_line(const struct reading *r) { return r->layout == LAYOUT_WORD || r->layout == LAYOUT_LINE; }
static int is_element(const struct reading *r) { return r->layout == LAYOUT_ELEMENT || r->layout == LAYOUT_CDATA; }

static enum swallow_kind swallow_of(const struct reading *r) {
    if (r->quote || is_element(r)) return SWALLOW_QUOTED;
    return fills_line(r) || r->layout == LAYOUT_RUN ? SWALLOW_LINE : SWALLOW_PLAIN;
}

static uint8_t closing_character(const struct reading *r) {
    if (r->quote) return (uint8_t)(r->escape ? r->escape : r->quote);
    return r->layout == LAYOUT_CDATA ? ']' : '<';
}

static struct verdict unknown(const struct reading *r) {
    struct verdict v = {VERDICT_MORE, SWALLOW_PLAIN, 0, NULL, NULL, 0};
    const uint8_t *hold = r->hold;
    /* What looks like an incomplete escape sequence may turn out to be the value's first character. */
    if (r->name_end != NULL && hold == NULL && r->k.at < r->c->end) hold = r->k.at;
    if (r->c->full && hold == NULL) return refused(r);
    if (r->c->full) v.kind = VERDICT_SWALLOW;
    v.swallow = swallow_of(r);
    v.detail = closing_character(r);
    v.from = hold;
    v.to = v.kind == VERDICT_MORE && r->name_end != NULL ? r->name_end : r->k.at;
    v.type = r->own != NULL ? r->own->rule : type_of_kinds(r->kinds);
    return v;
}

static enum outcome read_until_value(struct reading *r, const uint8_t *plain) {
    enum outcome outcome = read_name(r, plain);
    if (outcome == FOUND) outcome = read_operator(r);
    if (outcome != FOUND || r->layout == LAYOUT_WORD) return outcome;
    return read_opener(r);
}

/* In getpass('Password: ', stream) the quote behind the name ends a text, it does not open a value. */
static int closes_a_prompt(const struct reading *r, int behind) {
    if (r->value_length == 0) return 0;
    return r->value[0] == ' ' || (behind != r->quote && strchr(",);+]}.", r->value[0]) != NULL);
}

/* A whole word of a command line behind --password is one, however plain. */
static int value_counts(const struct reading *r, int behind) {
    size_t length = (size_t)r->value_length;
    uint32_t kinds = r->kinds | (r->strict ? VALUE_STRICT : 0);
    int quoted = (r->quote && r->operator_ != ',') || is_element(r) || fills_line(r);
    if (r->layout == LAYOUT_ALONE && !(behind < 0 || ends_line(behind))) return 0;
    if (r->quote && !r->escape && closes_a_prompt(r, behind)) return 0;
    if (r->compared && !r->quote) return 0;
    if (r->whole_line && r->operator_ == ' ' && !(behind < 0 || ends_line(behind))) return 0; /* prose goes on */
    if (r->closed && r->before_lead == ':' && r->lead == ':') return 0; /* "AWS::KMS::Key": a type's name */
    if (r->lead == ':' && r->operator_ == ':' && !r->closed && !r->gap_behind) return 0; /* arn:…:secret:name */
    if (r->lead == '/' && is_name_character(r->before_lead)) return 0; /* /etc/passwd: … */
    if (r->layout == LAYOUT_WORD && r->kinds & (WORD_PASSWORD | WORD_SECRET))
        return length > 0 && r->value[0] != '-' && r->value[0] != '$' && r->value[0] != '<' && r->value[0] != '{';
    if (r->layout == LAYOUT_LINE && r->kinds & WORD_AUTHORIZATION) return length >= 16;
    return value_is_telling(r->value, length, kinds, quoted, behind);
}

/* Everything but the two buffers, which are written before they are read. */
static void begin(struct reading *r, const struct candidate *c) {
    memset(r, 0, offsetof(struct reading, buffer));
    r->c = c;
    r->k.end = c->end;
    r->k.last = c->last;
}

struct verdict verify_name(const struct candidate *c) {
    struct reading r;
    const uint8_t *from;
    enum outcome outcome;
    struct verdict v;
    const uint8_t *plain = end_of_latest_escape(c);
    int ch;
    if (is_prose(c, plain, &from)) return refused_at(from);
    begin(&r, c);
    outcome = read_until_value(&r, plain);
    if (outcome == REFUSED) return refused(&r);
    if (outcome == UNKNOWN) return unknown(&r);
    ch = peek(&r.k);
    if (ch == LOOK_MORE) return unknown(&r);
    if (ch >= 0) r.k.at = r.k.next - 1; /* colours before the value stay */
    r.hold = from = r.k.at;
    outcome = read_value(&r, &ch);
    if (outcome == UNKNOWN) return unknown(&r);
    if (outcome == REFUSED || !value_counts(&r, ch)) return refused(&r);
    v = verify_token_at(c, from);
    if (v.kind == VERDICT_MORE) return unknown(&r);
    if (v.kind != VERDICT_NO) return refused(&r); /* it is found by itself, under its own type */
    v = unknown(&r);
    v.kind = ch == LOOK_MORE ? VERDICT_SWALLOW : VERDICT_MATCH;
    v.from = from;
    v.to = r.k.at;
    return v;
}
