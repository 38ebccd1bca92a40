/* Kinds of characters, and reading the next one without a call where no escape sequence stands there. */
#ifndef HSTORE_CHARACTERS_H
#define HSTORE_CHARACTERS_H

#include "internal.h"

static inline int is_digit(int c) { return c >= '0' && c <= '9'; }
static inline int is_upper(int c) { return c >= 'A' && c <= 'Z'; }
static inline int is_lower(int c) { return c >= 'a' && c <= 'z'; }
static inline int is_letter(int c) { return is_upper(c) || is_lower(c); }
static inline int to_lower(int c) { return is_upper(c) ? c + 32 : c; }
static inline int is_alphanumeric(int c) { return is_letter(c) || is_digit(c); }
static inline int is_name_character(int c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; }
static inline int is_quote(int c) { return c == '"' || c == '\'' || c == '`'; }
static inline int is_gap(int c) { return c == ' ' || c == '\t'; }
static inline int ends_line(int c) { return c == '\n' || c == '\r'; }

/* As `look`. */
static inline int peek(struct cursor *k) {
    if (k->at < k->end && *k->at != ESC) {
        k->next = k->at + 1;
        return *k->at;
    }
    return look(k);
}

#endif
