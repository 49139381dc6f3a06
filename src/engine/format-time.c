/* to_char and to_timestamp of dates and times: a table of patterns, longest first. */
#include <stdlib.h>

#include "base/num.h"
#include "engine/format.h"

struct moment {
	int64_t year;
	int month, day, hour, minute, second, us;
	int offset_minutes;
	bool pm;
	bool has_pm;
	int day_of_year; /* when read; 0 = month and day count */
};

enum field {
	YEAR,
	YEAR_ISO,
	MONTH_NAME,
	MONTH_SHORT,
	MONTH,
	DAY_NAME,
	DAY_SHORT,
	DAY_OF_YEAR,
	DAY,
	DAY_OF_WEEK,
	DAY_ISO,
	HOUR24,
	HOUR12,
	MINUTE,
	SECOND_OF_DAY,
	SECOND,
	MILLISECOND,
	MICROSECOND,
	HALF,
	QUARTER,
	WEEK_ISO,
	WEEK,
	WEEK_OF_MONTH,
	CENTURY,
	JULIAN,
	ZONE_OFFSET,
	ZONE,
	FILL,
	ORDINAL,
};

static const struct pattern {
	const char *text;
	enum field field;
	int width;
} patterns[] = {{"MONTH", MONTH_NAME, 9}, {"A.M.", HALF, 4}, {"P.M.", HALF, 4},
	{"SSSSS", SECOND_OF_DAY, 1}, {"YYYY", YEAR, 4}, {"IYYY", YEAR_ISO, 4}, {"HH24", HOUR24, 2},
	{"HH12", HOUR12, 2}, {"SSSS", SECOND_OF_DAY, 1}, {"YYY", YEAR, 3}, {"MON", MONTH_SHORT, 3},
	{"DAY", DAY_NAME, 9}, {"DDD", DAY_OF_YEAR, 3}, {"IY", YEAR_ISO, 2}, {"YY", YEAR, 2},
	{"MM", MONTH, 2}, {"DY", DAY_SHORT, 3}, {"DD", DAY, 2}, {"ID", DAY_ISO, 1},
	{"HH", HOUR12, 2}, {"MI", MINUTE, 2}, {"SS", SECOND, 2}, {"MS", MILLISECOND, 3},
	{"US", MICROSECOND, 6}, {"AM", HALF, 2}, {"PM", HALF, 2}, {"IW", WEEK_ISO, 2},
	{"WW", WEEK, 2}, {"CC", CENTURY, 2}, {"OF", ZONE_OFFSET, 3}, {"TZ", ZONE, 3},
	{"FM", FILL, 0}, {"TH", ORDINAL, 2}, {"Y", YEAR, 1}, {"D", DAY_OF_WEEK, 1},
	{"Q", QUARTER, 1}, {"W", WEEK_OF_MONTH, 1}, {"J", JULIAN, 1}};

static const char *const month_names[] = {"January", "February", "March", "April", "May", "June",
	"July", "August", "September", "October", "November", "December"};
