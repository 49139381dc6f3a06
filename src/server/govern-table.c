/*
 * A decided table as the worker gets it: visible columns with their masks, the files that the row
 * filter does not drop whole, and the barrier when what is left holds hidden rows. Also what is
 * told about it: the notices for the client, the lines of EXPLAIN, the JSON for the audit.
 */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "policy/attribute-test.h"
#include "policy/mask-sql.h"
#include "policy/prune.h"
#include "server/file-lists.h"
#include "server/govern-private.h"
#include "server/server-private.h"

enum { STATS_CUT_BYTES = 32 }; /* writers cut texts in statistics at this length or later */

void govern_notice(struct plan *plan, struct slice text)
{
	plan->notices =
		arena_grow(plan->arena, plan->notices, plan->notice_count * sizeof *plan->notices,
			(plan->notice_count + 1) * sizeof *plan->notices);
	plan->notices[plan->notice_count++] = text;
}

void govern_explain(struct plan *plan, struct slice line)
{
	plan->explain =
		arena_grow(plan->arena, plan->explain, plan->explain_count * sizeof *plan->explain,
			(plan->explain_count + 1) * sizeof *plan->explain);
	plan->explain[plan->explain_count++] = line;
}

uint64_t govern_digest(const struct decision *d, size_t column_count)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct str text = str_in(scratch);
	str_printf(&text, "%d %lld", d->outcome, (long long)d->suppress.min_group);
	for (size_t i = 0; i < d->suppress.group_by_count; i++)
		str_printf(&text, "\ng %.*s", SLICE_FMT(d->suppress.group_by[i]));
	for (size_t i = 0; i < d->suppress.subject_count; i++)
		str_printf(&text, "\ns %.*s", SLICE_FMT(d->suppress.subjects[i]));
	for (size_t i = 0; i < d->filter_count; i++)
		str_printf(&text, "\nf %.*s", SLICE_FMT(d->filters[i].expression));
	for (size_t i = 0; d->outcome == DECISION_ALLOW && i < column_count; i++) {
		const struct mask *m = &d->masks[i].mask;
		str_printf(&text, "\nm %d %d %d %d %.*s|%.*s|%.*s", d->masks[i].denied, m->method,
			m->keep_first, m->keep_last, SLICE_FMT(m->constant),
			SLICE_FMT(m->keep_after), SLICE_FMT(m->truncate));
	}
	return hash_bytes(str_slice(&text));
}

