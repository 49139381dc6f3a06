#include "arrow/scrub.h"

#include <nanoarrow/nanoarrow.h>
#include <string.h>

/* The view promises not to write; the buffers are the caller's own. */
static uint8_t *writable(const struct ArrowBufferView *buffer)
{
	union {
		const uint8_t *read;
		uint8_t *write;
	} bytes = {buffer->data.as_uint8};

	return bytes.write;
}

static int64_t offset_at(const struct ArrowArrayView *view, int buffer, int64_t i)
{
	const struct ArrowBufferView *offsets = &view->buffer_views[buffer];

	return view->layout.element_size_bits[buffer] == 64 ? offsets->data.as_int64[i]
							    : offsets->data.as_int32[i];
}

/* The buffer of offsets, or -1. */
static int offsets_of(const struct ArrowArrayView *view)
{
	for (int b = 0; b < NANOARROW_MAX_FIXED_BUFFERS; b++)
		if (view->layout.buffer_type[b] == NANOARROW_BUFFER_TYPE_DATA_OFFSET &&
			view->buffer_views[b].data.data)
			return b;
	return -1;
}

static void clear_bits(uint8_t *bits, int64_t from, int64_t count)
{
	for (int64_t i = from; i < from + count; i++)
		ArrowBitClear(bits, i);
}

static void clear_bytes(const struct ArrowBufferView *buffer, int64_t from, int64_t count)
{
	if (from >= 0 && count > 0 && from + count <= buffer->size_bytes)
		memset(writable(buffer) + from, 0, (size_t)count);
}

static void clear_buffer(const struct ArrowArrayView *view, int b, int64_t from, int64_t count)
{
	const struct ArrowBufferView *buffer = &view->buffer_views[b];
	int64_t bits = view->layout.element_size_bits[b];
	int offsets = offsets_of(view);

	if (!buffer->data.data || view->layout.buffer_type[b] != NANOARROW_BUFFER_TYPE_DATA)
		return;
	if (bits == 1) {
		clear_bits(writable(buffer), from, count);
	} else if (bits > 1) {
		clear_bytes(buffer, from * bits / 8, count * bits / 8);
	} else if (offsets >= 0) {
		int64_t begin = offset_at(view, offsets, from);
		clear_bytes(buffer, begin, offset_at(view, offsets, from + count) - begin);
	}
}

/* Everything of the elements [from, from + count), down to the leaves. */
static void clear(struct ArrowArrayView *view, int64_t from, int64_t count)
{
	int offsets = offsets_of(view);
	int64_t each = view->layout.child_size_elements;

	from += view->offset;
	for (int b = 0; b < NANOARROW_MAX_FIXED_BUFFERS; b++)
		clear_buffer(view, b, from, count);
	for (int64_t i = 0; i < view->n_children; i++) {
		if (view->storage_type == NANOARROW_TYPE_STRUCT)
			clear(view->children[i], from, count);
		else if (view->storage_type == NANOARROW_TYPE_FIXED_SIZE_LIST)
			clear(view->children[i], from * each, count * each);
		else if (offsets >= 0)
			clear(view->children[i], offset_at(view, offsets, from),
				offset_at(view, offsets, from + count) -
					offset_at(view, offsets, from));
	}
}

/* The bits of the last byte that belong to no element. */
static void clear_tail(struct ArrowArrayView *view)
{
	int64_t end = view->offset + view->length;

	for (int b = 0; b < NANOARROW_MAX_FIXED_BUFFERS; b++) {
		const struct ArrowBufferView *buffer = &view->buffer_views[b];
		if (view->layout.element_size_bits[b] == 1 && buffer->data.data && end % 8 != 0 &&
			end / 8 < buffer->size_bytes)
			clear_bits(writable(buffer), end, 8 - end % 8);
	}
}

void arrow_scrub(struct ArrowArrayView *view)
{
	if (view->null_count != 0 && view->buffer_views[0].data.data)
		for (int64_t i = 0; i < view->length; i++)
			if (ArrowArrayViewIsNull(view, i))
				clear(view, i, 1);
	clear_tail(view);
	for (int64_t i = 0; i < view->n_children; i++)
		arrow_scrub(view->children[i]);
}
