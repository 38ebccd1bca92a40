/* Puts the automaton over a ruleset's anchors together at run time: the same tables, byte for byte, that
 * csrc/generate_rules.py writes for the same anchors (a test compares them for the built-in ones).
 *
 * Aho and Corasick in three steps: a trie with its nodes numbered as they come; failure links breadth first; and
 * then each row of moves is the row of the failure link, complete by then, with the node's own children over it.
 * That copying is what makes it cheap: no link is followed twice.
 */
#include "internal.h"
#include <string.h>

enum { MOST_NODES = 0x8000, MOST_ENTRIES = 0xffff };

void *place(uint8_t *block, size_t *used, size_t count, size_t size) {
    void *found = block == NULL ? NULL : block + *used;
    *used += (count * size + 15) & ~(size_t)15;
    return found;
}

/* A node while the automaton is put together. Lists are numbers, 0 ends them. */
struct draft {
    uint32_t child, sibling, fail;
    uint32_t own_ends, own_held;  /* first of its own, numbered from 1 */
    uint32_t ends, held;          /* how many with those of its failure links */
    uint8_t byte, depth;
};
struct cell { uint32_t next; uint16_t anchor; };

struct drawing {
    struct draft *nodes;
    uint32_t *order;        /* breadth first */
    struct cell *ends;      /* one for each anchor, at its number + 1 */
    struct cell *held;
    uint32_t node_count, held_count;
    const struct anchor *anchors;
    const struct rule *rules;
};

static int folded(char c) { return c >= 'A' && c <= 'Z' ? c + 32 : (uint8_t)c; }

static uint32_t draft_child(const struct drawing *d, uint32_t node, int byte) {
    uint32_t child = d->nodes[node].child;
    while (child != 0 && d->nodes[child].byte != byte) child = d->nodes[child].sibling;
    return child;
}

static uint32_t *tail_of(struct cell *cells, uint32_t *first) {
    while (*first != 0) first = &cells[*first].next;
    return first;
}

/* The rule of an anchor whose rule asks for something before it, or ANY_RULE. */
static uint32_t asker(const struct drawing *d, uint32_t number) {
    uint32_t rule = d->anchors[number].rule;
    return d->rules[rule].before_count > 0 ? rule : ANY_RULE;
}

/* Of anchors that begin alike the first one stands for all, since only the beginning is compared, and what stands
 * before it where a rule asks for that: such a rule is held for by itself. */
static void hold(struct drawing *d, uint32_t node, uint32_t number) {
    uint32_t *next = &d->nodes[node].own_held;
    for (; *next != 0; next = &d->held[*next].next) {
        uint32_t other = d->held[*next].anchor;
        if (asker(d, other) != asker(d, number)) continue;
        if (memcmp(d->anchors[other].text, d->anchors[number].text, d->nodes[node].depth) == 0) return;
    }
    *next = ++d->held_count;
    d->held[*next].anchor = (uint16_t)number;
}

static void draw_anchor(struct drawing *d, uint32_t number) {
    const struct anchor *anchor = &d->anchors[number];
    uint32_t node = 0, i;
    for (i = 0; i < anchor->length; i++) {
        int byte = folded(anchor->text[i]);
        uint32_t child = draft_child(d, node, byte);
        if (child == 0) {
            child = d->node_count++;
            d->nodes[child].byte = (uint8_t)byte;
            d->nodes[child].depth = (uint8_t)(i + 1);
            d->nodes[child].sibling = d->nodes[node].child;
            d->nodes[node].child = child;
        }
        node = child;
        if (anchor->held && i + 1u < anchor->length) hold(d, node, number);
    }
    *tail_of(d->ends, &d->nodes[node].own_ends) = number + 1;
    d->ends[number + 1].anchor = (uint16_t)number;
}

static uint32_t list_length(const struct cell *cells, uint32_t first) {
    uint32_t count = 0;
    for (; first != 0; first = cells[first].next) count++;
    return count;
}

static void link_drawing(struct drawing *d) {
    uint32_t done, next = 1, child;
    d->order[0] = 0;
    for (done = 0; done < next; done++) {
        uint32_t node = d->order[done];
        struct draft *n = &d->nodes[node];
        n->ends = list_length(d->ends, n->own_ends) + (node == 0 ? 0 : d->nodes[n->fail].ends);
        n->held = list_length(d->held, n->own_held) + (node == 0 ? 0 : d->nodes[n->fail].held);
        for (child = n->child; child != 0; child = d->nodes[child].sibling) {
            uint32_t at = n->fail, found = 0;
            while (node != 0 && (found = draft_child(d, at, d->nodes[child].byte)) == 0 && at != 0) at = d->nodes[at].fail;
            d->nodes[child].fail = found;
            d->order[next++] = child;
        }
    }
}

