/* Memory that may have held a secret: zeroed before it goes back, and failing on demand for tests. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

static long failing = -1; /* allocations until one fails; written by tests only */

void hstore_fail_allocation(long successes) { failing = successes; }

static int fails_now(void) {
    if (failing < 0) return 0;
    return failing-- == 0;
}

/* A plain memset before free is removed by optimisers; the volatile pointer keeps it. memset_s and
 * explicit_bzero are not everywhere. */
void wipe(void *block, size_t size) {
    static void *(*const volatile set)(void *, int, size_t) = memset;
    if (block != NULL && size != 0) set(block, 0, size);
}

void *grab(size_t size) {
    if (fails_now()) return NULL;
    return calloc(1, size ? size : 1);
}

/* Not realloc: it may leave an unzeroed copy behind. */
void *regrab(void *old, size_t old_size, size_t size) {
    void *block = grab(size);
    if (block == NULL) return NULL;
    if (old != NULL) {
        memcpy(block, old, old_size < size ? old_size : size);
        release(old, old_size);
    }
    return block;
}

void release(void *block, size_t size) {
    wipe(block, size);
    free(block);
}

int list_push(struct list *list, const void *item, size_t size) {
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 16;
        void *items = regrab(list->items, list->room * size, room * size);
        if (items == NULL) return HSTORE_NO_MEMORY;
        list->items = items;
        list->room = room;
    }
    memcpy((char *)list->items + list->count * size, item, size);
    list->count++;
    return 0;
}

void list_drop(struct list *list, size_t count, size_t size) {
    if (count == 0) return;
    list->count -= count;
    memmove(list->items, (char *)list->items + count * size, list->count * size);
}

int hstore_sanitized(int overrun) {
#if defined(HSTORE_SANITIZED)
    uint8_t *block = grab(4);
    volatile uint8_t seen = block == NULL ? 0 : block[overrun ? 4 : 0];
    (void)seen;
    release(block, 4);
    return 1;
#else
    (void)overrun;
    return 0;
#endif
}
