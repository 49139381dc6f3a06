/*
 * Bit sets per field; the search walks UTC minutes in jumps of a day, an hour or a minute and looks
 * at the local time of each. Offsets come from GLib's reader of the tz database, which is safe with
 * threads (the C library's is one setting per process).
 */
#include "sched/cron.h"

#include <glib.h>

#include "base/check.h"
#include "base/num.h"

enum {
	MINUTE = 60,
	HOUR = 3600,
	DAY = 86400,
};

/* 29 February comes back after eight years at the latest (1896 to 1904). */
static const int64_t SEARCH_S = INT64_C(9) * 366 * DAY;
static const int64_t MINUTE_US = INT64_C(60000000);

struct cron_zone {
	GTimeZone *tz;
};

struct field {
	const char *name;
	int first;
	int last;
	const char *names; /* three letters each, from names_first on */
	int names_first;
};

static const struct field FIELDS[] = {
	{"minute", 0, 59, "", 0},
	{"hour", 0, 23, "", 0},
	{"day of month", 1, 31, "", 0},
	{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
	{"day of week", 0, 7, "sunmontuewedthufrisat", 0},
};

static bool bad_field(const struct field *field, struct slice text, struct error *err)
{
	error_set(err, INVALID_PARAMETER_VALUE, "cron: %s \"%.*s\" is not understood", field->name,
		SLICE_FMT(text));
	return error_hint(err,
		"expected *, numbers from %d to %d, ranges (1-5), lists (1,3) or steps (*/15)",
		field->first, field->last);
}

static bool parse_number(const struct field *field, struct slice text, int *out)
{
	int64_t value;

	for (size_t i = 0; i * 3 < strlen(field->names); i++) {
		if (slice_equal_nocase(text, slice_of(field->names + i * 3, 3))) {
			*out = field->names_first + (int)i;
			return true;
		}
	}
	if (!slice_to_i64(text, &value) || value < field->first || value > field->last)
		return false;
	*out = (int)value;
	return true;
}

/* One part of a list: "*", "5", "1-5", each with "/step". */
static bool parse_part(const struct field *field, struct slice part, uint64_t *bits)
{
	struct slice step_text = part;
	struct slice range = slice_split(&step_text, '/');
	struct slice to_text = range;
	struct slice from_text = slice_split(&to_text, '-');
	int from = field->first;
	int to = field->last;
	int64_t step = 1;

	if (!slice_is_none(step_text) && (!slice_to_i64(step_text, &step) || step < 1 || step > 59))
		return false;
	if (!slice_equal_c(range, "*")) {
		if (!parse_number(field, from_text, &from))
			return false;
		to = slice_is_none(step_text) ? from : field->last;
		if (!slice_is_none(to_text) && !parse_number(field, to_text, &to))
			return false;
		if (to < from)
			return false;
	}
	for (int64_t value = from; value <= to; value += step)
		*bits |= UINT64_C(1) << value;
	return true;
}

static bool parse_field(
	const struct field *field, struct slice text, uint64_t *bits, struct error *err)
{
	struct slice rest = text;

	*bits = 0;
	while (!slice_is_none(rest)) {
		if (!parse_part(field, slice_split(&rest, ','), bits))
			return bad_field(field, text, err);
	}
	return true;
}

static struct slice expand_macro(struct slice text)
{
	static const char *const MACROS[][2] = {
		{"@hourly", "0 * * * *"},
		{"@daily", "0 0 * * *"},
		{"@midnight", "0 0 * * *"},
		{"@weekly", "0 0 * * 0"},
		{"@monthly", "0 0 1 * *"},
		{"@yearly", "0 0 1 1 *"},
		{"@annually", "0 0 1 1 *"},
	};

	for (size_t i = 0; i < array_len(MACROS); i++)
		if (slice_equal_nocase(text, slice_from_c(MACROS[i][0])))
			return slice_from_c(MACROS[i][1]);
	return text;
}

/* The next word; none at the end. Tabs and runs of spaces separate. */
static struct slice next_word(struct slice *rest)
{
	struct slice text = slice_trim(*rest);
	size_t len = 0;

	while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '\t')
		len++;
	*rest = slice_sub(text, len, text.len);
	return len ? slice_of(text.ptr, len) : SLICE_NONE;
}

bool cron_parse(struct slice text, struct cron *out, struct error *err)
{
	struct slice rest = expand_macro(slice_trim(text));
	struct slice words[array_len(FIELDS)];
	uint64_t bits[array_len(FIELDS)];

	for (size_t i = 0; i < array_len(FIELDS); i++) {
		words[i] = next_word(&rest);
		if (slice_is_none(words[i])) {
			error_set(err, INVALID_PARAMETER_VALUE,
				"cron: \"%.*s\" has %zu of 5 fields", SLICE_FMT(text), i);
			return error_hint(
				err, "write minute hour day month weekday, e.g. \"30 4 * * 1-5\"");
		}
		if (!parse_field(&FIELDS[i], words[i], &bits[i], err))
			return false;
	}
	if (slice_trim(rest).len) {
		error_set(err, INVALID_PARAMETER_VALUE, "cron: more than 5 fields in \"%.*s\"",
			SLICE_FMT(text));
		return error_hint(err, "seconds and years are no fields; write 5");
	}
	*out = (struct cron){
		.minutes = bits[0],
		.hours = (uint32_t)bits[1],
		.days = (uint32_t)bits[2],
		.months = (uint32_t)bits[3],
		.weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
		.any_hour = words[1].ptr[0] == '*',
		.any_day = words[2].ptr[0] == '*',
		.any_weekday = words[4].ptr[0] == '*',
	};
	return true;
}

