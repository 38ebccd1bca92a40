/* Builds the tables of a ruleset that has a user's rules behind the built-in ones.
 *
 * The result is what csrc/generate_rules.py would have written for all of the rules together, in one block of
 * memory; the tables compiled in are read and never changed. Two roads were not taken. A second automaton for
 * the user's rules would have to be run beside the first, over every byte. Growing the generated one in place is
 * impossible without touching most rows, since a new anchor changes the failure links of old nodes; and building
 * it anew costs less than a millisecond.
 *
 * What is to be added comes as one string of bytes, made by src/hstore/masking/_rule_blob.py; integers are little-endian,
 * and a text is its length (2 bytes), its bytes, and a zero:
 *
 *     "HSR1" | counts: classes rules anchors names allowed off (2 each)
 *     class    bitmap (32)
 *     rule     form class min max distinct digit shown lone (1 each) | id | inner | allow_suffix     empty: none
 *     anchor   rule (2) | exact_case held (1 each) | text
 *     name     rule (2) | kinds (4) | text
 *     allowed  rule (2), ANY_RULE for all | text
 *     off      rule (2)
 *
 * Rules are numbered on behind the built-in ones, classes too. What would break a law of the stream is refused here as
 * well as where rules are read: marks that are none, values that reach over quotes, tokens that are not held.
 */
#include "characters.h"
#include "prefilter.h"
#include <string.h>

enum { CLASSES = 32, LONGEST_ANCHOR = 32, LONGEST_ALLOWED = 1024, MOST_ANCHORS = 0xfffe };

/* ---- reading ---- */

struct reader { const uint8_t *at, *end; int bad; };

static uint32_t take_number(struct reader *r, int bytes) {
    uint32_t value = 0;
    int i;
    if (r->end - r->at < bytes) {
        r->bad = 1;
        return 0;
    }
    for (i = 0; i < bytes; i++) value |= (uint32_t)r->at[i] << 8 * i;
    r->at += bytes;
    return value;
}

static const uint8_t *take_bytes(struct reader *r, size_t length) {
    const uint8_t *found = r->at;
    if ((size_t)(r->end - r->at) < length) {
        r->bad = 1;
        return NULL;
    }
    r->at += length;
    return found;
}

static const char *take_text(struct reader *r, uint32_t *length) {
    uint32_t size = take_number(r, 2);
    const uint8_t *text = take_bytes(r, (size_t)size + 1);
    *length = size;
    if (text != NULL && (text[size] != 0 || memchr(text, 0, size) != NULL)) r->bad = 1;
    return (const char *)text;
}

static const char *take_optional(struct reader *r) {
    uint32_t length;
    const char *text = take_text(r, &length);
    return length == 0 ? NULL : text;
}

/* ---- the block that holds it all ---- */

struct counts { uint32_t classes, rules, anchors, names, allowed, off; };

struct hstore_ruleset {
    struct ruleset set;
    struct counts added;
    void *tables;   /* one block for everything of fixed size */
    size_t tables_size;
    void *automaton; /* one for what is known only when the anchors have been put together */
    size_t automaton_size;
    uint8_t *texts;  /* the bytes given; ids, anchors and allowed texts point into them */
    size_t texts_size;
    struct rule *rules;
    struct anchor *anchors;
    struct own_name *names;
    struct allowed *allowed;
    uint32_t *class_bits;
    struct prefilter *prefilter;
    char digest[33];
};

static size_t lay_out_tables(struct hstore_ruleset *r, uint8_t *block) {
    size_t used = 0;
    r->rules = place(block, &used, builtin_rules.rule_count + r->added.rules, sizeof(struct rule));
    r->anchors = place(block, &used, builtin_rules.anchor_count + r->added.anchors, sizeof(struct anchor));
    r->names = place(block, &used, r->added.names, sizeof(struct own_name));
    r->allowed = place(block, &used, r->added.allowed, sizeof(struct allowed));
    r->class_bits = place(block, &used, 256, sizeof(uint32_t));
    r->prefilter = place(block, &used, 1, sizeof *r->prefilter);
    return used;
}

