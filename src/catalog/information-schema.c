/* Rows of information_schema (SQL:2016 part 11, as PostgreSQL 15 fills it). What is not set is
 * NULL. */
#include "catalog/pgcatalog-private.h"

static void fill_catalog_name(struct rows *rows)
{
	rows_begin(rows);
	rows_text(
		rows, information_schema_catalog_name_catalog_name, rows->catalog->input->database);
	rows_end(rows);
}

static void schema_row(struct rows *rows, struct slice name)
{
	rows_begin(rows);
	rows_text(rows, schemata_catalog_name, rows->catalog->input->database);
	rows_text(rows, schemata_schema_name, name);
	rows_c(rows, schemata_schema_owner, "weft");
	rows_end(rows);
}

static void fill_schemata(struct rows *rows)
{
	const struct pgcatalog_input *in = rows->catalog->input;

	schema_row(rows, SLICE("pg_catalog"));
	schema_row(rows, SLICE("information_schema"));
	for (size_t i = 0; i < in->schema_count; i++)
		schema_row(rows, in->schemas[i].name);
}

static void fill_tables(struct rows *rows)
{
	const struct pgcatalog_input *in = rows->catalog->input;

	for (size_t i = 0; i < in->table_count; i++) {
		rows_begin(rows);
		rows_text(rows, tables_table_catalog, in->database);
		rows_text(rows, tables_table_schema, in->tables[i].schema);
		rows_text(rows, tables_table_name, in->tables[i].name);
		rows_c(rows, tables_table_type, in->tables[i].is_view ? "VIEW" : "BASE TABLE");
		rows_c(rows, tables_is_insertable_into, "NO");
		rows_c(rows, tables_is_typed, "NO");
		rows_end(rows);
	}
}

static void fill_views(struct rows *rows)
{
	const struct pgcatalog_input *in = rows->catalog->input;

	for (size_t i = 0; i < in->table_count; i++) {
		if (!in->tables[i].is_view)
			continue;
		rows_begin(rows);
		rows_text(rows, views_table_catalog, in->database);
		rows_text(rows, views_table_schema, in->tables[i].schema);
		rows_text(rows, views_table_name, in->tables[i].name);
		rows_c(rows, views_check_option, "NONE");
		rows_c(rows, views_is_updatable, "NO");
		rows_c(rows, views_is_insertable_into, "NO");
		rows_c(rows, views_is_trigger_updatable, "NO");
		rows_c(rows, views_is_trigger_deletable, "NO");
		rows_c(rows, views_is_trigger_insertable_into, "NO");
		rows_end(rows);
	}
}

/* Bits or digits, radix, scale and fraction digits of a type, as the standard wants them. */
static void column_precision(struct rows *rows, struct pgtype type)
{
	static const struct {
		const char *name;
		int bits;
	} BINARY[] = {{"int2", 16}, {"int4", 32}, {"int8", 64}, {"float4", 24}, {"float8", 53}};
	const char *name = type.row->name;

	for (size_t i = 0; i < array_len(BINARY); i++) {
		if (strcmp(name, BINARY[i].name) != 0)
			continue;
		rows_number(rows, columns_numeric_precision, BINARY[i].bits);
		rows_number(rows, columns_numeric_precision_radix, 2);
		if (name[0] == 'i')
			rows_number(rows, columns_numeric_scale, 0);
	}
	if (strcmp(name, "numeric") == 0) {
		rows_number(rows, columns_numeric_precision_radix, 10);
		if (type.typmod >= 0) {
			rows_number(rows, columns_numeric_precision, (type.typmod - 4) >> 16);
			rows_number(rows, columns_numeric_scale, (type.typmod - 4) & 0xffff);
		}
	}
	if (type.row->category == 'S')
		rows_number(rows, columns_character_octet_length, 1 << 30);
	if (strcmp(name, "date") == 0)
		rows_number(rows, columns_datetime_precision, 0);
	else if (type.row->category == 'D' || type.row->category == 'T')
		rows_number(rows, columns_datetime_precision, 6);
}

static void column_row(struct rows *rows, const struct pgcatalog_table *table, size_t index)
{
	const struct pgcatalog_column *column = &table->columns[index];
	struct pgtype type = pgtype_of(column->type);
	struct slice database = rows->catalog->input->database;

	rows_begin(rows);
	rows_text(rows, columns_table_catalog, database);
	rows_text(rows, columns_table_schema, table->schema);
	rows_text(rows, columns_table_name, table->name);
	rows_text(rows, columns_column_name, column->name);
	rows_number(rows, columns_ordinal_position, (int64_t)index + 1);
	rows_c(rows, columns_is_nullable, column->not_null ? "NO" : "YES");
	rows_c(rows, columns_data_type, type.row->category == 'A' ? "ARRAY" : type.row->display);
	column_precision(rows, type);
	rows_text(rows, columns_udt_catalog, database);
	rows_c(rows, columns_udt_schema, "pg_catalog");
	rows_c(rows, columns_udt_name, type.row->name);
	rows_text(
		rows, columns_dtd_identifier, arena_printf(rows->catalog->arena, "%zu", index + 1));
	rows_c(rows, columns_is_self_referencing, "NO");
	rows_c(rows, columns_is_identity, "NO");
	rows_c(rows, columns_identity_cycle, "NO");
	rows_c(rows, columns_is_generated, "NEVER");
	rows_c(rows, columns_is_updatable, "NO");
	rows_end(rows);
}

