/* The gate against syntax trees that the pinned DuckDB made (tests/corpus/ast, see generate.py
 * there). */
#include "base/testing.h"

#include <stdio.h>

#include "base/measure.h"
#include "base/str.h"
#include "sql/functions.h"
#include "sql/sql.h"
#include "sql/tree.h"

static const char *folder; /* tests/corpus */

struct sample {
	struct slice name;
	struct slice expected;
	struct slice statement;
	struct slice ast;
};

static struct slice read_file(struct arena *arena, const char *path)
{
	struct str out = str_in(arena);
	FILE *file = fopen(path, "rb");
	char buffer[65536];
	size_t len = 0;

	assert_non_null(file);
	while ((len = fread(buffer, 1, sizeof buffer, file)) > 0)
		str_add(&out, slice_of(buffer, len));
	fclose(file);
	return str_slice(&out);
}

static struct slice corpus(struct arena *arena, const char *name)
{
	return read_file(arena, arena_printf(arena, "%s/ast/%s.tsv", folder, name).ptr);
}

static bool next_sample(struct slice *rest, struct sample *out)
{
	if (slice_is_none(*rest) || rest->len == 0)
		return false;
	struct slice line = slice_split(rest, '\n');
	out->name = slice_split(&line, '\t');
	out->expected = slice_split(&line, '\t');
	out->statement = slice_split(&line, '\t');
	out->ast = line;
	return true;
}

static bool has_hidden(const struct sql_facts *facts)
{
	for (size_t i = 0; i < facts->table_count; i++)
		if (slice_equal_nocase(facts->tables[i].schema, SLICE("secret")) &&
			slice_equal_nocase(facts->tables[i].name, SLICE("hidden")))
			return true;
	return false;
}

static void finds_every_shape(void **state)
{
	struct arena *arena = *state;
	struct slice rest = corpus(arena, "shapes");
	struct sample sample;
	size_t count = 0;

	for (; next_sample(&rest, &sample); count++) {
		struct sql_facts facts;
		struct error err;
		if (!sql_inspect(arena, sample.ast, sample.statement, &facts, &err))
			fail_msg("%.*s: %s: %s", SLICE_FMT(sample.name), err.msg, err.hint);
		if (!has_hidden(&facts))
			fail_msg("%.*s: the hidden table was not found", SLICE_FMT(sample.name));
	}
	assert_true(count >= 200);
}

static void scopes_names(void **state)
{
	struct arena *arena = *state;
	struct slice rest = corpus(arena, "names");
	struct sample sample;

	while (next_sample(&rest, &sample)) {
		struct sql_facts facts;
		struct error err;
		struct str out = str_in(arena);
		if (!sql_inspect(arena, sample.ast, sample.statement, &facts, &err))
			fail_msg("%.*s: %s", SLICE_FMT(sample.name), err.msg);
		for (size_t i = 0; i < facts.table_count; i++) {
			const struct sql_table *t = &facts.tables[i];
			str_printf(&out, "%s%.*s%s%.*s%s%.*s", i ? ", " : "", SLICE_FMT(t->catalog),
				t->catalog.len ? "." : "", SLICE_FMT(t->schema),
				t->schema.len ? "." : "", SLICE_FMT(t->name));
		}
		if (!slice_equal(str_slice(&out), sample.expected))
			fail_msg("%.*s: %.*s", SLICE_FMT(sample.name), SLICE_FMT(str_slice(&out)));
	}
}

static void refuses(void **state)
{
	struct arena *arena = *state;
	struct slice rest = corpus(arena, "refused");
	struct sample sample;

	while (next_sample(&rest, &sample)) {
		struct sql_facts facts;
		struct error err;
		if (sql_inspect(arena, sample.ast, sample.statement, &facts, &err))
			fail_msg("%.*s: was allowed", SLICE_FMT(sample.name));
		if (!slice_equal_c(sample.expected, sqlstate_table[err.state].code))
			fail_msg("%.*s: %s: %s", SLICE_FMT(sample.name),
				sqlstate_table[err.state].code, err.msg);
		assert_true(err.position >= 0 && (size_t)err.position <= sample.statement.len + 1);
	}
}

