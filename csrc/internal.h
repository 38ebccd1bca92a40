/* What the parts of the masker share: positions, verdicts, the state of a stream.
 *
 *     caller's bytes --> window --+--> exact.c          hits      [start, end)
 *                                 +--> rule_detector.c  intervals [start, end, type)
 *                                            |              |
 *                                            +--> stream.c: what lies before both frontiers is written
 *
 * Positions are offsets in the whole stream (uint64_t), so they stay valid when buffers move.
 */
#ifndef HSTORE_INTERNAL_H
#define HSTORE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include "masker.h"

enum {
    CANDIDATE_BYTES = 4096, /* a verifier sees at most so many bytes from a candidate's start */
    LOOK_BACK = 256,        /* and so many before it */
    CONTEXT = 640,          /* input kept before the scanners: an anchor with colour codes, and LOOK_BACK */
    FORM_BYTES = 4096,      /* longest exact form */
    SLICE = 32768,          /* the detectors take turns in steps of this size */
    LATER = 3,              /* decided intervals kept behind the parked one */
    ESCAPES = 16,           /* latest escape sequences remembered for looking back */
    EXACT_ESCAPES = 64, /* colour codes inside one registered value */
    MARK_BYTES = 40         /* longest type in a mark */
};

#define NOWHERE UINT64_MAX
#define ESC 0x1b

/* The input at hand: bytes[0] is at `origin`, nothing is known behind `end`, unless `last`: then it is the end. */
struct window {
    const uint8_t *bytes;
    uint64_t origin, end;
    int last;
};

static inline const uint8_t *at(const struct window *w, uint64_t position) {
    return w->bytes + (size_t)(position - w->origin);
}

/* ---- tables.c, generated: the rules ---- */

enum form { FORM_TOKEN, FORM_BLOCK, FORM_JWT, FORM_URL, FORM_CURL, FORM_CURL_WORD, FORM_MARK, FORM_NAME,
            FORM_COMMAND, FORM_KUBERNETES, FORM_OFF /* switched off by the user */ };

/* `window`: where in the text the four bytes stand by which the prefilter finds it; `hint`: HINT_… of prefilter.h. */
struct anchor { const char *text; uint16_t rule; uint8_t length, exact_case, held, window, hint; };
/* A piece of a token: these characters (`text`), or `min` to `max` of a class; `max` 0: the run may go on for ever. */
struct part { const char *text; uint16_t min, max; uint8_t klass; };
struct token_shape { const struct part *parts; int count; };
/* A token is a run of one class (`klass`, `min`, `max`), or has one of its `shapes`, tried in their order. `before`
 * are parts that must stand right before the anchor; they are shown, since they may have been written long ago. */
struct rule {
    const char *id;
    uint8_t form, klass, min, max, distinct, digit, shown, lone;
    const char *inner, *allow_suffix;
    const struct token_shape *shapes;
    const struct part *before;
    const char *const *allow; /* published examples: what stands behind the anchor begins with one; NULL ends the list */
    uint8_t shape_count, before_count;
};
struct word { const char *text; uint32_t length, kinds; };
/* A user's name: small letters and digits, in any notation (acme_pin, acmePin, ACME-PIN). */
struct own_name { const char *text; uint32_t length, kinds; uint16_t rule; };
/* A text that a user has declared to be no secret, by one rule or by all. */
struct allowed { const uint8_t *text; uint32_t length; uint16_t rule; };
#define ANY_RULE 0xffffu
struct about { const char *description, *source; };

/* The kinds of words in names; the order is that of WORD_KINDS in generate_rules.py. */
enum {
    WORD_PASSWORD = 1, WORD_PASSWORD_BESIDE = 2, WORD_SECRET = 4, WORD_TOKEN = 8, WORD_KEY = 16,
    WORD_KEY_BESIDE = 32, WORD_AUTHORIZATION = 64, WORD_AUTHORIZATION_WEAK = 128, WORD_SIGNATURE = 256,
    WORD_HARMLESS_BEFORE = 512, WORD_HARMLESS_BEHIND = 1024, WORD_SESSION = 2048, WORD_SESSION_BESIDE = 4096,
    WORD_VENDOR = 8192, WORD_CLIENT = 16384, WORD_ID = 32768, WORD_ENDING = 65536,
    WORD_PLACEHOLDER = 131072,
    WORD_TELLING = WORD_PASSWORD | WORD_SECRET | WORD_TOKEN | WORD_KEY | WORD_AUTHORIZATION | WORD_SIGNATURE | WORD_SESSION,
    NAME_GOES_ON = 1 << 20, /* beside the kinds of a name: other words follow the telling one, as in passwordEncoder */
    VALUE_STRICT = 1 << 21  /* beside them: the value must look drawn, whatever the name says */
};

