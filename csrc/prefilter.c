/* Chooses the level of the prefilter, and turns its hints into stretches that the automaton has to read. */
#include "internal.h"
#include "prefilter.h"

enum { LEVELS = 5, SCALAR = 0, TAIL = WINDOW_FURTHEST + WINDOW_BYTES - 1, LONGEST_ANCHOR = 32 };

static const char *const level_names[LEVELS] = {"scalar", "ssse3", "avx2", "avx512vbmi", "neon"};

/* ---- what this machine has ---- */

#if defined(LEVELS_X86) && defined(__GNUC__)
static int has(int level) {
    __builtin_cpu_init();
    switch (level) {
    case 1: return __builtin_cpu_supports("ssse3") != 0;
    case 2: return __builtin_cpu_supports("avx2") != 0;
    case 3: return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw");
    default: return 0;
    }
}
#elif defined(LEVELS_X86)
/* Also whether the system keeps the wide registers over a switch of threads: XCR0, Intel's manual, volume 1, 13.3. */
static int has(int level) {
    int one[4], seven[4];
    uint64_t kept;
    __cpuid(one, 1);
    if (level == 1) return one[2] >> 9 & 1;
    if (level > 3 || !(one[2] >> 27 & 1)) return 0;
    kept = _xgetbv(0);
    __cpuidex(seven, 7, 0);
    if (level == 2) return (kept & 6) == 6 && (seven[1] >> 5 & 1);
    return (kept & 0xe6) == 0xe6 && (seven[1] >> 30 & 1) && (seven[1] >> 16 & 1) && (seven[2] >> 1 & 1);
}
#elif defined(LEVELS_ARM)
static int has(int level) { return level == 4; } /* every 64-bit ARM */
#else
static int has(int level) { return level < 0; }
#endif

static level_mark *marker_of(int level) {
    switch (level) {
#if defined(LEVELS_X86)
    case 1: return mark_ssse3;
    case 2: return mark_avx2;
    case 3: return mark_avx512vbmi;
#elif defined(LEVELS_ARM)
    case 4: return mark_neon;
#endif
    default: return mark_scalar;
    }
}

/* ---- dispatch ---- */

static level_mark mark_first;

/* Written by the first search and by tests; threads that race write the same. */
static level_mark *volatile marker = mark_first;
static volatile int chosen = -1;

static void choose(int level) {
    chosen = level;
    marker = marker_of(level);
}

static int best_level(void) {
    int level = LEVELS - 1;
    while (level > SCALAR && !has(level)) level--;
    return level;
}

static void mark_first(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    choose(best_level());
    marker(f, p, length, words);
}

int hstore_level_count(void) { return LEVELS; }

const char *hstore_level_name(int level) { return level < 0 || level >= LEVELS ? NULL : level_names[level]; }

int hstore_level_supported(int level) { return level == SCALAR || (level > 0 && level < LEVELS && has(level)); }

int hstore_level(void) {
    if (chosen < 0) choose(best_level());
    return chosen;
}

int hstore_force_level(int level) {
    if (level >= 0 && !hstore_level_supported(level)) return -1;
    choose(level < 0 ? best_level() : level);
    return 0;
}

/* ---- hints ---- */

/* Whether an anchor's window or an escape character stands at `p`. */
static inline uint32_t confirmed(const struct prefilter *f, const uint8_t *p) {
    uint32_t pair = (uint32_t)p[0] | (uint32_t)p[1] << 8;
    return (uint32_t)(f->back[window_hash(p)] != 0) | (f->pairs[pair >> 3] >> (pair & 7) & 1u) | (*p == ESC);
}

static void collect(const struct prefilter *f, struct hints *h, const uint8_t *p, size_t length) {
    uint64_t words[HINT_BYTES / 64];
    uint8_t filled[HINT_BYTES / 64];
    uint32_t i, count = 0, places = 0, blocks = (uint32_t)((length + 63) / 64);
    marker(f, p, length, words);
    for (i = 0; i < blocks; i++) {
        filled[count] = (uint8_t)i;
        count += words[i] != 0;
    }
    for (i = 0; i < count; i++) {
        uint64_t word = words[filled[i]];
        do {
            uint32_t place = 64u * filled[i] + FIRST_BIT(word);
            h->places[places] = (uint16_t)place;
            places += confirmed(f, p + place);
            word &= word - 1;
        } while (word != 0);
    }
    h->from = p;
    h->to = p + length;
    h->count = places;
    h->next = 0;
}

/* The first hint from `p` on, else `stop`. */
static const uint8_t *next_hint(const struct prefilter *f, struct hints *h, const uint8_t *p, const uint8_t *stop) {
    for (;;) {
        while (h->next < h->count) {
            const uint8_t *place = h->from + h->places[h->next];
            if (place >= stop) return stop;
            if (place >= p) return place;
            h->next++;
        }
        if (p < h->to) p = h->to;
        if (p >= stop) return stop;
        collect(f, h, p, stop - p < HINT_BYTES ? (size_t)(stop - p) : HINT_BYTES);
    }
}

/* An anchor interrupted by colour codes has no window that could be found, so before each escape the automaton reads
 * as much as an anchor can be long. */
static const uint8_t *behind_start(const struct prefilter *f, const uint8_t *place, const uint8_t *low) {
    size_t back = *place == ESC ? LONGEST_ANCHOR + 1 : f->back[window_hash(place)];
    if (back > 0) back--;
    return (size_t)(place - low) > back ? place - back : low;
}

/* The window of an anchor that begins before `limit` - TAIL is in sight; what begins behind is read. */
const uint8_t *next_start(const struct prefilter *f, struct hints *h, const uint8_t *p, const uint8_t *end,
                          const uint8_t *limit, const uint8_t **until) {
    const uint8_t *tail, *stop, *place;
    *until = limit;
    if (limit - p <= TAIL) return p;
    tail = limit - TAIL;
    stop = tail + WINDOW_FURTHEST;
    if (end < tail) stop = end + WINDOW_FURTHEST;
    place = next_hint(f, h, p, stop);
    if (place < stop) {
        const uint8_t *start = behind_start(f, place, p);
        *until = place + 1;
        return start < end ? start : end;
    }
    return tail < end ? tail : end;
}
