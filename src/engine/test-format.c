#include "base/testing.h"
#include "engine/format.h"

/* What PostgreSQL 15 answers. */
struct row {
	const char *value;
	const char *template;
	const char *expected;
};

static const struct row numbers[] = {
	{"1234.5", "9999.99", " 1234.50"},
	{"1234.5", "9,999.99", " 1,234.50"},
	{"-1234.5", "FM9,999.00", "-1,234.50"},
	{"5", "000", " 005"},
	{"0.5", "FM0.99", "0.5"},
	{"0.1", "0.9", " 0.1"},
	{"-0.1", "99.99", "  -.10"},
	{"-0.1", "FM9.99", "-.1"},
	{"0.1", "FM9.99", ".1"},
	{"12", "FM9990999.9", "0012."},
	{"0", "999", "   0"},
	{"0", "FM999", "0"},
	{"485", "999", " 485"},
	{"-485", "999", "-485"},
	{"1485", "9,999", " 1,485"},
	{"148.5", "999.999", " 148.500"},
	{"-485", "999S", "485-"},
	{"485", "999S", "485+"},
	{"-485", "999MI", "485-"},
	{"485", "999MI", "485 "},
	{"485", "FM999MI", "485"},
	{"485", "PL999", "+ 485"},
	{"12345", "999", " ###"},
	{"999.9", "999", " ###"},
	{"1e+06", "FM9999999", "1000000"},
	{"2.5", "9", " 3"},
	{"x", "9", " #"},
};

static const struct row times[] = {
	{"2026-05-07 13:04:05", "YYYY-MM-DD HH24:MI:SS", "2026-05-07 13:04:05"},
	{"2026-05-07 13:04:05", "Day, DD Month YYYY", "Thursday , 07 May       2026"},
	{"2026-05-07", "FMDay, FMDD FMMonth", "Thursday, 7 May"},
	{"2026-05-07", "MON mon Mon DY", "MAY may May THU"},
	{"2026-05-07 13:04:05.678", "SS.MS US", "05.678 678000"},
	{"2026-05-07", "IYYY-IW-ID Q DDD D W WW CC J", "2026-19-4 2 127 5 1 19 21 2461168"},
	{"2027-01-01", "IYYY-IW", "2026-53"},
	{"2026-05-07 00:30:00", "HH12:MI am A.M.", "12:30 am A.M."},
	{"2026-05-01", "DDth", "01st"},
	{"2026-05-11", "FMDDth TH", "11th TH"},
	{"2026-05-07 10:00:00+02", "OF TZ", "+02 +02"},
	{"2026-05-07", "\"Y\"YYYY \"open", "Y2026 open"},
	{"13:04:05", "HH24-MI", "13-04"},
	{"", "YYYY", NULL},
	{"2026-13-01", "YYYY", NULL},
};

static const struct row read_times[] = {
	{"2026-05-07", "YYYY-MM-DD", "1778112000000000"},
	{"20260507", "YYYYMMDD", "1778112000000000"},
	{"07 May 2026", "DD Mon YYYY", "1778112000000000"},
	{"7/5/26", "DD/MM/YY", "1778112000000000"},
	{"2026-05-07 01:04:05.5 PM", "YYYY-MM-DD HH12:MI:SS.MS AM", "1778159045500000"},
	{"2026-127", "YYYY-DDD", "1778112000000000"},
	{"2026-02-30", "YYYY-MM-DD", NULL},
	{"x", "YYYY", NULL},
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(numbers); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct str out = str_in(arena);

		format_number(
			&out, slice_from_c(numbers[i].value), slice_from_c(numbers[i].template));
		assert_string_equal(arena_cstr(arena, str_slice(&out)), numbers[i].expected);
	}
}

static void test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(times); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct str out = str_in(arena);
		bool ok = format_timestamp(
			&out, slice_from_c(times[i].value), slice_from_c(times[i].template));

		assert_int_equal(ok, times[i].expected != NULL);
		if (ok)
			assert_string_equal(arena_cstr(arena, str_slice(&out)), times[i].expected);
	}
}

static void test_read_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(read_times); i++) {
		int64_t us = 0;
		int64_t expected = 0;
		bool ok = format_read_timestamp(slice_from_c(read_times[i].value),
			slice_from_c(read_times[i].template), &us);

		assert_int_equal(ok, read_times[i].expected != NULL);
		if (ok)
			assert_true(slice_to_i64(slice_from_c(read_times[i].expected), &expected));
		assert_int_equal(us, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_read_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
