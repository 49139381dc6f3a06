/*
 * Rows lie one behind the other. The index has an entry where a block begins; a block is read whole
 * and its rows are found by the lengths in their messages, which is also how a block is read
 * backward.
 */
#include "server/pg-spool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/num.h"
#include "base/tmpfile.h"
#include "base/vec.h"

enum { BLOCK_ROWS = 256, BLOCK_BYTES = 64 << 10, HEAD_BYTES = 5 };

struct block {
	uint64_t row;
	uint64_t offset;
};

struct pg_spool {
	int fd;
	struct pg_spool_budget *budgets[PG_SPOOL_BUDGETS];
	struct block *blocks;
	size_t block_count;
	size_t block_room;
	uint64_t rows;
	uint64_t bytes;
};

/* One row in a block: its two messages. */
struct pair {
	struct slice text;
	struct slice binary;
};

bool pg_spool_new(const char *folder, struct pg_spool_budget *const budgets[PG_SPOOL_BUDGETS],
	struct pg_spool **out, struct error *err)
{
	int fd = -1;

	if (!tmpfile_open(folder, &fd, err))
		return false;
	struct pg_spool *spool = calloc(1, sizeof *spool);

	check(spool);
	spool->fd = fd;
	for (size_t i = 0; i < PG_SPOOL_BUDGETS; i++)
		spool->budgets[i] = budgets[i];
	*out = spool;
	return true;
}

void pg_spool_free(struct pg_spool **spool)
{
	struct pg_spool *self = *spool;

	*spool = NULL;
	if (!self)
		return;
	for (size_t i = 0; i < PG_SPOOL_BUDGETS; i++)
		if (self->budgets[i])
			atomic_fetch_sub(&self->budgets[i]->used, self->bytes);
	close(self->fd);
	free(self->blocks);
	free(self);
}

uint64_t pg_spool_count(const struct pg_spool *spool)
{
	return spool->rows;
}

/* Charged before it is written; what was charged is given back by pg_spool_free. */
static bool charge(struct pg_spool *spool, uint64_t bytes, struct error *err)
{
	uint64_t full = 0;

	for (size_t i = 0; i < PG_SPOOL_BUDGETS; i++) {
		struct pg_spool_budget *budget = spool->budgets[i];
		uint64_t used = budget ? atomic_fetch_add(&budget->used, bytes) + bytes : 0;

		if (budget && budget->limit && used > budget->limit)
			full = budget->limit;
	}
	spool->bytes += bytes;
	if (!full)
		return true;
	error_set(err, LIMIT_EXCEEDED, "cursors keep more than %llu bytes of rows",
		(unsigned long long)full);
	return error_hint(err, "CLOSE other cursors, select less, or declare it NO SCROLL "
			       "WITHOUT HOLD: its rows are then not kept (setting query.spill).");
}

