/* The names that a user has declared to be telling, and the kinds of names that he has switched off. */
#include "characters.h"

/* Does a word begin at `i`: behind a separator, at a capital behind something else, at the last of several capitals? */
static int begins_word(const uint8_t *name, size_t i, size_t length) {
    if (i == 0 || !is_alphanumeric(name[i - 1])) return 1;
    if (!is_upper(name[i])) return is_digit(name[i - 1]) && !is_digit(name[i]);
    return !is_upper(name[i - 1]) || (i + 1 < length && is_alphanumeric(name[i + 1]) && !is_upper(name[i + 1]));
}

/* Does the name end in the user's, from the beginning of a word on? A number behind it does not count: PIN_2. */
static int ends_in(const uint8_t *name, size_t length, const struct own_name *own) {
    size_t left = own->length, i = length;
    if (!is_digit((uint8_t)own->text[left - 1]))
        while (i > 0 && (is_digit(name[i - 1]) || !is_alphanumeric(name[i - 1]))) i--;
    while (left > 0) {
        if (i == 0) return 0;
        i--;
        if (!is_alphanumeric(name[i])) continue;
        if (to_lower(name[i]) != (uint8_t)own->text[left - 1]) return 0;
        left--;
    }
    return begins_word(name, i, length);
}

uint32_t kinds_in(const struct ruleset *set, const uint8_t *name, size_t length, const struct own_name **own) {
    uint32_t kinds, i;
    for (i = 0; i < set->name_count; i++) {
        if (set->rules[set->names[i].rule].form == FORM_OFF || !ends_in(name, length, &set->names[i])) continue;
        *own = &set->names[i];
        return set->names[i].kinds;
    }
    *own = NULL;
    kinds = name_kinds(name, length);
    if ((kinds & set->kinds_off) == 0) return kinds;
    kinds &= ~set->kinds_off;
    return kinds & (WORD_TELLING | WORD_PASSWORD_BESIDE | WORD_KEY_BESIDE | WORD_AUTHORIZATION_WEAK) ? kinds : 0;
}

uint32_t kinds_of_type(int type) {
    if (type == type_password) return WORD_PASSWORD | WORD_PASSWORD_BESIDE;
    if (type == type_secret) return WORD_SECRET;
    if (type == type_token) return WORD_TOKEN;
    if (type == type_api_key) return WORD_KEY | WORD_KEY_BESIDE;
    if (type == type_authorization) return WORD_AUTHORIZATION | WORD_AUTHORIZATION_WEAK;
    if (type == type_signature) return WORD_SIGNATURE;
    return type == type_session ? WORD_SESSION | WORD_SESSION_BESIDE : 0;
}
