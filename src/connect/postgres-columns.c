/*
 * What is read of a PostgreSQL table or query: its columns, each with the expression that COPY is
 * to send and the type it gets in the temporary table, and the condition on the cursor.
 */
#include <stdlib.h>

#include "base/str.h"
#include "connect/postgres-private.h"

/* "schema.table" or "table" with the source's schema; each part quoted. */
static struct slice quoted_relation(struct pg_extract *x)
{
	struct slice object = json_get_slice(x->request->source, "object");
	struct slice rest = object;
	struct slice first = slice_split(&rest, '.');
	struct slice schema = slice_is_none(rest) ? pg_setting(x, "schema") : first;
	struct str out = str_in(x->arena);

	if (schema.len) {
		str_add_sql_ident(&out, schema);
		str_add_char(&out, '.');
	}
	str_add_sql_ident(&out, slice_is_none(rest) ? object : rest);
	return str_slice(&out);
}

/* The contract's type of a column; none = the contract lacks it. */
static struct slice wanted_type(const struct pg_extract *x, struct slice name)
{
	size_t index;
	const json_t *column;

	json_array_foreach(x->request->columns, index, column)
	{
		if (slice_equal_nocase(json_get_slice(column, "name"), name))
			return json_get_slice(column, "type");
	}
	return SLICE_NONE;
}

static const struct pg_column *find_column(const struct pg_extract *x, struct slice name)
{
	for (size_t i = 0; i < x->columns.len; i++)
		if (slice_equal_nocase(x->columns.items[i].copy.name, name))
			return &x->columns.items[i];
	return NULL;
}

/* Said before hours of copying rather than after. */
static bool check_contract(const struct pg_extract *x, struct error *err)
{
	struct str missing = str_in(x->arena);
	size_t index;
	const json_t *column;

	json_array_foreach(x->request->columns, index, column)
	{
		struct slice name = json_get_slice(column, "name");

		if (!find_column(x, name))
			str_printf(&missing, "%s%.*s", missing.len ? ", " : "", SLICE_FMT(name));
	}
	if (missing.len == 0)
		return true;
	error_set(err, UNDEFINED_COLUMN, "the source has no column %s", missing.ptr);
	return error_hint(err, "the contract promises it: repair the source, or publish a new "
			       "major version");
}

static bool same_name(const struct pg_column *column, struct slice name, struct error *err)
{
	if (slice_equal(column->copy.name, name))
		return error_set(err, AMBIGUOUS_COLUMN, "the source has two columns %.*s",
			       SLICE_FMT(name)) ||
		       error_hint(err, "give them different names in query:");
	return error_set(err, AMBIGUOUS_COLUMN, "columns %.*s and %.*s differ in upper case only",
		       SLICE_FMT(column->copy.name), SLICE_FMT(name)) ||
	       error_hint(err, "read them through query: with other names");
}

/* numeric(p,s) by its type modifier; anything else none. */
static struct slice declared_decimal(struct pg_extract *x, uint32_t oid, int modifier)
{
	int precision = (modifier - 4) >> 16 & 0xffff;
	int scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;

	if (oid != PGCOPY_NUMERIC_OID || modifier < 4 || precision > 38 || scale < 0 ||
		scale > precision)
		return SLICE_NONE;
	return arena_printf(x->arena, "DECIMAL(%d,%d)", precision, scale);
}

static bool take_columns(struct pg_extract *x, const PGresult *found, struct error *err)
{
	for (int i = 0; i < PQnfields(found); i++) {
		struct slice name = arena_copy(x->arena, slice_from_c(PQfname(found, i)));
		bool wanted = !slice_is_none(wanted_type(x, name));
		const struct pg_column *twin = find_column(x, name);

		if (x->request->only_columns && !wanted)
			continue;
		if (twin)
			return same_name(twin, name, err);
		/* One that drift adds keeps its type; others take the contract's later. */
		struct slice decimal =
			wanted ? SLICE_NONE
			       : declared_decimal(x, PQftype(found, i), PQfmod(found, i));

		vec_push(x->arena, &x->columns,
			(struct pg_column){{name, PQftype(found, i)}, decimal});
	}
	return check_contract(x, err);
}

