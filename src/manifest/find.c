/*
 * Lookups in a parsed set. Meshes of thousands of products are asked for every table that every
 * transform reads: by map, not by walking.
 */
#include <ctype.h>
#include <string.h>

#include "manifest/read.h"

/* The ports of one name in a domain: its majors. */
struct port_entry {
	struct manifest_port_found found;
	struct port_entry *next;
};

enum { KEY_MAX = 160 }; /* two names of at most 63 characters, and what SQL may ask for in vain */

/* "domain.name" in small letters, as SQL reads names; none when that is no name of ours. */
static struct slice key_of(char buffer[static KEY_MAX], struct slice domain, struct slice name)
{
	size_t len = domain.len + 1 + name.len;

	if (len > KEY_MAX)
		return SLICE_NONE;
	for (size_t i = 0; i < domain.len; i++)
		buffer[i] = (char)tolower((unsigned char)domain.ptr[i]);
	buffer[domain.len] = '.';
	for (size_t i = 0; i < name.len; i++)
		buffer[domain.len + 1 + i] = (char)tolower((unsigned char)name.ptr[i]);
	return slice_of(buffer, len);
}

static void put(struct map *map, struct slice domain, struct slice name, void *value)
{
	char buffer[KEY_MAX];
	struct slice key = key_of(buffer, domain, name);

	if (!slice_is_none(key) && !map_get(map, key))
		map_put(map, arena_copy(map->arena, key), value);
}

static void *get(const struct map *map, struct slice domain, struct slice name)
{
	char buffer[KEY_MAX];
	struct slice key = key_of(buffer, domain, name);

	return slice_is_none(key) ? NULL : map_get(map, key);
}

static void index_port(struct manifest_set *set, const struct manifest_product *product,
	const struct manifest_port *port)
{
	struct arena *arena = set->ports_by_name.arena;
	struct port_entry *entry = arena_new_of(arena, struct port_entry);
	struct port_entry *first = get(&set->ports_by_name, product->domain, port->name);

	entry->found = (struct manifest_port_found){product, port};
	if (!first) {
		put(&set->ports_by_name, product->domain, port->name, entry);
		return;
	}
	entry->next = first->next;
	first->next = entry;
}

void index_set(struct arena *arena, struct manifest_set *set)
{
	set->products_by_name = map_in(arena);
	set->ports_by_name = map_in(arena);
	for (size_t i = 0; i < set->product_count; i++) {
		struct manifest_product *product = &set->products[i];

		put(&set->products_by_name, product->domain, product->name, product);
		for (size_t k = 0; k < product->port_count; k++)
			index_port(set, product, &product->ports[k]);
	}
}

size_t manifest_find_domain(const struct manifest_set *set, struct slice name)
{
	for (size_t i = 0; i < set->domain_count; i++)
		if (slice_equal(set->domains[i].name, name))
			return i;
	return SIZE_MAX;
}

size_t manifest_find_product(const struct manifest_set *set, struct slice domain, struct slice name)
{
	const struct manifest_product *product = get(&set->products_by_name, domain, name);

	return product ? (size_t)(product - set->products) : SIZE_MAX;
}

struct manifest_port_found manifest_find_port(
	const struct manifest_set *set, struct slice domain, struct slice table)
{
	struct manifest_port_found best = {NULL, NULL};
	struct slice version = table;
	struct slice name = slice_split(&version, '@');
	int64_t major = 0;

	if (!slice_is_none(version) && !slice_to_i64(version, &major))
		return best;
	for (const struct port_entry *e = get(&set->ports_by_name, domain, name); e; e = e->next) {
		if (!slice_is_none(version) && major != e->found.port->major)
			continue;
		if (!best.port || e->found.port->major > best.port->major)
			best = e->found;
	}
	return best;
}

const struct manifest_schema *manifest_port_schema(
	const struct manifest_set *set, const struct manifest_port *port)
{
	if (port->contract >= set->contract_count)
		return NULL;
	const struct manifest_contract *contract = &set->contracts[port->contract];

	for (size_t i = 0; i < contract->schema_count; i++)
		if (slice_equal(contract->schemas[i].name, port->name))
			return &contract->schemas[i];
	return contract->schema_count == 1 ? &contract->schemas[0] : NULL;
}
