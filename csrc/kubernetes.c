/* The data of Kubernetes' Secrets.
 *
 *     kind: Secret                    apiVersion: v1
 *     metadata: …                     data:
 *     data:                             token: c2VjcmV0…     <- the interval, from the first value on,
 *       token: c2VjcmV0…                user: YWRtaW4=       <- to the end of the mapping
 *       user: YWRtaW4=                kind: Secret
 *
 * The keys are any words and the values base64, so only the two lines around them say what they are; they come in
 * either order. One mark takes the whole mapping but for its first key: a verifier yields one interval. The search
 * reads as far as a candidate reaches, within one document.
 */
#include "characters.h"
#include <string.h>

enum { VALUE = 10, LINES = 64 };

struct lines { const struct candidate *c; struct cursor k; };
enum step { LINE, MORE, OVER };

/* A line's indentation and beginning, folded, quotes left out; the cursor goes behind its end. */
struct line { int indent, length; const uint8_t *at; uint8_t text[24]; };

static enum step next_line(struct lines *l, struct line *line) {
    int ch, begun = 0;
    line->indent = line->length = 0;
    line->at = l->k.at;
    for (;; l->k.at = l->k.next) {
        ch = peek(&l->k);
        if (ch == LOOK_MORE) return MORE;
        if (ch < 0) return begun ? LINE : OVER;
        if (ch == '\n') break;
        if (ch == '\r' || is_quote(ch)) continue;
        if (!begun && (is_gap(ch) || ch == '-')) {
            line->indent += is_gap(ch);
            if (ch == '-') line->text[line->length++] = '-', begun = line->length == 3;
            continue;
        }
        begun = 1;
        if (line->length < (int)sizeof line->text && !is_gap(ch)) line->text[line->length++] = (uint8_t)to_lower(ch);
    }
    l->k.at = l->k.next;
    return LINE;
}

static int is_line(const struct line *line, const char *text) {
    size_t n = strlen(text);
    return (size_t)line->length == n && memcmp(line->text, text, n) == 0;
}

static int is_base64(int ch) { return is_alphanumeric(ch) || ch == '+' || ch == '/' || ch == '='; }

/* The first value of a mapping whose lines are indented deeper than `indent`, and the mapping's end. */
struct mapping { const uint8_t *from, *to; int indent; };

/* Reads one entry from the line's start: where its value begins, when that is base64 of some length. */
static const uint8_t *value_of(const struct lines *l, const struct line *line) {
    struct cursor k = {line->at, line->at, l->k.at, 1};
    const uint8_t *from = NULL;
    int ch, colon = 0, count = 0;
    while ((ch = peek(&k)) >= 0 && !ends_line(ch)) {
        if (!colon) colon = ch == ':';
        else if (is_base64(ch)) {
            if (count++ == 0) from = k.next - 1;
        } else if (!is_gap(ch) && !is_quote(ch)) {
            return NULL;
        } else if (count > 0 && is_gap(ch)) {
            break;
        }
        k.at = k.next;
    }
    return colon && count >= VALUE ? from : NULL;
}

/* A line of base64 alone, as below a block scalar. */
static const uint8_t *scalar_of(const struct lines *l, const struct line *line) {
    struct cursor k = {line->at, line->at, l->k.at, 1};
    const uint8_t *from = NULL;
    int ch, count = 0;
    while ((ch = peek(&k)) >= 0 && !ends_line(ch)) {
        if (is_base64(ch)) {
            if (count++ == 0) from = k.next - 1;
        } else if (!is_gap(ch) || count > 0) {
            return NULL;
        }
        k.at = k.next;
    }
    return count >= VALUE ? from : NULL;
}

