#include "base/pgproc.h"

#include <stdio.h>
#include <string.h>

#include "base/attrs.h"

enum {
	OF_TYPES = 20000000, /* four for each type: above PostgreSQL's objects and below ours */
	ACLITEM = 1033,
	GTSVECTOR = 3642,
	OF_TYPES_END = OF_TYPES + 20000 * PGPROC_ROLES,
};

static const uint32_t of_arrays[PGPROC_ROLES] = {750, 751, 2400, 2401};
static const char *const ends[PGPROC_ROLES] = {"in", "out", "recv", "send"};

static const struct {
	uint32_t oid;
	const char *name;
	char kind;
} types[] = {
#define PG_TYPE(oid, name, length, by_value, kind, category, preferred, element, array, align,     \
	storage, display)                                                                          \
	{oid, name, kind},
#include "base/pgtype.def"
#undef PG_TYPE
};

static bool is_array(size_t type)
{
	return types[type].name[0] == '_';
}

/* timestamp_in, but int4in: PostgreSQL joins the older names without a line. */
static const char *separator(const char *name)
{
	static const char *const apart[] = {"bit", "box", "cidr", "circle", "date", "inet",
		"interval", "json", "jsonb", "jsonpath", "line", "lseg", "macaddr", "macaddr8",
		"numeric", "path", "point", "record", "time", "timestamp", "timestamptz", "timetz",
		"txid_snapshot", "uuid", "varbit", "xml"};

	for (size_t i = 0; i < array_len(apart); i++)
		if (strcmp(name, apart[i]) == 0)
			return "_";
	return "";
}

static void write_name(size_t type, enum pgproc_role role, char out[PGPROC_NAME_MAX])
{
	static const char *const other[][2] = {
		{"money", "cash_"}, {"polygon", "poly_"}, {"refcursor", "text"}};
	const char *stem = types[type].name;
	const char *line = separator(stem);

	for (size_t i = 0; i < array_len(other); i++)
		if (strcmp(stem, other[i][0]) == 0)
			stem = other[i][1];
	if (types[type].kind == 'r' || types[type].kind == 'm')
		stem = types[type].kind == 'r' ? "range_" : "multirange_";
	snprintf(out, PGPROC_NAME_MAX, "%s%s%s", stem, line, ends[role]);
}

uint32_t pgproc_of_type(uint32_t type, enum pgproc_role role)
{
	bool binary = role == PGPROC_RECV || role == PGPROC_SEND;

	for (size_t i = 0; i < array_len(types); i++)
		if (types[i].oid == type && is_array(i))
			return of_arrays[role];
	if (binary && (type == ACLITEM || type == GTSVECTOR))
		return 0;
	return OF_TYPES + type * PGPROC_ROLES + role;
}

bool pgproc_name(uint32_t oid, char out[PGPROC_NAME_MAX])
{
	for (int role = 0; role < PGPROC_ROLES; role++) {
		if (of_arrays[role] != oid)
			continue;
		snprintf(out, PGPROC_NAME_MAX, "array_%s", ends[role]);
		return true;
	}
	if (oid < OF_TYPES || oid >= OF_TYPES_END)
		return false;
	for (size_t i = 0; i < array_len(types); i++) {
		if (types[i].oid != (oid - OF_TYPES) / PGPROC_ROLES || is_array(i))
			continue;
		write_name(i, (enum pgproc_role)((oid - OF_TYPES) % PGPROC_ROLES), out);
		return true;
	}
	return false;
}
