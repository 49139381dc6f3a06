/*
 * Tables of other nodes in a statement over several nodes: what each node is asked for. A part is a
 * statement of its own, which its node decides and runs as any other; of its answer the worker here
 * makes a table, and runs the user's text over that. What is not needed does not travel: columns
 * that the text cannot mean, and rows that a comparison with a constant leaves out.
 */
#include "base/str.h"
#include "catalog/system.h"
#include "server/govern-private.h"
#include "server/server-private.h"
#include "server/shelf.h"
#include "sql/command.h"

/* What is asked of one table. */
struct asking {
	const struct govern_request *request;
	const struct plan *plan;
	const struct governed *governed;
	struct copy_column *columns; /* as its node publishes them */
	size_t column_count;	     /* 0 = they are not known here */
};

static bool is_digits(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return text.len > 0;
}

static void add_at(struct str *sql, const struct sql_table *t)
{
	if (t->at == SQL_AT_NONE)
		return;
	str_add_c(sql, t->at == SQL_AT_VERSION ? " AT (VERSION => " : " AT (TIMESTAMP => ");
	if (t->at == SQL_AT_VERSION && is_digits(t->at_value))
		str_add(sql, t->at_value);
	else
		str_add_sql_literal(sql, t->at_value);
	str_add_char(sql, ')');
}

static bool same_text(struct slice a, struct slice b)
{
	return slice_is_none(a) == slice_is_none(b) && slice_equal_nocase(a, b);
}

/* References that read the same relation: one answer serves all of them. */
static bool is_same(const struct sql_table *a, const struct sql_table *b)
{
	return same_text(a->schema, b->schema) && slice_equal_nocase(a->name, b->name) &&
	       a->at == b->at && same_text(a->at_value, b->at_value);
}

static bool names_column(const struct sql_table *t, struct slice column)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (slice_equal_nocase(t->columns[i], column))
			return true;
	return t->all_columns;
}

static bool is_needed(const struct asking *a, struct slice column)
{
	const struct sql_facts *facts = a->request->facts;

	for (size_t i = 0; i < facts->table_count; i++)
		if (is_same(&facts->tables[i], a->governed->reference) &&
			names_column(&facts->tables[i], column))
			return true;
	return false;
}

/* The columns that are needed; count(*) needs rows, of any column. */
static void choose_columns(const struct asking *a, struct plan_part *part)
{
	struct slice *columns = arena_array_of(a->plan->arena, struct slice, a->column_count);
	size_t count = 0;

	for (size_t i = 0; i < a->column_count; i++)
		if (is_needed(a, a->columns[i].name))
			columns[count++] = a->columns[i].name;
	if (!count && a->column_count)
		columns[count++] = a->columns[0].name;
	part->columns = columns;
	part->column_count = count;
}

static void add_columns(struct str *sql, const struct plan_part *part)
{
	for (size_t i = 0; i < part->column_count; i++) {
		str_add_c(sql, i ? ", " : "");
		str_add_sql_ident(sql, part->columns[i]);
	}
	if (part->column_count == 0)
		str_add_char(sql, '*');
}

static struct slice type_of(const struct asking *a, struct slice column)
{
	for (size_t i = 0; i < a->column_count; i++)
		if (slice_equal_nocase(a->columns[i].name, column))
			return a->columns[i].type;
	return SLICE_NONE;
}

static void add_conjuncts(const struct asking *a, struct str *sql)
{
	const struct sql_table *t = a->governed->reference;
	struct arena *arena = a->plan->arena;
	size_t added = 0;

	for (size_t i = 0; i < t->conjunct_count; i++) {
		struct slice type = type_of(a, t->conjuncts[i].column);
		struct slice text;

		/* Where the constant surely is a value of the column it raises nowhere. */
		if (slice_is_none(type) ||
			!sql_conjunct_text(arena, &t->conjuncts[i], type, &text) ||
			!sql_conjunct_source(arena, &t->conjuncts[i], &text))
			continue;
		str_add_c(sql, added++ ? " AND " : " WHERE ");
		str_add(sql, text);
	}
}

static struct slice statement(const struct asking *a, const struct plan_part *part)
{
	struct str sql = str_in(a->plan->arena);

	str_add_c(&sql, "SELECT ");
	add_columns(&sql, part);
	str_add_c(&sql, " FROM ");
	str_add_sql_ident(&sql, a->governed->home->domain);
	str_add_char(&sql, '.');
	str_add_sql_ident(&sql, a->governed->reference->name);
	add_at(&sql, a->governed->reference);
	add_conjuncts(a, &sql);
	return str_slice(&sql);
}

void govern_part_resolve(const struct govern_request *request, const struct plan *plan,
	size_t index, struct governed *out)
{
	const struct sql_facts *facts = request->facts;
	const struct sql_table *t = &facts->tables[index];

	out->reference = t;
	out->home = &plan->homes[index];
	out->domain = slice_is_none(t->schema) ? SLICE("main") : t->schema;
	out->older = t->at != SQL_AT_NONE;
	/* Versions are its node's to know: here they are told apart by the first reference that
	 * names the same one. */
	for (size_t i = 0; out->older && i <= index && out->version == 0; i++)
		if (is_same(&facts->tables[i], t))
			out->version = (int64_t)i + 1;
}

void govern_part_relation(const struct govern_request *request, struct plan *plan,
	const struct governed *g, struct wire_relation *relation, struct plan_table *table)
{
	struct asking asking = {.request = request, .plan = plan, .governed = g};
	struct plan_part *part = &plan->parts[plan->part_count++];

	asking.column_count = copy_columns(request->server, g->home->node, g->home->domain,
		g->reference->name, plan->arena, &asking.columns);
	*part = (struct plan_part){.node = g->home->node,
		.relation = plan->relation_count,
		.position = g->reference->location < 0
				    ? 0
				    : command_position(plan->text, (size_t)g->reference->location)};
	choose_columns(&asking, part);
	part->text = statement(&asking, part);
	(void)!govern_absent(request, plan, g->reference, &part->absent);
	*table = (struct plan_table){.domain = g->home->domain,
		.name = relation->name,
		.version = g->version,
		.system = true,
		.columns = arena_copy_all(
			plan->arena, g->reference->columns, g->reference->column_count),
		.column_count = g->reference->column_count,
		.decision =
			arena_printf(plan->arena, "{\"node\":\"%.*s\"}", SLICE_FMT(part->node))};
	govern_explain(plan, arena_printf(plan->arena, "node %.*s runs %.*s", SLICE_FMT(part->node),
				     SLICE_FMT(part->text)));
}
