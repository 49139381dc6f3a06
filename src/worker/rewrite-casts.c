/*
 * Casts to types that only PostgreSQL has. reg* types are a number that prints as a name: here a
 * cast gives the number where the text is a constant, a parameter or made of strings, or where the
 * number is asked for (compared, cast to oid), and the name elsewhere.
 */
#include "worker/rewrite-private.h"

struct type_row {
	const char *name;
	const char *type;
	const char *to_number; /* templates for reg* types, %1 = the operand; NULL = a plain cast */
	const char *to_name;
};

#define CLASS_OF_TEXT                                                                              \
	"(SELECT min(weft_c.oid) FROM __pg_catalog.pg_class weft_c JOIN "                          \
	"__pg_catalog.pg_namespace weft_n ON weft_n.oid = weft_c.relnamespace WHERE "              \
	"replace(CAST(%1 AS VARCHAR), '\"', '') IN (weft_c.relname, weft_n.nspname || '.' || "     \
	"weft_c.relname))"
/* What is hidden and what is not there raise alike: neither is in our pg_class. */
#define CLASS_OR_RAISE                                                                             \
	"coalesce(TRY_CAST(%1 AS UINTEGER), " CLASS_OF_TEXT                                        \
	", CAST('relation \"' || %1 || '\" does not exist' AS UINTEGER))"
/* The names inside are our own: a column of the statement must not be taken for one of them. */
#define LOOK_UP(table, key, value)                                                                 \
	"(SELECT min(weft_value) FROM (SELECT " key " AS weft_key, " value                         \
	" AS weft_value FROM __pg_catalog." table ") weft_r WHERE weft_key = "

#define FUNCTION_NAME LOOK_UP("pg_proc", "oid", "proname") "TRY_CAST(%1 AS UINTEGER))"
static const char function_name[] = "coalesce(" FUNCTION_NAME ", '-')";

static const struct type_row type_rows[] = {
	{"regclass", "UINTEGER", CLASS_OR_RAISE,
		"(SELECT min(CASE WHEN weft_n.nspname IN ('pg_catalog', 'public') THEN "
		"weft_c.relname ELSE weft_n.nspname || '.' || weft_c.relname END) FROM "
		"__pg_catalog.pg_class weft_c JOIN __pg_catalog.pg_namespace weft_n ON weft_n.oid "
		"= "
		"weft_c.relnamespace WHERE weft_c.oid = " CLASS_OR_RAISE ")"},
	{"regtype", "UINTEGER",
		"coalesce(TRY_CAST(%1 AS UINTEGER), " REWRITE_TYPE_OF_NAME
		", CAST('type \"' || %1 || '\" does not exist' AS UINTEGER))",
		LOOK_UP("pg_type", "oid", "typname") "TRY_CAST(%1 AS UINTEGER))"},
	{"regnamespace", "UINTEGER",
		"coalesce(TRY_CAST(%1 AS UINTEGER), " LOOK_UP(
			"pg_namespace", "nspname", "oid") "CAST(%1 AS VARCHAR)))",
		LOOK_UP("pg_namespace", "oid", "nspname") "TRY_CAST(%1 AS UINTEGER))"},
	{"regrole", "UINTEGER",
		"coalesce(TRY_CAST(%1 AS UINTEGER), " LOOK_UP(
			"pg_roles", "rolname", "oid") "CAST(%1 AS VARCHAR)))",
		LOOK_UP("pg_roles", "oid", "rolname") "TRY_CAST(%1 AS UINTEGER))"},
	{"regproc", "UINTEGER",
		"coalesce(TRY_CAST(%1 AS UINTEGER), " LOOK_UP("pg_proc", "proname",
			"oid") "replace(CAST(%1 AS VARCHAR), 'pg_catalog.', '')))",
		LOOK_UP("pg_proc", "oid", "proname") "TRY_CAST(%1 AS UINTEGER))"},
	{"regprocedure", "UINTEGER",
		"coalesce(TRY_CAST(%1 AS UINTEGER), " LOOK_UP(
			"pg_proc", "proname", "oid") "regexp_replace(CAST(%1 AS VARCHAR), "
						     "'^pg_catalog\\.|\\(.*', '', 'g')))",
		LOOK_UP("pg_proc", "oid", "proname") "TRY_CAST(%1 AS UINTEGER))"},
	{"regoper", "VARCHAR", NULL, NULL},
	{"regoperator", "VARCHAR", NULL, NULL},
	{"regconfig", "VARCHAR", NULL, NULL},
	{"regdictionary", "VARCHAR", NULL, NULL},
	{"oid", "UINTEGER", NULL, NULL},
	{"xid", "UINTEGER", NULL, NULL},
	{"name", "VARCHAR", NULL, NULL},
	{"char", "VARCHAR", NULL, NULL},
	{"bpchar", "VARCHAR", NULL, NULL},
	{"sql_identifier", "VARCHAR", NULL, NULL},
	{"character_data", "VARCHAR", NULL, NULL},
	{"cardinal_number", "INTEGER", NULL, NULL},
	{"yes_or_no", "VARCHAR", NULL, NULL},
	{"anyarray", "VARCHAR", NULL, NULL},
	{"int2vector", "USMALLINT[]", NULL, NULL},
	{"oidvector", "UBIGINT[]", NULL, NULL},
	{"aclitem", "VARCHAR", NULL, NULL},
	{"inet", "VARCHAR", NULL, NULL},
	{"jsonb", "JSON", NULL, NULL},
};

