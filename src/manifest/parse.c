/*
 * A whole mesh: each file is read by the kind that its place says, then references between files
 * are checked. All problems are collected and sorted, so that a user sees them at once and in the
 * order of the files.
 */
#include <stdlib.h>

#include "base/map.h"
#include "base/str.h"
#include "manifest/read.h"
#include "manifest/shape.h"

enum { MAX_FILES = 100000, MAX_PROBLEMS = 500, MAX_PATH_BYTES = 512 };

void manifest_problem_add(struct manifest_problems *problems, struct mark at, bool warning,
	struct slice message, struct slice expected, struct slice hint)
{
	problems->errors += !warning;
	if (problems->len >= MAX_PROBLEMS)
		return;
	vec_push(problems->arena, problems,
		(struct manifest_problem){at, message, expected, hint, warning});
}

static void problem(struct reading *r, struct mark at, struct slice message, const char *expected)
{
	manifest_problem_add(r->problems, at, false, message,
		expected ? slice_from_c(expected) : SLICE_NONE, SLICE_NONE);
}

/* The parts of "domains/sales/orders/product.yaml". */
struct parts {
	struct slice part[6];
	size_t count;
};

static bool path_is_clean(struct slice path)
{
	struct slice rest = path;

	if (path.len == 0 || path.len > MAX_PATH_BYTES || path.ptr[0] == '/' ||
		memchr(path.ptr, 0, path.len) || memchr(path.ptr, '\\', path.len) ||
		!slice_is_utf8(path))
		return false;
	while (!slice_is_none(rest)) {
		struct slice part = slice_split(&rest, '/');

		if (part.len == 0 || slice_equal_c(part, ".") || slice_equal_c(part, ".."))
			return false;
	}
	return true;
}

static struct parts split_path(struct slice path)
{
	struct parts parts = {0};
	struct slice rest = path;

	while (!slice_is_none(rest) && parts.count < array_len(parts.part))
		parts.part[parts.count++] = slice_split(&rest, '/');
	if (!slice_is_none(rest))
		parts.count = 0;
	return parts;
}

static bool is_yaml(struct slice name)
{
	return slice_ends_with(name, SLICE(".yaml")) || slice_ends_with(name, SLICE(".yml"));
}

enum place {
	PLACE_MESH,
	PLACE_POLICY,
	PLACE_VOCABULARY,
	PLACE_DOMAIN,
	PLACE_SOURCE,
	PLACE_PRODUCT,
	PLACE_CONTRACT,
	PLACE_PIPELINE,
	PLACE_TRANSFORM,
	PLACE_OTHER, /* README.md, governance/rules, dashboards: kept, not read */
	PLACE_WRONG,
};

static enum place product_place(struct slice name)
{
	if (slice_equal_c(name, "product.yaml"))
		return PLACE_PRODUCT;
	if (slice_equal_c(name, "pipeline.yaml"))
		return PLACE_PIPELINE;
	if (slice_ends_with(name, SLICE(".odcs.yaml")))
		return PLACE_CONTRACT;
	return slice_ends_with(name, SLICE(".sql")) ? PLACE_TRANSFORM : PLACE_WRONG;
}

static enum place place_of(const struct parts *p)
{
	struct slice last = p->count ? p->part[p->count - 1] : SLICE("");
	bool yaml = is_yaml(last);

	if (slice_ends_with(last, SLICE(".md")))
		return PLACE_OTHER;
	if (p->count == 1)
		return slice_equal_c(last, "mesh.yaml") ? PLACE_MESH : PLACE_WRONG;
	if (slice_equal_c(p->part[0], "governance")) {
		if (p->count == 2 && slice_equal_c(last, "vocabulary.yaml"))
			return PLACE_VOCABULARY;
		if (p->count == 3 && slice_equal_c(p->part[1], "policies") && yaml)
			return PLACE_POLICY;
		return p->count == 3 && slice_equal_c(p->part[1], "rules") ? PLACE_OTHER
									   : PLACE_WRONG;
	}
	if (!slice_equal_c(p->part[0], "domains"))
		return PLACE_WRONG;
	if (p->count == 3)
		return slice_equal_c(last, "domain.yaml") ? PLACE_DOMAIN : PLACE_WRONG;
	if (p->count != 4)
		return PLACE_WRONG;
	if (slice_equal_c(p->part[2], "policies"))
		return yaml ? PLACE_POLICY : PLACE_WRONG;
	if (slice_equal_c(p->part[2], "sources"))
		return yaml ? PLACE_SOURCE : PLACE_WRONG;
	if (slice_equal_c(p->part[2], "dashboards"))
		return PLACE_OTHER;
	return product_place(last);
}

