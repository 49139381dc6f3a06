/*
 * Rows of pg_catalog about what PostgreSQL itself brings along: the functions behind types, by
 * which drivers know what an array is, operator classes of keys, ranges, languages, key words; and
 * the definitions that pg_get_indexdef and its like print.
 */
#include "base/str.h"
#include "catalog/pgcatalog-private.h"

enum {
	OID_LANGUAGE_INTERNAL = 12,
	OID_OPCLASS = 10000,
	OID_OPFAMILY = 9900,
};

static bool is_array(const struct pgtype_row *type)
{
	return type->name[0] == '_';
}

static void function_row(struct rows *rows, int64_t oid, struct slice name, int64_t result)
{
	rows_begin(rows);
	rows_number(rows, pg_proc_oid, oid);
	rows_text(rows, pg_proc_proname, name);
	rows_number(rows, pg_proc_pronamespace, OID_PG_CATALOG);
	rows_number(rows, pg_proc_proowner, OID_OWNER);
	rows_number(rows, pg_proc_prolang, OID_LANGUAGE_INTERNAL);
	rows_real(rows, pg_proc_procost, 1);
	rows_c(rows, pg_proc_prokind, "f");
	rows_bool(rows, pg_proc_proisstrict, true);
	rows_c(rows, pg_proc_provolatile, "i");
	rows_c(rows, pg_proc_proparallel, "s");
	rows_number(rows, pg_proc_pronargs, 1);
	rows_number(rows, pg_proc_prorettype, result);
	rows_list(rows, pg_proc_proargtypes, NULL, 0);
	rows_text(rows, pg_proc_prosrc, name);
	rows_end(rows);
}

static void type_functions(struct rows *rows, const struct pgtype_row *type)
{
	static const int64_t oid_cstring = 2275;
	static const int64_t oid_bytea = 17;

	for (int role = 0; role < PGPROC_ROLES; role++) {
		uint32_t oid = pgproc_of_type(type->oid, (enum pgproc_role)role);
		char name[PGPROC_NAME_MAX] = "";
		int64_t result = type->oid;

		if (role == PGPROC_OUT)
			result = oid_cstring;
		else if (role == PGPROC_SEND)
			result = oid_bytea;
		if (pgproc_name(oid, name))
			function_row(rows, oid,
				arena_copy(rows->catalog->arena, slice_from_c(name)), result);
	}
}

static void fill_proc(struct rows *rows)
{
	bool arrays_done = false;

	for (size_t i = 0; i < pgtype_row_count; i++) {
		const struct pgtype_row *type = &pgtype_rows[i];

		if (is_array(type) && arrays_done)
			continue;
		type_functions(rows, type);
		arrays_done = arrays_done || is_array(type);
	}
}

static void fill_language(struct rows *rows)
{
	static const struct {
		int64_t oid;
		const char *name;
	} ROWS[] = {{OID_LANGUAGE_INTERNAL, "internal"}, {13, "c"}, {14, "sql"}};

	for (size_t i = 0; i < array_len(ROWS); i++) {
		rows_begin(rows);
		rows_number(rows, pg_language_oid, ROWS[i].oid);
		rows_c(rows, pg_language_lanname, ROWS[i].name);
		rows_number(rows, pg_language_lanowner, OID_OWNER);
		rows_end(rows);
	}
}

static void fill_range(struct rows *rows)
{
	static const int64_t ROWS[][3] = {{3904, 23, 4451}, {3906, 1700, 4532}, {3908, 1114, 4533},
		{3910, 1184, 4534}, {3912, 1082, 4535}, {3926, 20, 4536}};

	for (size_t i = 0; i < array_len(ROWS); i++) {
		rows_begin(rows);
		rows_number(rows, pg_range_rngtypid, ROWS[i][0]);
		rows_number(rows, pg_range_rngsubtype, ROWS[i][1]);
		rows_number(rows, pg_range_rngmultitypid, ROWS[i][2]);
		rows_end(rows);
	}
}

int64_t pgcatalog_opclass(struct slice type)
{
	return OID_OPCLASS + pgtype_of(type).row->oid % 9000;
}

static void fill_opclass(struct rows *rows)
{
	for (size_t i = 0; i < pgtype_row_count; i++) {
		const struct pgtype_row *type = &pgtype_rows[i];

		if (type->kind != 'b' || is_array(type))
			continue;
		rows_begin(rows);
		rows_number(rows, pg_opclass_oid, OID_OPCLASS + type->oid % 9000);
		rows_number(rows, pg_opclass_opcmethod, OID_AM_BTREE);
		rows_text(rows, pg_opclass_opcname,
			arena_printf(rows->catalog->arena, "%s_ops", type->name));
		rows_number(rows, pg_opclass_opcnamespace, OID_PG_CATALOG);
		rows_number(rows, pg_opclass_opcowner, OID_OWNER);
		rows_number(rows, pg_opclass_opcfamily, OID_OPFAMILY);
		rows_number(rows, pg_opclass_opcintype, type->oid);
		rows_bool(rows, pg_opclass_opcdefault, true);
		rows_end(rows);
	}
}

