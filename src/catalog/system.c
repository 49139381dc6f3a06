/* The tables of mesh.* as data, and the writer of their rows. */
#include "catalog/system.h"

#include "base/check.h"
#include "catalog/system-private.h"

#define TABLE(table, comment) static const struct system_column COLUMNS_##table[] = {
#define COLUMN(table, name, kind, comment) {#name, ARROW_KIND_##kind, comment},
#define END(table)                                                                                 \
	}                                                                                          \
	;
#include "catalog/system.def"
#undef TABLE
#undef COLUMN
#undef END

static const struct system_table TABLES[] = {
#define TABLE(table, comment) {"mesh", #table, comment, COLUMNS_##table, mesh_##table##_COUNT},
#define COLUMN(table, name, kind, comment)
#define END(table)
#include "catalog/system.def"
#undef TABLE
#undef COLUMN
#undef END
};

static const system_fill_fn FILLS[] = {
#define TABLE(table, comment) fill_##table,
#define COLUMN(table, name, kind, comment)
#define END(table)
#include "catalog/system.def"
#undef TABLE
#undef COLUMN
#undef END
};

const struct system_table *system_tables(size_t *count_out)
{
	*count_out = array_len(TABLES);
	return TABLES;
}

const struct system_table *system_table_find(struct slice schema, struct slice name)
{
	for (size_t i = 0; i < array_len(TABLES); i++)
		if (slice_equal_nocase(schema, slice_from_c(TABLES[i].schema)) &&
			slice_equal_nocase(name, slice_from_c(TABLES[i].name)))
			return &TABLES[i];
	return NULL;
}

const char *system_kind_type(enum arrow_kind kind)
{
	static const char *const TYPES[] = {
		[ARROW_KIND_BOOL] = "BOOLEAN",
		[ARROW_KIND_INT32] = "INTEGER",
		[ARROW_KIND_INT64] = "BIGINT",
		[ARROW_KIND_DOUBLE] = "DOUBLE",
		[ARROW_KIND_TEXT] = "VARCHAR",
		[ARROW_KIND_BLOB] = "BLOB",
		[ARROW_KIND_DATE] = "DATE",
		[ARROW_KIND_TIMESTAMPTZ] = "TIMESTAMP WITH TIME ZONE",
		[ARROW_KIND_TEXT_LIST] = "VARCHAR[]",
		[ARROW_KIND_INT32_LIST] = "INTEGER[]",
	};

	return TYPES[kind];
}

void row_begin(struct filling *f)
{
	for (size_t i = 0; i < f->table->column_count; i++)
		f->cells[i] = (struct arrow_cell){.is_null = true};
}

void row_end(struct filling *f)
{
	if (!f->failed && !arrow_table_add(f->out, f->cells, f->err))
		f->failed = true;
}

void row_text(struct filling *f, int column, struct slice text)
{
	if (!slice_is_none(text))
		f->cells[column] = (struct arrow_cell){.text = text};
}

void row_c(struct filling *f, int column, const char *text)
{
	row_text(f, column, slice_from_c(text));
}

void row_int(struct filling *f, int column, int64_t number)
{
	f->cells[column] = (struct arrow_cell){.integer = number};
}

void row_real(struct filling *f, int column, double number)
{
	f->cells[column] = (struct arrow_cell){.real = number};
}

void row_bool(struct filling *f, int column, bool flag)
{
	f->cells[column] = (struct arrow_cell){.integer = flag};
}

void row_time(struct filling *f, int column, int64_t time_us)
{
	if (time_us)
		f->cells[column] = (struct arrow_cell){.integer = time_us};
}

void row_list(struct filling *f, int column, const struct slice *items, size_t count)
{
	struct arrow_cell *cells = arena_array_of(f->arena, struct arrow_cell, count);

	for (size_t i = 0; i < count; i++)
		cells[i] = (struct arrow_cell){.text = items[i]};
	f->cells[column] = (struct arrow_cell){.items = cells, .item_count = count};
}

/* What a map holds for no: it has no NULL. */
static const char nothing;

const struct model_access *filling_access(struct filling *f, const struct model_table *table)
{
	const uintptr_t address = (uintptr_t)table;
	struct slice key = slice_of((const char *)&address, sizeof address);
	struct model_access *known = map_get(&f->accesses, key);

	if (known)
		return (const void *)known == &nothing ? NULL : known;
	struct model_access *access = arena_new_of(f->arena, struct model_access);
	bool absent =
		model_table_access(f->arena, table, f->model, f->principal, access) == MODEL_ABSENT;

	map_put(&f->accesses, arena_copy(f->arena, key),
		absent ? (void *)(uintptr_t)&nothing : access);
	return absent ? NULL : access;
}

const char *filling_access_name(const struct filling *f, const struct model_access *access)
{
	if (model_owns_product(f->principal, access->table->product))
		return "owner";
	return access->decision.outcome == DECISION_ALLOW ? "read" : "none";
}

bool filling_manages(struct filling *f, struct slice product)
{
	if (f->principal->admin)
		return true;
	const void *known = map_get(&f->managed, product);

	if (!known) {
		const struct model_product *p = model_product_find(f->model, product);
		bool owns = p && model_owns_product(f->principal, p);

		known = owns ? (const void *)f : &nothing;
		map_put(&f->managed, arena_copy(f->arena, product), (void *)(uintptr_t)known);
	}
	return known != &nothing;
}

static bool new_table(const struct system_table *table, struct arrow_table **out, struct error *err)
{
	struct arrow_field fields[SYSTEM_MAX_COLUMNS];

	check(table->column_count <= SYSTEM_MAX_COLUMNS);
	for (size_t i = 0; i < table->column_count; i++)
		fields[i] = (struct arrow_field){table->columns[i].name, table->columns[i].kind};
	return arrow_table_new(fields, table->column_count, out, err);
}

bool system_table_is_shared(const struct system_table *table)
{
	const system_fill_fn fill = FILLS[table - TABLES];

	return fill == fill_domains || fill == fill_products || fill == fill_tables ||
	       fill == fill_columns;
}

static bool fill_copies(struct filling *f)
{
	f->copied = true;
	for (size_t i = 0; i < f->request->copy_count && !f->failed; i++) {
		f->model = f->request->copies[i].model;
		f->node = f->request->copies[i].node;
		f->seen_us = f->request->copies[i].seen_us;
		if (!FILLS[f->table - TABLES](f))
			return false;
	}
	return !f->failed;
}

bool system_table_rows(const struct system_table *table, const struct system_request *request,
	struct arrow_table **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(arrow_table_free) struct arrow_table *rows = NULL;

	if (!new_table(table, &rows, err))
		return false;
	struct filling f = {
		.request = request,
		.model = request->model,
		.principal = request->principal,
		.table = table,
		.arena = arena,
		.out = rows,
		.err = err,
		.managed = map_in(arena),
		.accesses = map_in(arena),
	};

	f.node = slice_from_c(request->node_name);
	if (!FILLS[table - TABLES](&f) || f.failed)
		return false;
	if (system_table_is_shared(table) && !fill_copies(&f))
		return false;
	*out = take(rows);
	return true;
}