static void print_conjunct(struct str *out, const struct sql_conjunct *conjunct)
{
	static const char *const ops[] = {
		"=", "<", "<=", ">", ">=", "BETWEEN", "IN", "IS NULL", "IS NOT NULL"};

	str_printf(out, "{%.*s %s", SLICE_FMT(conjunct->column), ops[conjunct->op]);
	if (conjunct->literal_count)
		str_add_c(out, conjunct->op == SQL_IN ? " (" : " ");
	for (size_t i = 0; i < conjunct->literal_count; i++) {
		const struct sql_literal *literal = &conjunct->literals[i];
		bool bare = slice_equal_c(literal->type, "INTEGER");
		if (i > 0)
			str_add_c(out, conjunct->op == SQL_IN ? ", " : " AND ");
		if (!bare && !slice_equal_c(literal->type, "VARCHAR"))
			str_printf(out, "%.*s ", SLICE_FMT(literal->type));
		if (bare)
			str_add(out, literal->text);
		else
			str_add_sql_literal(out, literal->text);
	}
	str_add_c(out, conjunct->op == SQL_IN ? ")}" : "}");
}

static void print_table(struct str *out, const struct sql_table *table)
{
	str_printf(out, "%.*s%s%.*s%s", SLICE_FMT(table->schema), table->schema.len ? "." : "",
		SLICE_FMT(table->name), table->all_columns ? "*" : "");
	for (size_t i = 0; i < table->column_count; i++)
		str_printf(out, "%s%.*s%s", i ? "," : "[", SLICE_FMT(table->columns[i]),
			i + 1 == table->column_count ? "]" : "");
	if (table->at != SQL_AT_NONE)
		str_printf(out, table->at == SQL_AT_VERSION ? "@%.*s" : "@'%.*s'",
			SLICE_FMT(table->at_value));
	for (size_t i = 0; i < table->conjunct_count; i++)
		print_conjunct(out, &table->conjuncts[i]);
	str_add_char(out, ' ');
}

static struct slice print_facts(struct arena *arena, const struct sql_facts *facts)
{
	struct str out = str_in(arena);

	for (size_t i = 0; i < facts->table_count; i++)
		print_table(&out, &facts->tables[i]);
	for (size_t i = 0; i < facts->function_count; i++)
		str_printf(&out, "%s%.*s%s", i ? "," : "(", SLICE_FMT(facts->functions[i]),
			i + 1 == facts->function_count ? ") " : "");
	if (facts->param_count)
		str_printf(&out, "$%zu ", facts->param_count);
	str_add_c(&out, facts->ordered ? "ordered " : "");
	if (facts->most_rows >= 0)
		str_printf(&out, "<=%lld ", (long long)facts->most_rows);
	if (facts->lone_table != SIZE_MAX)
		str_printf(&out, "<=#%zu ", facts->lone_table);
	str_add_c(&out, facts->catalogue ? "catalogue" : "");
	return slice_trim(str_slice(&out));
}

static void tells_facts(void **state)
{
	struct arena *arena = *state;
	struct slice rest = corpus(arena, "facts");
	struct sample sample;
	bool failed = false;

	while (next_sample(&rest, &sample)) {
		struct sql_facts facts;
		struct error err;
		if (!sql_inspect(arena, sample.ast, sample.statement, &facts, &err))
			fail_msg("%.*s: %s", SLICE_FMT(sample.name), err.msg);
		struct slice found = print_facts(arena, &facts);
		if (slice_equal(found, sample.expected))
			continue;
		print_error("%.*s = %.*s\n", SLICE_FMT(sample.name), SLICE_FMT(found));
		failed = true;
	}
	assert_false(failed);
}

static void judges_expressions(void **state)
{
	static const struct slice columns[] = {
		SLICE("id"), SLICE("country"), SLICE("amount"), SLICE("tags"), SLICE("day")};
	struct arena *arena = *state;
	struct slice rest = corpus(arena, "expressions");
	const struct sql_expression_rules rules = {columns, array_len(columns), 0};
	struct sample sample;

	while (next_sample(&rest, &sample)) {
		struct sql_expression found;
		struct error err;
		struct str out = str_in(arena);
		if (sql_inspect_expression(arena, sample.ast, &rules, &found, &err)) {
			assert_true(found.ast.len > 0);
			for (size_t i = 0; i < found.column_count; i++)
				str_printf(
					&out, "%s%.*s", i ? "," : "", SLICE_FMT(found.columns[i]));
		} else {
			str_printf(&out, "!%s", sqlstate_table[err.state].code);
		}
		if (!slice_equal(str_slice(&out), sample.expected))
			fail_msg("%.*s: %.*s (%s)", SLICE_FMT(sample.name),
				SLICE_FMT(str_slice(&out)),
				out.ptr && out.ptr[0] == '!' ? err.msg : "");
	}
}

