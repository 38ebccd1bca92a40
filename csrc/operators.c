/* What stands between a telling name and its value.
 *
 *     =  :  :=  ::=  =>  ==  !=  ?=  ??=  +=  .=  ||=  ||       assignments and comparisons
 *     >                                                         <name>value</name>, 'name' > value
 *     ( ,                                                       calls and rows: put("name", "value")
 *     a type: "token string =", "key: &str ="                   declarations
 *     a sibling: "name": "X", "value": "…"                      lists of pairs, in JSON, YAML, XML
 *     a gap alone                                               options, ENV NAME value, Bearer
 *
 * Reading goes forward only. Where a word may be a type or already the value, it is held back until that shows.
 */
#include "named.h"
#include <string.h>

enum { CLOSERS = 8, TYPE_WORD = 24, BLANKS = 64, SIBLING_WORD = 12 };

enum outcome skip_gaps(struct reading *r, int *gaps, int *ch) {
    for (*gaps = 0;; r->k.at = r->k.next) {
        *ch = peek(&r->k);
        if (*ch == LOOK_MORE) return UNKNOWN;
        if (!is_gap(*ch)) return FOUND;
        if (++*gaps > GAPS) return REFUSED;
    }
}

/* Steps over white space, line ends among it. */
static enum outcome skip_blanks(struct reading *r, int *blanks, int *ch) {
    for (*blanks = 0;; r->k.at = r->k.next) {
        *ch = peek(&r->k);
        if (*ch == LOOK_MORE) return UNKNOWN;
        if (!is_gap(*ch) && !ends_line(*ch)) return FOUND;
        if (++*blanks > BLANKS) return REFUSED;
    }
}

static enum outcome skip_closers(struct reading *r) {
    int count, ch, escape, bracket = 0;
    for (count = 0; count < CLOSERS; count++) {
        ch = peek_decoded(&r->k, &escape);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (is_quote(ch)) r->closed = ch;
        else if (ch == '[' && !r->closed && !bracket) bracket = 1;
        else if (!(ch == '\\' || ch == ']' || ch == ')' || (bracket && is_digit(ch)))) return FOUND;
        r->k.at = r->k.next;
    }
    return REFUSED;
}

/* A type between the name and "=": `token string = "…"`, `key: &str = "…"`. Without an "=" behind it the word is
 * the value: the cursor stays. */
enum outcome skip_type(struct reading *r) {
    const uint8_t *start = r->k.at;
    int count = 0, gaps, ch;
    enum outcome outcome;
    r->hold = start;
    for (;; r->k.at = r->k.next) {
        ch = peek(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch <= 0 || !(is_alphanumeric(ch) || strchr("_&*.<>?[]':", ch) != NULL)) break;
        if (ch == '[') {
            outcome = at_mark(r);
            if (outcome == UNKNOWN) return UNKNOWN;
            if (outcome == FOUND) goto not_a_type;
        }
        if (++count > TYPE_WORD) goto not_a_type;
    }
    if (count == 0) goto not_a_type;
    outcome = skip_gaps(r, &gaps, &ch);
    if (outcome == UNKNOWN) return UNKNOWN;
    if (outcome == REFUSED || ch != '=' || gaps == 0) goto not_a_type; /* base64 ends in "=" */
    r->k.at = r->k.next;
    r->hold = NULL;
    return FOUND;
not_a_type:
    r->k.at = start;
    r->hold = NULL;
    return REFUSED;
}

static int is_value_word(const uint8_t *word, int length) {
    static const char *const names[] = {"value", "val", "string", "data", "defaultvalue", "content"};
    size_t i;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if ((size_t)length == strlen(names[i]) && memcmp(word, names[i], (size_t)length) == 0) return 1;
    return 0;
}

/* The word `value` beside the name, in a pair's second half: `, "value": `, `value=`, `</name> <value>`. The cursor
 * stands before it or before the white space there, and stays when something else comes. */
static enum outcome read_sibling(struct reading *r) {
    const uint8_t *start = r->k.at;
    uint8_t word[SIBLING_WORD];
    int count, length = 0, tag = 0, quoted = 0, escape, ch, gaps;
    enum outcome outcome = skip_blanks(r, &count, &ch);
    if (outcome != FOUND) return outcome;
    r->hold = r->k.at;
    for (count = 0; count < 4; count++, r->k.at = r->k.next) {
        ch = peek_decoded(&r->k, &escape);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch == '<' && !tag && !quoted) tag = 1;
        else if (is_quote(ch) && !quoted) quoted = ch;
        else if (ch != '\\') break;
    }
    for (;; r->k.at = r->k.next) {
        ch = peek_decoded(&r->k, &escape);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (!is_letter(ch) || length == SIBLING_WORD) break;
        word[length++] = (uint8_t)to_lower(ch);
    }
    if (!is_value_word(word, length)) goto not_a_sibling;
    for (count = 0; count < 3 && (ch == '\\' || (quoted && ch == quoted)); count++) {
        r->k.at = r->k.next;
        ch = peek_decoded(&r->k, &escape);
        if (ch == LOOK_MORE) return UNKNOWN;
    }
    outcome = skip_gaps(r, &gaps, &ch);
    if (outcome != FOUND) return outcome;
    if (tag && ch == '>') r->layout = LAYOUT_ELEMENT;
    else if (ch != '=' && ch != ':') goto not_a_sibling;
    r->operator_ = ch;
    r->k.at = r->k.next;
    r->hold = NULL;
    return FOUND;
not_a_sibling:
    r->k.at = start;
    r->hold = NULL;
    return REFUSED;
}

