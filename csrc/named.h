/* What the parts that read a named value share: names.c the name and the verdict, operators.c what stands between
 * name and value, openers.c how the value begins and ends.
 *
 *     export  API_KEY   =   "  0a1b2c3d…  "
 *             name     op  opener  value   closing quote
 */
#ifndef HSTORE_NAMED_H
#define HSTORE_NAMED_H

#include "characters.h"

enum { NAME_SIDE = 64, NAME_ROOM = 2 * NAME_SIDE + 20, GAPS = 24, VALUE_BYTES = 192 };
enum outcome { REFUSED, UNKNOWN, FOUND };

/* How a value is delimited, where its quotes do not say it. */
enum layout {
    LAYOUT_PLAIN,   /* up to a gap, a quote, a bracket, … */
    LAYOUT_WORD,    /* a whole word of a command line between NULs */
    LAYOUT_ELEMENT, /* up to the closing tag, perhaps on lines of its own */
    LAYOUT_CDATA,   /* up to the bracket that ends it */
    LAYOUT_RUN,     /* up to white space: a setting that fills its line */
    LAYOUT_LINE,    /* up to the end of its line: a block scalar, a heredoc, a header */
    LAYOUT_ALONE    /* a plain value, with a line of its own behind the name's */
};

struct reading {
    const struct candidate *c;
    struct cursor k;
    const uint8_t *name;
    int name_length;
    int lead, before_lead; /* the two characters before the name, or -1 */
    int line_start;       /* the name is the first word of its line */
    int closed;           /* the quote behind the name, or 0 */
    int operator_;        /* its first character; ' ' for none but a gap */
    int gap_behind;       /* a gap stands between operator and value */
    enum layout layout;
    int command;          /* NAME value, as behind ENV or setx */
    int whole_line;       /* the value must end its line: login NAME password VALUE, as in .netrc */
    int compared;         /* by == or !=: only a quoted value can be one */
    int strict;           /* the notation alone says little: the value must look drawn */
    int quote, escape;    /* around the value; what stands before its closing quote: \ % & or 0 */
    uint32_t kinds;
    const struct own_name *own; /* the user's name that it is, or NULL */
    const uint8_t *hold;  /* from here on nothing may be shown yet */
    const uint8_t *name_end;
    int value_length;
    uint8_t buffer[NAME_ROOM]; /* of a name with colours inside */
    uint8_t value[VALUE_BYTES];
};

static inline int is_option(const struct reading *r) { return r->name[0] == '-' && r->name_length > 2; }
static inline int is_bearer(const struct reading *r) {
    return r->kinds & WORD_AUTHORIZATION && r->name_length == 6; /* of the two words only "bearer" has six */
}

/* A quote as it is or as %22, &quot;, &#34;, \u0022: its character, with `next` behind it; else as `peek`. */
int peek_decoded(struct cursor *k, int *escape);
/* Steps over gaps. FOUND with the character behind them in `*ch`. */
enum outcome skip_gaps(struct reading *r, int *gaps, int *ch);
enum outcome read_operator(struct reading *r);   /* operators.c, as is the next */
/* Steps over a type before "="; REFUSED, with the cursor where it was, when none stands there. */
enum outcome skip_type(struct reading *r);
enum outcome read_opener(struct reading *r);     /* openers.c */
enum outcome read_value(struct reading *r, int *ch);
/* Does a mark begin at the cursor's last look? */
enum outcome at_mark(const struct reading *r);

#endif
