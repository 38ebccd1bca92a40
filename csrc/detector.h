/* What the parts of the detector by rules share: candidates.c, swallow.c, rule_detector.c. */
#ifndef HSTORE_DETECTOR_H
#define HSTORE_DETECTOR_H

#include "internal.h"

static inline uint64_t offset_of(const struct window *w, const uint8_t *p) { return w->origin + (uint64_t)(p - w->bytes); }

/* Both ends are positions of a name that is open. */
struct stretch { const uint8_t *from, *to; };

/* ---- candidates.c: each is described there ---- */
void fill(struct hstore_stream *s, const struct window *w, struct candidate *c, const uint8_t *start);
const uint8_t *anchor_start(struct hstore_stream *s, const struct window *w, const uint8_t *behind, int length);
int is_string_escape(uint8_t kind);
void note_escape(struct rule_state *r, uint64_t start, size_t length);
uint64_t partial_anchor(struct hstore_stream *s, const struct window *w, uint32_t node, const uint8_t *behind);
uint64_t shown_until(struct hstore_stream *s, const struct window *w, uint64_t limit, const struct stretch *name);

/* ---- swallow.c ---- */
int swallow(struct hstore_stream *s, const struct window *w, uint64_t until);

#endif