static void fill_columns(struct rows *rows)
{
	const struct pgcatalog_input *in = rows->catalog->input;

	for (size_t i = 0; i < in->table_count; i++)
		for (size_t k = 0; k < in->tables[i].column_count; k++)
			column_row(rows, &in->tables[i], k);
}

static void fill_constraints(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->table_count; i++) {
		const struct pgcatalog_table *t = &c->input->tables[i];

		if (!c->key_oids[i])
			continue;
		rows_begin(rows);
		rows_text(rows, table_constraints_constraint_catalog, c->input->database);
		rows_text(rows, table_constraints_constraint_schema, t->schema);
		rows_text(rows, table_constraints_constraint_name, rows_key_name(rows, t));
		rows_text(rows, table_constraints_table_catalog, c->input->database);
		rows_text(rows, table_constraints_table_schema, t->schema);
		rows_text(rows, table_constraints_table_name, t->name);
		rows_c(rows, table_constraints_constraint_type, "PRIMARY KEY");
		rows_c(rows, table_constraints_is_deferrable, "NO");
		rows_c(rows, table_constraints_initially_deferred, "NO");
		rows_c(rows, table_constraints_enforced, "YES");
		rows_end(rows);
	}
}

static void key_usage_rows(struct rows *rows, const struct pgcatalog_table *t)
{
	struct arrow_cell key[MAX_COLUMNS] = {0};
	size_t count = pgcatalog_key(t, key, array_len(key));
	struct slice database = rows->catalog->input->database;

	for (size_t k = 0; k < count; k++) {
		rows_begin(rows);
		rows_text(rows, key_column_usage_constraint_catalog, database);
		rows_text(rows, key_column_usage_constraint_schema, t->schema);
		rows_text(rows, key_column_usage_constraint_name, rows_key_name(rows, t));
		rows_text(rows, key_column_usage_table_catalog, database);
		rows_text(rows, key_column_usage_table_schema, t->schema);
		rows_text(rows, key_column_usage_table_name, t->name);
		rows_text(rows, key_column_usage_column_name,
			t->columns[max_of(key[k].integer, INT64_C(1)) - 1].name);
		rows_number(rows, key_column_usage_ordinal_position, (int64_t)k + 1);
		rows_end(rows);
	}
}

static void fill_key_usage(struct rows *rows)
{
	const struct pgcatalog_input *in = rows->catalog->input;

	for (size_t i = 0; i < in->table_count; i++)
		key_usage_rows(rows, &in->tables[i]);
}

static void fill_privileges(struct rows *rows)
{
	const struct pgcatalog_input *in = rows->catalog->input;

	for (size_t i = 0; i < in->table_count; i++) {
		rows_begin(rows);
		rows_c(rows, table_privileges_grantor, "weft");
		rows_text(rows, table_privileges_grantee, in->user);
		rows_text(rows, table_privileges_table_catalog, in->database);
		rows_text(rows, table_privileges_table_schema, in->tables[i].schema);
		rows_text(rows, table_privileges_table_name, in->tables[i].name);
		rows_c(rows, table_privileges_privilege_type, "SELECT");
		rows_c(rows, table_privileges_is_grantable, "NO");
		rows_c(rows, table_privileges_with_hierarchy, "YES");
		rows_end(rows);
	}
}

static void fill_character_sets(struct rows *rows)
{
	rows_begin(rows);
	rows_c(rows, character_sets_character_set_name, "UTF8");
	rows_c(rows, character_sets_character_repertoire, "UCS");
	rows_c(rows, character_sets_form_of_use, "UTF8");
	rows_text(rows, character_sets_default_collate_catalog, rows->catalog->input->database);
	rows_c(rows, character_sets_default_collate_schema, "pg_catalog");
	rows_c(rows, character_sets_default_collate_name, "default");
	rows_end(rows);
}

static void fill_enabled_roles(struct rows *rows)
{
	rows_begin(rows);
	rows_text(rows, enabled_roles_role_name, rows->catalog->input->user);
	rows_end(rows);
}

const struct filler information_schema_fillers[] = {
	{"information_schema_catalog_name", fill_catalog_name},
	{"schemata", fill_schemata},
	{"tables", fill_tables},
	{"views", fill_views},
	{"columns", fill_columns},
	{"table_constraints", fill_constraints},
	{"key_column_usage", fill_key_usage},
	{"table_privileges", fill_privileges},
	{"character_sets", fill_character_sets},
	{"enabled_roles", fill_enabled_roles},
};

const size_t information_schema_filler_count = array_len(information_schema_fillers);
