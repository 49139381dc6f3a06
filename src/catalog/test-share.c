#include "base/testing.h"

#include "base/error.h"
#include "catalog/share.h"

/* What comes from another node is foreign: read what is as it should be, leave out the rest. */

static const struct slice ALLOWED[] = {{"sales", 5}};

static const struct model *read_all(const struct slice *products, size_t count, size_t *left_out)
{
	static const struct slice domains[] = {
		{"{\"domain\":\"sales\",\"title\":\"Sales\",\"owners\":[\"crew\"]}", 52},
		{"{\"domain\":\"stock\"}", 18},
	};
	const struct shared shared = {.allowed = ALLOWED,
		.allowed_count = 1,
		.domains = domains,
		.domain_count = array_len(domains),
		.products = products,
		.product_count = count};

	return share_model(&shared, left_out);
}

#define PRODUCT(domain, name, tables)                                                              \
	"{\"domain\":\"" domain "\",\"product\":\"" name                                           \
	"\",\"status\":\"active\",\"tables\":[" tables "]}"
#define TABLE(name, major, columns)                                                                \
	"{\"table\":\"" name "\",\"major\":" major ",\"newest\":true,\"columns\":[" columns "]}"
#define COLUMN "{\"name\":\"id\",\"type\":\"INTEGER\",\"required\":true,\"key\":1}"

static void test_reads(void **state)
{
	const struct slice product =
		slice_from_c(PRODUCT("sales", "orders", TABLE("orders", "2", COLUMN)));
	const struct principal nobody = {0};
	struct model_hit *hits = NULL;
	size_t left_out = 0;
	const struct model *model = read_all(&product, 1, &left_out);

	assert_int_equal(left_out, 1); /* the domain that is not its own */
	assert_int_equal(model->domain_count, 1);
	assert_int_equal(model->domains[0].product_count, 1);
	assert_int_equal(model->table_count, 1);
	const struct model_table *table = &model->tables[0];

	assert_true(slice_equal_c(table->key, "orders@2"));
	assert_ptr_equal(table->product, &model->products[0]);
	assert_int_equal(table->column_count, 1);
	assert_int_equal(table->policy.column_count, 1);
	/* It can be known of and not be read, whoever asks. */
	struct model_access access;

	assert_int_equal(model_table_access(*state, table, model, &nobody, &access), MODEL_DENIED);
	assert_int_equal(model_search(*state, model, &nobody, SLICE("orders"), &hits), 2);
	model_unref(&model);
}

static void test_leaves_out(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"7",
		"{\"domain\":\"sales\"}",
		PRODUCT("stock", "wares", ""),
		PRODUCT("nowhere", "wares", ""),
		PRODUCT("sales", "Orders", ""),
		PRODUCT("sales", "a.b", ""),
		PRODUCT("sales", "x'; DROP TABLE y", ""),
		PRODUCT("sales", "orders", TABLE("../x", "1", COLUMN)),
		PRODUCT("sales", "orders", TABLE("orders", "0", COLUMN)),
		PRODUCT("sales", "orders", TABLE("orders", "99999999999", COLUMN)),
		PRODUCT("sales", "orders", TABLE("orders", "\"1\"", COLUMN)),
		PRODUCT("sales", "orders", TABLE("orders", "1", "{\"name\":\"id\"}")),
		PRODUCT("sales", "orders", TABLE("orders", "1", "7")),
		PRODUCT("sales", "orders", TABLE("fine", "1", COLUMN) ",7"),
	};

	(void)state;
	for (size_t i = 0; i < array_len(texts); i++) {
		const struct slice product = slice_from_c(texts[i]);
		size_t left_out = 0;
		const struct model *model = read_all(&product, 1, &left_out);

		assert_int_equal(left_out, 2);
		assert_int_equal(model->product_count, 0);
		assert_int_equal(model->table_count, 0);
		model_unref(&model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads, arena_setup, arena_teardown),
		cmocka_unit_test(test_leaves_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
