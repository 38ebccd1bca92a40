/* Standard input, masked at a given level in pieces of a given size, to standard output. For machines without Python. */
#include "masker.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1 << 24 };

static int run(const uint8_t *bytes, size_t length, size_t step) {
    int error = 0, last = 0;
    size_t at;
    hstore_masker *masker = hstore_masker_new(NULL, NULL, 0, &error);
    hstore_stream *stream = masker == NULL ? NULL : hstore_stream_new(masker);
    if (stream == NULL) return 2;
    for (at = 0; !last; at += step) {
        size_t piece = length - at <= step ? length - at : step;
        int result;
        last = at + piece == length;
        result = hstore_stream_feed(stream, bytes + at, piece, last);
        if (result < 0) return 2;
        if (result == 0) fwrite(bytes + at, 1, piece, stdout);
        else fwrite(hstore_stream_output(stream), 1, hstore_stream_output_length(stream), stdout);
    }
    hstore_stream_free(stream);
    hstore_masker_free(masker);
    return 0;
}

int main(int count, char **arguments) {
    uint8_t *bytes = malloc(MOST);
    size_t length;
    if (count != 3 || bytes == NULL) return 2;
    if (hstore_force_level(atoi(arguments[1])) != 0) return 3;
    length = fread(bytes, 1, MOST, stdin);
    return run(bytes, length, (size_t)atoi(arguments[2]));
}
