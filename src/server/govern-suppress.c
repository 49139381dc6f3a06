/*
 * Tables whose small groups are suppressed. The worker's view hides the rows of small cells (rows
 * alike in the columns of groupBy); what is left to do here is that no statement tells the rows of
 * one cell apart. It may do with the columns of groupBy what it likes: they are the same in the
 * whole cell. Other columns stand in sum, avg and count only, each taken over whole cells. So all
 * answers are made of the sums of cells, and none, nor the difference of two, is about fewer rows
 * than a cell has. docs/security.md says what this does not hold against.
 */
#include "base/str.h"
#include "server/govern-private.h"

static bool is_listed(const struct slice *names, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(names[i], name))
			return true;
	return false;
}

static struct slice list_of(struct arena *arena, const struct decision_suppress *s)
{
	struct str out = str_in(arena);
	for (size_t i = 0; i < s->group_by_count; i++)
		str_printf(&out, "%s%.*s", i ? ", " : "", SLICE_FMT(s->group_by[i]));
	return str_slice(&out);
}

struct slice govern_suppress_text(
	struct arena *arena, const struct decision_suppress *s, struct slice name)
{
	struct str out = str_in(arena);
	str_printf(&out, "rows of %.*s are hidden in groups", SLICE_FMT(name));
	if (s->group_by_count)
		str_printf(&out, " (%.*s)", SLICE_FMT(list_of(arena, s)));
	str_printf(&out, " of fewer than %lld", (long long)s->min_group);
	for (size_t i = 0; i < s->subject_count; i++)
		str_printf(&out, "%s%.*s", i ? ", " : " ", SLICE_FMT(s->subjects[i]));
	return str_slice(&out);
}

static bool refuse(
	const struct plan *plan, const struct governed *g, struct slice why, struct error *err)
{
	const struct decision_suppress *s = &g->decision.suppress;
	error_set(err, INSUFFICIENT_PRIVILEGE, "small groups of %.*s are suppressed for you: %.*s",
		SLICE_FMT(g->reference->name), SLICE_FMT(why));
	if (s->group_by_count == 0)
		return error_hint(err, "Ask for totals of the whole table: count(*), and sum(x), "
				       "avg(x), count(x) or count(DISTINCT x) of a plain column.");
	return error_hint(err,
		"Group and filter by %.*s; of other columns ask sum(x), avg(x), count(x) or "
		"count(DISTINCT x).",
		SLICE_FMT(list_of(plan->arena, s)));
}

/* The first visible column that could tell rows of one cell apart; none when there is none. */
static struct slice telling_column(const struct governed *g)
{
	const struct decision_suppress *s = &g->decision.suppress;
	const struct sql_table *t = g->reference;
	for (size_t i = 0; i < g->table->column_count; i++) {
		struct slice column = g->table->columns[i].name;
		if (g->decision.masks[i].denied ||
			is_listed(s->group_by, s->group_by_count, column))
			continue;
		if (t->all_columns || is_listed(t->free_columns, t->free_column_count, column))
			return column;
	}
	return SLICE_NONE;
}

bool govern_suppressed(const struct govern_request *request, const struct plan *plan,
	const struct governed *g, struct error *err)
{
	if (g->decision.suppress.min_group == 0)
		return true;
	if (request->facts->picks_rows)
		return refuse(plan, g,
			SLICE("samples, positional and ASOF joins and random values pick single "
			      "rows"),
			err);
	/* failed_run and failed_check divide cells. */
	if (g->failed)
		return refuse(plan, g, SLICE("failing rows cannot be read"), err);
	/* Two versions differ by single rows. */
	if (g->reference->at != SQL_AT_NONE)
		return refuse(plan, g, SLICE("older versions cannot be read"), err);
	struct slice column = telling_column(g);
	if (slice_is_none(column))
		return true;
	struct slice why = g->reference->all_columns
				   ? SLICE("*, whole rows, renamed columns, PIVOT and NATURAL "
					   "would show each row")
				   : arena_printf(plan->arena,
					     "\"%.*s\" may only stand alone in sum, avg or count "
					     "beside FROM, and be the name of nothing else",
					     SLICE_FMT(column));
	return refuse(plan, g, why, err);
}
