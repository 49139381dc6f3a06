/* Rows of pg_catalog. Only columns that clients read are set; the rest is 0, false or NULL. */
#include "base/str.h"
#include "catalog/pgcatalog-private.h"

static void fill_namespace(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;
	static const struct {
		const char *name;
		int64_t oid;
	} SYSTEM[] = {
		{"pg_catalog", OID_PG_CATALOG}, {"information_schema", OID_INFORMATION_SCHEMA}};

	for (size_t i = 0; i < array_len(SYSTEM); i++) {
		rows_begin(rows);
		rows_number(rows, pg_namespace_oid, SYSTEM[i].oid);
		rows_c(rows, pg_namespace_nspname, SYSTEM[i].name);
		rows_number(rows, pg_namespace_nspowner, OID_OWNER);
		rows_end(rows);
	}
	for (size_t i = 0; i < c->input->schema_count; i++) {
		rows_begin(rows);
		rows_number(rows, pg_namespace_oid, c->schema_oids[i]);
		rows_text(rows, pg_namespace_nspname, c->input->schemas[i].name);
		rows_number(rows, pg_namespace_nspowner, OID_OWNER);
		rows_end(rows);
	}
}

static void class_row(struct rows *rows, int64_t oid, int64_t schema_oid, struct slice name,
	const char *kind, size_t columns)
{
	rows_begin(rows);
	rows_number(rows, pg_class_oid, oid);
	rows_text(rows, pg_class_relname, name);
	rows_number(rows, pg_class_relnamespace, schema_oid);
	rows_number(rows, pg_class_relowner, OID_OWNER);
	rows_c(rows, pg_class_relkind, kind);
	rows_c(rows, pg_class_relpersistence, "p");
	rows_c(rows, pg_class_relreplident, "d");
	rows_bool(rows, pg_class_relispopulated, true);
	rows_number(rows, pg_class_relnatts, (int64_t)columns);
	rows_real(rows, pg_class_reltuples, -1);
	if (strcmp(kind, "v") != 0)
		rows_number(
			rows, pg_class_relam, strcmp(kind, "i") == 0 ? OID_AM_BTREE : OID_AM_HEAP);
}

static void fill_class(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;
	struct arrow_cell key[MAX_COLUMNS];

	for (size_t i = 0; i < c->input->table_count; i++) {
		const struct pgcatalog_table *t = &c->input->tables[i];
		int64_t schema = pgcatalog_schema_oid(c, t->schema);

		class_row(rows, c->table_oids[i], schema, t->name, t->is_view ? "v" : "r",
			t->column_count);
		rows_real(rows, pg_class_reltuples, (double)t->rows);
		rows_number(rows, pg_class_relpages, min_of(t->bytes / 8192, (int64_t)INT32_MAX));
		rows_bool(rows, pg_class_relhasindex, c->key_oids[i] != 0);
		rows_end(rows);
		if (c->key_oids[i]) {
			class_row(rows, c->key_oids[i], schema, rows_key_name(rows, t), "i",
				pgcatalog_key(t, key, array_len(key)));
			rows_end(rows);
		}
	}
	for (size_t i = 0; i < pgcatalog_relation_count; i++) {
		const struct relation *r = &pgcatalog_relations[i];

		if (r->oid == 0)
			continue;
		class_row(rows, r->oid, pgcatalog_schema_oid(c, slice_from_c(r->schema)),
			slice_from_c(r->name), "v", r->field_count);
		rows_end(rows);
	}
}

static void attribute_row(
	struct rows *rows, int64_t relation, int64_t number, struct slice name, struct pgtype type)
{
	const struct pgtype_row *row = type.row;
	struct arena *arena = rows->catalog->arena;

