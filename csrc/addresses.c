/* Credentials in the authority of a URL.
 *
 *     scheme://user:password@host        the password goes
 *     https://token@host                 the user goes where it looks drawn: a token, as git takes them
 *     https://token:x-oauth-basic@host   both go then
 *
 * What may turn out to be a token is held from its first character on, which for most addresses is up to the slash
 * behind the host.
 */
#include "characters.h"
#include <string.h>

enum { URL_USER = 256, URL_PASSWORD = 512, TOKEN_LENGTH = 17 };

struct address {
    const struct candidate *c;
    struct cursor k;
    const uint8_t *user;
    int user_length, type;
    uint8_t text[URL_PASSWORD];
};

static int ends_authority(int ch) {
    return ch <= ' ' || ch == 127 || strchr("/?#\"'`<>\\", ch) != NULL;
}

static int is_left_out(const uint8_t *value, int length) {
    if (length < 3 || value[0] == '*' || value[0] == '$' || value[0] == '{') return 1;
    return (value[0] == '%' && value[length - 1] == '%') || is_placeholder(value, (size_t)length);
}

static struct verdict open_verdict(const struct address *a, const uint8_t *hold) {
    return undecided(a->c, hold, a->k.at, SWALLOW_PLAIN, 0, a->type);
}

/* 1 at a mark, 0 at none, -1 where that is not known yet. */
static int at_mark(const struct address *a) {
    int mark = mark_length(a->k.next - 1, a->c->end);
    if (mark < 0 && !a->c->last) return -1;
    return mark > 0;
}

/* The password ends at the last '@' of the authority, since people forget to escape one in it. With a drawn user
 * before it the mark begins there. */
static struct verdict read_password(struct address *a, const uint8_t *drawn) {
    const uint8_t *from = a->k.at, *start = drawn ? drawn : from, *to = NULL;
    int count = 0, length = 0, ch;
    for (;; a->k.at = a->k.next) {
        ch = peek(&a->k);
        if (ch == LOOK_MORE) return open_verdict(a, start);
        if (ch == '[') {
            int mark = at_mark(a);
            if (mark < 0) return open_verdict(a, start);
            if (mark) return refusal;
        }
        if (ends_authority(ch)) break;
        if (ch == '@') to = a->k.at, length = count;
        if (count == URL_PASSWORD) {
            struct verdict v = {VERDICT_SWALLOW, SWALLOW_PLAIN, 0, start, a->k.at, a->type};
            return v;
        }
        a->text[count++] = (uint8_t)ch;
    }
    if (to == NULL || (drawn == NULL && is_left_out(a->text, length))) return refusal;
    return found(VERDICT_MATCH, start, to, a->type);
}

/* A token says itself what it is; else eight hexadecimal digits before eight others are a credential as a whole. */
static int user_is_drawn(const struct address *a, int stop) {
    int i;
    if (a->user_length >= TOKEN_LENGTH)
        return value_is_telling(a->text, (size_t)a->user_length, WORD_TOKEN, 1, stop);
    if (a->user_length != 8 || stop != ':') return 0;
    for (i = 0; i < 8; i++)
        if (!is_digit(a->text[i]) && !(a->text[i] >= 'a' && a->text[i] <= 'f')) return 0;
    return 1;
}

/* Behind the user's last character, with ':' or '@' in `stop`. */
static struct verdict judge_user(struct address *a, int stop) {
    int drawn = user_is_drawn(a, stop), ch;
    if (drawn) {
        struct verdict token = verify_token_at(a->c, a->user);
        if (token.kind == VERDICT_MORE) return open_verdict(a, a->user);
        if (token.kind != VERDICT_NO) return refusal; /* it is found by itself, under its own type */
    }
    if (stop == '@') return drawn ? found(VERDICT_MATCH, a->user, a->k.at, a->type) : refusal;
    a->k.at = a->k.next;
    ch = peek(&a->k);
    if (ch == LOOK_MORE) return open_verdict(a, drawn ? a->user : a->k.at < a->c->end ? a->k.at : NULL);
    if (ch >= 0) a->k.at = a->k.next - 1; /* colours before the password stay */
    return read_password(a, drawn ? a->user : NULL);
}

struct verdict verify_url(const struct candidate *c, int type) {
    struct address a;
    int ch;
    a.c = c;
    a.k.at = a.k.next = c->after;
    a.k.end = c->end;
    a.k.last = c->last;
    a.type = type;
    a.user = c->after;
    for (a.user_length = 0; a.user_length < URL_USER; a.k.at = a.k.next) {
        ch = peek(&a.k);
        if (ch == LOOK_MORE) return open_verdict(&a, a.user_length > 0 || a.k.at < c->end ? a.user : NULL);
        if (a.user_length == 0) a.user = a.k.next - 1;
        if (ch == ':' || ch == '@') return judge_user(&a, ch);
        if (ends_authority(ch) || ch == '[' || ch == ',') return refusal;
        a.text[a.user_length++] = (uint8_t)ch;
    }
    return refusal;
}
