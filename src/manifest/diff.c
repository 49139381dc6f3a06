/* What a new set of manifests changes, and which promises it breaks. */
#include <stdlib.h>

#include "base/map.h"
#include "base/str.h"
#include "manifest/diff-tree.h"

typedef VEC(struct manifest_step) changes;

/* path → struct manifest_file */
static struct map files_by_path(struct arena *arena, const struct manifest_side *side)
{
	struct map map = map_in(arena);

	for (size_t i = 0; i < side->count; i++) {
		struct manifest_file *copy = arena_new_of(arena, struct manifest_file);

		*copy = side->files[i];
		map_put(&map, copy->path, copy);
	}
	return map;
}

/* The product whose folder holds the path; NULL when there is none. */
static const struct manifest_product *product_at(const struct manifest_set *set, struct slice path)
{
	struct slice folder = slice_folder(path);

	for (size_t i = 0; set && i < set->product_count; i++)
		if (slice_equal(set->products[i].folder, folder))
			return &set->products[i];
	return NULL;
}

static const struct {
	const char *suffix;
	const char *kind;
} KINDS[] = {
	{"product.yaml", "DataProduct"},
	{"pipeline.yaml", "Pipeline"},
	{".odcs.yaml", "DataContract"},
	{".sql", "Transform"},
	{"domain.yaml", "Domain"},
	{"mesh.yaml", "Mesh"},
	{"vocabulary.yaml", "Vocabulary"},
};

static const char *kind_of(struct slice path)
{
	for (size_t i = 0; i < array_len(KINDS); i++)
		if (slice_ends_with(path, slice_from_c(KINDS[i].suffix)))
			return KINDS[i].kind;
	if (slice_find(path, SLICE("/policies/"), 0) != SIZE_MAX)
		return "Policy";
	return slice_find(path, SLICE("/sources/"), 0) != SIZE_MAX ? "Source" : "File";
}

/* "domains/sales/orders/product.yaml" is sales.orders; others go by their file's name below the
 * domain. */
static struct slice name_of(struct arena *arena, struct slice path)
{
	struct slice rest = path;
	struct slice first = slice_split(&rest, '/');
	struct slice domain =
		slice_equal_c(first, "domains") ? slice_split(&rest, '/') : SLICE_NONE;
	struct slice last = rest;

	while (slice_find(last, SLICE("/"), 0) != SIZE_MAX)
		slice_split(&last, '/');
	if (slice_is_none(rest))
		return first;
	if (slice_is_none(domain))
		return last;
	if (slice_equal_c(last, "domain.yaml"))
		return domain;
	if (slice_equal_c(last, "product.yaml") || slice_equal_c(last, "pipeline.yaml"))
		last = slice_split(&rest, '/');
	for (size_t dot = 0; dot < last.len; dot++) {
		if (last.ptr[dot] == '.') {
			last = slice_sub(last, 0, dot);
			break;
		}
	}
	return arena_printf(arena, "%.*s.%.*s", SLICE_FMT(domain), SLICE_FMT(last));
}

static const struct manifest_schema *schema_in(
	const struct manifest_set *set, struct slice path, struct slice table)
{
	for (size_t i = 0; i < set->contract_count; i++) {
		const struct manifest_contract *c = &set->contracts[i];

		for (size_t k = 0; k < c->schema_count && slice_equal(c->at.path, path); k++)
			if (slice_equal(c->schemas[k].name, table))
				return &c->schemas[k];
	}
	return NULL;
}

static const struct manifest_column *column_in(
	const struct manifest_schema *schema, struct slice name)
{
	for (size_t i = 0; schema && i < schema->column_count; i++)
		if (slice_equal_nocase(schema->columns[i].name, name))
			return &schema->columns[i];
	return NULL;
}

