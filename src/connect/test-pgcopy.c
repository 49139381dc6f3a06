#include "base/testing.h"

#include "connect/pgcopy.h"
#include "engine/engine.h"

struct row {
	uint32_t oid;
	struct slice bytes;
	const char *text; /* NULL = refused */
};

#define ARRAY_HEAD(dimensions, element)                                                            \
	"\0\0\0" dimensions "\0\0\0\0"                                                             \
	"\0\0\0" element

static const struct row ROWS[] = {
	/* numeric: groups, weight, sign, scale */
	{1700, SLICE("\0\1\0\0\0\0\0\0\0\7"), "7"},
	{1700, SLICE("\0\0\0\0\0\0\0\0"), "0"},
	{1700, SLICE("\0\0\0\0\0\0\0\2"), "0.00"},
	{1700, SLICE("\0\1\0\1\0\0\0\0\0\1"), "10000"},
	{1700, SLICE("\0\1\xff\xff\x40\0\0\2\x04\xd2"), "-0.12"},
	{1700, SLICE("\0\1\xff\xfe\0\0\0\6\0\x64"), "0.000001"},
	{1700, SLICE("\0\0\0\0\xc0\0\0\0"), "NaN"},
	{1700, SLICE("\0\1\0\0\0\0\0\0\x27\x10"), NULL}, /* a group of 10000 */
	{1700, SLICE("\0\2\0\0\0\0\0\0\0\7"), NULL},
	{1700, SLICE("\xff\xff\0\0\0\0\0\0"), NULL},
	{1700, SLICE(""), NULL},
	{2950, SLICE("\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11"),
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	{2950, SLICE("\xa0"), NULL},
	{1007, SLICE("\0\0\0\0\0\0\0\0\0\0\0\x17"), "[]"},
	{1007, SLICE(ARRAY_HEAD("\1", "\x17") "\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\5\xff\xff\xff\xff"),
		"[5,null]"},
	{1007,
		SLICE(ARRAY_HEAD("\2", "\x17") "\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\5\0"
					       "\0\0\4\0\0\0\6"),
		"[[5,6]]"},
	{1007, SLICE(ARRAY_HEAD("\1", "\x17") "\x7f\xff\xff\xff\0\0\0\1"), NULL},
	{1007, SLICE(ARRAY_HEAD("\x7f", "\x17") "\0\0\0\1\0\0\0\1"), NULL},
	{1007, SLICE(ARRAY_HEAD("\1", "\x17") "\0\0\0\1\0\0\0\1\0\0\0\2\0\5"), NULL},
	{1007, SLICE(ARRAY_HEAD("\2", "\x17") "\x7f\xff\xff\xff\0\0\0\1\x7f\xff\xff\xff\0\0\0\1"),
		NULL},
	/* an element type that is no element, an array in an array, bytes that are no text */
	{1007, SLICE(ARRAY_HEAD("\1", "\x11") "\0\0\0\1\0\0\0\1\0\0\0\1\5"), NULL},
	{1007, SLICE("\0\0\0\1\0\0\0\0\0\0\3\xef\0\0\0\1\0\0\0\1\0\0\0\1\5"), NULL},
	{1009, SLICE(ARRAY_HEAD("\1", "\x19") "\0\0\0\1\0\0\0\1\0\0\0\1\xff"), NULL},
	{1009, SLICE(ARRAY_HEAD("\1", "\x19") "\0\0\0\1\0\0\0\7\0\0\0\3\"\n\1"),
		"[\"\\\"\\n\\u0001\"]"},
	{16, SLICE("\1"), NULL}, /* travels as itself */
	{424242, SLICE("\1"), NULL},
};

static void test_texts(void **state)
{
	struct arena *arena = arena_new();
	(void)state;

	for (size_t i = 0; i < array_len(ROWS); i++) {
		const struct row *row = &ROWS[i];
		struct pgcopy_column column = {SLICE("c"), row->oid};
		struct str text = str_in(arena);
		struct error err;
		bool ok = pgcopy_print(&column, row->bytes, &text, &err);

		if (ok != (row->text != NULL) ||
			(ok && !slice_equal_c(str_slice(&text), row->text)))
			fail_msg("row %zu: %s", i, ok ? text.ptr : "refused");
	}
	arena_free(&arena);
}

/* Values that the engine takes as they are; what it prints of them. */
static const struct row VALUES[] = {
	{16, SLICE("\1"), "true"},
	{16, SLICE("\1\1"), NULL},
	{20, SLICE("\x80\0\0\0\0\0\0\0"), "-9223372036854775808"},
	{20, SLICE("\x80"), NULL},
	{25, SLICE("\xff"), NULL},
	{1082, SLICE("\0\0\0\0"), "2000-01-01"},
	{1082, SLICE("\x7f\xff\xff\xff"), "infinity"},
	{1082, SLICE("\x80\0\0\0"), "-infinity"},
	{1082, SLICE("\x7f\xff\xff\xfe"), NULL},
	{1082, SLICE("\x7f\xff\xd5\x32"), NULL}, /* would be infinity */
	{1083, SLICE("\0\0\0\x14\x1d\xd7\x60\0"), "24:00:00"},
	{1083, SLICE("\0\0\0\x14\x1d\xd7\x60\1"), NULL},
	{1083, SLICE("\xff\xff\xff\xff\xff\xff\xff\xff"), NULL},
	{1114, SLICE("\0\0\0\0\0\0\0\0"), "2000-01-01 00:00:00"},
	{1114, SLICE("\x7f\xff\xff\xff\xff\xff\xff\xff"), "infinity"},
	{1114, SLICE("\x7f\xff\xff\xff\xff\xff\xff\xfe"), NULL},
	{1186, SLICE("\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\3"), "3 months 2 days 00:00:00.000001"},
	{1186, SLICE("\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff"), NULL},
	{3802, SLICE("\1{}"), "{}"},
	{3802, SLICE("\2{}"), NULL},
	{2950, SLICE("\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11"),
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
};

static bool append_one(struct engine *engine, const struct row *row, struct arena *arena)
{
	scoped(engine_append_free) struct engine_appender *to = NULL;
	struct pgcopy_column column = {SLICE("c"), row->oid};
	struct error err;

	assert_true(engine_run(engine,
		arena_printf(arena, "CREATE OR REPLACE TABLE t (c %s)", pgcopy_type(row->oid)),
		&err));
	assert_true(engine_append_open(engine, SLICE_NONE, SLICE_NONE, SLICE("t"), &to, &err));
	return pgcopy_append(to, &column, row->bytes, arena, &err) &&
	       engine_append_end_row(to, &err) && engine_append_close(to, &err);
}

static void test_values(void **state)
{
	struct arena *arena = arena_new();
	struct engine_options options = {.threads = 1, .time_zone = "UTC"};
	struct engine *engine;
	struct error err;
	(void)state;

	assert_true(engine_open(&options, &engine, &err));
	for (size_t i = 0; i < array_len(VALUES); i++) {
		scoped(engine_result_free) struct engine_result *result = NULL;
		bool ok = append_one(engine, &VALUES[i], arena);
		size_t rows;

		if (ok != (VALUES[i].text != NULL))
			fail_msg("row %zu: %s", i, ok ? "taken" : "refused");
		if (!ok)
			continue;
		assert_true(engine_query(engine, SLICE("SELECT c::VARCHAR FROM t"), &result, &err));
		assert_true(engine_result_next(result, &rows, &err));
		struct slice text = engine_value_text(result, arena, 0, 0);

		if (!slice_equal_c(text, VALUES[i].text))
			fail_msg("row %zu: %.*s", i, (int)text.len, text.ptr);
	}
	engine_close(&engine);
	arena_free(&arena);
}

#define HEADER "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"

static void test_stream(void **state)
{
	struct slice message = SLICE(HEADER "\0\2\0\0\0\1x\xff\xff\xff\xff");
	struct slice cut = SLICE(HEADER);
	struct slice lies = SLICE("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\1");
	struct pgcopy_row row;
	struct slice value;
	struct error err;
	(void)state;

	assert_true(pgcopy_skip_header(&message, &err));
	assert_false(pgcopy_row_begin(message, 3, &row, &err));
	assert_true(pgcopy_row_begin(message, 2, &row, &err));
	assert_true(pgcopy_row_next(&row, &value, &err) && slice_equal_c(value, "x"));
	assert_true(pgcopy_row_next(&row, &value, &err) && slice_is_none(value));
	assert_false(pgcopy_row_next(&row, &value, &err));
	cut.len--;
	assert_false(pgcopy_skip_header(&cut, &err));
	assert_false(pgcopy_skip_header(&lies, &err));
	assert_true(pgcopy_row_begin(SLICE("\xff\xff"), 2, &row, &err) && row.end);
	assert_true(pgcopy_row_begin(SLICE("\0\1\0\0\0\5abc"), 1, &row, &err));
	assert_false(pgcopy_row_next(&row, &value, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts),
		cmocka_unit_test(test_values), cmocka_unit_test(test_stream)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
