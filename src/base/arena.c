/*
 * Blocks in a chain, newest first; the first block is kept over resets. Each block is a malloc, so
 * that ASan sees its ends; the tail that no object uses yet is poisoned.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/num.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define poison(ptr, len) ASAN_POISON_MEMORY_REGION((ptr), (len))
#define unpoison(ptr, len) ASAN_UNPOISON_MEMORY_REGION((ptr), (len))
#else
#define poison(ptr, len) ((void)(ptr), (void)(len))
#define unpoison(ptr, len) ((void)(ptr), (void)(len))
#endif

enum {
	FIRST_BLOCK_BYTES = 4096,
	MAX_BLOCK_BYTES = 1 << 20,
	ALIGNMENT = 16,
};

struct block {
	struct block *next;
	size_t size;
	size_t used;
	_Alignas(ALIGNMENT) unsigned char bytes[];
};

struct arena {
	struct block *top;
	size_t total_bytes;
	bool each_alone; /* WEFT_ARENA_MALLOC */
};

static struct block *block_new(struct arena *arena, size_t size)
{
	struct block *block = malloc(sizeof *block + size);

	if (!block)
		panic("out of memory: %zu bytes", size);
	block->next = arena->top;
	block->size = size;
	block->used = 0;
	poison(block->bytes, size);
	arena->top = block;
	arena->total_bytes += size;
	return block;
}

static void block_drop_top(struct arena *arena)
{
	struct block *block = arena->top;

	arena->top = block->next;
	arena->total_bytes -= block->size;
	unpoison(block->bytes, block->size);
	free(block);
}

struct arena *arena_new(void)
{
	struct arena *arena = calloc(1, sizeof *arena);
	const char *alone = secure_getenv("WEFT_ARENA_MALLOC");

	if (!arena)
		panic("out of memory");
	arena->each_alone = alone && *alone == '1';
	block_new(arena, FIRST_BLOCK_BYTES);
	return arena;
}

void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	while ((*arena)->top)
		block_drop_top(*arena);
	free(*arena);
	*arena = NULL;
}

void arena_reset(struct arena *arena)
{
	while (arena->top->next)
		block_drop_top(arena);
	arena->top->used = 0;
	poison(arena->top->bytes, arena->top->size);
}

struct arena_mark arena_mark(struct arena *arena)
{
	return (struct arena_mark){arena->top, arena->top->used};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
	while (arena->top != mark.block) {
		check(arena->top->next);
		block_drop_top(arena);
	}
	arena->top->used = mark.used;
	poison(arena->top->bytes + mark.used, arena->top->size - mark.used);
}

size_t arena_bytes(const struct arena *arena)
{
	return arena->total_bytes;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	struct block *block = arena->top;
	size_t need;

	if (!checked_add(max_of(bytes, 1u), (size_t)ALIGNMENT - 1, &need))
		panic("arena_alloc: %zu bytes", bytes);
	need &= ~(size_t)(ALIGNMENT - 1);
	if (arena->each_alone) {
		block = block_new(arena, max_of(bytes, 1u));
		need = block->size;
	} else if (block->size - block->used < need) {
		size_t next = min_of(block->size * 2, (size_t)MAX_BLOCK_BYTES);

		block = block_new(arena, max_of(next, need));
	}
	void *ptr = block->bytes + block->used;
	block->used += need;
	unpoison(ptr, max_of(bytes, 1u));
	memset(ptr, 0, max_of(bytes, 1u));
	return ptr;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (!checked_mul(count, size, &bytes))
		panic("arena_alloc_array: %zu x %zu", count, size);
	return arena_alloc(arena, bytes);
}

void *arena_grow(struct arena *arena, const void *old, size_t old_bytes, size_t new_bytes)
{
	check(new_bytes >= old_bytes);
	void *grown = arena_alloc(arena, new_bytes);

	if (old_bytes)
		memcpy(grown, old, old_bytes);
	return grown;
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
	if (!s.ptr)
		return SLICE_NONE;
	char *copy = arena_alloc(arena, s.len + 1);

	memcpy(copy, s.ptr, s.len);
	return slice_of(copy, s.len);
}

struct slice *arena_copy_all(struct arena *arena, const struct slice *items, size_t count)
{
	struct slice *copy = arena_array_of(arena, struct slice, count);

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_copy(arena, items[i]);
	return copy;
}

char *arena_cstr(struct arena *arena, struct slice s)
{
	char *copy = arena_alloc(arena, s.len + 1);

	if (s.len)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

struct slice arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args;
	va_list again;

	check(fmt != NULL);
	va_start(args, fmt);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	check(len >= 0);
	char *text = arena_alloc(arena, (size_t)len + 1);

	vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	return slice_of(text, (size_t)len);
}
