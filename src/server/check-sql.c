/* Filters, rules of type sql, and schedules; check-transform.c has the transforms. */
#include "server/check-sql.h"

#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "sched/cron.h"
#include "server/wire.h"
#include "sql/sql.h"

/* Byte of a character; positions of errors count characters from 1. */
static size_t byte_of(struct slice text, int position)
{
	size_t i = 0;
	for (int left = position - 1; i < text.len && left > 0; i++)
		left -= i + 1 == text.len || ((unsigned char)text.ptr[i + 1] & 0xc0) != 0x80;
	return i;
}

static struct slice text_of(const struct sql_check *check, struct slice path)
{
	for (size_t i = 0; i < check->file_count; i++)
		if (slice_equal(check->files[i].path, path))
			return check->files[i].text;
	return SLICE("");
}

void check_add(struct sql_check *check, struct mark at, struct slice value, int skip,
	const struct error *why, const char *what)
{
	struct slice hint =
		why->hint[0] ? arena_copy(check->arena, slice_from_c(why->hint)) : SLICE_NONE;
	int position = why->position - skip;

	if (position > 0 && at.line == 0)
		at = manifest_mark_in(at.path, value, byte_of(value, position));
	else if (position > 0)
		at = manifest_mark_inside(
			text_of(check, at.path), at, value, byte_of(value, position));
	else if (at.line == 0)
		at = (struct mark){at.path, 1, 1};
	manifest_problem_add(check->problems, at, false,
		arena_printf(check->arena, "%s: %s", what, why->msg), SLICE_NONE, hint);
}

struct wire_relation check_relation(struct arena *arena, struct slice schema, struct slice name,
	const struct manifest_schema *from)
{
	struct wire_column *columns = arena_array_of(arena, struct wire_column, from->column_count);
	for (size_t i = 0; i < from->column_count; i++)
		columns[i] = (struct wire_column){
			.name = from->columns[i].name, .type = from->columns[i].type};
	return (struct wire_relation){.schema = schema,
		.name = name,
		.fd_index = -1,
		.columns = columns,
		.column_count = from->column_count};
}

static bool policy_selects(
	const struct manifest_policy *policy, const struct manifest_product *product)
{
	if (policy->domain.len && !slice_equal(policy->domain, product->domain))
		return false;
	if (policy->products.len == 0)
		return true;
	for (size_t i = 0; i < policy->products.len; i++) {
		struct slice p = policy->products.items[i];
		if (slice_ends_with(p, product->name) || slice_ends_with(p, SLICE("*")))
			return true;
	}
	return false;
}

/* "*", or the name alone, or with what stands before it. */
static bool names_table(const struct manifest_policy *policy, struct slice table)
{
	if (policy->tables.len == 0)
		return true;
	for (size_t i = 0; i < policy->tables.len; i++) {
		struct slice t = policy->tables.items[i];
		if (slice_ends_with(t, table) || slice_ends_with(t, SLICE("*")))
			return true;
	}
	return false;
}

/* Columns that the filter may name: of every table it could be for. */
static void collect_columns(
	const struct sql_check *check, const struct manifest_policy *policy, struct slices *out)
{
	for (size_t i = 0; i < check->set->product_count; i++) {
		const struct manifest_product *product = &check->set->products[i];
		if (!policy_selects(policy, product))
			continue;
		for (size_t j = 0; j < product->port_count; j++) {
			const struct manifest_schema *schema =
				manifest_port_schema(check->set, &product->ports[j]);
			if (!names_table(policy, product->ports[j].name))
				continue;
			for (size_t k = 0; schema && k < schema->column_count; k++)
				vec_push(check->arena, out, schema->columns[k].name);
		}
	}
}

static bool check_filter(
	struct sql_check *check, const struct manifest_policy *policy, struct error *err)
{
	struct slices columns = {0};
	struct slice ast;
	struct sql_expression expression;
	struct slice text = sql_expression_statement(check->arena, policy->filter);
	collect_columns(check, policy, &columns);
	struct sql_expression_rules rules = {
		.columns = columns.items, .column_count = columns.len, .flags = 0};
	/* For a table that is gone, or comes later: "matches nothing" is the warning that stands.
	 */
	if (parse_expression(&check->parser, policy->filter, check->arena, &ast, err) &&
		(columns.len == 0 ||
			sql_inspect_expression(check->arena, ast, &rules, &expression, err)))
		return true;
	if (parse_is_io(err))
		return false;
	int skip = (int)slice_find(text, policy->filter, 0);
	check_add(check, policy->filter_at, policy->filter, skip, err, "filter");
	return true;
}

