/* The functions of format-number.c and format-time.c as scalar functions of the engine. */
#include "engine/format.h"

#include "engine/engine-private.h"

static struct slice text_at(duckdb_data_chunk input, idx_t column, idx_t row)
{
	duckdb_vector vector = duckdb_data_chunk_get_vector(input, column);
	duckdb_string_t *texts = duckdb_vector_get_data(vector);

	return slice_of(duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row]));
}

/* Whether an argument is NULL: then so is the result, and the row's bytes mean nothing. */
static bool is_null(duckdb_data_chunk input, idx_t row)
{
	for (idx_t i = 0; i < duckdb_data_chunk_get_column_count(input); i++) {
		uint64_t *validity =
			duckdb_vector_get_validity(duckdb_data_chunk_get_vector(input, i));

		if (validity && !duckdb_validity_row_is_valid(validity, row))
			return true;
	}
	return false;
}

static bool is_clock(struct slice type)
{
	return slice_starts_with(type, SLICE("TIME")) || slice_equal_c(type, "DATE");
}

static bool is_number(struct slice type)
{
	static const char *const names[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
		"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE",
		"INTEGER_LITERAL"};

	for (size_t i = 0; i < array_len(names); i++)
		if (slice_equal_c(type, names[i]))
			return true;
	return slice_starts_with(type, SLICE("DECIMAL"));
}

static void to_char(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	struct arena *arena = arena_new();
	idx_t count = duckdb_data_chunk_get_size(input);

	for (idx_t i = 0; i < count; i++) {
		if (is_null(input, i))
			continue;
		struct str out = str_in(arena);
		struct slice type = text_at(input, 2, i);
		bool ok = is_number(type);

		if (ok)
			format_number(&out, text_at(input, 0, i), text_at(input, 1, i));
		else if (is_clock(type))
			ok = format_timestamp(&out, text_at(input, 0, i), text_at(input, 1, i));
		if (!ok) {
			duckdb_scalar_function_set_error(info,
				"Invalid Input Error: to_char formats numbers, dates and times");
			break;
		}
		duckdb_vector_assign_string_element_len(output, i, out.ptr ? out.ptr : "", out.len);
		arena_reset(arena);
	}
	arena_free(&arena);
}

static void to_timestamp(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	int64_t *to = duckdb_vector_get_data(output);
	idx_t count = duckdb_data_chunk_get_size(input);

	for (idx_t i = 0; i < count; i++)
		if (!is_null(input, i) && !format_read_timestamp(text_at(input, 0, i),
						  text_at(input, 1, i), &to[i])) {
			duckdb_scalar_function_set_error(info,
				"Conversion Error: a text does not fit the template of to_date or "
				"to_timestamp");
			return;
		}
}

/* Digits, the point and the sign; the template says no more than that. */
static void to_number(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	struct arena *arena = arena_new();
	idx_t count = duckdb_data_chunk_get_size(input);

	for (idx_t i = 0; i < count; i++) {
		if (is_null(input, i))
			continue;
		struct str digits = str_in(arena);
		struct slice text = text_at(input, 0, i);
		bool negative = slice_find(text, SLICE("-"), 0) != SIZE_MAX;

		str_add_c(&digits, negative ? "-" : "");
		for (size_t k = 0; k < text.len; k++)
			if ((text.ptr[k] >= '0' && text.ptr[k] <= '9') || text.ptr[k] == '.')
				str_add_char(&digits, text.ptr[k]);
		if (digits.len == (size_t)negative)
			duckdb_scalar_function_set_error(
				info, "Conversion Error: a text of to_number has no digits");
		duckdb_vector_assign_string_element_len(
			output, i, digits.ptr ? digits.ptr : "", digits.len);
		arena_reset(arena);
	}
	arena_free(&arena);
}

static bool add(struct engine *engine, const char *name, int params, duckdb_type result,
	duckdb_scalar_function_t body)
{
	duckdb_scalar_function function = duckdb_create_scalar_function();
	duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
	duckdb_logical_type returned = duckdb_create_logical_type(result);
	duckdb_scalar_function_set_name(function, name);
	for (int i = 0; i < params; i++)
		duckdb_scalar_function_add_parameter(function, text);
	duckdb_scalar_function_set_return_type(function, returned);
	duckdb_scalar_function_set_function(function, body);
	bool ok = duckdb_register_scalar_function(engine->conn, function) == DuckDBSuccess;
	duckdb_destroy_scalar_function(&function);
	duckdb_destroy_logical_type(&text);
	duckdb_destroy_logical_type(&returned);
	return ok;
}

bool format_register(struct engine *engine, struct error *err)
{
	return (add(engine, "weft_to_char", 3, DUCKDB_TYPE_VARCHAR, to_char) &&
		       add(engine, "weft_to_timestamp", 2, DUCKDB_TYPE_TIMESTAMP, to_timestamp) &&
		       add(engine, "weft_to_number", 2, DUCKDB_TYPE_VARCHAR, to_number)) ||
	       error_set(err, INTERNAL_ERROR, "the format functions cannot be registered");
}
