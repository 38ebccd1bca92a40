/* How a value begins and ends: quotes in any spelling, schemes, block scalars, elements, the rest of a line. */
#include "named.h"
#include <string.h>

enum { SCHEME = 20, HEREDOC_WORD = 24, TYPE_WORD = 24, REST = 64, BLANKS = 64 };

/* Reads on at the cursor whether `text` stands there. */
static enum outcome spells(struct cursor *k, const char *text) {
    for (; *text != 0; text++) {
        int ch = peek(k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch != (uint8_t)*text) return REFUSED;
        k->at = k->next;
    }
    return FOUND;
}

static int peek_spelled(struct cursor *k, int first, int *escape) {
    static const struct { int first; const char *text; int meant; } spellings[] = {
        {'&', "quot;", '"'}, {'&', "#34;", '"'}, {'&', "#39;", '\''}, {'&', "apos;", '\''}, {'&', "#x27;", '\''},
        {'\\', "u0022", '"'}, {'\\', "u0027", '\''}, {'\\', "x22", '"'}, {'\\', "x27", '\''},
        {'%', "22", '"'}, {'%', "27", '\''}, {'%', "3A", ':'}, {'%', "3a", ':'}, {'%', "3D", '='}, {'%', "3d", '='},
        {'%', "20", ' '}, {'%', "5B", '['}, {'%', "5D", ']'}, {'%', "5b", '['}, {'%', "5d", ']'},
    };
    struct cursor behind = *k;
    size_t i;
    int open = 0;
    behind.at = k->next;
    for (i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        struct cursor at = behind;
        enum outcome outcome;
        if (spellings[i].first != first) continue;
        outcome = spells(&at, spellings[i].text);
        if (outcome == UNKNOWN) open = 1;
        if (outcome != FOUND) continue;
        k->next = at.at;
        *escape = first;
        return spellings[i].meant;
    }
    return open ? LOOK_MORE : first;
}

int peek_decoded(struct cursor *k, int *escape) {
    int ch = peek(k);
    *escape = 0;
    return ch == '%' || ch == '&' || ch == '\\' ? peek_spelled(k, ch, escape) : ch;
}

enum outcome at_mark(const struct reading *r) {
    int mark = mark_length(r->k.next - 1, r->c->end);
    if (mark < 0 && !r->c->last) return UNKNOWN;
    return mark > 0 ? FOUND : REFUSED;
}

/* The quote that opens the value, with the letters a language puts before it (b"", r"", @"") and backslashes. */
static enum outcome open_quote(struct reading *r) {
    struct cursor start = r->k;
    int count, ch, escape, backslash = 0;
    for (count = 0; count < 4; count++) {
        ch = peek_decoded(&r->k, &escape);
        if (ch == LOOK_MORE) {
            r->hold = count > 0 ? start.at : NULL;
            return UNKNOWN;
        }
        if (is_quote(ch)) {
            r->quote = ch;
            r->escape = backslash ? '\\' : escape;
            r->k.at = r->k.next;
            return FOUND;
        }
        if (ch == '\\') backslash = 1;
        else if (count > 1 || backslash || ch <= 0 || strchr("bBrRuUfFL@", ch) == NULL) break;
        r->k.at = r->k.next;
    }
    r->k = start;
    return FOUND;
}

/* Basic, Bearer, Token, …: a word and a gap before the credentials. Digest and its kin bring a list of pairs. */
static enum outcome skip_scheme(struct reading *r) {
    static const char *const lists[] = {"digest", "oauth", "hawk", "aws-hmac-sha", "signature"};
    struct cursor start = r->k;
    uint8_t word[SCHEME];
    int count, length = 0, gaps, ch;
    size_t i;
    for (count = 0; count < SCHEME; count++, r->k.at = r->k.next) {
        ch = peek(&r->k);
        if (ch == LOOK_MORE) {
            r->hold = start.at;
            return UNKNOWN;
        }
        if (!is_letter(ch) && !(count > 0 && (ch == '-' || (is_digit(ch) && word[0] == 'a')))) break; /* AWS4-… */
        if (!is_digit(ch)) word[length++] = (uint8_t)to_lower(ch);
    }
    if (count > 0 && count < SCHEME && (is_gap(ch) || ch == '%' || ch == '+')) {
        for (i = 0; i < sizeof lists / sizeof *lists; i++)
            if (!r->quote && (size_t)length == strlen(lists[i]) && memcmp(word, lists[i], (size_t)length) == 0)
                r->layout = LAYOUT_LINE;
        if (!is_gap(ch)) r->k.at = r->k.next;
        return skip_gaps(r, &gaps, &ch);
    }
    r->k = start;
    return FOUND;
}

