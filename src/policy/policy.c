/*
 * The decision. One pass over the rules in force: which select this table (selectors), which bind
 * this principal (to, unless), then what they do. Rules are taken mesh first, then by name, so that
 * the same rules give the same decision whatever their order.
 *
 * Only an allow rule widens what is seen, and a domain's rule selects only that domain's products:
 * so a domain can only tighten what the mesh says of others, by construction.
 */
#include "policy/policy.h"

#include <stdlib.h>

#include "base/str.h"
#include "base/vec.h"
#include "sql/literal.h"

struct deciding {
	struct arena *arena;
	const struct policy_request *request;
	struct decision *out;
	VEC(struct decision_filter) filters;
	VEC(struct decision_reason) reasons;
	bool allowed;
	bool denied;
};

/* "abc" or "ab*", ASCII case-insensitive. */
static bool matches_part(struct slice pattern, struct slice name)
{
	if (!slice_ends_with(pattern, SLICE("*")))
		return slice_equal_nocase(pattern, name);
	pattern.len--;
	return name.len >= pattern.len &&
	       slice_equal_nocase(pattern, slice_sub(name, 0, pattern.len));
}

/* Part by part between dots; "*" alone is everything. */
static bool matches(struct slice pattern, struct slice name)
{
	if (slice_equal_c(pattern, "*"))
		return true;
	while (!slice_is_none(pattern) && !slice_is_none(name))
		if (!matches_part(slice_split(&pattern, '.'), slice_split(&name, '.')))
			return false;
	return slice_is_none(pattern) && slice_is_none(name);
}

static bool matches_any(const struct slice *patterns, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (matches(patterns[i], name))
			return true;
	return false;
}

/* Some pattern fits some of the names; no pattern fits everything. */
static bool overlap(const struct slice *patterns, size_t pattern_count, const struct slice *names,
	size_t name_count)
{
	for (size_t i = 0; i < name_count; i++)
		if (matches_any(patterns, pattern_count, names[i]))
			return true;
	return pattern_count == 0;
}

bool policy_shows_all(const struct decision *decision, size_t columns)
{
	if (decision->outcome != DECISION_ALLOW || decision->filter_count > 0 ||
		decision->suppress.min_group > 0)
		return false;
	for (size_t i = 0; i < columns; i++)
		if (decision->masks[i].denied || !slice_is_none(decision->masks[i].policy))
			return false;
	return true;
}

bool policy_is_owner(const struct principal *principal, const struct policy_table *table)
{
	if (slice_in(table->owners, table->owner_count, principal->name))
		return true;
	for (size_t i = 0; i < principal->group_count; i++)
		if (slice_in(table->owners, table->owner_count, principal->groups[i]))
			return true;
	return false;
}

static bool has_role(const struct principal *principal, const struct slice *roles, size_t count)
{
	for (size_t i = 0; i < principal->group_count; i++)
		if (slice_in(roles, count, principal->groups[i]))
			return true;
	for (size_t i = 0; i < principal->attribute_count; i++) {
		const struct attribute *attribute = &principal->attributes[i];
		if (!slice_equal_c(attribute->name, "role"))
			continue;
		for (size_t v = 0; v < attribute->value_count; v++)
			if (slice_in(roles, count, attribute->values[v]))
				return true;
	}
	return false;
}

static bool has_group(const struct principal *principal, const struct slice *groups, size_t count)
{
	for (size_t i = 0; i < principal->group_count; i++)
		if (slice_in(groups, count, principal->groups[i]))
			return true;
	return false;
}

/* An entry without any list fits nobody: it says nothing. */
static bool is_who(const struct policy_who *who, const struct principal *principal)
{
	if (who->user_count && !slice_in(who->users, who->user_count, principal->name))
		return false;
	if (who->group_count && !has_group(principal, who->groups, who->group_count))
		return false;
	if (who->role_count && !has_role(principal, who->roles, who->role_count))
		return false;
	if (who->purpose_count &&
		(principal->purpose.len == 0 ||
			!slice_in(who->purposes, who->purpose_count, principal->purpose)))
		return false;
	return who->user_count + who->group_count + who->role_count + who->purpose_count > 0;
}