/* The catalogues that are named most, as regclass: without a look-up they may stand in a join. */
static const struct {
	const char *name;
	unsigned oid;
} class_oids[] = {{"pg_am", 2601}, {"pg_attrdef", 2604}, {"pg_attribute", 1249},
	{"pg_authid", 1260}, {"pg_cast", 2605}, {"pg_class", 1259}, {"pg_collation", 3456},
	{"pg_constraint", 2606}, {"pg_conversion", 2607}, {"pg_database", 1262},
	{"pg_default_acl", 826}, {"pg_enum", 3501}, {"pg_event_trigger", 3466},
	{"pg_extension", 3079}, {"pg_foreign_data_wrapper", 2328}, {"pg_foreign_server", 1417},
	{"pg_index", 2610}, {"pg_language", 2612}, {"pg_largeobject", 2613}, {"pg_namespace", 2615},
	{"pg_opclass", 2616}, {"pg_operator", 2617}, {"pg_opfamily", 2753}, {"pg_policy", 3256},
	{"pg_proc", 1255}, {"pg_publication", 6104}, {"pg_rewrite", 2618}, {"pg_sequence", 2224},
	{"pg_statistic_ext", 3381}, {"pg_subscription", 6100}, {"pg_tablespace", 1213},
	{"pg_trigger", 2620}, {"pg_ts_config", 3602}, {"pg_ts_dict", 3600}, {"pg_ts_parser", 3601},
	{"pg_ts_template", 3764}, {"pg_type", 1247}, {"pg_user_mapping", 1418}};

static const struct type_row *find_type(const struct rewriter *w, size_t index)
{
	for (size_t i = 0; i < array_len(type_rows); i++)
		if (rewrite_is_named(w, index, type_rows[i].name) &&
			/* CHAR is a type of DuckDB's too, "char" is not */
			(strcmp(type_rows[i].name, "char") != 0 ||
				rewrite_token_at(w, index).kind == TOKEN_IDENT))
			return &type_rows[i];
	return NULL;
}

/* A constant in a join: all the known names as a CASE, for a parameter that will name one. */
static struct slice case_of_classes(struct arena *arena, struct slice operand)
{
	struct str out = str_in(arena);
	str_printf(&out, "(CASE replace(CAST(%.*s AS VARCHAR), 'pg_catalog.', '')",
		SLICE_FMT(operand));
	for (size_t i = 0; i < array_len(class_oids); i++)
		str_printf(&out, " WHEN '%s' THEN %u", class_oids[i].name, class_oids[i].oid);
	str_printf(&out, " ELSE TRY_CAST(%.*s AS UINTEGER) END)", SLICE_FMT(operand));
	return str_slice(&out);
}