/* Columns in the order of their bytes; 0 is for bytes of no anchor. Returns how many there are. */
static uint32_t fill_columns(const struct drawing *d, uint8_t *column) {
    uint8_t used[256] = {0};
    uint32_t count = 1, i;
    for (i = 1; i < d->node_count; i++) used[d->nodes[i].byte] = 1;
    for (i = 0; i < 256; i++) column[i] = used[i] ? (uint8_t)count++ : 0;
    for (i = 'A'; i <= 'Z'; i++) column[i] = column[i + 32];
    return count;
}

/* A row is that of the failure link, which is complete already, with the node's own children over it. */
static void fill_moves(const struct drawing *d, const uint8_t *column, uint16_t *move) {
    uint32_t i, child;
    for (i = 0; i < d->node_count; i++) {
        uint32_t node = d->order[i];
        uint16_t *row = move + ((size_t)node << COLUMN_BITS);
        if (node != 0) memcpy(row, move + ((size_t)d->nodes[node].fail << COLUMN_BITS), COLUMNS * sizeof *row);
        for (child = d->nodes[node].child; child != 0; child = d->nodes[child].sibling)
            row[column[d->nodes[child].byte]] = (uint16_t)(child | (d->nodes[child].ends ? ENDS_HERE : 0));
    }
}

static void fill_lists(const struct drawing *d, uint16_t *end_at, uint16_t *ends, uint16_t *held_at, uint16_t *held) {
    uint32_t node, at, cell, ends_used = 0, held_used = 0;
    for (node = 0; node < d->node_count; node++) {
        end_at[node] = (uint16_t)ends_used;
        held_at[node] = (uint16_t)held_used;
        for (at = node; at != 0; at = d->nodes[at].fail) {
            for (cell = d->nodes[at].own_ends; cell != 0; cell = d->ends[cell].next) ends[ends_used++] = d->ends[cell].anchor;
            for (cell = d->nodes[at].own_held; cell != 0; cell = d->held[cell].next) {
                held[2 * held_used] = d->nodes[at].depth;
                held[2 * held_used++ + 1] = d->held[cell].anchor;
            }
        }
    }
    end_at[node] = (uint16_t)ends_used;
    held_at[node] = (uint16_t)held_used;
}

/* The tables in a block of their own, `*size` bytes, to which `set` then points. */
static uint8_t *lay_out(struct ruleset *set, const struct drawing *d, size_t *size, int *error) {
    uint8_t *block = NULL, *column;
    uint16_t *move, *end_at, *ends, *held_at, *held;
    uint32_t end_count = 0, held_count = 0, i;
    for (i = 0; i < d->node_count; i++) end_count += d->nodes[i].ends, held_count += d->nodes[i].held;
    *error = HSTORE_BAD_RULES;
    if (d->node_count > MOST_NODES || end_count > MOST_ENTRIES || held_count > MOST_ENTRIES) return NULL;
    for (;;) {
        size_t used = 0;
        column = place(block, &used, 256, 1);
        move = place(block, &used, (size_t)d->node_count << COLUMN_BITS, sizeof *move);
        end_at = place(block, &used, d->node_count + 1, sizeof *end_at);
        held_at = place(block, &used, d->node_count + 1, sizeof *held_at);
        ends = place(block, &used, end_count, sizeof *ends);
        held = place(block, &used, 2 * (size_t)held_count, sizeof *held);
        if (block != NULL) break;
        *size = used;
        *error = HSTORE_NO_MEMORY;
        block = grab(used);
        if (block == NULL) return NULL;
    }
    if (fill_columns(d, column) > COLUMNS) {
        *error = HSTORE_BAD_RULES;
        release(block, *size);
        return NULL;
    }
    fill_moves(d, column, move);
    fill_lists(d, end_at, ends, held_at, held);
    set->node_count = d->node_count;
    set->column = column, set->move = move;
    set->end_at = end_at, set->ends = ends, set->held_at = held_at, set->held = held;
    *error = 0;
    return block;
}

static size_t lay_out_drawing(struct drawing *d, uint8_t *block, uint32_t anchor_count, size_t most) {
    size_t used = 0;
    d->nodes = place(block, &used, most, sizeof *d->nodes);
    d->order = place(block, &used, most, sizeof *d->order);
    d->ends = place(block, &used, anchor_count + 1, sizeof *d->ends);
    d->held = place(block, &used, most + 1, sizeof *d->held);
    return used;
}

void *automaton_of_anchors(struct ruleset *set, size_t *size, int *error) {
    struct drawing d = {0};
    size_t most = 1, drawn;
    uint8_t *draft, *tables;
    uint32_t i;
    d.anchors = set->anchors, d.rules = set->rules;
    for (i = 0; i < set->anchor_count; i++) most += set->anchors[i].length;
    drawn = lay_out_drawing(&d, NULL, set->anchor_count, most);
    draft = grab(drawn);
    *error = HSTORE_NO_MEMORY;
    if (draft == NULL) return NULL;
    lay_out_drawing(&d, draft, set->anchor_count, most);
    d.node_count = 1;
    for (i = 0; i < set->anchor_count; i++) draw_anchor(&d, i);
    link_drawing(&d);
    tables = lay_out(set, &d, size, error);
    release(draft, drawn);
    return tables;
}