static bool is_any_who(
	const struct policy_who *list, size_t count, const struct principal *principal)
{
	for (size_t i = 0; i < count; i++)
		if (is_who(&list[i], principal))
			return true;
	return false;
}

/* Names are put together only for rules that select by them: most do by some kind alone. */
static bool fits_product(
	const struct policy *policy, const struct policy_table *table, struct arena *arena)
{
	if (policy->product_count == 0)
		return true;
	struct slice full = arena_printf(
		arena, "%.*s.%.*s", SLICE_FMT(table->domain), SLICE_FMT(table->product));

	return matches_any(policy->products, policy->product_count, table->product) ||
	       matches_any(policy->products, policy->product_count, full);
}

static bool fits_table(
	const struct policy *policy, const struct policy_table *table, struct arena *arena)
{
	if (policy->table_count == 0)
		return true;
	struct slice in_product =
		arena_printf(arena, "%.*s.%.*s", SLICE_FMT(table->product), SLICE_FMT(table->name));
	struct slice full =
		arena_printf(arena, "%.*s.%.*s", SLICE_FMT(table->domain), SLICE_FMT(in_product));
	struct slice in_sql =
		arena_printf(arena, "%.*s.%.*s", SLICE_FMT(table->domain), SLICE_FMT(table->name));
	struct slice names[] = {table->name, in_product, in_sql, full};

	return overlap(policy->tables, policy->table_count, names, array_len(names));
}

static bool fits_labels(const struct policy *policy, const struct slice *tags, size_t tag_count,
	struct slice classification)
{
	return overlap(policy->tags, policy->tag_count, tags, tag_count) &&
	       (policy->classification_count == 0 ||
		       matches_any(policy->classifications, policy->classification_count,
			       classification));
}

static bool has_labels(const struct policy *policy)
{
	return policy->tag_count + policy->classification_count > 0;
}

/* By names alone; labels and columns come later. */
static bool fits_names(const struct deciding *d, const struct policy *policy)
{
	const struct policy_table *table = d->request->table;

	if (policy->level == POLICY_DOMAIN && !slice_equal_nocase(policy->domain, table->domain))
		return false;
	return fits_product(policy, table, d->arena) && fits_table(policy, table, d->arena);
}

static bool names_column(
	const struct deciding *d, const struct policy *policy, const struct policy_column *column)
{
	if (policy->column_count == 0)
		return true;
	const struct policy_table *table = d->request->table;
	struct slice in_table = arena_printf(
		d->arena, "%.*s.%.*s", SLICE_FMT(table->name), SLICE_FMT(column->name));
	struct slice in_sql =
		arena_printf(d->arena, "%.*s.%.*s", SLICE_FMT(table->domain), SLICE_FMT(in_table));
	struct slice in_product =
		arena_printf(d->arena, "%.*s.%.*s", SLICE_FMT(table->product), SLICE_FMT(in_table));
	struct slice full = arena_printf(
		d->arena, "%.*s.%.*s", SLICE_FMT(table->domain), SLICE_FMT(in_product));
	struct slice names[] = {column->name, in_table, in_sql, in_product, full};

	return overlap(policy->columns, policy->column_count, names, array_len(names));
}

static bool fits_column(
	const struct deciding *d, const struct policy *policy, const struct policy_column *column)
{
	return fits_labels(policy, column->tags, column->tag_count, column->classification) &&
	       names_column(d, policy, column);
}

static bool fits_some_column(const struct deciding *d, const struct policy *policy)
{
	const struct policy_table *table = d->request->table;

	for (size_t i = 0; i < table->column_count; i++)
		if (fits_column(d, policy, &table->columns[i]))
			return true;
	return false;
}

static bool fits_table_labels(const struct deciding *d, const struct policy *policy)
{
	const struct policy_table *table = d->request->table;

	return fits_labels(policy, table->tags, table->tag_count, table->classification);
}

