/* What a principal sees, in the form that pg_catalog wants. */
#include "catalog/visible.h"

#include "base/str.h"
#include "base/vec.h"
#include "catalog/system.h"

typedef VEC(struct pgcatalog_table) tables_vec;

static struct slice column_comment(
	struct arena *arena, const struct model_column *column, const struct decision_mask *mask)
{
	struct str text = str_in(arena);

	str_add(&text, column->description);
	if (mask && !slice_is_none(mask->policy))
		str_printf(
			&text, "%s[masked by %.*s]", text.len ? " " : "", SLICE_FMT(mask->policy));
	return text.len ? str_slice(&text) : SLICE_NONE;
}

static void add_columns(
	struct arena *arena, const struct model_access *access, struct pgcatalog_table *out)
{
	const struct model_table *t = access->table;
	struct pgcatalog_column *columns =
		arena_array_of(arena, struct pgcatalog_column, t->column_count);
	size_t count = 0;

	for (size_t i = 0; i < t->column_count; i++) {
		const struct model_column *c = &t->columns[i];
		const struct decision_mask *mask =
			access->decision.masks ? &access->decision.masks[i] : NULL;

		if (mask && mask->denied)
			continue;
		columns[count++] = (struct pgcatalog_column){
			.name = c->name,
			.type = c->type,
			.comment = column_comment(arena, c, mask),
			/* A mask may give NULL where the contract has none. */
			.not_null = c->required && !(mask && !slice_is_none(mask->policy)),
			.key_position = c->key_position,
		};
	}
	out->columns = columns;
	out->column_count = count;
}

/* Estimates tell of hidden rows, pages of masked values: only who sees them gets numbers. */
static void add_table(struct arena *arena, const struct model_access *access, tables_vec *out)
{
	const struct model_table *t = access->table;
	const struct decision *d = &access->decision;
	bool all_rows = d->filter_count == 0 && d->suppress.min_group == 0;
	struct pgcatalog_table table = {
		.schema = t->product->domain->name,
		.name = t->name,
		.comment = t->description,
		.rows = all_rows ? t->rows : -1,
		.bytes = d->masks && policy_shows_all(d, t->column_count) ? t->bytes : 0,
	};

	add_columns(arena, access, &table);
	if (!t->newest_major)
		table.name = t->key;
	vec_push(arena, out, table);
}

static void add_system(struct arena *arena, tables_vec *out)
{
	size_t count;
	const struct system_table *tables = system_tables(&count);

	for (size_t i = 0; i < count; i++) {
		const struct system_table *t = &tables[i];
		struct pgcatalog_column *columns =
			arena_array_of(arena, struct pgcatalog_column, t->column_count);

		for (size_t c = 0; c < t->column_count; c++)
			columns[c] = (struct pgcatalog_column){
				.name = slice_from_c(t->columns[c].name),
				.type = slice_from_c(system_kind_type(t->columns[c].kind)),
				.comment = slice_from_c(t->columns[c].comment),
			};
		vec_push(arena, out,
			((struct pgcatalog_table){
				.schema = slice_from_c(t->schema),
				.name = slice_from_c(t->name),
				.comment = slice_from_c(t->comment),
				.is_view = true,
				.rows = -1,
				.columns = columns,
				.column_count = t->column_count,
			}));
	}
}

typedef VEC(struct pgcatalog_schema) schemas_vec;

static void add_schema(struct arena *arena, const struct model_domain *domain, schemas_vec *schemas)
{
	vec_push(arena, schemas, ((struct pgcatalog_schema){domain->name, domain->description}));
}

static void add_own(struct arena *arena, const struct visible *visible, schemas_vec *schemas,
	tables_vec *tables)
{
	const struct model *model = visible->model;

	for (size_t i = 0; i < model->domain_count; i++)
		if (model_sees_domain(model, visible->principal, &model->domains[i]))
			add_schema(arena, &model->domains[i], schemas);
	for (size_t i = 0; i < model->table_count; i++) {
		struct model_access access;

		if (model_table_access(arena, &model->tables[i], model, visible->principal,
			    &access) == MODEL_FOUND)
			add_table(arena, &access, tables);
	}
}

/* A name that is here, too, means what is here. */
static void add_copy(struct arena *arena, const struct visible *visible, const struct model *copy,
	schemas_vec *schemas, tables_vec *tables)
{
	for (size_t i = 0; i < copy->domain_count; i++)
		if (!model_domain_find(visible->model, copy->domains[i].name))
			add_schema(arena, &copy->domains[i], schemas);
	for (size_t i = 0; i < copy->table_count; i++) {
		const struct model_table *t = &copy->tables[i];
		const struct model_access access = {.table = t};

		if (model_domain_find(visible->model, t->product->domain->name))
			continue;
		add_table(arena, &access, tables);
		tables->items[tables->len - 1].rows = -1; /* it does not say */
	}
}

void pgcatalog_input_of(
	struct arena *arena, const struct visible *visible, struct pgcatalog_input *out)
{
	const struct model *model = visible->model;
	schemas_vec schemas = {0};
	tables_vec tables = {0};

	add_own(arena, visible, &schemas, &tables);
	for (size_t i = 0; i < visible->copy_count; i++)
		add_copy(arena, visible, visible->copies[i].model, &schemas, &tables);
	vec_push(arena, &schemas,
		((struct pgcatalog_schema){SLICE("mesh"), SLICE("What the mesh knows of itself")}));
	add_system(arena, &tables);
	*out = (struct pgcatalog_input){
		.database = model->name.len ? model->name : SLICE("weft"),
		.database_comment = model->description,
		.user = visible->principal->name,
		.schemas = schemas.items,
		.schema_count = schemas.len,
		.tables = tables.items,
		.table_count = tables.len,
	};
}
