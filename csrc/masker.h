/* The masker: bytes in, the same bytes out with every secret replaced by a mark.
 *
 * This header is the whole surface. The part between the two markers is read by csrc/build_ffi.py as well,
 * so it holds plain declarations only.
 *
 * Threads: an `hstore_masker` is immutable once made and may be shared; an `hstore_stream` belongs to one
 * thread at a time. There is no global state but the level of the search and the allocation hook, which only
 * tests set.
 *
 * Errors are negative numbers; HSTORE_NO_MEMORY is the only one that a correct caller can meet.
 */
#ifndef HSTORE_MASKER_H
#define HSTORE_MASKER_H

#include <stddef.h>
#include <stdint.h>

/* cdef begins */
typedef struct hstore_masker hstore_masker;
typedef struct hstore_stream hstore_stream;
typedef struct hstore_ruleset hstore_ruleset;

/* Makes a ruleset of the built-in rules and a user's `additions`, in the form that ruleset.c describes; copied.
 * NULL with `*error` HSTORE_NO_MEMORY or HSTORE_BAD_RULES. Immutable once made, and may be shared by maskers,
 * which it must outlive. */
hstore_ruleset *hstore_ruleset_new(const uint8_t *additions, size_t length, int *error);
void hstore_ruleset_free(hstore_ruleset *ruleset);
/* 1 when all its tables are byte for byte those compiled in, for the test that building makes the same. */
int hstore_ruleset_is_builtin(const hstore_ruleset *ruleset);

/* Makes a masker for a ruleset (NULL: the built-in one) and the given exact forms.
 * `forms`: one after another, each a little-endian uint32 length (8 to 4096) and so many bytes; copied.
 * NULL with `*error` HSTORE_NO_MEMORY, or HSTORE_BAD_FORMS for a malformed list. Release with hstore_masker_free. */
hstore_masker *hstore_masker_new(const hstore_ruleset *ruleset, const uint8_t *forms, size_t length, int *error);
/* As hstore_masker_new with the ruleset of `old`, whose values must be among `forms`: streams of `old` can be taken over. */
hstore_masker *hstore_masker_extended(const hstore_masker *old, const uint8_t *forms, size_t length, int *error);
void hstore_masker_free(hstore_masker *masker);

/* Makes a stream; `masker` must outlive it. NULL without memory. hstore_stream_free zeroes what is held. */
hstore_stream *hstore_stream_new(const hstore_masker *masker);
void hstore_stream_free(hstore_stream *stream);

/* Back to the state of a new stream, with its buffers zeroed and kept; the counts begin at 0 again. */
void hstore_stream_reset(hstore_stream *stream);

/* Goes on with a masker that was extended from the stream's own, perhaps in several steps: its further values are found
 * from here on. What begins in bytes that were held because a value may begin there is found too. */
void hstore_stream_adopt(hstore_stream *stream, const hstore_masker *masker);

/* Takes `length` bytes; HSTORE_LAST among the `flags` says that nothing follows.
 * Returns 0: the output equals the bytes just given (nothing was copied), 1: the output is at
 * hstore_stream_output, valid until the next call; HSTORE_NO_MEMORY: the stream is unusable until it is
 * reset or restored, and every further call says the same. */
int hstore_stream_feed(hstore_stream *stream, const uint8_t *bytes, size_t length, int flags);
const uint8_t *hstore_stream_output(const hstore_stream *stream);
size_t hstore_stream_output_length(const hstore_stream *stream);

/* Which of the texts that lie in `bytes` with `separator` between them would be changed, each looked at as the whole
 * input of a stream: their numbers, from 0, in `changed`. Returns how many, and looks no further when `room` of them
 * are found (with room 0 or 1: at the first); HSTORE_NO_MEMORY. `stream` is one that is new or reset, and is so again
 * afterwards. For many short texts, where a call for each would cost more than the looking. */
long hstore_stream_changes(hstore_stream *stream, const uint8_t *bytes, size_t length, int separator, uint32_t *changed,
                           long room);

/* With HSTORE_REST among the flags feed may also return 2: the output is that at hstore_stream_output and behind it a
 * stretch of the bytes just given, which was not copied. */
size_t hstore_stream_rest_start(const hstore_stream *stream);
size_t hstore_stream_rest_length(const hstore_stream *stream);

/* Bytes taken and not yet given back. */
size_t hstore_stream_held(const hstore_stream *stream);

/* Writes the state to `out` and returns its size; with room for less, or NULL, only returns the size.
 * The state holds input bytes that are not masked yet. It fits this build on this kind of machine only. */
size_t hstore_stream_save(const hstore_stream *stream, uint8_t *out, size_t room);
/* Takes back a saved state of the same masker, or of one that it was extended from. 0, HSTORE_NO_MEMORY or HSTORE_BAD_STATE (unchanged then). */
int hstore_stream_restore(hstore_stream *stream, const uint8_t *state, size_t length);

/* Marks written since the stream was made or reset, by type; names in the same order. NULL for a masker: the
 * built-in rules. */
uint64_t hstore_stream_marks(const hstore_stream *stream);
uint64_t hstore_stream_count(const hstore_stream *stream, int type);
/* The first type from `type` on that has been marked, or -1. */
int hstore_stream_next_type(const hstore_stream *stream, int type);
int hstore_type_count(const hstore_masker *masker);
const char *hstore_type_name(const hstore_masker *masker, int type);

/* For listings. The form of a rule by its number in `enum form` (internal.h), -1 for registered values; its anchors,
 * NULL behind the last; description and source of a built-in rule; names of the classes, NULL behind the last. */
int hstore_rule_form(const hstore_masker *masker, int type);
const char *hstore_rule_anchor(const hstore_masker *masker, int type, int number);
const char *hstore_rule_description(int type);
const char *hstore_rule_source(int type);
const char *hstore_class_name(int number);

/* From now on notes what each mark stands for: offsets in the input and the type. Not saved with the state. */
void hstore_stream_trace(hstore_stream *stream);
size_t hstore_stream_traced(const hstore_stream *stream);
int hstore_stream_mark(const hstore_stream *stream, size_t number, uint64_t *start, uint64_t *end);

/* Steps of work done so far, for the test that it grows with the input and no faster. */
uint64_t hstore_stream_work(const hstore_stream *stream);

/* 1 when a variable of this name holds a secret, else 0. */
int hstore_telling_name(const uint8_t *name, size_t length);

/* Of a masker's rules, the user's among them; NULL: of those compiled in. */
const char *hstore_rules_digest(const hstore_masker *masker);

/* The instruction sets that the search for anchors knows: scalar, ssse3, avx2, avx512vbmi, neon. The best that the
 * machine has is taken; the output is the same with each, and with "automaton", which searches every byte. `hstore_force_level` is for tests and measurements: the
 * best for a negative number, -1 for one that the machine lacks, else 0. */
int hstore_level_count(void);
const char *hstore_level_name(int level);
int hstore_level_supported(int level);
int hstore_level(void);
int hstore_force_level(int level);

/* Lets the allocation after `successes` more fail, once; negative: none. Process-wide, for tests. */
void hstore_fail_allocation(long successes);

/* 1 in a build with sanitizers, where it also reads one byte too far when `overrun` is not 0. */
int hstore_sanitized(int overrun);

#define HSTORE_LAST 1
#define HSTORE_REST 2
#define HSTORE_NO_MEMORY -1
#define HSTORE_BAD_STATE -2
#define HSTORE_BAD_RULES -3
#define HSTORE_BAD_FORMS -4
/* cdef ends */

#endif