/* One changed value: the rest of the document around it stays. */
static struct slice replace(
	struct arena *arena, struct slice text, struct slice part, const char *with)
{
	struct str out = str_in(arena);
	size_t at = (size_t)(part.ptr - text.ptr);

	str_add(&out, slice_sub(text, 0, at));
	str_add_c(&out, with);
	str_add(&out, slice_sub(text, at + part.len, text.len));
	return str_slice(&out);
}

static void mutate_value(struct arena *arena, const struct sample *sample, const struct tree *value)
{
	static const char *const others[] = {
		"null", "{}", "[]", "[[]]", "\"x\"", "\"\"", "7", "-1.5", "true", "false"};
	bool inside = slice_find(value->raw, SLICE("idden"), 0) != SIZE_MAX ||
		      slice_find(value->raw, SLICE("IDDEN"), 0) != SIZE_MAX ||
		      slice_find(value->raw, SLICE("ecret"), 0) != SIZE_MAX ||
		      slice_find(value->raw, SLICE("ECRET"), 0) != SIZE_MAX;

	for (size_t i = 0; i < array_len(others); i++) {
		struct arena_mark mark = arena_mark(arena);
		struct slice ast = replace(arena, sample->ast, value->raw, others[i]);
		struct sql_facts facts;
		struct error err;
		if (sql_inspect(arena, ast, sample->statement, &facts, &err) && !inside &&
			!has_hidden(&facts))
			fail_msg("%.*s: hidden after a change: %.*s", SLICE_FMT(sample->name),
				SLICE_FMT(ast));
		arena_rewind(arena, mark);
	}
}

static void refuses_unknown_keys(
	struct arena *arena, const struct sample *sample, const struct tree *object)
{
	struct arena_mark mark = arena_mark(arena);
	struct slice ast = replace(arena, sample->ast, slice_sub(object->raw, 0, 1),
		object->count ? "{\"zz\":1," : "{\"zz\":1");
	struct sql_facts facts;
	struct error err;

	if (sql_inspect(arena, ast, sample->statement, &facts, &err))
		fail_msg("%.*s: an unknown key passed: %.*s", SLICE_FMT(sample->name),
			SLICE_FMT(ast));
	tree_each (child, object) {
		struct slice key = arena_printf(arena, "\"%.*s\":", SLICE_FMT(child->key));
		struct slice found =
			slice_sub(sample->ast, (size_t)(child->raw.ptr - sample->ast.ptr) - key.len,
				(size_t)(child->raw.ptr - sample->ast.ptr));
		ast = replace(arena, sample->ast, found, "\"zz\":");
		if (sql_inspect(arena, ast, sample->statement, &facts, &err))
			fail_msg("%.*s: a lost key passed: %.*s", SLICE_FMT(sample->name),
				SLICE_FMT(ast));
	}
	arena_rewind(arena, mark);
}

static void mutate(struct arena *arena, const struct sample *sample, const struct tree *value)
{
	mutate_value(arena, sample, value);
	if (value->kind == TREE_OBJECT)
		refuses_unknown_keys(arena, sample, value);
	tree_each (child, value)
		mutate(arena, sample, child);
}

static void survives_changes(void **state)
{
	struct arena *arena = *state;
	struct slice rest = corpus(arena, "shapes");
	struct sample sample;
	size_t step = measure_folder() ? 10 : 1; /* 25 times as slow under sanitizers */

	for (size_t i = 0; next_sample(&rest, &sample); i++) {
		const struct tree *tree = NULL;
		struct error err;
		if (i % step)
			continue;
		assert_true(tree_parse(arena, sample.ast, &tree, &err));
		mutate(arena, &sample, tree);
	}
}

static struct slice nested(struct arena *arena, size_t depth)
{
	struct str out = str_in(arena);

	str_add_c(&out, "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"SELECT_NODE\","
			"\"modifiers\":[],\"cte_map\":{\"map\":[]},\"select_list\":[");
	for (size_t i = 0; i < depth; i++)
		str_add_c(&out, "{\"class\":\"COLLATE\",\"type\":\"COLLATE\",\"alias\":\"\","
				"\"query_location\":1,\"collation\":\"de\",\"child\":");
	str_add_c(&out, "{\"class\":\"COLUMN_REF\",\"type\":\"COLUMN_REF\",\"alias\":\"\",\"query_"
			"location\":1,\"column_names\":[\"a\"]}");
	for (size_t i = 0; i < depth; i++)
		str_add_char(&out, '}');
	str_add_c(&out, "],\"from_table\":{\"type\":\"EMPTY\",\"alias\":\"\",\"sample\":null,"
			"\"query_location\":1},\"where_clause\":null,"
			"\"group_expressions\":[],\"group_sets\":[],\"aggregate_handling\":"
			"\"STANDARD_HANDLING\",\"having\":null,"
			"\"sample\":null,\"qualify\":null},\"named_param_map\":[]}]}");
	return str_slice(&out);
}

