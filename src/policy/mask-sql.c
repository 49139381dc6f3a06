/* Masks as SQL; see mask-sql.h. The functions weft_pseudonym_* are registered by the engine. */
#include "policy/mask-sql.h"

#include "base/num.h"
#include "base/str.h"
#include "sql/literal.h"

enum { MAX_KEEP = 64 };

static bool is_unit(struct slice unit, enum type_group group)
{
	static const char *const units[] = {"day", "week", "month", "quarter", "year", "hour"};
	size_t count = group == TYPE_DATE ? array_len(units) - 1 : array_len(units);

	for (size_t i = 0; i < count; i++)
		if (slice_equal_c(unit, units[i]))
			return true;
	return false;
}

static bool is_time(enum type_group group)
{
	return group == TYPE_DATE || group == TYPE_TIMESTAMP || group == TYPE_TIMESTAMPTZ;
}

/* Steps of whole positive numbers: "10", "1000"; printed into SQL as they stand. */
static bool is_step(struct slice text)
{
	int64_t step = 0;

	return slice_to_i64(text, &step) && step > 0 && step <= 1000000000;
}

static bool is_number(enum type_group group)
{
	return group == TYPE_INTEGER || group == TYPE_DECIMAL || group == TYPE_DOUBLE;
}

bool policy_mask_fits(
	struct arena *arena, const struct mask *mask, struct slice type, struct slice *why_out)
{
	enum type_group group = type_of(type).group;
	const char *why = NULL;

	switch (mask->method) {
	case MASK_NONE:
	case MASK_NULL:
	case MASK_CONSTANT: break;
	case MASK_TRUNCATE:
		if (is_time(group) ? !is_unit(mask->truncate, group)
				   : !is_number(group) || !is_step(mask->truncate))
			why = "truncate takes a unit (year, quarter, month, week, day, hour) for "
			      "dates "
			      "and times and a whole step for numbers";
		break;
	case MASK_PARTIAL:
		if (group != TYPE_TEXT)
			why = "partial keeps characters of texts";
		break;
	case MASK_PSEUDONYM:
		if (group != TYPE_INTEGER && group != TYPE_TEXT && group != TYPE_UUID)
			why = "pseudonyms are made of integers, texts and UUIDs";
		break;
	}
	if (why)
		*why_out = arena_printf(
			arena, "%s; the column is %.*s and will be NULL", why, SLICE_FMT(type));
	return !why;
}

static struct slice null_of(struct arena *arena, struct slice type)
{
	return arena_printf(arena, "CAST(NULL AS %.*s)", SLICE_FMT(type));
}

/*
 * Never raises: an error would tell a value. Integers go down to the step below in a wider type, so
 * that neither the sum nor the difference can overflow; what no longer fits the type is NULL.
 */
static struct slice truncate_number(
	struct arena *arena, const struct mask *mask, struct slice column, struct slice type)
{
	struct type_info info = type_of(type);
	bool small = info.high <= INT32_MAX && info.low >= INT32_MIN;
	struct slice step = mask->truncate;

	/* HUGEINT has no wider type. */
	if (info.group != TYPE_INTEGER || slice_find(type, SLICE("HUGE"), 0) != SIZE_MAX)
		return arena_printf(arena,
			"TRY_CAST(floor(CAST(%.*s AS DOUBLE) / %.*s) * %.*s AS %.*s)",
			SLICE_FMT(column), SLICE_FMT(step), SLICE_FMT(step), SLICE_FMT(type));
	struct slice wide = arena_printf(
		arena, "CAST(%.*s AS %s)", SLICE_FMT(column), small ? "BIGINT" : "HUGEINT");
	return arena_printf(arena, "TRY_CAST(%.*s - (%.*s %% %.*s + %.*s) %% %.*s AS %.*s)",
		SLICE_FMT(wide), SLICE_FMT(wide), SLICE_FMT(step), SLICE_FMT(step), SLICE_FMT(step),
		SLICE_FMT(type));
}

/* date_trunc gives a DATE or a TIMESTAMP; the cast keeps the column's type. */
static struct slice truncate(
	struct arena *arena, const struct mask *mask, struct slice column, struct slice type)
{
	struct str unit = str_in(arena);

