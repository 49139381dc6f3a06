#include "base/testing.h"

#include "pgwire/backend.h"

#define EXPECT(out, literal)                                                                       \
	do {                                                                                       \
		assert_int_equal(sizeof(literal) - 1, (out).len);                                  \
		assert_memory_equal(literal, (out).ptr, (out).len);                                \
		(out).len = 0;                                                                     \
	} while (0)

static void test_bytes(void **state)
{
	struct arena *arena = arena_new();
	struct str out = str_in(arena);
	const char *mechanisms[] = {"SCRAM-SHA-256"};
	const struct slice values[] = {SLICE("a"), SLICE_NONE, SLICE("")};
	const struct pg_column column = {SLICE("n"), 23, -1, 4, 1};
	const uint32_t oid = 25;

	(void)state;
	pg_put_simple(&out, '1');
	EXPECT(out, "1\0\0\0\4");
	pg_put_auth_ok(&out);
	EXPECT(out, "R\0\0\0\10\0\0\0\0");
	pg_put_auth_sasl(&out, mechanisms, 1);
	EXPECT(out, "R\0\0\0\x17\0\0\0\12SCRAM-SHA-256\0\0");
	pg_put_auth_sasl_continue(&out, SLICE("x"));
	EXPECT(out, "R\0\0\0\11\0\0\0\13x");
	pg_put_auth_sasl_final(&out, SLICE("y"));
	EXPECT(out, "R\0\0\0\11\0\0\0\14y");
	pg_put_parameter_status(&out, SLICE("a"), SLICE("b"));
	EXPECT(out, "S\0\0\0\10a\0b\0");
	pg_put_backend_key(&out, 1, SLICE("\1\2\3\4"));
	EXPECT(out, "K\0\0\0\14\0\0\0\1\1\2\3\4");
	pg_put_negotiate(&out, 2, values, 1);
	EXPECT(out, "v\0\0\0\16\0\3\0\2\0\0\0\1a\0");
	pg_put_ready(&out, PG_FAILED);
	EXPECT(out, "Z\0\0\0\5E");
	pg_put_command_complete(&out, SLICE("SELECT 1"));
	EXPECT(out, "C\0\0\0\15SELECT 1\0");
	pg_put_row_description(&out, &column, 1);
	EXPECT(out, "T\0\0\0\x1a\0\1n\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\1");
	pg_put_parameter_description(&out, &oid, 1);
	EXPECT(out, "t\0\0\0\12\0\1\0\0\0\x19");
	pg_put_data_row(&out, values, 3);
	EXPECT(out, "D\0\0\0\x13\0\3\0\0\0\1a\xff\xff\xff\xff\0\0\0\0");
	pg_put_copy_out(&out, 1, 2);
	EXPECT(out, "H\0\0\0\13\1\0\2\0\1\0\1");
	pg_put_copy_data(&out, SLICE("z"));
	EXPECT(out, "d\0\0\0\5z");
	arena_free(&arena);
}

static void test_reports(void **state)
{
	struct arena *arena = arena_new();
	struct str out = str_in(arena);
	struct error err;

	(void)state;
	error_set(&err, UNDEFINED_TABLE, "no table x");
	error_hint(&err, "look");
	err.position = 15;
	pg_put_error(&out, PG_ERROR, &err);
	EXPECT(out, "E\0\0\0\x30SERROR\0VERROR\0C42P01\0Mno table x\0Hlook\0P15\0\0");
	pg_put_notice(&out, PG_NOTICE, "00000", SLICE("hi\0there"));
	EXPECT(out, "N\0\0\0\x20SNOTICE\0VNOTICE\0C00000\0Mhi\0\0");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
