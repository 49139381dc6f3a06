/*
 * A table of rows (what a parameter is) and a vector of values (what it is now). Each change pushes
 * the old values to an undo list, which a rollback walks backwards and a commit drops.
 */
#include "server/pg-settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "base/vec.h"
#include "sql/lexer.h"

enum kind {
	TEXT,
	BOOL,
	INT,
	ENUM,
	FIXED,
	READONLY,
	ENCODING,
	DATESTYLE,
	DURATION,
	PATH,
	TIMEZONE,
	PURPOSE
};

enum {
	CUSTOM_MAX = 64,
	VALUE_MAX_BYTES = 4096,
};

struct row {
	const char *name;
	const char *initial;
	enum kind kind;
	const char *allowed;
	bool report;
	const char *text;
};

static const struct row rows[] = {
#define SETTING(name, initial, kind, allowed, report, text)                                        \
	{name, initial, kind, allowed, report, text},
#include "server/pg-settings.def"
#undef SETTING
};

struct value {
	const struct row *row; /* NULL: the client's own */
	char *name;	       /* of the client's own */
	char *initial;	       /* NULL = the row's */
	char *session;	       /* NULL = initial */
	char *local;	       /* SET LOCAL; NULL = none */
	char *told;	       /* what ParameterStatus said last */
};

struct undo {
	size_t index;
	char *session;
	char *local;
};

struct pg_settings {
	struct value *values;
	size_t count;
	struct undo *undo;
	size_t undo_count;
	size_t undo_cap;
};

static char *copy_text(struct slice text)
{
	char *copy = strndup(text.ptr ? text.ptr : "", text.len);

	if (!copy)
		panic("out of memory");
	return copy;
}

static char *copy_or_null(const char *text)
{
	return text ? copy_text(slice_from_c(text)) : NULL;
}

struct pg_settings *pg_settings_new(void)
{
	struct pg_settings *settings = calloc(1, sizeof *settings);

	if (!settings)
		panic("out of memory");
	settings->values = calloc(array_len(rows), sizeof *settings->values);
	if (!settings->values)
		panic("out of memory");
	settings->count = array_len(rows);
	for (size_t i = 0; i < array_len(rows); i++)
		settings->values[i].row = &rows[i];
	return settings;
}

void pg_settings_free(struct pg_settings **settings)
{
	struct pg_settings *self = *settings;

	if (!self)
		return;
	for (size_t i = 0; i < self->count; i++) {
		free(self->values[i].name);
		free(self->values[i].initial);
		free(self->values[i].session);
		free(self->values[i].local);
		free(self->values[i].told);
	}
	for (size_t i = 0; i < self->undo_count; i++) {
		free(self->undo[i].session);
		free(self->undo[i].local);
	}
	free(self->values);
	free(self->undo);
	free(self);
	*settings = NULL;
}

static const char *value_name(const struct value *value)
{
	return value->row ? value->row->name : value->name;
}

static const char *value_now(const struct value *value)
{
	if (value->local)
		return value->local;
	if (value->session)
		return value->session;
	if (value->initial)
		return value->initial;
	return value->row ? value->row->initial : "";
}

static struct value *find(const struct pg_settings *settings, struct slice name)
{
	for (size_t i = 0; i < settings->count; i++)
		if (slice_equal_nocase(slice_from_c(value_name(&settings->values[i])), name))
			return &settings->values[i];
	return NULL;
}

struct slice pg_settings_find(const struct pg_settings *settings, struct slice name)
{
	const struct value *value = find(settings, name);

	return value ? slice_from_c(value_now(value)) : SLICE_NONE;
}

struct slice pg_settings_get(const struct pg_settings *settings, const char *name)
{
	return pg_settings_find(settings, slice_from_c(name));
}

static bool not_allowed(const struct row *row, struct slice value, struct error *err)
{
	error_set(err, INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": \"%.*s\"",
		row->name, SLICE_FMT(slice_sub(value, 0, 100)));
	if (row->kind == ENUM || row->kind == FIXED)
		error_hint(err, "Available values: %s.", row->allowed);
	return false;
}

