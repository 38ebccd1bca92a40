/* Is this name telling? The words of a name, looked up one by one and judged together.
 *
 *     DB_PASSWORD_FILE      DB -, PASSWORD telling, FILE harmless behind        no
 *     githubToken           github -, Token telling                             yes
 *     maxTokens             max harmless before                                 no
 *     mydbpassword          no word of the list, but one stands at its end      yes
 *
 * The lists are data (rules/names.toml). They are looked up in a hash table that the generator lays out, since a
 * log asks this for every "key" and "token" in it.
 */
#include "characters.h"
#include <string.h>

enum { SHORTEST_ENDING = 5, LONGEST_ENDING = 11, TELLING_NAME = 256 };
enum { BESIDE = WORD_PASSWORD_BESIDE | WORD_KEY_BESIDE | WORD_AUTHORIZATION_WEAK | WORD_SESSION_BESIDE };

/* Of a word of letters, in any case. */
uint32_t word_kinds(const uint8_t *word, size_t length) {
    uint32_t hash = 0, slot;
    size_t i;
    for (i = 0; i < length; i++) hash = hash * 33 + (word[i] | 0x20u);
    for (slot = hash * 0x9E3779B1u >> 21; word_slots[slot] != 0; slot = (slot + 1) & 2047) {
        const struct word *entry = &words[word_slots[slot] - 1];
        if (entry->length != length) continue;
        for (i = 0; i < length && (word[i] | 0x20) == (uint8_t)entry->text[i]; i++) {}
        if (i == length) return entry->kinds;
    }
    return 0;
}

/* "rootpassword" is told by its end, unless what stands before that makes it harmless: "nexttoken". */
static uint32_t kinds_of_compound(const uint8_t *word, size_t length) {
    size_t ending;
    if (length <= SHORTEST_ENDING) return 0;
    if (!(ending_pairs[(word[length - 2] | 0x20) - 'a'] >> ((word[length - 1] | 0x20) - 'a') & 1)) return 0;
    for (ending = LONGEST_ENDING; ending >= SHORTEST_ENDING; ending--) {
        uint32_t kinds;
        if (ending >= length) continue;
        kinds = word_kinds(word + length - ending, ending);
        if (!(kinds & WORD_ENDING)) continue;
        return word_kinds(word, length - ending) & WORD_HARMLESS_BEFORE ? 0 : kinds;
    }
    return 0;
}

/* The end of the word at `i`: capitals and what follows them ("API", "Key"), or small letters. */
static size_t word_end(const uint8_t *name, size_t i, size_t length) {
    size_t from = i;
    while (i < length && is_upper(name[i])) i++;
    if (i - from > 1 && i < length && is_lower(name[i])) return i - 1;
    while (i < length && is_lower(name[i])) i++;
    return i;
}

/* The telling kinds of a name, 0 when it is harmless. WORD_KEY_BESIDE alone is a bare "key", WORD_PASSWORD_BESIDE
 * a bare "pass". */
uint32_t name_kinds(const uint8_t *name, size_t length) {
    uint32_t found = 0, behind = 0, before = 0, trailing = 0, last = 0;
    size_t i = 0;
    int count = 0;
    while (i < length) {
        size_t end;
        uint32_t kinds;
        if (!is_letter(name[i])) {
            i++;
            continue;
        }
        end = word_end(name, i, length);
        kinds = word_kinds(name + i, end - i);
        if (kinds == 0) kinds = kinds_of_compound(name + i, end - i);
        count++;
        last = kinds;
        if (kinds & (WORD_TELLING | BESIDE)) {
            if (before & WORD_HARMLESS_BEFORE) return 0;
            found |= kinds;
            behind = trailing = 0;
        } else if (kinds != WORD_ENDING) {
            before |= kinds;
            behind |= kinds;
            trailing = NAME_GOES_ON;
        }
        i = end;
    }
    before |= found;
    if (behind & WORD_HARMLESS_BEHIND) {
        /* A vendor's client id is half of a login: discord_client_id. */
        int identity = before & WORD_VENDOR && before & WORD_CLIENT && last & WORD_ID && !(found & WORD_TELLING);
        return identity ? WORD_KEY | WORD_VENDOR | WORD_ID : 0;
    }
    if (count > 1 && found & WORD_PASSWORD_BESIDE) found |= WORD_PASSWORD;
    if (count > 1 && found & WORD_KEY_BESIDE) found |= WORD_KEY;
    if (count > 1 && found & WORD_SESSION_BESIDE) found |= WORD_SESSION;
    found &= WORD_TELLING | (BESIDE & ~WORD_SESSION_BESIDE);
    return found ? found | trailing | (before & WORD_VENDOR) : 0;
}

int hstore_telling_name(const uint8_t *name, size_t length) {
    if (length == 0 || length > TELLING_NAME) return 0;
    if (length == 3 && memcmp(name, "PWD", 3) == 0) return 0; /* the working directory */
    /* A variable that says session names one, as DESKTOP_SESSION does: cookies are no variables. */
    return (name_kinds(name, length) & WORD_TELLING & ~(uint32_t)(WORD_SIGNATURE | WORD_SESSION)) != 0;
}

int type_of_kinds(uint32_t kinds) {
    if (kinds & (WORD_PASSWORD | WORD_PASSWORD_BESIDE)) return type_password;
    if (kinds & (WORD_AUTHORIZATION | WORD_AUTHORIZATION_WEAK)) return type_authorization;
    if (kinds & WORD_SECRET) return type_secret;
    if (kinds & WORD_TOKEN) return type_token;
    if (kinds & WORD_SIGNATURE) return type_signature;
    if (kinds & WORD_SESSION) return type_session;
    return type_api_key;
}
