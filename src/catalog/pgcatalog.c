/*
 * The frame of the emulated catalogues: shapes from pgcatalog.def, identifiers from names, rows by
 * the fillers of pgcatalog-fill.c, pgcatalog-program.c and information-schema.c; a relation without
 * a filler is empty.
 */
#include "catalog/pgcatalog.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "base/str.h"
#include "catalog/pgcatalog-private.h"

/* How rows of a kind travel, and the kind's type in SQL. */
static const struct {
	enum arrow_kind travels;
	const char *type;
} kind_rows[] = {
#define KIND(name, travels, type) [PGCATALOG_##name] = {ARROW_KIND_##travels, type},
	PGCATALOG_KINDS
#undef KIND
};

#define RELATION(schema, relation, oid) static const struct pgcatalog_field relation##_fields[] = {
#define COLUMN(relation, name, kind) {#name, PGCATALOG_##kind},
#define END(relation)                                                                              \
	}                                                                                          \
	;
#include "catalog/pgcatalog.def"
#undef RELATION
#undef COLUMN
#undef END

const struct relation pgcatalog_relations[] = {
#define RELATION(schema, relation, oid)                                                            \
	{#schema, #relation, oid, relation##_fields, relation##_COUNT},
#define COLUMN(relation, name, kind)
#define END(relation)
#include "catalog/pgcatalog.def"
#undef RELATION
#undef COLUMN
#undef END
};

const size_t pgcatalog_relation_count = array_len(pgcatalog_relations);

static const struct relation *find_relation(struct slice schema, struct slice name)
{
	for (size_t i = 0; i < pgcatalog_relation_count; i++) {
		const struct relation *r = &pgcatalog_relations[i];
		const char *in = slice_is_none(schema) ? "pg_catalog" : r->schema;

		if (!slice_equal_nocase(name, slice_from_c(r->name)) || strcmp(in, r->schema) != 0)
			continue;
		if (slice_is_none(schema) || slice_equal_nocase(schema, slice_from_c(r->schema)))
			return r;
	}
	return NULL;
}

bool pgcatalog_has(struct slice schema, struct slice relation)
{
	return find_relation(schema, relation) != NULL;
}

const char *pgcatalog_type(const struct pgcatalog_field *field)
{
	return kind_rows[field->kind].type;
}

const struct pgcatalog_field *pgcatalog_columns(
	struct slice schema, struct slice relation, size_t *count_out)
{
	const struct relation *r = find_relation(schema, relation);

	*count_out = r ? r->field_count : 0;
	return r ? r->fields : NULL;
}

/* Identifiers from names by FNV-1a, the same in every process; above those of PostgreSQL's own
 * objects. A clash takes the next free number. */
static int64_t draw_oid(
	struct map *taken, struct arena *arena, const char *kind, struct slice a, struct slice b)
{
	static int mark;
	struct slice text = arena_printf(arena, "%s %.*s.%.*s", kind, SLICE_FMT(a), SLICE_FMT(b));
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * 16777619u;
	for (uint32_t oid = 100000 + hash % 2000000000u;; oid++) {
		struct slice key = arena_printf(arena, "%u", oid);

		if (!map_get(taken, key)) {
			map_put(taken, key, &mark);
			return oid;
		}
	}
}

static int64_t fixed_schema_oid(struct slice name)
{
	if (slice_equal_c(name, "pg_catalog"))
		return OID_PG_CATALOG;
	return slice_equal_c(name, "information_schema") ? OID_INFORMATION_SCHEMA : 0;
}

int64_t pgcatalog_schema_oid(const struct pgcatalog *catalog, struct slice schema)
{
	for (size_t i = 0; i < catalog->input->schema_count; i++)
		if (slice_equal(catalog->input->schemas[i].name, schema))
			return catalog->schema_oids[i];
	return fixed_schema_oid(schema);
}

size_t pgcatalog_key(
	const struct pgcatalog_table *table, struct arrow_cell *cells_out, size_t max_cells)
{
	size_t count = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		int position = table->columns[i].key_position;

		if (position < 1 || (size_t)position > max_cells)
			continue;
		cells_out[position - 1] = (struct arrow_cell){.integer = (int64_t)i + 1};
		count = max_of(count, (size_t)position);
	}
	return count;
}