/* Walks over a mapping; LINE with the line that ends it in `*line`. */
static enum step read_mapping(struct lines *l, struct mapping *m, struct line *line) {
    int count, length_seen = 0;
    for (count = 0; count < LINES; count++) {
        enum step step = next_line(l, line);
        const uint8_t *value;
        if (step == MORE) {
            if (m->from == NULL) m->from = line->at;
            m->to = NULL;
            return MORE;
        }
        if (step == OVER || (line->length > 0 && line->indent <= m->indent)) return step;
        if (line->length == 0 || line->text[0] == '#') continue;
        value = value_of(l, line);
        if (value == NULL) value = scalar_of(l, line);
        if (value == NULL) continue;
        if (!length_seen) m->from = value;
        length_seen = 1;
        m->to = l->k.at;
        while (m->to > value && (ends_line(m->to[-1]) || is_gap(m->to[-1]) || is_quote(m->to[-1]))) m->to--;
    }
    return OVER;
}

static int has_mark(const struct mapping *m, const uint8_t *end) {
    const uint8_t *p = m->from;
    while ((p = memchr(p, '[', (size_t)(m->to - p))) != NULL) {
        if (mark_length(p, end) > 0) return 1;
        p++;
    }
    return 0;
}

static struct verdict mask(const struct lines *l, const struct mapping *m, int type) {
    if (m->to == NULL || m->from == NULL || has_mark(m, l->c->end)) return refusal;
    return found(VERDICT_MATCH, m->from, m->to, type);
}

static int is_kind(const struct line *line) { return is_line(line, "kind:secret"); }
static int is_other_kind(const struct line *line) {
    return line->length > 5 && memcmp(line->text, "kind:", 5) == 0 && !is_kind(line);
}
static int has_colon(const struct line *line) {
    return line->length == (int)sizeof line->text || line->text[0] == '#' ||
           memchr(line->text, ':', (size_t)line->length) != NULL;
}
static int is_data(const struct line *line) { return is_line(line, "data:") || is_line(line, "stringdata:"); }

/* The candidate's own line, from its first character on: what stands before the anchor must be gaps. */
static int begins_line(const struct candidate *c, int *indent) {
    const uint8_t *p = c->start;
    int ch;
    for (*indent = 0; (ch = look_back(c, &p)) >= 0 && (is_gap(ch) || ch == '"' || ch == '\''); (*indent)++) {}
    return ch < 0 || ends_line(ch);
}

struct verdict verify_kubernetes(const struct candidate *c, int type) {
    struct lines l = {c, {c->start, c->start, c->end, c->last}};
    struct mapping m = {NULL, NULL, 0};
    struct line line;
    int indent, after_kind, is_open = 0;
    enum step step;
    if (!begins_line(c, &indent)) return refusal;
    step = next_line(&l, &line);
    if (step == MORE) return undecided(c, NULL, l.k.at, SWALLOW_PLAIN, 0, type);
    after_kind = is_kind(&line);
    if (!after_kind && !is_data(&line)) return refusal;
    m.indent = indent;
    if (!after_kind) is_open = 1, step = read_mapping(&l, &m, &line);
    else step = next_line(&l, &line);
    for (;;) {
        if (step == MORE) {
            /* What is too long to be seen whole counts as a Secret only where it has been called one. */
            if (c->full && !after_kind) return refusal;
            return undecided(c, is_open ? m.from : NULL, l.k.at, SWALLOW_BLOCK, 0, type);
        }
        if (step == OVER || is_line(&line, "---") || (line.length > 0 && line.indent < indent)) return refusal;
        if (line.indent == indent && line.length > 0 && (is_other_kind(&line) || !has_colon(&line))) return refusal;
        if (line.indent == indent && (after_kind ? is_kind(&line) : is_data(&line))) return refusal; /* begins anew */
        if (line.indent == indent && !after_kind && is_kind(&line)) return mask(&l, &m, type);
        if (line.indent == indent && after_kind && is_data(&line)) {
            is_open = 1;
            step = read_mapping(&l, &m, &line);
            if (step != MORE) return mask(&l, &m, type);
            continue;
        }
        step = next_line(&l, &line);
    }
}