static bool read_columns(struct pg_extract *x, struct error *err)
{
	PGconn *conn = x->readers[0].conn;
	scoped(pg_clear) PGresult *prepared = PQprepare(conn, "",
		arena_printf(x->arena, "SELECT * FROM %.*s", SLICE_FMT(x->relation)).ptr, 0, NULL);
	scoped(pg_clear) PGresult *columns = NULL;

	if (PQresultStatus(prepared) != PGRES_COMMAND_OK) {
		pg_fail(err, prepared, conn);
		return err->hint[0] ? false
				    : error_hint(err, "check object or query in the pipeline");
	}
	columns = PQdescribePrepared(conn, "");
	if (PQresultStatus(columns) != PGRES_COMMAND_OK)
		return pg_fail(err, columns, conn);
	return take_columns(x, columns, err);
}

static bool is_number(struct slice type)
{
	static const char *const NUMBERS[] = {
		"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"};

	for (size_t i = 0; i < array_len(NUMBERS); i++)
		if (slice_equal_c(type, NUMBERS[i]))
			return true;
	return slice_starts_with(type, SLICE("DECIMAL(")) && !slice_ends_with(type, SLICE("]"));
}

static bool is_nested(struct slice type)
{
	return slice_ends_with(type, SLICE("]")) || slice_starts_with(type, SLICE("STRUCT(")) ||
	       slice_starts_with(type, SLICE("MAP(")) || slice_equal_c(type, "JSON");
}

/* How a type that COPY does not bring as it is can come all the same. */
struct detour {
	uint32_t oid; /* what it is then */
	const char *before;
	const char *after;
};

static const struct detour AS_TEXT = {PGCOPY_TEXT_OID, "", "::pg_catalog.text"};
static const struct detour AS_JSON = {PGCOPY_JSON_OID, "pg_catalog.to_json(", ")"};
static const struct detour AS_NUMERIC = {PGCOPY_NUMERIC_OID, "", "::pg_catalog.numeric"};

/* Bytes within JSON would be texts that look like bytes. */
static bool fits_json(struct slice wanted)
{
	return slice_find(wanted, SLICE("BLOB"), 0) == SIZE_MAX;
}

/* The one that loses nothing on the way to the contract's type; NULL = none does. */
static const struct detour *find_detour(
	uint32_t oid, const char *name, bool composed, struct slice wanted)
{
	if (slice_is_none(wanted) || slice_equal_c(wanted, "VARCHAR"))
		return composed ? &AS_JSON : &AS_TEXT;
	if (is_nested(wanted))
		return fits_json(wanted) ? &AS_JSON : NULL;
	if (oid == PGCOPY_MONEY_OID && is_number(wanted))
		return &AS_NUMERIC;
	if ((strcmp(name, "timetz") == 0 && slice_equal_c(wanted, "TIME WITH TIME ZONE")) ||
		((strcmp(name, "bit") == 0 || strcmp(name, "varbit") == 0) &&
			slice_equal_c(wanted, "BIT")))
		return &AS_TEXT;
	return NULL;
}

static bool unread(
	const struct pg_column *column, const char *type, struct slice wanted, struct error *err)
{
	error_set(err, FEATURE_NOT_SUPPORTED, "column %.*s: type %s is not read as %.*s",
		SLICE_FMT(column->copy.name), type, SLICE_FMT(wanted));
	return error_hint(err, "declare it as text in the contract, or cast it in a query:");
}

/* Domains are what they are made of, enums their labels; what COPY cannot bring takes a detour. */
static bool resolve(
	struct pg_extract *x, struct pg_column *column, struct str *selected, struct error *err)
{
	struct slice wanted = wanted_type(x, column->copy.name);
	const struct detour *detour = NULL;

