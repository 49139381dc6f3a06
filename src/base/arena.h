#pragma once

#include <stddef.h>

#include "base/attrs.h"
#include "base/slice.h"

/*
 * Memory with one end of life. Objects are never freed one by one; the arena is reset (request end)
 * or freed (owner's end). One thread at a time. Out of memory panics. Unused space is poisoned
 * under ASan; WEFT_ARENA_MALLOC=1 in the environment gives each object its own malloc block
 * instead, so that overflows inside an arena show.
 */
struct arena;

struct arena_mark {
	void *block;
	size_t used;
};

struct arena *arena_new(void);
void arena_free(struct arena **arena);
/* Drops all objects, keeps the first block. */
void arena_reset(struct arena *arena);
/* Scratch: what was allocated after the mark goes, what stood before stays. Marks nest. */
struct arena_mark arena_mark(struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);
/* Bytes taken from the system, for budgets and tests. */
size_t arena_bytes(const struct arena *arena);

/* Zeroed, aligned for any type. Never NULL, also for 0 bytes. */
void *arena_alloc(struct arena *arena, size_t bytes);
/* count * size, panics on overflow. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);
/* Grows an array: a copy at a new place, the old one stays until the arena's end. */
void *arena_grow(struct arena *arena, const void *old, size_t old_bytes, size_t new_bytes);

#define arena_new_of(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array_of(arena, type, count)                                                         \
	((type *)arena_alloc_array((arena), (count), sizeof(type)))

/* Copies; the copy is NUL-terminated one byte past its length. SLICE_NONE stays none. */
struct slice arena_copy(struct arena *arena, struct slice s);
/* The list and its texts. */
struct slice *arena_copy_all(struct arena *arena, const struct slice *items, size_t count);
/* As a C string: an embedded NUL cuts what the C side sees. none gives "". */
char *arena_cstr(struct arena *arena, struct slice s);
struct slice arena_printf(struct arena *arena, const char *fmt, ...) printf_like(2, 3);
