/* A masker: a ruleset and the automaton of the registered values, neither of which changes any more.
 *
 * Values that are added later make another masker, from which the earlier one's streams and saved states are known
 * by fingerprint. Adding to the automaton itself was not done: other threads are reading it.
 */
#include "internal.h"
#include <string.h>

uint64_t fingerprint(const uint8_t *bytes, size_t length, uint64_t hash) {
    size_t i;
    for (i = 0; i < length; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static hstore_masker *make_masker(const struct ruleset *set, const uint8_t *forms, size_t length, int *error) {
    hstore_masker *masker;
    *error = HSTORE_BAD_FORMS;
    if (!forms_are_well_formed(forms, length)) return NULL;
    *error = HSTORE_NO_MEMORY;
    masker = grab(sizeof *masker);
    if (masker == NULL) return NULL;
    masker->set = set;
    masker->fingerprint = fingerprint((const uint8_t *)masker->set->digest, strlen(masker->set->digest), CHECKSUM_SEED);
    masker->fingerprint = fingerprint(forms, length, masker->fingerprint);
    if (length != 0) masker->automaton = automaton_new(forms, length);
    if (length == 0 || masker->automaton != NULL) {
        *error = 0;
        return masker;
    }
    release(masker, sizeof *masker);
    return NULL;
}

hstore_masker *hstore_masker_new(const hstore_ruleset *ruleset, const uint8_t *forms, size_t length, int *error) {
    return make_masker(rules_in(ruleset), forms, length, error);
}

hstore_masker *hstore_masker_extended(const hstore_masker *old, const uint8_t *forms, size_t length, int *error) {
    hstore_masker *masker = make_masker(old->set, forms, length, error);
    if (masker == NULL) return NULL;
    masker->ancestors = grab((old->ancestor_count + 1) * sizeof *masker->ancestors);
    if (masker->ancestors == NULL) {
        hstore_masker_free(masker);
        *error = HSTORE_NO_MEMORY;
        return NULL;
    }
    if (old->ancestor_count != 0) memcpy(masker->ancestors, old->ancestors, old->ancestor_count * sizeof *old->ancestors);
    masker->ancestors[old->ancestor_count] = old->fingerprint;
    masker->ancestor_count = old->ancestor_count + 1;
    return masker;
}

int descends_from(const hstore_masker *masker, uint64_t ancestor) {
    size_t i;
    for (i = 0; i < masker->ancestor_count; i++)
        if (masker->ancestors[i] == ancestor) return 1;
    return 0;
}

void hstore_masker_free(hstore_masker *masker) {
    if (masker == NULL) return;
    automaton_free(masker->automaton);
    release(masker->ancestors, masker->ancestor_count * sizeof *masker->ancestors);
    release(masker, sizeof *masker);
}
