/* Does this value look like a secret, given what its name says?
 *
 * After `password` people write what they can remember, after `token` what a machine drew. So the first test
 * is generous and refuses what is plainly code or prose; the second asks for length, mixture and a digit.
 * Shannon entropy is not computed: over 10 to 40 characters it mostly measures the length, and counting
 * different characters separates placeholders just as well without a logarithm.
 */
#include "characters.h"
#include <string.h>

enum { KEY_LENGTH = 10, BARE_KEY_LENGTH = 20, PLAIN_LENGTH = 12, LONG_WORD = 20, NUMBER_LENGTH = 6, SEQUENCE = 9,
       ABBREVIATION = 6, STRICT_LENGTH = 14, ID_DIGITS = 14, LETTERS_ONLY = 14, QUOTED_WORD = 8, QUOTED_HUMPS = 12 };

/* What a value is made of, counted once. */
struct shape {
    int length, letters, digits, uppers, lowers, spaces, separators, others, distinct, turns, hex_only, high;
    uint32_t seen[8]; /* a bit per character */
};

static int has(const struct shape *s, int c) { return s->seen[c >> 5] >> (c & 31) & 1; }

static struct shape shape_of(const uint8_t *value, size_t length) {
    struct shape s = {0};
    size_t i;
    s.length = (int)length;
    s.hex_only = 1;
    for (i = 0; i < length; i++) {
        int c = value[i];
        if (!has(&s, c)) s.distinct++;
        s.seen[c >> 5] |= 1u << (c & 31);
        s.uppers += is_upper(c);
        s.lowers += is_lower(c);
        s.digits += is_digit(c);
        s.spaces += c == ' ';
        s.high += c >= 128;
        s.separators += c == '_' || c == '-' || c == '.' || c == '/' || c == ':';
        if (!is_digit(c) && !(to_lower(c) >= 'a' && to_lower(c) <= 'f') && c != '-') s.hex_only = 0;
        if (i > 0 && is_digit(value[i - 1]) && is_letter(c)) s.turns++;
    }
    s.letters = s.uppers + s.lowers;
    s.others = s.length - s.letters - s.digits - s.spaces - s.separators - s.high;
    return s;
}

static int contains(const uint8_t *value, size_t length, const char *text) {
    size_t i, n = strlen(text), k;
    for (i = 0; i + n <= length; i++) {
        for (k = 0; k < n && to_lower(value[i + k]) == text[k]; k++) {}
        if (k == n) return 1;
    }
    return 0;
}

static int reads_as_identifier(const uint8_t *v, size_t n);

/* {name}, {self.name}, {0}: a field of a format string. */
static int has_field(const uint8_t *v, size_t n) {
    size_t i, from = 0;
    for (i = 0; i < n; i++) {
        if (v[i] == '{') from = i + 1;
        else if (v[i] == '}' && from > 0 && i > from) return 1;
        else if (from > 0 && !is_letter(v[i]) && !is_digit(v[i]) && strchr("_.()[]:!", v[i]) == NULL) from = 0;
    }
    return 0;
}

/* Where all of it is one: $NAME, ${NAME}, $(command), {{ name }}, #{name}, <name>, %NAME%, %s, @name@, [name]. */
static int begins_reference(const uint8_t *v, size_t n) {
    int last = v[n - 1];
    switch (v[0]) {
    case '$': return n > 1 && (is_letter(v[1]) || v[1] == '_' || v[1] == '{' || v[1] == '(' || v[1] == '$');
    case '{': return v[1] == '{' || v[1] == '%' || last == '}';
    case '<': return memchr(v, '>', n) != NULL;
    case '[': return last == ']';
    case '@': return last == '@';
    case '%': return last == '%' || n == 2 || v[1] == '{';
    case '!': return n > 4 && !is_digit(last) && reads_as_identifier(v + 1, n - 1); /* !vault */
    case '#': return is_letter(v[1]) || v[1] == '{';
    default: return 0;
    }
}

