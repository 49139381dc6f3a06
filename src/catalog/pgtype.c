#include "catalog/pgtype.h"

#include "base/check.h"

const struct pgtype_row pgtype_rows[] = {
#define PG_TYPE(oid, name, length, by_value, kind, category, preferred, element, array, align,     \
	storage, display)                                                                          \
	{oid, name, length, by_value, kind, category, preferred, element, array, align, storage,   \
		display},
#include "base/pgtype.def"
#undef PG_TYPE
};

const size_t pgtype_row_count = array_len(pgtype_rows);

static const struct {
	const char *duckdb;
	const char *postgres;
} SIMPLE[] = {
	{"BOOLEAN", "bool"},
	{"TINYINT", "int2"},
	{"SMALLINT", "int2"},
	{"INTEGER", "int4"},
	{"BIGINT", "int8"},
	{"UTINYINT", "int2"},
	{"USMALLINT", "int4"},
	{"UINTEGER", "int8"},
	{"UBIGINT", "numeric"},
	{"HUGEINT", "numeric"},
	{"UHUGEINT", "numeric"},
	{"BIGNUM", "numeric"},
	{"FLOAT", "float4"},
	{"DOUBLE", "float8"},
	{"DATE", "date"},
	{"TIME", "time"},
	{"TIME_NS", "time"},
	{"TIME WITH TIME ZONE", "timetz"},
	{"TIMESTAMP", "timestamp"},
	{"TIMESTAMP_S", "timestamp"},
	{"TIMESTAMP_MS", "timestamp"},
	{"TIMESTAMP_NS", "timestamp"},
	{"TIMESTAMP WITH TIME ZONE", "timestamptz"},
	{"INTERVAL", "interval"},
	{"VARCHAR", "text"},
	{"JSON", "json"},
	{"BLOB", "bytea"},
	{"UUID", "uuid"},
	{"BIT", "varbit"},
};

static const struct pgtype_row *find_name(const char *name)
{
	for (size_t i = 0; i < pgtype_row_count; i++)
		if (strcmp(pgtype_rows[i].name, name) == 0)
			return &pgtype_rows[i];
	panic("type %s is not in pgtype.def", name);
}

const struct pgtype_row *pgtype_find(uint32_t oid)
{
	for (size_t i = 0; i < pgtype_row_count; i++)
		if (pgtype_rows[i].oid == oid)
			return &pgtype_rows[i];
	return NULL;
}

/* The type inside "X[]" or "X[3]"; none for other spellings. */
static struct slice item_of(struct slice type)
{
	size_t at = type.len;

	if (type.len < 3 || type.ptr[type.len - 1] != ']')
		return SLICE_NONE;
	while (at > 0 && type.ptr[at - 1] != '[')
		at--;
	return at > 1 ? slice_of(type.ptr, at - 1) : SLICE_NONE;
}

/* "DECIMAL(12,2)": numeric's typmod is precision and scale in 16 bits each, plus a header of 4. */
static int32_t decimal_typmod(struct slice type)
{
	struct slice rest = slice_sub(type, sizeof "DECIMAL(" - 1, type.len - 1);
	struct slice width_text = slice_split(&rest, ',');
	uint64_t width;
	uint64_t scale;

	if (!slice_to_u64(slice_trim(width_text), &width) ||
		!slice_to_u64(slice_trim(rest), &scale) || width > 38 || scale > width)
		return -1;
	return (int32_t)(width << 16 | scale) + 4;
}

struct pgtype pgtype_of(struct slice type)
{
	struct slice item = item_of(type);

	if (!slice_is_none(item)) {
		const struct pgtype_row *row = pgtype_of(item).row;
		bool nested = row->element != 0 || slice_starts_with(item, SLICE("STRUCT(")) ||
			      slice_starts_with(item, SLICE("MAP(")) ||
			      slice_starts_with(item, SLICE("UNION("));

		return (struct pgtype){nested ? find_name("json") : pgtype_find(row->array), -1};
	}
	if (slice_starts_with(type, SLICE("DECIMAL(")))
		return (struct pgtype){find_name("numeric"), decimal_typmod(type)};
	if (slice_starts_with(type, SLICE("STRUCT(")) || slice_starts_with(type, SLICE("MAP(")) ||
		slice_starts_with(type, SLICE("UNION(")))
		return (struct pgtype){find_name("json"), -1};
	for (size_t i = 0; i < array_len(SIMPLE); i++)
		if (slice_equal_nocase(type, slice_from_c(SIMPLE[i].duckdb)))
			return (struct pgtype){find_name(SIMPLE[i].postgres), -1};
	return (struct pgtype){find_name("text"), -1}; /* ENUM(…) and what is not known */
}
