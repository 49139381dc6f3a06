#include "base/str.h"
#include "base/testing.h"
#include "server/remote-wire.h"

static void a_statement_arrives_as_it_was_sent(void **state)
{
	struct arena *arena = *state;
	struct slice groups[] = {SLICE("readers"), SLICE("world")};
	struct slice values[] = {SLICE("DE"), SLICE("FR")};
	struct attribute attributes[] = {
		{.name = SLICE("country"), .type = SLICE("string"), .values = values, 2}};
	const struct slice path[] = {SLICE("sales"), SLICE("é\"")};
	const uint32_t oids[] = {23, 0};
	const int16_t formats[] = {1, 0, 1};
	const struct query_param params[] = {
		{.oid = 23, .format = 1, .value = slice_of("\0\0\0\7", 4)},
		{.oid = 25, .format = 0, .value = SLICE_NONE}};
	const struct remote_ask sent = {.principal = {.name = SLICE("ana"),
						.groups = groups,
						.group_count = 2,
						.attributes = attributes,
						.attribute_count = 1,
						.purpose = SLICE("support")},
		.text = SLICE("SELECT 'ü'"),
		.session = SLICE("s1"),
		.time_zone = SLICE("Europe/Berlin"),
		.search_path = path,
		.search_path_count = 2,
		.param_oids = oids,
		.param_oid_count = 2,
		.timeout_ms = 1500,
		.execute = true,
		.how = {.format = QUERY_PG,
			.column_formats = formats,
			.params = params,
			.param_count = 2},
		.format_count = 3};
	struct remote_ask got;
	struct error err = {0};
	json_t *json = json_parse(remote_ask_print(arena, &sent), &err);

	assert_true(remote_ask_read(arena, json, &got, &err));
	json_decref(json);
	assert_true(slice_equal(got.text, sent.text));
	assert_true(slice_equal(got.principal.name, sent.principal.name));
	assert_true(slice_equal(got.principal.purpose, sent.principal.purpose));
	assert_int_equal(2, got.principal.group_count);
	assert_true(slice_equal(got.principal.groups[1], groups[1]));
	assert_true(slice_equal(got.principal.attributes[0].values[1], values[1]));
	assert_true(slice_equal(got.search_path[1], path[1]));
	assert_int_equal(23, got.param_oids[0]);
	assert_int_equal(1500, got.timeout_ms);
	assert_int_equal(QUERY_PG, got.how.format);
	assert_int_equal(3, got.format_count);
	assert_int_equal(0, got.how.column_formats[1]);
	assert_int_equal(2, got.how.param_count);
	assert_true(slice_equal(got.how.params[0].value, params[0].value));
	assert_true(slice_is_none(got.how.params[1].value));
}

static bool check(
	const char *bytes, size_t len, enum query_format format, size_t columns, uint32_t rows)
{
	struct error err = {0};
	const struct remote_rows said = {format, columns, rows};

	return remote_rows_check(slice_of(bytes, len), &said, &err);
}

static void rows_are_whole_messages_of_their_columns(void **state)
{
	(void)state;
	static const char row[] = "D\0\0\0\x0f\0\2\0\0\0\1x\xff\xff\xff\xff"
				  "D\0\0\0\x0f\0\2\0\0\0\1y\xff\xff\xff\xff";
	const size_t len = 32;

	assert_true(check(row, len, QUERY_PG, 2, 2));
	assert_true(check(row, len, QUERY_PG_BOTH, 2, 1));
	assert_false(check(row, len, QUERY_PG, 2, 1));
	assert_false(check(row, len, QUERY_PG, 3, 2));
	assert_false(check(row, len - 1, QUERY_PG, 2, 2));
	assert_false(check("E\0\0\0\5\0", 6, QUERY_PG, 0, 1)); /* another message */
	assert_false(check("D\0\0\0\3", 5, QUERY_PG, 0, 1));
	assert_false(check("D\xff\xff\xff\xff\0\0", 7, QUERY_PG, 0, 1));
	assert_false(check("D\0\0\0\x0a\0\1\x7f\xff\xff\xff", 11, QUERY_PG, 1, 1));
	assert_true(check("d\0\0\0\5a", 6, QUERY_COPY_TEXT, 1, 1));
	assert_false(check("c\0\0\0\4", 5, QUERY_COPY_TEXT, 1, 1));
	assert_true(check("[{}]", 4, QUERY_JSON, 1, 1));
	assert_int_equal(16, remote_rows_length(slice_of(row, len), QUERY_PG, 1));
	assert_int_equal(32, remote_rows_length(slice_of(row, len), QUERY_PG, 9));
}

static void heads_and_errors(void **state)
{
	struct arena *arena = *state;
	unsigned char head[REMOTE_HEAD_BYTES];
	uint8_t type = 0;
	size_t len = 0;
	struct error err = {0};
	struct error got = {0};

	remote_head_write(head, 12, 0x012345);
	assert_true(remote_head_read(head, &type, &len, &err));
	assert_int_equal(12, type);
	assert_int_equal(0x012345, len);
	head[3] = 0x7f;
	assert_false(remote_head_read(head, &type, &len, &err));
	error_set(&err, UNDEFINED_COLUMN, "no %s", "such");
	error_hint(&err, "look");
	err.position = 7;
	assert_false(remote_error_read(remote_error_print(arena, &err), &got));
	assert_int_equal(SQLSTATE_UNDEFINED_COLUMN, got.state);
	assert_string_equal("no such", got.msg);
	assert_string_equal("look", got.hint);
	assert_int_equal(7, got.position);
	assert_false(remote_error_read(SLICE("{}"), &got));
	assert_int_equal(SQLSTATE_PROTOCOL_VIOLATION, got.state);
}

static void only_names_of_types_are_taken(void **state)
{
	static const char *const sound[] = {"INTEGER", "DECIMAL(12,2)", "DECIMAL(38, 10)",
		"TIMESTAMP WITH TIME ZONE", "TIME WITH TIME ZONE", "VARCHAR[]", "INTEGER[3][]",
		"STRUCT(a INTEGER, \"b c\" VARCHAR[])", "MAP(VARCHAR, STRUCT(x DOUBLE))",
		"ENUM('it''s', ')')", "UNION(n INTEGER, s VARCHAR)", "\"NULL\""};
	static const char *const wrong[] = {"", "INTEGER)", "INTEGER DEFAULT 1",
		"INTEGER, x INTEGER", "INTEGER --", "integer; ATTACH 'x'", "INTEGER CHECK (true)",
		"DECIMAL(a)", "DECIMAL(12,2", "ENUM('a)", "STRUCT(a)", "MAP(VARCHAR)extra",
		"INTEGER[", "INTEGER[x]", "nothing", "DATE WITH TIME ZONE", "ENUM(a)",
		"STRUCT(\"a INTEGER)", "INTEGER\n"};
	struct str deep = str_in(*state);

	for (size_t i = 0; i < array_len(sound); i++)
		assert_true(remote_type_is_sound(slice_from_c(sound[i])));
	for (size_t i = 0; i < array_len(wrong); i++)
		assert_false(remote_type_is_sound(slice_from_c(wrong[i])));
	for (int i = 0; i < 1000; i++)
		str_add_c(&deep, "STRUCT(a ");
	assert_false(remote_type_is_sound(str_slice(&deep)));
	assert_false(remote_type_is_sound(slice_of("INTEGER\0", 8)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_statement_arrives_as_it_was_sent, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(
			rows_are_whole_messages_of_their_columns, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(heads_and_errors, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(
			only_names_of_types_are_taken, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