	if (!is_time(type_of(type).group))
		return truncate_number(arena, mask, column, type);
	str_add_sql_literal(&unit, mask->truncate);
	return arena_printf(arena, "CAST(date_trunc(%.*s, %.*s) AS %.*s)",
		SLICE_FMT(str_slice(&unit)), SLICE_FMT(column), SLICE_FMT(type));
}

static int keep(int wanted)
{
	return max_of(0, min_of(wanted, (int)MAX_KEEP));
}

/*
 * Texts not longer than what would be kept become stars whole: a short value must not pass. With
 * keep_after, what stands before the first such text is treated so, and the text and what follows
 * stay.
 */
static struct slice partial(struct arena *arena, const struct mask *mask, struct slice column)
{
	int first = keep(mask->keep_first);
	int last = keep(mask->keep_last);
	struct str out = str_in(arena);
	struct slice head = column;
	struct str tail = str_in(arena);

	if (mask->keep_after.len) {
		struct str mark = str_in(arena);
		str_add_sql_literal(&mark, mask->keep_after);
		struct slice m = str_slice(&mark);
		head = arena_printf(
			arena, "split_part(%.*s, %.*s, 1)", SLICE_FMT(column), SLICE_FMT(m));
		str_printf(&tail, " || substr(%.*s, length(%.*s) + 1)", SLICE_FMT(column),
			SLICE_FMT(head));
	}
	str_printf(&out,
		"CASE WHEN length(%.*s) > %d THEN left(%.*s, %d) || repeat('*', length(%.*s) - %d) "
		"|| right(%.*s, %d)",
		SLICE_FMT(head), first + last, SLICE_FMT(head), first, SLICE_FMT(head),
		first + last, SLICE_FMT(head), last);
	str_printf(&out, " ELSE repeat('*', length(%.*s)) END", SLICE_FMT(head));
	return arena_printf(
		arena, "(%.*s%.*s)", SLICE_FMT(str_slice(&out)), SLICE_FMT(str_slice(&tail)));
}

static struct mask_sql pseudonym(struct arena *arena, struct slice column, enum type_group group)
{
	if (group == TYPE_INTEGER)
		return (struct mask_sql){
			arena_printf(arena, "weft_pseudonym_bigint(CAST(%.*s AS BIGINT))",
				SLICE_FMT(column)),
			SLICE("BIGINT")};
	return (struct mask_sql){arena_printf(arena, "weft_pseudonym_text(CAST(%.*s AS VARCHAR))",
					 SLICE_FMT(column)),
		SLICE("VARCHAR")};
}

static struct slice constant(struct arena *arena, const struct mask *mask, struct slice type)
{
	struct str out = str_in(arena);

	str_add_c(&out, "TRY_CAST(");
	str_add_sql_literal(&out, mask->constant);
	str_printf(&out, " AS %.*s)", SLICE_FMT(type));
	return str_slice(&out);
}

struct mask_sql policy_mask_sql(
	struct arena *arena, const struct mask *mask, struct slice column, struct slice type)
{
	struct str quoted = str_in(arena);
	struct slice why = SLICE_NONE;
	struct slice name;

	if (mask->method == MASK_NONE)
		return (struct mask_sql){SLICE_NONE, type};
	if (mask->method == MASK_NULL || !policy_mask_fits(arena, mask, type, &why))
		return (struct mask_sql){null_of(arena, type), type};
	str_add_sql_ident(&quoted, column);
	name = str_slice(&quoted);
	switch (mask->method) {
	case MASK_TRUNCATE: return (struct mask_sql){truncate(arena, mask, name, type), type};
	case MASK_PARTIAL: return (struct mask_sql){partial(arena, mask, name), type};
	case MASK_PSEUDONYM: return pseudonym(arena, name, type_of(type).group);
	case MASK_CONSTANT: return (struct mask_sql){constant(arena, mask, type), type};
	case MASK_NONE:
	case MASK_NULL: break;
	}
	return (struct mask_sql){null_of(arena, type), type};
}
