#include "base/testing.h"

#include <stdio.h>
#include <zlib.h>

#include "api/gzip.h"
#include "api/stream.h"

static void test_who_takes_it(void **state)
{
	static const struct {
		const char *header;
		bool taken;
	} rows[] = {
		{NULL, false},
		{"", false},
		{"gzip", true},
		{"GZIP;q=0.1", true},
		{"br;q=1, gzip", true},
		{"x-gzip", true},
		{"*", true},
		{"*;q=0", false},
		{"gzip;q=0", false},
		{"gzip; q=0.0, *", false},
		{"*;q=0, gzip", true},
		{"identity", false},
		{"gzippo", false},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++)
		assert_int_equal(gzip_accepted(slice_from_c(rows[i].header)), rows[i].taken);
}

/* Gives `count` lines, one at a call, then `end`. */
struct lines {
	int count;
	int given;
	ssize_t end;
};

static ssize_t next_line(void *ctx, char *buffer, size_t max)
{
	struct lines *lines = ctx;

	if (lines->given == lines->count)
		return lines->end;
	return snprintf(buffer, max, "line %d\n", lines->given++);
}

static size_t unpack(z_stream *z, const char *packed, size_t len, char *out, size_t max)
{
	z->next_in = (unsigned char *)(uintptr_t)packed;
	z->avail_in = (unsigned)len;
	z->next_out = (unsigned char *)out;
	z->avail_out = (unsigned)max;
	assert_true(inflate(z, Z_SYNC_FLUSH) >= 0);
	return max - z->avail_out;
}

/* A line is there before the source is asked for the next one: logs are followed so. */
static void test_lines_come_one_by_one(void **state)
{
	struct lines lines = {.count = 50, .end = STREAM_END};
	struct gzip *gzip = gzip_new(next_line, &lines);
	z_stream z = {0};
	char packed[256];
	char text[4096];
	size_t seen = 0;
	ssize_t len = 0;

	(void)state;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	while ((len = gzip_read(gzip, packed, sizeof packed)) > 0) {
		seen += unpack(&z, packed, (size_t)len, text + seen, sizeof text - seen);
		if (lines.given > 0 && lines.given < lines.count) {
			char last[32];

			snprintf(last, sizeof last, "line %d\n", lines.given - 1);
			assert_true(slice_ends_with(slice_of(text, seen), slice_from_c(last)));
		}
	}
	assert_int_equal(len, STREAM_END);
	assert_int_equal(gzip_read(gzip, packed, sizeof packed), STREAM_END);
	assert_int_equal(seen, 10 * 7 + 40 * 8);
	inflateEnd(&z);
	gzip_free(&gzip);
}

static void test_small_rooms(void **state)
{
	(void)state;
	for (size_t room = 8; room < 60; room++) {
		struct lines lines = {.count = 30, .end = STREAM_END};
		struct gzip *gzip = gzip_new(next_line, &lines);
		z_stream z = {0};
		char packed[64];
		char text[1024];
		size_t seen = 0;
		ssize_t len = 0;

		assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
		while ((len = gzip_read(gzip, packed, room)) > 0)
			seen += unpack(&z, packed, (size_t)len, text + seen, sizeof text - seen);
		assert_int_equal(len, STREAM_END);
		assert_int_equal(seen, 10 * 7 + 20 * 8);
		inflateEnd(&z);
		gzip_free(&gzip);
	}
}

static void test_a_broken_source_stays_broken(void **state)
{
	struct lines lines = {.count = 3, .end = STREAM_BROKEN};
	struct gzip *gzip = gzip_new(next_line, &lines);
	char packed[256];
	ssize_t len = 0;

	(void)state;
	while ((len = gzip_read(gzip, packed, sizeof packed)) > 0)
		;
	assert_int_equal(len, STREAM_BROKEN);
	gzip_free(&gzip);
}

static void test_texts(void **state)
{
	scoped(arena_free) struct arena *arena = arena_new();

	(void)state;
	for (size_t len = 0; len < 100000; len = len * 3 + 1) {
		char *text = arena_alloc(arena, len + 1);
		char *back = arena_alloc(arena, len + 1);
		struct str packed = str_in(arena);
		z_stream z = {0};

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(i * 7919 >> 3);
		gzip_text(slice_of(text, len), &packed);
		assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
		assert_int_equal(
			unpack(&z, str_slice(&packed).ptr, str_slice(&packed).len, back, len + 1),
			len);
		assert_memory_equal(text, back, len);
		inflateEnd(&z);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_takes_it),
		cmocka_unit_test(test_lines_come_one_by_one),
		cmocka_unit_test(test_small_rooms),
		cmocka_unit_test(test_a_broken_source_stays_broken),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
