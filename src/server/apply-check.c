/* The checks of an apply that need more than the files' text: SQL goes through the same parser and
 * gate as statements do. */
#include <stdlib.h>

#include "base/str.h"
#include "base/vec.h"
#include "catalog/model.h"
#include "catalog/system.h"
#include "policy/policy.h"
#include "sched/cron.h"
#include "server/apply-private.h"
#include "server/auth.h"
#include "server/lineage.h"
#include "server/parse.h"
#include "server/server-private.h"
#include "sql/sql.h"

static void add_problem(
	struct apply_work *work, struct mark at, const struct error *why, const char *what)
{
	struct slice message = arena_printf(work->arena, "%s: %s", what, why->msg);
	struct slice hint =
		why->hint[0] ? arena_copy(work->arena, slice_from_c(why->hint)) : SLICE_NONE;
	manifest_problem_add(&work->problems, at, false, message, SLICE_NONE, hint);
}

/* A worker that cannot be had is no fault of the manifests. */
static bool is_io(const struct error *err)
{
	return err->state == SQLSTATE_INSUFFICIENT_RESOURCES ||
	       err->state == SQLSTATE_CRASH_SHUTDOWN || err->state == SQLSTATE_ADMIN_SHUTDOWN ||
	       err->state == SQLSTATE_TOO_MANY_CONNECTIONS;
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

/* Columns that the filter may name: of every table it could be for. */
static void collect_columns(
	struct apply_work *work, const struct manifest_policy *policy, struct slices *out)
{
	for (size_t i = 0; i < work->new_set.product_count; i++) {
		const struct manifest_product *product = &work->new_set.products[i];
		if (!policy_selects(policy, product))
			continue;
		for (size_t j = 0; j < product->port_count; j++) {
			const struct manifest_schema *schema =
				manifest_port_schema(&work->new_set, &product->ports[j]);
			for (size_t k = 0; schema && k < schema->column_count; k++)
				vec_push(work->arena, out, schema->columns[k].name);
		}
	}
}

static bool check_filter(
	struct apply_work *work, const struct manifest_policy *policy, struct error *err)
{
	struct slices columns = {0};
	struct slice ast;
	struct sql_expression expression;
	collect_columns(work, policy, &columns);
	struct sql_expression_rules rules = {
		.columns = columns.items, .column_count = columns.len, .flags = 0};
	struct parse_request parse = {.server = work->server,
		.text = sql_expression_statement(work->arena, policy->filter)};
	if (parse_text(&parse, work->arena, &ast, err) &&
		sql_inspect_expression(work->arena, ast, &rules, &expression, err))
		return true;
	if (is_io(err))
		return false;
	add_problem(work, policy->filter_at, err, "filter");
	return true;
}

static bool known_table(const struct manifest_set *set, struct slice domain, struct slice table)
{
	struct slice name = table;
	struct slice rest = table;
	struct slice base = slice_split(&rest, '@');
	if (!slice_is_none(rest))
		name = base;
	for (size_t i = 0; i < set->product_count; i++) {
		const struct manifest_product *p = &set->products[i];
		if (!slice_equal_nocase(p->domain, domain))
			continue;
		for (size_t j = 0; j < p->port_count; j++)
			if (slice_equal_nocase(p->ports[j].name, name))
				return true;
	}
	return false;
}

static void check_reads(struct apply_work *work, const struct transform_reads *reads)
{
	for (size_t i = 0; i < reads->table_count; i++) {
		struct slice rest = reads->tables[i];
		struct slice domain = slice_split(&rest, '.');
		if (known_table(&work->new_set, domain, rest))
			continue;
		struct error why;
		struct mark at = {.path = reads->transform->path, .line = 1, .column = 1};
		size_t offset = slice_find(reads->transform->sql, rest, 0);
		if (offset != SIZE_MAX)
			at = manifest_mark_in(
				reads->transform->path, reads->transform->sql, offset);
		error_set(&why, UNDEFINED_TABLE, "there is no table %.*s.%.*s", SLICE_FMT(domain),
			SLICE_FMT(rest));
		add_problem(work, at, &why, "transform");
	}
}

static bool check_transform(struct apply_work *work, const struct manifest_product *product,
	const struct manifest_transform *transform, struct error *err)
{
	struct transform_reads *reads = &work->reads[work->read_count];
	reads->product = product;
	reads->transform = transform;
	struct lineage_text text = {.domain = product->domain, .sql = transform->sql};
	struct lineage_names names;
	if (lineage_tables(work->server, work->arena, &text, &names, err)) {
		reads->tables = names.items;
		reads->table_count = names.count;
		work->read_count++;
		check_reads(work, reads);
		return true;
	}
	if (is_io(err))
		return false;
	struct mark at = {.path = transform->path, .line = 1, .column = 1};
	if (err->position > 0)
		at = manifest_mark_in(transform->path, transform->sql, (size_t)err->position - 1);
	add_problem(work, at, err, "transform");
	return true;
}

static void check_schedule(struct apply_work *work, const struct manifest_pipeline *pipeline)
{
	struct cron cron;
	struct error why;
	scoped(cron_zone_free) struct cron_zone *zone = NULL;
	if (!pipeline->cron.len)
		return;
	if (!cron_parse(pipeline->cron, &cron, &why) ||
		!cron_zone_open(pipeline->time_zone, &zone, &why))
		add_problem(work, pipeline->cron_at, &why, "schedule");
}

bool apply_check_sql(struct apply_work *work, struct error *err)
{
	const struct manifest_set *set = &work->new_set;
	size_t most = 0;
	for (size_t i = 0; i < set->pipeline_count; i++) {
		check_schedule(work, &set->pipelines[i]);
		most += set->pipelines[i].transform_count;
	}
	work->reads = arena_array_of(work->arena, struct transform_reads, most);
	for (size_t i = 0; i < set->policy_count; i++)
		if (set->policies[i].filter.len && !check_filter(work, &set->policies[i], err))
			return false;
	for (size_t i = 0; i < set->product_count; i++) {
		const struct manifest_product *product = &set->products[i];
		const struct manifest_pipeline *pipeline =
			product->pipeline == SIZE_MAX ? NULL : &set->pipelines[product->pipeline];
		for (size_t j = 0; pipeline && j < pipeline->transform_count; j++)
			if (!check_transform(work, product, &pipeline->transforms[j], err))
				return false;
	}
	return true;
}

static bool listed(const struct slices *owners, const struct principal *who)
{
	for (size_t i = 0; i < owners->len; i++) {
		if (slice_equal(owners->items[i], who->name))
			return true;
		for (size_t j = 0; j < who->group_count; j++)
			if (slice_equal(owners->items[i], who->groups[j]))
				return true;
	}
	return false;
}

/* By the state in force: nobody becomes an owner by the files that say so. */
static bool may_change(const struct apply_work *work, struct slice path)
{
	const struct principal *who = &work->request->identity->principal;
	const struct manifest_mesh *mesh = work->old_set.mesh;
	if (who->admin || (mesh && listed(&mesh->owners, who)))
		return true;
	struct slice rest = path;
	if (!slice_equal_c(slice_split(&rest, '/'), "domains"))
		return false;
	size_t at = manifest_find_domain(&work->old_set, slice_split(&rest, '/'));
	return at != SIZE_MAX && listed(&work->old_set.domains[at].owners, who);
}

static const struct manifest_file *find_file(
	const struct manifest_file *files, size_t count, struct slice path)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(files[i].path, path))
			return &files[i];
	return NULL;
}

static bool refuse(struct slice path, struct error *err)
{
	error_set(err, INSUFFICIENT_PRIVILEGE, "you may not change %.*s", SLICE_FMT(path));
	return error_hint(err, "A domain's files are its owners'; mesh.yaml, governance/ and new "
			       "domains are the mesh owners'.");
}

bool apply_check_rights(const struct apply_work *work, struct error *err)
{
	for (size_t i = 0; i < work->new_count; i++) {
		const struct manifest_file *now = &work->new_files[i];
		const struct manifest_file *before =
			find_file(work->old_files, work->old_count, now->path);
		bool same = before && slice_equal(before->text, now->text);
		if (!same && !may_change(work, now->path))
			return refuse(now->path, err);
	}
	for (size_t i = 0; i < work->old_count; i++)
		if (!find_file(work->new_files, work->new_count, work->old_files[i].path) &&
			!may_change(work, work->old_files[i].path))
			return refuse(work->old_files[i].path, err);
	return true;
}