static bool is_zone_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!g_ascii_isalnum(c) && c != '_' && c != '/' && c != '+' && c != '-')
			return false;
	}
	return name.len > 0 && name.len < 64 && g_ascii_isalpha(name.ptr[0]);
}

bool cron_zone_open(struct slice name, struct cron_zone **out, struct error *err)
{
	char text[64] = "UTC";

	if (!slice_is_none(name) && is_zone_name(name)) {
		memcpy(text, name.ptr, name.len);
		text[name.len] = 0;
	}
	GTimeZone *tz =
		slice_is_none(name) || is_zone_name(name) ? g_time_zone_new_identifier(text) : NULL;
	if (!tz) {
		error_set(err, INVALID_PARAMETER_VALUE, "time zone \"%.*s\" is not known",
			SLICE_FMT(name));
		return error_hint(err, "use a name of the tz database, e.g. Europe/Berlin or UTC");
	}
	struct cron_zone *zone = g_new(struct cron_zone, 1);

	zone->tz = tz;
	*out = zone;
	return true;
}

void cron_zone_free(struct cron_zone **zone)
{
	if (*zone) {
		g_time_zone_unref((*zone)->tz);
		g_free(*zone);
		*zone = NULL;
	}
}

/* Seconds to add to UTC at that moment. */
static int64_t offset_at(const struct cron_zone *zone, int64_t utc_s)
{
	return g_time_zone_get_offset(
		zone->tz, g_time_zone_find_interval(zone->tz, G_TIME_TYPE_UNIVERSAL, utc_s));
}

struct local {
	int month;
	int day;
	int weekday;
	int hour;
	int minute;
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Fields of a local time, given as seconds; the proleptic Gregorian calendar. */
static struct local local_fields(int64_t local_s)
{
	int64_t days = floor_div(local_s, DAY);
	int64_t in_day = local_s - days * DAY;
	int64_t z = days + 719468; /* from 0000-03-01 */
	int64_t era = floor_div(z, 146097);
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153; /* 0 = March */

	return (struct local){
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
		.weekday = (int)((days % 7 + 11) % 7), /* 1970-01-01 was a Thursday (4) */
		.hour = (int)(in_day / HOUR),
		.minute = (int)(in_day % HOUR / MINUTE),
	};
}

static bool day_fits(const struct cron *cron, const struct local *l)
{
	bool day = cron->days >> l->day & 1;
	bool weekday = cron->weekdays >> l->weekday & 1;

	if (!(cron->months >> l->month & 1))
		return false;
	return cron->any_day || cron->any_weekday ? day && weekday : day || weekday;
}

static bool fits(const struct cron *cron, int64_t local_s)
{
	struct local l = local_fields(local_s);

	return day_fits(cron, &l) && cron->hours >> l.hour & 1 && cron->minutes >> l.minute & 1;
}

/* How far the next look may be: nothing that fits lies between. */
static int64_t jump(const struct cron *cron, int64_t local_s)
{
	struct local l = local_fields(local_s);

	if (!day_fits(cron, &l))
		return DAY - ((int64_t)l.hour * HOUR + (int64_t)l.minute * MINUTE);
	if (!(cron->hours >> l.hour & 1))
		return HOUR - (int64_t)l.minute * MINUTE;
	return MINUTE;
}

/* The clock was set back and this local time has been before. */
static bool is_second_time(const struct cron_zone *zone, int64_t utc_s)
{
	int64_t before = offset_at(zone, utc_s - INT64_C(3) * HOUR);
	int64_t back = before - offset_at(zone, utc_s);

	return back > 0 && offset_at(zone, utc_s - back) == before;
}

/* First whole minute in (from, to] whose offset is not that of from. */
static int64_t change_between(const struct cron_zone *zone, int64_t from, int64_t to)
{
	int64_t offset = offset_at(zone, from);

	while (to - from > MINUTE) {
		int64_t middle = from + (to - from) / 2 / MINUTE * MINUTE;

		if (offset_at(zone, middle) == offset)
			from = middle;
		else
			to = middle;
	}
	return to;
}

/* The clock was set forward at utc_s: did a time that fits fall into the gap? */
static bool gap_fits(const struct cron *cron, int64_t utc_s, int64_t before, int64_t after)
{
	for (int64_t local = utc_s + before; local < utc_s + after; local += MINUTE)
		if (fits(cron, local))
			return true;
	return false;
}

int64_t cron_next(const struct cron *cron, const struct cron_zone *zone, int64_t after_us)
{
	int64_t utc = (floor_div(after_us, MINUTE_US) + 1) * MINUTE;
	int64_t end = utc + SEARCH_S;
	int64_t offset = offset_at(zone, utc - MINUTE);

	for (int64_t from = utc - MINUTE; utc < end;) {
		int64_t now_offset = offset_at(zone, utc);

		if (now_offset != offset) {
			int64_t change = change_between(zone, from, utc);

			if (!cron->any_hour && now_offset > offset &&
				gap_fits(cron, change, offset, now_offset))
				return change * 1000000;
			utc = change; /* look at each side with its own offset */
		}
		offset = now_offset;
		if (fits(cron, utc + offset) && (cron->any_hour || !is_second_time(zone, utc)))
			return utc * 1000000;
		from = utc;
		utc += jump(cron, utc + offset);
	}
	return INT64_MAX;
}
