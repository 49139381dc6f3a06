/*
 * Promises that become weaker: allowed, unlike a breaking change, but said before it is applied.
 * Contracts are those of the same port and major version.
 */
#include "manifest/manifest.h"

struct loosening {
	struct arena *arena;
	struct manifest_problems *problems;
	struct slice what; /* "sales.orders", or a domain */
};

static void warn(const struct loosening *l, struct mark at, struct slice promise)
{
	manifest_problem_add(l->problems, at, true,
		arena_printf(l->arena, "%.*s: %.*s", SLICE_FMT(l->what), SLICE_FMT(promise)),
		SLICE_NONE, SLICE("Tell those who read it, or make a new major version."));
}

static bool is_same_sla(const struct manifest_sla *a, const struct manifest_sla *b)
{
	return slice_equal_nocase(a->property, b->property) && slice_equal(a->element, b->element);
}

static bool is_looser_sla(const struct manifest_sla *old, const struct manifest_sla *new)
{
	if (slice_equal_c(old->property, "retention"))
		return new->value_us < old->value_us;
	return new->value_us > old->value_us;
}

static void compare_slas(const struct loosening *l, const struct manifest_contract *old,
	const struct manifest_contract *new)
{
	for (size_t i = 0; i < old->sla_count; i++) {
		const struct manifest_sla *before = &old->slas[i];
		const struct manifest_sla *after = NULL;
		for (size_t k = 0; k < new->sla_count && !after; k++)
			if (is_same_sla(before, &new->slas[k]))
				after = &new->slas[k];
		if (!after)
			warn(l, new->at,
				arena_printf(l->arena, "service level %.*s (%.*s) is gone",
					SLICE_FMT(before->property), SLICE_FMT(before->text)));
		else if (before->value_us && after->value_us && is_looser_sla(before, after))
			warn(l, after->at,
				arena_printf(l->arena,
					"service level %.*s is looser: %.*s became %.*s",
					SLICE_FMT(before->property), SLICE_FMT(before->text),
					SLICE_FMT(after->text)));
	}
}

static bool stops_publish(const struct manifest_quality *rule)
{
	return slice_equal_c(rule->severity, "error");
}

static bool allows_more(const struct manifest_quality *old, const struct manifest_quality *new)
{
	if (!slice_equal(old->operator_, new->operator_) || old->percent != new->percent)
		return false; /* another rule, not a looser one */
	if (slice_starts_with(old->operator_, SLICE("mustBeLess")))
		return new->value > old->value;
	if (slice_starts_with(old->operator_, SLICE("mustBeGreater")))
		return new->value < old->value;
	return slice_equal_c(old->operator_, "mustBeBetween") &&
	       (new->value < old->value || new->value_high > old->value_high);
}

static const struct manifest_quality *rule_in(
	const struct manifest_schema *schema, const struct manifest_quality *wanted)
{
	for (size_t i = 0; i < schema->quality_count; i++)
		if (slice_equal(schema->quality[i].name, wanted->name) &&
			slice_equal(schema->quality[i].column, wanted->column))
			return &schema->quality[i];
	return NULL;
}

static void compare_rules(const struct loosening *l, const struct manifest_schema *old,
	const struct manifest_schema *new)
{
	for (size_t i = 0; i < old->quality_count; i++) {
		const struct manifest_quality *before = &old->quality[i];
		const struct manifest_quality *after = rule_in(new, before);
		const char *what = NULL;
		if (before->type != QUALITY_LIBRARY && before->type != QUALITY_SQL)
			continue;
		if (!after)
			what = "is gone";
		else if (stops_publish(before) && !stops_publish(after))
			what = "no longer stops a publish";
		else if (allows_more(before, after))
			what = "allows more than it did";
		if (what)
			warn(l, after ? after->at : new->at,
				arena_printf(l->arena, "quality check %.*s %s",
					SLICE_FMT(before->name), what));
	}
}

static void compare_product(struct loosening *l, const struct manifest_set *old_set,
	const struct manifest_set *new_set, const struct manifest_product *old,
	const struct manifest_product *new)
{
	for (size_t i = 0; i < old->port_count; i++) {
		const struct manifest_port *before = &old->ports[i];
		const struct manifest_port *after = manifest_same_port(new, before);
		const struct manifest_schema *a = manifest_port_schema(old_set, before);
		const struct manifest_schema *b =
			after ? manifest_port_schema(new_set, after) : NULL;
		if (!a || !b)
			continue;
		l->what = arena_printf(
			l->arena, "%.*s.%.*s", SLICE_FMT(old->domain), SLICE_FMT(before->name));
		compare_rules(l, a, b);
		compare_slas(l, &old_set->contracts[before->contract],
			&new_set->contracts[after->contract]);
	}
}

static void compare_domains(
	struct loosening *l, const struct manifest_set *old_set, const struct manifest_set *new_set)
{
	for (size_t i = 0; i < old_set->domain_count; i++) {
		const struct manifest_domain *before = &old_set->domains[i];
		size_t at = manifest_find_domain(new_set, before->name);
		if (at == SIZE_MAX)
			continue;
		const struct manifest_domain *after = &new_set->domains[at];
		l->what = before->name;
		if (after->retention_us && after->retention_us < before->retention_us)
			warn(l, after->at,
				SLICE("the retention is shorter: older versions will be deleted"));
	}
}

void manifest_loosened(const struct manifest_set *old_set, const struct manifest_set *new_set,
	struct manifest_problems *problems)
{
	struct loosening l = {.arena = problems->arena, .problems = problems};
	compare_domains(&l, old_set, new_set);
	for (size_t i = 0; i < old_set->product_count; i++) {
		const struct manifest_product *old = &old_set->products[i];
		size_t at = manifest_find_product(new_set, old->domain, old->name);
		if (at != SIZE_MAX && !slice_equal_c(old->status, "draft"))
			compare_product(&l, old_set, new_set, old, &new_set->products[at]);
	}
}
