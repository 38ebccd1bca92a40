/* False alarms: texts that a user has declared to be no secrets.
 *
 * Only the whole secret counts, exactly as a rule would mask it: from the first byte of the mark to the byte behind
 * the last. A beginning is never enough, or `token=abc…` allowed once would let a longer token pass that begins so.
 * So a run that is confirmed after a few characters and then swallowed must be read to its end, or as far as
 * it differs from the text, before anything is decided; what is needed for that is held. The text is at most 1024
 * bytes long and the candidate 4096, so what cannot be decided within the candidate is masked.
 */
#include "characters.h"

enum comparison { DIFFERS, EQUAL, OPEN };

/* Would swallowing end at this character? */
static int ends_swallow(const struct candidate *c, const struct verdict *v, int ch) {
    if (ch < 0) return 1;
    switch (v->swallow) {
    case SWALLOW_CLASS: return !in_class(c->set, v->detail, ch);
    case SWALLOW_QUOTED: return ch == v->detail || ch == 0 || ends_line(ch);
    case SWALLOW_PLAIN: return ends_plain(ch);
    case SWALLOW_LINE: return ch == 0 || ends_line(ch);
    default: return 0;
    }
}

static enum comparison compare(const struct candidate *c, const struct verdict *v, const struct allowed *text) {
    struct cursor k = {v->from, v->from, c->end, c->last};
    uint32_t i;
    int ch;
    for (i = 0; i < text->length; i++, k.at = k.next) {
        if (v->kind == VERDICT_MATCH && k.at >= v->to) return DIFFERS;
        ch = look(&k);
        if (ch == LOOK_MORE) return OPEN;
        if (ch != text->text[i]) return DIFFERS;
    }
    if (v->kind == VERDICT_MATCH) return k.at == v->to ? EQUAL : DIFFERS;
    ch = look(&k);
    if (ch == LOOK_MORE) return OPEN;
    return ends_swallow(c, v, ch) ? EQUAL : DIFFERS;
}

struct verdict unless_allowed(const struct candidate *c, const struct verdict *v) {
    struct verdict open = {VERDICT_MORE, v->swallow, v->detail, v->from, c->after, v->type};
    uint32_t i;
    int is_open = 0;
    if ((v->kind != VERDICT_MATCH && v->kind != VERDICT_SWALLOW) || v->from == NULL) return *v; /* a mark has no start */
    for (i = 0; i < c->set->allowed_count; i++) {
        const struct allowed *text = &c->set->allowed[i];
        if (text->rule != ANY_RULE && text->rule != v->type) continue;
        switch (compare(c, v, text)) {
        case EQUAL: return refusal;
        case OPEN: is_open = 1; break;
        case DIFFERS: break;
        }
    }
    return is_open && !c->full ? open : *v;
}