/* The rules and the automaton over their anchors, folded. Its nodes are numbered; the moves from a node stand in a
 * row of COLUMNS. ENDS_HERE marks a move to a node where an anchor ends.
 *
 *     ends[end_at[node] .. end_at[node + 1]]      anchors that end at the node, longest first
 *     held[2 * (held_at[node] .. )]               pairs (length, anchor): beginnings of anchors that must be held there
 */
enum { COLUMN_BITS = 6, COLUMNS = 1 << COLUMN_BITS };
#define ENDS_HERE 0x8000u
struct ruleset {
    const char *digest;
    uint32_t rule_count, anchor_count, node_count;
    const struct rule *rules;
    const struct anchor *anchors;
    const uint32_t *class_bits;  /* [256], a bit per class */
    const struct prefilter *prefilter;
    const uint8_t *column;       /* [256] */
    const uint16_t *move, *end_at, *ends, *held_at, *held;
    /* What only a user's rules have; the built-in ruleset leaves it out. */
    const struct own_name *names;
    const struct allowed *allowed;
    uint32_t name_count, allowed_count;
    uint32_t kinds_off; /* kinds of names whose type is switched off */
};
extern const struct prefilter builtin_prefilter;
extern const struct ruleset builtin_rules;
extern const int word_count, class_jwt, class_any_token;
extern const int type_password, type_secret, type_token, type_api_key, type_authorization, type_signature, type_session;
extern const struct word words[];
extern const uint16_t word_slots[2048]; /* 1 + index, by hash; see words.c */
extern const uint32_t ending_pairs[26]; /* of a letter: those that stand behind it at the end of an ending word */
extern const uint32_t letter_pairs[26]; /* of each letter: those that often follow it in words */
extern const char *const placeholder_pieces[], *const stop_words[];
extern const uint32_t piece_starts[256];   /* of each character: the pieces that begin with it, in either case */
static inline uint16_t move_from(const struct ruleset *set, uint32_t node, int byte) {
    return set->move[(node << COLUMN_BITS) + set->column[byte]];
}
static inline int in_class(const struct ruleset *set, int klass, int character) {
    return character >= 0 && (set->class_bits[character] >> klass & 1);
}

/* ---- ruleset.c, anchors.c: rulesets made at run time ---- */

const struct ruleset *rules_in(const hstore_ruleset *ruleset); /* NULL: the built-in one */
/* Makes the automaton over the anchors that `set` has, in a block of `*size` bytes to release, and lets `set` point
 * into it. NULL with `*error` HSTORE_NO_MEMORY, or HSTORE_BAD_RULES for more than the tables can number. */
void *automaton_of_anchors(struct ruleset *set, size_t *size, int *error);
/* The next place in a block for so many items, aligned; NULL, and only counted in `*used`, while `block` is NULL. */
void *place(uint8_t *block, size_t *used, size_t count, size_t size);

/* Lets the prefilter find an anchor of `set` as well (prefilter_add.c). */
void prefilter_add(struct prefilter *prefilter, const struct ruleset *set, const struct anchor *anchor);

/* ---- escape.c: logical characters ---- */

enum { LOOK_END = -1, LOOK_MORE = -2 };

/* Walks over characters, stepping over complete terminal escape sequences. `next` lies behind the last look. */
struct cursor {
    const uint8_t *at, *next, *end;
    int last; /* nothing follows `end`: the input is over */
};

#define ESCAPE_INCOMPLETE SIZE_MAX
/* Length of the escape sequence at `p`, 0 if there is none, ESCAPE_INCOMPLETE if `end` cuts it. */
size_t escape_length(const uint8_t *p, const uint8_t *end, int whole);
/* The character at the cursor, or LOOK_END, or LOOK_MORE. Sets `next`; does not move `at`. */
int look_behind_escapes(struct cursor *c);
static inline int look(struct cursor *c) {
    if (c->at >= c->end || *c->at == ESC) return look_behind_escapes(c);
    c->next = c->at + 1;
    return *c->at;
}

/* ---- verify.c ---- */

enum verdict_kind { VERDICT_NO, VERDICT_MORE, VERDICT_MATCH, VERDICT_SWALLOW };
enum swallow_kind { SWALLOW_CLASS, SWALLOW_PLAIN, SWALLOW_QUOTED, SWALLOW_LINE, SWALLOW_BLOCK };

