#include "base/testing.h"

#include "sql/command.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct command parsed(const char *text)
{
	struct command command;
	struct error err = {0};

	if (!command_parse(arena, slice_from_c(text), &command, &err))
		fail_msg("%s: %s", text, err.msg);
	return command;
}

struct row {
	const char *text;
	enum command_kind kind;
	const char *tag;
	const char *name; /* NULL: none */
	unsigned flags;
};

static const struct row rows[] = {
	{"", COMMAND_EMPTY, "", NULL, 0},
	{" -- x\n", COMMAND_EMPTY, "", NULL, 0},
	{"select 1", COMMAND_QUERY, "SELECT", NULL, 0},
	{"(select 1)", COMMAND_QUERY, "SELECT", NULL, 0},
	{"from sales.orders", COMMAND_QUERY, "SELECT", NULL, 0},
	{"nonsense", COMMAND_QUERY, "SELECT", NULL, 0},
	{"\"set\" x", COMMAND_QUERY, "SELECT", NULL, 0},
	{"with x as (select 1) select * from x", COMMAND_QUERY, "SELECT", NULL, 0},
	{"with x as (select 1) insert into y select * from x", COMMAND_WRITE, "a writing WITH",
		NULL, 0},
	{"with x(insert) as (select (1)) select 1", COMMAND_QUERY, "SELECT", NULL, 0},
	{"/* c */ Insert into x", COMMAND_WRITE, "INSERT", NULL, 0},
	{"create temp table x as select 1", COMMAND_WRITE, "CREATE", NULL, 0},
	{"vacuum", COMMAND_REFUSED, "VACUUM", NULL, 0},
	{"pragma version", COMMAND_REFUSED, "PRAGMA", NULL, 0},
	{"set search_path to sales, public", COMMAND_SET, "SET", "search_path", 0},
	{"SET Local weft.Purpose = 'x'", COMMAND_SET, "SET", "weft.purpose", COMMAND_LOCAL},
	{"set session timezone to default", COMMAND_SET, "SET", "timezone", COMMAND_DEFAULT},
	{"set time zone 'UTC'", COMMAND_SET, "SET", "timezone", 0},
	{"set time zone local", COMMAND_SET, "SET", "timezone", COMMAND_DEFAULT},
	{"set names 'utf8'", COMMAND_SET, "SET", "client_encoding", 0},
	{"set session authorization default", COMMAND_SET, "SET", "session_authorization",
		COMMAND_DEFAULT},
	{"set role none", COMMAND_SET, "SET", "role", 0},
	{"set transaction isolation level serializable, read write", COMMAND_SET_TRANSACTION, "SET",
		NULL, COMMAND_READ_WRITE},
	{"set session characteristics as transaction read only", COMMAND_SET_TRANSACTION, "SET",
		NULL, COMMAND_SESSION | COMMAND_READ_ONLY},
	{"show all", COMMAND_SHOW, "SHOW", NULL, COMMAND_ALL},
	{"show transaction isolation level", COMMAND_SHOW, "SHOW", "transaction_isolation", 0},
	{"reset all", COMMAND_RESET, "RESET", NULL, COMMAND_ALL},
	{"discard all", COMMAND_DISCARD, "DISCARD ALL", NULL, COMMAND_ALL},
	{"begin", COMMAND_BEGIN, "BEGIN", NULL, 0},
	{"begin work isolation level repeatable read read only not deferrable", COMMAND_BEGIN,
		"BEGIN", NULL, COMMAND_READ_ONLY},
	{"start transaction read write", COMMAND_BEGIN, "START TRANSACTION", NULL,
		COMMAND_READ_WRITE},
	{"commit and chain", COMMAND_COMMIT, "COMMIT", NULL, COMMAND_CHAIN},
	{"end transaction and no chain", COMMAND_COMMIT, "COMMIT", NULL, 0},
	{"abort", COMMAND_ROLLBACK, "ROLLBACK", NULL, 0},
	{"rollback work to savepoint S", COMMAND_ROLLBACK_TO, "ROLLBACK", "s", 0},
	{"savepoint \"S\"", COMMAND_SAVEPOINT, "SAVEPOINT", "S", 0},
	{"release s", COMMAND_RELEASE, "RELEASE", "s", 0},
	{"declare c binary no scroll cursor with hold for select 1", COMMAND_DECLARE,
		"DECLARE CURSOR", "c", COMMAND_BINARY | COMMAND_HOLD | COMMAND_NO_SCROLL},
	{"close all", COMMAND_CLOSE, "CLOSE CURSOR ALL", NULL, COMMAND_ALL},
	{"close c", COMMAND_CLOSE, "CLOSE CURSOR", "c", 0},
	{"deallocate prepare p", COMMAND_DEALLOCATE, "DEALLOCATE", "p", 0},
	{"select pg_cancel_backend(7)", COMMAND_CANCEL, "SELECT", "pg_cancel_backend", 0},
	{"SELECT pg_catalog.pg_terminate_backend ( 7 )", COMMAND_CANCEL, "SELECT",
		"pg_terminate_backend", 0},
	{"select pg_cancel_backend(7) from t", COMMAND_QUERY, "SELECT", NULL, 0},
	{"select pg_cancel_backend(a)", COMMAND_QUERY, "SELECT", NULL, 0},
	{"select pg_cancel_backend", COMMAND_QUERY, "SELECT", NULL, 0},
	{"unlisten *", COMMAND_UNLISTEN, "UNLISTEN", NULL, COMMAND_ALL},
	{"explain (analyze, verbose off) select 1", COMMAND_EXPLAIN, "EXPLAIN", NULL,
		COMMAND_ANALYZE},
	{"explain (select 1)", COMMAND_EXPLAIN, "EXPLAIN", NULL, 0},
	{"copy t (a) from stdin", COMMAND_WRITE, "COPY FROM", NULL, 0},
};

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct command command = parsed(rows[i].text);

		if (command.kind != rows[i].kind || command.flags != rows[i].flags)
			fail_msg("%s: kind %d flags %u", rows[i].text, command.kind, command.flags);
		assert_string_equal(rows[i].tag, command.tag);
		if (rows[i].name && !slice_equal_c(command.name, rows[i].name))
			fail_msg("%s: name %.*s", rows[i].text, SLICE_FMT(command.name));
	}
}