static const char *const day_names[] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* Days since 1970-01-01 (Howard Hinnant's days_from_civil). */
static int64_t days_of(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int day_of_week(const struct moment *m)
{
	int64_t days = days_of(m->year, m->month, m->day) + 4;

	return (int)((days % 7 + 7) % 7);
}

static int day_of_year(const struct moment *m)
{
	return (int)(days_of(m->year, m->month, m->day) - days_of(m->year, 1, 1)) + 1;
}

/* ISO 8601: the week belongs to the year of its Thursday. */
static void iso_week(const struct moment *m, int64_t *year_out, int *week_out)
{
	int64_t thursday = days_of(m->year, m->month, m->day) - (day_of_week(m) + 6) % 7 + 3;
	int64_t year = m->year - 1;

	while (days_of(year + 1, 1, 1) <= thursday)
		year++;
	*year_out = year;
	*week_out = (int)((thursday - days_of(year, 1, 1)) / 7) + 1;
}

static const struct pattern *find_pattern(struct slice template, size_t at)
{
	for (size_t i = 0; i < array_len(patterns); i++) {
		struct slice text = slice_from_c(patterns[i].text);

		if (slice_equal_nocase(slice_sub(template, at, at + text.len), text))
			return &patterns[i];
	}
	return NULL;
}

static bool read_number(struct slice text, size_t *at, size_t max, int64_t *out)
{
	size_t begin = *at;
	int64_t value = 0;

	while (*at < text.len && *at - begin < max && text.ptr[*at] >= '0' && text.ptr[*at] <= '9')
		value = value * 10 + (text.ptr[(*at)++] - '0');
	*out = value;
	return *at > begin;
}

static bool read_part(struct slice text, size_t *at, char before, int *out)
{
	int64_t value;

	if (*at >= text.len || text.ptr[*at] != before)
		return false;
	(*at)++;
	if (!read_number(text, at, 2, &value))
		return false;
	*out = (int)value;
	return true;
}

/* 2026-05-07 13:04:05.5+02:30, or a time alone. */
static bool read_moment(struct slice text, struct moment *m)
{
	size_t at = 0;
	int64_t value;

	*m = (struct moment){.year = 1970, .month = 1, .day = 1};
	if (slice_find(text, SLICE("-"), 0) != SIZE_MAX && slice_find(text, SLICE(":"), 0) != 2) {
		if (!read_number(text, &at, 7, &m->year) || !read_part(text, &at, '-', &m->month) ||
			!read_part(text, &at, '-', &m->day) || m->month < 1 || m->month > 12)
			return false;
		if (slice_equal_c(slice_sub(text, at, text.len), " (BC)"))
			m->year = 1 - m->year;
		if (at + 1 >= text.len || text.ptr[at] != ' ' || text.ptr[at + 1] == '(')
			return true;
		at++;
	}
	if (!read_number(text, &at, 2, &value))
		return false;
	m->hour = (int)value;
	if (read_part(text, &at, ':', &m->minute))
		(void)!read_part(text, &at, ':', &m->second);
	if (at < text.len && text.ptr[at] == '.') {
		size_t begin = ++at;

		(void)!read_number(text, &at, 6, &value);
		for (size_t i = at - begin; i < 6; i++)
			value *= 10;
		m->us = (int)value;
	}
	if (at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-')) {
		bool west = text.ptr[at] == '-';
		int hours = 0;
		int minutes = 0;

		(void)!read_part(text, &at, text.ptr[at], &hours);
		(void)!read_part(text, &at, ':', &minutes);
		m->offset_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
	}
	return true;
}

static void put_cased(struct str *out, const char *name, size_t len, struct slice pattern)
{
	bool upper = pattern.ptr[0] >= 'A' && pattern.ptr[0] <= 'Z';
	bool all = pattern.len > 1 && pattern.ptr[1] >= 'A' && pattern.ptr[1] <= 'Z';

	for (size_t i = 0; i < len && name[i]; i++) {
		bool capital = name[i] >= 'A' && name[i] <= 'Z';
		bool small = name[i] >= 'a' && name[i] <= 'z';
		char c = name[i];

		if (upper && all && small)
			c = (char)(c - 'a' + 'A');
		else if (!upper && capital)
			c = (char)(c - 'A' + 'a');
		str_add_char(out, c);
	}
}

static void put_name(
	struct str *out, const char *name, const struct pattern *p, struct slice written, bool fill)
{
	size_t len = p->width == 3 ? 3 : strlen(name);

	put_cased(out, name, len, written);
	for (size_t i = len; i < (size_t)p->width && !fill; i++)
		str_add_char(out, ' ');
}

static int64_t power_of_ten(int exponent)
{
	int64_t value = 1;

	while (exponent-- > 0)
		value *= 10;
	return value;
}

static int64_t number_of(const struct moment *m, const struct pattern *p)
{
	int64_t iso_year;
	int week;

	iso_week(m, &iso_year, &week);
	switch (p->field) {
	case YEAR: return p->width < 4 ? m->year % power_of_ten(p->width) : m->year;
	case YEAR_ISO: return p->width < 4 ? iso_year % power_of_ten(p->width) : iso_year;
	case MONTH: return m->month;
	case DAY_OF_YEAR: return day_of_year(m);
	case DAY: return m->day;
	case DAY_OF_WEEK: return day_of_week(m) + 1;
	case DAY_ISO: return (day_of_week(m) + 6) % 7 + 1;
	case HOUR24: return m->hour;
	case HOUR12: return m->hour % 12 ? m->hour % 12 : 12;
	case MINUTE: return m->minute;
	case SECOND_OF_DAY: return m->hour * 3600 + m->minute * 60 + m->second;
	case SECOND: return m->second;
	case MILLISECOND: return m->us / 1000;
	case MICROSECOND: return m->us;
	case QUARTER: return (m->month - 1) / 3 + 1;
	case WEEK_ISO: return week;
	case WEEK: return (day_of_year(m) - 1) / 7 + 1;
	case WEEK_OF_MONTH: return (m->day - 1) / 7 + 1;
	case CENTURY: return (m->year + 99) / 100;
	case JULIAN: return days_of(m->year, m->month, m->day) + 2440588;
	case MONTH_NAME:
	case MONTH_SHORT:
	case DAY_NAME:
	case DAY_SHORT:
	case HALF:
	case ZONE_OFFSET:
	case ZONE:
	case FILL:
	case ORDINAL: break;
	}
	return 0;
}

static void put_offset(struct str *out, int minutes)
{
	int size = abs(minutes);

	str_printf(out, "%c%02d", minutes < 0 ? '-' : '+', size / 60);
	if (size % 60)
		str_printf(out, ":%02d", size % 60);
}

static void put_ordinal(struct str *out, struct slice written)
{
	char last = 0;
	bool teen = out->len > 1 && out->ptr[out->len - 2] == '1';
	const char *end = "Th";

	if (out->len)
		last = out->ptr[out->len - 1];
	if (!teen && last == '1')
		end = "St";
	else if (!teen && last == '2')
		end = "Nd";
	else if (!teen && last == '3')
		end = "Rd";
	put_cased(out, end, 2, written.ptr[0] == 'T' ? SLICE("TH") : SLICE("th"));
}

static void put_field(struct str *out, const struct moment *m, const struct pattern *p,
	struct slice written, bool fill)
{
	switch (p->field) {
	case MONTH_NAME:
	case MONTH_SHORT: put_name(out, month_names[m->month - 1], p, written, fill); break;
	case DAY_NAME:
	case DAY_SHORT: put_name(out, day_names[day_of_week(m)], p, written, fill); break;
	case HALF:
		put_cased(out,
			p->width == 4 ? (m->hour < 12 ? "A.M." : "P.M.")
				      : (m->hour < 12 ? "AM" : "PM"),
			4,
			written.ptr[0] == 'A' || written.ptr[0] == 'P' ? SLICE("AA") : SLICE("aa"));
		break;
	case ZONE_OFFSET: put_offset(out, m->offset_minutes); break;
	case ZONE:
		if (m->offset_minutes)
			put_offset(out, m->offset_minutes);
		else
			put_cased(out, "UTC", 3, written);
		break;
	case ORDINAL: put_ordinal(out, written); break;
	default: str_printf(out, "%0*lld", fill ? 1 : p->width, (long long)number_of(m, p));
	}
}

bool format_timestamp(struct str *out, struct slice timestamp, struct slice template)
{
	struct moment m;
	bool fill = false;

	if (!read_moment(timestamp, &m))
		return false;
	for (size_t i = 0; i < template.len;) {
		if (template.ptr[i] == '"') {
			size_t end = slice_find(template, SLICE("\""), i + 1);

			end = min_of(end, template.len);
			str_add(out, slice_sub(template, i + 1, end));
			i = end + 1;
			continue;
		}
		const struct pattern *p = find_pattern(template, i);
		size_t len = p ? strlen(p->text) : 1;
		struct slice written = slice_sub(template, i, i + len);

		i += len;
		if (!p) {
			str_add(out, written);
		} else if (p->field == FILL) {
			fill = true;
			continue;
		} else {
			put_field(out, &m, p, written, fill);
		}
		fill = false;
	}
	return true;
}

static bool read_name(
	struct slice text, size_t *at, const char *const *names, size_t count, bool brief, int *out)
{
	for (size_t i = 0; i < count; i++) {
		struct slice name = slice_from_c(names[i]);

		name = slice_sub(name, 0, brief ? 3 : name.len);
		if (!slice_equal_nocase(slice_sub(text, *at, *at + name.len), name))
			continue;
		*at += name.len;
		*out = (int)i;
		return true;
	}
	return false;
}

static void store(struct moment *m, const struct pattern *p, int64_t value, size_t digits)
{
	switch (p->field) {
	case YEAR:
		m->year = value;
		if (p->width == 2)
			m->year += value < 70 ? 2000 : 1900;
		break;
	case MONTH: m->month = (int)value; break;
	case DAY: m->day = (int)value; break;
	case DAY_OF_YEAR: m->day_of_year = (int)value; break;
	case HOUR24:
	case HOUR12: m->hour = (int)value; break;
	case MINUTE: m->minute = (int)value; break;
	case SECOND: m->second = (int)value; break;
	case SECOND_OF_DAY:
		m->hour = (int)(value / 3600);
		m->minute = (int)(value / 60 % 60);
		m->second = (int)(value % 60);
		break;
	case MILLISECOND:
	case MICROSECOND: /* .5 is half a second, whatever the pattern's width */
		m->us = (int)(value * power_of_ten(6 - (int)min_of(digits, (size_t)6)));
		break;
	default: break;
	}
}

static bool read_field(struct slice text, size_t *at, const struct pattern *p, struct moment *m)
{
	int index = 0;
	int64_t value;
	size_t begin = *at;

	switch (p->field) {
	case FILL:
	case ORDINAL: return true;
	case MONTH_NAME:
	case MONTH_SHORT:
		if (!read_name(text, at, month_names, 12, p->field == MONTH_SHORT, &index))
			return false;
		m->month = index + 1;
		return true;
	case DAY_NAME:
	case DAY_SHORT: return read_name(text, at, day_names, 7, p->field == DAY_SHORT, &index);
	case HALF:
		m->has_pm = true;
		m->pm = *at < text.len && (text.ptr[*at] == 'P' || text.ptr[*at] == 'p');
		*at += (size_t)p->width;
		return *at <= text.len;
	case ZONE:
	case ZONE_OFFSET: return false;
	default: break;
	}
	size_t max = p->field == MILLISECOND || p->field == MICROSECOND ? 6 : (size_t)p->width;

	if (p->field == SECOND_OF_DAY)
		max = 5;
	if (!read_number(text, at, max, &value))
		return false;
	store(m, p, value, *at - begin);
	return true;
}

static bool settle(struct moment *m, int64_t *us_out)
{
	static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (m->has_pm)
		m->hour = m->hour % 12 + (m->pm ? 12 : 0);
	if (m->day_of_year) {
		m->month = 1;
		m->day = 1;
	}
	bool leap = (m->year % 4 == 0 && m->year % 100 != 0) || m->year % 400 == 0;

	if (m->month < 1 || m->month > 12 || m->day < 1 || m->day > lengths[m->month - 1] ||
		(m->month == 2 && m->day == 29 && !leap) || m->hour > 23 || m->minute > 59 ||
		m->second > 59 || m->day_of_year > 365 + leap)
		return false;
	int64_t days = days_of(m->year, m->month, m->day) + max_of(m->day_of_year - 1, 0);

	*us_out = ((days * 24 + m->hour) * 60 + m->minute) * 60000000 +
		  m->second * INT64_C(1000000) + m->us;
	return true;
}

static bool is_sign(char c)
{
	return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
}

bool format_read_timestamp(struct slice text, struct slice template, int64_t *us_out)
{
	struct moment m = {.year = 1, .month = 1, .day = 1};
	size_t at = 0;

	for (size_t i = 0; i < template.len && at < text.len;) {
		const struct pattern *p = find_pattern(template, i);

		if (p) {
			while (at < text.len && text.ptr[at] == ' ')
				at++;
			if (!read_field(text, &at, p, &m))
				return false;
			i += strlen(p->text);
			continue;
		}
		/* a sign stands for any other one, and for several blanks */
		if (!is_sign(template.ptr[i]) || is_sign(text.ptr[at]))
			at++;
		i++;
	}
	return settle(&m, us_out);
}
