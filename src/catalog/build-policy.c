/* Policies as the decision wants them. */
#include "catalog/build-private.h"

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
		.tables = from->tables.items,
		.table_count = from->tables.len,
		.columns = from->columns.items,
		.column_count = from->columns.len,
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

void build_policies(struct building *b)
{
	size_t count = b->set.policy_count;
	struct policy *policies = arena_array_of(b->arena, struct policy, count);
	for (size_t i = 0; i < count; i++)
		policies[i] = policy_of(b, &b->set.policies[i]);
	b->model->policies = policies;
	b->model->policy_count = count;
}
