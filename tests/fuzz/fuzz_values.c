/* Registered values drawn from the input: none of them is left, however the text is cut.
 *
 * The input: the number of values; each as its length and its bytes; a plan; a text, in which the bytes 0xf8 to
 * 0xfb stand for the values and 0xf4 to 0xf7 for their first halves. So texts hold values, parts of them, and
 * values inside values, without the fuzzer having to repeat them letter by letter.
 */
#include "harness.h"
#include <string.h>

enum { VALUES = 4, SHORTEST = 8, LONGER = 40 };

static size_t take_values(const uint8_t **input, size_t *length, struct text values[VALUES]) {
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

static void expand(struct text *text, const uint8_t *input, size_t length, const struct text *values, size_t count) {
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

/* Between the marks of the output no value may be left. */
static int shows(const struct text *out, const struct text *value) {
    const uint8_t *p = out->bytes, *end = p + out->length, *from = p;
    for (; p < end; p++) {
        size_t mark = mark_at(p, end);
        if (mark != 0) from = p + mark, p = from - 1;
        else if ((size_t)(p + 1 - from) >= value->length && memcmp(p + 1 - value->length, value->bytes, value->length) == 0)
            return 1;
    }
    return 0;
}

/* Values with brackets can touch marks: what then remains is documented, and not this harness's law. */
static int holds(const struct text *text, uint8_t byte) {
    return text->length != 0 && memchr(text->bytes, byte, text->length) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    struct text values[VALUES] = {{NULL, 0, 0}}, text = {NULL, 0, 0}, whole, cut;
    size_t count = take_values(&input, &length, values), i;
    struct plan plan = take_plan(&input, &length);
    hstore_masker *masker = masker_of(values, count);
    expand(&text, input, length, values, count);
    whole = mask_whole(masker, &text);
    cut = mask_in_pieces(masker, &text, plan, &whole);
    REQUIRE(text_is(&cut, &whole), "S1: cuts change nothing, with values");
    for (i = 0; i < count; i++)
        if (!holds(&values[i], '[') && !holds(&values[i], ']'))
            REQUIRE(!shows(&whole, &values[i]), "no registered value is left");
    for (i = 0; i < count; i++) text_free(&values[i]);
    text_free(&text);
    text_free(&whole);
    text_free(&cut);
    hstore_masker_free(masker);
    return 0;
}
