/* What the fuzz harnesses share: texts, plans of cuts, and masking that checks the laws while it goes.
 *
 * Each harness is one file with LLVMFuzzerTestOneInput. A broken law prints its name and aborts; run.py then shows
 * the input as a Python literal.
 */
#ifndef HSTORE_HARNESS_H
#define HSTORE_HARNESS_H

#include <stddef.h>
#include <stdint.h>
#include "masker.h"

enum {
    LONGEST_TEXT = 20000,
    VALUES = 4,
    HELD_BOUND = 4096 + 512 /* a candidate, and the escape sequences before its first byte (GAP_BYTES) */
};

struct text { uint8_t *bytes; size_t length, room; };

/* How the text is cut: the pieces' lengths, again from the first when they are used up. No lengths: one piece. */
struct plan { const uint8_t *lengths; size_t count; };

#define REQUIRE(condition, law) do { if (!(condition)) broken(law, __LINE__); } while (0)
_Noreturn void broken(const char *law, int line);

void text_add(struct text *text, const uint8_t *bytes, size_t length);
void text_free(struct text *text);
int text_is(const struct text *a, const struct text *b);
int text_begins_with(const struct text *a, const struct text *head);
int text_is_utf8(const struct text *text);

/* Takes the plan from the head of the input: one byte for the number of lengths, then the lengths. */
struct plan take_plan(const uint8_t **input, size_t *length);
/* The length of piece `number`: small ones as they are, from 200 on in steps of 64, so that buffers turn over. */
size_t piece_length(const struct plan *plan, size_t number);

/* Feeds a copy in a block of its own size, so that one byte too far is seen by the sanitizer, and adds what comes out. */
void feed(hstore_stream *stream, const uint8_t *bytes, size_t length, int last, struct text *out);

struct text mask_whole(const hstore_masker *masker, const struct text *text);
/* As `mask_whole`, in pieces; every step of the output must be a head of `whole`, and little be held. */
struct text mask_in_pieces(const hstore_masker *masker, const struct text *text, struct plan plan, const struct text *whole);

/* The list of forms that makes a masker look for the values. */
void add_forms(struct text *forms, const struct text *values, size_t count);
/* A masker of the built-in rules for raw values. */
hstore_masker *masker_of(const struct text *values, size_t count);

/* Values from the head of the input: their number, and each as its length and its bytes. */
size_t take_values(const uint8_t **input, size_t *length, struct text values[VALUES]);
/* Text in which the bytes 0xf8 to 0xfb stand for the values and 0xf4 to 0xf7 for their first halves. So texts hold
 * values, parts of them, and values inside values, without the fuzzer having to repeat them letter by letter. */
void expand(struct text *text, const uint8_t *input, size_t length, const struct text *values, size_t count);
/* Whether the output shows the value anywhere between its marks. */
int shows(const struct text *out, const struct text *value);
int holds(const struct text *text, uint8_t byte);

#endif