/* ---- what is added ---- */

static int is_every(const char *text, uint32_t length, int (*test)(int)) {
    uint32_t i;
    for (i = 0; i < length && test((uint8_t)text[i]); i++) {}
    return i == length;
}

static int is_of_a_name(int c) { return is_lower(c) || is_digit(c); }
static int is_of_an_id(int c) { return is_of_a_name(c) || c == '-'; }
static int is_of_an_anchor(int c) { return c > ' ' && c < 127; }
static int is_of_a_token(int c) { return is_of_an_anchor(c) && strchr("\"'`\\[]<>", c) == NULL; }

static int says_masked(const char *text) {
    for (; *text; text++) {
        int n = 0;
        while (n < 7 && to_lower((uint8_t)text[n]) == "[masked"[n]) n++;
        if (n == 7) return 1;
    }
    return 0;
}

static void add_classes(struct hstore_ruleset *r, struct reader *from) {
    uint32_t all = 0, first = 0, i;
    int byte;
    for (byte = 0; byte < 256; byte++) all |= builtin_rules.class_bits[byte];
    while (first < CLASSES && all >> first != 0) first++;
    if (r->added.classes > CLASSES - first) from->bad = 1;
    for (i = 0; i < r->added.classes && !from->bad; i++) {
        const uint8_t *bitmap = take_bytes(from, 32);
        for (byte = 0; bitmap != NULL && byte < 256; byte++) {
            if (!(bitmap[byte >> 3] >> (byte & 7) & 1)) continue;
            r->class_bits[byte] |= 1u << (first + i);
            if (!is_of_a_token(byte)) from->bad = 1;
        }
    }
}

static void add_rules(struct hstore_ruleset *r, struct reader *from) {
    uint32_t i, length;
    for (i = 0; i < r->added.rules && !from->bad; i++) {
        struct rule *rule = &r->rules[builtin_rules.rule_count + i];
        rule->form = (uint8_t)take_number(from, 1);
        rule->klass = (uint8_t)take_number(from, 1);
        rule->min = (uint8_t)take_number(from, 1);
        rule->max = (uint8_t)take_number(from, 1);
        rule->distinct = (uint8_t)take_number(from, 1);
        rule->digit = (uint8_t)take_number(from, 1);
        rule->shown = (uint8_t)take_number(from, 1);
        rule->lone = (uint8_t)take_number(from, 1);
        rule->id = take_text(from, &length);
        if (length == 0 || length > MARK_BYTES || rule->klass >= CLASSES) from->bad = 1;
        if (!from->bad && !is_every(rule->id, length, is_of_an_id)) from->bad = 1;
        if (rule->form != FORM_TOKEN && rule->form != FORM_NAME) from->bad = 1;
        if (rule->form == FORM_TOKEN && (rule->min < 8 || (rule->max != 0 && (rule->max > 250 || rule->max < rule->min)))) from->bad = 1;
        rule->inner = take_optional(from);
        rule->allow_suffix = take_optional(from);
    }
}

static uint32_t take_rule(struct hstore_ruleset *r, struct reader *from) {
    uint32_t number = take_number(from, 2);
    if (number >= builtin_rules.rule_count + r->added.rules) from->bad = 1;
    return number;
}

static uint32_t take_own_rule(struct hstore_ruleset *r, struct reader *from, enum form form) {
    uint32_t number = take_rule(r, from);
    if (!from->bad && (number < builtin_rules.rule_count || r->rules[number].form != form)) from->bad = 1;
    return from->bad ? 0 : number;
}

/* A token is held from its first character on, unless it is shown; a name never is, and is written in any case. */
static int is_taken_so(const struct hstore_ruleset *r, const struct anchor *anchor) {
    const struct rule *rule = &r->rules[anchor->rule];
    if (anchor->rule < builtin_rules.rule_count) return 0;
    if (rule->form == FORM_NAME) return !anchor->exact_case && !anchor->held;
    return anchor->exact_case == 1 && anchor->held == !rule->shown;
}

