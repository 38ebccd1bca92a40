/* Feeds a file to the masker in writes of one size, for benchmarks/instructions.py to count what that executes.
 *
 * Usage: instructions TEXT FORMS WRITE LEVEL      (FORMS: as hstore_masker_new takes them; LEVEL: a number, -1 the best)
 */
#include <stdio.h>
#include <stdlib.h>
#include "masker.h"

static uint8_t *read_all(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes;
    long size;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) exit(2);
    rewind(file);
    bytes = malloc((size_t)size + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size) exit(2);
    fclose(file);
    *length = (size_t)size;
    return bytes;
}

int main(int count, char **words) {
    size_t length, forms_length, write, at;
    uint8_t *text, *forms;
    hstore_masker *masker;
    hstore_stream *stream;
    int error = 0;
    if (count != 5) return 2;
    text = read_all(words[1], &length);
    forms = read_all(words[2], &forms_length);
    write = strtoul(words[3], NULL, 10);
    if (hstore_force_level(atoi(words[4])) != 0) return 3;
    masker = hstore_masker_new(NULL, forms, forms_length, &error);
    stream = masker == NULL ? NULL : hstore_stream_new(masker);
    if (stream == NULL || write == 0) return 2;
    for (at = 0; at < length; at += write)
        if (hstore_stream_feed(stream, text + at, length - at < write ? length - at : write, 0) < 0) return 2;
    if (hstore_stream_feed(stream, text, 0, 1) < 0) return 2;
    printf("%llu\n", (unsigned long long)hstore_stream_marks(stream));
    hstore_stream_free(stream);
    hstore_masker_free(masker);
    free(text);
    free(forms);
    return 0;
}
