/* Flows of statements whose syntax trees the pinned DuckDB made (tests/corpus/ast/flows.txt). */
#include "base/testing.h"

#include <stdio.h>

#include "base/str.h"
#include "sql/flow.h"
#include "sql/sql.h"

static const char *folder; /* tests/corpus */

static const struct slice ORDERS[] = {SLICE("id"), SLICE("customer"), SLICE("amount"),
	SLICE("status"), SLICE("placed"), SLICE("tags")};
static const struct slice CUSTOMERS[] = {
	SLICE("id"), SLICE("name"), SLICE("email"), SLICE("segment")};
static const struct sql_flow_table TABLES[] = {
	{SLICE("sales"), SLICE("orders"), ORDERS, array_len(ORDERS)},
	{SLICE("crm"), SLICE("customers"), CUSTOMERS, array_len(CUSTOMERS)},
};
static const struct slice WANTED[] = {SLICE("a"), SLICE("b"), SLICE("c"), SLICE("id"),
	SLICE("name"), SLICE("email"), SLICE("segment"), SLICE("amount")};

static struct sql_flow_request request_of(struct slice ast)
{
	return (struct sql_flow_request){.ast = ast,
		.schema = SLICE("sales"),
		.tables = TABLES,
		.table_count = array_len(TABLES),
		.wanted = WANTED,
		.wanted_count = array_len(WANTED)};
}

static struct slice read_corpus(struct arena *arena)
{
	struct str out = str_in(arena);
	FILE *file = fopen(arena_printf(arena, "%s/ast/flows.tsv", folder).ptr, "rb");
	char buffer[65536];
	size_t len = 0;

	assert_non_null(file);
	while ((len = fread(buffer, 1, sizeof buffer, file)) > 0)
		str_add(&out, slice_of(buffer, len));
	fclose(file);
	return str_slice(&out);
}

static struct slice print(struct arena *arena, const struct sql_flows *flows)
{
	struct str out = str_in(arena);

	for (size_t i = 0; i < flows->count; i++) {
		const struct sql_flow *flow = &flows->items[i];
		const struct sql_flow_table *table = &TABLES[flow->table];

		str_printf(&out, "%s%.*s<%.*s.%.*s/%c", i ? " " : "",
			SLICE_FMT(slice_is_none(flow->to) ? SLICE("*") : flow->to),
			SLICE_FMT(table->name), SLICE_FMT(flow->from), *sql_flow_name(flow->kind));
	}
	return str_slice(&out);
}

static void test_shapes(void **state)
{
	struct arena *arena = *state;
	struct slice rest = read_corpus(arena);
	size_t count = 0;
	size_t wrong = 0;

	while (rest.len) {
		struct slice line = slice_split(&rest, '\n');
		struct slice name = slice_split(&line, '\t');
		struct slice expected = slice_split(&line, '\t');
		struct slice statement = slice_split(&line, '\t');
		struct sql_flow_request request = request_of(line);
		struct sql_facts facts;
		struct sql_flows flows;
		struct error err;

		if (!line.len)
			break;
		assert_true(sql_inspect(arena, line, statement, &facts, &err));
		assert_true(sql_flows_find(arena, &request, &flows, &err));
		struct slice found = print(arena, &flows);
		count++;
		if (slice_equal(found, expected))
			continue;
		wrong++;
		print_error("%.*s = %.*s: %.*s\n", SLICE_FMT(name), SLICE_FMT(found),
			SLICE_FMT(statement));
	}
	assert_true(count > 50);
	assert_int_equal(wrong, 0);
}

/* Each WITH doubles the columns of the one before. */
static void test_too_large(void **state)
{
	struct arena *arena = *state;
	struct str ast = str_in(arena);
	struct sql_flow_request request;
	struct sql_flows flows;
	struct error err;

	str_add_c(&ast,
		"{\"statements\":[{\"node\":{\"type\":\"SELECT_NODE\",\"cte_map\":{\"map\":[");
	for (int i = 0; i < 40; i++) {
		struct slice from = i ? arena_printf(arena, "t%d", i - 1) : SLICE("orders");

		str_printf(&ast,
			"%s{\"key\":\"t%d\",\"value\":{\"query\":{\"node\":{\"type\":\"SELECT_"
			"NODE\","
			"\"select_list\":[{\"class\":\"STAR\"},{\"class\":\"STAR\"}],\"from_"
			"table\":"
			"{\"type\":\"BASE_TABLE\",\"schema_name\":\"\",\"table_name\":\"%.*s\"}}}}"
			"}",
			i ? "," : "", i, SLICE_FMT(from));
	}
	str_add_c(&ast, "]},\"select_list\":[{\"class\":\"STAR\"}],\"from_table\":{\"type\":"
			"\"BASE_TABLE\",\"table_name\":\"t39\"}}}]}");
	request = request_of(str_slice(&ast));
	assert_false(sql_flows_find(arena, &request, &flows, &err));
	assert_int_equal(err.state, SQLSTATE_STATEMENT_TOO_COMPLEX);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shapes, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_too_large, arena_setup, arena_teardown),
	};

	folder = argc > 1 ? argv[1] : "tests/corpus";
	return cmocka_run_group_tests_name("sql-flow", tests, NULL, NULL);
}
