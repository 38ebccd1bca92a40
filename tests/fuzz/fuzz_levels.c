/* Every instruction set that this machine has gives the same output, byte for byte, whole and in pieces.
 *
 * The input: a plan and a text. The text is also moved by a few bytes, so that blocks begin elsewhere in it.
 */
#include "harness.h"

static const uint8_t SPACE[] = "                                                                ";

static void compare(const hstore_masker *masker, const struct text *text, struct plan plan) {
    struct text expected, whole, cut;
    int level;
    REQUIRE(hstore_force_level(0) == 0, "the scalar level is everywhere");
    expected = mask_whole(masker, text);
    for (level = 1; level < hstore_level_count(); level++) {
        if (!hstore_level_supported(level)) continue;
        REQUIRE(hstore_force_level(level) == 0 && hstore_level() == level, "a supported level can be forced");
        whole = mask_whole(masker, text);
        REQUIRE(text_is(&whole, &expected), hstore_level_name(level));
        cut = mask_in_pieces(masker, text, plan, &expected);
        REQUIRE(text_is(&cut, &expected), hstore_level_name(level));
        text_free(&whole);
        text_free(&cut);
    }
    hstore_force_level(-1);
    text_free(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    static hstore_masker *masker;
    struct plan plan = take_plan(&input, &length);
    struct text text = {NULL, 0, 0}, value = {NULL, 0, 0}, moved = {NULL, 0, 0};
    if (masker == NULL) {
        text_add(&value, (const uint8_t *)"pass password", 13);
        masker = masker_of(&value, 1);
        text_free(&value);
    }
    if (length > LONGEST_TEXT) length = LONGEST_TEXT;
    text_add(&text, input, length);
    compare(masker, &text, plan);
    text_add(&moved, SPACE, 1 + length % 63);
    text_add(&moved, input, length);
    compare(masker, &moved, plan);
    text_free(&text);
    text_free(&moved);
    return 0;
}