/* A value that is filled in elsewhere, wholly or in part. At least two characters. */
static int is_reference(const uint8_t *v, const struct shape *s) {
    size_t n = (size_t)s->length;
    if (begins_reference(v, n)) return 1;
    if (has(s, '(') && (contains(v, n, "%(") || contains(v, n, "$("))) return 1;
    return has(s, '{') && (contains(v, n, "${") || contains(v, n, "{{") || has_field(v, n));
}

/* An alphabet, not a secret: abcdefghi. */
static int has_sequence(const uint8_t *v, size_t n) {
    size_t i, run = 1;
    for (i = 1; i < n && run < SEQUENCE; i++) run = is_letter(v[i]) && v[i] == v[i - 1] + 1 ? run + 1 : 1;
    return run >= SEQUENCE;
}

/* Words that stand for a value, and nothing else but separators and up to three digits: "my-secret-token1". */
static int is_of_placeholder_words(const uint8_t *v, size_t n) {
    size_t i = 0, from, digits = 0;
    int words = 0;
    while (i < n) {
        if (is_digit(v[i])) {
            digits++;
            i++;
        } else if (is_letter(v[i])) {
            for (from = i; i < n && is_upper(v[i]); i++) {}
            if (i - from > 1 && i < n && is_lower(v[i])) i--;
            while (i < n && is_lower(v[i])) i++;
            if (!(word_kinds(v + from, i - from) & WORD_PLACEHOLDER)) return 0;
            words++;
        } else if (v[i] == 0 || strchr(" _-.:/,'<>()|", v[i]) == NULL) {
            return 0;
        } else {
            i++;
        }
    }
    return words > 0 && digits < 4;
}

static int has_placeholder_piece(const uint8_t *v, size_t n) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        uint32_t which = piece_starts[v[i]];
        int piece;
        for (piece = 0; which != 0; piece++, which >>= 1) {
            const char *text = placeholder_pieces[piece];
            if (!(which & 1)) continue;
            for (k = 1; text[k] != 0 && i + k < n && to_lower(v[i + k]) == text[k]; k++) {}
            if (text[k] == 0) return 1;
        }
    }
    return 0;
}

static int stands_for_value(const uint8_t *v, const struct shape *s) {
    size_t n = (size_t)s->length;
    if (s->distinct < 2) return 1;
    return is_reference(v, s) || is_of_placeholder_words(v, n) || has_sequence(v, n) || has_placeholder_piece(v, n);
}

int is_placeholder(const uint8_t *value, size_t length) {
    struct shape s;
    if (length < 2) return 1;
    s = shape_of(value, length);
    return stands_for_value(value, &s);
}

static int is_separator(int c) { return c == '_' || c == '-' || c == '.' || c == '/' || c == ':'; }