static bool write_all(struct pg_spool *spool, struct slice bytes, struct error *err)
{
	uint64_t at = spool->bytes - bytes.len;

	while (bytes.len) {
		ssize_t n = pwrite(spool->fd, bytes.ptr, bytes.len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set_errno(err, n ? errno : ENOSPC, "keep a cursor's rows");
		bytes = slice_sub(bytes, (size_t)n, bytes.len);
		at += (uint64_t)n;
	}
	return true;
}

static uint32_t be32(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Cuts one DataRow from the front; none when there is no whole one. */
static struct slice take_message(struct slice *rest)
{
	if (rest->len < HEAD_BYTES + 2 || rest->ptr[0] != 'D')
		return SLICE_NONE;
	uint64_t len = (uint64_t)be32(rest->ptr + 1) + 1;

	if (len < HEAD_BYTES + 2 || len > rest->len)
		return SLICE_NONE;
	struct slice message = slice_sub(*rest, 0, (size_t)len);

	*rest = slice_sub(*rest, (size_t)len, rest->len);
	return message;
}

static bool take_pair(struct slice *rest, struct pair *out, struct error *err)
{
	out->text = take_message(rest);
	out->binary = take_message(rest);
	return !slice_is_none(out->binary) ||
	       error_set(err, INTERNAL_ERROR, "a cursor's rows are not whole messages");
}

static void begin_block(struct pg_spool *spool, uint64_t offset)
{
	size_t room = max_of(spool->block_room * 2, (size_t)64);
	struct block *blocks = spool->blocks;

	if (spool->block_count == spool->block_room) {
		blocks = reallocarray(blocks, room, sizeof *blocks);
		spool->blocks = blocks;
		spool->block_room = room;
	}
	check(blocks);
	blocks[spool->block_count++] = (struct block){spool->rows, offset};
}

bool pg_spool_add(struct pg_spool *spool, struct slice rows, struct error *err)
{
	uint64_t offset = spool->bytes;
	struct slice rest = rows;
	struct pair pair;

	if (!charge(spool, rows.len, err) || !write_all(spool, rows, err))
		return false;
	while (rest.len) {
		const struct block *last =
			spool->block_count ? &spool->blocks[spool->block_count - 1] : NULL;
		size_t before = rest.len;

		if (!take_pair(&rest, &pair, err))
			return false;
		if (!last || spool->rows - last->row >= BLOCK_ROWS ||
			offset - last->offset >= BLOCK_BYTES)
			begin_block(spool, offset);
		spool->rows++;
		offset += before - rest.len;
	}
	return true;
}

/* The block that holds a row. */
static size_t find_block(const struct pg_spool *spool, uint64_t row)
{
	size_t low = 0;
	size_t high = spool->block_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (spool->blocks[middle].row <= row)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static bool read_block(struct pg_spool *spool, size_t index, struct arena *arena, struct slice *out,
	struct error *err)
{
	uint64_t at = spool->blocks[index].offset;
	uint64_t end =
		index + 1 < spool->block_count ? spool->blocks[index + 1].offset : spool->bytes;
	size_t len = (size_t)(end - at);
	char *bytes = arena_alloc(arena, len);

	for (size_t done = 0; done < len;) {
		ssize_t n = pread(spool->fd, bytes + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set_errno(err, n ? errno : EIO, "read a cursor's rows back");
		done += (size_t)n;
	}
	*out = slice_of(bytes, len);
	return true;
}

/* A field with its length word; none when the message is too short. */
static struct slice take_field(struct slice *rest)
{
	if (rest->len < 4)
		return SLICE_NONE;
	uint32_t len = be32(rest->ptr);
	uint64_t whole = len == UINT32_MAX ? 4 : (uint64_t)len + 4;

	if (whole > rest->len)
		return SLICE_NONE;
	struct slice field = slice_sub(*rest, 0, (size_t)whole);

	*rest = slice_sub(*rest, (size_t)whole, rest->len);
	return field;
}

/* The row with each field in the format that was asked for. */
static struct slice merge(struct arena *arena, const struct pair *pair, const int16_t *formats)
{
	struct slice text = slice_sub(pair->text, HEAD_BYTES + 2, pair->text.len);
	struct slice binary = slice_sub(pair->binary, HEAD_BYTES + 2, pair->binary.len);
	size_t count = (size_t)(be32(pair->text.ptr + 3) & 0xffff);
	bool all[2] = {true, true};

	for (size_t i = 0; i < count; i++)
		all[formats[i] == 1 ? 0 : 1] = false;
	if (all[0])
		return pair->text;
	if (all[1])
		return pair->binary;
	char *out = arena_alloc(arena, pair->text.len + pair->binary.len);
	size_t len = HEAD_BYTES + 2;

	memcpy(out, pair->text.ptr, len);
	for (size_t i = 0; i < count; i++) {
		struct slice fields[2] = {take_field(&text), take_field(&binary)};
		struct slice field = fields[formats[i] == 1];

		if (slice_is_none(field))
			return SLICE_NONE;
		memcpy(out + len, field.ptr, field.len);
		len += field.len;
	}
	for (size_t i = 0; i < 4; i++)
		out[1 + i] = (char)((len - 1) >> (8 * (3 - i)));
	return slice_of(out, len);
}

/* The rows [from, to) of the block at index. */
static bool give_block(struct pg_spool *spool, size_t index, const struct pg_spool_range *range,
	const struct pg_spool_sink *sink, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	uint64_t first = spool->blocks[index].row;
	struct slice rest = SLICE_NONE;
	VEC(struct pair) pairs = {0};

	if (!read_block(spool, index, arena, &rest, err))
		return false;
	while (rest.len) {
		struct pair pair;

		if (!take_pair(&rest, &pair, err))
			return false;
		vec_push(arena, &pairs, pair);
	}
	uint64_t from = range->from > first ? range->from - first : 0;
	uint64_t to = min_of(range->from + range->count - first, (uint64_t)pairs.len);

	for (uint64_t i = from; i < to; i++) {
		const struct pair *pair = &pairs.items[range->backward ? to - 1 - (i - from) : i];
		struct arena_mark mark = arena_mark(arena);
		struct slice message = merge(arena, pair, range->formats);

		if (slice_is_none(message))
			return error_set(err, INTERNAL_ERROR, "a cursor's row is cut off");
		if (!sink->row(sink->ctx, message, err))
			return false;
		arena_rewind(arena, mark);
	}
	return true;
}

bool pg_spool_read(struct pg_spool *spool, const struct pg_spool_range *range,
	const struct pg_spool_sink *sink, struct error *err)
{
	if (range->count == 0)
		return true;
	check(range->from + range->count <= spool->rows);
	size_t first = find_block(spool, range->from);
	size_t last = find_block(spool, range->from + range->count - 1);

	for (size_t i = 0; i <= last - first; i++)
		if (!give_block(spool, range->backward ? last - i : first + i, range, sink, err))
			return false;
	return true;
}