	rows_begin(rows);
	rows_number(rows, pg_attribute_attrelid, relation);
	rows_text(rows, pg_attribute_attname, name);
	rows_number(rows, pg_attribute_atttypid, row->oid);
	rows_number(rows, pg_attribute_attstattarget, -1);
	rows_number(rows, pg_attribute_attlen, row->length);
	rows_number(rows, pg_attribute_attnum, number);
	rows_number(rows, pg_attribute_attndims, row->element && row->category == 'A');
	rows_number(rows, pg_attribute_attcacheoff, -1);
	rows_number(rows, pg_attribute_atttypmod, type.typmod);
	rows_bool(rows, pg_attribute_attbyval, row->by_value);
	rows_text(rows, pg_attribute_attstorage, arena_copy(arena, slice_of(&row->storage, 1)));
	rows_text(rows, pg_attribute_attalign, arena_copy(arena, slice_of(&row->alignment, 1)));
	rows_c(rows, pg_attribute_attcompression, "");
	rows_c(rows, pg_attribute_attidentity, "");
	rows_c(rows, pg_attribute_attgenerated, "");
	rows_bool(rows, pg_attribute_attislocal, true);
	rows_number(
		rows, pg_attribute_attcollation, row->category == 'S' ? OID_DEFAULT_COLLATION : 0);
}

static void key_attributes(struct rows *rows, size_t table_index)
{
	const struct pgcatalog *c = rows->catalog;
	const struct pgcatalog_table *t = &c->input->tables[table_index];
	struct arrow_cell key[MAX_COLUMNS] = {0};
	size_t count = pgcatalog_key(t, key, array_len(key));

	for (size_t k = 0; k < count; k++) {
		const struct pgcatalog_column *column =
			&t->columns[max_of(key[k].integer, INT64_C(1)) - 1];

		attribute_row(rows, c->key_oids[table_index], (int64_t)k + 1, column->name,
			pgtype_of(column->type));
		rows_end(rows);
	}
}

static void fill_attribute(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->table_count; i++) {
		const struct pgcatalog_table *t = &c->input->tables[i];

		for (size_t k = 0; k < t->column_count; k++) {
			attribute_row(rows, c->table_oids[i], (int64_t)k + 1, t->columns[k].name,
				pgtype_of(t->columns[k].type));
			rows_bool(rows, pg_attribute_attnotnull, t->columns[k].not_null);
			rows_end(rows);
		}
		if (c->key_oids[i])
			key_attributes(rows, i);
	}
}

static void fill_type(struct rows *rows)
{
	static const int columns[] = {[PGPROC_IN] = pg_type_typinput,
		[PGPROC_OUT] = pg_type_typoutput,
		[PGPROC_RECV] = pg_type_typreceive,
		[PGPROC_SEND] = pg_type_typsend};
	struct arena *arena = rows->catalog->arena;

	for (size_t i = 0; i < pgtype_row_count; i++) {
		const struct pgtype_row *t = &pgtype_rows[i];

		rows_begin(rows);
		rows_number(rows, pg_type_oid, t->oid);
		rows_c(rows, pg_type_typname, t->name);
		rows_number(rows, pg_type_typnamespace, OID_PG_CATALOG);
		rows_number(rows, pg_type_typowner, OID_OWNER);
		rows_number(rows, pg_type_typlen, t->length);
		rows_bool(rows, pg_type_typbyval, t->by_value);
		rows_text(rows, pg_type_typtype, arena_copy(arena, slice_of(&t->kind, 1)));
		rows_text(rows, pg_type_typcategory, arena_copy(arena, slice_of(&t->category, 1)));
		rows_bool(rows, pg_type_typispreferred, t->preferred);
		rows_bool(rows, pg_type_typisdefined, true);
		rows_c(rows, pg_type_typdelim, ",");
		rows_number(rows, pg_type_typelem, t->element);
		rows_number(rows, pg_type_typarray, t->array);
		for (int role = 0; role < PGPROC_ROLES && t->kind != 'p'; role++)
			rows_number(rows, columns[role],
				pgproc_of_type(t->oid, (enum pgproc_role)role));
		rows_text(rows, pg_type_typalign, arena_copy(arena, slice_of(&t->alignment, 1)));
		rows_text(rows, pg_type_typstorage, arena_copy(arena, slice_of(&t->storage, 1)));
		rows_number(rows, pg_type_typtypmod, -1);
		rows_number(
			rows, pg_type_typcollation, t->category == 'S' ? OID_DEFAULT_COLLATION : 0);
		rows_end(rows);
	}
}

