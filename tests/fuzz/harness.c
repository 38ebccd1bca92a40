/* See harness.h. */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void broken(const char *law, int line) {
    fprintf(stderr, "\nbroken law: %s (line %d)\n", law, line);
    abort();
}

/* ---- texts ---- */

/* An empty text has a block too: nothing may be counted from a null pointer. */
void text_add(struct text *text, const uint8_t *bytes, size_t length) {
    if (text->room == 0 || text->room - text->length < length) {
        text->room = (text->length + length) * 2 + 8;
        text->bytes = realloc(text->bytes, text->room);
        REQUIRE(text->bytes != NULL, "the harness itself has memory");
    }
    if (length != 0) memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void text_free(struct text *text) {
    free(text->bytes);
    memset(text, 0, sizeof *text);
}

int text_begins_with(const struct text *a, const struct text *head) {
    return head->length <= a->length && (head->length == 0 || memcmp(a->bytes, head->bytes, head->length) == 0);
}

int text_is(const struct text *a, const struct text *b) { return a->length == b->length && text_begins_with(a, b); }

/* Continuation bytes where a lead byte promised them, and nowhere else; overlong forms do not matter here. */
int text_is_utf8(const struct text *text) {
    size_t i, missing = 0;
    for (i = 0; i < text->length; i++) {
        uint8_t byte = text->bytes[i];
        if ((byte & 0xc0) == 0x80) {
            if (missing-- == 0) return 0;
        } else {
            if (missing != 0 || byte > 0xf7) return 0;
            missing = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        }
    }
    return missing == 0;
}

/* ---- plans ---- */

struct plan take_plan(const uint8_t **input, size_t *length) {
    struct plan plan = {NULL, 0};
    if (*length == 0) return plan;
    plan.count = **input % 16;
    ++*input, --*length;
    if (plan.count > *length) plan.count = *length;
    plan.lengths = *input;
    *input += plan.count, *length -= plan.count;
    return plan;
}

size_t piece_length(const struct plan *plan, size_t number) {
    uint8_t length;
    if (plan->count == 0) return SIZE_MAX;
    length = plan->lengths[number % plan->count];
    if (length == 0 && number % plan->count == plan->count - 1) return 1; /* a plan of nothing would never end */
    return length < 200 ? length : (size_t)(length - 199) * 64;
}

/* ---- masking ---- */

void feed(hstore_stream *stream, const uint8_t *bytes, size_t length, int last, struct text *out) {
    uint8_t *own = malloc(length ? length : 1);
    int result;
    REQUIRE(own != NULL, "the harness itself has memory");
    if (length) memcpy(own, bytes, length);
    result = hstore_stream_feed(stream, own, length, last);
    REQUIRE(result == 0 || result == 1, "feeding succeeds while there is memory");
    if (result == 0) text_add(out, own, length);
    else text_add(out, hstore_stream_output(stream), hstore_stream_output_length(stream));
    if (last) REQUIRE(hstore_stream_held(stream) == 0, "S4: nothing is held when the input is over");
    free(own);
}

struct text mask_whole(const hstore_masker *masker, const struct text *text) {
    struct text out = {NULL, 0, 0};
    hstore_stream *stream = hstore_stream_new(masker);
    REQUIRE(stream != NULL, "the harness itself has memory");
    feed(stream, text->bytes, text->length, 1, &out);
    REQUIRE(hstore_stream_work(stream) <= 2000 * (uint64_t)text->length + 20000, "S7: the work grows with the input");
    hstore_stream_free(stream);
    return out;
}

struct text mask_in_pieces(const hstore_masker *masker, const struct text *text, struct plan plan,
                           const struct text *whole) {
    struct text out = {NULL, 0, 0};
    hstore_stream *stream = hstore_stream_new(masker);
    size_t at = 0, number = 0;
    REQUIRE(stream != NULL, "the harness itself has memory");
    while (at < text->length) {
        size_t length = piece_length(&plan, number++);
        if (length > text->length - at) length = text->length - at;
        feed(stream, text->bytes + at, length, 0, &out);
        at += length;
        REQUIRE(text_begins_with(whole, &out), "S2: what is shown so far is the head of what the whole text shows");
        REQUIRE(hstore_stream_held(stream) <= HELD_BOUND, "S3: at most 4 KiB are held");
    }
    feed(stream, NULL, 0, 1, &out);
    hstore_stream_free(stream);
    return out;
}

void add_forms(struct text *forms, const struct text *values, size_t count) {
    size_t i;
    text_add(forms, NULL, 0);
    for (i = 0; i < count; i++) {
        uint32_t n = (uint32_t)values[i].length;
        uint8_t length[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
        text_add(forms, length, 4);
        text_add(forms, values[i].bytes, values[i].length);
    }
}

hstore_masker *masker_of(const struct text *values, size_t count) {
    struct text forms = {NULL, 0, 0};
    hstore_masker *masker;
    int error = 0;
    add_forms(&forms, values, count);
    masker = hstore_masker_new(NULL, forms.bytes, forms.length, &error);
    text_free(&forms);
    REQUIRE(masker != NULL, "forms of 8 to 4096 bytes make a masker");
    return masker;
}

/* ---- registered values ---- */

size_t take_values(const uint8_t **input, size_t *length, struct text values[VALUES]) {
    enum { SHORTEST = 8, LONGER = 40 };
    size_t count = 0, wanted;
    if (*length == 0) return 0;
    wanted = 1 + **input % VALUES;
    for (++*input, --*length; count < wanted && *length > SHORTEST; count++) {
        size_t size = SHORTEST + **input % LONGER;
        ++*input, --*length;
        if (size > *length) size = *length;
        if (size < SHORTEST) break;
        text_add(&values[count], *input, size);
        *input += size, *length -= size;
    }
    return count;
}

void expand(struct text *text, const uint8_t *input, size_t length, const struct text *values, size_t count) {
    size_t i;
    for (i = 0; i < length && text->length < LONGEST_TEXT; i++) {
        size_t number = input[i] & 3;
        if (input[i] < 0xf4 || number >= count) text_add(text, input + i, 1);
        else text_add(text, values[number].bytes, input[i] >= 0xf8 ? values[number].length : values[number].length / 2);
    }
}

/* The mark at `p`, as a reader would see one. */
static size_t mark_at(const uint8_t *p, const uint8_t *end) {
    const uint8_t *q = p + 8;
    if (end - p < 10 || memcmp(p, "[masked:", 8) != 0) return 0;
    while (q < end && ((*q >= 'a' && *q <= 'z') || (*q >= '0' && *q <= '9') || *q == '-')) q++;
    return q < end && *q == ']' && q > p + 8 ? (size_t)(q - p) + 1 : 0;
}

int shows(const struct text *out, const struct text *value) {
    const uint8_t *p = out->bytes, *end = p + out->length, *from = p;
    for (; p < end; p++) {
        size_t mark = mark_at(p, end);
        if (mark != 0) from = p + mark, p = from - 1;
        else if ((size_t)(p + 1 - from) >= value->length && memcmp(p + 1 - value->length, value->bytes, value->length) == 0)
            return 1;
    }
    return 0;
}

int holds(const struct text *text, uint8_t byte) {
    return text->length != 0 && memchr(text->bytes, byte, text->length) != NULL;
}
