/*
 * Calendar arithmetic after H. Hinnant, "chrono-compatible low-level date algorithms" (public
 * domain): exact for the whole range of DuckDB, unlike libc's. The process has one time zone,
 * loaded before it is narrowed.
 */
#include "engine/datetime.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engine/encode.h"
#include "engine/number.h"

static const int64_t day_us = 86400000000;

struct day {
	int64_t year;
	int month;
	int day;
};

static struct day day_of(int64_t days)
{
	days += 719468; /* 0000-03-01 */
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t of_era = days - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t shifted = (5 * of_year + 2) / 153;
	int month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	return (struct day){.year = year + era * 400 + (month <= 2),
		.month = month,
		.day = (int)(of_year - (153 * shifted + 2) / 5 + 1)};
}

/* The date without its era; year 0 is 1 BC. */
static bool add_day(struct buffer *out, int64_t days)
{
	struct day d = day_of(days);
	bool before_christ = d.year <= 0;
	char text[40];
	int len = snprintf(text, sizeof text, "%04lld-%02d-%02d",
		(long long)(before_christ ? 1 - d.year : d.year), d.month, d.day);
	buffer_add(out, text, (size_t)len);
	return before_christ;
}

void datetime_date(struct buffer *out, int32_t days)
{
	if (days == DATETIME_INFINITE_DAYS)
		buffer_add_c(out, "infinity");
	else if (days == -DATETIME_INFINITE_DAYS)
		buffer_add_c(out, "-infinity");
	else if (add_day(out, days))
		buffer_add_c(out, " BC");
}

static char *two(char *to, int64_t value)
{
	*to++ = (char)('0' + value / 10 % 10);
	*to++ = (char)('0' + value % 10);
	return to;
}

void datetime_time(struct buffer *out, int64_t us)
{
	char text[24];
	int64_t s = us / 1000000;
	int64_t fraction = us % 1000000;
	char *to = two(text, s / 3600);
	*to++ = ':';
	to = two(to, s / 60 % 60);
	*to++ = ':';
	to = two(to, s % 60);
	if (fraction > 0) {
		*to++ = '.';
		for (int64_t unit = 100000; fraction > 0; unit /= 10) {
			*to++ = (char)('0' + fraction / unit);
			fraction %= unit;
		}
	}
	buffer_add(out, text, (size_t)(to - text));
}

static void add_offset(struct buffer *out, int32_t offset_s)
{
	int32_t size = offset_s < 0 ? -offset_s : offset_s;
	buffer_printf(out, "%c%02d", offset_s < 0 ? '-' : '+', size / 3600);
	if (size % 3600)
		buffer_printf(out, ":%02d", size / 60 % 60);
	if (size % 60)
		buffer_printf(out, ":%02d", size % 60);
}

void datetime_timetz(struct buffer *out, int64_t us, int32_t offset_s)
{
	datetime_time(out, us);
	add_offset(out, offset_s);
}

static bool add_infinite(struct buffer *out, int64_t us)
{
	if (us != INT64_MAX && us != -INT64_MAX)
		return false;
	buffer_add_c(out, us > 0 ? "infinity" : "-infinity");
	return true;
}

/* Returns whether the year is before Christ. */
static bool add_timestamp(struct buffer *out, int64_t us, char sep)
{
	int64_t days = us / day_us;
	int64_t rest = us % day_us;
	if (rest < 0) {
		rest += day_us;
		days--;
	}
	bool before_christ = add_day(out, days);
	buffer_add_char(out, sep);
	datetime_time(out, rest);
	return before_christ;
}

void datetime_timestamp(struct buffer *out, int64_t us, char sep)
{
	if (!add_infinite(out, us) && add_timestamp(out, us, sep))
		buffer_add_c(out, " BC");
}

int32_t datetime_zone_offset(int64_t us)
{
	time_t seconds = us / 1000000 - (us % 1000000 < 0);
	struct tm local;
	if (!localtime_r(&seconds, &local))
		return 0;
	return (int32_t)local.tm_gmtoff;
}

void datetime_timestamptz(struct buffer *out, int64_t us, char sep)
{
	if (add_infinite(out, us))
		return;
	int32_t offset_s = datetime_zone_offset(us);
	bool before_christ = add_timestamp(out, us + (int64_t)offset_s * 1000000, sep);
	if (sep == 'T' && offset_s == 0)
		buffer_add_char(out, 'Z');
	else if (sep == 'T')
		buffer_printf(out, "%c%02d:%02d", offset_s < 0 ? '-' : '+', abs(offset_s) / 3600,
			abs(offset_s) / 60 % 60);
	else
		add_offset(out, offset_s);
	if (before_christ)
		buffer_add_c(out, " BC");
}

static void add_unit(struct buffer *out, size_t begin, int32_t value, const char *unit)
{
	if (value == 0)
		return;
	bool mixed =
		out->len > begin && value > 0 && memchr(out->ptr + begin, '-', out->len - begin);
	buffer_printf(out, "%s%s%d %s%s", out->len > begin ? " " : "", mixed ? "+" : "", value,
		unit, value == 1 ? "" : "s");
}

void datetime_interval(struct buffer *out, int32_t months, int32_t days, int64_t us)
{
	size_t begin = out->len;
	add_unit(out, begin, months / 12, "year");
	add_unit(out, begin, months % 12, "mon");
	add_unit(out, begin, days, "day");
	if (us == 0 && out->len > begin)
		return;
	bool before = out->len > begin && memchr(out->ptr + begin, '-', out->len - begin);
	if (out->len > begin)
		buffer_add_char(out, ' ');
	if (us < 0)
		buffer_add_char(out, '-');
	else if (before)
		buffer_add_char(out, '+');
	uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
	uint64_t hours = size / 3600000000U;
	if (hours >= 100) { /* datetime_time writes the last two digits */
		number_u64(out, hours / 100);
		size -= hours / 100 * 100 * 3600000000U;
	}
	datetime_time(out, (int64_t)size);
}

bool encode_set_time_zone(const char *zone, struct error *err)
{
	char path[256];
	int len = snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
	bool known =
		strcmp(zone, "UTC") == 0 || (len > 0 && (size_t)len < sizeof path &&
						    !strstr(zone, "..") && access(path, R_OK) == 0);
	if (!known) {
		error_set(err, INVALID_PARAMETER_VALUE, "no time zone \"%.64s\"", zone);
		return error_hint(err, "Use a name of the IANA database, such as Europe/Berlin.");
	}
	/* A worker has one thread until it is narrowed. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	if (setenv("TZ", zone, 1) != 0)
		return error_set(err, OUT_OF_MEMORY, "no memory for a time zone");
	tzset();
	datetime_zone_offset(0); /* reads the zone's file while that is still allowed */
	return true;
}

struct slice datetime_with_era(struct arena *arena, struct slice text)
{
	struct slice trimmed = slice_trim(text);

	if (trimmed.len < 4 ||
		!slice_equal_nocase(slice_sub(trimmed, trimmed.len - 3, trimmed.len), SLICE(" BC")))
		return text;
	struct slice time = slice_trim(slice_sub(trimmed, 0, trimmed.len - 3));
	struct slice date = slice_split(&time, ' ');

	return arena_printf(
		arena, "%.*s (BC)%s%.*s", SLICE_FMT(date), time.len ? " " : "", SLICE_FMT(time));
}
