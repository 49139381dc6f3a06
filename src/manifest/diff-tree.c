/* What differs between two YAML texts, value by value, with the place as a path of keys. */
#include "manifest/diff-tree.h"

#include "base/str.h"

enum { MAX_CHANGES = 100, MAX_SHOWN = 60 };

struct differ {
	struct arena *arena;
	tree_changes *out;
};

static struct slice shown(struct arena *arena, const struct node *node)
{
	if (node->kind != NODE_SCALAR)
		return arena_printf(arena, "%zu %s", node->count,
			node->kind == NODE_SEQUENCE ? "items" : "keys");
	if (node->text.len <= MAX_SHOWN)
		return node->text.len ? node->text : SLICE("nothing");
	return arena_printf(arena, "%zu characters", node->text.len);
}

static void add(struct differ *d, struct slice path, struct slice key, struct slice text)
{
	if (d->out->len < MAX_CHANGES)
		vec_push(d->arena, d->out, (struct tree_change){path, key, text});
}

static void add_text(struct differ *d, struct slice path, struct slice key, const char *what)
{
	add(d, path, key, arena_printf(d->arena, "%.*s %s", SLICE_FMT(path), what));
}

/* What an item of a list goes by; none when it has no name. */
static struct slice name_of_item(const struct node *item)
{
	static const char *const NAMES[] = {"name", "property", "table", "id", "server", "channel",
		"username", "role", "metric"};
	struct slice name = SLICE_NONE;

	for (size_t i = 0; i < array_len(NAMES) && slice_is_none(name); i++)
		name = node_text(node_get(item, NAMES[i]));
	return name;
}

/* The nth item of that name: two majors of a port have one. */
static const struct node *find_item(const struct node *list, struct slice name, size_t nth)
{
	for (const struct node *item = list->first; item; item = item->next)
		if (slice_equal(name_of_item(item), name) && nth-- == 0)
			return item;
	return NULL;
}

static size_t nth_of(const struct node *list, const struct node *wanted)
{
	size_t nth = 0;

	for (const struct node *item = list->first; item != wanted; item = item->next)
		nth += slice_equal(name_of_item(item), name_of_item(wanted));
	return nth;
}

static void compare(struct differ *d, const struct node *before, const struct node *after,
	struct slice path, struct slice key);

static void compare_mappings(
	struct differ *d, const struct node *before, const struct node *after, struct slice path)
{
	const char *dot = path.len ? "." : "";

	for (const struct node *item = after->first; item; item = item->next) {
		struct slice below = arena_printf(
			d->arena, "%.*s%s%.*s", SLICE_FMT(path), dot, SLICE_FMT(item->key));
		const struct node *old = node_get(before, arena_cstr(d->arena, item->key));

		if (old)
			compare(d, old, item, below, item->key);
		else
			add_text(d, below, item->key, "added");
	}
	for (const struct node *item = before->first; item; item = item->next)
		if (!node_get(after, arena_cstr(d->arena, item->key)))
			add_text(d,
				arena_printf(d->arena, "%.*s%s%.*s", SLICE_FMT(path), dot,
					SLICE_FMT(item->key)),
				item->key, "removed");
}

static bool all_named(const struct node *list)
{
	for (const struct node *item = list->first; item; item = item->next)
		if (slice_is_none(name_of_item(item)))
			return false;
	return true;
}

static void compare_named(struct differ *d, const struct node *before, const struct node *after,
	struct slice path, struct slice key)
{
	for (const struct node *item = after->first; item; item = item->next) {
		struct slice name = name_of_item(item);
		struct slice below =
			arena_printf(d->arena, "%.*s[%.*s]", SLICE_FMT(path), SLICE_FMT(name));
		const struct node *old = find_item(before, name, nth_of(after, item));

		if (old)
			compare(d, old, item, below, key);
		else
			add_text(d, below, key, "added");
	}
	for (const struct node *item = before->first; item; item = item->next)
		if (!find_item(after, name_of_item(item), nth_of(before, item)))
			add_text(d,
				arena_printf(d->arena, "%.*s[%.*s]", SLICE_FMT(path),
					SLICE_FMT(name_of_item(item))),
				key, "removed");
}

static void compare_lists(struct differ *d, const struct node *before, const struct node *after,
	struct slice path, struct slice key)
{
	const struct node *old = before->first;
	const struct node *new = after->first;

	if (all_named(before) && all_named(after)) {
		compare_named(d, before, after, path, key);
		return;
	}
	for (size_t i = 1; old && new; old = old->next, new = new->next, i++)
		compare(d, old, new, arena_printf(d->arena, "%.*s[%zu]", SLICE_FMT(path), i), key);
	for (; new; new = new->next)
		add(d, path, key,
			arena_printf(d->arena, "%.*s: %.*s added", SLICE_FMT(path),
				SLICE_FMT(shown(d->arena, new))));
	for (; old; old = old->next)
		add(d, path, key,
			arena_printf(d->arena, "%.*s: %.*s removed", SLICE_FMT(path),
				SLICE_FMT(shown(d->arena, old))));
}

static void compare(struct differ *d, const struct node *before, const struct node *after,
	struct slice path, struct slice key)
{
	if (before->kind == NODE_MAPPING && after->kind == NODE_MAPPING)
		compare_mappings(d, before, after, path);
	else if (before->kind == NODE_SEQUENCE && after->kind == NODE_SEQUENCE)
		compare_lists(d, before, after, path, key);
	else if (before->kind != after->kind || !slice_equal(before->text, after->text))
		add(d, path, key,
			arena_printf(d->arena, "%.*s: %.*s became %.*s", SLICE_FMT(path),
				SLICE_FMT(shown(d->arena, before)),
				SLICE_FMT(shown(d->arena, after))));
}

tree_changes tree_diff(struct arena *arena, struct slice before, struct slice after)
{
	struct manifest_problems ignored = {.arena = arena};
	const struct manifest_file old_file = {SLICE(""), before};
	const struct manifest_file new_file = {SLICE(""), after};
	const struct node *old = yaml_parse(arena, &old_file, &ignored);
	const struct node *new = yaml_parse(arena, &new_file, &ignored);
	tree_changes changes = {0};
	struct differ d = {arena, &changes};

	if (old && new)
		compare(&d, old, new, SLICE(""), SLICE(""));
	return changes;
}
