/* Does this value look like a secret, given what its name says?
 *
 * After `password` people write what they can remember, after `token` what a machine drew. So the first test
 * is generous and refuses what is plainly code or prose; the second asks for length, mixture and a digit.
 * Shannon entropy is not computed: over 10 to 40 characters it mostly measures the length, and counting
 * different characters separates placeholders just as well without a logarithm.
 */
#include "internal.h"
#include <string.h>

enum { KEY_LENGTH = 10, BARE_KEY_LENGTH = 20, PLAIN_LENGTH = 12, LONG_WORD = 20, NUMBER_LENGTH = 6 };

static int is_digit(int c) { return c >= '0' && c <= '9'; }
static int is_upper(int c) { return c >= 'A' && c <= 'Z'; }
static int is_lower(int c) { return c >= 'a' && c <= 'z'; }
static int is_letter(int c) { return is_upper(c) || is_lower(c); }
static int lower(int c) { return is_upper(c) ? c + 32 : c; }

/* What a value is made of, counted once. */
struct shape {
    int length, letters, digits, uppers, lowers, spaces, separators, others, distinct, turns, hex_only, high;
};

static struct shape shape_of(const uint8_t *value, size_t length) {
    struct shape s = {0};
    uint32_t seen[8] = {0};
    size_t i;
    s.length = (int)length;
    s.hex_only = 1;
    for (i = 0; i < length; i++) {
        int c = value[i];
        if (!(seen[c >> 5] >> (c & 31) & 1)) s.distinct++;
        seen[c >> 5] |= 1u << (c & 31);
        s.uppers += is_upper(c);
        s.lowers += is_lower(c);
        s.digits += is_digit(c);
        s.spaces += c == ' ';
        s.high += c >= 128;
        s.separators += c == '_' || c == '-' || c == '.' || c == '/' || c == ':';
        if (!is_digit(c) && !(lower(c) >= 'a' && lower(c) <= 'f') && c != '-') s.hex_only = 0;
        if (i > 0 && is_digit(value[i - 1]) && is_letter(c)) s.turns++;
    }
    s.letters = s.uppers + s.lowers;
    s.others = s.length - s.letters - s.digits - s.spaces - s.separators - s.high;
    return s;
}

/* Compared folded; `text` is small letters already. */
static int equals(const uint8_t *value, size_t length, const char *text) {
    size_t i;
    for (i = 0; i < length; i++)
        if (text[i] == 0 || lower(value[i]) != text[i]) return 0;
    return text[length] == 0;
}

static int contains(const uint8_t *value, size_t length, const char *text) {
    size_t i, n = strlen(text), k;
    for (i = 0; i + n <= length; i++) {
        for (k = 0; k < n && lower(value[i + k]) == text[k]; k++) {}
        if (k == n) return 1;
    }
    return 0;
}

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

/* $NAME, ${NAME}, $(command), {{ name }}, #{name}, <name>, %NAME%, %s, @name@, [name]: filled in elsewhere. */
static int is_reference(const uint8_t *v, size_t n) {
    int last = v[n - 1];
    if (v[0] == '$' && n > 1 && (is_letter(v[1]) || strchr("_{($", v[1]) != NULL)) return 1;
    if (n > 1 && v[1] == '{' && (v[0] == '{' || v[0] == '#' || v[0] == '%')) return 1;
    if (v[0] == '{' && last == '}') return 1;
    if (v[0] == '<' && (last == '>' || contains(v, n, ">"))) return 1;
    if (v[0] == '[' && last == ']') return 1;
    if (v[0] == '%' && (last == '%' || n == 2)) return 1;
    if (v[0] == '@' && last == '@') return 1;
    return contains(v, n, "%(") || has_field(v, n) || contains(v, n, "${") || contains(v, n, "{{") || contains(v, n, "$(");
}

int is_placeholder(const uint8_t *value, size_t length) {
    int i;
    if (length == 0 || is_reference(value, length)) return 1;
    for (i = 0; placeholders[i] != NULL; i++)
        if (equals(value, length, placeholders[i])) return 1;
    for (i = 0; placeholder_pieces[i] != NULL; i++)
        if (contains(value, length, placeholder_pieces[i])) return 1;
    return 0;
}

static int is_separator(int c) { return c == '_' || c == '-' || c == '.' || c == '/' || c == ':'; }

static int is_vowel(int c) { return strchr("aeiouy", lower(c)) != NULL; }

/* A hump is a stretch of letters as in camelCase. One that cannot be said aloud is not part of a word. */
static int hump_is_wordlike(const uint8_t *v, size_t from, size_t to) {
    size_t i;
    if (to - from > LONG_WORD) return 0;
    if (to - from < 3) return to - from == 2;
    for (i = from; i < to; i++)
        if (is_vowel(v[i])) return 1;
    return is_upper(v[from]) && is_upper(v[from + 1]); /* an abbreviation */
}