static void add_anchors(struct hstore_ruleset *r, struct reader *from) {
    uint32_t i, length;
    for (i = 0; i < r->added.anchors && !from->bad; i++) {
        struct anchor *anchor = &r->anchors[builtin_rules.anchor_count + i];
        anchor->rule = (uint16_t)take_rule(r, from);
        anchor->exact_case = (uint8_t)take_number(from, 1);
        anchor->held = (uint8_t)take_number(from, 1);
        anchor->text = take_text(from, &length);
        if (from->bad || length < 3 || length > LONGEST_ANCHOR) {
            from->bad = 1;
            return;
        }
        if (!is_every(anchor->text, length, is_of_an_anchor) || says_masked(anchor->text)) from->bad = 1;
        if (!is_taken_so(r, anchor)) from->bad = 1;
        anchor->length = (uint8_t)length;
    }
}

static void add_names(struct hstore_ruleset *r, struct reader *from) {
    uint32_t i;
    for (i = 0; i < r->added.names && !from->bad; i++) {
        r->names[i].rule = (uint16_t)take_own_rule(r, from, FORM_NAME);
        r->names[i].kinds = take_number(from, 4);
        r->names[i].text = take_text(from, &r->names[i].length);
        if (r->names[i].length == 0 || from->bad || !is_every(r->names[i].text, r->names[i].length, is_of_a_name)) from->bad = 1;
        if ((r->names[i].kinds & ~(uint32_t)WORD_TELLING) != 0) from->bad = 1;
    }
}

static void add_allowed(struct hstore_ruleset *r, struct reader *from) {
    uint32_t i;
    for (i = 0; i < r->added.allowed && !from->bad; i++) {
        uint32_t rule = take_number(from, 2);
        if (rule != ANY_RULE && rule >= builtin_rules.rule_count + r->added.rules) from->bad = 1;
        r->allowed[i].rule = (uint16_t)rule;
        r->allowed[i].text = (const uint8_t *)take_text(from, &r->allowed[i].length);
        if (r->allowed[i].length == 0 || r->allowed[i].length > LONGEST_ALLOWED) from->bad = 1;
    }
}

/* The built-in types of named values share their names' words, so each is switched off by the kinds of its words. */
static void switch_off(struct hstore_ruleset *r, struct reader *from) {
    uint32_t i;
    for (i = 0; i < r->added.off && !from->bad; i++) {
        uint32_t number = take_rule(r, from);
        if (from->bad || r->rules[number].form == FORM_MARK) from->bad = 1;
        if (from->bad) return;
        r->rules[number].form = FORM_OFF;
        r->set.kinds_off |= kinds_of_type((int)number);
    }
}

/* ---- all of it ---- */

static int read_counts(struct counts *added, struct reader *from) {
    const uint8_t *head = take_bytes(from, 4);
    if (head == NULL || memcmp(head, "HSR1", 4) != 0) return HSTORE_BAD_RULES;
    added->classes = take_number(from, 2);
    added->rules = take_number(from, 2);
    added->anchors = take_number(from, 2);
    added->names = take_number(from, 2);
    added->allowed = take_number(from, 2);
    added->off = take_number(from, 2);
    if (builtin_rules.rule_count + added->rules >= ANY_RULE) return HSTORE_BAD_RULES;
    if (builtin_rules.anchor_count + added->anchors > MOST_ANCHORS) return HSTORE_BAD_RULES;
    return from->bad ? HSTORE_BAD_RULES : 0;
}

/* So that states saved with other rules are refused. */
static void digest_of(struct hstore_ruleset *r) {
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = 0xcbf29ce484222325u;
    size_t i;
    memcpy(r->digest, builtin_rules.digest, 16);
    for (i = 16; i < strlen(builtin_rules.digest); i++) hash = (hash ^ (uint8_t)builtin_rules.digest[i]) * 0x100000001b3u;
    for (i = 0; i < r->texts_size; i++) hash = (hash ^ r->texts[i]) * 0x100000001b3u;
    for (i = 0; i < 16; i++) r->digest[16 + i] = digits[hash >> 4 * i & 15];
    r->digest[32] = 0;
}