static void column_details(struct arena *arena, struct slices *out,
	const struct manifest_schema *before, const struct manifest_schema *after)
{
	for (size_t i = 0; i < after->column_count; i++) {
		const struct manifest_column *new = &after->columns[i];
		const struct manifest_column *old = column_in(before, new->name);

		if (!old)
			vec_push(arena, out,
				arena_printf(arena, "column %.*s added", SLICE_FMT(new->name)));
		else if (!slice_equal(old->type, new->type))
			vec_push(arena, out,
				arena_printf(arena, "column %.*s: type %.*s became %.*s",
					SLICE_FMT(new->name), SLICE_FMT(old->type),
					SLICE_FMT(new->type)));
	}
	for (size_t i = 0; before && i < before->column_count; i++)
		if (!column_in(after, before->columns[i].name))
			vec_push(arena, out,
				arena_printf(arena, "column %.*s removed",
					SLICE_FMT(before->columns[i].name)));
}

static struct slices contract_details(struct arena *arena, const struct manifest_set *old_set,
	const struct manifest_set *new_set, struct slice path)
{
	struct slices details = {0};

	for (size_t i = 0; i < new_set->contract_count; i++) {
		const struct manifest_contract *c = &new_set->contracts[i];

		for (size_t k = 0; k < c->schema_count && slice_equal(c->at.path, path); k++)
			column_details(arena, &details,
				schema_in(old_set, path, c->schemas[k].name), &c->schemas[k]);
	}
	return details;
}

/* Whole columns and their types, which column_details tells better. */
static bool is_column_change(const struct tree_change *change)
{
	size_t at = slice_find(change->path, SLICE(".properties["), 0);

	return at != SIZE_MAX && (slice_equal_c(change->key, "properties") ||
					 slice_equal_c(change->key, "physicalType") ||
					 slice_equal_c(change->key, "logicalType"));
}

static bool is_words_only(struct slice key)
{
	static const char *const WORDS[] = {"description", "businessName", "classification", "tags",
		"examples", "authoritativeDefinitions", "customProperties", "criticalDataElement",
		"transformLogic", "transformDescription", "transformSourceObjects"};

	for (size_t i = 0; i < array_len(WORDS); i++)
		if (slice_equal_c(key, WORDS[i]))
			return true;
	return false;
}

/* Whether data must be made anew: the SQL, what a contract says of the data, what is ingested or
 * where a source lies; not words, schedules or retries. */
static bool rebuilds(const char *kind, const tree_changes *found)
{
	static const char *const MAKERS[][2] = {
		{"DataContract", "schema"}, {"Pipeline", "spec.ingest"}, {"Source", "spec."}};

	if (strcmp(kind, "Transform") == 0)
		return true;
	for (size_t i = 0; i < array_len(MAKERS); i++)
		vec_each (const struct tree_change, c, found)
			if (strcmp(kind, MAKERS[i][0]) == 0 && !is_words_only(c->key) &&
				slice_starts_with(c->path, slice_from_c(MAKERS[i][1])))
				return true;
	return false;
}

static void add_details(struct arena *arena, struct slices *details, const tree_changes *found)
{
	vec_each (const struct tree_change, c, found)
		if (!is_column_change(c))
			vec_push(arena, details, c->text);
}

static void add_change(struct arena *arena, changes *out, enum manifest_action action,
	struct slice path, struct slices details)
{
	vec_push(arena, out,
		(struct manifest_step){
			action, slice_from_c(kind_of(path)), name_of(arena, path), path, details});
}

static void rebuild_product(struct arena *arena, changes *out,
	const struct manifest_product *product, struct slice because)
{
	struct slice name = arena_printf(
		arena, "%.*s.%.*s", SLICE_FMT(product->domain), SLICE_FMT(product->name));

	for (size_t i = 0; i < out->len; i++)
		if (slice_equal_c(out->items[i].kind, "DataProduct") &&
			slice_equal(out->items[i].name, name)) {
			if (out->items[i].action == MANIFEST_CHANGE)
				out->items[i].action = MANIFEST_REBUILD;
			return;
		}
	struct slices details = {0};

	vec_push(arena, &details, arena_printf(arena, "because of %.*s", SLICE_FMT(because)));
	vec_push(arena, out,
		(struct manifest_step){
			MANIFEST_REBUILD, SLICE("DataProduct"), name, product->at.path, details});
}