static const struct shape *shape_of(enum place place)
{
	switch (place) {
	case PLACE_MESH: return &shape_mesh;
	case PLACE_POLICY: return &shape_policy;
	case PLACE_VOCABULARY: return &shape_vocabulary;
	case PLACE_DOMAIN: return &shape_domain;
	case PLACE_SOURCE: return &shape_source;
	case PLACE_PRODUCT: return &shape_product;
	case PLACE_CONTRACT: return &shape_contract;
	case PLACE_PIPELINE: return &shape_pipeline;
	case PLACE_TRANSFORM:
	case PLACE_OTHER:
	case PLACE_WRONG: break;
	}
	return NULL;
}

static void read_tree(
	struct reading *r, enum place place, const struct node *root, const struct parts *p)
{
	struct slice folder = slice_folder(root->at.path);
	struct slice domain = p->count > 2 ? p->part[1] : SLICE_NONE;

	switch (place) {
	case PLACE_MESH: read_mesh(r, root); break;
	case PLACE_POLICY:
		read_policy(r, root, slice_equal_c(p->part[0], "domains") ? domain : SLICE_NONE);
		break;
	case PLACE_VOCABULARY: read_vocabulary(r, root); break;
	case PLACE_DOMAIN: read_domain(r, root, domain); break;
	case PLACE_SOURCE: read_source(r, root, domain); break;
	case PLACE_PRODUCT: read_product(r, root, domain, folder); break;
	case PLACE_CONTRACT: read_contract(r, root, domain); break;
	case PLACE_PIPELINE: read_pipeline(r, root, folder); break;
	case PLACE_TRANSFORM:
	case PLACE_OTHER:
	case PLACE_WRONG: break;
	}
}

static void read_file(struct reading *r, const struct manifest_file *file)
{
	struct mark at = {file->path, 0, 0};
	struct parts parts;

	if (!path_is_clean(file->path)) {
		problem(r, at, SLICE("this is no path of a manifest"),
			"a relative path without ..");
		return;
	}
	parts = split_path(file->path);
	enum place place = place_of(&parts);

	if (place == PLACE_WRONG)
		problem(r, at, SLICE("no manifest belongs here"),
			"mesh.yaml, governance/, domains/<domain>/… (docs/manifests.md)");
	const struct shape *shape = shape_of(place);

	if (!shape)
		return;
	const struct node *root = yaml_parse(r->arena, file, r->problems);

	if (!root)
		return;
	shape_check(r->arena, shape, root, r->problems);
	if (root->kind == NODE_MAPPING)
		read_tree(r, place, root, &parts);
}

static void check_paths(struct reading *r, const struct manifest_file *files, size_t count)
{
	struct map seen = map_in(r->arena);

	for (size_t i = 0; i < count; i++)
		if (map_put(&seen, files[i].path, &seen))
			problem(r, (struct mark){files[i].path, 0, 0},
				SLICE("the file is given twice"), "each path once");
}

/* A second thing of the same name; the first one is in the map. */
static void unique(struct reading *r, struct map *seen, const char *what, struct slice name,
	const struct mark *at)
{
	struct slice key = arena_printf(r->arena, "%s %.*s", what, SLICE_FMT(name));
	const struct mark *first = map_get(seen, key);

	if (!first) {
		struct mark *copy = arena_new_of(r->arena, struct mark);

		*copy = *at;
		map_put(seen, key, copy);
		return;
	}
	problem(r, *at,
		arena_printf(r->arena, "%s \"%.*s\" stands in %.*s already", what, SLICE_FMT(name),
			SLICE_FMT(first->path)),
		"each name once");
}

static struct slice dotted(struct reading *r, struct slice a, struct slice b)
{
	return arena_printf(r->arena, "%.*s.%.*s", SLICE_FMT(a), SLICE_FMT(b));
}

static void check_unique(struct reading *r)
{
	struct map seen = map_in(r->arena);

	vec_each (struct manifest_source, s, &r->sources)
		unique(r, &seen, "source", dotted(r, s->domain, s->name), &s->at);
	vec_each (struct manifest_policy, p, &r->policies)
		unique(r, &seen, "policy",
			dotted(r, p->domain.len ? p->domain : SLICE("mesh"), p->name), &p->at);
	vec_each (struct manifest_contract, c, &r->contracts)
		unique(r, &seen, "contract",
			arena_printf(r->arena, "%.*s.%.*s@%d", SLICE_FMT(c->domain),
				SLICE_FMT(c->id), c->major),
			&c->at);
	vec_each (struct manifest_product, p, &r->products) {
		unique(r, &seen, "product", dotted(r, p->domain, p->name), &p->at);
		for (size_t i = 0; i < p->port_count; i++)
			unique(r, &seen, "table",
				arena_printf(r->arena, "%.*s.%.*s@%d", SLICE_FMT(p->domain),
					SLICE_FMT(p->ports[i].name), p->ports[i].major),
				&p->ports[i].at);
	}
}