/* A statistic as DuckDB would cast it; none when it is not certain enough to decide by. */
static struct slice stat_text(struct arena *arena, const json_t *value, struct slice type)
{
	if (json_is_string(value))
		return arena_copy(arena, json_to_slice(value));
	if (json_is_integer(value))
		return arena_printf(arena, "%lld", (long long)json_integer_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? SLICE("true") : SLICE("false");
	if (!json_is_real(value))
		return SLICE_NONE;
	double real = json_real_value(value);
	if (!slice_starts_with(type, SLICE("DECIMAL")))
		return arena_printf(arena, "%.17g", real);
	/* A double holds 15 digits of a decimal for sure. */
	return real < 1e12 && real > -1e12 ? arena_printf(arena, "%.15g", real) : SLICE_NONE;
}

static void column_facts(struct arena *arena, const json_t *stats, const json_t *partitions,
	int64_t rows, struct file_column *out)
{
	char *name = arena_cstr(arena, out->name);
	out->null_count = -1;
	json_t *partition = partitions ? json_object_get(partitions, name) : NULL;
	if (partition) {
		out->null_count = json_is_null(partition) ? rows : 0;
		if (!json_is_null(partition))
			out->min = out->max = stat_text(arena, partition, out->type);
		return;
	}
	if (!stats)
		return;
	json_t *min = json_object_get(json_object_get(stats, "minValues"), name);
	json_t *max = json_object_get(json_object_get(stats, "maxValues"), name);
	out->min = stat_text(arena, min, out->type);
	out->max = stat_text(arena, max, out->type);
	out->min_is_cut = json_is_string(min) && out->min.len >= STATS_CUT_BYTES;
	out->max_is_cut = json_is_string(max) && out->max.len >= STATS_CUT_BYTES;
	out->null_count = json_get_i64(json_object_get(stats, "nullCount"), name, -1);
}

enum govern_verdict govern_file_verdict(const struct decision *decision,
	const struct model_table *table, const struct file_row *file,
	const struct principal *principal)
{
	if (decision->filter_count == 0)
		return GOVERN_ALL;
	scoped(arena_free) struct arena *scratch = arena_new();
	struct error ignored;
	scoped(json_drop) json_t *stats =
		file->stats.len ? json_parse(file->stats, &ignored) : NULL;
	scoped(json_drop) json_t *partitions =
		file->partitions.len ? json_parse(file->partitions, &ignored) : NULL;
	struct file_column *columns =
		arena_array_of(scratch, struct file_column, table->column_count);
	for (size_t i = 0; i < table->column_count; i++) {
		columns[i].name = table->columns[i].name;
		columns[i].type = table->columns[i].type;
		column_facts(scratch, stats, partitions, file->rows, &columns[i]);
	}
	struct file_facts facts = {
		.columns = columns, .column_count = table->column_count, .rows = file->rows};
	enum govern_verdict all = GOVERN_ALL;
	for (size_t i = 0; i < decision->filter_count; i++) {
		struct slice ast = decision->filters[i].ast;
		enum file_verdict v =
			slice_is_none(ast) ? FILE_MIXED
					   : policy_file_verdict(scratch, ast, &facts, principal);
		if (v == FILE_NONE)
			return GOVERN_NONE;
		if (v == FILE_MIXED)
			all = GOVERN_MIXED;
	}
	return all;
}

/* What the stored version says of the column; NULL when it lacks it. stored is [{"name","type"…}].
 */
static const json_t *find_stored(const json_t *stored, struct slice name)
{
	size_t i;
	json_t *column;
	json_array_foreach(stored, i,
		column) if (slice_equal_nocase(json_get_slice(column, "name"), name)) return column;
	return NULL;
}

static bool other_type(const json_t *stored, struct slice type)
{
	struct slice in_files = json_get_slice(stored, "stored");
	return in_files.len > 0 || !slice_equal_nocase(json_get_slice(stored, "type"), type);
}

static void fill_columns(struct plan *plan, const struct governed *g, struct slice stored_schema,
	struct wire_relation *relation)
{
	const struct model_table *table = g->table;
	struct error ignored;
	scoped(json_drop) json_t *stored =
		stored_schema.len ? json_parse(stored_schema, &ignored) : NULL;
	struct wire_column *columns =
		arena_array_of(plan->arena, struct wire_column, table->column_count);
	size_t count = 0;
	for (size_t i = 0; i < table->column_count; i++) {
		const struct model_column *c = &table->columns[i];
		const struct decision_mask *mask = &g->decision.masks[i];
		if (mask->denied)
			continue;
		const json_t *column = stored ? find_stored(stored, c->name) : NULL;
		struct mask_sql sql = policy_mask_sql(plan->arena, &mask->mask, c->name, c->type);
		columns[count++] = (struct wire_column){.name = arena_copy(plan->arena, c->name),
			.type = arena_copy(
				plan->arena, slice_is_none(sql.expression) ? c->type : sql.type),
			.expr = sql.expression,
			.absent = stored && !column,
			.other_type = column && other_type(column, c->type)};
	}
	relation->columns = columns;
	relation->column_count = count;
}

static bool is_text_column(const void *ctx, struct slice name)
{
	const struct model_table *table = ctx;
	for (size_t i = 0; i < table->column_count; i++)
		if (slice_equal_nocase(table->columns[i].name, name))
			return slice_equal_c(table->columns[i].type, "VARCHAR");
	return false;
}

static void keep_filter(const struct govern_request *request, struct plan *plan,
	const struct governed *g, struct wire_relation *relation)
{
	struct str filter = str_in(plan->arena);
	/* The line ends before the parenthesis: a filter that ends in a comment must not swallow it
	 * and turn the next filter's OR against it. */
	for (size_t i = 0; i < g->decision.filter_count; i++) {
		const struct decision_filter *f = &g->decision.filters[i];
		struct slice text = attribute_filter_text(plan->arena, f->expression, f->ast,
			request->principal, is_text_column, g->table);
		str_printf(&filter, "%s(%.*s\n)", i ? " AND " : "", SLICE_FMT(text));
	}
	relation->filter = str_slice(&filter);
	relation->barrier = true;
}

/* Drops hidden files; the filter and the barrier stay only when hidden rows are left. */
static void fill_files(const struct govern_request *request, struct plan *plan,
	const struct governed *g, const struct model_files *files, struct wire_relation *relation)
{
	struct slice *kept = arena_array_of(plan->arena, struct slice, files->file_count);
	size_t count = 0;
	bool mixed = false;
	for (size_t i = 0; i < files->file_count; i++) {
		enum govern_verdict v = govern_file_verdict(
			&g->decision, g->table, &files->files[i], request->principal);
		if (v == GOVERN_NONE)
			continue;
		mixed |= v == GOVERN_MIXED;
		kept[count++] = arena_copy(plan->arena, files->files[i].path);
	}
	relation->files = kept;
	relation->file_count = count;
	if (mixed)
		keep_filter(request, plan, g, relation);
}

static void fill_suppression(
	struct plan *plan, const struct governed *g, struct wire_relation *relation)
{
	const struct decision_suppress *from = &g->decision.suppress;
	struct arena *arena = plan->arena;
	if (from->min_group == 0)
		return;
	struct decision_suppress *copy = arena_new_of(arena, struct decision_suppress);
	*copy = *from;
	copy->group_by = arena_copy_all(arena, from->group_by, from->group_by_count);
	copy->subjects = arena_copy_all(arena, from->subjects, from->subject_count);
	relation->suppress = copy;
	relation->barrier = true;
}

/* The user's own conditions that can tell nothing about hidden rows. */
static void fill_conjuncts(
	struct plan *plan, const struct governed *g, struct wire_relation *relation)
{
	const struct sql_table *t = g->reference;
	struct slice *texts = arena_array_of(plan->arena, struct slice, t->conjunct_count);
	size_t count = 0;
	/* Of a cell all rows or none: a condition must not come before they are counted. */
	bool copies = relation->barrier && g->decision.suppress.min_group == 0;
	for (size_t i = 0; copies && i < t->conjunct_count; i++)
		for (size_t j = 0; j < relation->column_count; j++) {
			const struct wire_column *c = &relation->columns[j];
			if (slice_is_none(c->expr) && !c->absent && !c->other_type &&
				slice_equal_nocase(c->name, t->conjuncts[i].column) &&
				sql_conjunct_text(
					plan->arena, &t->conjuncts[i], c->type, &texts[count]))
				count++;
		}
	relation->conjuncts = texts;
	relation->conjunct_count = count;
}

static bool may_read(const struct sql_table *t, struct slice column)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (slice_equal_nocase(t->columns[i], column))
			return true;
	return t->all_columns;
}