static int is_vowel(int c) {
    c = to_lower(c);
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* Letters beside one another, and how many of those are seldom so in words. */
struct pairs { size_t count, rare; };

/* A hump is a stretch of letters as in camelCase. One whose letters seldom follow each other is not part of a word. */
static int hump_is_wordlike(const uint8_t *v, size_t from, size_t to, struct pairs *all) {
    size_t i, rare = 0, length = to - from;
    int vowel = 0;
    if (length > LONG_WORD) return 0;
    if (length < 3) return length == 2;
    for (i = from; i < to; i++) {
        vowel |= is_vowel(v[i]);
        if (i > from) rare += !(letter_pairs[to_lower(v[i - 1]) - 'a'] >> (to_lower(v[i]) - 'a') & 1);
    }
    all->rare += rare;
    all->count += length - 1;
    if (!vowel) return length <= ABBREVIATION && is_upper(v[from]) && is_upper(v[from + 1]);
    return length < 5 || rare * 3 < length;
}

/* Words joined by separators or capitals, each with at most three digits behind it: code, not chance. */
static int reads_as_identifier(const uint8_t *v, size_t n) {
    struct pairs pairs = {0, 0};
    size_t i = 0;
    int humps = 0, odd = 0, separators = 0;
    while (i < n) {
        size_t from = i;
        if (is_separator(v[i])) {
            separators++;
            i++;
        } else if (is_digit(v[i])) {
            while (i < n && is_digit(v[i])) i++;
            if (i - from > 4 || (i < n && is_letter(v[i]))) return 0;
        } else if (is_letter(v[i])) {
            while (i < n && is_upper(v[i])) i++;
            if (i - from > 1 && i < n && is_lower(v[i])) i--;
            while (i < n && is_lower(v[i])) i++;
            if (i == from) i++;
            humps++;
            if (!hump_is_wordlike(v, from, i, &pairs)) odd++;
            from = i;
            while (i < n && is_digit(v[i])) i++;
            if (i - from > 3 || (i > from && i < n && is_letter(v[i]))) return 0;
        } else {
            return 0;
        }
    }
    if (humps > 3 && separators == 0 && n * 10 < (size_t)humps * 32) return 0; /* suXyAbQr: capitals by chance */
    return odd * 2 <= humps && (pairs.count < 6 || pairs.rare * 4 < pairs.count);
}

static int is_path(const uint8_t *v, size_t n) {
    if (contains(v, n, "://")) return 1;
    if (n > 2 && is_letter(v[0]) && v[1] == ':' && (v[2] == '\\' || v[2] == '/')) return 1;
    if (v[0] != '/' && v[0] != '~' && !(v[0] == '.' && n > 1 && (v[1] == '/' || v[1] == '.'))) return 0;
    if (v[0] == '~') return n > 1 && v[1] == '/';
    return reads_as_identifier(v, n);
}

/* sha256:…, md5-… */
static int says_hash(const uint8_t *v, size_t n) {
    static const char *const names[] = {"sha1", "sha256", "sha384", "sha512", "md5", "blake2b"};
    size_t i, length;
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        length = strlen(names[i]);
        if (n > length && contains(v, length, names[i]) && strchr(":-=_", v[length]) != NULL) return 1;
    }
    return 0;
}

/* 8-4-4-4-12 hexadecimal digits. */
static int is_uuid(const uint8_t *v, size_t n) {
    size_t i;
    if (n != 36) return 0;
    for (i = 0; i < n; i++) {
        int dash = i == 8 || i == 13 || i == 18 || i == 23;
        int c = to_lower(v[i]);
        if (dash ? c != '-' : !(is_digit(c) || (c >= 'a' && c <= 'f'))) return 0;
    }
    return 1;
}

/* user:password halves of eight hexadecimal digits each, as Sidekiq's credentials for a gem server. */
static int is_hex_pair(const uint8_t *v, size_t n) {
    size_t i;
    if (n != 17) return 0;
    for (i = 0; i < n; i++) {
        int c = to_lower(v[i]);
        if (i == 8 ? c != ':' : !(is_digit(c) || (c >= 'a' && c <= 'f'))) return 0;
    }
    return 1;
}

/* java.lang.Object@1b2c3d, Token{…}: how objects print themselves. */
static int is_object(const uint8_t *v, size_t n) {
    const uint8_t *sign = memchr(v, '@', n);
    size_t i;
    if (sign == NULL || sign == v || n - (size_t)(sign - v) > 17) return 0;
    for (i = (size_t)(sign - v) + 1; i < n; i++)
        if (!is_digit(v[i]) && !(to_lower(v[i]) >= 'a' && to_lower(v[i]) <= 'f')) return 0;
    return reads_as_identifier(v, (size_t)(sign - v));
}

/* id=name,src=…: an option's own options; profile=given.profile: an argument. */
static int is_pair(const uint8_t *v, size_t n) {
    size_t i, end;
    for (i = 0; i < n && i < LONG_WORD && (is_lower(v[i]) || v[i] == '_'); i++) {}
    if (i == 0 || i + 2 >= n || v[i] != '=') return 0;
    for (end = ++i; end < n && v[end] != ','; end++) {}
    return reads_as_identifier(v + i, end - i);
}

/* Letters alone between quotes behind a password's name: a word as people choose it, not an identifier. */
static int quoted_word_is_telling(const struct shape *s) {
    int mixed = s->uppers > 0 && s->lowers > 0;
    if (s->separators > 0) return s->length >= (mixed ? PLAIN_LENGTH + 4 : PLAIN_LENGTH) && s->separators >= 2 - mixed;
    if (!mixed) return s->length >= QUOTED_WORD;
    return s->length >= QUOTED_HUMPS;
}