static struct slice constant_class(const struct rewriter *w, struct token literal)
{
	struct slice name = token_value(w->arena, literal);
	if (slice_starts_with(name, SLICE("pg_catalog.")))
		name = slice_sub(name, 11, name.len);
	for (size_t i = 0; i < array_len(class_oids); i++)
		if (slice_equal_c(name, class_oids[i].name))
			return arena_printf(w->arena, "CAST(%u AS UINTEGER)", class_oids[i].oid);
	return SLICE_NONE;
}

static bool compares(const struct rewriter *w, size_t index)
{
	static const char *const words[] = {"=", "<>", "!=", "<", ">", "in", "any"};
	for (size_t i = 0; i < array_len(words); i++)
		if (rewrite_is(w, index, words[i]))
			return true;
	return false;
}

/* The tokens of the operand are [first, last], after is the one behind the cast. */
static bool wants_number(const struct rewriter *w, size_t first, size_t last, size_t after)
{
	struct token only = rewrite_token_at(w, first);
	bool alone = first == last && (only.kind == TOKEN_STRING || only.kind == TOKEN_PARAM);
	bool shown = first > 0 && rewrite_is(w, first - 1, "select") &&
		     (rewrite_token_at(w, after).kind == TOKEN_END ||
			     rewrite_is(w, after, "from") || rewrite_is(w, after, ","));
	bool to_text =
		rewrite_is(w, after, "::") && (rewrite_is_named(w, after + 1, "text") ||
						      rewrite_is_named(w, after + 1, "varchar"));
	bool to_oid = (rewrite_is(w, after, "::") || rewrite_is(w, after, "as")) && !to_text &&
		      !rewrite_is(w, after + 1, "text") && !rewrite_is(w, after + 1, "varchar");
	if (to_text || (alone && shown))
		return false;
	return alone || (rewrite_is(w, after, "::") && to_oid) ||
	       (rewrite_is(w, after, "as") && rewrite_is_named(w, after + 1, "oid")) ||
	       compares(w, after) || (first > 0 && compares(w, first - 1));
}

struct cast {
	size_t first; /* the operand */
	size_t last;
	size_t after;
	const struct type_row *row;
	bool number;
};

static struct slice expand_cast(const struct rewriter *w, const struct cast *cast)
{
	struct slice inside = rewrite_inside(w, cast->first, cast->last + 1);
	struct token only = rewrite_token_at(w, cast->first);
	bool number = cast->number || wants_number(w, cast->first, cast->last, cast->after);
	bool is_class = strcmp(cast->row->name, "regclass") == 0;
	if (number && is_class && cast->first == cast->last && only.kind == TOKEN_STRING) {
		struct slice constant = constant_class(w, only);
		if (!slice_is_none(constant))
			return constant;
	}
	if (number && is_class && rewrite_in_condition(w, cast->first))
		return case_of_classes(w->arena, inside);
	return rewrite_expand(
		w->arena, number ? cast->row->to_number : cast->row->to_name, &inside, 1);
}

static bool is_vector(const struct rewriter *w, size_t index)
{
	return rewrite_is_named(w, index, "indkey") || rewrite_is_named(w, index, "indoption");
}

/* Columns of type regproc: their text is a name. */
static bool is_function(const struct rewriter *w, size_t index)
{
	static const char *const names[] = {"typinput", "typoutput", "typreceive", "typsend",
		"typmodin", "typmodout", "typanalyze", "typsubscript"};
	for (size_t i = 0; i < array_len(names); i++)
		if (rewrite_is_named(w, index, names[i]))
			return true;
	return false;
}

/* '{a,b}': DuckDB writes '[a,b]'. */
static bool is_array_text(struct token token)
{
	return token.kind == TOKEN_STRING && slice_starts_with(token.text, SLICE("'{")) &&
	       slice_ends_with(token.text, SLICE("}'"));
}