static bool is_listed(const char *allowed, struct slice value)
{
	struct slice rest = slice_from_c(allowed);

	while (!slice_is_none(rest))
		if (slice_equal_nocase(slice_split(&rest, ','), value))
			return true;
	return false;
}

/* Any beginning of true, false, yes, no; on, off, of; 1, 0. */
static bool read_bool(struct slice value, const char **out)
{
	static const struct {
		const char *word;
		const char *meaning;
		size_t least;
	} words[] = {{"true", "on", 1}, {"false", "off", 1}, {"yes", "on", 1}, {"no", "off", 1},
		{"on", "on", 2}, {"off", "off", 2}, {"1", "on", 1}, {"0", "off", 1}};

	for (size_t i = 0; i < array_len(words); i++) {
		struct slice word = slice_from_c(words[i].word);

		if (value.len < words[i].least ||
			!slice_equal_nocase(slice_sub(word, 0, value.len), value) ||
			value.len > word.len)
			continue;
		*out = words[i].meaning;
		return true;
	}
	return false;
}

/* "500", "5s", "2 min": milliseconds; -1 when it is none. */
static int64_t read_duration(struct slice value)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {
		{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
	size_t digits = 0;
	int64_t number;

	while (digits < value.len && value.ptr[digits] >= '0' && value.ptr[digits] <= '9')
		digits++;
	if (!slice_to_i64(slice_sub(value, 0, digits), &number))
		return -1;
	struct slice unit = slice_trim(slice_sub(value, digits, value.len));

	for (size_t i = 0; i < array_len(units); i++)
		if (slice_equal_c(unit, units[i].unit) &&
			checked_mul(number, units[i].ms, &number) && number <= INT32_MAX)
			return number;
	return -1;
}

static bool read_int(const struct row *row, struct slice value)
{
	struct slice most = slice_from_c(row->allowed);
	size_t dots = slice_find(most, SLICE(".."), 0);
	int64_t low;
	int64_t high;
	int64_t number;

	return slice_to_i64(slice_sub(most, 0, dots), &low) &&
	       slice_to_i64(slice_sub(most, dots + 2, most.len), &high) &&
	       slice_to_i64(value, &number) && number >= low && number <= high;
}

/* "ISO", "ISO, MDY", "european": the output is ISO, the order of day and month is kept as written.
 */
static bool read_datestyle(struct slice value, const char **out)
{
	static const struct {
		const char *word;
		const char *style;
	} words[] = {{"iso", NULL}, {"mdy", "ISO, MDY"}, {"us", "ISO, MDY"}, {"dmy", "ISO, DMY"},
		{"european", "ISO, DMY"}, {"ymd", "ISO, YMD"}};
	struct slice rest = value;

	*out = "ISO, MDY";
	while (!slice_is_none(rest)) {
		struct slice word = slice_trim(slice_split(&rest, ','));
		bool known = false;

		for (size_t i = 0; i < array_len(words); i++) {
			if (!slice_equal_nocase(word, slice_from_c(words[i].word)))
				continue;
			known = true;
			*out = words[i].style ? words[i].style : *out;
		}
		if (!known)
			return false;
	}
	return true;
}

/* A name of the time zone database. Fixed offsets are there as Etc/GMT-2. */
static bool is_time_zone(struct slice value)
{
	char path[256];

	if (!value.len || value.len > 64 || value.ptr[0] == '/' || value.ptr[0] == '.' ||
		slice_find(value, SLICE(".."), 0) != SIZE_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(c >= '0' && c <= '9') && !(c && strchr("_+-/", c)))
			return false;
	}
	if (slice_equal_c(value, "UTC") || slice_equal_c(value, "GMT"))
		return true;
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", SLICE_FMT(value));
	return value.ptr[0] >= 'A' && value.ptr[0] <= 'Z' && access(path, R_OK) == 0;
}