/* By id and, where several majors share an id, by major. */
static size_t find_contract(
	struct reading *r, struct slice domain, const struct manifest_port *port)
{
	for (size_t i = 0; i < r->contracts.len; i++)
		if (slice_equal(r->contracts.items[i].domain, domain) &&
			slice_equal(r->contracts.items[i].id, port->contract_id) &&
			r->contracts.items[i].major == port->major)
			return i;
	return SIZE_MAX;
}

static void link_ports(struct reading *r, struct manifest_product *product)
{
	for (size_t i = 0; i < product->port_count; i++) {
		struct manifest_port *port = &product->ports[i];

		port->contract = find_contract(r, product->domain, port);
		if (port->contract == SIZE_MAX)
			problem(r, port->at,
				arena_printf(r->arena,
					"port \"%.*s\" has no contract \"%.*s\" of version %d",
					SLICE_FMT(port->name), SLICE_FMT(port->contract_id),
					port->major),
				"a <port>.odcs.yaml in the domain with that id and major version");
	}
}

static struct manifest_pipeline *pipeline_of(struct reading *r, struct slice folder)
{
	vec_each (struct manifest_pipeline, p, &r->pipelines)
		if (slice_equal(p->folder, folder))
			return p;
	return NULL;
}

static bool has_port(const struct manifest_product *product, struct slice table)
{
	for (size_t i = 0; i < product->port_count; i++)
		if (port_is_named(&product->ports[i], table))
			return true;
	return false;
}

static bool has_source(struct reading *r, struct slice domain, struct slice name)
{
	vec_each (struct manifest_source, s, &r->sources)
		if (slice_equal(s->domain, domain) && slice_equal(s->name, name))
			return true;
	return false;
}

static void check_source(
	struct reading *r, const struct manifest_product *product, const struct manifest_ingest *in)
{
	struct slices names = {0};

	if (has_source(r, product->domain, in->source))
		return;
	vec_each (struct manifest_source, s, &r->sources)
		if (slice_equal(s->domain, product->domain))
			vec_push(r->arena, &names, s->name);
	manifest_problem_add(r->problems, in->at, false,
		arena_printf(r->arena, "there is no source \"%.*s\" in the domain",
			SLICE_FMT(in->source)),
		SLICE("the name of a file in sources/"),
		nearest_name(r->arena, in->source, &names));
}

static void check_pipeline(struct reading *r, const struct manifest_product *product,
	const struct manifest_pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->ingest_count; i++) {
		const struct manifest_ingest *in = &pipeline->ingest[i];

		if (in->table.len && !has_port(product, in->table))
			problem(r, in->at,
				arena_printf(r->arena,
					"table \"%.*s\" is no output port of the product",
					SLICE_FMT(in->table)),
				"the name of a port in product.yaml");
		if (in->source.len)
			check_source(r, product, in);
	}
	for (size_t i = 0; i < pipeline->transform_count; i++) {
		const struct manifest_transform *t = &pipeline->transforms[i];
		struct mark at = {t->path, 0, 0};

		if (!has_port(product, t->table))
			problem(r, at,
				arena_printf(r->arena,
					"the transform is for no output port: \"%.*s\"",
					SLICE_FMT(t->table)),
				"<table>.sql, named as a port in product.yaml");
	}
}

/* .sql files of product folders become transforms of the folder's pipeline; a folder without one
 * gets one. */
static void add_transforms(struct reading *r, const struct manifest_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct parts parts = split_path(files[i].path);

		if (!path_is_clean(files[i].path) || place_of(&parts) != PLACE_TRANSFORM)
			continue;
		struct slice name = parts.part[3];
		struct slice folder = slice_folder(files[i].path);
		struct manifest_pipeline *pipeline = pipeline_of(r, folder);

		if (!pipeline) {
			vec_push(r->arena, &r->pipelines,
				(struct manifest_pipeline){.at = {files[i].path, 0, 0},
					.folder = folder,
					.trigger = TRIGGER_ANY,
					.retry_backoff_us = 10000000});
			pipeline = &r->pipelines.items[r->pipelines.len - 1];
		}
		pipeline->transforms = arena_grow(r->arena, pipeline->transforms,
			pipeline->transform_count * sizeof *pipeline->transforms,
			(pipeline->transform_count + 1) * sizeof *pipeline->transforms);
		pipeline->transforms[pipeline->transform_count++] = (struct manifest_transform){
			files[i].path, slice_sub(name, 0, name.len - 4), files[i].text};
	}
}

