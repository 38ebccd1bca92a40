/* Users' rules as bytes: refused, or usable like any others on every level, and never a crash.
 *
 * The input: a byte that fails an allocation, the length of the rules (2 bytes), the rules, a plan, a text.
 */
#include "harness.h"

static hstore_ruleset *rules_of(const uint8_t *bytes, size_t length, uint8_t failing) {
    hstore_ruleset *rules;
    int error = 0;
    hstore_fail_allocation(failing % 8);
    rules = hstore_ruleset_new(bytes, length, &error);
    hstore_fail_allocation(-1);
    if (rules == NULL) REQUIRE(error == HSTORE_NO_MEMORY || error == HSTORE_BAD_RULES, "a refusal has its reason");
    hstore_ruleset_free(rules);
    rules = hstore_ruleset_new(bytes, length, &error);
    if (rules == NULL) REQUIRE(error == HSTORE_BAD_RULES, "rules are refused only where they are bad");
    return rules;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    struct text own = {NULL, 0, 0}, text = {NULL, 0, 0}, whole, cut, read;
    struct plan plan;
    hstore_ruleset *rules;
    hstore_masker *masker;
    uint8_t failing;
    size_t size;
    int error = 0;
    if (length < 3) return 0;
    failing = input[0];
    size = (size_t)input[1] | (size_t)input[2] << 8;
    input += 3, length -= 3;
    if (size > length) size = length;
    text_add(&own, input, size);
    input += size, length -= size;
    rules = rules_of(own.bytes, own.length, failing);
    text_free(&own);
    if (rules == NULL) return 0;
    plan = take_plan(&input, &length);
    text_add(&text, input, length);
    masker = hstore_masker_new(rules, NULL, 0, &error);
    REQUIRE(masker != NULL, "a ruleset makes a masker");
    whole = mask_whole(masker, &text);
    cut = mask_in_pieces(masker, &text, plan, &whole);
    REQUIRE(text_is(&cut, &whole), "S1: cuts change nothing, with a user's rules");
    REQUIRE(hstore_force_level(hstore_level_count() - 1) == 0, "the level that reads every byte is everywhere");
    read = mask_whole(masker, &text);
    hstore_force_level(-1);
    REQUIRE(text_is(&read, &whole), "nothing is skipped, with a user's rules");
    text_free(&text);
    text_free(&whole);
    text_free(&cut);
    text_free(&read);
    hstore_masker_free(masker);
    hstore_ruleset_free(rules);
    return 0;
}
