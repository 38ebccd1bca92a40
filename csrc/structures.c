/* Secrets that are known by their own form but are no plain tokens: private key blocks, JWTs, and marks. */
#include "internal.h"
#include <string.h>

enum { LABEL = 64, JWT_HEADER = 1024, JWT_PART = 8 };

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
