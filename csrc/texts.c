/* Many short texts in one call: the fields of a record, the records of a batch.
 *
 *     app <separator> command line <separator> directory <separator> app <separator> ...
 *
 * Nearly all of them hold no secret, and then nothing but that has to be said, else which of them do. Each is fed by itself, so that the
 * answer is exactly that of masking it alone. Not one search over all of them with the separator as an end: verifiers
 * would have to know that separator wherever they look ahead or back.
 */
#include "masker.h"
#include <string.h>

long hstore_stream_changes(hstore_stream *stream, const uint8_t *bytes, size_t length, int separator, uint32_t *changed,
                           long room) {
    const uint8_t *end = bytes + length;
    uint32_t number = 0;
    long count = 0;
    for (;; number++) {
        const uint8_t *stop = length == 0 ? NULL : memchr(bytes, separator, (size_t)(end - bytes));
        size_t text = (size_t)((stop == NULL ? end : stop) - bytes);
        if (text != 0) {
            int result = hstore_stream_feed(stream, bytes, text, HSTORE_LAST);
            hstore_stream_reset(stream);
            if (result < 0) return result;
            if (result != 0) {
                if (count < room) changed[count] = number;
                if (++count >= room) return count;
            }
        }
        if (stop == NULL) return count;
        bytes = stop + 1;
    }
}