/* </key>, </name>: the name was an element's text. Its value may be the next element. */
static enum outcome skip_closing_tag(struct reading *r) {
    int count, ch;
    for (count = 0; count < TYPE_WORD; count++) {
        ch = peek(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        r->k.at = r->k.next;
        if (ch == '>') return count > 1 ? read_sibling(r) : REFUSED;
        if (!(ch == (count == 0 ? '<' : '/') && count < 2) && !is_letter(ch)) return REFUSED;
    }
    return REFUSED;
}

/* `"X_TOKEN", "value": …`, `name="X_TOKEN" value=…`, `<name="X" /> <value=…`, from behind the name's quote. */
static enum outcome sibling_behind(struct reading *r, int ch) {
    const uint8_t *start = r->k.at;
    enum outcome outcome;
    int count;
    for (count = 0; count < 2 && (ch == ',' || ch == '/' || ch == '>'); count++) {
        r->k.at = r->k.next;
        ch = peek(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (ch != '>') break;
    }
    outcome = read_sibling(r);
    if (outcome == REFUSED) r->k.at = start;
    return outcome;
}

/* `- name: API_KEY` and on the next line `value: …`, as orchestrators write environments. */
static enum outcome value_on_next_line(struct reading *r) {
    int gaps, ch = peek(&r->k);
    const uint8_t *start = r->k.at;
    enum outcome outcome;
    for (gaps = 0; gaps < 2 && ends_line(ch); gaps++) {
        r->k.at = r->k.next;
        ch = peek(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
    }
    if (!is_gap(ch)) return REFUSED;
    r->k.at = start;
    outcome = read_sibling(r);
    return outcome == FOUND && r->operator_ != ':' ? REFUSED : outcome;
}

/* The rest of an operator that began with `first`; the cursor stands behind that. */
static enum outcome rest_of_operator(struct reading *r, int first) {
    int count = 0, ch, equals = first == '=' || first == ':';
    for (;; r->k.at = r->k.next, count++) {
        ch = peek(&r->k);
        if (ch == LOOK_MORE) return UNKNOWN;
        if (count == 3) break;
        if (ch == '=') equals = 1, r->compared |= first == '=' || first == '!';
        else if (ch == '-' && first == '<' && count == 0) equals = 1;
        else if (!(ch == first && first != '=') && !(ch == '>' && first == '=')) break;
    }
    if (equals) return FOUND;
    if (first != '|' || count > 1) return REFUSED;
    r->strict = 1; /* `x || "…"`, `| name | value |` */
    return FOUND;
}

static enum outcome operator_behind_gap(struct reading *r, int ch) {
    if (r->closed && (is_letter(ch) || ch == '/')) return sibling_behind(r, ch);
    if (ch == '`' || (is_quote(ch) && !(r->kinds & WORD_TELLING))) return REFUSED; /* Pass `this` on */
    if ((is_option(r) && ch > ' ' && ch != '-') || is_bearer(r) || is_quote(ch) || (r->command && ch != '=')) {
        r->operator_ = ' ';
        return FOUND;
    }
    if (r->kinds & NAME_GOES_ON || !(is_letter(ch) || ch == '*' || ch == '&')) return REFUSED;
    return skip_type(r);
}

/* put("name", "value") and {"name", "value"} are pairs. In other lists, and in rows without quotes, the value must
 * look drawn. */
static enum outcome read_comma(struct reading *r, int gaps) {
    int ch = peek(&r->k);
    if (r->kinds & NAME_GOES_ON || (!r->closed && gaps > 0) || r->lead == '/') return REFUSED;
    r->operator_ = ',';
    r->k.at = r->k.next;
    r->strict = !r->closed || (r->before_lead != '(' && r->before_lead != '{');
    ch = peek(&r->k);
    if (ch == LOOK_MORE) return UNKNOWN;
    return !r->closed && is_gap(ch) ? REFUSED : FOUND;
}

enum outcome read_operator(struct reading *r) {
    int gaps, ch, escape;
    enum outcome outcome = skip_closers(r);
    if (outcome != FOUND) return outcome;
    outcome = skip_gaps(r, &gaps, &ch);
    if (outcome != FOUND) return outcome;
    ch = peek_decoded(&r->k, &escape);
    if (ch == LOOK_MORE) return UNKNOWN;
    r->operator_ = ch;
    switch (ch) {
    case 0:
        if (!is_option(r)) return REFUSED;
        r->layout = LAYOUT_WORD;
        break;
    case '\n': case '\r':
        return gaps == 0 ? value_on_next_line(r) : REFUSED;
    case '=': case ':': case '?': case '+': case '.': case '!': case '|':
        r->k.at = r->k.next;
        outcome = rest_of_operator(r, ch);
        if (gaps == 0) r->compared = 0; /* x==… may be base64 */
        return outcome;
    case '<':
        if (r->lead == '>') return skip_closing_tag(r);
        r->k.at = r->k.next;
        return rest_of_operator(r, ch);
    case '>':
        if (r->closed && (outcome = sibling_behind(r, ch)) != REFUSED) return outcome;
        if (r->lead != '<' && r->lead != ':' && !r->closed) return REFUSED;
        peek(&r->k);
        r->layout = LAYOUT_ELEMENT;
        break;
    case ',':
        if (r->closed && (outcome = sibling_behind(r, ch)) != REFUSED) return outcome;
        return read_comma(r, gaps);
    case '(':
        if (gaps > 0 || r->closed || r->kinds & NAME_GOES_ON) return REFUSED;
        break;
    case '/':
        if (r->closed) return sibling_behind(r, ch);
        /* fall through */
    default:
        return gaps > 0 ? operator_behind_gap(r, ch) : REFUSED;
    }
    r->k.at = r->k.next;
    return FOUND;
}
