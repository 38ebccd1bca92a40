/* Values that are added in the middle of a stream: from there on each is found, before and behind any cut.
 *
 * The input: the values, a byte that says how many are there from the beginning and a byte that says where the others
 * come, a plan, a text.
 */
#include "harness.h"

static hstore_masker *extended(const hstore_masker *old, const struct text *values, size_t count) {
    struct text forms = {NULL, 0, 0};
    hstore_masker *masker;
    int error = 0;
    add_forms(&forms, values, count);
    masker = hstore_masker_extended(old, forms.bytes, forms.length, &error);
    text_free(&forms);
    REQUIRE(masker != NULL, "forms of 8 to 4096 bytes make a masker");
    return masker;
}

static void feed_in_pieces(hstore_stream *stream, const uint8_t *bytes, size_t length, struct plan plan, struct text *out) {
    size_t at = 0, number = 0;
    while (at < length) {
        size_t piece = piece_length(&plan, number++);
        if (piece > length - at) piece = length - at;
        feed(stream, bytes + at, piece, 0, out);
        at += piece;
        REQUIRE(hstore_stream_held(stream) <= HELD_BOUND, "S3: at most 4 KiB are held");
    }
}

struct scene { const hstore_masker *before, *after; const struct text *text; size_t at; };

static struct text played(const struct scene *scene, struct plan plan, size_t *held) {
    struct text out = {NULL, 0, 0};
    hstore_stream *stream = hstore_stream_new(scene->before);
    REQUIRE(stream != NULL, "the harness itself has memory");
    feed_in_pieces(stream, scene->text->bytes, scene->at, plan, &out);
    *held = hstore_stream_held(stream);
    hstore_stream_adopt(stream, scene->after);
    feed_in_pieces(stream, scene->text->bytes + scene->at, scene->text->length - scene->at, plan, &out);
    feed(stream, NULL, 0, 1, &out);
    hstore_stream_free(stream);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    struct text values[VALUES] = {{NULL, 0, 0}}, text = {NULL, 0, 0}, cut, whole;
    struct plan plan, one = {NULL, 0};
    struct scene scene;
    hstore_masker *before, *after;
    size_t count = take_values(&input, &length, values), early = 0, where = 0, held, i;
    if (length >= 2) {
        early = input[0] % (count + 1), where = input[1];
        input += 2, length -= 2;
    }
    plan = take_plan(&input, &length);
    expand(&text, input, length, values, count);
    if (text.length == 0) text_add(&text, input, 0);
    before = masker_of(values, early);
    after = extended(before, values, count);
    scene.before = before, scene.after = after, scene.text = &text, scene.at = text.length * where / 255;
    cut = played(&scene, plan, &held);
    whole = played(&scene, one, &i);
    /* An added value that begins in what is held is found too, and how much is held may hang on the cuts. */
    if (held == i) REQUIRE(text_is(&cut, &whole), "S1: cuts change nothing, with values added on the way");
    for (i = 0; i < early; i++)
        if (!holds(&values[i], '[') && !holds(&values[i], ']')) REQUIRE(!shows(&cut, &values[i]), "no registered value is left");
    if (scene.at == 0)
        for (i = early; i < count; i++)
            if (!holds(&values[i], '[') && !holds(&values[i], ']')) REQUIRE(!shows(&cut, &values[i]), "no added value is left");
    for (i = 0; i < count; i++) text_free(&values[i]);
    text_free(&text);
    text_free(&cut);
    text_free(&whole);
    hstore_masker_free(after);
    hstore_masker_free(before);
    return 0;
}
