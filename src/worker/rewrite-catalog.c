/*
 * Catalogue queries of PostgreSQL's clients in DuckDB's grammar, token by token: what DuckDB cannot
 * parse or bind is replaced where it stands. The result goes through the same gate as every other
 * text (W_PARSE_CATALOG), so a wrong translation can only fail, not open anything. Tables are
 * written __pg_catalog.x: a translation that needs one names it in the text, where the gate and the
 * server see it.
 */
#include "base/str.h"
#include "base/vec.h"
#include "sql/lexer.h"
#include "worker/rewrite.h"

struct tokens {
	struct token *items;
	size_t len;
	size_t cap;
};

/* Replaces [from, to) by text; an empty range inserts. */
struct edit {
	size_t from;
	size_t to;
	struct slice text;
};

struct rewriter {
	struct arena *arena;
	struct slice text;
	struct tokens tokens;
	VEC(struct edit) edits;
};

/* Casts: what type stands for PostgreSQL's; lookup: a template for casts that look things up. %1 =
 * the operand. */
struct type_row {
	const char *name;
	const char *type;
	const char *of_text;   /* from a literal: the oid */
	const char *of_number; /* from anything else: the name */
};

static const struct type_row type_rows[] = {
	{"regclass", "BIGINT",
		"coalesce((SELECT min(c.oid) FROM __pg_catalog.pg_class c JOIN "
		"__pg_catalog.pg_namespace n "
		"ON n.oid = c.relnamespace WHERE replace(%1, '\"', '') IN (c.relname, n.nspname || "
		"'.' || c.relname)), CASE replace(%1, 'pg_catalog.', '') WHEN 'pg_class' THEN 1259 "
		"WHEN 'pg_type' "
		"THEN 1247 WHEN 'pg_proc' THEN 1255 WHEN 'pg_database' THEN 1262 WHEN "
		"'pg_constraint' "
		"THEN 2606 WHEN 'pg_namespace' THEN 2615 END)",
		"(SELECT min(CASE WHEN n.nspname IN ('pg_catalog', 'public') THEN c.relname ELSE "
		"n.nspname || '.' || c.relname END) FROM __pg_catalog.pg_class c JOIN "
		"__pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %1)"},
	{"regtype", "BIGINT",
		"(SELECT min(t.oid) FROM __pg_catalog.pg_type t WHERE t.typname = %1)",
		"(SELECT min(t.typname) FROM __pg_catalog.pg_type t WHERE t.oid = %1)"},
	{"regnamespace", "BIGINT",
		"(SELECT min(n.oid) FROM __pg_catalog.pg_namespace n WHERE n.nspname = %1)",
		"(SELECT min(n.nspname) FROM __pg_catalog.pg_namespace n WHERE n.oid = %1)"},
	{"regproc", "VARCHAR", NULL, NULL},
	{"oid", "BIGINT", NULL, NULL},
	{"xid", "BIGINT", NULL, NULL},
	{"name", "VARCHAR", NULL, NULL},
	{"char", "VARCHAR", NULL, NULL},
	{"sql_identifier", "VARCHAR", NULL, NULL},
	{"character_data", "VARCHAR", NULL, NULL},
	{"cardinal_number", "INTEGER", NULL, NULL},
	{"yes_or_no", "VARCHAR", NULL, NULL},
	{"anyarray", "VARCHAR", NULL, NULL},
	{"int2vector", "VARCHAR", NULL, NULL},
	{"oidvector", "VARCHAR", NULL, NULL},
	{"jsonb", "JSON", NULL, NULL},
};

/* Functions whose answer stands in a table; %1 … are the arguments. */
struct function_row {
	const char *name;
	size_t args;
	const char *text;
};