static void link_products(struct reading *r)
{
	vec_each (struct manifest_product, product, &r->products) {
		struct manifest_pipeline *pipeline = pipeline_of(r, product->folder);

		link_ports(r, product);
		if (!pipeline)
			continue;
		product->pipeline = (size_t)(pipeline - r->pipelines.items);
		check_pipeline(r, product, pipeline);
	}
	vec_each (struct manifest_pipeline, pipeline, &r->pipelines) {
		bool used = false;

		vec_each (struct manifest_product, product, &r->products)
			used = used || slice_equal(product->folder, pipeline->folder);
		if (!used)
			problem(r, pipeline->at, SLICE("there is no product.yaml beside this"),
				NULL);
	}
}

static bool has_domain_file(const struct manifest_file *files, size_t count, struct slice path)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(files[i].path, path))
			return true;
	return false;
}

/* A file below domains/<d>/ needs its domain.yaml. */
static void check_domains(struct reading *r, const struct manifest_file *files, size_t count)
{
	struct map told = map_in(r->arena);

	for (size_t i = 0; i < count; i++) {
		struct parts parts = split_path(files[i].path);

		if (parts.count < 3 || !slice_equal_c(parts.part[0], "domains") ||
			map_get(&told, parts.part[1]))
			continue;
		struct slice wanted = arena_printf(
			r->arena, "domains/%.*s/domain.yaml", SLICE_FMT(parts.part[1]));

		map_put(&told, parts.part[1], &told);
		if (!has_domain_file(files, count, wanted))
			problem(r, (struct mark){files[i].path, 0, 0},
				arena_printf(r->arena, "domain \"%.*s\" has no domain.yaml",
					SLICE_FMT(parts.part[1])),
				wanted.ptr);
	}
}

static int compare_problems(const void *a, const void *b)
{
	const struct manifest_problem *x = a;
	const struct manifest_problem *y = b;
	int order = slice_compare(x->at.path, y->at.path);

	if (order == 0)
		order = (x->at.line > y->at.line) - (x->at.line < y->at.line);
	if (order == 0)
		order = (x->at.column > y->at.column) - (x->at.column < y->at.column);
	return order;
}

void manifest_problems_sort(struct manifest_problems *problems)
{
	if (problems->len)
		qsort(problems->items, problems->len, sizeof *problems->items, compare_problems);
}

static void fill_set(struct reading *r, struct manifest_set *out)
{
	*out = (struct manifest_set){
		.mesh = r->mesh,
		.domains = r->domains.items,
		.domain_count = r->domains.len,
		.sources = r->sources.items,
		.source_count = r->sources.len,
		.products = r->products.items,
		.product_count = r->products.len,
		.contracts = r->contracts.items,
		.contract_count = r->contracts.len,
		.pipelines = r->pipelines.items,
		.pipeline_count = r->pipelines.len,
		.policies = r->policies.items,
		.policy_count = r->policies.len,
		.terms = r->terms.items,
		.term_count = r->terms.len,
	};
	index_set(r->arena, out);
}

/* A node that joined a mesh and has no domain yet has nothing but its policies. */
static bool is_governance_only(const struct manifest_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!slice_starts_with(files[i].path, SLICE("governance/")))
			return false;
	return count > 0;
}

bool manifest_parse(struct arena *arena, const struct manifest_file *files, size_t count,
	struct manifest_set *out, struct manifest_problems *problems)
{
	struct reading r = {.arena = arena, .problems = problems};

	problems->arena = arena;
	if (count > MAX_FILES) {
		problem(&r, (struct mark){SLICE("mesh.yaml"), 0, 0}, SLICE("too many files"),
			"at most 100000");
		count = 0;
	}
	for (size_t i = 0; i < count; i++)
		read_file(&r, &files[i]);
	add_transforms(&r, files, count);
	check_domains(&r, files, count);
	check_paths(&r, files, count);
	check_unique(&r);
	link_products(&r);
	check_set(&r);
	if (!r.mesh && !is_governance_only(files, count))
		problem(&r, (struct mark){SLICE("mesh.yaml"), 0, 0}, SLICE("mesh.yaml is missing"),
			"a file of kind: Mesh at the top");
	manifest_problems_sort(problems);
	fill_set(&r, out);
	return problems->errors == 0;
}
