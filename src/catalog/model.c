/* References, look-ups and what a principal may know of. Pure but for the reference count. */
#include "catalog/model.h"

#include "base/check.h"
#include "catalog/build-private.h"

const struct model *model_ref(const struct model *model)
{
	atomic_fetch_add_explicit(model->refs, 1, memory_order_relaxed);
	return model;
}

void model_unref(const struct model **model)
{
	const struct model *m = *model;

	*model = NULL;
	if (!m || atomic_fetch_sub_explicit(m->refs, 1, memory_order_acq_rel) > 1)
		return;
	struct arena *arena = m->arena; /* the model itself lives in it */

	arena_free(&arena);
}

const struct model_domain *model_domain_find(const struct model *model, struct slice name)
{
	for (size_t i = 0; i < model->domain_count; i++)
		if (slice_equal_nocase(model->domains[i].name, name))
			return &model->domains[i];
	return NULL;
}

const struct model_product *model_product_find(const struct model *model, struct slice full_name)
{
	for (size_t i = 0; i < model->product_count; i++)
		if (slice_equal_nocase(model->products[i].full_name, full_name))
			return &model->products[i];
	return NULL;
}

enum model_lookup model_table_access(struct arena *arena, const struct model_table *table,
	const struct model *model, const struct principal *principal, struct model_access *out)
{
	struct policy_request request = {
		.principal = principal,
		.table = &table->policy,
		.policies = model->policies,
		.policy_count = model->policy_count,
	};
	struct decision decision = policy_decide(arena, &request);

	if (decision.outcome == DECISION_HIDDEN)
		return MODEL_ABSENT;
	*out = (struct model_access){table, decision};
	return decision.outcome == DECISION_ALLOW ? MODEL_FOUND : MODEL_DENIED;
}

enum model_lookup model_table_lookup(struct arena *arena, const struct model *model,
	const struct principal *principal, struct slice schema, struct slice name,
	struct model_access *out)
{
	const struct model_table *table = map_get(&model->by_name, model_key(arena, schema, name));

	return table ? model_table_access(arena, table, model, principal, out) : MODEL_ABSENT;
}

static bool is_among(const struct slice *names, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(names[i], name))
			return true;
	return false;
}

static bool is_one_of(const struct principal *principal, const struct slice *names, size_t count)
{
	if (is_among(names, count, principal->name))
		return true;
	for (size_t i = 0; i < principal->group_count; i++)
		if (is_among(names, count, principal->groups[i]))
			return true;
	return false;
}

bool model_owns_product(const struct principal *principal, const struct model_product *product)
{
	return is_one_of(principal, product->owners, product->owner_count);
}

bool model_owns_domain(const struct principal *principal, const struct model_domain *domain)
{
	return is_one_of(principal, domain->owners, domain->owner_count) ||
	       is_one_of(principal, &domain->team, 1);
}

bool model_sees_table(const struct model *model, const struct principal *principal,
	const struct model_table *table)
{
	scoped(arena_free) struct arena *arena = NULL;
	struct model_access ignored;

	/* What is not hidden may be known: the decision is only needed for the rest, and for
	 * rules that deny. */
	arena = arena_new();
	return model_table_access(arena, table, model, principal, &ignored) != MODEL_ABSENT;
}

bool model_sees_product(const struct model *model, const struct principal *principal,
	const struct model_product *product)
{
	if (!product->hidden || model_owns_product(principal, product))
		return true;
	for (size_t i = 0; i < product->table_count; i++)
		if (model_sees_table(model, principal, product->tables[i]))
			return true;
	return false;
}

bool model_sees_domain(const struct model *model, const struct principal *principal,
	const struct model_domain *domain)
{
	if (!domain->hidden || model_owns_domain(principal, domain))
		return true;
	for (size_t i = 0; i < domain->product_count; i++)
		if (model_sees_product(model, principal, domain->products[i]))
			return true;
	return false;
}

const char *model_status_name(enum model_status status)
{
	static const char *const NAMES[] = {"draft", "active", "deprecated", "retired"};

	return NAMES[status];
}

const char *model_slo_name(enum model_slo_state state)
{
	static const char *const NAMES[] = {"none", "met", "at risk", "breached", "no data"};

	return NAMES[state];
}

/* At risk: the last fifth of the time allowed has begun. */
enum model_slo_state model_slo_state(const struct model_table *table, int64_t now_us)
{
	int64_t allowed = table->slo.freshness_us;

	if (!allowed || (table->slo.frequency_us && table->slo.frequency_us < allowed))
		allowed = table->slo.frequency_us ? table->slo.frequency_us : allowed;
	if (!allowed)
		return SLO_NONE;
	if (!table->version)
		return SLO_NO_DATA;
	int64_t age = now_us - table->published_us;

	return age > allowed ? SLO_BREACHED : age > allowed - allowed / 5 ? SLO_AT_RISK : SLO_MET;
}