static const struct function_row function_rows[] = {
	{"obj_description", 2,
		"(SELECT min(d.description) FROM __pg_catalog.pg_description d WHERE d.objoid = %1 "
		"AND d.objsubid = 0)"},
	{"obj_description", 1,
		"(SELECT min(d.description) FROM __pg_catalog.pg_description d WHERE d.objoid = %1 "
		"AND d.objsubid = 0)"},
	{"col_description", 2,
		"(SELECT min(d.description) FROM __pg_catalog.pg_description d WHERE d.objoid = %1 "
		"AND d.objsubid = %2)"},
	{"shobj_description", 2, "CAST(NULL AS VARCHAR)"},
	{"format_type", 2,
		"(SELECT min(CASE t.typname WHEN 'int2' THEN 'smallint' WHEN 'int4' THEN 'integer' "
		"WHEN 'int8' THEN 'bigint' WHEN 'float4' THEN 'real' WHEN 'float8' THEN "
		"'double precision' WHEN 'bool' THEN 'boolean' WHEN 'varchar' THEN "
		"'character varying' WHEN 'bpchar' THEN 'character' WHEN 'timestamptz' THEN "
		"'timestamp with time zone' WHEN 'timestamp' THEN 'timestamp without time zone' "
		"WHEN 'time' THEN 'time without time zone' WHEN 'timetz' THEN "
		"'time with time zone' WHEN 'varbit' THEN 'bit varying' WHEN 'numeric' THEN CASE "
		"WHEN %2 > 4 THEN 'numeric(' || CAST((%2 - 4) >> 16 AS VARCHAR) || ',' || "
		"CAST((%2 - 4) & 65535 AS VARCHAR) || ')' ELSE 'numeric' END ELSE "
		"CASE WHEN t.typname LIKE '\\_%' ESCAPE '\\' THEN substr(t.typname, 2) || '[]' "
		"ELSE t.typname END END) FROM __pg_catalog.pg_type t WHERE t.oid = %1)"},
	{"pg_get_userbyid", 1,
		"(SELECT min(r.rolname) FROM __pg_catalog.pg_roles r WHERE r.oid = %1)"},
	{"pg_get_expr", 2, "%1"},
	{"pg_get_expr", 3, "%1"},
	{"pg_encoding_to_char", 1, "'UTF8'"},
	{"pg_get_indexdef", 1, "CAST(NULL AS VARCHAR)"},
	{"pg_get_indexdef", 3, "CAST(NULL AS VARCHAR)"},
	{"pg_get_constraintdef", 1, "CAST(NULL AS VARCHAR)"},
	{"pg_get_constraintdef", 2, "CAST(NULL AS VARCHAR)"},
	{"pg_get_viewdef", 1, "CAST(NULL AS VARCHAR)"},
	{"pg_get_viewdef", 2, "CAST(NULL AS VARCHAR)"},
	{"pg_get_partkeydef", 1, "CAST(NULL AS VARCHAR)"},
	{"pg_get_function_result", 1, "'record'"},
	{"pg_get_function_arguments", 1, "''"},
	{"pg_get_function_identity_arguments", 1, "''"},
	{"pg_get_serial_sequence", 2, "CAST(NULL AS VARCHAR)"},
	{"pg_get_statisticsobjdef_columns", 1, "CAST(NULL AS VARCHAR)"},
	{"pg_relation_is_publishable", 1, "false"},
	{"pg_total_relation_size", 1, "CAST(0 AS BIGINT)"},
	{"pg_relation_size", 1, "CAST(0 AS BIGINT)"},
	{"pg_table_size", 1, "CAST(0 AS BIGINT)"},
	{"pg_database_size", 1, "CAST(0 AS BIGINT)"},
	{"pg_tablespace_location", 1, "''"},
	{"pg_is_in_recovery", 0, "false"},
	{"pg_advisory_unlock_all", 0, "CAST(NULL AS VARCHAR)"},
	{"pg_backend_pid", 0, "0"},
	{"pg_table_is_visible", 1, "true"},
	{"pg_type_is_visible", 1, "true"},
	{"pg_function_is_visible", 1, "true"},
	{"pg_opclass_is_visible", 1, "true"},
	{"pg_operator_is_visible", 1, "true"},
	{"pg_collation_is_visible", 1, "true"},
	{"pg_statistics_obj_is_visible", 1, "true"},
	{"has_table_privilege", 2, "true"},
	{"has_table_privilege", 3, "true"},
	{"has_schema_privilege", 2, "true"},
	{"has_schema_privilege", 3, "true"},
	{"has_database_privilege", 2, "true"},
	{"has_database_privilege", 3, "true"},
	{"current_schemas", 1, "['pg_catalog', 'public']"},
	{"to_regtype", 1, "(SELECT min(t.oid) FROM __pg_catalog.pg_type t WHERE t.typname = %1)"},
	{"_pg_expandarray", 1,
		"unnest(list_transform(%1, lambda v, i: struct_pack(x := v, n := i)))"},
	{"set_config", 3, "%2"},
	{"to_regclass", 1,
		"(SELECT min(c.oid) FROM __pg_catalog.pg_class c JOIN __pg_catalog.pg_namespace n "
		"ON n.oid = c.relnamespace WHERE replace(%1, '\"', '') IN (c.relname, n.nspname || "
		"'.' || c.relname))"},
};

