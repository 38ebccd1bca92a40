/* The prefilter: where in the text can an anchor be?
 *
 * Each anchor stands in it with one window, four rare bytes among its first eight. The windows lie in 32 buckets
 * (four groups of eight, a bit each), and for each of the four positions a table tells in which buckets a byte can stand there:
 *
 *     text        …  x   g   h   p   _   7  …
 *     position           0   1   2   3
 *     buckets            {a,c} & {a} & {a,f} & {a}  = {a}   some window of bucket a may stand here
 *
 * With AVX-512 VBMI the tables are looked up by the whole byte, 64 places at once; SSSE3, AVX2 and NEON shuffle by
 * nibble, which lets a few more places pass; without vectors the four positions are looked up together. A place that
 * passes is confirmed by a hash of the window's four bytes. What is confirmed is only a hint where the automaton of rule_detector.c begins to read, so a level may pass too much but never too little,
 * and the output is the same on all of them.
 *
 * Tried and rejected: an Aho-Corasick table over every byte (0.5 GB/s, each step waits for the one before), the
 * first three bytes of every anchor instead of its rarest (ten times the candidates), sixteen buckets (with 400
 * anchors, 85 places in 1,000 pass, and confirming them costs more than the other sixteen).
 */
#ifndef HSTORE_PREFILTER_H
#define HSTORE_PREFILTER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ruleset;

enum { WINDOW_BYTES = 4, WINDOW_FURTHEST = 4, HASH_BITS = 15, HINT_BYTES = 4096, GROUPS = 4 };

/* What hints.c may know of an anchor: it means something only in a telling name, or begins an address, or a
 * token, which no word character stands before. */
enum { HINT_WORD = 1, HINT_ADDRESS = 2, HINT_TOKEN = 3 };
#define SEVERAL 0xffffu

struct prefilter {
    uint8_t exact[GROUPS][WINDOW_BYTES][128];                               /* group, position, byte: eight buckets */
    uint8_t low[GROUPS][WINDOW_BYTES][16], high[GROUPS][WINDOW_BYTES][16];  /* the same by nibble */
    uint64_t steps[256][2]; /* by byte, for two groups each: position by position, sixteen buckets */
    uint16_t owners[1 << HASH_BITS]; /* by hash of a window: 0, or 1 + the number of its anchor, or SEVERAL */
    uint8_t shorts[8192]; /* a bit by hash of three bytes with which an anchor shorter than a window begins */
};

#define LEVEL_ESC 0x1b

static inline uint32_t window_hash(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, 4);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    four = __builtin_bswap32(four);
#endif
    return ((four | 0x20202020u) * 0x9E3779B1u) >> (32 - HASH_BITS);
}

/* One per instruction set, in a file of its own. Sets a bit in `words` for each of `length` places, at most HINT_BYTES,
 * where a window or an escape character may stand. Three more bytes are readable, and none behind those is read. */
typedef void level_mark(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words);
level_mark mark_scalar, mark_ssse3, mark_avx2, mark_avx512vbmi, mark_neon;

/* With the level that was chosen. */
level_mark mark;
int reads_everything(void); /* the level "automaton": no hints, nothing is skipped */

/* The confirmed places of a stretch. They are collected for a whole stretch before any is looked at: a branch that
 * waits for each of the few candidates would be guessed wrong nearly every time. */
struct hints {
    const uint8_t *from, *to;
    uint32_t count, next;
    uint16_t places[HINT_BYTES];
};

static inline void no_hints(struct hints *h) {
    h->from = h->to = NULL;
    h->count = h->next = 0;
}

/* Where the automaton must begin to read, not before `p` and at most `end`; `*until`, how far it must read at least.
 * Bytes from `low` to `limit` may be looked at; `end` <= `limit`. `p` never goes back. */
const uint8_t *next_start(const struct ruleset *set, struct hints *h, const uint8_t *p, const uint8_t *end,
                          const uint8_t *low, const uint8_t *limit, const uint8_t **until);

static inline uint32_t short_hash(const uint8_t *p) {
    uint32_t three = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return (three * 0x9E3779B1u) >> 16;
}

/* Whether an anchor shorter than a window may begin here, or an escape sequence. */
static inline uint32_t is_short(const struct prefilter *f, const uint8_t *p) {
    uint32_t hash = short_hash(p);
    return (f->shorts[hash >> 3] >> (hash & 7) & 1u) | (*p == LEVEL_ESC);
}

static inline uint32_t is_confirmed(const struct prefilter *f, const uint8_t *p) {
    return (uint32_t)(f->owners[window_hash(p)] != 0) | is_short(f, p);
}

#if defined(__x86_64__) || defined(_M_X64)
#define LEVELS_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define LEVELS_ARM 1
#endif

/* GCC and Clang compile a function for another instruction set than the file's; MSVC takes every intrinsic anywhere. */
#if defined(__GNUC__)
#define FOR_TARGET(names) __attribute__((target(names)))
#define FIRST_BIT(mask) ((unsigned)__builtin_ctzll(mask))
#else
#include <intrin.h>
#define FOR_TARGET(names)
static inline unsigned FIRST_BIT(uint64_t mask) {
    unsigned long at;
    _BitScanForward64(&at, mask);
    return (unsigned)at;
}
#endif

#endif