/* A rule's query as the job runs it (worker/job-check.c), as long as the text in the file: names
 * in the place of ${object} and ${column} are filled with blanks. */
static struct slice rule_text(
	struct arena *arena, const struct manifest_quality *rule, struct slice table)
{
	static const char *const WORDS[] = {"${object}", "${table}", "{object}", "{table}",
		"${property}", "${column}", "{property}", "{column}"};
	struct str out = str_in(arena);
	for (size_t at = 0; at < rule->query.len;) {
		struct slice rest = slice_sub(rule->query, at, rule->query.len);
		size_t used = 0;
		for (size_t i = 0; i < array_len(WORDS) && !used; i++)
			if (slice_starts_with(rest, slice_from_c(WORDS[i]))) {
				used = strlen(WORDS[i]);
				str_add_sql_ident(&out, i < 4 ? table : rule->column);
			}
		if (!used)
			str_add_char(&out, rule->query.ptr[at]);
		at += used ? used : 1;
	}
	return str_slice(&out);
}

static bool reads_only(const struct sql_facts *facts, struct slice table, struct error *err)
{
	for (size_t i = 0; i < facts->table_count; i++) {
		const struct sql_table *t = &facts->tables[i];
		if (slice_is_none(t->schema) && t->at == SQL_AT_NONE &&
			slice_equal_nocase(t->name, table))
			continue;
		error_set(err, UNDEFINED_TABLE, "a rule reads its own table only, not \"%.*s\"",
			SLICE_FMT(t->name));
		return error_hint(err, "write ${object} for the table");
	}
	return true;
}

static bool check_rule(struct sql_check *check, const struct manifest_schema *schema,
	const struct manifest_quality *rule, struct error *err)
{
	struct slice text = rule_text(check->arena, rule, schema->name);
	struct slice ast;
	struct sql_facts facts;
	struct wire_prepared prepared;
	struct wire_relation own =
		check_relation(check->arena, SLICE("main"), schema->name, schema);
	struct parse_binding binding = {text, &own, 1};
	if (parse_text(&check->parser, text, check->arena, &ast, err) &&
		sql_inspect(check->arena, ast, text, &facts, err) &&
		reads_only(&facts, schema->name, err) &&
		parse_bind(&check->parser, &binding, check->arena, &prepared, err))
		return true;
	if (parse_is_io(err))
		return false;
	if (text.len != rule->query.len) /* a name took another place */
		err->position = 0;
	check_add(check, rule->query_at, rule->query, 0, err, "rule");
	return true;
}

static bool check_rules(
	struct sql_check *check, const struct manifest_contract *contract, struct error *err)
{
	for (size_t i = 0; i < contract->schema_count; i++) {
		const struct manifest_schema *schema = &contract->schemas[i];
		for (size_t j = 0; j < schema->quality_count; j++)
			if (schema->quality[j].type == QUALITY_SQL &&
				schema->quality[j].query.len &&
				!check_rule(check, schema, &schema->quality[j], err))
				return false;
	}
	return true;
}

static void check_schedule(struct sql_check *check, const struct manifest_pipeline *pipeline)
{
	struct cron cron;
	struct error why = {0};
	scoped(cron_zone_free) struct cron_zone *zone = NULL;
	if (!pipeline->cron.len)
		return;
	if (cron_parse(pipeline->cron, &cron, &why) &&
		cron_zone_open(pipeline->time_zone, &zone, &why))
		return;
	why.position = 0;
	check_add(check, pipeline->cron_at, pipeline->cron, 0, &why, "schedule");
}

void check_schedules(struct sql_check *check)
{
	for (size_t i = 0; i < check->set->pipeline_count; i++)
		check_schedule(check, &check->set->pipelines[i]);
}

bool check_sql(struct sql_check *check, struct error *err)
{
	const struct manifest_set *set = check->set;
	for (size_t i = 0; i < set->policy_count; i++)
		if (set->policies[i].filter.len && !check_filter(check, &set->policies[i], err))
			return false;
	for (size_t i = 0; i < set->contract_count; i++)
		if (!check_rules(check, &set->contracts[i], err))
			return false;
	return check_transforms(check, err);
}
