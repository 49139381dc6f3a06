#include "sql/literal.h"

#include <ctype.h>

#include "base/num.h"

enum { DECIMAL_DIGITS = 18 };

#define DAY_US (86400LL * 1000000)

static bool read_int(struct slice text, int *out)
{
	int64_t value = 0;

	if (!slice_to_i64(slice_trim(text), &value) || value < 0 || value > 38)
		return false;
	*out = (int)value;
	return true;
}

static struct type_info decimal_of(struct slice type)
{
	struct type_info info = {.group = TYPE_DECIMAL, .width = 18, .scale = 3};
	struct slice rest = slice_sub(type, sizeof "DECIMAL" - 1, type.len);

	if (rest.len == 0)
		return info;
	if (!slice_starts_with(rest, SLICE("(")) || !slice_ends_with(rest, SLICE(")")))
		return (struct type_info){TYPE_OTHER};
	rest = slice_sub(rest, 1, rest.len - 1);
	struct slice width = slice_split(&rest, ',');
	if (!read_int(width, &info.width) ||
		!read_int(slice_is_none(rest) ? SLICE("0") : rest, &info.scale))
		return (struct type_info){TYPE_OTHER};
	return info;
}

struct type_info type_of(struct slice type)
{
	static const struct {
		const char *name;
		struct type_info info;
	} rows[] = {
		{"TINYINT", {TYPE_INTEGER, INT8_MIN, INT8_MAX}},
		{"SMALLINT", {TYPE_INTEGER, INT16_MIN, INT16_MAX}},
		{"INTEGER", {TYPE_INTEGER, INT32_MIN, INT32_MAX}},
		{"BIGINT", {TYPE_INTEGER, INT64_MIN, INT64_MAX}},
		{"HUGEINT", {TYPE_INTEGER, INT64_MIN, INT64_MAX}},
		{"UTINYINT", {TYPE_INTEGER, 0, UINT8_MAX}},
		{"USMALLINT", {TYPE_INTEGER, 0, UINT16_MAX}},
		{"UINTEGER", {TYPE_INTEGER, 0, UINT32_MAX}},
		{"UBIGINT", {TYPE_INTEGER, 0, INT64_MAX}},
		{"UHUGEINT", {TYPE_INTEGER, 0, INT64_MAX}},
		{"DOUBLE", {TYPE_DOUBLE}},
		{"FLOAT", {TYPE_DOUBLE}},
		{"VARCHAR", {TYPE_TEXT}},
		{"BOOLEAN", {TYPE_BOOLEAN}},
		{"DATE", {TYPE_DATE}},
		{"TIMESTAMP", {TYPE_TIMESTAMP}},
		{"TIMESTAMPTZ", {TYPE_TIMESTAMPTZ}},
		{"TIMESTAMP WITH TIME ZONE", {TYPE_TIMESTAMPTZ}},
		{"UUID", {TYPE_UUID}},
	};

	for (size_t i = 0; i < array_len(rows); i++)
		if (slice_equal_nocase(type, slice_from_c(rows[i].name)))
			return rows[i].info;
	if (type.len >= 7 && slice_equal_nocase(slice_sub(type, 0, 7), SLICE("DECIMAL")) &&
		!slice_ends_with(type, SLICE("]")))
		return decimal_of(type);
	return (struct type_info){TYPE_OTHER};
}

/* Exactly count digits at *at. */
static bool read_digits(struct slice text, size_t *at, size_t count, int64_t *out)
{
	int64_t value = 0;

	for (size_t i = 0; i < count; i++, (*at)++) {
		if (*at >= text.len || !isdigit((unsigned char)text.ptr[*at]))
			return false;
		value = value * 10 + (text.ptr[*at] - '0');
	}
	*out = value;
	return true;
}

static bool read_char(struct slice text, size_t *at, char c)
{
	if (*at >= text.len || text.ptr[*at] != c)
		return false;
	(*at)++;
	return true;
}

static int64_t days_in(int64_t year, int64_t month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Proleptic Gregorian: days before the year, then before the month. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
	int64_t before = year - 1;
	int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;

	for (int64_t m = 1; m < month; m++)
		days += days_in(year, m);
	return days + day - 1;
}