static void fill_database(struct rows *rows)
{
	rows_begin(rows);
	rows_number(rows, pg_database_oid, OID_DATABASE);
	rows_text(rows, pg_database_datname, rows->catalog->input->database);
	rows_number(rows, pg_database_datdba, OID_OWNER);
	rows_number(rows, pg_database_encoding, 6); /* UTF8 */
	rows_c(rows, pg_database_datlocprovider, "c");
	rows_bool(rows, pg_database_datallowconn, true);
	rows_number(rows, pg_database_datconnlimit, -1);
	rows_c(rows, pg_database_datcollate, "C.UTF-8");
	rows_c(rows, pg_database_datctype, "C.UTF-8");
	rows_number(rows, pg_database_dattablespace, 1663);
	rows_end(rows);
}

static void fill_roles(struct rows *rows)
{
	rows_begin(rows);
	rows_c(rows, pg_roles_rolname, "weft");
	rows_number(rows, pg_roles_oid, OID_OWNER);
	rows_bool(rows, pg_roles_rolinherit, true);
	rows_number(rows, pg_roles_rolconnlimit, -1);
	rows_end(rows);
	rows_begin(rows);
	rows_text(rows, pg_roles_rolname, rows->catalog->input->user);
	rows_number(rows, pg_roles_oid, OID_USER);
	rows_bool(rows, pg_roles_rolinherit, true);
	rows_bool(rows, pg_roles_rolcanlogin, true);
	rows_number(rows, pg_roles_rolconnlimit, -1);
	rows_c(rows, pg_roles_rolpassword, "********");
	rows_end(rows);
}

static void fill_user(struct rows *rows)
{
	rows_begin(rows);
	rows_text(rows, pg_user_usename, rows->catalog->input->user);
	rows_number(rows, pg_user_usesysid, OID_USER);
	rows_c(rows, pg_user_passwd, "********");
	rows_end(rows);
}

static void description_row(
	struct rows *rows, int64_t object, int64_t class, int64_t part, struct slice comment)
{
	if (comment.len == 0)
		return;
	rows_begin(rows);
	rows_number(rows, pg_description_objoid, object);
	rows_number(rows, pg_description_classoid, class);
	rows_number(rows, pg_description_objsubid, part);
	rows_text(rows, pg_description_description, comment);
	rows_end(rows);
}

static void fill_description(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->schema_count; i++)
		description_row(rows, c->schema_oids[i], OID_CLASS_NAMESPACE, 0,
			c->input->schemas[i].comment);
	for (size_t i = 0; i < c->input->table_count; i++) {
		const struct pgcatalog_table *t = &c->input->tables[i];

		description_row(rows, c->table_oids[i], OID_CLASS_CLASS, 0, t->comment);
		for (size_t k = 0; k < t->column_count; k++)
			description_row(rows, c->table_oids[i], OID_CLASS_CLASS, (int64_t)k + 1,
				t->columns[k].comment);
	}
}

static void fill_shdescription(struct rows *rows)
{
	if (rows->catalog->input->database_comment.len == 0)
		return;
	rows_begin(rows);
	rows_number(rows, pg_shdescription_objoid, OID_DATABASE);
	rows_number(rows, pg_shdescription_classoid, OID_CLASS_DATABASE);
	rows_text(rows, pg_shdescription_description, rows->catalog->input->database_comment);
	rows_end(rows);
}

