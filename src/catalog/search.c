/*
 * Search and "did you mean": only ever over what the principal may know of, so that an answer
 * cannot tell of hidden things. The order is: exact name, then columns, then the rest.
 */
#include <stdlib.h>

#include "base/num.h"
#include "base/vec.h"
#include "catalog/model.h"

enum score {
	SCORE_NAME = 1000,
	SCORE_NAME_PREFIX = 800,
	SCORE_NAME_PART = 600,
	SCORE_COLUMN = 500,
	SCORE_COLUMN_PART = 300,
	SCORE_TAG = 250,
	SCORE_DESCRIPTION = 100,
	PENALTY_OLD = 50, /* deprecated, retired: below their like */
};

typedef VEC(struct model_hit) hits_vec;

static bool contains(struct slice text, struct slice part)
{
	for (size_t i = 0; i + part.len <= text.len; i++)
		if (slice_equal_nocase(slice_sub(text, i, i + part.len), part))
			return true;
	return false;
}

static int name_score(struct slice name, struct slice text)
{
	if (slice_equal_nocase(name, text))
		return SCORE_NAME;
	if (slice_equal_nocase(slice_sub(name, 0, text.len), text))
		return SCORE_NAME_PREFIX;
	return contains(name, text) ? SCORE_NAME_PART : 0;
}

static void better(struct model_hit *hit, int score, struct slice why, struct slice column)
{
	if (score <= hit->score)
		return;
	hit->score = score;
	hit->why = why;
	hit->column = column;
}

static void match_tags(struct arena *arena, struct model_hit *hit, const struct slice *tags,
	size_t count, struct slice text)
{
	for (size_t i = 0; i < count; i++)
		if (contains(tags[i], text))
			better(hit, SCORE_TAG, arena_printf(arena, "tag %.*s", SLICE_FMT(tags[i])),
				SLICE_NONE);
}

static void match_columns(struct arena *arena, struct model_hit *hit,
	const struct model_access *access, struct slice text)
{
	const struct model_table *t = access->table;

	for (size_t i = 0; i < t->column_count; i++) {
		const struct model_column *c = &t->columns[i];
		struct slice why = arena_printf(arena, "column %.*s", SLICE_FMT(c->name));

		if (access->decision.masks && access->decision.masks[i].denied)
			continue;
		if (slice_equal_nocase(c->name, text))
			better(hit, SCORE_COLUMN, why, c->name);
		else if (contains(c->name, text))
			better(hit, SCORE_COLUMN_PART, why, c->name);
		else if (contains(c->description, text))
			better(hit, SCORE_DESCRIPTION, why, c->name);
	}
}

static void match_table(struct arena *arena, struct model_hit *hit,
	const struct model_access *access, struct slice text)
{
	const struct model_table *t = access->table;
	struct slice full = arena_printf(
		arena, "%.*s.%.*s", SLICE_FMT(t->product->domain->name), SLICE_FMT(t->name));

	better(hit, max_of(name_score(t->name, text), name_score(full, text)), SLICE("name"),
		SLICE_NONE);
	match_columns(arena, hit, access, text);
	if (contains(t->description, text))
		better(hit, SCORE_DESCRIPTION, SLICE("description"), SLICE_NONE);
}

static void match_product(struct arena *arena, struct model_hit *hit, const struct model_product *p,
	struct slice text)
{
	better(hit, max_of(name_score(p->name, text), name_score(p->full_name, text)),
		SLICE("name"), SLICE_NONE);
	match_tags(arena, hit, p->tags, p->tag_count, text);
	if (contains(p->description, text))
		better(hit, SCORE_DESCRIPTION, SLICE("description"), SLICE_NONE);
}

int model_hit_order(const struct model_hit *x, const struct model_hit *y)
{
	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	int order = slice_compare(x->product->full_name, y->product->full_name);

	return order ? order : (x->table != NULL) - (y->table != NULL);
}

static int by_score(const void *a, const void *b)
{
	return model_hit_order(a, b);
}

static void add_hit(struct arena *arena, hits_vec *hits, struct model_hit hit)
{
	if (hit.score == 0)
		return;
	if (hit.product->status > MODEL_ACTIVE)
		hit.score -= PENALTY_OLD;
	vec_push(arena, hits, hit);
}

static void match(struct arena *arena, struct model_hit *hit, const struct model_access *access,
	struct slice text)
{
	if (access)
		match_table(arena, hit, access, text);
	else
		match_product(arena, hit, hit->product, text);
}

/* The text as it is, or all its words; these are worth what the worst of them is. access NULL: the
 * product itself. */
static void match_words(struct arena *arena, struct model_hit *hit,
	const struct model_access *access, struct slice text)
{
	struct model_hit worst = *hit;
	worst.score = SCORE_NAME;
	match(arena, hit, access, text);
	if (hit->score || slice_find(text, SLICE(" "), 0) == SIZE_MAX)
		return;
	for (struct slice rest = text, word; worst.score && !slice_is_none(rest);) {
		word = slice_split(&rest, ' ');
		struct model_hit one = {.product = hit->product, .table = hit->table};
		if (word.len == 0)
			continue;
		match(arena, &one, access, word);
		if (one.score <= worst.score)
			worst = one;
	}
	if (worst.score)
		*hit = worst;
}

size_t model_search(struct arena *arena, const struct model *model,
	const struct principal *principal, struct slice text, struct model_hit **hits_out)
{
	hits_vec hits = {0};

	text = slice_trim(text);
	for (size_t i = 0; text.len && i < model->product_count; i++) {
		const struct model_product *p = &model->products[i];
		struct model_hit hit = {.product = p};

		if (!model_sees_product(model, principal, p))
			continue;
		match_words(arena, &hit, NULL, text);
		add_hit(arena, &hits, hit);
	}
	for (size_t i = 0; text.len && i < model->table_count; i++) {
		struct model_access access;
		struct model_hit hit = {
			.product = model->tables[i].product, .table = &model->tables[i]};

		if (!model->tables[i].newest_major || model_table_access(arena, hit.table, model,
							      principal, &access) == MODEL_ABSENT)
			continue;
		match_words(arena, &hit, &access, text);
		add_hit(arena, &hits, hit);
	}
	if (hits.len)
		qsort(hits.items, hits.len, sizeof *hits.items, by_score);
	*hits_out = hits.items;
	return hits.len;
}

/* Nearer than a third of the name, or it is no help. */
static size_t limit_of(struct slice name)
{
	return min_of(name.len / 3 + 1, (size_t)4);
}

struct slice model_suggest_table(struct arena *arena, const struct model *model,
	const struct principal *principal, struct slice schema, struct slice name)
{
	const struct model_table *best = NULL;
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < model->table_count; i++) {
		const struct model_table *t = &model->tables[i];
		struct slice domain = t->product->domain->name;
		size_t distance = slice_distance(t->name, name, limit_of(name));

		if (!t->newest_major || distance > limit_of(name))
			continue;
		if (schema.len) {
			size_t other = slice_distance(domain, schema, limit_of(schema));

			/* The right name in another domain is a good guess too. */
			if (other > limit_of(schema) && distance > 0)
				continue;
			distance += other;
		}
		if (distance < best_distance && model_sees_table(model, principal, t)) {
			best = t;
			best_distance = distance;
		}
	}
	if (!best)
		return SLICE_NONE;
	return arena_printf(
		arena, "%.*s.%.*s", SLICE_FMT(best->product->domain->name), SLICE_FMT(best->name));
}
