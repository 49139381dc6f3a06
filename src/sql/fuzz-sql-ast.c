/* The gate on any bytes: as a statement, as a catalogue statement, as an expression. */
#include "base/check.h"
#include "sql/flow.h"
#include "sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct slice columns[] = {SLICE("a"), SLICE("country")};
	const struct sql_expression_rules rules = {columns, array_len(columns), 0};
	struct arena *arena = arena_new();
	struct slice ast = slice_of((const char *)data, size);
	struct slice text = SLICE("SELECT 1");
	struct sql_facts facts;
	struct sql_expression expression;
	struct error err;

	if (sql_inspect(arena, ast, text, &facts, &err))
		for (size_t i = 0; i < facts.table_count; i++)
			for (size_t c = 0; c < facts.tables[i].conjunct_count; c++)
				if (sql_conjunct_text(arena, &facts.tables[i].conjuncts[c],
					    SLICE("DECIMAL(12,2)"), &text))
					check(text.len > 0);
	const struct sql_flow_table table = {
		SLICE("shop"), SLICE("t"), columns, array_len(columns)};
	const struct sql_flow_request request = {
		ast, SLICE("shop"), &table, 1, columns, array_len(columns)};
	struct sql_flows flows;

	if (sql_flows_find(arena, &request, &flows, &err)) /* whatever the gate says */
		for (size_t i = 0; i < flows.count; i++)
			check(flows.items[i].table == 0);
	if (sql_inspect_catalogue(arena, ast, text, &facts, &err))
		check(facts.catalogue);
	if (sql_inspect_expression(arena, ast, &rules, &expression, &err))
		check(expression.ast.len > 0);
	arena_free(&arena);
	return 0;
}