static void fill_index(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->table_count; i++) {
		struct arrow_cell key[MAX_COLUMNS] = {0};
		struct arrow_cell zeros[MAX_COLUMNS] = {0};
		struct arrow_cell classes[MAX_COLUMNS] = {0};
		const struct pgcatalog_table *t = &c->input->tables[i];
		size_t count = pgcatalog_key(t, key, array_len(key));

		if (count == 0)
			continue;
		for (size_t k = 0; k < count; k++)
			classes[k].integer = pgcatalog_opclass(
				t->columns[max_of(key[k].integer, INT64_C(1)) - 1].type);
		rows_begin(rows);
		rows_number(rows, pg_index_indexrelid, c->key_oids[i]);
		rows_number(rows, pg_index_indrelid, c->table_oids[i]);
		rows_number(rows, pg_index_indnatts, (int64_t)count);
		rows_number(rows, pg_index_indnkeyatts, (int64_t)count);
		rows_bool(rows, pg_index_indisunique, true);
		rows_bool(rows, pg_index_indisprimary, true);
		rows_bool(rows, pg_index_indimmediate, true);
		rows_bool(rows, pg_index_indisvalid, true);
		rows_bool(rows, pg_index_indisready, true);
		rows_bool(rows, pg_index_indislive, true);
		rows_list(rows, pg_index_indkey, key, count);
		rows_list(rows, pg_index_indoption, zeros, count);
		rows_list(rows, pg_index_indcollation, zeros, count);
		rows_list(rows, pg_index_indclass, classes, count);
		rows_end(rows);
	}
}

static void fill_constraint(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->table_count; i++) {
		const struct pgcatalog_table *t = &c->input->tables[i];
		struct arrow_cell key[MAX_COLUMNS] = {0};
		size_t count = pgcatalog_key(t, key, array_len(key));

		if (count == 0)
			continue;
		rows_begin(rows);
		rows_number(rows, pg_constraint_oid, c->constraint_oids[i]);
		rows_text(rows, pg_constraint_conname, rows_key_name(rows, t));
		rows_number(rows, pg_constraint_connamespace, pgcatalog_schema_oid(c, t->schema));
		rows_c(rows, pg_constraint_contype, "p");
		rows_bool(rows, pg_constraint_convalidated, true);
		rows_number(rows, pg_constraint_conrelid, c->table_oids[i]);
		rows_number(rows, pg_constraint_conindid, c->key_oids[i]);
		rows_c(rows, pg_constraint_confupdtype, " ");
		rows_c(rows, pg_constraint_confdeltype, " ");
		rows_c(rows, pg_constraint_confmatchtype, " ");
		rows_bool(rows, pg_constraint_conislocal, true);
		rows_bool(rows, pg_constraint_connoinherit, true);
		rows_list(rows, pg_constraint_conkey, key, count);
		rows_end(rows);
	}
}

static void fill_indexes(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->table_count; i++) {
		const struct pgcatalog_table *t = &c->input->tables[i];

		if (!c->key_oids[i])
			continue;
		rows_begin(rows);
		rows_text(rows, pg_indexes_schemaname, t->schema);
		rows_text(rows, pg_indexes_tablename, t->name);
		rows_text(rows, pg_indexes_indexname, rows_key_name(rows, t));
		rows_text(rows, pg_indexes_indexdef, pgcatalog_index_definition(rows, t));
		rows_end(rows);
	}
}

static void fill_am(struct rows *rows)
{
	static const struct {
		int64_t oid;
		const char *name;
		const char *kind;
	} ROWS[] = {{OID_AM_HEAP, "heap", "t"}, {OID_AM_BTREE, "btree", "i"}};

	for (size_t i = 0; i < array_len(ROWS); i++) {
		rows_begin(rows);
		rows_number(rows, pg_am_oid, ROWS[i].oid);
		rows_c(rows, pg_am_amname, ROWS[i].name);
		rows_c(rows, pg_am_amtype, ROWS[i].kind);
		rows_end(rows);
	}
}