static struct slice full_name(struct plan *plan, const struct governed *g)
{
	return arena_printf(plan->arena, "%.*s.%.*s", SLICE_FMT(g->table->product->domain->name),
		SLICE_FMT(g->reference->name));
}

static void tell(struct plan *plan, const struct governed *g, struct slice name)
{
	const struct decision *d = &g->decision;
	struct arena *arena = plan->arena;
	for (size_t i = 0; i < d->filter_count; i++)
		govern_notice(plan, arena_printf(arena, "rows of %.*s filtered by %.*s",
					    SLICE_FMT(name), SLICE_FMT(d->filters[i].policy)));
	for (size_t i = 0; i < g->table->column_count; i++) {
		const struct decision_mask *m = &d->masks[i];
		struct slice column = g->table->columns[i].name;
		if (m->denied || m->mask.method == MASK_NONE || !may_read(g->reference, column))
			continue;
		govern_notice(
			plan, arena_printf(arena, "%.*s.%.*s masked by %.*s (%s)", SLICE_FMT(name),
				      SLICE_FMT(column), SLICE_FMT(m->policy),
				      mask_method_name(m->mask.method)));
	}
	if (d->suppress.min_group)
		govern_notice(plan, govern_suppress_text(arena, &d->suppress, name));
}

/* {"filters":["policy"…],"masks":{"column":"policy"…},"min_group":n} */
static struct slice decision_json(struct arena *arena, const struct governed *g)
{
	const struct decision *d = &g->decision;
	struct str out = str_in(arena);
	str_add_c(&out, "{\"filters\":[");
	for (size_t i = 0; i < d->filter_count; i++) {
		str_add_c(&out, i ? "," : "");
		str_add_json(&out, d->filters[i].policy);
	}
	str_add_c(&out, "],\"masks\":{");
	bool first = true;
	for (size_t i = 0; i < g->table->column_count; i++) {
		if (slice_is_none(d->masks[i].policy))
			continue;
		str_add_c(&out, first ? "" : ",");
		str_add_json(&out, g->table->columns[i].name);
		str_add_char(&out, ':');
		str_add_json(&out, d->masks[i].policy);
		first = false;
	}
	str_printf(&out, "},\"min_group\":%lld%s}", (long long)d->suppress.min_group,
		g->failed ? ",\"failing_rows\":true" : "");
	return str_slice(&out);
}