size_t rewrite_cast(struct rewriter *w, size_t index)
{
	size_t name = index + 1;
	if (rewrite_is(w, name + 1, "."))
		name += 2;
	const struct type_row *row = find_type(w, name);
	bool array = rewrite_is(w, name + 1, "[");
	size_t first = rewrite_operand(w, index - 1);
	size_t from = rewrite_token_at(w, first).at;
	struct slice made;
	bool to_text = rewrite_is_named(w, name, "varchar") || rewrite_is_named(w, name, "text");
	if (!row && to_text && is_function(w, index - 1)) {
		struct slice inside = rewrite_inside(w, first, index);
		made = rewrite_expand(w->arena, function_name, &inside, 1);
	} else if (!row && to_text && is_vector(w, index - 1)) {
		made = arena_printf(w->arena, "array_to_string(%.*s, ' ')",
			SLICE_FMT(rewrite_inside(w, first, index)));
	} else if (array && is_array_text(rewrite_token_at(w, index - 1))) {
		struct slice text = rewrite_token_at(w, index - 1).text;
		made = arena_printf(w->arena, "'[%.*s]'::%.*s",
			SLICE_FMT(slice_sub(text, 2, text.len - 2)),
			SLICE_FMT(row ? slice_from_c(row->type) : rewrite_token_at(w, name).text));
	} else if (!row) { /* a type that DuckDB knows: without its schema */
		if (name > index + 1)
			rewrite_edit(w, rewrite_token_at(w, index + 1).at,
				rewrite_token_at(w, name).at, SLICE(""));
		return name;
	} else if (array || !row->to_number) {
		rewrite_edit(w, rewrite_token_at(w, index + 1).at,
			rewrite_end_of(rewrite_token_at(w, name)), slice_from_c(row->type));
		return name;
	} else {
		made = expand_cast(w, &(struct cast){first, index - 1, name + 1, row, false});
	}
	/* What stands in the operand is translated by itself, and edits inside it are dropped. */
	while (w->edits.len > 0 && w->edits.items[w->edits.len - 1].from >= from)
		w->edits.len--;
	rewrite_edit(w, from, rewrite_end_of(rewrite_token_at(w, name)), made);
	return name;
}

/* CAST ( [first, as) AS type ), whose bracket closes at end. */
static bool read_cast_call(
	const struct rewriter *w, size_t index, struct cast *out, bool *array_out)
{
	size_t end = rewrite_closing(w, index + 1);
	size_t name = end - 1;
	if (end >= w->tokens.len || end < index + 4)
		return false;
	*array_out = rewrite_is(w, name, "]") && rewrite_is(w, name - 1, "[");
	if (*array_out)
		name -= 2;
	size_t as = rewrite_is(w, name - 1, ".") ? name - 3 : name - 1;
	if (as <= index + 2 || !rewrite_is(w, as, "as"))
		return false;
	*out = (struct cast){index + 2, as - 1, end + 1, find_type(w, name), false};
	return out->row != NULL;
}

size_t rewrite_cast_call(struct rewriter *w, size_t index)
{
	struct cast cast;
	struct cast inner;
	bool array;
	bool inner_array;
	struct slice made;
	if (!read_cast_call(w, index, &cast, &array))
		return index;
	size_t end = cast.after - 1;
	/* CAST(CAST(x AS regclass) AS oid): the number */
	if (strcmp(cast.row->name, "oid") == 0 && rewrite_is(w, cast.first, "cast") &&
		read_cast_call(w, cast.first, &inner, &inner_array) &&
		inner.after == cast.last + 1 && inner.row->to_number && !inner_array) {
		cast = inner;
		cast.number = true;
	}
	if (cast.row->to_number && !array)
		made = expand_cast(w, &cast);
	else
		made = arena_printf(w->arena, "CAST(%.*s AS %s%s)",
			SLICE_FMT(rewrite_inside(w, cast.first, cast.last + 1)), cast.row->type,
			array ? "[]" : "");
	rewrite_edit(
		w, rewrite_token_at(w, index).at, rewrite_end_of(rewrite_token_at(w, end)), made);
	return end;
}

size_t rewrite_cast_type(struct rewriter *w, size_t index)
{
	const struct type_row *row = find_type(w, index + 2);
	struct token name = rewrite_token_at(w, index + 2);

	rewrite_edit(w, rewrite_token_at(w, index).at, rewrite_end_of(name),
		row ? slice_from_c(row->type) : name.text);
	return index + 2;
}
