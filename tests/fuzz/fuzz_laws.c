/* The laws of the stream with the built-in rules: the input is a plan of cuts and a text. */
#include "harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    static hstore_masker *masker;
    struct plan plan = take_plan(&input, &length), single = {(const uint8_t *)"\1", 1};
    struct text text = {NULL, 0, 0}, whole, cut, bytewise, twice;
    if (masker == NULL) masker = masker_of(NULL, 0);
    if (length > LONGEST_TEXT) length = LONGEST_TEXT;
    text_add(&text, input, length);
    whole = mask_whole(masker, &text);
    cut = mask_in_pieces(masker, &text, plan, &whole);
    REQUIRE(text_is(&cut, &whole), "S1: cuts change nothing");
    if (length <= 1500) {
        bytewise = mask_in_pieces(masker, &text, single, &whole);
        REQUIRE(text_is(&bytewise, &whole), "S1: one byte at a time changes nothing");
        text_free(&bytewise);
    }
    twice = mask_whole(masker, &whole);
    REQUIRE(text_is(&twice, &whole), "S5: masking twice changes nothing");
    if (text_is_utf8(&text)) REQUIRE(text_is_utf8(&whole), "S6: valid UTF-8 stays valid");
    text_free(&text);
    text_free(&whole);
    text_free(&cut);
    text_free(&twice);
    return 0;
}
