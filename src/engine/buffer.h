#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attrs.h"
#include "base/slice.h"

/*
 * Bytes of an answer on their way out: one heap block that grows and is used again for each frame.
 * Sticky: when there is no memory, adds do nothing and failed stays set until buffer_clear.
 */
struct buffer {
	char *ptr;
	size_t len;
	size_t cap;
	bool failed;
};

void buffer_fini(struct buffer *buffer);
static inline void buffer_clear(struct buffer *buffer)
{
	buffer->len = 0;
	buffer->failed = false;
}
/* Room for more bytes behind len; false when there is none. */
bool buffer_grow(struct buffer *buffer, size_t more);

static inline bool buffer_reserve(struct buffer *buffer, size_t more)
{
	return buffer->cap - buffer->len >= more || buffer_grow(buffer, more);
}

static inline void buffer_add(struct buffer *buffer, const void *bytes, size_t len)
{
	if (len == 0 || !buffer_reserve(buffer, len))
		return;
	memcpy(buffer->ptr + buffer->len, bytes, len);
	buffer->len += len;
}

static inline void buffer_add_slice(struct buffer *buffer, struct slice bytes)
{
	buffer_add(buffer, bytes.ptr, bytes.len);
}

static inline void buffer_add_c(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

static inline void buffer_add_char(struct buffer *buffer, char c)
{
	buffer_add(buffer, &c, 1);
}

void buffer_printf(struct buffer *buffer, const char *fmt, ...) printf_like(2, 3);

/* Network byte order, as in PostgreSQL's protocol. */
static inline void buffer_add_be16(struct buffer *buffer, uint16_t value)
{
	unsigned char b[] = {(unsigned char)(value >> 8), (unsigned char)value};
	buffer_add(buffer, b, sizeof b);
}

static inline void buffer_add_be32(struct buffer *buffer, uint32_t value)
{
	value = __builtin_bswap32(value);
	buffer_add(buffer, &value, sizeof value);
}

static inline void buffer_add_be64(struct buffer *buffer, uint64_t value)
{
	value = __builtin_bswap64(value);
	buffer_add(buffer, &value, sizeof value);
}

/* Overwrites a length that was left open at offset. */
static inline void buffer_set_be32(struct buffer *buffer, size_t offset, uint32_t value)
{
	value = __builtin_bswap32(value);
	if (offset + sizeof value <= buffer->len)
		memcpy(buffer->ptr + offset, &value, sizeof value);
}