	for (int depth = 0; depth < 32 && !pgcopy_type(column->copy.oid); depth++) {
		scoped(pg_clear) PGresult *result = NULL;

		if (!pg_ask(x->readers[0].conn,
			    arena_printf(x->arena,
				    "SELECT typtype, typbasetype, typname, typcategory FROM "
				    "pg_catalog.pg_type WHERE oid = %u",
				    column->copy.oid),
			    &result, err))
			return false;
		if (PQntuples(result) != 1)
			return unread(column, "unknown", wanted, err);
		char kind = *PQgetvalue(result, 0, 0);

		if (kind == 'd') {
			column->copy.oid = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
			continue;
		}
		if (kind == 'e') {
			column->copy.oid = PGCOPY_TEXT_OID;
			break;
		}
		const char *name = PQgetvalue(result, 0, 2);
		bool composed = kind == 'c' || *PQgetvalue(result, 0, 3) == 'A';

		detour = find_detour(column->copy.oid, name, composed, wanted);
		if (!detour)
			return unread(column, name, wanted, err);
		column->copy.oid = detour->oid;
	}
	str_add_c(selected, selected->len ? ", " : "");
	str_add_c(selected, detour ? detour->before : "");
	str_add_sql_ident(selected, column->copy.name);
	str_add_c(selected, detour ? detour->after : "");
	return true;
}

static bool make_target(struct pg_extract *x, struct error *err)
{
	struct str sql = str_in(x->arena);
	struct str selected = str_in(x->arena);

	str_add_c(&sql, "CREATE TEMP TABLE ");
	str_add_sql_ident(&sql, x->request->target);
	for (size_t i = 0; i < x->columns.len; i++) {
		struct pg_column *column = &x->columns.items[i];

		if (!resolve(x, column, &selected, err))
			return false;
		if (slice_is_none(column->type))
			column->type = slice_from_c(pgcopy_type(column->copy.oid));
		str_add_c(&sql, i ? ", " : " (");
		str_add_sql_ident(&sql, column->copy.name);
		str_printf(&sql, " %.*s", SLICE_FMT(column->type));
	}
	str_add_c(&sql, ")");
	x->selected = str_slice(&selected);
	return engine_run(x->request->engine, str_slice(&sql), err);
}

/*
 * Only rows behind the cursor. Texts are compared byte by byte, as the highest one was found: the
 * database's own order may be another one.
 */
static bool add_cursor(struct pg_extract *x, struct error *err)
{
	const struct connect_request *request = x->request;
	const struct pg_column *column;
	struct str name = str_in(x->arena);
	struct str sql = str_in(x->arena);

	if (slice_is_none(request->cursor))
		return true;
	column = find_column(x, request->cursor);
	if (!column || slice_equal_c(column->type, "JSON")) {
		error_set(err, UNDEFINED_COLUMN, "the cursor column %.*s %s",
			SLICE_FMT(request->cursor), column ? "has no order" : "is not there");
		return error_hint(err, "cursor names a column of the source that grows: a number, "
				       "a moment, a text");
	}
	if (slice_is_none(request->cursor_value))
		return true;
	PGconn *conn = x->readers[0].conn;
	char *value = PQescapeLiteral(conn, request->cursor_value.ptr, request->cursor_value.len);

	if (!value)
		return pg_fail(err, NULL, conn);
	str_add_sql_ident(&name, column->copy.name);
	if (slice_equal_c(column->type, "VARCHAR") && column->copy.oid != PGCOPY_NUMERIC_OID)
		str_add_c(&name, "::pg_catalog.text COLLATE \"C\"");
	str_printf(&sql, "(%s %s %s", name.ptr, request->cursor_again ? ">=" : ">", value);
	PQfreemem(value);
	if (request->cursor_again)
		str_printf(&sql, " OR %s IS NULL", name.ptr);
	str_add_c(&sql, ")");
	x->where = str_slice(&sql);
	return true;
}

bool pg_describe(struct pg_extract *x, struct error *err)
{
	struct slice query = json_get_slice(x->request->source, "query");

	x->relation = query.len ? arena_printf(x->arena, "(%.*s\n) AS q", SLICE_FMT(query))
				: quoted_relation(x);
	return read_columns(x, err) && make_target(x, err) && add_cursor(x, err);
}