void pgcatalog_new(const struct pgcatalog_input *input, struct pgcatalog **out)
{
	struct arena *arena = arena_new();
	struct pgcatalog *self = arena_new_of(arena, struct pgcatalog);
	struct map taken = map_in(arena);
	struct arrow_cell key[MAX_COLUMNS];

	self->arena = arena;
	self->input = input;
	self->schema_oids = arena_array_of(arena, int64_t, input->schema_count);
	self->table_oids = arena_array_of(arena, int64_t, input->table_count);
	self->key_oids = arena_array_of(arena, int64_t, input->table_count);
	self->constraint_oids = arena_array_of(arena, int64_t, input->table_count);
	for (size_t i = 0; i < input->schema_count; i++) {
		struct slice name = input->schemas[i].name;
		int64_t fixed = fixed_schema_oid(name);

		self->schema_oids[i] =
			fixed ? fixed : draw_oid(&taken, arena, "s", name, SLICE(""));
	}
	for (size_t i = 0; i < input->table_count; i++) {
		const struct pgcatalog_table *t = &input->tables[i];

		self->table_oids[i] = draw_oid(&taken, arena, "t", t->schema, t->name);
		if (pgcatalog_key(t, key, array_len(key)) == 0)
			continue;
		self->key_oids[i] = draw_oid(&taken, arena, "k", t->schema, t->name);
		self->constraint_oids[i] = draw_oid(&taken, arena, "c", t->schema, t->name);
	}
	*out = self;
}

void pgcatalog_free(struct pgcatalog **catalog)
{
	if (*catalog) {
		struct arena *arena = (*catalog)->arena;

		*catalog = NULL;
		arena_free(&arena);
	}
}

void rows_begin(struct rows *rows)
{
	bool zero = strcmp(rows->relation->schema, "pg_catalog") == 0;

	for (size_t i = 0; i < rows->relation->field_count; i++) {
		enum arrow_kind kind = kind_rows[rows->relation->fields[i].kind].travels;
		bool number = kind == ARROW_KIND_BOOL || kind == ARROW_KIND_INT32 ||
			      kind == ARROW_KIND_INT64 || kind == ARROW_KIND_DOUBLE;

		rows->cells[i] = (struct arrow_cell){.is_null = !(zero && number)};
	}
}

void rows_end(struct rows *rows)
{
	if (!rows->failed && !arrow_table_add(rows->table, rows->cells, rows->err))
		rows->failed = true;
}

void rows_text(struct rows *rows, int column, struct slice text)
{
	rows->cells[column] = (struct arrow_cell){.is_null = slice_is_none(text), .text = text};
}

void rows_c(struct rows *rows, int column, const char *text)
{
	rows_text(rows, column, slice_from_c(text));
}

void rows_number(struct rows *rows, int column, int64_t number)
{
	rows->cells[column] = (struct arrow_cell){.integer = number};
}

void rows_real(struct rows *rows, int column, double number)
{
	rows->cells[column] = (struct arrow_cell){.real = number};
}

void rows_bool(struct rows *rows, int column, bool flag)
{
	rows->cells[column] = (struct arrow_cell){.integer = flag};
}

void rows_list(struct rows *rows, int column, const struct arrow_cell *items, size_t count)
{
	rows->cells[column] = (struct arrow_cell){.items = items, .item_count = count};
}

struct slice rows_key_name(struct rows *rows, const struct pgcatalog_table *table)
{
	return arena_printf(rows->catalog->arena, "%.*s_pkey", SLICE_FMT(table->name));
}

static fill_fn find_in(const struct filler *fillers, size_t count, const struct relation *r)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fillers[i].relation, r->name) == 0)
			return fillers[i].fill;
	return NULL;
}

static fill_fn find_filler(const struct relation *r)
{
	if (strcmp(r->schema, "pg_catalog") != 0)
		return find_in(information_schema_fillers, information_schema_filler_count, r);
	fill_fn fill = find_in(pgcatalog_fillers, pgcatalog_filler_count, r);

	return fill ? fill : find_in(pgcatalog_program_fillers, pgcatalog_program_filler_count, r);
}

bool pgcatalog_table(const struct pgcatalog *catalog, struct slice schema, struct slice relation,
	struct arrow_table **out, struct error *err)
{
	const struct relation *r = find_relation(schema, relation);

	if (!r)
		return error_set(err, UNDEFINED_TABLE, "relation \"%.*s\" does not exist",
			SLICE_FMT(relation));
	check(r->field_count <= MAX_COLUMNS);
	fill_fn fill = find_filler(r);
	struct rows rows = {.catalog = catalog, .relation = r, .err = err};
	struct arrow_field fields[MAX_COLUMNS];

	for (size_t i = 0; i < r->field_count; i++)
		fields[i] = (struct arrow_field){
			r->fields[i].name, kind_rows[r->fields[i].kind].travels};
	if (!arrow_table_new(fields, r->field_count, &rows.table, err))
		return false;
	if (fill)
		fill(&rows);
	if (rows.failed) {
		arrow_table_free(&rows.table);
		return false;
	}
	*out = rows.table;
	return true;
}
