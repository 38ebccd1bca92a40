/* Registered values drawn from the input: none of them is left, however the text is cut.
 *
 * The input: the values, a plan, a text in which values are written as single bytes.
 */
#include "harness.h"

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
        /* Values with brackets can touch marks: what then remains is documented, and not this harness's law. */
        if (!holds(&values[i], '[') && !holds(&values[i], ']'))
            REQUIRE(!shows(&whole, &values[i]), "no registered value is left");
    for (i = 0; i < count; i++) text_free(&values[i]);
    text_free(&text);
    text_free(&whole);
    text_free(&cut);
    hstore_masker_free(masker);
    return 0;
}