static bool read_date(struct slice text, size_t *at, int64_t *days_out)
{
	int64_t year = 0;
	int64_t month = 0;
	int64_t day = 0;

	if (!read_digits(text, at, 4, &year) || !read_char(text, at, '-') ||
		!read_digits(text, at, 2, &month) || !read_char(text, at, '-') ||
		!read_digits(text, at, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return false;
	*days_out = days_since_1970(year, month, day);
	return true;
}

bool date_parse(struct slice text, int64_t *days_out)
{
	size_t at = 0;
	int64_t days = 0;

	if (!read_date(text, &at, &days) || at != text.len)
		return false;
	*days_out = days;
	return true;
}

/* .f to .ffffff */
static bool read_fraction(struct slice text, size_t *at, int64_t *us)
{
	int64_t unit = 100000;
	int64_t digit = 0;

	if (!read_char(text, at, '.'))
		return true;
	if (!read_digits(text, at, 1, &digit))
		return false;
	*us += digit * unit;
	while ((unit /= 10) > 0 && read_digits(text, at, 1, &digit))
		*us += digit * unit;
	return true;
}

static bool read_time(struct slice text, size_t *at, int64_t *us)
{
	int64_t hour = 0;
	int64_t minute = 0;
	int64_t second = 0;

	if (!read_digits(text, at, 2, &hour) || !read_char(text, at, ':') ||
		!read_digits(text, at, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*us = (hour * 60 + minute) * 60 * 1000000;
	if (!read_char(text, at, ':'))
		return true;
	if (!read_digits(text, at, 2, &second) || second > 59)
		return false;
	*us += second * 1000000;
	return read_fraction(text, at, us);
}

static bool read_offset(struct slice text, size_t *at, int64_t *us)
{
	int64_t hours = 0;
	int64_t minutes = 0;
	bool east = read_char(text, at, '+');

	*us = 0;
	if (!east && read_char(text, at, 'Z'))
		return true;
	if (!east && !read_char(text, at, '-'))
		return false;
	if (!read_digits(text, at, 2, &hours) || hours > 14)
		return false;
	if (read_char(text, at, ':') && (!read_digits(text, at, 2, &minutes) || minutes > 59))
		return false;
	*us = (hours * 60 + minutes) * 60 * 1000000 * (east ? 1 : -1);
	return true;
}

bool timestamp_parse(struct slice text, bool zoned, int64_t *us_out)
{
	size_t at = 0;
	int64_t days = 0;
	int64_t us = 0;
	int64_t offset = 0;

	if (!read_date(text, &at, &days))
		return false;
	if (at < text.len && !read_char(text, &at, ' ') && !read_char(text, &at, 'T'))
		return false;
	if (at > sizeof "YYYY-MM-DD" - 1 && !read_time(text, &at, &us))
		return false;
	if (zoned && !read_offset(text, &at, &offset))
		return false;
	if (at != text.len)
		return false;
	*us_out = days * DAY_US + us - offset;
	return true;
}

bool decimal_parse(struct slice text, int scale, int64_t *out)
{
	bool negative = slice_starts_with(text, SLICE("-"));
	struct slice fraction = slice_sub(text, negative, text.len);
	struct slice whole = slice_split(&fraction, '.');
	int64_t value = 0;
	size_t at = 0;

	if (slice_is_none(fraction))
		fraction = SLICE("");
	else if (fraction.len == 0)
		return false;
	while (fraction.len > (size_t)scale && slice_ends_with(fraction, SLICE("0")))
		fraction.len--;
	if (whole.len == 0 || fraction.len > (size_t)scale ||
		whole.len + (size_t)scale > DECIMAL_DIGITS)
		return false;
	if (!read_digits(whole, &at, whole.len, &value))
		return false;
	for (size_t i = 0; i < (size_t)scale; i++) {
		int64_t digit = 0;
		at = i;
		if (i < fraction.len && !read_digits(fraction, &at, 1, &digit))
			return false;
		value = value * 10 + digit;
	}
	*out = negative ? -value : value;
	return true;
}

bool uuid_is_valid(struct slice text)
{
	if (text.len != 36)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text.ptr[i] != '-' : !isxdigit((unsigned char)text.ptr[i]))
			return false;
	}
	return true;
}

bool boolean_parse(struct slice text, bool *out)
{
	bool yes = slice_equal_nocase(text, SLICE("true")) || slice_equal_nocase(text, SLICE("t"));

	if (!yes && !slice_equal_nocase(text, SLICE("false")) &&
		!slice_equal_nocase(text, SLICE("f")))
		return false;
	*out = yes;
	return true;
}