static struct token token_at(const struct rewriter *w, size_t index)
{
	return index < w->tokens.len ? w->tokens.items[index]
				     : (struct token){.kind = TOKEN_END, .at = w->text.len};
}

static size_t end_of(struct token token)
{
	return token.at + token.text.len;
}

static bool is(const struct rewriter *w, size_t index, const char *text)
{
	return slice_equal_nocase(token_at(w, index).text, slice_from_c(text));
}

/* The name of a word or a quoted name. */
static bool is_named(const struct rewriter *w, size_t index, const char *name)
{
	struct token token = token_at(w, index);
	return (token.kind == TOKEN_WORD || token.kind == TOKEN_IDENT) &&
	       slice_equal_nocase(token_name(w->arena, token), slice_from_c(name));
}

static void edit(struct rewriter *w, size_t from, size_t to, struct slice text)
{
	vec_push(w->arena, &w->edits, (struct edit){from, to, text});
}

/* The token that closes the parenthesis at index, or len. */
static size_t closing(const struct rewriter *w, size_t index)
{
	int depth = 0;
	for (size_t i = index; i < w->tokens.len; i++) {
		depth += token_is_punct(token_at(w, i), '(');
		depth -= token_is_punct(token_at(w, i), ')');
		if (depth == 0)
			return i;
	}
	return w->tokens.len;
}

static size_t opening(const struct rewriter *w, size_t index)
{
	int depth = 0;
	for (size_t i = index + 1; i-- > 0;) {
		depth += token_is_punct(token_at(w, i), ')');
		depth -= token_is_punct(token_at(w, i), '(');
		if (depth == 0)
			return i;
	}
	return 0;
}

/* Where the operand of a postfix cast begins; last is its last token. */
static size_t operand(const struct rewriter *w, size_t last)
{
	size_t first = last;
	if (token_is_punct(token_at(w, last), ')')) {
		first = opening(w, last);
		if (first == 0 || token_at(w, first - 1).kind != TOKEN_WORD)
			return first;
		first--;
	}
	while (first >= 2 && token_is_punct(token_at(w, first - 1), '.'))
		first -= 2;
	return first;
}

static const struct type_row *find_type(const struct rewriter *w, size_t index)
{
	for (size_t i = 0; i < array_len(type_rows); i++)
		if (is_named(w, index, type_rows[i].name))
			return &type_rows[i];
	return NULL;
}

static struct slice rewrite_range(struct arena *arena, struct slice text);

static struct slice expand(struct arena *arena, const char *template, const struct slice *args)
{
	struct str out = str_in(arena);
	for (const char *c = template; *c; c++) {
		if (*c == '%' && c[1] >= '1' && c[1] <= '9') {
			c++;
			str_printf(&out, "(%.*s)", SLICE_FMT(args[*c - '1']));
		} else {
			str_add_char(&out, *c);
		}
	}
	return str_slice(&out);
}

/* :: [schema .] type, at the token of "::"; returns the last token that was used. */
static size_t rewrite_cast(struct rewriter *w, size_t index)
{
	size_t name = index + 1;
	if (is(w, name + 1, "."))
		name += 2;
	const struct type_row *row = find_type(w, name);
	size_t last = name;
	if (!row) { /* a type that DuckDB knows: without its schema */
		if (name > index + 1)
			edit(w, token_at(w, index + 1).at, token_at(w, name).at, SLICE(""));
		return last;
	}
	bool array = is(w, name + 1, "[");
	size_t first = operand(w, index - 1);
	bool literal = token_at(w, index - 1).kind == TOKEN_STRING;
	const char *template = array ? NULL : literal ? row->of_text : row->of_number;
	if (!template) {
		edit(w, token_at(w, index + 1).at, end_of(token_at(w, name)),
			slice_from_c(row->type));
		return last;
	}
	/* What stands in the operand is translated by itself, and edits inside it are dropped. */
	size_t from = token_at(w, first).at;
	while (w->edits.len > 0 && w->edits.items[w->edits.len - 1].from >= from)
		w->edits.len--;
	struct slice inside =
		rewrite_range(w->arena, slice_sub(w->text, from, end_of(token_at(w, index - 1))));
	edit(w, from, end_of(token_at(w, last)), expand(w->arena, template, &inside));
	return last;
}

