/*
 * What a policy could be on. A selector that matches nothing today may match tomorrow, so it is a
 * warning; it is most often a misspelt name.
 */
#include "base/str.h"
#include "manifest/read.h"

static bool fits_part(struct slice pattern, struct slice name)
{
	if (pattern.len && pattern.ptr[pattern.len - 1] == '*')
		return name.len >= pattern.len - 1 &&
		       slice_equal_nocase(slice_sub(pattern, 0, pattern.len - 1),
			       slice_sub(name, 0, pattern.len - 1));
	return slice_equal_nocase(pattern, name);
}

/* Part by part from the right: "orders" and "sales.orders" both fit sales.orders. */
static bool fits(struct slice pattern, const struct slice *parts, size_t count)
{
	struct slice rest = pattern;
	struct slice found[4];
	size_t len = 0;

	if (slice_equal_c(pattern, "*"))
		return true;
	while (!slice_is_none(rest) && len < array_len(found))
		found[len++] = slice_split(&rest, '.');
	if (!slice_is_none(rest) || len > count)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!fits_part(found[len - 1 - i], parts[count - 1 - i]))
			return false;
	return true;
}

struct candidates {
	struct slices products; /* bare and with their domain, for suggestions */
	struct slices tables;
	struct slices columns;
	struct slices tags;
	struct slices classifications;
};

enum selector { ON_PRODUCT, ON_TABLE, ON_COLUMN };

static bool fits_schema(const struct manifest_schema *schema, struct slice pattern,
	const struct manifest_product *product)
{
	for (size_t i = 0; i < schema->column_count; i++) {
		struct slice column = schema->columns[i].name;
		if (fits(pattern, (struct slice[]){product->domain, schema->name, column}, 3) ||
			fits(pattern,
				(struct slice[]){
					product->domain, product->name, schema->name, column},
				4))
			return true;
	}
	return false;
}

static bool fits_port(struct reading *r, const struct manifest_product *product,
	const struct manifest_port *port, struct slice pattern, enum selector selector)
{
	const struct manifest_set set = {
		.contracts = r->contracts.items, .contract_count = r->contracts.len};
	const struct manifest_schema *schema = manifest_port_schema(&set, port);

	if (selector == ON_TABLE)
		return fits(pattern, (struct slice[]){product->domain, port->name}, 2) ||
		       fits(pattern, (struct slice[]){product->domain, product->name, port->name},
			       3);
	return schema && fits_schema(schema, pattern, product);
}

static bool selects(struct reading *r, const struct manifest_policy *policy, struct slice pattern,
	enum selector selector)
{
	vec_each (struct manifest_product, product, &r->products) {
		if (policy->domain.len && !slice_equal(policy->domain, product->domain))
			continue;
		if (selector == ON_PRODUCT &&
			fits(pattern, (struct slice[]){product->domain, product->name}, 2))
			return true;
		for (size_t i = 0; selector != ON_PRODUCT && i < product->port_count; i++)
			if (fits_port(r, product, &product->ports[i], pattern, selector))
				return true;
	}
	return false;
}

static void warn(struct reading *r, const struct manifest_policy *policy, const char *what,
	struct slice name, const struct slices *known)
{
	manifest_problem_add(r->problems, policy->at, true,
		arena_printf(r->arena, "policy \"%.*s\": %s \"%.*s\" matches nothing",
			SLICE_FMT(policy->name), what, SLICE_FMT(name)),
		SLICE_NONE, nearest_name(r->arena, name, known));
}

static void check_names(struct reading *r, const struct manifest_policy *policy,
	const struct slices *names, enum selector selector, const struct slices *known)
{
	static const char *const WHAT[] = {"product", "table", "column"};

	for (size_t i = 0; i < names->len; i++)
		if (!selects(r, policy, names->items[i], selector))
			warn(r, policy, WHAT[selector], names->items[i], known);
}

static void check_labels(struct reading *r, const struct manifest_policy *policy,
	const struct slices *names, const char *what, const struct slices *known)
{
	for (size_t i = 0; i < names->len; i++) {
		bool found = false;

		for (size_t k = 0; k < known->len && !found; k++)
			found = slice_equal_nocase(names->items[i], known->items[k]);
		if (!found)
			warn(r, policy, what, names->items[i], known);
	}
}

static void add_all(struct arena *arena, struct slices *to, const struct slices *from)
{
	for (size_t i = 0; i < from->len; i++)
		vec_push(arena, to, from->items[i]);
}

static void collect_schema(struct reading *r, const struct manifest_schema *s, struct candidates *c)
{
	add_all(r->arena, &c->tags, &s->tags);
	for (size_t i = 0; i < s->column_count; i++) {
		vec_push(r->arena, &c->columns, s->columns[i].name);
		add_all(r->arena, &c->tags, &s->columns[i].tags);
		if (s->columns[i].classification.len)
			vec_push(r->arena, &c->classifications, s->columns[i].classification);
	}
}

static void collect_product(
	struct reading *r, const struct manifest_product *p, struct candidates *c)
{
	vec_push(r->arena, &c->products, p->name);
	vec_push(r->arena, &c->products,
		arena_printf(r->arena, "%.*s.%.*s", SLICE_FMT(p->domain), SLICE_FMT(p->name)));
	add_all(r->arena, &c->tags, &p->tags);
	for (size_t i = 0; i < p->port_count; i++)
		vec_push(r->arena, &c->tables,
			arena_printf(r->arena, "%.*s.%.*s", SLICE_FMT(p->domain),
				SLICE_FMT(p->ports[i].name)));
}

/* Of one domain, or of the mesh for none: who may change a domain's policies need not know what
 * other domains have. */
static struct candidates collect(struct reading *r, struct slice domain)
{
	struct candidates c = {0};

	vec_each (struct manifest_product, p, &r->products)
		if (domain.len == 0 || slice_equal(domain, p->domain))
			collect_product(r, p, &c);
	vec_each (struct manifest_contract, contract, &r->contracts)
		for (size_t i = 0; i < contract->schema_count; i++)
			if (domain.len == 0 || slice_equal(domain, contract->domain))
				collect_schema(r, &contract->schemas[i], &c);
	return c;
}

/* Purposes are checked where the vocabulary declares some. */
static void check_purposes(struct reading *r, const struct manifest_policy *policy,
	const struct manifest_who *who, size_t count)
{
	struct slices known = {0};

	vec_each (struct manifest_term, term, &r->terms)
		if (term->kind == TERM_PURPOSE)
			vec_push(r->arena, &known, term->name);
	for (size_t i = 0; i < count && known.len; i++)
		check_labels(r, policy, &who[i].purposes, "purpose", &known);
}

void check_policies(struct reading *r)
{
	const struct candidates mesh = collect(r, SLICE_NONE);

	vec_each (struct manifest_policy, p, &r->policies) {
		const struct candidates known = p->domain.len ? collect(r, p->domain) : mesh;

		check_names(r, p, &p->products, ON_PRODUCT, &known.products);
		check_names(r, p, &p->tables, ON_TABLE, &known.tables);
		check_names(r, p, &p->columns, ON_COLUMN, &known.columns);
		check_labels(r, p, &p->tags, "tag", &known.tags);
		check_labels(r, p, &p->classifications, "classification", &known.classifications);
		check_labels(r, p, &p->group_by, "column", &known.columns);
		if (p->subject.len)
			check_labels(r, p, &(struct slices){.items = &p->subject, .len = 1},
				"column", &known.columns);
		check_purposes(r, p, p->to, p->to_count);
		check_purposes(r, p, p->unless, p->unless_count);
	}
}