/* Neither what is hidden nor what lies below a mask may count: see is_small in govern.c. */
static bool has_few_rows(const struct governed *g, const struct model_files *files)
{
	enum { FEW_ROWS = 1000, FEW_BYTES = 8 << 20 };
	int64_t rows = 0;
	int64_t bytes = 0;
	for (size_t i = 0; i < files->file_count; i++) {
		rows += files->files[i].rows;
		bytes += files->files[i].bytes;
	}
	return !g->making && policy_shows_all(&g->decision, g->table->column_count) &&
	       rows <= FEW_ROWS && bytes <= FEW_BYTES;
}

static void fill_table(struct plan *plan, const struct governed *g, const struct model_files *files,
	struct plan_table *out)
{
	struct arena *arena = plan->arena;
	struct slice *columns = arena_array_of(arena, struct slice, g->table->column_count);
	size_t count = 0;
	for (size_t i = 0; i < g->table->column_count; i++)
		if (!g->decision.masks[i].denied &&
			may_read(g->reference, g->table->columns[i].name))
			columns[count++] = arena_copy(arena, g->table->columns[i].name);
	*out = (struct plan_table){.domain = arena_copy(arena, g->table->product->domain->name),
		.name = arena_copy(arena, g->failed ? g->table->key : g->reference->name),
		.version = g->version,
		.older = g->older,
		.product = arena_copy(arena, g->table->product->full_name),
		.few = has_few_rows(g, files),
		.columns = columns,
		.column_count = count,
		.restricted = !policy_shows_all(&g->decision, g->table->column_count),
		.decision = decision_json(arena, g),
		.digest = govern_digest(&g->decision, g->table->column_count),
		.failed = g->failed};
}

/* list keeps what *out borrows. */
static bool find_files(const struct govern_request *request, struct plan *plan,
	const struct governed *g, struct file_list_ref **list, struct model_files *out,
	struct error *err)
{
	*out = (struct model_files){0};
	if (g->making)
		return true;
	if (g->failed)
		return govern_failed_files(request, plan->arena, g->table, out, err);
	if (!file_lists_get(request->server->file_lists, request->server->store, g->table,
		    g->version, list, err))
		return false;
	*out = *file_list_files(*list);
	return true;
}

static struct slice explain_line(struct arena *arena, const struct governed *g, struct slice name,
	const struct wire_relation *r)
{
	struct slice what = g->failed ? SLICE("failing rows of runs")
				      : arena_printf(arena, "version %lld", (long long)g->version);
	return arena_printf(arena, "%.*s %.*s: %zu file%s%s", SLICE_FMT(name), SLICE_FMT(what),
		r->file_count, r->file_count == 1 ? "" : "s", r->barrier ? ", rows filtered" : "");
}

bool govern_table_relation(const struct govern_request *request, struct plan *plan,
	const struct governed *g, struct wire_relation *relation, struct plan_table *table,
	struct error *err)
{
	scoped(file_list_unref) struct file_list_ref *list = NULL;
	struct model_files found;
	const struct model_files *files = &found;
	if (!find_files(request, plan, g, &list, &found, err))
		return false;
	fill_columns(plan, g, files->state.schema, relation);
	if (g->failed)
		govern_failed_columns(plan, relation);
	fill_files(request, plan, g, files, relation);
	if (g->making) { /* the job fills in the files */
		relation->own = arena_copy(plan->arena, g->table->key);
		if (g->decision.filter_count)
			keep_filter(request, plan, g, relation);
	}
	fill_conjuncts(plan, g, relation);
	fill_suppression(plan, g, relation);
	fill_table(plan, g, files, table);
	struct slice name = full_name(plan, g);
	tell(plan, g, name);
	govern_explain(plan, explain_line(plan->arena, g, name, relation));
	return true;
}