/* CAST ( operand AS [schema .] type ), at the token of CAST; returns the last token that was used.
 */
static size_t rewrite_cast_call(struct rewriter *w, size_t index)
{
	size_t end = closing(w, index + 1);
	size_t name = end - 1;
	size_t as = is(w, name - 1, ".") ? name - 3 : name - 1;
	const struct type_row *row = end < w->tokens.len && as > index + 2 && is(w, as, "as")
					     ? find_type(w, name)
					     : NULL;
	if (!row)
		return index;
	bool literal = as == index + 3 && token_at(w, index + 2).kind == TOKEN_STRING;
	const char *template = literal ? row->of_text : row->of_number;
	struct slice inside = rewrite_range(
		w->arena, slice_sub(w->text, end_of(token_at(w, index + 1)), token_at(w, as).at));
	edit(w, token_at(w, index).at, end_of(token_at(w, end)),
		template
			? expand(w->arena, template, &inside)
			: arena_printf(w->arena, "CAST(%.*s AS %s)", SLICE_FMT(inside), row->type));
	return end;
}

/* name ( args ): returns the last token used, or index when the function is not in the table. */
static size_t rewrite_call(struct rewriter *w, size_t from, size_t index)
{
	enum { MAX_ARGS = 4 };
	size_t end = closing(w, index + 1);
	struct slice args[MAX_ARGS] = {0};
	size_t count = 0;
	int depth = 0;
	size_t begin = end_of(token_at(w, index + 1));
	for (size_t i = index + 2; i <= end && i < w->tokens.len; i++) {
		struct token token = token_at(w, i);
		bool last = i == end;
		depth += token_is_punct(token, '(') - (token_is_punct(token, ')') && !last);
		if ((last && i > index + 2) || (depth == 0 && token_is_punct(token, ','))) {
			if (count == MAX_ARGS)
				return index;
			args[count++] = slice_sub(w->text, begin, token.at);
			begin = end_of(token);
		}
	}
	for (size_t i = 0; i < array_len(function_rows); i++) {
		const struct function_row *row = &function_rows[i];
		if (row->args != count || !is_named(w, index, row->name))
			continue;
		for (size_t j = 0; j < count; j++)
			args[j] = rewrite_range(w->arena, args[j]);
		edit(w, token_at(w, from).at, end_of(token_at(w, end)),
			expand(w->arena, row->text, args));
		return end;
	}
	return index;
}

/* schema . name with schema pg_catalog or information_schema, at the token of schema. */
static size_t rewrite_qualified(struct rewriter *w, size_t index)
{
	struct token schema = token_at(w, index);
	struct token name = token_at(w, index + 2);
	if (is(w, index + 3, "(")) {
		size_t last = rewrite_call(w, index, index + 2);
		if (last == index + 2)
			edit(w, schema.at, name.at, SLICE(""));
		return last;
	}
	edit(w, schema.at, end_of(schema),
		is_named(w, index, "pg_catalog") ? SLICE("__pg_catalog")
						 : SLICE("__information_schema"));
	return index + 2;
}

static bool is_schema(const struct rewriter *w, size_t index)
{
	return (is_named(w, index, "pg_catalog") || is_named(w, index, "information_schema")) &&
	       is(w, index + 1, ".");
}

/* A table of pg_catalog by its bare name, where a table stands. */
static bool is_bare_table(const struct rewriter *w, size_t index)
{
	struct token token = token_at(w, index);
	bool named = token.kind == TOKEN_WORD && token.text.len > 3 &&
		     slice_equal_nocase(slice_sub(token.text, 0, 3), SLICE("pg_"));
	if (!named || is(w, index + 1, "(") || is(w, index + 1, ".") || index == 0)
		return false;
	return is(w, index - 1, "from") || is(w, index - 1, "join") || is(w, index - 1, ",");
}

static bool is_name(const struct rewriter *w, size_t index)
{
	static const char *const OTHERS[] = {"as", "cross", "full", "group", "having", "inner",
		"join", "left", "limit", "natural", "on", "order", "right", "union", "where"};
	struct token token = token_at(w, index);
	if (token.kind != TOKEN_WORD)
		return token.kind == TOKEN_IDENT;
	for (size_t i = 0; i < array_len(OTHERS); i++)
		if (token_is_word(token, OTHERS[i]))
			return false;
	return true;
}

