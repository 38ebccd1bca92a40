/* States saved and restored, damaged, cut short; and memory that runs out: the stream goes on as if nothing had been.
 *
 * The input: four bytes that say where and how to interfere, a plan, a text. The masker has one value, so that both
 * detectors have something to remember.
 */
#include "harness.h"
#include <stdlib.h>
#include <string.h>

static const uint8_t VALUE[] = "pass password";

static struct text state_of(const hstore_stream *stream) {
    struct text state = {NULL, 0, 0};
    size_t size = hstore_stream_save(stream, NULL, 0);
    state.bytes = malloc(size);
    REQUIRE(state.bytes != NULL, "the harness itself has memory");
    state.length = state.room = size;
    REQUIRE(hstore_stream_save(stream, state.bytes, size) == size, "S8: a state has the size that was told");
    return state;
}

static void refuses_damage(hstore_stream *stream, const struct text *state, uint8_t where, uint8_t how) {
    struct text damaged = {NULL, 0, 0}, after;
    text_add(&damaged, state->bytes, state->length);
    damaged.bytes[(size_t)where * 31 % state->length] ^= how ? how : 1;
    REQUIRE(hstore_stream_restore(stream, damaged.bytes, damaged.length) == HSTORE_BAD_STATE, "S8: damage is refused");
    damaged.length = (size_t)where * 31 % state->length;
    REQUIRE(hstore_stream_restore(stream, state->bytes, damaged.length) == HSTORE_BAD_STATE, "S8: half a state is refused");
    after = state_of(stream);
    REQUIRE(text_is(&after, state), "S8: a refused state changes nothing");
    text_free(&after);
    text_free(&damaged);
}

/* Other input and a failing allocation, then back to the saved state. */
static void disturb(hstore_stream *stream, const struct text *state, const struct text *text, uint8_t failing) {
    int result;
    hstore_fail_allocation(failing % 8);
    result = hstore_stream_feed(stream, text->bytes, text->length, failing & 8 ? 1 : 0);
    hstore_fail_allocation(-1);
    if (result == HSTORE_NO_MEMORY)
        REQUIRE(hstore_stream_feed(stream, VALUE, 1, 0) == HSTORE_NO_MEMORY, "S8: a failed stream stays failed");
    hstore_fail_allocation(failing >> 4);
    result = hstore_stream_restore(stream, state->bytes, state->length);
    hstore_fail_allocation(-1);
    if (result != 0) {
        REQUIRE(result == HSTORE_NO_MEMORY, "S8: a good state is not refused");
        REQUIRE(hstore_stream_feed(stream, VALUE, 1, 0) == HSTORE_NO_MEMORY, "S8: half restored is failed");
        REQUIRE(hstore_stream_restore(stream, state->bytes, state->length) == 0, "S8: restoring can be tried again");
    }
}

static void go_on(hstore_stream *stream, const struct text *text, size_t at, struct text shown, const struct text *whole) {
    struct text out = {NULL, 0, 0};
    text_add(&out, shown.bytes, shown.length);
    feed(stream, text->bytes + at, text->length - at, 1, &out);
    REQUIRE(text_is(&out, whole), "S8: a restored stream goes on as if nothing had been");
    text_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    struct text value = {(uint8_t *)(uintptr_t)VALUE, sizeof VALUE - 1, sizeof VALUE}, text = {NULL, 0, 0}, shown = {NULL, 0, 0};
    struct text whole, state;
    struct plan plan;
    hstore_masker *masker;
    hstore_stream *stream, *other;
    const uint8_t *how = input;
    size_t at = 0, number = 0, until;
    if (length < 4) return 0;
    input += 4, length -= 4;
    plan = take_plan(&input, &length);
    if (length > LONGEST_TEXT) length = LONGEST_TEXT;
    text_add(&text, input, length);
    masker = masker_of(&value, 1);
    whole = mask_whole(masker, &text);
    stream = hstore_stream_new(masker);
    other = hstore_stream_new(masker);
    REQUIRE(stream != NULL && other != NULL, "the harness itself has memory");
    until = length * how[0] / 255;
    while (at < until) {
        size_t piece = piece_length(&plan, number++);
        if (piece > until - at) piece = until - at;
        feed(stream, text.bytes + at, piece, 0, &shown);
        at += piece;
    }
    state = state_of(stream);
    refuses_damage(stream, &state, how[1], how[2]);
    disturb(stream, &state, &text, how[3]);
    REQUIRE(hstore_stream_restore(other, state.bytes, state.length) == 0, "S8: another stream of the masker takes the state");
    go_on(stream, &text, at, shown, &whole);
    go_on(other, &text, at, shown, &whole);
    hstore_stream_reset(stream);
    shown.length = 0;
    go_on(stream, &text, 0, shown, &whole);
    text_free(&state);
    text_free(&shown);
    text_free(&text);
    text_free(&whole);
    hstore_stream_free(stream);
    hstore_stream_free(other);
    hstore_masker_free(masker);
    return 0;
}
