/* Small values: sizes, durations, types. */
#include "base/check.h"
#include "base/num.h"
#include "base/str.h"
#include "manifest/manifest.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Digits, then a unit of the table. */
static bool parse_unit(struct slice text, const struct unit *units, size_t count, int64_t *out)
{
	size_t digits = 0;
	int64_t number;
	int64_t value;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	struct slice unit = slice_trim(slice_sub(text, digits, text.len));

	if (!slice_to_i64(slice_sub(text, 0, digits), &number))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!slice_equal_c(unit, units[i].name))
			continue;
		if (!checked_mul(number, units[i].factor, &value))
			return false;
		*out = value;
		return true;
	}
	return false;
}

bool manifest_size(struct slice text, int64_t *bytes_out)
{
	static const struct unit UNITS[] = {
		{"", 1},
		{"B", 1},
		{"KB", 1000},
		{"MB", 1000000},
		{"GB", 1000000000},
		{"TB", INT64_C(1000000000000)},
		{"KiB", 1024},
		{"MiB", 1 << 20},
		{"GiB", 1 << 30},
		{"TiB", INT64_C(1) << 40},
	};

	return parse_unit(slice_trim(text), UNITS, array_len(UNITS), bytes_out);
}

bool manifest_duration(struct slice text, int64_t *us_out)
{
	static const int64_t SECOND = 1000000;
	const struct unit units[] = {
		{"ms", 1000},
		{"s", SECOND},
		{"min", 60 * SECOND},
		{"m", 60 * SECOND},
		{"h", 3600 * SECOND},
		{"d", 86400 * SECOND},
		{"w", 604800 * SECOND},
	};

	return parse_unit(slice_trim(text), units, array_len(units), us_out);
}

static const struct {
	const char *name; /* upper case */
	const char *duckdb;
} TYPES[] = {
	{"BOOLEAN", "BOOLEAN"},
	{"BOOL", "BOOLEAN"},
	{"TINYINT", "TINYINT"},
	{"SMALLINT", "SMALLINT"},
	{"INT2", "SMALLINT"},
	{"INTEGER", "INTEGER"},
	{"INT", "INTEGER"},
	{"INT4", "INTEGER"},
	{"SERIAL", "INTEGER"},
	{"BIGINT", "BIGINT"},
	{"INT8", "BIGINT"},
	{"LONG", "BIGINT"},
	{"BIGSERIAL", "BIGINT"},
	{"HUGEINT", "HUGEINT"},
	{"UTINYINT", "UTINYINT"},
	{"USMALLINT", "USMALLINT"},
	{"UINTEGER", "UINTEGER"},
	{"UBIGINT", "UBIGINT"},
	{"REAL", "FLOAT"},
	{"FLOAT4", "FLOAT"},
	{"FLOAT", "FLOAT"},
	{"DOUBLE", "DOUBLE"},
	{"DOUBLE PRECISION", "DOUBLE"},
	{"FLOAT8", "DOUBLE"},
	{"VARCHAR", "VARCHAR"},
	{"TEXT", "VARCHAR"},
	{"STRING", "VARCHAR"},
	{"CHAR", "VARCHAR"},
	{"CHARACTER VARYING", "VARCHAR"},
	{"BPCHAR", "VARCHAR"},
	{"CITEXT", "VARCHAR"},
	{"DATE", "DATE"},
	{"TIME", "TIME"},
	{"TIMETZ", "TIME WITH TIME ZONE"},
	{"TIME WITH TIME ZONE", "TIME WITH TIME ZONE"},
	{"TIMESTAMP", "TIMESTAMP"},
	{"DATETIME", "TIMESTAMP"},
	{"TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP"},
	{"TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"},
	{"TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"},
	{"INTERVAL", "INTERVAL"},
	{"UUID", "UUID"},
	{"JSON", "JSON"},
	{"JSONB", "JSON"},
	{"BLOB", "BLOB"},
	{"BYTEA", "BLOB"},
	{"BINARY", "BLOB"},
	{"VARBINARY", "BLOB"},
	{"BIT", "BIT"},
};

static const struct {
	const char *logical;
	const char *duckdb;
} LOGICAL[] = {
	{"string", "VARCHAR"},
	{"date", "DATE"},
	{"timestamp", "TIMESTAMP WITH TIME ZONE"},
	{"time", "TIME"},
	{"number", "DOUBLE"},
	{"integer", "BIGINT"},
	{"boolean", "BOOLEAN"},
	{"object", "JSON"},
	{"array", "JSON"},
};