static int password_is_telling(const uint8_t *v, const struct shape *s, int quoted, int secret) {
    size_t n = (size_t)s->length;
    int identifier = reads_as_identifier(v, n);
    if (s->length < 4 || s->distinct < 3) return 0;
    if (s->digits == s->length) return s->length >= NUMBER_LENGTH;
    if (s->letters == 0 && s->high == 0 && s->others == 0) return 0;
    if (s->spaces > 0) return s->spaces < 5 && quoted && s->length >= 8 && (s->digits > 0 || s->others > 0);
    if (is_object(v, n) || (secret && is_pair(v, n))) return 0;
    if (s->others > 0 || s->high > 0) return s->letters + s->digits + s->high >= 3 && s->length >= 5;
    if (secret && s->length < 8) return 0;
    if (s->digits > 0) {
        if (!quoted && identifier && has(s, '.')) return 0;
        return !(identifier && has(s, '_') && !quoted) || s->turns > 0;
    }
    if (!quoted && has(s, '.')) return 0; /* self.pwd */
    if (!identifier) return s->length >= 6;
    if (has(s, '_') || has(s, '.') || has(s, '/') || has(s, ':')) return 0;
    if (quoted && !secret) return quoted_word_is_telling(s);
    if (s->separators > 0) return s->length >= PLAIN_LENGTH && s->separators >= 2;
    return s->length >= PLAIN_LENGTH + 2 && (s->uppers == 0 || s->lowers == 0);
}

static int key_is_telling(const uint8_t *v, const struct shape *s, uint32_t kinds, int bare) {
    size_t n = (size_t)s->length;
    if (s->length < KEY_LENGTH || s->spaces > 0 || s->high > 0) return 0;
    if (s->digits == s->length) return kinds & WORD_VENDOR && s->length >= ID_DIGITS;
    if (s->distinct < 6) return 0;
    if (is_uuid(v, n)) return !bare;
    if (is_hex_pair(v, n)) return 1;
    if (kinds & WORD_ID && s->length < STRICT_LENGTH) return 0;
    if (reads_as_identifier(v, n) || is_object(v, n)) return 0;
    if (s->others > s->length / 4 || is_pair(v, n)) return 0;
    if (s->digits == 0) return s->length >= (s->others ? LONG_WORD : LETTERS_ONLY) && s->separators < 4 && !bare;
    if (!bare) return 1;
    return s->length >= BARE_KEY_LENGTH && s->uppers > 0 && s->lowers > 0 && !s->hex_only && s->separators < 2;
}

static int shape_is_telling(const uint8_t *value, const struct shape *s, uint32_t kinds, int quoted) {
    size_t length = (size_t)s->length;
    if (kinds & VALUE_STRICT)
        return s->length >= STRICT_LENGTH && key_is_telling(value, s, kinds, !(kinds & WORD_TELLING)) &&
               (s->digits > 0 || s->length >= LONG_WORD);
    if (kinds & WORD_AUTHORIZATION) return s->length >= 8 && s->distinct >= 5 && !reads_as_identifier(value, length);
    if (kinds & WORD_SIGNATURE) return s->length >= 16 && s->distinct >= 8 && s->digits > 0;
    if (kinds & (WORD_PASSWORD | WORD_SECRET)) return password_is_telling(value, s, quoted, !(kinds & WORD_PASSWORD));
    if (kinds & WORD_PASSWORD_BESIDE)
        return s->digits < s->length && s->digits + s->others > 0 && password_is_telling(value, s, quoted, 1);
    return key_is_telling(value, s, kinds, !(kinds & (WORD_TOKEN | WORD_KEY | WORD_SESSION)));
}

/* The cheap tests first: the lists of placeholders are only for what looks like a secret otherwise. */
int value_is_telling(const uint8_t *value, size_t length, uint32_t kinds, int quoted, int followed_by) {
    struct shape s;
    if (length < 4) return 0;
    if (!quoted && (followed_by == '(' || followed_by == '[')) return 0;
    s = shape_of(value, length);
    if (s.distinct < 3 || !shape_is_telling(value, &s, kinds, quoted)) return 0;
    return !is_path(value, length) && !says_hash(value, length) && !stands_for_value(value, &s);
}