/* A rule on columns: masks, and denials that name columns or labels that only columns have. */
static bool is_of_columns(const struct deciding *d, const struct policy *policy)
{
	if (policy->effect == POLICY_MASK)
		return true;
	return policy->effect == POLICY_DENY &&
	       (policy->column_count > 0 || (has_labels(policy) && !fits_table_labels(d, policy)));
}

static bool has_selector(const struct policy *policy)
{
	return policy->product_count + policy->table_count + policy->tag_count +
		       policy->classification_count >
	       0;
}

static bool selects(const struct deciding *d, const struct policy *policy)
{
	if (!fits_names(d, policy))
		return false;
	if (policy->effect == POLICY_ALLOW && !has_selector(policy))
		return false;
	return is_of_columns(d, policy) ? fits_some_column(d, policy)
					: fits_table_labels(d, policy);
}

static void add_reason(struct deciding *d, struct slice policy, bool applied, const char *text)
{
	vec_push(d->arena, &d->reasons,
		(struct decision_reason){
			.policy = policy, .applied = applied, .text = slice_from_c(text)});
}

static void explain(
	struct deciding *d, const struct policy *policy, bool applied, struct slice text)
{
	vec_push(d->arena, &d->reasons,
		(struct decision_reason){.policy = policy->name, .applied = applied, .text = text});
}

static const char *level_name(const struct policy *policy)
{
	return policy->level == POLICY_MESH ? "mesh" : "domain";
}

/* Who the rule binds; says why not for explain-access. */
static bool binds(struct deciding *d, const struct policy *policy)
{
	const struct principal *principal = d->request->principal;

	if (policy->to_count && !is_any_who(policy->to, policy->to_count, principal)) {
		explain(d, policy, false, SLICE("is meant for others"));
		return false;
	}
	if (is_any_who(policy->unless, policy->unless_count, principal)) {
		explain(d, policy, false, SLICE("is lifted for this principal or purpose"));
		return false;
	}
	return true;
}

static void deny(struct deciding *d, const struct policy *policy, const char *why)
{
	d->denied = true;
	explain(d, policy, true,
		arena_printf(d->arena, "%s rule denies the table%s", level_name(policy), why));
}

const char *mask_method_name(enum mask_method method)
{
	static const char *const names[] = {[MASK_NONE] = "none",
		[MASK_TRUNCATE] = "truncate",
		[MASK_PARTIAL] = "partial",
		[MASK_PSEUDONYM] = "pseudonym",
		[MASK_CONSTANT] = "constant",
		[MASK_NULL] = "null"};

	return names[method];
}

bool mask_method_parse(struct slice word, enum mask_method *out)
{
	for (enum mask_method method = MASK_NONE; method <= MASK_NULL; method++)
		if (slice_equal_c(word, mask_method_name(method))) {
			*out = method;
			return true;
		}
	return false;
}

static int unit_rank(struct slice unit)
{
	static const char *const units[] = {"hour", "day", "week", "month", "quarter", "year"};

	for (size_t i = 0; i < array_len(units); i++)
		if (slice_equal_c(unit, units[i]))
			return (int)i;
	return -1;
}

static struct mask stricter_truncate(const struct mask *a, const struct mask *b)
{
	int unit_a = unit_rank(a->truncate);
	int unit_b = unit_rank(b->truncate);
	double step_a = 0;
	double step_b = 0;

	if (unit_a >= 0 && unit_b >= 0)
		return unit_a >= unit_b ? *a : *b;
	if (unit_a < 0 && unit_b < 0 && slice_to_double(a->truncate, &step_a) &&
		slice_to_double(b->truncate, &step_b))
		return step_a >= step_b ? *a : *b;
	return (struct mask){.method = MASK_NULL};
}