static int rank_of(struct slice kind)
{
	static const char *const ORDER[] = {"Mesh", "Vocabulary", "Domain", "Policy", "Source",
		"DataContract", "Transform", "Pipeline", "DataProduct"};

	for (size_t i = 0; i < array_len(ORDER); i++)
		if (slice_equal_c(kind, ORDER[i]))
			return (int)i;
	return (int)array_len(ORDER);
}

static int compare_changes(const void *a, const void *b)
{
	const struct manifest_step *x = a;
	const struct manifest_step *y = b;
	int order = rank_of(x->kind) - rank_of(y->kind);

	if (order == 0)
		order = slice_compare(x->name, y->name);
	return order ? order : slice_compare(x->path, y->path);
}

static const struct manifest_source *source_at(const struct manifest_set *set, struct slice path)
{
	for (size_t i = 0; i < set->source_count; i++)
		if (slice_equal(set->sources[i].at.path, path))
			return &set->sources[i];
	return NULL;
}

/* The products that ingest from a source. */
static void rebuild_readers(struct arena *arena, changes *list, const struct manifest_set *set,
	const struct manifest_source *source)
{
	for (size_t i = 0; i < set->product_count; i++) {
		const struct manifest_product *product = &set->products[i];
		const struct manifest_pipeline *p = product->pipeline < set->pipeline_count
							    ? &set->pipelines[product->pipeline]
							    : NULL;

		for (size_t k = 0; p && k < p->ingest_count; k++)
			if (slice_equal(product->domain, source->domain) &&
				slice_equal(p->ingest[k].source, source->name)) {
				rebuild_product(arena, list, product, source->at.path);
				break;
			}
	}
}

/* Products whose data the changed file makes old. */
static void add_rebuilds(
	struct arena *arena, changes *list, const struct manifest_set *set, struct slice path)
{
	const struct manifest_product *product = product_at(set, path);
	const struct manifest_source *source = source_at(set, path);

	if (product)
		rebuild_product(arena, list, product, path);
	if (source)
		rebuild_readers(arena, list, set, source);
}

static void compare_file(struct arena *arena, changes *list, const struct manifest_file *old,
	const struct manifest_file *file, struct slices details)
{
	tree_changes changed = {0};

	if (old && !slice_ends_with(file->path, SLICE(".sql")))
		changed = tree_diff(arena, old->text, file->text);
	add_details(arena, &details, &changed);
	add_change(arena, list, old ? MANIFEST_CHANGE : MANIFEST_CREATE, file->path, details);
	list->items[list->len - 1].data =
		old ? rebuilds(kind_of(file->path), &changed)
		    : strcmp(kind_of(file->path), "Transform") == 0 ||
				strcmp(kind_of(file->path), "DataContract") == 0 ||
				strcmp(kind_of(file->path), "Pipeline") == 0;
}

void manifest_diff(struct arena *arena, const struct manifest_side *old_side,
	const struct manifest_side *new_side, struct manifest_step **out, size_t *count_out)
{
	struct map before = files_by_path(arena, old_side);
	struct map after = files_by_path(arena, new_side);
	changes list = {0};

	for (size_t i = 0; i < new_side->count; i++) {
		const struct manifest_file *file = &new_side->files[i];
		const struct manifest_file *old = map_get(&before, file->path);

		if (old && slice_equal(old->text, file->text))
			continue;
		compare_file(arena, &list, old, file,
			contract_details(arena, old_side->set, new_side->set, file->path));
	}
	for (size_t i = 0; i < old_side->count; i++)
		if (!map_get(&after, old_side->files[i].path))
			add_change(arena, &list, MANIFEST_REMOVE, old_side->files[i].path,
				(struct slices){0});
	for (size_t i = 0, direct = list.len; i < direct; i++)
		if (list.items[i].data)
			add_rebuilds(arena, &list, new_side->set, list.items[i].path);
	if (list.len)
		qsort(list.items, list.len, sizeof *list.items, compare_changes);
	*out = list.items;
	*count_out = list.len;
}

