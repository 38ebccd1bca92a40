/* Adds an anchor to a copy of the prefilter's tables, at run time.
 *
 * csrc/generate_prefilter.py counts in a sample of logs which window of an anchor is rarest and which bucket suffers
 * least from it. Here a guess must do, made from how common kinds of characters are: the window whose bytes are
 * least common, and the bucket whose share of all text grows least when the window joins it. A bad guess costs speed,
 * never a match.
 */
#include "internal.h"
#include "prefilter.h"

enum { BUCKETS = 8 * GROUPS };

struct positions { uint8_t has[WINDOW_BYTES][256]; };

/* About how many of a thousand characters of logs are this one. */
static double common(int byte) {
    if (byte == ' ') return 120;
    if (byte >= 'a' && byte <= 'z') return strchr("etaoinsrl", byte) != NULL ? 45 : 12;
    if (byte >= '0' && byte <= '9') return 18;
    if (byte >= 'A' && byte <= 'Z') return 3;
    if (byte > ' ' && byte < 127) return strchr("./-_:=,", byte) != NULL ? 12 : 2;
    return byte == '\n' || byte == '\t' ? 10 : 0.2;
}

static void allow(struct positions *w, int position, int byte, int exact_case) {
    w->has[position][byte] = 1;
    if (exact_case) return;
    if (byte >= 'a' && byte <= 'z') w->has[position][byte - 32] = 1;
    if (byte >= 'A' && byte <= 'Z') w->has[position][byte + 32] = 1;
}

/* What may stand at the four places from `start` on; behind a short anchor, what its class allows or anything. */
static void window_at(struct positions *w, const struct ruleset *set, const struct anchor *anchor, int start) {
    const struct rule *rule = &set->rules[anchor->rule];
    int position, byte;
    memset(w, 0, sizeof *w);
    for (position = 0; position < WINDOW_BYTES; position++) {
        if (start + position < anchor->length) {
            allow(w, position, (uint8_t)anchor->text[start + position], anchor->exact_case);
            continue;
        }
        for (byte = 0; byte < 256; byte++)
            w->has[position][byte] = rule->form == FORM_TOKEN ? (uint8_t)in_class(set, rule->klass, byte) : 1;
    }
}

static double share_of_window(const struct positions *w) {
    double share = 1;
    int position, byte;
    for (position = 0; position < WINDOW_BYTES; position++) {
        double sum = 0;
        for (byte = 0; byte < 256; byte++) sum += w->has[position][byte] ? common(byte) : 0;
        share *= sum / 1000;
    }
    return share;
}

/* Of the text that passes a bucket, by the byte tables; with `w` (or NULL) in it. */
static double share_of_bucket(const struct prefilter *f, const double *shares, int bucket, const struct positions *w) {
    double share = 1;
    int position, byte;
    for (position = 0; position < WINDOW_BYTES; position++) {
        const uint8_t *row = f->exact[bucket / 8][position];
        double sum = 0;
        for (byte = 0; byte < 256; byte++)
            if (row[byte & 127] >> bucket % 8 & 1 || (w != NULL && w->has[position][byte])) sum += shares[byte];
        share *= sum;
    }
    return share;
}

static int cheapest_bucket(const struct prefilter *f, const struct positions *w) {
    double shares[256], least = 0;
    int bucket, best = 0, byte;
    for (byte = 0; byte < 256; byte++) shares[byte] = common(byte) / 1000;
    for (bucket = 0; bucket < BUCKETS; bucket++) {
        double more = share_of_bucket(f, shares, bucket, w) - share_of_bucket(f, shares, bucket, NULL);
        if (bucket == 0 || more < least) least = more, best = bucket;
    }
    return best;
}

static void put_in_bucket(struct prefilter *f, const struct positions *w, int bucket) {
    int group = bucket / 8, position, byte;
    uint8_t bit = (uint8_t)(1 << bucket % 8);
    for (position = 0; position < WINDOW_BYTES; position++) {
        for (byte = 0; byte < 256; byte++) {
            if (!w->has[position][byte]) continue;
            f->exact[group][position][byte & 127] |= bit;
            f->low[group][position][byte & 15] |= bit;
            f->high[group][position][byte >> 4] |= bit;
            f->steps[byte][group / 2] |= (uint64_t)1 << (16 * position + bucket % 16);
        }
    }
}

static void confirm_short(struct prefilter *f, const struct positions *w) {
    int first, second, third;
    for (first = 0; first < 256; first++)
        for (second = 0; w->has[0][first] && second < 256; second++)
            for (third = 0; w->has[1][second] && third < 256; third++) {
                uint8_t bytes[3] = {(uint8_t)first, (uint8_t)second, (uint8_t)third};
                uint32_t hash = short_hash(bytes);
                if (w->has[2][third]) f->shorts[hash >> 3] |= (uint8_t)(1 << (hash & 7));
            }
}

/* Short ones are confirmed by a hash of three bytes, all others by one of four, which is the same in both cases. */
static void confirm(struct prefilter *f, const struct positions *w, const struct anchor *anchor, int start) {
    const uint8_t *text = (const uint8_t *)anchor->text + start;
    if (anchor->length < WINDOW_BYTES) {
        confirm_short(f, w);
    } else {
        f->owners[window_hash(text)] = SEVERAL; /* one more than were compiled in, so nothing is known of them all */
    }
}

void prefilter_add(struct prefilter *f, const struct ruleset *set, const struct anchor *anchor) {
    int last = anchor->length - WINDOW_BYTES, start, best = 0;
    struct positions w;
    double least = 2;
    if (last > WINDOW_FURTHEST) last = WINDOW_FURTHEST;
    for (start = 0; start <= last; start++) {
        double share;
        window_at(&w, set, anchor, start);
        share = share_of_window(&w);
        if (share < least) least = share, best = start;
    }
    window_at(&w, set, anchor, best);
    put_in_bucket(f, &w, cheapest_bucket(f, &w));
    confirm(f, &w, anchor, best);
}
