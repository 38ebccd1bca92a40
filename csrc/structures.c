/* Credentials known by what stands around them: private key blocks, JWTs, URLs, curl's -u, and marks. */
#include "internal.h"
#include <string.h>

enum { URL_USER = 128, URL_PASSWORD = 512, LABEL = 64, JWT_HEADER = 1024, JWT_PART = 8, CURL_USER = 64 };

struct verdict verify_mark(const struct candidate *c, int type) {
    int length = mark_length(c->start, c->end);
    if (length < 0 && !c->last) return undecided(c, c->after, c->after, SWALLOW_PLAIN, 0, type);
    if (length <= 0) return refusal;
    return found(VERDICT_MATCH, NULL, c->start + length, type);
}

/* -----BEGIN ... PRIVATE KEY-----, also PGP's "PRIVATE KEY BLOCK". */
struct verdict verify_block(const struct candidate *c, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    char label[LABEL + 1];
    int count = 0, dashes = 0, ch;
    if (!anchor_is_written_so(c)) return refusal;
    while (dashes < 5) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, c->start, k.at, SWALLOW_BLOCK, 0, type);
        if (ch == '-') dashes++;
        else if (dashes > 0 || count == LABEL) return refusal;
        else if ((ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == ' ') label[count++] = (char)ch;
        else return refusal;
        k.at = k.next;
    }
    label[count] = 0;
    if (strstr(label, "PRIVATE KEY") == NULL) return refusal;
    {
        struct verdict v = {VERDICT_SWALLOW, SWALLOW_BLOCK, 0, c->start, k.at, type};
        return v;
    }
}

/* header.payload, both beginning as base64url of '{"' does; the signature is swallowed with the rest. */
struct verdict verify_jwt(const struct candidate *c, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    int count = 0, part = 0, ch;
    if (!anchor_is_written_so(c) || !token_may_begin(c, c->start)) return refusal;
    for (;;) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, c->start, k.at, SWALLOW_CLASS, class_jwt, type);
        if (ch == '.' && part == 0 && count >= JWT_PART) part = 1, count = 0;
        else if (!in_class(c->set, class_jwt, ch) || ch == '.' || ch == '=' || count > JWT_HEADER) return refusal;
        else if (part == 1 && count < 2 && ch != "ey"[count]) return refusal;
        else if (++count == JWT_PART + 2 && part == 1) {
            struct verdict v = {VERDICT_SWALLOW, SWALLOW_CLASS, (uint8_t)class_jwt, c->start, k.next, type};
            return v;
        }
        k.at = k.next;
    }
}

static int ends_authority(int ch) {
    return ch <= ' ' || ch == 127 || strchr("/?#\"'`<>\\", ch) != NULL;
}

/* The password ends at the last '@' of the authority, since people forget to escape one in it. */
static struct verdict url_password(const struct candidate *c, struct cursor k, int type) {
    const uint8_t *from = k.at, *to = NULL;
    uint8_t value[URL_PASSWORD];
    int count = 0, length = 0, ch;
    for (;; k.at = k.next) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, from, k.at, SWALLOW_PLAIN, 0, type);
        if (ch == '[') {
            int mark = mark_length(k.next - 1, c->end);
            if (mark < 0 && !c->last) return undecided(c, from, k.at, SWALLOW_PLAIN, 0, type);
            if (mark > 0) return refusal;
        }
        if (ends_authority(ch)) break;
        if (ch == '@') to = k.at, length = count;
        if (count == URL_PASSWORD) {
            struct verdict v = {VERDICT_SWALLOW, SWALLOW_PLAIN, 0, from, k.at, type};
            return v;
        }
        value[count++] = (uint8_t)ch;
    }
    if (to == NULL || length == 0 || value[0] == '$' || value[0] == '{' || value[0] == '*') return refusal;
    if (value[0] == '%' && value[length - 1] == '%') return refusal;
    if (length < 3 || is_placeholder(value, (size_t)length)) return refusal;
    return found(VERDICT_MATCH, from, to, type);
}

struct verdict verify_url(const struct candidate *c, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    int count, ch;
    for (count = 0; count < URL_USER; count++) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, NULL, k.at, SWALLOW_PLAIN, 0, type);
        if (ch == ':') {
            k.at = k.next;
            ch = look(&k);
            if (ch == LOOK_MORE) return undecided(c, k.at < c->end ? k.at : NULL, k.at, SWALLOW_PLAIN, 0, type);
            if (ch >= 0) k.at = k.next - 1; /* colours before the password stay */
            return url_password(c, k, type);
        }
        if (ends_authority(ch) || ch == '@' || ch == '[' || ch == ',') return refusal;
        k.at = k.next;
    }
    return refusal;
}

static int is_gap(int ch) { return ch == ' ' || ch == '\t' || ch == 0; }

static struct verdict curl_password(const struct candidate *c, struct cursor k, int quote, int type) {
    const uint8_t *from = k.at;
    uint8_t value[URL_PASSWORD];
    int count = 0, ch;
    for (;; k.at = k.next) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, from, k.at, SWALLOW_PLAIN, 0, type);
        if (ch == '[' && count == 0) {
            int mark = mark_length(k.next - 1, c->end);
            if (mark < 0 && !c->last) return undecided(c, from, k.at, SWALLOW_PLAIN, 0, type);
            if (mark > 0) return refusal;
        }
        if (ch < 0 || ch == 0 || ch == '\n' || ch == '\r') break;
        if (quote ? ch == quote : (is_gap(ch) || ch == '"' || ch == '\'' || ch == '`')) break;
        if (count == URL_PASSWORD) {
            struct verdict v = {VERDICT_SWALLOW, SWALLOW_PLAIN, 0, from, k.at, type};
            if (quote) v.swallow = SWALLOW_QUOTED, v.detail = (uint8_t)quote;
            return v;
        }
        value[count++] = (uint8_t)ch;
    }
    if (count == 0 || value[0] == '$' || value[0] == '<' || value[0] == '{' || value[0] == '*') return refusal;
    if (!c->after_curl && !value_is_telling(value, (size_t)count, WORD_PASSWORD, quote, ch)) return refusal;
    return found(VERDICT_MATCH, from, k.at, type);
}

/* Words of a command line arrive joined by NUL as well as by spaces. Away from curl many programs have an -u
 * that takes user:group, so there the second half must look like a password. */
struct verdict verify_curl(const struct candidate *c, int type) {
    struct cursor k = {c->after, c->after, c->end, c->last};
    int count = 0, gaps = 0, quote = 0, ch;
    for (;; k.at = k.next) {
        ch = look(&k);
        if (ch == LOOK_MORE) return undecided(c, NULL, k.at, SWALLOW_PLAIN, 0, type);
        if (count == 0 && !quote && (is_gap(ch) || (ch == '=' && gaps == 0)) && gaps < 8) gaps++;
        else if (count == 0 && !quote && (ch == '"' || ch == '\'')) quote = ch;
        else if (gaps == 0 && !quote && (c->anchor->length > 3 || !c->after_curl)) return refusal;
        else if (ch == ':' && count > 0) break;
        else if (ch <= ' ' || ch == '"' || ch == '\'' || ch == '/' || ch == '[' || ++count > CURL_USER) return refusal;
    }
    k.at = k.next;
    ch = look(&k);
    if (ch == LOOK_MORE) return undecided(c, k.at < c->end ? k.at : NULL, k.at, SWALLOW_PLAIN, 0, type);
    if (ch >= 0) k.at = k.next - 1;
    return curl_password(c, k, quote, type);
}