/* Types that a reader of the old one can take: the new one holds every old value, and SQL treats it
 * alike. */
static bool widens(struct slice from, struct slice to)
{
	static const char *const CHAINS[][6] = {
		{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", NULL},
		{"FLOAT", "DOUBLE", NULL, NULL, NULL, NULL},
	};

	for (size_t c = 0; c < array_len(CHAINS); c++) {
		bool seen = false;

		for (size_t i = 0; i < array_len(CHAINS[c]) && CHAINS[c][i]; i++) {
			if (seen && slice_equal_c(to, CHAINS[c][i]))
				return true;
			seen = seen || slice_equal_c(from, CHAINS[c][i]);
		}
	}
	return false;
}

typedef VEC(struct manifest_break) breaks;

struct comparison {
	struct arena *arena;
	breaks *out;
	struct slice domain;
	struct slice table;
};

static void add_break(struct comparison *c, struct slice column, struct slice what, struct mark at)
{
	vec_push(c->arena, c->out, (struct manifest_break){c->domain, c->table, column, what, at});
}

static void compare_columns(
	struct comparison *c, const struct manifest_schema *old, const struct manifest_schema *new)
{
	for (size_t i = 0; i < old->column_count; i++) {
		const struct manifest_column *before = &old->columns[i];
		const struct manifest_column *after = column_in(new, before->name);

		if (!after) {
			add_break(c, before->name, SLICE("removed"), new->at);
			continue;
		}
		if (!slice_equal(before->type, after->type) && !widens(before->type, after->type))
			add_break(c, before->name,
				arena_printf(c->arena, "type %.*s became %.*s",
					SLICE_FMT(before->type), SLICE_FMT(after->type)),
				after->at);
		if (before->required && !after->required)
			add_break(c, before->name, SLICE("was never null, now may be"), after->at);
		if (before->unique && !after->unique)
			add_break(c, before->name, SLICE("was unique, now need not be"), after->at);
		if (before->key_position != after->key_position)
			add_break(c, before->name, SLICE("its place in the primary key changed"),
				after->at);
	}
}

const struct manifest_port *manifest_same_port(
	const struct manifest_product *product, const struct manifest_port *wanted)
{
	for (size_t i = 0; product && i < product->port_count; i++)
		if (slice_equal(product->ports[i].name, wanted->name) &&
			product->ports[i].major == wanted->major)
			return &product->ports[i];
	return NULL;
}

static void compare_port(struct comparison *c, const struct manifest_set *old_set,
	const struct manifest_set *new_set, const struct manifest_product *new_product,
	const struct manifest_port *old_port)
{
	const struct manifest_port *new_port = manifest_same_port(new_product, old_port);
	const struct manifest_schema *old = manifest_port_schema(old_set, old_port);

	c->table = old_port->name;
	if (!new_port) {
		add_break(c, SLICE_NONE, SLICE("the table is gone"), new_product->at);
		return;
	}
	const struct manifest_schema *new = manifest_port_schema(new_set, new_port);

	if (old && new)
		compare_columns(c, old, new);
	else if (old)
		add_break(c, SLICE_NONE, SLICE("the contract is gone"), new_port->at);
}

void manifest_breaking(struct arena *arena, const struct manifest_set *old_set,
	const struct manifest_set *new_set, struct manifest_break **out, size_t *count_out)
{
	breaks list = {0};

	for (size_t i = 0; i < old_set->product_count; i++) {
		const struct manifest_product *old = &old_set->products[i];
		size_t at = manifest_find_product(new_set, old->domain, old->name);
		struct comparison c = {arena, &list, old->domain, SLICE_NONE};

		/* A removed product is the plan's to show; one that is a draft or retired promises
		 * nothing. */
		if (at == SIZE_MAX || slice_equal_c(old->status, "draft") ||
			slice_equal_c(new_set->products[at].status, "retired"))
			continue;
		for (size_t k = 0; k < old->port_count; k++)
			compare_port(&c, old_set, new_set, &new_set->products[at], &old->ports[k]);
	}
	*out = list.items;
	*count_out = list.len;
}