/* As PostgreSQL, only letters and digits count: "utf-8", "'UTF8'", "unicode". */
static bool is_utf8_name(struct slice value)
{
	char name[16] = "";
	size_t len = 0;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(c >= '0' && c <= '9'))
			continue;
		if (len + 1 >= sizeof name)
			return false;
		name[len++] = c;
	}
	struct slice cleaned = slice_of(name, len);

	return slice_equal_nocase(cleaned, SLICE("utf8")) ||
	       slice_equal_nocase(cleaned, SLICE("unicode"));
}

/* Checks a value; *out is its usual spelling. */
static bool check_value(
	const struct row *row, struct slice value, struct slice *out, struct error *err)
{
	const char *usual = NULL;
	bool ok = true;

	*out = value;
	switch (row->kind) {
	case TEXT:
	case PATH:
	case PURPOSE:
	case READONLY: break;
	case BOOL: ok = read_bool(value, &usual); break;
	case INT: ok = read_int(row, value); break;
	case ENUM: ok = is_listed(row->allowed, value); break;
	case FIXED:
		ok = is_listed(row->allowed, value);
		usual = row->initial;
		break;
	case ENCODING:
		ok = is_utf8_name(value);
		usual = "UTF8";
		break;
	case DATESTYLE: ok = read_datestyle(value, &usual); break;
	case DURATION: ok = read_duration(value) >= 0; break;
	case TIMEZONE:
		if (slice_equal_nocase(value, SLICE("utc")))
			usual = "UTC";
		ok = usual || is_time_zone(value);
		break;
	}
	if (!ok) {
		not_allowed(row, value, err);
		if (row->kind == ENCODING)
			error_hint(err, "Text here is always UTF8.");
		if (row->kind == DATESTYLE)
			error_hint(err, "Dates are written in ISO style only.");
		if (row->kind == TIMEZONE)
			error_hint(err, "Use a name of the time zone database, as Europe/Berlin.");
		return false;
	}
	if (usual)
		*out = slice_from_c(usual);
	return true;
}

static void push_undo(struct pg_settings *settings, size_t index)
{
	struct value *value = &settings->values[index];

	if (settings->undo_count == settings->undo_cap) {
		size_t cap = max_of(settings->undo_cap * 2, (size_t)8);
		struct undo *grown = realloc(settings->undo, cap * sizeof *grown);

		if (!grown)
			panic("out of memory");
		settings->undo = grown;
		settings->undo_cap = cap;
	}
	settings->undo[settings->undo_count++] =
		(struct undo){index, copy_or_null(value->session), copy_or_null(value->local)};
}

/* A two-part name that is not in the table: the client's own. */
static struct value *add_custom(struct pg_settings *settings, struct slice name, struct error *err)
{
	if (slice_find(name, SLICE("."), 0) == SIZE_MAX ||
		slice_starts_with(name, SLICE("weft."))) {
		error_set(err, UNDEFINED_OBJECT, "unrecognized configuration parameter \"%.*s\"",
			SLICE_FMT(slice_sub(name, 0, 100)));
		error_hint(err, "SHOW ALL lists the parameters.");
		return NULL;
	}
	if (settings->count >= array_len(rows) + CUSTOM_MAX || name.len > 128) {
		error_set(err, LIMIT_EXCEEDED,
			"a session has at most %d parameters of its own, with names of 128 bytes",
			CUSTOM_MAX);
		return NULL;
	}
	struct value *grown =
		realloc(settings->values, (settings->count + 1) * sizeof *settings->values);

	if (!grown)
		panic("out of memory");
	settings->values = grown;
	grown[settings->count] = (struct value){.name = copy_text(name)};
	return &settings->values[settings->count++];
}

static void replace(char **text, char *with)
{
	free(*text);
	*text = with;
}

static void put(struct pg_settings *settings, struct value *value, const struct slice *text,
	enum pg_setting_scope scope)
{
	char *copy = text ? copy_text(*text) : NULL;

	if (scope == PG_SET_SERVER) {
		replace(&value->initial, copy);
		return;
	}
	push_undo(settings, (size_t)(value - settings->values));
	if (scope == PG_SET_LOCAL) {
		if (!copy)
			copy = copy_or_null(value->initial ? value->initial
					    : value->row   ? value->row->initial
							   : "");
		replace(&value->local, copy);
		return;
	}
	replace(&value->session, copy);
	replace(&value->local, NULL);
}

