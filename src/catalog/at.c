/* Time travel: which version a text means, and the files of a version. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/num.h"
#include "base/str.h"
#include "catalog/model.h"

struct reader {
	struct slice text;
	size_t at;
	bool bad;
};

static int read_digits(struct reader *r, int count)
{
	int n = 0;

	for (int i = 0; i < count; i++, r->at++) {
		if (r->at >= r->text.len || r->text.ptr[r->at] < '0' || r->text.ptr[r->at] > '9') {
			r->bad = true;
			return 0;
		}
		n = n * 10 + (r->text.ptr[r->at] - '0');
	}
	return n;
}

static bool skip(struct reader *r, const char *any)
{
	if (r->at >= r->text.len || !strchr(any, r->text.ptr[r->at]))
		return false;
	r->at++;
	return true;
}

static void expect(struct reader *r, const char *any)
{
	if (!skip(r, any))
		r->bad = true;
}

/* Digits behind the point as microseconds; more than six are dropped. */
static int64_t read_fraction(struct reader *r)
{
	int64_t micros = 0;
	int64_t unit = 100000;

	for (; r->at < r->text.len && r->text.ptr[r->at] >= '0' && r->text.ptr[r->at] <= '9';
		r->at++, unit /= 10)
		micros += (r->text.ptr[r->at] - '0') * unit;
	return micros;
}

/* "Z", "+02", "-05:30"; nothing is UTC. */
static int64_t read_offset_s(struct reader *r)
{
	skip(r, " ");
	if (r->at == r->text.len || skip(r, "Zz"))
		return 0;
	bool west = skip(r, "-");

	if (!west)
		expect(r, "+");
	int64_t seconds = (int64_t)read_digits(r, 2) * 3600;

	skip(r, ":");
	if (r->at < r->text.len)
		seconds += (int64_t)read_digits(r, 2) * 60;
	return west ? -seconds : seconds;
}

bool model_time_read(struct slice text, int64_t *out)
{
	struct reader r = {.text = slice_trim(text)};
	struct tm parts = {0};
	int64_t micros = 0;
	int64_t offset = 0;

	parts.tm_year = read_digits(&r, 4) - 1900;
	expect(&r, "-");
	parts.tm_mon = read_digits(&r, 2) - 1;
	expect(&r, "-");
	parts.tm_mday = read_digits(&r, 2);
	if (skip(&r, " Tt")) {
		parts.tm_hour = read_digits(&r, 2);
		expect(&r, ":");
		parts.tm_min = read_digits(&r, 2);
		if (skip(&r, ":"))
			parts.tm_sec = read_digits(&r, 2);
		if (skip(&r, "."))
			micros = read_fraction(&r);
		offset = read_offset_s(&r);
	}
	if (r.bad || r.at != r.text.len || parts.tm_mon < 0 || parts.tm_mon > 11 ||
		parts.tm_mday < 1 || parts.tm_mday > 31 || parts.tm_hour > 23 ||
		parts.tm_min > 59 || parts.tm_sec > 60)
		return false;
	int month = parts.tm_mon;

	*out = ((int64_t)timegm(&parts) - offset) * 1000000 + micros;
	return parts.tm_mon == month; /* timegm moved the 31st of a short month on */
}

/* list: the versions that are kept, newest first. */
static bool fail_absent(const struct model_table *table, const struct version_list *list,
	struct slice text, struct error *err)
{
	struct slice domain = table->product->domain->name;
	struct slice shown = slice_sub(text, 0, 60);

	if (list->count && list->items[list->count - 1].version > 1) {
		const struct version_row *oldest = &list->items[list->count - 1];
		time_t made = (time_t)(oldest->created_us / 1000000);
		struct tm parts;
		char when[32] = "";

		if (gmtime_r(&made, &parts))
			strftime(when, sizeof when, "%Y-%m-%d %H:%M:%SZ", &parts);
		error_set(err, UNDEFINED_OBJECT,
			"%.*s.%.*s has no version %.*s: the oldest that is kept is %" PRId64
			", made %s",
			SLICE_FMT(domain), SLICE_FMT(table->name), SLICE_FMT(shown),
			oldest->version, when);
		return error_hint(err, "Older versions went with the domain's retention.");
	}
	error_set(err, UNDEFINED_OBJECT, "%.*s.%.*s has no version %.*s", SLICE_FMT(domain),
		SLICE_FMT(table->name), SLICE_FMT(shown));
	return error_hint(err, "SELECT * FROM mesh.versions shows the versions that can be read");
}

/* Whether the product still has that version: retention drops old ones. */
static bool check_kept(struct store *store, const struct model_table *table, int64_t version,
	struct slice text, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct version_list list;
	int64_t made_us;

	if (!versions_made_us(store, table->product->full_name, version, &made_us, err))
		return false;
	if (made_us)
		return true;
	return versions_list(store, table->product->full_name, 0, arena, &list, err) &&
	       fail_absent(table, &list, text, err);
}

bool model_version_at(struct store *store, const struct model_table *table,
	const struct model_at *at, int64_t *version_out, struct error *err)
{
	int64_t version = 0;
	int64_t time_us;

	if (!at->text.len) {
		*version_out = table->version;
		return true;
	}
	if (!at->timestamp && !slice_to_i64(at->text, &version)) {
		error_set(err, INVALID_PARAMETER_VALUE, "\"%.*s\" is not a version",
			SLICE_FMT(slice_sub(at->text, 0, 60)));
		return error_hint(err, "write a number: AT (VERSION => 3)");
	}
	if (at->timestamp) {
		if (!model_time_read(at->text, &time_us)) {
			error_set(err, INVALID_PARAMETER_VALUE, "\"%.*s\" is not a time",
				SLICE_FMT(slice_sub(at->text, 0, 60)));
			return error_hint(err, "write AT (TIMESTAMP => '2026-01-31 12:00:00+00')");
		}
		if (!versions_at(store, table->product->full_name, time_us, &version, err))
			return false;
	}
	if (!check_kept(store, table, version, at->text, err))
		return false;
	*version_out = version;
	return true;
}

static bool find_state(struct store *store, const struct model_table *table, int64_t version,
	struct arena *arena, struct table_version_row *out, struct error *err)
{
	struct table_version_list list;

	if (!versions_tables(store, table->product->full_name, version, arena, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (slice_equal_nocase(list.items[i].table, table->key)) {
			*out = list.items[i];
			return true;
		}
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "%.*s.%.*s has no data yet",
		SLICE_FMT(table->product->domain->name), SLICE_FMT(table->name));
	return error_hint(err, "its product publishes it: weft run %.*s",
		SLICE_FMT(table->product->full_name));
}

bool model_files_at(struct store *store, const struct model_table *table, int64_t version,
	struct arena *arena, struct model_files *out, struct error *err)
{
	struct file_list list;

	if (!find_state(store, table, version, arena, &out->state, err) ||
		!versions_files(store, &out->state, version, arena, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++)
		list.items[i].path = arena_printf(arena, "%.*s/%.*s",
			SLICE_FMT(out->state.location), SLICE_FMT(list.items[i].path));
	out->files = list.items;
	out->file_count = list.count;
	return true;
}
