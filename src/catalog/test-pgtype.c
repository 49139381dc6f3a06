/* Types as catalogues show them. */
#include "base/testing.h"

#include "catalog/pgtype.h"

static void test_types(void **state)
{
	static const struct {
		const char *duckdb;
		uint32_t oid;
		int32_t typmod;
	} rows[] = {
		{"BIGINT", 20, -1},
		{"VARCHAR", 25, -1},
		{"DECIMAL(12,2)", 1700, (12 << 16 | 2) + 4},
		{"DECIMAL(39,2)", 1700, -1},
		{"TIMESTAMP WITH TIME ZONE", 1184, -1},
		{"INTEGER[]", 1007, -1},
		{"DECIMAL(12,2)[]", 1231, -1},
		{"VARCHAR[3]", 1009, -1},
		{"INTEGER[][]", 114, -1},
		{"STRUCT(\"a\" INTEGER)", 114, -1},
		{"STRUCT(\"a\" INTEGER)[]", 114, -1},
		{"MAP(VARCHAR, INTEGER)", 114, -1},
		{"JSON[]", 199, -1},
		{"ENUM('a', 'b[]')", 25, -1},
		{"UHUGEINT", 1700, -1},
		{"", 25, -1},
		{"[]", 25, -1},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct pgtype type = pgtype_of(slice_from_c(rows[i].duckdb));

		assert_int_equal(type.row->oid, rows[i].oid);
		assert_int_equal(type.typmod, rows[i].typmod);
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < pgtype_row_count; i++) {
		const struct pgtype_row *row = &pgtype_rows[i];

		assert_ptr_equal(pgtype_find(row->oid), row);
		if (row->name[0] == '_')
			assert_int_equal(pgtype_find(row->element)->array, row->oid);
	}
	assert_null(pgtype_find(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests_name("pgtype", tests, NULL, NULL);
}
