#include "server/filters.h"

#include <sodium.h>
#include <string.h>

#include "base/num.h"
#include "catalog/model.h"
#include "server/parse.h"
#include "server/server-private.h"
#include "sql/sql.h"
#include "store/store.h"

static struct slice key_of(struct arena *arena, struct slice filter)
{
	unsigned char digest[16];
	char hex[2 * sizeof digest + 1];
	crypto_generichash(
		digest, sizeof digest, (const unsigned char *)filter.ptr, filter.len, NULL, 0);
	sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
	return arena_printf(arena, "filter.ast.%s", hex);
}

/* Columns of every table it may be for: the filter is one text for all of them. */
static struct slice make_ast(
	struct server *server, struct arena *arena, const struct model *model, struct slice filter)
{
	size_t count = 0;
	for (size_t i = 0; i < model->table_count; i++)
		count += model->tables[i].column_count;
	struct slice *columns = arena_array_of(arena, struct slice, count);
	size_t at = 0;
	for (size_t i = 0; i < model->table_count; i++)
		for (size_t j = 0; j < model->tables[i].column_count; j++)
			columns[at++] = model->tables[i].columns[j].name;
	struct sql_expression_rules rules = {
		.columns = columns, .column_count = count, .flags = SQL_EXPRESSION_SUBQUERY};
	struct sql_expression expression;
	struct parser parser = parser_of(server);
	struct error err;
	struct slice ast;
	if (parse_expression(&parser, filter, arena, &ast, &err) &&
		sql_inspect_expression(arena, ast, &rules, &expression, &err))
		return expression.ast;
	log_failure(server->log, EVENT_TRACE, NULL, "compile a row filter", &err);
	return SLICE_NONE;
}

void filters_compile(struct server *server, const struct model *model)
{
	for (size_t i = 0; i < model->policy_count; i++) {
		struct policy *policy = &model->policies[i];
		if (policy->effect != POLICY_FILTER || !policy->filter.len ||
			!slice_is_none(policy->filter_ast))
			continue;
		struct slice key = key_of(model->arena, policy->filter);
		struct error ignored;
		struct slice ast = SLICE_NONE;
		if (store_derived_get(server->store, key, model->arena, &ast, &ignored) &&
			slice_is_none(ast)) {
			ast = make_ast(server, model->arena, model, policy->filter);
			if (!slice_is_none(ast) &&
				!store_derived_put(server->store, key, ast, &ignored))
				log_failure(server->log, EVENT_STORE_FAILED, NULL,
					"keep a row filter's tree", &ignored);
		}
		policy->filter_ast = ast;
	}
}
