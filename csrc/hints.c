/* Turns the marks of the prefilter into stretches that the automaton has to read.
 *
 * In clean logs most marks are words like "authentication" and "keyboard" and addresses like "https://host/path". Those are
 * told by their next few bytes, and the automaton and the verifiers never hear of them. What is only a hint may be
 * dropped here only where the verifier's answer is certain: what it judges by is in sight, and nothing masked among it.
 */
#include "characters.h"
#include "prefilter.h"

enum { TAIL = WINDOW_FURTHEST + WINDOW_BYTES - 1, LONGEST_ANCHOR = 32, HOST = 128 };

static void collect(const struct prefilter *f, struct hints *h, const uint8_t *p, size_t length) {
    uint64_t words[HINT_BYTES / 64];
    uint8_t filled[HINT_BYTES / 64];
    uint32_t i, count = 0, places = 0, blocks = (uint32_t)((length + 63) / 64);
    mark(f, p, length, words);
    for (i = 0; i < blocks; i++) {
        filled[count] = (uint8_t)i;
        count += words[i] != 0;
    }
    for (i = 0; i < count; i++) {
        uint64_t word = words[filled[i]];
        do {
            uint32_t place = 64u * filled[i] + FIRST_BIT(word);
            h->places[places] = (uint16_t)place;
            places += is_confirmed(f, p + place);
            word &= word - 1;
        } while (word != 0);
    }
    h->from = p;
    h->to = p + length;
    h->count = places;
    h->next = 0;
}

static int ends_host(int ch) { return ch == '/' || ch == ' ' || ch == '\n' || ch == '"' || ch == '\'' || ch == '<' || ch == '>'; }

static int is_host_character(int ch) { return is_letter(ch) || is_digit(ch) || ch == '.' || ch == '-' || ch == '_'; }

/* "://host/" and "://host:8080/" have no password. */
static int is_plain_address(const uint8_t *place, const uint8_t *limit) {
    const uint8_t *p = place + 3, *end = limit - p > HOST ? p + HOST : limit;
    while (p < end && is_host_character(*p)) p++;
    if (p < end && *p == ':')
        for (p++; p < end && is_digit(*p);) p++;
    return p < end && ends_host(*p);
}

/* "re_" in "core_": no token begins there. A letter may belong to an escape such as \n or %20, and then stays. */
static int is_inside_word(const uint8_t *start, const uint8_t *low) {
    int i;
    if (start - low < 6 || !is_word_character(start[-1])) return 0;
    for (i = 2; i <= 6; i++)
        if (start[-i] == '\\' || start[-i] == '%' || start[-i] == ESC) return 0;
    return 1;
}

/* Behind a colour code it may go on, which is not looked at here. */
static int is_spelt(const struct anchor *anchor, const uint8_t *start) {
    int i;
    for (i = 0; i < anchor->length && start[i] != ESC; i++)
        if (to_lower(start[i]) != to_lower((uint8_t)anchor->text[i])) return 0;
    return 1;
}

/* Where the window's anchor does not stand, or its verifier would refuse it at once. */
static int is_spurious(const struct ruleset *set, const uint8_t *place, const uint8_t *low, const uint8_t *limit) {
    uint16_t owner = set->prefilter->owners[window_hash(place)];
    const struct anchor *anchor;
    const uint8_t *start;
    if (owner == 0 || owner == SEVERAL || is_short(set->prefilter, place)) return 0;
    anchor = &set->anchors[owner - 1];
    if (place - low < anchor->window || limit - place < anchor->length) return 0;
    start = place - anchor->window;
    if (!is_spelt(anchor, start)) return 1;
    switch (anchor->hint) {
    case HINT_WORD: return name_is_refused(set, start, low, limit);
    case HINT_ADDRESS: return is_plain_address(start, limit);
    case HINT_TOKEN: return is_inside_word(start, low);
    default: return 0;
    }
}

/* The first hint from `p` on, else `stop`. */
static const uint8_t *next_hint(const struct ruleset *set, struct hints *h, const uint8_t *p, const uint8_t *stop,
                                const uint8_t *low, const uint8_t *limit) {
    for (;;) {
        while (h->next < h->count) {
            const uint8_t *place = h->from + h->places[h->next];
            if (place >= stop) return stop;
            if (place >= p && !is_spurious(set, place, low, limit)) return place;
            h->next++;
        }
        if (p < h->to) p = h->to;
        if (p >= stop) return stop;
        collect(set->prefilter, h, p, stop - p < HINT_BYTES ? (size_t)(stop - p) : HINT_BYTES);
    }
}

/* Where an anchor can begin that a hint at `place` or behind it is about: windows begin at most WINDOW_FURTHEST behind
 * their anchor's start. An anchor interrupted by colour codes has no window that could be found, so before an escape
 * the automaton reads as much as an anchor can be long. */
static const uint8_t *earliest_start(const uint8_t *place, const uint8_t *low, const uint8_t *limit) {
    size_t ahead = limit - place < LONGEST_ANCHOR ? (size_t)(limit - place) : LONGEST_ANCHOR;
    const uint8_t *escape = memchr(place, ESC, ahead);
    size_t back = WINDOW_FURTHEST;
    if (escape != NULL && escape - place < LONGEST_ANCHOR - WINDOW_FURTHEST) back = LONGEST_ANCHOR - (size_t)(escape - place);
    return (size_t)(place - low) > back ? place - back : low;
}

/* The window of an anchor that begins before `limit` - TAIL is in sight; what begins behind is read. So it is with the
 * anchors that begin before `end`, and an escape that interrupts their windows stands less than a window behind `stop`. */
const uint8_t *next_start(const struct ruleset *set, struct hints *h, const uint8_t *p, const uint8_t *end,
                          const uint8_t *low, const uint8_t *limit, const uint8_t **until) {
    const uint8_t *tail, *stop, *place;
    *until = limit;
    if (limit - p <= TAIL || reads_everything()) return p;
    tail = limit - TAIL;
    stop = tail + WINDOW_FURTHEST;
    if (end < tail) stop = end + WINDOW_FURTHEST;
    place = next_hint(set, h, p, stop, low, limit);
    if (place == stop) place = memchr(stop, ESC, WINDOW_BYTES - 1);
    if (place != NULL) {
        const uint8_t *start = earliest_start(place, p, limit);
        *until = place + 1;
        return start < end ? start : end;
    }
    return tail < end ? tail : end;
}