struct verdict {
    enum verdict_kind kind;
    enum swallow_kind swallow;
    uint8_t detail;      /* class, or closing quote */
    const uint8_t *from; /* start of the interval; with MORE: what must be held, NULL for nothing */
    const uint8_t *to;   /* its end, or where swallowing goes on; with NO or MORE: where the name ends, or NULL */
    int type;
};

struct rule_state;
struct candidate {
    const uint8_t *low;   /* nothing before this may be looked at: masked, or too far back */
    const uint8_t *start; /* the anchor's first byte */
    const uint8_t *after; /* behind its last */
    const uint8_t *end;   /* of what may be looked at */
    int last;             /* the input ends there */
    int full;             /* CANDIDATE_BYTES are there: no more will come */
    int after_curl;
    int colourless; /* no escape sequence lies between `low` and `start` */
    const struct window *window;
    const struct ruleset *set;
    struct rule_state *state;
    const struct anchor *anchor;
};

struct verdict verify(const struct candidate *c);
extern const struct verdict refusal;
/* Not decided at the end of what is known. With everything that may be seen in sight it counts as a secret. */
struct verdict undecided(const struct candidate *c, const uint8_t *hold, const uint8_t *position,
                         enum swallow_kind swallow, int detail, int type);
struct verdict found(enum verdict_kind kind, const uint8_t *from, const uint8_t *to, int type);
struct verdict verify_token(const struct candidate *c, const struct rule *rule, int type); /* tokens.c */
int anchor_is_written_so(const struct candidate *c);
int anchor_may_stand(const struct candidate *c, const struct rule *rule, const uint8_t *start);
struct verdict verify_mark(const struct candidate *c, int type); /* structures.c, as are the next two */
struct verdict verify_block(const struct candidate *c, int type);
struct verdict verify_jwt(const struct candidate *c, int type);
struct verdict verify_url(const struct candidate *c, int type);     /* addresses.c */
struct verdict verify_curl(const struct candidate *c, int type);    /* commands.c, as is the next */
struct verdict verify_command(const struct candidate *c, int type);
struct verdict verify_kubernetes(const struct candidate *c, int type);
struct verdict verify_name(const struct candidate *c);           /* names.c, as is the next */
/* Is the name around an anchor at `start` refused for certain, whichever of its anchors is asked? Bytes from `low` to
 * `limit` may be looked at; a name that they cut, or that a colour code touches, is not. */
int name_is_refused(const struct ruleset *set, const uint8_t *start, const uint8_t *low, const uint8_t *limit);
struct verdict verify_token_at(const struct candidate *c, const uint8_t *start); /* rule_detector.c */
int value_is_telling(const uint8_t *value, size_t length, uint32_t kinds, int quoted, int followed_by); /* values.c */
int is_placeholder(const uint8_t *value, size_t length);         /* values.c */
uint32_t name_kinds(const uint8_t *name, size_t length);         /* words.c, as are the next two */
int type_of_kinds(uint32_t kinds);
uint32_t word_kinds(const uint8_t *word, size_t length);
/* own_names.c: as name_kinds, with the user's names in `set`: which of them it is, else NULL, in `*own`. */
uint32_t kinds_in(const struct ruleset *set, const uint8_t *name, size_t length, const struct own_name **own);
uint32_t kinds_of_type(int type); /* own_names.c; 0 for a type of no names */
/* allowed.c: the verdict, or a refusal where the user has declared the text to be no secret. */
struct verdict unless_allowed(const struct candidate *c, const struct verdict *v);
int ends_plain(int character); /* rule_detector.c: does it end a value without quotes? */

/* The logical character before `p` in the candidate's text, or -1; `*p` moves before it. */
int look_back_over_escapes(const struct candidate *c, const uint8_t **p);
static inline int look_back(const struct candidate *c, const uint8_t **p) {
    if (!c->colourless) return look_back_over_escapes(c, p);
    return *p <= c->low ? -1 : *--*p;
}
int token_may_begin(const struct candidate *c, const uint8_t *start);
int mark_length(const uint8_t *p, const uint8_t *end); /* 0: none; -1: `end` cuts what may be one */
int is_word_character(int character);

/* ---- rule_detector.c ---- */

struct interval { uint64_t start, end; int32_t type, unused; };
struct span { uint64_t start, end; };
struct list { void *items; size_t count, room; };

