#pragma once

#include "base/arena.h"
#include "base/num.h"

/*
 * A growing array in an arena: struct { type *items; size_t len, cap; }. Items move when it grows,
 *so keep indexes, not pointers, while adding.
 *
 *	VEC(struct column) columns = {0};
 *	vec_push(arena, &columns, (struct column){...});
 *	vec_each (struct column, c, &columns) use(c);
 */
#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t len;                                                                        \
		size_t cap;                                                                        \
	}

#define vec_reserve(arena, vec, want)                                                              \
	do {                                                                                       \
		if ((vec)->cap < (want)) {                                                         \
			size_t cap_ = max_of(max_of((size_t)(want), (vec)->cap * 2), (size_t)8);   \
			(vec)->items = arena_grow((arena), (vec)->items,                           \
				(vec)->len * sizeof *(vec)->items, cap_ * sizeof *(vec)->items);   \
			(vec)->cap = cap_;                                                         \
		}                                                                                  \
	} while (0)

#define vec_push(arena, vec, ...)                                                                  \
	do {                                                                                       \
		vec_reserve((arena), (vec), (vec)->len + 1);                                       \
		(vec)->items[(vec)->len++] = (__VA_ARGS__);                                        \
	} while (0)

/* A zeroed item at the end; the pointer is good until the next push. */
#define vec_add(arena, vec)                                                                        \
	({                                                                                         \
		vec_reserve((arena), (vec), (vec)->len + 1);                                       \
		memset(&(vec)->items[(vec)->len], 0, sizeof *(vec)->items);                        \
		&(vec)->items[(vec)->len++];                                                       \
	})

/* type cannot stand in parentheses where it declares. NOLINTBEGIN(bugprone-macro-parentheses) */
#define vec_each(type, item, vec)                                                                  \
	for (type *item = (vec)->items; item && item < (vec)->items + (vec)->len; item++)
/* NOLINTEND(bugprone-macro-parentheses) */