bool pg_settings_set(struct pg_settings *settings, struct slice name, struct slice value,
	enum pg_setting_scope scope, struct error *err)
{
	struct value *at = find(settings, name);
	struct slice usual = value;

	if (value.len > VALUE_MAX_BYTES)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"a parameter's value has at most %d bytes", VALUE_MAX_BYTES);
	if (!at && !(at = add_custom(settings, name, err)))
		return false;
	if (slice_is_none(value)) {
		if (scope == PG_SET_SERVER || !at->row || at->row->kind != READONLY)
			put(settings, at, NULL, scope);
		return true;
	}
	if (at->row && at->row->kind == READONLY && scope != PG_SET_SERVER) {
		if (slice_equal_c(value, value_now(at)))
			return true; /* SET SESSION AUTHORIZATION to oneself */
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"parameter \"%s\" cannot be changed", at->row->name);
	}
	if (at->row && !check_value(at->row, value, &usual, err))
		return false;
	put(settings, at, &usual, scope);
	return true;
}

void pg_settings_reset_all(struct pg_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		if (settings->values[i].session || settings->values[i].local)
			put(settings, &settings->values[i], NULL, PG_SET_SESSION);
}

void pg_settings_keep_as_default(struct pg_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		if (settings->values[i].session) {
			replace(&settings->values[i].initial, settings->values[i].session);
			settings->values[i].session = NULL;
		}
	pg_settings_commit(settings);
}

int64_t pg_settings_ms(const struct pg_settings *settings, const char *name)
{
	return max_of(read_duration(pg_settings_get(settings, name)), (int64_t)0);
}

size_t pg_settings_search_path(
	const struct pg_settings *settings, struct arena *arena, const struct slice **out)
{
	VEC(struct slice) names = {0};
	struct lexer lexer = lexer_of(pg_settings_get(settings, "search_path"));
	struct token token;

	while ((token = lexer_next(&lexer)).kind != TOKEN_END && token.kind != TOKEN_ERROR) {
		struct slice name = token_name(arena, token);

		if (slice_is_none(name) || !name.len || slice_equal_c(name, "$user") ||
			slice_equal_c(name, "public") || slice_equal_c(name, "pg_catalog"))
			continue;
		vec_push(arena, &names, name);
	}
	*out = names.items;
	return names.len;
}

size_t pg_settings_mark(const struct pg_settings *settings)
{
	return settings->undo_count;
}

void pg_settings_undo(struct pg_settings *settings, size_t mark)
{
	while (settings->undo_count > mark) {
		struct undo *undo = &settings->undo[--settings->undo_count];

		replace(&settings->values[undo->index].session, undo->session);
		replace(&settings->values[undo->index].local, undo->local);
	}
}

void pg_settings_commit(struct pg_settings *settings)
{
	for (size_t i = 0; i < settings->undo_count; i++) {
		replace(&settings->values[settings->undo[i].index].local, NULL);
		free(settings->undo[i].session);
		free(settings->undo[i].local);
	}
	settings->undo_count = 0;
}

size_t pg_settings_count(const struct pg_settings *settings)
{
	return settings->count;
}

struct pg_setting_view pg_settings_at(const struct pg_settings *settings, size_t index)
{
	const struct value *value = &settings->values[index];

	return (struct pg_setting_view){slice_from_c(value_name(value)),
		slice_from_c(value_now(value)),
		value->row ? slice_from_c(value->row->text) : SLICE("The client's own.")};
}

bool pg_settings_next_report(struct pg_settings *settings, struct pg_setting_view *out)
{
	for (size_t i = 0; i < settings->count; i++) {
		struct value *value = &settings->values[i];
		const char *now = value_now(value);

		if (!value->row || !value->row->report ||
			(value->told && strcmp(value->told, now) == 0))
			continue;
		replace(&value->told, copy_text(slice_from_c(now)));
		*out = pg_settings_at(settings, i);
		return true;
	}
	return false;
}