struct rule_state {
    uint64_t position;   /* the automaton has read everything before */
    uint64_t barrier;    /* end of the latest masked stretch or mark: nothing before it is looked at */
    uint64_t frontier;   /* everything before is decided */
    uint64_t name_from;  /* an anchor whose name has been judged, */
    uint64_t name_done;  /* and the name's end: its other anchors are not judged again, unless masked text lies between */
    uint64_t curl, curl_checked; /* a "curl" on the current line, and how far the line was followed */
    uint32_t escape_count;
    uint32_t node;
    uint32_t pending;    /* 1 + index of the candidate to resume at `position`, 0: none */
    uint32_t swallowing, swallow, detail;
    uint32_t block_dashes, block_matched, block_end, block_line, block_colon, block_blank_ok, block_bytes;
    uint32_t backslash;
    /* A decided interval whose start lies further on: what is shown before it must still be searched. */
    struct span parked;
    uint32_t parked_kind, parked_swallow, parked_detail, parked_type;
    /* Those that lie behind it: of forms that read far ahead, over other secrets. In order, disjoint. */
    struct parked { struct span span; uint32_t kind, swallow, detail, type; } later[LATER];
    uint32_t later_count, unused;
    struct span escapes[ESCAPES]; /* the last, so that a reset need not clear it: `escape_count` says what counts */
};

/* ---- exact.c ---- */

struct automaton; /* of the registered values; NULL for none */
struct exact_state {
    uint64_t position, frontier;
    uint64_t resume;     /* the automaton has read everything before; an escape sequence can make it differ */
    uint32_t escape_count;
    uint32_t escapes_live; /* stepped over since the automaton left its root */
    uint32_t node;
    uint32_t raw; /* while escapes live: where the automaton would be had it stepped over none */
    struct span escapes[EXACT_ESCAPES]; /* the last, as above */
};

/* ---- stream.c ---- */

struct hstore_stream {
    const hstore_masker *masker;
    uint8_t *buffer;
    size_t room, length;
    uint64_t origin;
    uint64_t taken;   /* end of the input so far */
    uint64_t emitted; /* everything before is written */
    struct rule_state rules;
    struct exact_state exact;
    struct list intervals; /* struct interval, by rules, in order, disjoint; the last may be open */
    struct list hits;      /* struct interval, by values, in order, disjoint */
    struct list hit_ends;  /* uint64_t, ends of single hits: boundaries for the rules */
    uint8_t *out;
    size_t out_room, out_length;
    const uint8_t *given;  /* the caller's bytes during a feed */
    uint64_t given_at;
    uint64_t plain_from, plain_to; /* unmasked output not copied yet */
    size_t rest_start, rest_length; /* of it, what the caller shall take himself */
    uint64_t work, marks;
    int failed, in_mark, tracing;
    struct list trace; /* struct interval: what each mark stands for, while tracing */
    uint64_t *counts;
    size_t type_count;
};

struct hstore_masker {
    const struct ruleset *set;
    struct automaton *automaton;
    uint64_t fingerprint;
    uint64_t *ancestors; /* fingerprints of the maskers that it was extended from: their states are taken too */
    size_t ancestor_count;
};

/* masker.c. FNV-1a, for telling states apart; not for secrets. */
#define CHECKSUM_SEED 0xcbf29ce484222325u
uint64_t fingerprint(const uint8_t *bytes, size_t length, uint64_t hash);
int descends_from(const hstore_masker *masker, uint64_t ancestor);

/* For saving.c: bytes of the counts, the first input that is looked at again, input put into the stream's buffer. */
size_t stream_counts_size(const hstore_stream *s);
uint64_t stream_low_bound(const hstore_stream *s);
int stream_append(hstore_stream *s, const uint8_t *bytes, size_t length);
int detect_rules(struct hstore_stream *s, const struct window *w, uint64_t until);
void exact_rewind(struct exact_state *e);
int detect_exact(struct hstore_stream *s, const struct window *w, uint64_t until);
int forms_are_well_formed(const uint8_t *forms, size_t length);
struct automaton *automaton_new(const uint8_t *forms, size_t length);
void automaton_free(struct automaton *a);

int list_push(struct list *list, const void *item, size_t size);
void list_drop(struct list *list, size_t count, size_t size);

/* memory.c */
void *grab(size_t size);
void *regrab(void *old, size_t old_size, size_t size); /* zeroes the old bytes; the old block stays if it fails */
void release(void *block, size_t size);                /* zeroes first */
void wipe(void *block, size_t size);

#endif