struct mask policy_stricter_mask(const struct mask *a, const struct mask *b)
{
	if (a->method != b->method)
		return a->method > b->method ? *a : *b;
	if (a->method == MASK_TRUNCATE)
		return stricter_truncate(a, b);
	if (a->method != MASK_PARTIAL)
		return *a;
	struct mask both = *a;
	both.keep_first = min_of(a->keep_first, b->keep_first);
	both.keep_last = min_of(a->keep_last, b->keep_last);
	if (!slice_equal(a->keep_after, b->keep_after))
		both.keep_after = SLICE_NONE;
	return both;
}

static void apply_to_columns(struct deciding *d, const struct policy *policy)
{
	const struct policy_table *table = d->request->table;
	bool mask = policy->effect == POLICY_MASK;

	for (size_t i = 0; i < table->column_count; i++) {
		struct decision_mask *column = &d->out->masks[i];
		if (!fits_column(d, policy, &table->columns[i]))
			continue;
		explain(d, policy, true,
			arena_printf(d->arena, "%s rule %s column %.*s%s%s", level_name(policy),
				mask ? "masks" : "leaves out", SLICE_FMT(table->columns[i].name),
				mask ? " with " : "",
				mask ? mask_method_name(policy->mask.method) : ""));
		if (!mask) {
			if (!column->denied)
				column->policy = policy->name;
			column->denied = true;
			continue;
		}
		struct mask before = column->mask;
		column->mask = policy_stricter_mask(&before, &policy->mask);
		if (column->denied)
			continue; /* which mask it would have had is of no use */
		if (slice_is_none(column->policy) || policy->mask.method > before.method)
			column->policy = policy->name;
	}
}

static void apply_filter(struct deciding *d, const struct policy *policy)
{
	if (slice_trim(policy->filter).len == 0) {
		deny(d, policy, ": its filter is empty");
		return;
	}
	vec_push(d->arena, &d->filters,
		(struct decision_filter){policy->name, policy->filter, policy->filter_ast});
	explain(d, policy, true,
		arena_printf(d->arena, "%s rule shows only rows with %.*s", level_name(policy),
			SLICE_FMT(policy->filter)));
}

static const struct policy_column *find_column(const struct deciding *d, struct slice name)
{
	const struct policy_table *table = d->request->table;

	for (size_t i = 0; i < table->column_count; i++)
		if (slice_equal_nocase(table->columns[i].name, name))
			return &table->columns[i];
	return NULL;
}

/* Equal values must be alike to every function: 0.0 and -0.0, or a month and 30 days, are not. */
static bool makes_cells(const struct policy_column *column)
{
	enum type_group group = column ? type_of(column->type).group : TYPE_OTHER;

	return group != TYPE_OTHER && group != TYPE_DOUBLE;
}

static bool has_name(const struct slice *names, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(names[i], name))
			return true;
	return false;
}

/* The columns that all rules name. */
static void keep_common(struct deciding *d, const struct policy *policy)
{
	struct decision_suppress *s = &d->out->suppress;
	bool first = s->min_group == 0;
	const struct slice *from = first ? policy->group_by : s->group_by;
	size_t from_count = first ? policy->group_by_count : s->group_by_count;
	struct slice *kept = arena_array_of(d->arena, struct slice, from_count);
	size_t count = 0;

	for (size_t i = 0; i < from_count; i++) {
		const struct policy_column *column = find_column(d, from[i]);
		if (makes_cells(column) && !has_name(kept, count, column->name) &&
			has_name(policy->group_by, policy->group_by_count, column->name))
			kept[count++] = column->name;
	}
	s->group_by = kept;
	s->group_by_count = count;
}

static bool add_subject(struct deciding *d, struct slice name)
{
	struct decision_suppress *s = &d->out->suppress;
	const struct policy_column *column = find_column(d, name);

	if (!column)
		return false;
	if (has_name(s->subjects, s->subject_count, column->name))
		return true;
	struct slice *all = arena_array_of(d->arena, struct slice, s->subject_count + 1);
	for (size_t i = 0; i < s->subject_count; i++)
		all[i] = s->subjects[i];
	all[s->subject_count++] = column->name;
	s->subjects = all;
	return true;
}