/* Behind a line end, and with a gap before it where `indented`, the value's line. */
static enum outcome next_line(struct reading *r, int indented) {
    int count, gaps, ch;
    for (count = 0; count < 2; count++) {
        ch = peek(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (!ends_line(ch)) break;
        r->k.at = r->k.next;
    }
    if (count == 0) return REFUSED;
    {
        enum outcome outcome = skip_gaps(r, &gaps, &ch);
        return outcome == FOUND && indented && gaps == 0 ? REFUSED : outcome;
    }
}

/* | and > of YAML, with the signs behind them: the value is the next line. */
static enum outcome open_scalar(struct reading *r) {
    struct cursor start = r->k;
    int count, ch;
    for (count = 0; count < 4; count++) {
        r->k.at = r->k.next;
        ch = peek(&r->k);
        if (ch == LOOK_MORE) {
            r->hold = start.at;
            return UNKNOWN;
        }
        if (!(ch == '-' || ch == '+' || is_gap(ch) || is_digit(ch))) break;
    }
    if (!ends_line(ch)) {
        r->k = start;
        return FOUND;
    }
    r->layout = LAYOUT_LINE;
    return next_line(r, 1);
}

/* << WORD of HCL and shells: the value is the next line. */
static enum outcome open_heredoc(struct reading *r) {
    struct cursor start = r->k;
    int count, ch, arrows = 0;
    for (count = 0; count < HEREDOC_WORD; count++, r->k.at = r->k.next) {
        ch = peek(&r->k);
        if (ch == LOOK_MORE) {
            r->hold = start.at;
            return UNKNOWN;
        }
        if (ch == '<' && count < 2) arrows++;
        else if (count < 2 || ch <= 0 || !(is_letter(ch) || strchr("_-~\"'", ch) != NULL)) break;
    }
    if (arrows == 2 && ends_line(ch)) {
        r->layout = LAYOUT_LINE;
        return next_line(r, 0);
    }
    r->k = start;
    return FOUND;
}

/* A value that follows on the next line: between tags, quoted, or drawn and alone there. */
static enum outcome open_on_next_line(struct reading *r) {
    enum outcome outcome = next_line(r, r->layout != LAYOUT_ELEMENT);
    int blanks, ch;
    if (outcome != FOUND) return outcome;
    if (r->layout == LAYOUT_ELEMENT) {
        for (blanks = 0; blanks < BLANKS; blanks++, r->k.at = r->k.next) {
            ch = peek(&r->k);
            if (ch == LOOK_MORE) return UNKNOWN;
            if (!is_gap(ch) && !ends_line(ch)) return FOUND;
        }
        return REFUSED;
    }
    if (r->strict) return REFUSED;
    if (r->operator_ == ',' || r->operator_ == '(') return open_quote(r);
    outcome = open_quote(r);
    if (outcome != FOUND || r->quote) return outcome;
    if (r->operator_ != ':') return REFUSED;
    r->layout = LAYOUT_ALONE;
    r->strict = 1;
    return FOUND;
}

/* <![CDATA[ before the value. */
static enum outcome skip_cdata(struct reading *r) {
    struct cursor start = r->k;
    enum outcome outcome = spells(&r->k, "<![CDATA[");
    if (outcome == UNKNOWN) r->hold = start.at;
    if (outcome == REFUSED) r->k = start;
    else r->layout = LAYOUT_CDATA;
    return outcome == UNKNOWN ? UNKNOWN : FOUND;
}

/* &anchor of YAML before the value. */
static enum outcome skip_anchor(struct reading *r) {
    struct cursor start = r->k;
    int count, gaps, ch = 0;
    for (count = 0; count < HEREDOC_WORD; count++) {
        if (count == 0) peek(&r->k);
        r->k.at = r->k.next;
        ch = peek(&r->k);
        if (ch == LOOK_MORE) {
            r->hold = start.at;
            return UNKNOWN;
        }
        if (!is_name_character(ch)) break;
    }
    if (is_gap(ch)) return skip_gaps(r, &gaps, &ch);
    r->k = start;
    return FOUND;
}

/* ["value", …]: the first of a list. */
static enum outcome open_list(struct reading *r) {
    struct cursor start = r->k;
    enum outcome outcome;
    int blanks, ch = 0;
    for (blanks = 0; blanks < BLANKS; blanks++) {
        r->k.at = r->k.next;
        ch = peek(&r->k);
        if (ch == LOOK_MORE) {
            r->hold = start.at;
            return UNKNOWN;
        }
        if (!is_gap(ch) && !ends_line(ch)) break;
    }
    if (!is_quote(ch)) {
        r->k = start;
        return FOUND;
    }
    outcome = open_quote(r);
    if (outcome == UNKNOWN) r->hold = start.at;
    return outcome;
}

enum outcome read_opener(struct reading *r) {
    int gaps, ch;
    enum outcome outcome = skip_gaps(r, &gaps, &ch);
    if (outcome != FOUND) return outcome;
    r->gap_behind = gaps > 0;
    if (r->operator_ == ':' && (is_letter(ch) || ch == '&' || ch == '*')) {
        outcome = skip_type(r);
        if (outcome == UNKNOWN) return UNKNOWN;
        if (outcome == FOUND) outcome = skip_gaps(r, &gaps, &ch);
        else outcome = ch == '&' ? skip_anchor(r) : FOUND;
        if (outcome != FOUND) return outcome;
        ch = peek(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
    }
    if (ends_line(ch) && r->operator_ != ' ') return open_on_next_line(r);
    if (r->layout == LAYOUT_ELEMENT) {
        if (ch == '<') return skip_cdata(r);
    } else if (ch == '|' || ch == '>') {
        if (r->operator_ == ':') return open_scalar(r);
    } else if (ch == '<' && r->operator_ == '=') {
        return open_heredoc(r);
    } else if (ch == '[' && (r->operator_ == ':' || r->operator_ == '=')) {
        outcome = at_mark(r);
        if (outcome != REFUSED) return outcome == UNKNOWN ? UNKNOWN : REFUSED;
        return open_list(r);
    }
    outcome = open_quote(r);
    if (outcome != FOUND) return outcome;
    if ((r->operator_ == '(' || (r->operator_ == ',' && r->closed)) && !r->quote) return REFUSED;
    return r->kinds & WORD_AUTHORIZATION && !is_bearer(r) ? skip_scheme(r) : FOUND;
}

/* ---- the end ---- */

static int ends_value(const struct reading *r, int ch) {
    if (ch <= 0 || ends_line(ch)) return 1;
    if (r->quote) return ch == r->quote ? !r->escape : r->escape == '\\' && ch == '\\';
    switch (r->layout) {
    case LAYOUT_WORD: return 0;
    case LAYOUT_ELEMENT: return ch == '<';
    case LAYOUT_CDATA: return ch == ']';
    case LAYOUT_RUN: return ch <= ' ';
    case LAYOUT_LINE: return is_quote(r->lead) && ch == r->lead;
    default: return ends_plain(ch);
    }
}

/* %22 or &quot; where the value was opened so. */
static enum outcome at_spelled_quote(struct reading *r) {
    struct cursor k = r->k;
    int escape, ch = peek_decoded(&k, &escape);
    if (ch == LOOK_MORE) return UNKNOWN;
    return ch == r->quote && escape == r->escape ? FOUND : REFUSED;
}

static int is_number(const uint8_t *text, int length) {
    while (length > 0 && is_digit(text[length - 1])) length--;
    return length == 0;
}

static int is_telling_word(const uint8_t *text, int length) {
    int i;
    for (i = 0; i < length && (is_letter(text[i]) || text[i] == '_' || text[i] == '-'); i++) {}
    return length > 2 && length <= TYPE_WORD && i == length && name_kinds(text, (size_t)length) != 0;
}

/* May an unquoted password go on through one of , ; & ( ) and the like? It does in a setting that fills its line,
 * `PASSWORD=a;b(c`, and not where another pair or a call's next argument follows. Facebook's tokens are a number,
 * a bar and the rest. */
static enum outcome goes_on(struct reading *r, int stop) {
    struct cursor k = r->k;
    int count, drawn = 0;
    if (stop == '|' && r->value_length >= 14 && is_number(r->value, r->value_length)) return FOUND;
    if (!r->line_start || r->strict || stop <= ' ' || is_quote(stop) || stop == '\\') return REFUSED;
    if (!(r->kinds & (WORD_PASSWORD | WORD_SECRET)) || (r->operator_ != '=' && r->operator_ != ':')) return REFUSED;
    for (count = 0; count < r->value_length; count++)
        drawn |= !is_letter(r->value[count]) && r->value[count] != '_' && r->value[count] != '.';
    if (!drawn) return REFUSED;
    k.at = k.next;
    for (count = drawn = 0; count < REST; count++, k.at = k.next) {
        int ch = peek(&k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch <= ' ') break;
        if (ch == '=' || ch == ':' || is_quote(ch) || ch == '\\' || ch == '[' || ch == '<') return REFUSED;
        drawn |= is_alphanumeric(ch);
    }
    return drawn && count < REST ? FOUND : REFUSED;
}

/* The closing tag may stand on a line of its own. */
static enum outcome closing_tag(struct reading *r, int *ch) {
    struct cursor k = r->k;
    int blanks;
    for (blanks = 0; blanks < BLANKS; blanks++, k.at = k.next) {
        *ch = peek(&k);
        if (*ch == LOOK_MORE) return UNKNOWN;
        if (!is_gap(*ch) && !ends_line(*ch)) break;
    }
    return *ch == '<' ? FOUND : REFUSED;
}

/* FOUND: the value is complete, `*ch` stands behind it, or LOOK_MORE where it is longer than what was read. */
enum outcome read_value(struct reading *r, int *ch) {
    int escaped = 0;
    for (;; r->k.at = r->k.next) {
        *ch = peek(&r->k);
        if (*ch == LOOK_MORE) return UNKNOWN;
        if (*ch == '[') {
            enum outcome mark = at_mark(r);
            if (mark != REFUSED) return mark == UNKNOWN ? UNKNOWN : REFUSED; /* masked already, wholly or in part */
        }
        if ((*ch == '%' || *ch == '&') && r->quote && r->escape == *ch) {
            enum outcome quote = at_spelled_quote(r);
            if (quote != REFUSED) return quote;
        }
        if (!escaped && ends_value(r, *ch)) {
            enum outcome more;
            if (r->layout == LAYOUT_ELEMENT && !r->quote) return closing_tag(r, ch);
            if (r->quote || r->layout != LAYOUT_PLAIN) return FOUND;
            more = goes_on(r, *ch);
            if (more != FOUND) return more == UNKNOWN ? UNKNOWN : FOUND;
            r->layout = LAYOUT_RUN;
        } else if (escaped && (*ch <= 0 || ends_line(*ch))) {
            return FOUND;
        }
        if (*ch == '=' && !r->quote && r->layout == LAYOUT_PLAIN && is_telling_word(r->value, r->value_length))
            return REFUSED; /* another assignment, token=api_key=…, which is judged by itself */
        escaped = !escaped && r->quote && !r->escape && *ch == '\\';
        if (r->value_length == VALUE_BYTES) {
            *ch = LOOK_MORE;
            return FOUND;
        }
        r->value[r->value_length++] = (uint8_t)*ch;
    }
}