static void fill_opfamily(struct rows *rows)
{
	rows_begin(rows);
	rows_number(rows, pg_opfamily_oid, OID_OPFAMILY);
	rows_number(rows, pg_opfamily_opfmethod, OID_AM_BTREE);
	rows_c(rows, pg_opfamily_opfname, "order_ops");
	rows_number(rows, pg_opfamily_opfnamespace, OID_PG_CATALOG);
	rows_number(rows, pg_opfamily_opfowner, OID_OWNER);
	rows_end(rows);
}

static void fill_keywords(struct rows *rows)
{
	static const struct {
		const char *word;
		char category;
		bool bare;
	} ROWS[] = {
#define PG_KEYWORD(word, category, bare) {word, category, bare},
#include "catalog/pgkeyword.def"
#undef PG_KEYWORD
	};
	static const struct {
		char category;
		const char *text;
	} TEXTS[] = {{'U', "unreserved"}, {'C', "unreserved (cannot be function or type name)"},
		{'T', "reserved (can be function or type name)"}, {'R', "reserved"}};

	for (size_t i = 0; i < array_len(ROWS); i++) {
		rows_begin(rows);
		rows_c(rows, pg_get_keywords_word, ROWS[i].word);
		rows_text(rows, pg_get_keywords_catcode, slice_of(&ROWS[i].category, 1));
		rows_bool(rows, pg_get_keywords_barelabel, ROWS[i].bare);
		for (size_t k = 0; k < array_len(TEXTS); k++)
			if (TEXTS[k].category == ROWS[i].category)
				rows_c(rows, pg_get_keywords_catdesc, TEXTS[k].text);
		rows_c(rows, pg_get_keywords_baredesc,
			ROWS[i].bare ? "can be bare label" : "requires AS");
		rows_end(rows);
	}
}

/* A name as PostgreSQL writes it back: quoted only where it must be. */
static void add_name(struct str *out, struct slice name)
{
	bool plain = name.len > 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool digit = c >= '0' && c <= '9';

		plain = plain && ((c >= 'a' && c <= 'z') || c == '_' || (i > 0 && digit));
	}
	if (plain)
		str_add(out, name);
	else
		str_add_sql_ident(out, name);
}

static void definition_row(struct rows *rows, int64_t object, struct slice definition)
{
	rows_begin(rows);
	rows_number(rows, weft_definition_objoid, object);
	rows_text(rows, weft_definition_definition, definition);
	rows_end(rows);
}

static void add_key(struct str *out, const struct pgcatalog_table *table)
{
	struct arrow_cell key[MAX_COLUMNS] = {0};
	size_t count = pgcatalog_key(table, key, array_len(key));

	str_add_char(out, '(');
	for (size_t i = 0; i < count; i++) {
		str_add_c(out, i ? ", " : "");
		add_name(out, table->columns[max_of(key[i].integer, INT64_C(1)) - 1].name);
	}
	str_add_char(out, ')');
}

struct slice pgcatalog_index_definition(struct rows *rows, const struct pgcatalog_table *table)
{
	struct str text = str_in(rows->catalog->arena);

	str_add_c(&text, "CREATE UNIQUE INDEX ");
	add_name(&text, rows_key_name(rows, table));
	str_add_c(&text, " ON ");
	add_name(&text, table->schema);
	str_add_char(&text, '.');
	add_name(&text, table->name);
	str_add_c(&text, " USING btree ");
	add_key(&text, table);
	return str_slice(&text);
}

static void fill_definition(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->table_count; i++) {
		const struct pgcatalog_table *table = &c->input->tables[i];
		struct str constraint = str_in(c->arena);

		if (!c->key_oids[i])
			continue;
		str_add_c(&constraint, "PRIMARY KEY ");
		add_key(&constraint, table);
		definition_row(rows, c->key_oids[i], pgcatalog_index_definition(rows, table));
		definition_row(rows, c->constraint_oids[i], str_slice(&constraint));
	}
}

const struct filler pgcatalog_program_fillers[] = {
	{"pg_proc", fill_proc},
	{"pg_language", fill_language},
	{"pg_range", fill_range},
	{"pg_opclass", fill_opclass},
	{"pg_opfamily", fill_opfamily},
	{"pg_get_keywords", fill_keywords},
	{"weft_definition", fill_definition},
};

const size_t pgcatalog_program_filler_count = array_len(pgcatalog_program_fillers);