/* "NUMERIC(12,2)" and "DECIMAL(12, 2)" as DuckDB spells them; none when it is no decimal. */
static struct slice decimal_type(struct arena *arena, struct slice text)
{
	static const char *const NAMES[] = {"DECIMAL", "NUMERIC"};

	for (size_t i = 0; i < array_len(NAMES); i++) {
		struct slice name = slice_from_c(NAMES[i]);
		struct slice args = slice_trim(slice_sub(text, name.len, text.len));
		uint64_t width = 18;
		uint64_t scale = 3;

		if (text.len < name.len || !slice_equal_nocase(slice_sub(text, 0, name.len), name))
			continue;
		if (args.len >= 2 && args.ptr[0] == '(' && args.ptr[args.len - 1] == ')') {
			struct slice rest = slice_sub(args, 1, args.len - 1);
			struct slice first = slice_trim(slice_split(&rest, ','));

			scale = 0;
			if (!slice_to_u64(first, &width) ||
				(!slice_is_none(rest) && !slice_to_u64(slice_trim(rest), &scale)))
				return SLICE_NONE;
		} else if (args.len) {
			return SLICE_NONE;
		}
		if (width < 1 || width > 38 || scale > width)
			return SLICE_NONE;
		return arena_printf(arena, "DECIMAL(%u,%u)", (unsigned)width, (unsigned)scale);
	}
	return SLICE_NONE;
}

static struct slice physical_type(struct arena *arena, struct slice text)
{
	struct slice name = slice_trim(text);
	size_t paren = slice_find(name, SLICE("("), 0);

	if (name.len > 2 && slice_ends_with(name, SLICE("[]"))) {
		struct slice item = physical_type(arena, slice_sub(name, 0, name.len - 2));

		return slice_is_none(item) ? item : arena_printf(arena, "%.*s[]", SLICE_FMT(item));
	}
	struct slice decimal = decimal_type(arena, name);

	if (!slice_is_none(decimal))
		return decimal;
	if (slice_starts_with(name, SLICE("STRUCT(")) || slice_starts_with(name, SLICE("MAP(")))
		return slice_ends_with(name, SLICE(")")) ? name
							 : SLICE_NONE; /* as DuckDB spells it */
	if (paren != SIZE_MAX) /* varchar(40): the length is no part of the type */
		name = slice_trim(slice_sub(name, 0, paren));
	for (size_t i = 0; i < array_len(TYPES); i++)
		if (slice_equal_nocase(name, slice_from_c(TYPES[i].name)))
			return slice_from_c(TYPES[i].duckdb);
	return SLICE_NONE;
}

struct slice manifest_type(struct arena *arena, struct slice physical, struct slice logical)
{
	struct slice type = slice_is_none(physical) ? SLICE_NONE : physical_type(arena, physical);

	if (!slice_is_none(type))
		return type;
	for (size_t i = 0; i < array_len(LOGICAL); i++)
		if (slice_equal_c(logical, LOGICAL[i].logical))
			return slice_from_c(LOGICAL[i].duckdb);
	return SLICE_NONE;
}

struct mark manifest_mark_in(struct slice path, struct slice text, size_t offset)
{
	struct mark at = {path, 1, 1};

	for (size_t i = 0; i < min_of(offset, text.len); i++) {
		if (text.ptr[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return at;
}

/* Offset of a line and column in the text. */
static size_t offset_of(struct slice text, struct mark at)
{
	size_t i = 0;
	int column = 1;

	for (int line = 1; line < at.line && i < text.len; i++)
		line += text.ptr[i] == '\n';
	for (; column < at.column && i < text.len; i++)
		column += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return i;
}

struct mark manifest_mark_inside(
	struct slice text, struct mark at, struct slice value, size_t offset)
{
	size_t raw = offset_of(text, at);
	size_t i = 0;

	while (raw < text.len && i < min_of(offset, value.len)) {
		if (text.ptr[raw] == value.ptr[i]) {
			raw++;
			i++;
		} else if (value.ptr[i] == ' ' && text.ptr[raw] == '\n') {
			i++; /* a folded line; its indentation follows */
			raw++;
		} else {
			raw++;
		}
	}
	while (raw < text.len && i < value.len && text.ptr[raw] != value.ptr[i])
		raw++;
	return manifest_mark_in(at.path, text, raw < text.len ? raw : 0);
}