static int fill(struct hstore_ruleset *r, struct reader *from) {
    struct ruleset *set = &r->set;
    uint32_t i;
    int result;
    r->tables_size = lay_out_tables(r, NULL);
    r->tables = grab(r->tables_size);
    if (r->tables == NULL) return HSTORE_NO_MEMORY;
    lay_out_tables(r, r->tables);
    memcpy(r->rules, builtin_rules.rules, builtin_rules.rule_count * sizeof *r->rules);
    memcpy(r->anchors, builtin_rules.anchors, builtin_rules.anchor_count * sizeof *r->anchors);
    memcpy(r->class_bits, builtin_rules.class_bits, 256 * sizeof(uint32_t));
    memcpy(r->prefilter, builtin_rules.prefilter, sizeof *r->prefilter);
    add_classes(r, from);
    add_rules(r, from);
    add_anchors(r, from);
    add_names(r, from);
    add_allowed(r, from);
    switch_off(r, from);
    if (from->bad || from->at != from->end) return HSTORE_BAD_RULES;
    digest_of(r);
    set->digest = r->digest;
    set->rule_count = builtin_rules.rule_count + r->added.rules;
    set->anchor_count = builtin_rules.anchor_count + r->added.anchors;
    set->rules = r->rules, set->anchors = r->anchors;
    set->class_bits = r->class_bits, set->prefilter = r->prefilter;
    set->names = r->names, set->name_count = r->added.names;
    set->allowed = r->allowed, set->allowed_count = r->added.allowed;
    for (i = builtin_rules.anchor_count; i < set->anchor_count; i++) prefilter_add(r->prefilter, set, &set->anchors[i]);
    r->automaton = automaton_of_anchors(set, &r->automaton_size, &result);
    return result;
}

hstore_ruleset *hstore_ruleset_new(const uint8_t *additions, size_t length, int *error) {
    struct hstore_ruleset *r = grab(sizeof *r);
    struct reader from;
    *error = HSTORE_NO_MEMORY;
    if (r == NULL) return NULL;
    r->texts_size = length;
    r->texts = grab(length + 1);
    if (r->texts != NULL) {
        memcpy(r->texts, additions, length);
        from.at = r->texts;
        from.end = r->texts + length;
        from.bad = 0;
        *error = read_counts(&r->added, &from);
        if (*error == 0) *error = fill(r, &from);
    }
    if (*error == 0) return r;
    hstore_ruleset_free(r);
    return NULL;
}

void hstore_ruleset_free(hstore_ruleset *r) {
    if (r == NULL) return;
    if (r->texts != NULL) release(r->texts, r->texts_size + 1);
    release(r->automaton, r->automaton == NULL ? 0 : r->automaton_size);
    release(r->tables, r->tables == NULL ? 0 : r->tables_size);
    release(r, sizeof *r);
}

const struct ruleset *rules_in(const hstore_ruleset *r) { return r == NULL ? &builtin_rules : &r->set; }

static int same(const void *a, const void *b, size_t count, size_t size) { return memcmp(a, b, count * size) == 0; }

int hstore_ruleset_is_builtin(const hstore_ruleset *r) {
    const struct ruleset *a = rules_in(r), *b = &builtin_rules;
    size_t nodes = b->node_count;
    if (a->node_count != nodes || a->rule_count != b->rule_count || a->anchor_count != b->anchor_count) return 0;
    return same(a->rules, b->rules, b->rule_count, sizeof *b->rules) &&
           same(a->anchors, b->anchors, b->anchor_count, sizeof *b->anchors) &&
           same(a->class_bits, b->class_bits, 256, 4) && same(a->prefilter, b->prefilter, 1, sizeof *b->prefilter) &&
           same(a->column, b->column, 256, 1) && same(a->move, b->move, nodes << COLUMN_BITS, 2) &&
           same(a->end_at, b->end_at, nodes + 1, 2) && same(a->ends, b->ends, b->end_at[nodes], 2) &&
           same(a->held_at, b->held_at, nodes + 1, 2) && same(a->held, b->held, 2 * (size_t)b->held_at[nodes], 2);
}