static const struct {
	const char *text;
	enum sqlstate state;
	int position;
} bad[] = {
	{"set", SQLSTATE_SYNTAX_ERROR, 4},
	{"set x", SQLSTATE_SYNTAX_ERROR, 6},
	{"set x to", SQLSTATE_SYNTAX_ERROR, 9},
	{"set \xc3\xa4 to ,", SQLSTATE_SYNTAX_ERROR, 10},
	{"begin now", SQLSTATE_SYNTAX_ERROR, 7},
	{"rollback to", SQLSTATE_SYNTAX_ERROR, 12},
	{"commit prepared 'x'", SQLSTATE_FEATURE_NOT_SUPPORTED, 8},
	{"declare c for select 1", SQLSTATE_SYNTAX_ERROR, 11},
	{"declare c cursor for", SQLSTATE_SYNTAX_ERROR, 21},
	{"fetch", SQLSTATE_SYNTAX_ERROR, 6},
	{"fetch 99999999999999999999 from c", SQLSTATE_SYNTAX_ERROR, 7},
	{"copy (select 1 to stdout", SQLSTATE_SYNTAX_ERROR, 25},
	{"copy t to '/etc/x'", SQLSTATE_INSUFFICIENT_PRIVILEGE, 0},
	{"copy t to program 'x'", SQLSTATE_INSUFFICIENT_PRIVILEGE, 0},
	{"copy t to stdout (format parquet)", SQLSTATE_INVALID_PARAMETER_VALUE, 0},
	{"copy t to stdout (header, sorted)", SQLSTATE_SYNTAX_ERROR, 27},
	{"copy t to stdout (delimiter 'ab')", SQLSTATE_INVALID_PARAMETER_VALUE, 0},
	{"copy t to stdout (format binary, header)", SQLSTATE_INVALID_PARAMETER_VALUE, 0},
	{"execute p (1+1)", SQLSTATE_SYNTAX_ERROR, 13},
	{"prepare p as", SQLSTATE_SYNTAX_ERROR, 13},
	{"set x to 'open", SQLSTATE_SYNTAX_ERROR, 10},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(bad); i++) {
		struct command command;
		struct error err = {0};

		if (command_parse(arena, slice_from_c(bad[i].text), &command, &err))
			fail_msg("%s was accepted", bad[i].text);
		if (err.state != bad[i].state || err.position != bad[i].position)
			fail_msg("%s: %s at %d", bad[i].text, err.msg, err.position);
	}
}

static void test_split(void **state)
{
	struct slice *statements;
	size_t count;
	struct error err;

	(void)state;
	assert_true(command_split(arena,
		SLICE(";; select ';' ; -- a;b\n select $$;$$;/* ; */ ; set x to 1 "), &statements,
		&count, &err));
	assert_int_equal(3, count);
	assert_true(slice_equal_c(statements[0], "select ';'"));
	assert_true(slice_equal_c(statements[1], "select $$;$$"));
	assert_true(slice_equal_c(statements[2], "set x to 1"));
	assert_false(command_split(arena, SLICE("select 1; select 'x"), &statements, &count, &err));
	assert_int_equal(18, err.position);
}

