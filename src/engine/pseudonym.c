/* See pseudonym.h. Dictionaries reach these functions as such, so a repeated text is hashed once a
 * chunk. */
#include "engine/pseudonym.h"

#include <sodium.h>
#include <string.h>

#include "engine/engine-private.h"
#include "engine/siphash.h"

_Static_assert(sizeof(((struct engine *)0)->pseudonym_key) == crypto_shorthash_siphash24_KEYBYTES,
	"SipHash's key");

static uint64_t hash(const struct engine *engine, const void *bytes, size_t len)
{
	unsigned char out[crypto_shorthash_siphash24_BYTES];
	uint64_t value = 0;
	crypto_shorthash_siphash24(out, bytes, len, engine->pseudonym_key);
	for (size_t i = sizeof out; i > 0; i--)
		value = value << 8 | out[i - 1];
	return value;
}

static bool is_null(const uint64_t *validity, idx_t row)
{
	return validity && !(validity[row / 64] >> row % 64 & 1);
}

/*
 * The engine leaves it to the function: of a NULL that is not marked as one a reader would see what
 * lay in the vector before, another column's value among it.
 */
static void keep_nulls(duckdb_vector in, duckdb_vector output, idx_t count)
{
	const uint64_t *validity = duckdb_vector_get_validity(in);
	if (!validity)
		return;
	duckdb_vector_ensure_validity_writable(output);
	uint64_t *out = duckdb_vector_get_validity(output);
	for (idx_t i = 0; i < count; i++)
		duckdb_validity_set_row_validity(out, i, !is_null(validity, i));
}

static void of_integers(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const struct engine *engine = duckdb_scalar_function_get_extra_info(info);
	duckdb_vector in = duckdb_data_chunk_get_vector(input, 0);
	siphash_words(engine->pseudonym_key, duckdb_vector_get_data(in),
		duckdb_vector_get_data(output), duckdb_data_chunk_get_size(input));
	keep_nulls(in, output, duckdb_data_chunk_get_size(input));
}

static void of_texts(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	static const char digits[] = "0123456789abcdef";
	const struct engine *engine = duckdb_scalar_function_get_extra_info(info);
	duckdb_vector in = duckdb_data_chunk_get_vector(input, 0);
	const uint64_t *validity = duckdb_vector_get_validity(in);
	duckdb_string_t *from = duckdb_vector_get_data(in);
	idx_t count = duckdb_data_chunk_get_size(input);
	for (idx_t i = 0; i < count; i++) {
		if (is_null(validity, i))
			continue;
		char text[16];
		uint64_t value = hash(
			engine, duckdb_string_t_data(&from[i]), duckdb_string_t_length(from[i]));
		for (size_t j = sizeof text; j > 0; j--, value >>= 4)
			text[j - 1] = digits[value & 15];
		duckdb_vector_assign_string_element_len(output, i, text, sizeof text);
	}
	keep_nulls(in, output, count);
}

static bool add(struct engine *engine, const char *name, duckdb_type type,
	duckdb_scalar_function_t body, struct error *err)
{
	duckdb_scalar_function function = duckdb_create_scalar_function();
	duckdb_logical_type logical = duckdb_create_logical_type(type);
	duckdb_scalar_function_set_name(function, name);
	duckdb_scalar_function_add_parameter(function, logical);
	duckdb_scalar_function_set_return_type(function, logical);
	duckdb_scalar_function_set_extra_info(function, engine, NULL);
	duckdb_scalar_function_set_function(function, body);
	bool ok = duckdb_register_scalar_function(engine->conn, function) == DuckDBSuccess;
	duckdb_destroy_scalar_function(&function);
	duckdb_destroy_logical_type(&logical);
	return ok || error_set(err, INTERNAL_ERROR, "function %s cannot be registered", name);
}

bool pseudonym_register(struct engine *engine, struct error *err)
{
	return add(engine, "weft_pseudonym_bigint", DUCKDB_TYPE_BIGINT, of_integers, err) &&
	       add(engine, "weft_pseudonym_text", DUCKDB_TYPE_VARCHAR, of_texts, err);
}

bool pseudonym_set_key(struct engine *engine, struct slice hex, struct error *err)
{
	unsigned char key[32];
	size_t len = 0;
	if (sodium_hex2bin(key, sizeof key, hex.ptr, hex.len, NULL, &len, NULL) != 0 ||
		len != sizeof key)
		return error_set(
			err, INVALID_PARAMETER_VALUE, "the pseudonym key is not 64 hex digits");
	crypto_generichash(engine->pseudonym_key, sizeof engine->pseudonym_key, key, sizeof key,
		(const unsigned char *)"weft pseudonym", 14);
	sodium_memzero(key, sizeof key);
	return true;
}
