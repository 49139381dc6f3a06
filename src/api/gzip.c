#include "api/gzip.h"

#include <stdlib.h>
#include <zlib.h>

#include "api/request.h"
#include "api/stream.h"
#include "base/check.h"

/* Fast rather than small: two processors pack 100 MB a second each so. */
enum { LEVEL = 1, GZIP_WINDOW = 15 + 16, MEMORY = 8, BLOCK_BYTES = 64 * 1024 };

struct gzip {
	gzip_source_fn source;
	void *ctx;
	z_stream z;
	bool ended;  /* the source is at its end */
	bool closed; /* so is what was packed */
	char block[BLOCK_BYTES];
};

bool gzip_accepted(struct slice accept_encoding)
{
	bool any = false;

	while (!slice_is_none(accept_encoding)) {
		struct slice parameters = slice_split(&accept_encoding, ',');
		struct slice name = slice_trim(slice_split(&parameters, ';'));

		if (slice_equal_nocase(name, SLICE("gzip")) ||
			slice_equal_nocase(name, SLICE("x-gzip")))
			return request_quality(parameters) > 0;
		any |= slice_equal_c(name, "*") && request_quality(parameters) > 0;
	}
	return any;
}

static void begin(z_stream *z)
{
	check(deflateInit2(z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK);
}

struct gzip *gzip_new(gzip_source_fn source, void *ctx)
{
	struct gzip *gzip = calloc(1, sizeof *gzip);

	check(gzip);
	gzip->source = source;
	gzip->ctx = ctx;
	begin(&gzip->z);
	return gzip;
}

void gzip_free(struct gzip **gzip)
{
	if (!*gzip)
		return;
	deflateEnd(&(*gzip)->z);
	free(*gzip);
	*gzip = NULL;
}

/* The next block of the source; false when it broke off. */
static bool refill(struct gzip *gzip)
{
	ssize_t len = gzip->source(gzip->ctx, gzip->block, BLOCK_BYTES);

	gzip->ended = len == STREAM_END;
	gzip->z.next_in = (unsigned char *)gzip->block;
	gzip->z.avail_in = len > 0 ? (unsigned)len : 0;
	return len > 0 || gzip->ended;
}

ssize_t gzip_read(struct gzip *gzip, char *buffer, size_t max)
{
	z_stream *z = &gzip->z;

	z->next_out = (unsigned char *)buffer;
	z->avail_out = (unsigned)max;
	while (z->avail_out == max && !gzip->closed) {
		/* A flush that found no room goes on with the next call. */
		int result = deflate(z, gzip->ended ? Z_FINISH : Z_SYNC_FLUSH);

		gzip->closed = result == Z_STREAM_END;
		check(result == Z_OK || result == Z_BUF_ERROR || gzip->closed);
		if (z->avail_out == max && !gzip->closed && !refill(gzip))
			return STREAM_BROKEN;
	}
	return z->avail_out == max ? STREAM_END : (ssize_t)(max - z->avail_out);
}

void gzip_text(struct slice text, struct str *out)
{
	z_stream z = {0};

	begin(&z);
	size_t most = deflateBound(&z, text.len);
	char *packed = arena_alloc(out->arena, most);

	z.next_in = (unsigned char *)(uintptr_t)text.ptr;
	z.avail_in = (unsigned)text.len;
	z.next_out = (unsigned char *)packed;
	z.avail_out = (unsigned)most;
	check(deflate(&z, Z_FINISH) == Z_STREAM_END);
	str_add(out, slice_of(packed, most - z.avail_out));
	deflateEnd(&z);
}
