/* Many short texts in one call: the fields of a record, the records of a batch.
 *
 *     app <separator> command line <separator> directory <separator> app <separator> ...
 *
 * Nearly all of them hold no secret, and then nothing but that has to be said. Each is fed by itself, so that the
 * answer is exactly that of masking it alone. Not one search over all of them with the separator as an end: verifiers
 * would have to know that separator wherever they look ahead or back.
 */
#include "masker.h"
#include <string.h>

int hstore_stream_leaves(hstore_stream *stream, const uint8_t *bytes, size_t length, int separator) {
    const uint8_t *end = bytes + length;
    int result = 0;
    for (;;) {
        const uint8_t *stop = length == 0 ? NULL : memchr(bytes, separator, (size_t)(end - bytes));
        size_t text = (size_t)((stop == NULL ? end : stop) - bytes);
        if (text != 0) {
            result = hstore_stream_feed(stream, bytes, text, HSTORE_LAST);
            hstore_stream_reset(stream);
        }
        if (result != 0 || stop == NULL) break;
        bytes = stop + 1;
    }
    return result < 0 ? result : result == 0;
}