/* A column that is left out tells nothing apart. */
static void drop_denied(struct deciding *d)
{
	struct decision_suppress *s = &d->out->suppress;
	size_t count = 0;

	for (size_t i = 0; i < s->group_by_count; i++) {
		size_t at = (size_t)(find_column(d, s->group_by[i]) - d->request->table->columns);
		if (!d->out->masks[at].denied)
			s->group_by[count++] = s->group_by[i];
	}
	s->group_by_count = count;
}

static void apply_suppress(struct deciding *d, const struct policy *policy)
{
	if (policy->min_group < 1) {
		deny(d, policy, ": its group size is not a number");
		return;
	}
	if (policy->subject.len && !add_subject(d, policy->subject)) {
		deny(d, policy, ": the table lacks the subject that it counts");
		return;
	}
	keep_common(d, policy);
	d->out->suppress.min_group = max_of(d->out->suppress.min_group, policy->min_group);
	explain(d, policy, true,
		arena_printf(d->arena, "%s rule shows only groups of at least %lld %.*s%s",
			level_name(policy), (long long)policy->min_group,
			SLICE_FMT(policy->subject.len ? policy->subject : SLICE("row")),
			policy->subject.len ? " values" : "s"));
}

static void apply(struct deciding *d, const struct policy *policy)
{
	switch (policy->effect) {
	case POLICY_ALLOW:
		d->allowed = true;
		explain(d, policy, true,
			arena_printf(d->arena, "%s rule allows the table", level_name(policy)));
		return;
	case POLICY_DENY:
		if (is_of_columns(d, policy))
			apply_to_columns(d, policy);
		else
			deny(d, policy, "");
		return;
	case POLICY_FILTER: apply_filter(d, policy); return;
	case POLICY_MASK: apply_to_columns(d, policy); return;
	case POLICY_SUPPRESS: apply_suppress(d, policy); return;
	}
	deny(d, policy, ": its effect is unknown");
}

static int compare_policies(const void *left, const void *right)
{
	const struct policy *a = *(const struct policy *const *)left;
	const struct policy *b = *(const struct policy *const *)right;

	if (a->level != b->level)
		return a->level == POLICY_MESH ? -1 : 1;
	return slice_compare(a->name, b->name);
}

static const struct policy **sorted(const struct deciding *d)
{
	size_t count = d->request->policy_count;
	const struct policy **list = arena_array_of(d->arena, const struct policy *, count);

	for (size_t i = 0; i < count; i++)
		list[i] = &d->request->policies[i];
	if (count)
		qsort(list, count, sizeof(void *), compare_policies);
	return list;
}

/* Denied to somebody who may not even know of it looks as if it did not exist. */
static enum decision_outcome outcome(const struct deciding *d, bool owner)
{
	if (d->allowed && !d->denied)
		return DECISION_ALLOW;
	return d->request->table->hidden && !owner ? DECISION_HIDDEN : DECISION_DENY;
}

struct decision policy_decide(struct arena *arena, const struct policy_request *request)
{
	struct decision out = {0};
	struct deciding d = {.arena = arena, .request = request, .out = &out};
	const struct policy **policies = sorted(&d);
	bool owner = policy_is_owner(request->principal, request->table);

	out.masks = arena_array_of(arena, struct decision_mask, request->table->column_count);
	if (owner) {
		d.allowed = true;
		add_reason(&d, SLICE("owner"), true, "the principal owns the product");
	}
	for (size_t i = 0; i < request->policy_count; i++)
		if (selects(&d, policies[i]) && binds(&d, policies[i]))
			apply(&d, policies[i]);
	if (!d.allowed)
		add_reason(&d, SLICE("default deny"), true, "no rule allows the table");
	drop_denied(&d);
	out.outcome = outcome(&d, owner);
	out.reasons = d.reasons.items;
	out.reason_count = d.reasons.len;
	if (out.outcome == DECISION_ALLOW) {
		out.filters = d.filters.items;
		out.filter_count = d.filters.len;
		return out;
	}
	out.suppress = (struct decision_suppress){0};
	memset(out.masks, 0, request->table->column_count * sizeof *out.masks);
	return out;
}
