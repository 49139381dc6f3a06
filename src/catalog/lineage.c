/*
 * What a transform reads, told from its tokens: domain.table anywhere, and a bare name of the same
 * domain behind FROM or JOIN. For lineage, triggers and impact only; what a transform may read is
 * decided by the gate and the policies when it runs.
 */
#include "base/vec.h"
#include "catalog/build-private.h"
#include "sql/lexer.h"

typedef VEC(struct model_edge) edges_vec;

static void add_edge(struct building *b, edges_vec *edges, size_t first,
	const struct model_table *from, const struct model_table *to)
{
	if (!from || from == to)
		return;
	for (size_t i = first; i < edges->len; i++)
		if (edges->items[i].from == from)
			return;
	vec_push(b->arena, edges, ((struct model_edge){.from = from, .to = to}));
}

static const struct model_table *find(
	const struct building *b, struct slice schema, struct slice name)
{
	return map_get(&b->model->by_name, model_key(b->arena, schema, name));
}

static bool is_name(struct token t)
{
	return t.kind == TOKEN_WORD || t.kind == TOKEN_IDENT;
}

static void scan_transform(struct building *b, const struct model_table *to, edges_vec *edges)
{
	struct lexer lexer = lexer_of(to->transform);
	size_t first = edges->len;
	bool after_from = false;

	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END && t.kind != TOKEN_ERROR;
		t = lexer_next(&lexer)) {
		bool dotted = is_name(t) && token_is_punct(lexer_peek(&lexer), '.');

		if (dotted) {
			struct slice schema = token_value(b->arena, t);

			lexer_next(&lexer);
			t = lexer_next(&lexer);
			add_edge(b, edges, first, find(b, schema, token_value(b->arena, t)), to);
		} else if (after_from && is_name(t)) {
			add_edge(b, edges, first,
				find(b, to->product->domain->name, token_value(b->arena, t)), to);
		}
		after_from = token_is_word(t, "from") || token_is_word(t, "join") ||
			     token_is_punct(t, ',');
	}
}

static void add_input(
	struct building *b, struct model_product *to, const struct model_product *from)
{
	for (size_t i = 0; i < to->input_count; i++)
		if (to->inputs[i] == from)
			return;
	if (from == to)
		return;
	if (!to->inputs)
		to->inputs =
			arena_array_of(b->arena, struct model_product *, b->model->product_count);
	to->inputs[to->input_count++] = &b->model->products[from - b->model->products];
}

void build_lineage(struct building *b)
{
	edges_vec edges = {0};
	struct model *m = b->model;

	for (size_t i = 0; i < m->table_count; i++)
		if (m->tables[i].transform.len)
			scan_transform(b, &m->tables[i], &edges);
	m->edges = edges.items;
	m->edge_count = edges.len;
	for (size_t i = 0; i < edges.len; i++)
		add_input(b, &m->products[edges.items[i].to->product - m->products],
			edges.items[i].from->product);
}
