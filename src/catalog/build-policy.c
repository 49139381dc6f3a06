/*
 * Policies as the decision wants them. A selector that names "domain.table" or
 * "domain.table.column" becomes a rule of its own, since the decision's lists are one per kind of
 * name; all parts keep the policy's name.
 */
#include "base/vec.h"
#include "catalog/build-private.h"

typedef VEC(struct policy) policies_vec;

static enum policy_effect effect_of(struct slice text)
{
	static const char *const NAMES[] = {"allow", "deny", "filter", "mask", "suppress"};

	for (size_t i = 0; i < array_len(NAMES); i++)
		if (slice_equal_c(text, NAMES[i]))
			return (enum policy_effect)i;
	return POLICY_DENY; /* manifest lets no other word pass; what is unknown is refused */
}

/*
 * Groups, users and roles get an entry each: one of them is enough, so that a rule for a group and
 * a user binds both. Purposes come on top of each.
 */
static size_t build_who(const struct manifest_who *from, struct policy_who *out)
{
	const struct policy_who purposes = {
		.purposes = from->purposes.items, .purpose_count = from->purposes.len};
	size_t count = 0;

	if (from->groups.len) {
		out[count] = purposes;
		out[count].groups = from->groups.items;
		out[count++].group_count = from->groups.len;
	}
	if (from->users.len) {
		out[count] = purposes;
		out[count].users = from->users.items;
		out[count++].user_count = from->users.len;
	}
	if (from->roles.len) {
		out[count] = purposes;
		out[count].roles = from->roles.items;
		out[count++].role_count = from->roles.len;
	}
	if (count == 0 && from->purposes.len)
		out[count++] = purposes;
	return count;
}

static struct policy_who *build_whos(
	struct arena *arena, const struct manifest_who *from, size_t from_count, size_t *count_out)
{
	enum { KINDS = 3 };
	struct policy_who *out = arena_array_of(arena, struct policy_who, from_count * KINDS);

	*count_out = 0;
	for (size_t i = 0; i < from_count; i++)
		*count_out += build_who(&from[i], out + *count_out);
	return out;
}

static struct mask mask_of(const struct manifest_policy *from)
{
	struct mask mask = {
		.method = MASK_NULL,
		.constant = from->mask_constant,
		.keep_first = (int)from->mask_keep_first,
		.keep_last = (int)from->mask_keep_last,
		.keep_after = from->mask_keep_after,
		.truncate = from->mask_unit,
	};

	if (!mask_method_parse(from->mask_method, &mask.method))
		mask.method = MASK_NULL;
	return mask;
}

static struct policy policy_of(struct building *b, const struct manifest_policy *from)
{
	struct policy out = {
		.name = from->name,
		.level = from->domain.len ? POLICY_DOMAIN : POLICY_MESH,
		.domain = from->domain,
		.effect = effect_of(from->effect),
		.products = from->products.items,
		.product_count = from->products.len,
		.tags = from->tags.items,
		.tag_count = from->tags.len,
		.classifications = from->classifications.items,
		.classification_count = from->classifications.len,
		.filter = from->filter,
		.mask = mask_of(from),
		.min_group = from->min_group,
		.group_by = from->group_by.items,
		.group_by_count = from->group_by.len,
		.subject = from->subject,
	};

	out.to = build_whos(b->arena, from->to, from->to_count, &out.to_count);
	out.unless = build_whos(b->arena, from->unless, from->unless_count, &out.unless_count);
	return out;
}

static struct slice *one(struct arena *arena, struct slice name, size_t *count_out)
{
	struct slice *list = arena_new_of(arena, struct slice);

	*list = name;
	*count_out = 1;
	return list;
}

static bool is_any(struct slice name)
{
	return slice_equal_c(name, "*");
}

/* Narrows to "domain", "table" of "domain.table"; false when the first part is no domain. */
static bool narrow(struct building *b, struct policy *policy, struct slice path)
{
	struct slice table = path;
	struct slice domain = slice_split(&table, '.');

	if (slice_is_none(table) || slice_find(table, SLICE("."), 0) != SIZE_MAX ||
		(!is_any(domain) && !model_domain_find(b->model, domain)))
		return false;
	if (!is_any(domain))
		policy->domains = one(b->arena, domain, &policy->domain_count);
	policy->tables = is_any(table) ? NULL : one(b->arena, table, &policy->table_count);
	if (!policy->tables)
		policy->table_count = 0;
	return true;
}

/* Everything before the last dot; none when there is no dot. */
static struct slice before_last_dot(struct slice path)
{
	size_t at = path.len;

	while (at > 0 && path.ptr[at - 1] != '.')
		at--;
	return at ? slice_sub(path, 0, at - 1) : SLICE_NONE;
}

static struct slice after_last_dot(struct slice path)
{
	struct slice before = before_last_dot(path);

	return slice_is_none(before) ? path : slice_sub(path, before.len + 1, path.len);
}

/* One rule per column of the form domain.table.column, one for all bare names. */
static void add_columns(struct building *b, const struct manifest_policy *from,
	const struct policy *base, policies_vec *out)
{
	struct slices bare = {0};

	for (size_t i = 0; i < from->columns.len; i++) {
		struct slice path = from->columns.items[i];
		struct slice table = before_last_dot(path);
		struct policy part = *base;

		if (slice_is_none(table)) {
			vec_push(b->arena, &bare, path);
			continue;
		}
		if (!narrow(b, &part, table))
			part.tables =
				is_any(table) ? NULL : one(b->arena, table, &part.table_count);
		part.columns = one(b->arena, after_last_dot(path), &part.column_count);
		vec_push(b->arena, out, part);
	}
	if (bare.len == 0 && from->columns.len)
		return;
	struct policy rest = *base;

	rest.columns = bare.items;
	rest.column_count = bare.len;
	vec_push(b->arena, out, rest);
}

static void add_policy(struct building *b, const struct manifest_policy *from, policies_vec *out)
{
	struct policy base = policy_of(b, from);
	struct slices other = {0};

	for (size_t i = 0; i < from->tables.len; i++) {
		struct policy part = base;

		if (narrow(b, &part, from->tables.items[i]))
			add_columns(b, from, &part, out);
		else
			vec_push(b->arena, &other, from->tables.items[i]);
	}
	if (other.len == 0 && from->tables.len)
		return;
	base.tables = other.items;
	base.table_count = other.len;
	add_columns(b, from, &base, out);
}

void build_policies(struct building *b)
{
	policies_vec policies = {0};

	for (size_t i = 0; i < b->set.policy_count; i++)
		add_policy(b, &b->set.policies[i], &policies);
	b->model->policies = policies.items;
	b->model->policy_count = policies.len;
}
