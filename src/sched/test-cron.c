/* Schedules: fields, odd calendars, and both kinds of clock change. */
#include "base/testing.h"

#include <time.h>

#include "base/clock.h"
#include "sched/cron.h"

static int64_t utc(const char *text)
{
	struct tm parts = {0};

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &parts));
	return (int64_t)timegm(&parts) * 1000000;
}

static void test_next(void **state)
{
	static const struct {
		const char *cron;
		const char *zone;
		const char *after;
		const char *next; /* UTC */
	} rows[] = {
		{"* * * * *", "UTC", "2026-01-31 23:59:30", "2026-02-01T00:00:00.000000Z"},
		{"*/15 * * * *", "UTC", "2026-01-31 23:50:00", "2026-02-01T00:00:00.000000Z"},
		{"0 0 29 2 *", "UTC", "2097-01-01 00:00:00", "2104-02-29T00:00:00.000000Z"},
		{"30 4 * * 1-5", "UTC", "2026-11-20 04:30:00", "2026-11-23T04:30:00.000000Z"},
		{"0 12 13 * fri", "UTC", "2026-11-22 00:00:00", "2026-11-27T12:00:00.000000Z"},
		{"0 12 1 jan,jul 7", "UTC", "2026-11-22 00:00:00", "2027-01-01T12:00:00.000000Z"},
		{"0 0 * * 7", "UTC", "2026-11-22 00:00:00", "2026-11-29T00:00:00.000000Z"},
		{"@monthly", "UTC", "2026-11-22 00:00:00", "2026-12-01T00:00:00.000000Z"},
		{"0 9 * * *", "Europe/Berlin", "2026-01-10 08:00:00",
			"2026-01-11T08:00:00.000000Z"},
		{"0 9 * * *", "Asia/Kathmandu", "2026-01-10 00:00:00",
			"2026-01-10T03:15:00.000000Z"},
		/* Berlin 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC */
		{"30 2 * * *", "Europe/Berlin", "2026-03-29 00:00:00",
			"2026-03-29T01:00:00.000000Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-29 01:00:00",
			"2026-03-30T00:30:00.000000Z"},
		{"*/30 * * * *", "Europe/Berlin", "2026-03-29 00:30:00",
			"2026-03-29T01:00:00.000000Z"},
		/* Berlin 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC; 02:30 is there twice */
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 00:00:00",
			"2026-10-25T00:30:00.000000Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 00:30:00",
			"2026-10-26T01:30:00.000000Z"},
		{"30 * * * *", "Europe/Berlin", "2026-10-25 00:30:00",
			"2026-10-25T01:30:00.000000Z"},
		/* a zone that changes by half an hour: Lord Howe, 2026-10-04 02:00 becomes 02:30 */
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03 15:00:00",
			"2026-10-03T15:30:00.000000Z"},
		{"0 0 1 1 *", "UTC", "1969-06-01 00:00:00", "1970-01-01T00:00:00.000000Z"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct error err;
		struct cron cron;
		struct cron_zone *zone = NULL;
		char text[CLOCK_TEXT_BYTES];

		assert_true(cron_parse(slice_from_c(rows[i].cron), &cron, &err));
		assert_true(cron_zone_open(slice_from_c(rows[i].zone), &zone, &err));
		clock_format(cron_next(&cron, zone, utc(rows[i].after)), text);
		assert_string_equal(text, rows[i].next);
		cron_zone_free(&zone);
	}
}

static void test_never(void **state)
{
	struct error err;
	struct cron cron;
	struct cron_zone *zone = NULL;

	(void)state;
	assert_true(cron_parse(SLICE("0 0 30 2 *"), &cron, &err));
	assert_true(cron_zone_open(SLICE_NONE, &zone, &err));
	assert_true(cron_next(&cron, zone, 0) == INT64_MAX);
	cron_zone_free(&zone);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {"", "*", "* * * *", "* * * * * *", "60 * * * *",
		"* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *",
		"*/60 * * * *", "1, * * * *", "a * * * *", "1-2-3 * * * *", "@often",
		"1//2 * * * *", "-1 * * * *"};
	static const char *const zones[] = {
		"", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe/Berlin ", ":UTC"};
	struct error err;
	struct cron cron;
	struct cron_zone *zone = NULL;

	(void)state;
	for (size_t i = 0; i < array_len(texts); i++) {
		assert_false(cron_parse(slice_from_c(texts[i]), &cron, &err));
		assert_int_equal(err.state, SQLSTATE_INVALID_PARAMETER_VALUE);
		assert_true(err.hint[0]);
	}
	for (size_t i = 0; i < array_len(zones); i++)
		assert_false(cron_zone_open(slice_from_c(zones[i]), &zone, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}