/* Words joined by separators or capitals, each with at most three digits behind it: code, not chance. */
static int reads_as_identifier(const uint8_t *v, size_t n) {
    size_t i = 0;
    int humps = 0, odd = 0;
    while (i < n) {
        size_t from = i;
        if (is_separator(v[i])) {
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
            if (!hump_is_wordlike(v, from, i)) odd++;
            from = i;
            while (i < n && is_digit(v[i])) i++;
            if (i - from > 3 || (i > from && i < n && is_letter(v[i]))) return 0;
        } else {
            return 0;
        }
    }
    return odd * 2 <= humps;
}

static int is_path(const uint8_t *v, size_t n) {
    if (contains(v, n, "://")) return 1;
    if (n > 2 && is_letter(v[0]) && v[1] == ':' && (v[2] == '\\' || v[2] == '/')) return 1;
    if (v[0] != '/' && v[0] != '~' && !(v[0] == '.' && n > 1 && (v[1] == '/' || v[1] == '.'))) return 0;
    if (v[0] == '~') return n > 1 && v[1] == '/';
    return reads_as_identifier(v, n);
}

static int says_hash(const uint8_t *v, size_t n) {
    return n > 7 && (contains(v, 7, "sha256") || contains(v, 7, "sha512") || contains(v, 5, "sha1") || contains(v, 4, "md5"));
}

static int password_is_telling(const uint8_t *v, const struct shape *s, int quoted, int secret) {
    size_t n = (size_t)s->length;
    int identifier = reads_as_identifier(v, n);
    if (s->length < 4 || s->distinct < 3) return 0;
    if (s->digits == s->length) return s->length >= NUMBER_LENGTH;
    if (s->letters == 0 && s->high == 0 && s->others == 0) return 0;
    if (s->spaces > 0) return s->spaces < 3 && (s->digits > 0 || s->others > 0) && quoted && s->length >= 8;
    if (s->others > 0 || s->high > 0) return s->letters + s->digits + s->high >= 3 && s->length >= 5;
    if (secret && s->length < 8) return 0;
    if (s->digits > 0) {
        if (!quoted && identifier && contains(v, n, ".")) return 0;
        return !(identifier && contains(v, n, "_") && !quoted) || s->turns > 0;
    }
    if (!quoted && contains(v, n, ".")) return 0; /* self.pwd */
    if (!identifier) return s->length >= 6;
    if (contains(v, n, "_") || contains(v, n, ".") || contains(v, n, "/") || contains(v, n, ":")) return 0;
    if (s->separators > 0) return s->length >= PLAIN_LENGTH && s->separators >= 2;
    return s->length >= PLAIN_LENGTH + 2 && (s->uppers == 0 || s->lowers == 0);
}

static int key_is_telling(const uint8_t *v, const struct shape *s, int bare) {
    size_t n = (size_t)s->length;
    if (s->length < KEY_LENGTH || s->spaces > 0 || s->distinct < 6 || s->high > 0) return 0;
    if (s->digits == s->length || s->letters == 0) return 0;
    if (reads_as_identifier(v, n)) return 0;
    if (s->digits == 0) return s->length >= LONG_WORD && s->separators < 4;
    if (s->others > s->length / 4) return 0;
    if (!bare) return 1;
    return s->length >= BARE_KEY_LENGTH && s->uppers > 0 && s->lowers > 0 && !s->hex_only && s->separators < 2;
}

static int shape_is_telling(const uint8_t *value, const struct shape *s, uint32_t kinds, int quoted) {
    size_t length = (size_t)s->length;
    if (kinds & WORD_AUTHORIZATION) return s->length >= 8 && s->distinct >= 5 && !reads_as_identifier(value, length);
    if (kinds & WORD_SIGNATURE) return s->length >= 16 && s->distinct >= 8 && s->digits > 0;
    if (kinds & (WORD_PASSWORD | WORD_SECRET)) return password_is_telling(value, s, quoted, !(kinds & WORD_PASSWORD));
    return key_is_telling(value, s, !(kinds & (WORD_TOKEN | WORD_KEY | WORD_SESSION)));
}

/* The cheap tests first: the lists of placeholders are only for what looks like a secret otherwise. */
int value_is_telling(const uint8_t *value, size_t length, uint32_t kinds, int quoted, int followed_by) {
    struct shape s;
    if (length == 0) return 0;
    if (!quoted && (followed_by == '(' || followed_by == '[')) return 0;
    s = shape_of(value, length);
    if (s.distinct < 3 || !shape_is_telling(value, &s, kinds, quoted)) return 0;
    return !is_path(value, length) && !says_hash(value, length) && !is_placeholder(value, length);
}