/* generate_series(…) s: in PostgreSQL s is also its column, in DuckDB a row of one column. */
static bool is_series_alias(const struct rewriter *w, size_t index)
{
	if (index < 3 || !is_name(w, index) || is(w, index + 1, "("))
		return false;
	size_t close = is(w, index - 1, "as") ? index - 2 : index - 1;
	if (!token_is_punct(token_at(w, close), ')'))
		return false;
	size_t open = opening(w, close);
	return open > 0 && is_named(w, open - 1, "generate_series");
}

/* CAST(x AS pg_catalog.type), at the token of pg_catalog: the type alone, as DuckDB calls it. */
static size_t rewrite_cast_as(struct rewriter *w, size_t index)
{
	const struct type_row *row = find_type(w, index + 2);
	struct token name = token_at(w, index + 2);

	edit(w, token_at(w, index).at, end_of(name), row ? slice_from_c(row->type) : name.text);
	return index + 2;
}

static size_t rewrite_token(struct rewriter *w, size_t index)
{
	struct token token = token_at(w, index);
	if (is_schema(w, index) && index > 0 && is(w, index - 1, "as"))
		return rewrite_cast_as(w, index);
	/* no description hangs on the table that a row is of */
	if (is(w, index + 1, ".") && is_named(w, index + 2, "tableoid")) {
		edit(w, token.at, end_of(token_at(w, index + 2)), SLICE("0"));
		return index + 2;
	}
	if (token_is_word(token, "operator") && is(w, index + 1, "(") && is(w, index + 3, ".")) {
		/* OPERATOR(pg_catalog.~) */
		edit(w, token.at, end_of(token_at(w, index + 5)), token_at(w, index + 4).text);
		return index + 5;
	}
	if (token_is_word(token, "collate")) { /* C, default and their like order bytes, as we do */
		size_t last = is(w, index + 2, ".") ? index + 3 : index + 1;
		edit(w, token.at, end_of(token_at(w, last)), SLICE(""));
		return last;
	}
	if (slice_equal_c(token.text, "::") && index > 0)
		return rewrite_cast(w, index);
	if (is_schema(w, index))
		return rewrite_qualified(w, index);
	if (is_named(w, index, "json_build_object") && is(w, index + 1, "("))
		edit(w, token.at, end_of(token), SLICE("json_object"));
	if (token_is_word(token, "cast") && is(w, index + 1, "("))
		return rewrite_cast_call(w, index);
	if (is_series_alias(w, index))
		edit(w, end_of(token), end_of(token),
			arena_printf(w->arena, "(%.*s)", SLICE_FMT(token.text)));
	else if (is_bare_table(w, index))
		edit(w, token.at, token.at, SLICE("__pg_catalog."));
	else if (token.kind == TOKEN_WORD && is(w, index + 1, "(") &&
		 !(index > 0 && is(w, index - 1, ".")))
		return rewrite_call(w, index, index);
	return index;
}

static struct slice apply(struct rewriter *w)
{
	struct str out = str_in(w->arena);
	size_t done = 0;
	vec_each (struct edit, e, &w->edits) {
		str_add(&out, slice_sub(w->text, done, e->from));
		str_add(&out, e->text);
		done = e->to;
	}
	str_add(&out, slice_sub(w->text, done, w->text.len));
	return str_slice(&out);
}

/* Recursion is bounded by the nesting of parentheses, which sql_check_text limits. */
static struct slice rewrite_range(struct arena *arena, struct slice text)
{
	struct rewriter w = {.arena = arena, .text = text};
	struct lexer lexer = lexer_of(text);
	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END && t.kind != TOKEN_ERROR;
		t = lexer_next(&lexer))
		vec_push(arena, &w.tokens, t);
	for (size_t i = 0; i < w.tokens.len; i++)
		i = rewrite_token(&w, i);
	return apply(&w);
}

bool rewrite_catalog(struct arena *arena, struct slice text, struct slice *out, struct error *err)
{
	struct lexer lexer = lexer_of(text);
	struct token token;
	do {
		token = lexer_next(&lexer);
	} while (token.kind != TOKEN_END && token.kind != TOKEN_ERROR);
	if (token.kind == TOKEN_ERROR)
		return error_set(err, SYNTAX_ERROR, "unterminated %s",
			lexer.problem ? lexer.problem : "token");
	*out = rewrite_range(arena, text);
	return true;
}
