/* Chooses the level of the prefilter: what the machine has, or what a test wants. */
#include "internal.h"
#include "prefilter.h"

enum { LEVELS = 6, SCALAR = 0, BEST = 4, AUTOMATON = 5 };

static const char *const level_names[LEVELS] = {"scalar", "ssse3", "avx2", "avx512vbmi", "neon", "automaton"};

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
    int level = BEST;
    while (level > SCALAR && !has(level)) level--;
    return level;
}

static void mark_first(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) {
    choose(best_level());
    marker(f, p, length, words);
}

void mark(const struct prefilter *f, const uint8_t *p, size_t length, uint64_t *words) { marker(f, p, length, words); }

int reads_everything(void) { return chosen == AUTOMATON; }

int hstore_level_count(void) { return LEVELS; }

const char *hstore_level_name(int level) { return level < 0 || level >= LEVELS ? NULL : level_names[level]; }

int hstore_level_supported(int level) { return level == SCALAR || level == AUTOMATON || (level > 0 && level <= BEST && has(level)); }

int hstore_level(void) {
    if (chosen < 0) choose(best_level());
    return chosen;
}

int hstore_force_level(int level) {
    if (level >= 0 && !hstore_level_supported(level)) return -1;
    choose(level < 0 ? best_level() : level);
    return 0;
}
