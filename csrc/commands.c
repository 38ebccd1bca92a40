/* Passwords among the words of a command line: curl's -u user:password, and options of one letter.
 *
 *     sshpass -p VALUE      mysql -pVALUE      redis-cli -a VALUE      docker login -p VALUE
 *
 * Options of one letter mean something else in nearly every program, so the anchor is the program's name, and its
 * words are read on from there. Words of a command line arrive joined by NUL as well as by spaces.
 */
#include "characters.h"
#include <string.h>

enum { CURL_USER = 64, PASSWORD = 512, COMMAND_BYTES = 384 };

static int parts_words(int ch) { return is_gap(ch) || ch == 0; }

/* The anchors of the rule "command" and the option that each program takes a password with. */
struct program { const char *name, option; uint8_t joined; };
static const struct program programs[] = {
    {"sshpass", 'p', 2}, {"mysql", 'p', 1}, {"mariadb", 'p', 1}, {"redis-cli", 'a', 0}, {"docker login", 'p', 0},
    {"podman login", 'p', 0}, {"helm registry login", 'p', 0}, {"mongosh", 'p', 0}, {"mongodump", 'p', 0},
    {"ldapsearch", 'w', 0}, {"ldapmodify", 'w', 0},
}; /* joined: 0 VALUE is a word of its own, 1 it follows the letter at once, 2 both occur */

/* What is needed to go on with a password from `k` on. */
struct argument { const struct candidate *c; struct cursor k; int quote, type, sure; };

static struct verdict read_word(struct argument *w) {
    const uint8_t *from = w->k.at;
    uint8_t value[PASSWORD];
    int count = 0, ch;
    for (;; w->k.at = w->k.next) {
        ch = peek(&w->k);
        if (ch == LOOK_MORE) return undecided(w->c, from, w->k.at, SWALLOW_PLAIN, 0, w->type);
        if (ch == '[' && count == 0) {
            int mark = mark_length(w->k.next - 1, w->c->end);
            if (mark < 0 && !w->c->last) return undecided(w->c, from, w->k.at, SWALLOW_PLAIN, 0, w->type);
            if (mark > 0) return refusal;
        }
        if (ch <= 0 || ends_line(ch)) break;
        if (w->quote ? ch == w->quote : (parts_words(ch) || is_quote(ch))) break;
        if (count == PASSWORD) {
            struct verdict v = {VERDICT_SWALLOW, SWALLOW_PLAIN, 0, from, w->k.at, w->type};
            if (w->quote) v.swallow = SWALLOW_QUOTED, v.detail = (uint8_t)w->quote;
            return v;
        }
        value[count++] = (uint8_t)ch;
    }
    if (count == 0 || value[0] == '$' || value[0] == '<' || value[0] == '{' || value[0] == '*') return refusal;
    if (w->sure ? count < 3 || is_placeholder(value, (size_t)count)
                : !value_is_telling(value, (size_t)count, WORD_PASSWORD, w->quote, ch)) return refusal;
    return found(VERDICT_MATCH, from, w->k.at, w->type);
}

/* Nothing of the value is in sight, but an escape sequence that is cut may turn out to be its beginning. */
static struct verdict open_word(const struct argument *w) {
    const uint8_t *hold = w->k.at < w->c->end ? w->k.at : NULL;
    return undecided(w->c, hold, w->k.at, SWALLOW_PLAIN, 0, w->type);
}

/* The cursor stands before a value. A quote is stepped over, and so are colours, which stay. */
static struct verdict read_value(struct argument *w) {
    int ch = peek(&w->k);
    if (ch == LOOK_MORE) return open_word(w);
    if (!w->quote && (ch == '"' || ch == '\'')) {
        w->quote = ch;
        w->k.at = w->k.next;
        ch = peek(&w->k);
        if (ch == LOOK_MORE) return open_word(w);
    }
    if (ch >= 0) w->k.at = w->k.next - 1;
    return read_word(w);
}

/* Away from curl many programs have an -u that takes user:group, so there the second half must look like a password. */
struct verdict verify_curl(const struct candidate *c, int type) {
    struct argument w = {c, {c->after, c->after, c->end, c->last}, 0, type, c->after_curl};
    int count = 0, gaps = 0, ch;
    for (;; w.k.at = w.k.next) {
        ch = peek(&w.k);
        if (ch == LOOK_MORE) return undecided(c, NULL, w.k.at, SWALLOW_PLAIN, 0, type);
        if (count == 0 && !w.quote && (parts_words(ch) || (ch == '=' && gaps == 0)) && gaps < 8) gaps++;
        else if (count == 0 && !w.quote && (ch == '"' || ch == '\'')) w.quote = ch;
        else if (gaps == 0 && !w.quote && (c->anchor->length > 3 || !c->after_curl)) return refusal;
        else if (ch == ':' && (count > 0 || w.quote)) break;
        else if (ch <= ' ' || ch == '"' || ch == '\'' || ch == '/' || ch == '[' || ++count > CURL_USER) return refusal;
    }
    w.k.at = w.k.next;
    return read_value(&w);
}

static const struct program *program_of(const struct anchor *anchor) {
    size_t i;
    for (i = 0; i < sizeof programs / sizeof *programs; i++)
        if (strlen(programs[i].name) == anchor->length && memcmp(programs[i].name, anchor->text, anchor->length) == 0)
            return &programs[i];
    return NULL;
}

/* Behind "-p" or the like: FORM of the value by whether a gap follows. 0 when this is no password. */
static int takes_value(const struct program *program, int gap) {
    return gap ? program->joined != 1 : program->joined != 0;
}

/* Reads the words up to the option, on one line. */
struct verdict verify_command(const struct candidate *c, int type) {
    struct argument w = {c, {c->after, c->after, c->end, c->last}, 0, type, 0};
    const struct program *program = program_of(c->anchor);
    int count, again = 0, before = -1, last = -1, ch;
    if (program == NULL || !token_may_begin(c, c->start)) return refusal;
    for (count = 0; count < COMMAND_BYTES; count++, w.k.at = w.k.next) {
        ch = peek(&w.k);
        if (ch == LOOK_MORE) return undecided(c, NULL, w.k.at, SWALLOW_PLAIN, 0, type);
        if (ch < 0 || ends_line(ch) || ch == '|' || ch == ';') return refusal;
        if (parts_words(before) && last == '-' && ch == program->option) break;
        again = to_lower(ch) == (uint8_t)program->name[again] ? again + 1 : to_lower(ch) == (uint8_t)program->name[0];
        if (program->name[again] == 0) return refusal; /* what follows is found from there */
        before = last;
        last = ch;
    }
    if (count == COMMAND_BYTES) return refusal;
    w.k.at = w.k.next;
    ch = peek(&w.k);
    if (ch == LOOK_MORE) return open_word(&w);
    if (!takes_value(program, parts_words(ch))) return refusal;
    w.sure = parts_words(ch);
    for (count = 0; count < 8 && parts_words(ch); count++) {
        w.k.at = w.k.next;
        ch = peek(&w.k);
        if (ch == LOOK_MORE) return open_word(&w);
    }
    if (ch == '-') return refusal;
    return read_value(&w);
}
