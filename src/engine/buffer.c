#include "engine/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"

enum { FIRST_BYTES = 4096 };

void buffer_fini(struct buffer *buffer)
{
	free(buffer->ptr);
	*buffer = (struct buffer){0};
}

bool buffer_grow(struct buffer *buffer, size_t more)
{
	size_t want;
	if (buffer->failed || !checked_add(buffer->len, more, &want) || want > SIZE_MAX / 2) {
		buffer->failed = true;
		return false;
	}
	size_t cap = max_of(max_of(want, buffer->cap * 2), (size_t)FIRST_BYTES);
	char *ptr = realloc(buffer->ptr, cap);
	if (!ptr) {
		buffer->failed = true;
		return false;
	}
	buffer->ptr = ptr;
	buffer->cap = cap;
	return true;
}

void buffer_printf(struct buffer *buffer, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (len > 0)
		buffer_add(buffer, text, min_of((size_t)len, sizeof text - 1));
}
