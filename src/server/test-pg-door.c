/* The door over real sockets, spoken to by libpq, with a fake node behind it. */
#include "base/testing.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/fake-node.h"
#include "server/pg-door.h"

struct fixture {
	struct pg_door *door;
	PGconn *conn;
	char notices[2048];
};

static void remember_notice(void *ctx, const char *text)
{
	struct fixture *f = ctx;

	strncat(f->notices, text, sizeof f->notices - strlen(f->notices) - 1);
}

static PGconn *connect_with(const struct fixture *f, const char *more)
{
	char info[512];

	snprintf(info, sizeof info,
		"host=127.0.0.1 port=%d user=alice password=secret "
		"dbname=shop sslmode=disable %s",
		pg_door_port(f->door), more);
	return PQconnectdb(info);
}

static void start(struct fixture *f, uint64_t spool_max_bytes)
{
	const struct pg_door_config config = {.address = "127.0.0.1",
		.max_connections_per_address = 8,
		.auth_timeout_ms = 500,
		.spool_max_bytes = spool_max_bytes};
	struct error err;

	if (!pg_door_start(fake_node(), &config, &f->door, &err))
		fail_msg("%s", err.msg);
	f->conn = connect_with(f, "");
	if (PQstatus(f->conn) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(f->conn));
	PQsetNoticeProcessor(f->conn, remember_notice, f);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	start(f, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	PQfinish(f->conn);
	pg_door_stop(&f->door, 1000);
	assert_int_equal(0, fake_node_open_queries());
	assert_int_equal(0, fake_node_models_in_use());
	free(f);
	return 0;
}

/* Runs a text; expects a SQLSTATE (NULL = success) and, of a row set, its first value. */
static void expect(PGconn *conn, const char *text, const char *sqlstate, const char *value)
{
	PGresult *result = PQexec(conn, text);
	const char *got = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if ((sqlstate == NULL) != (got == NULL) || (sqlstate && strcmp(sqlstate, got) != 0))
		fail_msg("%s: %s", text, PQresultErrorMessage(result));
	if (value && (PQntuples(result) < 1 || strcmp(PQgetvalue(result, 0, 0), value) != 0))
		fail_msg("%s: %d rows, \"%s\"", text, PQntuples(result),
			PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
}

struct step {
	const char *text;
	const char *sqlstate;
	const char *value;
};

static void run_steps(PGconn *conn, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect(conn, steps[i].text, steps[i].sqlstate, steps[i].value);
}

static void test_simple(void **state)
{
	struct fixture *f = *state;
	static const struct step steps[] = {
		{"select rows 3", NULL, "1"},
		{"select rows 100000", NULL, "1"},
		{"", NULL, NULL},
		{" ; -- nothing", NULL, NULL},
		{"select rows 1; select rows 2", NULL, "1"},
		{"select missing", "42P01", NULL},
		{"select rows 5 broken", "22012", NULL},
		{"select 'x", "42601", NULL},
		{"insert into x values (1)", "25006", NULL},
		{"with x as (select 1) delete from y", "25006", NULL},
		{"vacuum", "0A000", NULL},
		{"select rows 1 $1", "08P01", NULL},
		{"explain select rows 7", NULL, "Reads 7 rows"},
		{"explain (analyze) select rows 7", NULL, "Reads 7 rows"},
		{"explain delete from x", "25006", NULL},
		{"listen x", NULL, NULL},
		{"unlisten *", NULL, NULL},
	};

	run_steps(f->conn, steps, array_len(steps));
	PGresult *result = PQexec(f->conn, "/* \xc3\xa4 */ set x.y to 1;  select missing");

	assert_string_equal("31", PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
	PQclear(result);
}

static void test_settings(void **state)
{
	struct fixture *f = *state;
	static const struct step steps[] = {
		{"show server_encoding", NULL, "UTF8"},
		{"set search_path to sales, \"B c\"", NULL, NULL},
		{"show search_path", NULL, "sales, \"B c\""},
		{"reset search_path", NULL, NULL},
		{"show search_path", NULL, "\"$user\", public"},
		{"set datestyle to 'german'", "22023", NULL},
		{"set statement_timeout to '5 s'", NULL, NULL},
		{"set statement_timeout to '-5'", "22023", NULL},
		{"set standard_conforming_strings to off", "22023", NULL},
		{"set server_version to '1'", "55000", NULL},
		{"set no_such_thing to 1", "42704", NULL},
		{"show no_such_thing", "42704", NULL},
		{"set my.own to 'x'", NULL, NULL},
		{"show my.own", NULL, "x"},
		{"set time zone 'Nowhere/Land'", "22023", NULL},
		{"set time zone 'Europe/Berlin'", NULL, NULL},
		{"set weft.purpose to 'nonsense'", "22023", NULL},
		{"show weft.purpose", NULL, ""},
		{"begin", NULL, NULL},
		{"set extra_float_digits = 3", NULL, NULL},
		{"savepoint a", NULL, NULL},
		{"set extra_float_digits = 2", NULL, NULL},
		{"rollback to a", NULL, NULL},
		{"show extra_float_digits", NULL, "3"},
		{"set local application_name to 'inner'", NULL, NULL},
		{"show application_name", NULL, "inner"},
		{"rollback", NULL, NULL},
		{"show extra_float_digits", NULL, "1"},
		{"begin; set local application_name to 'inner'; commit", NULL, NULL},
		{"show application_name", NULL, ""},
		{"discard all", NULL, NULL},
		{"show timezone", NULL, "UTC"},
		{"show all", NULL, "application_name"},
	};

	run_steps(f->conn, steps, array_len(steps));
	assert_string_equal("UTC", PQparameterStatus(f->conn, "TimeZone"));
	expect(f->conn, "set time zone 'Europe/Berlin'", NULL, NULL);
	assert_string_equal("Europe/Berlin", PQparameterStatus(f->conn, "TimeZone"));
}

static void test_transactions(void **state)
{
	struct fixture *f = *state;
	static const struct step steps[] = {
		{"begin isolation level serializable", NULL, NULL},
		{"show transaction isolation level", NULL, "serializable"},
		{"select missing", "42P01", NULL},
		{"select rows 1", "25P02", NULL},
		{"show timezone", "25P02", NULL},
		{"commit", NULL, NULL},
		{"select rows 1", NULL, "1"},
		{"savepoint a", "25P01", NULL},
		{"begin", NULL, NULL},
		{"savepoint a", NULL, NULL},
		{"select missing", "42P01", NULL},
		{"rollback to a", NULL, NULL},
		{"select rows 1", NULL, "1"},
		{"release a", NULL, NULL},
		{"rollback to a", "3B001", NULL},
		{"rollback and chain", NULL, NULL},
		{"end", NULL, NULL},
		{"commit", NULL, NULL},
		{"show transaction isolation level", NULL, "repeatable read"},
	};

	run_steps(f->conn, steps, array_len(steps));
	assert_non_null(strstr(f->notices, "there is no transaction in progress"));
	expect(f->conn, "begin", NULL, NULL);
	assert_int_equal(PQTRANS_INTRANS, PQtransactionStatus(f->conn));
	expect(f->conn, "select missing", "42P01", NULL);
	assert_int_equal(PQTRANS_INERROR, PQtransactionStatus(f->conn));
}

static void test_notices(void **state)
{
	struct fixture *f = *state;

	expect(f->conn, "set weft.purpose to fraud; select rows 1 noticed", NULL, "1");
	assert_non_null(strstr(f->notices, "rows filtered for purpose 'fraud'"));
	f->notices[0] = 0;
	expect(f->conn, "set client_min_messages to warning; select rows 1 noticed", NULL, "1");
	assert_string_equal("", f->notices);
	PQfinish(f->conn);
	f->conn = connect_with(f, "options='-c weft.purpose=fraud'");
	expect(f->conn, "show weft.purpose", NULL, "fraud");
	expect(f->conn, "reset weft.purpose", NULL, NULL);
	expect(f->conn, "show weft.purpose", NULL, "fraud");
	expect(f->conn, "begin; set weft.purpose to ''; rollback; show weft.purpose", NULL,
		"fraud");
}

static void test_cursors(void **state)
{
	struct fixture *f = *state;
	static const struct step steps[] = {
		{"declare c cursor for select rows 10", "25P01", NULL},
		{"begin", NULL, NULL},
		{"declare c cursor for select rows 10", NULL, NULL},
		{"declare c cursor for select rows 10", "42P03", NULL},
		{"rollback", NULL, NULL},
		{"begin", NULL, NULL},
		{"declare c cursor for select rows 10", NULL, NULL},
		{"fetch 2 from c", NULL, "1"},
		{"move 3 in c", NULL, NULL},
		{"fetch c", NULL, "6"},
		{"fetch relative 2 from c", NULL, "8"},
		{"fetch absolute 10 from c", NULL, "10"},
		{"fetch all from c", NULL, NULL},
		{"savepoint s", NULL, NULL},
		{"fetch backward 1 from c", "55000", NULL},
		{"rollback to s", NULL, NULL},
		{"declare d cursor for select missing", "42P01", NULL},
		{"rollback to s", NULL, NULL},
		{"declare d cursor for delete from x", "25006", NULL},
		{"rollback to s", NULL, NULL},
		{"declare d scroll no scroll cursor for select rows 1", "42P11", NULL},
		{"rollback", NULL, NULL},
		{"fetch c", "34000", NULL},
		{"declare c cursor for select rows 2; fetch 2 from c", NULL, "1"},
		{"begin; declare h cursor with hold for select rows 3; rollback", NULL, NULL},
		{"fetch h", "34000", NULL},
		{"begin; declare h cursor with hold for select rows 3 broken", NULL, NULL},
		{"commit", "22012", NULL},
		{"fetch h", "34000", NULL},
		{"begin; declare h cursor with hold for select rows 3; commit", NULL, NULL},
		{"fetch 2 from h", NULL, "1"},
		{"fetch 2 from h", NULL, "3"},
		{"close h", NULL, NULL},
		{"close h", "34000", NULL},
		{"close all", NULL, NULL},
	};

	run_steps(f->conn, steps, array_len(steps));
	assert_int_equal(0, fake_node_open_queries());
}

static void test_scroll(void **state)
{
	struct fixture *f = *state;
	static const struct step steps[] = {
		{"begin", NULL, NULL},
		{"declare c scroll cursor for select rows 100000", NULL, NULL},
		{"fetch last from c", NULL, "100000"},
		{"fetch relative -1 from c", NULL, "99999"},
		{"fetch absolute 70001 from c", NULL, "70001"},
		{"fetch backward 3 from c", NULL, "70000"},
		{"fetch absolute -99999 from c", NULL, "2"},
		{"fetch prior from c", NULL, "1"},
		{"fetch prior from c", NULL, NULL},
		{"fetch 0 from c", NULL, NULL},
		{"fetch next from c", NULL, "1"},
		{"fetch 0 from c", NULL, "1"},
		{"move all from c", NULL, NULL},
		{"fetch backward all from c", NULL, "100000"},
		{"fetch first from c", NULL, "1"},
		{"declare d no scroll cursor with hold for select rows 3", NULL, NULL},
		{"commit", NULL, NULL},
		{"fetch c", "34000", NULL},
		{"fetch absolute 3 from d", NULL, "3"},
		{"fetch backward 0 from d", "55000", NULL},
		{"close d", NULL, NULL},
	};

	run_steps(f->conn, steps, array_len(steps));
}

/* What cursors keep counts for the session, and is given back with them. */
static void test_spool_limit(void **state)
{
	struct fixture *f = *state;
	static const struct step steps[] = {
		{"begin", NULL, NULL},
		{"declare c scroll cursor for select rows 15000", NULL, NULL},
		{"move all from c", NULL, NULL},
		{"savepoint s", NULL, NULL},
		{"declare d scroll cursor for select rows 15000", NULL, NULL},
		{"move all from d", "53400", NULL},
		{"rollback to s", NULL, NULL},
		{"close c", NULL, NULL},
		{"declare d scroll cursor for select rows 15000", NULL, NULL},
		{"move all from d", NULL, NULL},
		{"declare e cursor for select rows 100000", NULL, NULL},
		{"move all from e", NULL, NULL},
		{"rollback", NULL, NULL},
	};

	PQfinish(f->conn);
	pg_door_stop(&f->door, 1000);
	start(f, 1 << 20);
	run_steps(f->conn, steps, array_len(steps));
}

static void test_prepared(void **state)
{
	struct fixture *f = *state;
	static const struct step steps[] = {
		{"prepare p as select rows 2 $1 $2", NULL, NULL},
		{"execute p (7, '8')", NULL, "1"},
		{"execute p (7)", "08P01", NULL},
		{"prepare p as select rows 1", "42P05", NULL},
		{"prepare q (nonsense) as select rows 1", "42704", NULL},
		{"prepare q as select missing", "42P01", NULL},
		{"prepare q as insert into x values (1)", "25006", NULL},
		{"deallocate p", NULL, NULL},
		{"deallocate p", "26000", NULL},
		{"execute p", "26000", NULL},
	};

	run_steps(f->conn, steps, array_len(steps));
	const char *values[] = {"11", "12"};
	PGresult *result =
		PQexecParams(f->conn, "select rows 2 $1 $2", 2, NULL, values, NULL, NULL, 1);

	assert_int_equal(PGRES_TUPLES_OK, PQresultStatus(result));
	assert_int_equal(4, PQgetlength(result, 1, 0));
	assert_int_equal(2, PQgetvalue(result, 1, 0)[3]);
	assert_string_equal("name 1/11/12", PQgetvalue(result, 0, 1));
	PQclear(result);
	PQclear(PQprepare(f->conn, "s1", "select rows 4 $1", 0, NULL));
	result = PQdescribePrepared(f->conn, "s1");
	assert_int_equal(1, PQnparams(result));
	assert_int_equal(23, PQparamtype(result, 0));
	assert_string_equal("name", PQfname(result, 1));
	PQclear(result);
	result = PQexecPrepared(f->conn, "s1", 1, values, NULL, NULL, 0);
	assert_int_equal(4, PQntuples(result));
	assert_true(PQgetisnull(result, 2, 1));
	PQclear(result);
	result = PQexecPrepared(f->conn, "s1", 2, values, NULL, NULL, 0);
	assert_string_equal("08P01", PQresultErrorField(result, PG_DIAG_SQLSTATE));
	PQclear(result);
	result = PQexecParams(f->conn, "select 1; select 2", 0, NULL, NULL, NULL, NULL, 0);
	assert_string_equal("42601", PQresultErrorField(result, PG_DIAG_SQLSTATE));
	PQclear(result);
	result = PQexecParams(f->conn, "show timezone", 0, NULL, NULL, NULL, NULL, 0);
	assert_string_equal("UTC", PQgetvalue(result, 0, 0));
	PQclear(result);
	result = PQexecParams(f->conn, "", 0, NULL, NULL, NULL, NULL, 0);
	assert_int_equal(PGRES_EMPTY_QUERY, PQresultStatus(result));
	PQclear(result);
}

/* DECLARE and FETCH by the extended protocol, with a parameter and binary results. */
static void test_extended_cursor(void **state)
{
	struct fixture *f = *state;
	const char *values[] = {"5"};

	expect(f->conn, "begin", NULL, NULL);
	PGresult *result = PQexecParams(
		f->conn, "declare c cursor for select rows 3 $1", 1, NULL, values, NULL, NULL, 1);

	assert_int_equal(PGRES_COMMAND_OK, PQresultStatus(result));
	PQclear(result);
	result = PQdescribePortal(f->conn, "c");
	assert_int_equal(2, PQnfields(result));
	PQclear(result);
	result = PQexecParams(f->conn, "fetch forward 2 from c", 0, NULL, NULL, NULL, NULL, 1);
	assert_int_equal(2, PQntuples(result));
	assert_int_equal(1, PQfformat(result, 0));
	assert_int_equal(1, PQgetvalue(result, 0, 0)[3]);
	assert_string_equal("name 1/5", PQgetvalue(result, 0, 1));
	PQclear(result);
	expect(f->conn, "fetch c", NULL, "3"); /* in text now */
	expect(f->conn, "commit", NULL, NULL);
	expect(f->conn, "begin; declare s scroll cursor for select rows 3", NULL, NULL);
	result = PQexecParams(f->conn, "fetch last from s", 0, NULL, NULL, NULL, NULL, 1);
	assert_int_equal(3, PQgetvalue(result, 0, 0)[3]);
	PQclear(result);
	expect(f->conn, "fetch first from s", NULL, "1");
	expect(f->conn, "commit", NULL, NULL);
}

static void test_copy(void **state)
{
	struct fixture *f = *state;
	PGresult *result = PQexec(f->conn, "copy (select rows 2) to stdout");
	char *line;

	assert_int_equal(PGRES_COPY_OUT, PQresultStatus(result));
	assert_int_equal(2, PQnfields(result));
	PQclear(result);
	assert_int_equal(9, PQgetCopyData(f->conn, &line, 0));
	assert_string_equal("1\tname 1\n", line);
	PQfreemem(line);
	assert_int_equal(9, PQgetCopyData(f->conn, &line, 0));
	PQfreemem(line);
	assert_int_equal(-1, PQgetCopyData(f->conn, &line, 0));
	result = PQgetResult(f->conn);
	assert_string_equal("COPY 2", PQcmdStatus(result));
	PQclear(result);
	assert_null(PQgetResult(f->conn));
	expect(f->conn, "copy (select missing) to stdout", "42P01", NULL);
	expect(f->conn, "copy x from stdin", "25006", NULL);
	expect(f->conn, "copy (select rows 1) to '/tmp/x'", "42501", NULL);
	expect(f->conn, "copy (select rows 1) to stdout (format csv, force_quote (nix))", "42703",
		NULL);
	expect(f->conn, "select rows 1", NULL, "1");
}

static void test_pipeline(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = {"select rows 1", "select missing", "select rows 2"};
	static const ExecStatusType wanted[] = {
		PGRES_TUPLES_OK, PGRES_FATAL_ERROR, PGRES_PIPELINE_ABORTED};

	assert_int_equal(1, PQenterPipelineMode(f->conn));
	for (size_t i = 0; i < array_len(texts); i++)
		assert_int_equal(
			1, PQsendQueryParams(f->conn, texts[i], 0, NULL, NULL, NULL, NULL, 0));
	assert_int_equal(1, PQpipelineSync(f->conn));
	for (size_t i = 0; i < array_len(texts); i++) {
		PGresult *result = PQgetResult(f->conn);

		assert_int_equal(wanted[i], PQresultStatus(result));
		PQclear(result);
		assert_null(PQgetResult(f->conn));
	}
	PGresult *result = PQgetResult(f->conn);

	assert_int_equal(PGRES_PIPELINE_SYNC, PQresultStatus(result));
	PQclear(result);
	assert_int_equal(1, PQexitPipelineMode(f->conn));
	expect(f->conn, "select rows 1", NULL, "1");
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	PGcancel *cancel = PQgetCancel(f->conn);
	char text[256];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(1, PQsendQuery(f->conn, "select rows 1 slow"));
		usleep(50000);
		assert_int_equal(1, PQcancel(cancel, text, sizeof text));
		PGresult *result = PQgetResult(f->conn);

		assert_string_equal("57014", PQresultErrorField(result, PG_DIAG_SQLSTATE));
		PQclear(result);
		assert_null(PQgetResult(f->conn));
	}
	assert_int_equal(1, PQcancel(cancel, text, sizeof text));
	usleep(20000);
	expect(f->conn, "select rows 1", NULL, "1");
	PQfreeCancel(cancel);
}

static void test_client_gone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(1, PQsendQuery(f->conn, "select rows 1 slow"));
	assert_int_equal(0, PQflush(f->conn));
	usleep(50000);
	PQfinish(f->conn);
	f->conn = connect_with(f, "");
	for (int i = 0; i < 400 && fake_node_open_queries() > 0; i++)
		usleep(10000);
	assert_int_equal(0, fake_node_open_queries());
}

static void expect_refusal(struct fixture *f, const char *more, const char *text)
{
	PGconn *conn = connect_with(f, more);

	assert_int_equal(CONNECTION_BAD, PQstatus(conn));
	if (!strstr(PQerrorMessage(conn), text))
		fail_msg("%s: %s", more, PQerrorMessage(conn));
	PQfinish(conn);
}

static void test_sign_in(void **state)
{
	struct fixture *f = *state;

	expect_refusal(f, "password=wrong", "password authentication failed for user \"alice\"");
	expect_refusal(f, "user=nobody", "password authentication failed for user \"nobody\"");
	expect_refusal(f, "dbname=other", "database \"other\" does not exist");
	expect_refusal(f, "options='-c nonsense=1'", "unrecognized configuration parameter");
	expect_refusal(f, "options=nonsense", "cannot read");
	expect_refusal(f, "client_encoding=latin1", "client_encoding");
	expect_refusal(f, "replication=database", "replication is not supported");
	expect_refusal(f, "sslmode=require", "server does not support SSL");
	expect_refusal(f, "user=token password=weft_bad", "token not accepted");
	PGconn *conn = connect_with(f, "user=token password=weft_good");

	assert_string_equal("service", PQparameterStatus(conn, "session_authorization"));
	PQfinish(conn);
}

static void test_limit_per_address(void **state)
{
	struct fixture *f = *state;
	PGconn *conns[8] = {NULL};
	size_t open = 0;

	while (open < array_len(conns)) {
		conns[open] = connect_with(f, "");
		if (PQstatus(conns[open++]) != CONNECTION_OK)
			break;
	}
	assert_int_equal(8, open);
	assert_non_null(strstr(PQerrorMessage(conns[7]), "too many connections"));
	for (size_t i = 0; i < open; i++)
		PQfinish(conns[i]);
}

static void test_stop_while_running(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(1, PQsendQuery(f->conn, "select rows 1 slow"));
	assert_int_equal(0, PQflush(f->conn));
	usleep(50000);
	pg_door_stop(&f->door, 100);
	PGresult *result = PQgetResult(f->conn);

	assert_string_equal("57014", PQresultErrorField(result, PG_DIAG_SQLSTATE));
	PQclear(result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_simple),
		TEST(test_settings),
		TEST(test_transactions),
		TEST(test_notices),
		TEST(test_cursors),
		TEST(test_scroll),
		TEST(test_spool_limit),
		TEST(test_prepared),
		TEST(test_extended_cursor),
		TEST(test_copy),
		TEST(test_pipeline),
		TEST(test_cancel),
		TEST(test_client_gone),
		TEST(test_sign_in),
		TEST(test_limit_per_address),
		TEST(test_stop_while_running),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