static void limits_depth(void **state)
{
	struct arena *arena = *state;
	struct sql_facts facts;
	struct error err;

	assert_true(sql_inspect(arena, nested(arena, 198), SLICE("x"), &facts, &err));
	assert_false(sql_inspect(arena, nested(arena, 199), SLICE("x"), &facts, &err));
	assert_int_equal(err.state, SQLSTATE_STATEMENT_TOO_COMPLEX);
	assert_false(sql_inspect(arena, nested(arena, 2000), SLICE("x"), &facts, &err));
	assert_int_equal(err.state, SQLSTATE_STATEMENT_TOO_COMPLEX);
}

static void judges_catalogue(void **state)
{
	struct arena *arena = *state;
	struct slice rest = corpus(arena, "catalogue");
	struct sample sample;

	while (next_sample(&rest, &sample)) {
		struct sql_facts facts;
		struct error err;
		bool allowed =
			sql_inspect_catalogue(arena, sample.ast, sample.statement, &facts, &err);
		if (allowed != slice_equal_c(sample.expected, "allowed"))
			fail_msg("%.*s: %s", SLICE_FMT(sample.name), allowed ? "allowed" : err.msg);
		if (allowed)
			assert_true(facts.catalogue);
	}
}

static void checks_text(void **state)
{
	struct arena *arena = *state;
	struct error err;
	const size_t too_long = 4 * 1024 * 1024 + 1;
	char *deep = arena_alloc(arena, too_long);
	const struct {
		struct slice text;
		enum sqlstate state;
	} rows[] = {
		{SLICE("SELECT 1"), SQLSTATE_SUCCESS},
		{SLICE(""), SQLSTATE_SUCCESS},
		{SLICE("SELECT '((((' -- (((\n /* ((( */"), SQLSTATE_SUCCESS},
		{SLICE("SELECT 'x"), SQLSTATE_SYNTAX_ERROR},
		{SLICE("SELECT /* x"), SQLSTATE_SYNTAX_ERROR},
		{SLICE("SELECT \"x"), SQLSTATE_SYNTAX_ERROR},
		{SLICE("SELECT $a$x"), SQLSTATE_SYNTAX_ERROR},
		{SLICE("SELECT \0"), SQLSTATE_INVALID_ENCODING},
		{SLICE("SELECT '\xff'"), SQLSTATE_INVALID_ENCODING},
		{SLICE("SELECT '\xc0\xaf'"), SQLSTATE_INVALID_ENCODING},
		{slice_of(deep, 200), SQLSTATE_SUCCESS},
		{slice_of(deep, 201), SQLSTATE_STATEMENT_TOO_COMPLEX},
		{slice_of(deep, too_long), SQLSTATE_STATEMENT_TOO_COMPLEX},
	};

	memset(deep, '(', too_long);
	for (size_t i = 0; i < array_len(rows); i++) {
		err.state = SQLSTATE_SUCCESS;
		assert_int_equal(
			sql_check_text(rows[i].text, &err), rows[i].state == SQLSTATE_SUCCESS);
		assert_int_equal(err.state, rows[i].state);
	}
}

static void finds_functions(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < function_count; i++)
		assert_true(strcmp(function_table[i].name, function_table[i + 1].name) < 0);
	for (size_t i = 0; i < function_count; i++)
		assert_ptr_equal(
			function_find(slice_from_c(function_table[i].name)), &function_table[i]);
	assert_non_null(function_find(SLICE("LOWER")));
	assert_null(function_find(SLICE("")));
	assert_null(function_find(SLICE("lowe")));
	assert_null(function_find(SLICE("lowerx")));
	assert_null(function_find(SLICE_NONE));
	assert_true(slice_equal_c(function_nearest(SLICE("lowr")), "lower"));
	assert_true(slice_is_none(function_nearest(SLICE("stat"))) ||
		    !slice_equal_c(function_nearest(SLICE("stat")), "stats"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_every_shape, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(scopes_names, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(refuses, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(tells_facts, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(judges_expressions, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(judges_catalogue, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(survives_changes, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(limits_depth, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(checks_text, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(finds_functions, arena_setup, arena_teardown),
	};

	folder = argc > 1 ? argv[1] : "tests/corpus";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