static void fill_settings(struct rows *rows)
{
	const struct pgcatalog_input *in = rows->catalog->input;

	for (size_t i = 0; i < in->setting_count; i++) {
		rows_begin(rows);
		rows_text(rows, pg_settings_name, in->settings[i].name);
		rows_text(rows, pg_settings_setting, in->settings[i].value);
		rows_text(rows, pg_settings_reset_val, in->settings[i].value);
		rows_text(rows, pg_settings_boot_val, in->settings[i].value);
		rows_c(rows, pg_settings_context, "user");
		rows_c(rows, pg_settings_vartype, "string");
		rows_c(rows, pg_settings_source, "session");
		rows_end(rows);
	}
}

static void fill_tables(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->table_count; i++) {
		if (c->input->tables[i].is_view)
			continue;
		rows_begin(rows);
		rows_text(rows, pg_tables_schemaname, c->input->tables[i].schema);
		rows_text(rows, pg_tables_tablename, c->input->tables[i].name);
		rows_c(rows, pg_tables_tableowner, "weft");
		rows_bool(rows, pg_tables_hasindexes, c->key_oids[i] != 0);
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
		rows_text(rows, pg_views_schemaname, in->tables[i].schema);
		rows_text(rows, pg_views_viewname, in->tables[i].name);
		rows_c(rows, pg_views_viewowner, "weft");
		rows_c(rows, pg_views_definition, "");
		rows_end(rows);
	}
}

static void fill_stat_tables(struct rows *rows)
{
	const struct pgcatalog *c = rows->catalog;

	for (size_t i = 0; i < c->input->table_count; i++) {
		const struct pgcatalog_table *t = &c->input->tables[i];

		if (t->is_view)
			continue;
		rows_begin(rows);
		rows_number(rows, pg_stat_user_tables_relid, c->table_oids[i]);
		rows_text(rows, pg_stat_user_tables_schemaname, t->schema);
		rows_text(rows, pg_stat_user_tables_relname, t->name);
		rows_number(rows, pg_stat_user_tables_n_live_tup, max_of(t->rows, INT64_C(0)));
		rows_end(rows);
	}
}

static void fill_collation(struct rows *rows)
{
	static const struct {
		int64_t oid;
		const char *name;
	} ROWS[] = {{OID_DEFAULT_COLLATION, "default"}, {950, "C"}, {951, "POSIX"}};

	for (size_t i = 0; i < array_len(ROWS); i++) {
		rows_begin(rows);
		rows_number(rows, pg_collation_oid, ROWS[i].oid);
		rows_c(rows, pg_collation_collname, ROWS[i].name);
		rows_number(rows, pg_collation_collnamespace, OID_PG_CATALOG);
		rows_number(rows, pg_collation_collowner, OID_OWNER);
		rows_c(rows, pg_collation_collprovider, i ? "c" : "d");
		rows_bool(rows, pg_collation_collisdeterministic, true);
		rows_number(rows, pg_collation_collencoding, -1);
		rows_end(rows);
	}
}

static void fill_tablespace(struct rows *rows)
{
	rows_begin(rows);
	rows_number(rows, pg_tablespace_oid, 1663);
	rows_c(rows, pg_tablespace_spcname, "pg_default");
	rows_number(rows, pg_tablespace_spcowner, OID_OWNER);
	rows_end(rows);
}

const struct filler pgcatalog_fillers[] = {
	{"pg_namespace", fill_namespace},
	{"pg_class", fill_class},
	{"pg_attribute", fill_attribute},
	{"pg_type", fill_type},
	{"pg_database", fill_database},
	{"pg_roles", fill_roles},
	{"pg_user", fill_user},
	{"pg_description", fill_description},
	{"pg_shdescription", fill_shdescription},
	{"pg_index", fill_index},
	{"pg_constraint", fill_constraint},
	{"pg_indexes", fill_indexes},
	{"pg_am", fill_am},
	{"pg_settings", fill_settings},
	{"pg_tables", fill_tables},
	{"pg_views", fill_views},
	{"pg_stat_user_tables", fill_stat_tables},
	{"pg_collation", fill_collation},
	{"pg_tablespace", fill_tablespace},
};

const size_t pgcatalog_filler_count = array_len(pgcatalog_fillers);