static void test_values(void **state)
{
	(void)state;
	struct command c = parsed("set search_path = sales, \"Public\", 'x y'");

	assert_int_equal(3, c.value_count);
	assert_true(slice_equal_c(c.values[1].text, "Public"));
	assert_true(slice_equal_c(c.values[2].text, "x y"));
	c = parsed("set extra_float_digits to -15");
	assert_true(slice_equal_c(c.values[0].text, "-15"));
	c = parsed(
		"execute p (1, -2.5, 'a''b', null, date '2026-01-31', '1'::numeric(10, 2), true)");
	assert_int_equal(7, c.value_count);
	assert_true(slice_equal_c(c.values[1].text, "-2.5"));
	assert_true(slice_equal_c(c.values[2].text, "a'b"));
	assert_true(slice_is_none(c.values[3].text));
	assert_true(slice_equal_c(c.values[4].type, "date"));
	assert_true(slice_equal_c(c.values[5].type, "numeric(10, 2)"));
	c = parsed("prepare p (int, timestamp with time zone, numeric(4,2)[]) as select $1");
	assert_int_equal(3, c.type_count);
	assert_true(slice_equal_c(c.types[1], "timestamp with time zone"));
	assert_true(slice_equal_c(c.types[2], "numeric(4,2)[]"));
	assert_true(slice_equal_c(c.query, "select $1"));
	c = parsed("begin isolation level read committed");
	assert_true(slice_equal_c(c.isolation, "read committed"));
}

static const struct {
	const char *text;
	enum command_direction direction;
	int64_t count;
	const char *cursor;
} fetches[] = {
	{"fetch c", FETCH_FORWARD, 1, "c"},
	{"fetch next", FETCH_FORWARD, 1, "next"},
	{"fetch next from c", FETCH_FORWARD, 1, "c"},
	{"fetch 10 in c", FETCH_FORWARD, 10, "c"},
	{"fetch -10 c", FETCH_BACKWARD, 10, "c"},
	{"fetch all c", FETCH_FORWARD, COMMAND_COUNT_ALL, "c"},
	{"fetch forward all from \"C\"", FETCH_FORWARD, COMMAND_COUNT_ALL, "C"},
	{"fetch forward 5 from c", FETCH_FORWARD, 5, "c"},
	{"fetch forward from c", FETCH_FORWARD, 1, "c"},
	{"fetch backward all from c", FETCH_BACKWARD, COMMAND_COUNT_ALL, "c"},
	{"fetch prior from c", FETCH_BACKWARD, 1, "c"},
	{"fetch first from c", FETCH_ABSOLUTE, 1, "c"},
	{"fetch absolute 3 from c", FETCH_ABSOLUTE, 3, "c"},
	{"move relative -1 from c", FETCH_RELATIVE, -1, "c"},
};

static void test_fetch(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(fetches); i++) {
		struct command c = parsed(fetches[i].text);

		if (c.direction != fetches[i].direction || c.count != fetches[i].count ||
			!slice_equal_c(c.name, fetches[i].cursor))
			fail_msg("%s", fetches[i].text);
	}
}

static void test_copy(void **state)
{
	(void)state;
	struct command c =
		parsed("copy (select 1, ')' from x) to stdout with (format csv, header, "
		       "delimiter ';', null 'NIL', force_quote (a, \"B\"), encoding 'UTF8')");

	assert_true(slice_equal_c(c.query, "select 1, ')' from x"));
	assert_int_equal(6, c.query_at);
	assert_int_equal(COMMAND_COPY_CSV, c.copy.format);
	assert_true(c.copy.header);
	assert_int_equal(';', c.copy.delimiter);
	assert_int_equal('"', c.copy.escape);
	assert_true(slice_equal_c(c.copy.null_text, "NIL"));
	assert_int_equal(2, c.copy.force_quote_count);
	c = parsed("copy sales.\"order\" (a, b) to stdout");
	assert_true(slice_equal_c(c.query, "SELECT a, b FROM sales.\"order\""));
	assert_int_equal(-1, c.query_at);
	assert_int_equal('\t', c.copy.delimiter);
	assert_true(slice_equal_c(c.copy.null_text, "\\N"));
	c = parsed("copy t to stdout with csv header quote as '''' delimiter as '|' force quote *");
	assert_true(c.copy.header && c.copy.force_quote_all);
	assert_int_equal('|', c.copy.delimiter);
	assert_int_equal('\'', c.copy.escape);
	assert_int_equal(COMMAND_COPY_BINARY, parsed("copy binary t to stdout").copy.format);
	assert_int_equal(
		COMMAND_COPY_BINARY, parsed("copy t to stdout (format 'binary')").copy.format);
	assert_false(parsed("copy t to stdout (header off)").copy.header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_split, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fetch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_copy, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
