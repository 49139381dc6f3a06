/* See view.h. A MAP is a list of struct(key, value) in memory; its type has key and value as
 * children. */
#include "engine/view.h"

#include <string.h>

void view_init(struct view *view, struct arena *arena, const struct type *type)
{
	*view = (struct view){.type = type, .child_count = type->child_count};
	view->children = arena_array_of(arena, struct view, type->child_count);
	for (size_t i = 0; i < type->child_count; i++)
		view_init(&view->children[i], arena, type->children[i]);
	if (type->id == DUCKDB_TYPE_UNION) { /* member 0 of the memory form is the tag */
		view->children = arena_array_of(arena, struct view, type->child_count + 1);
		struct type *tag = arena_new_of(arena, struct type);
		tag->id = tag->storage = DUCKDB_TYPE_UTINYINT;
		view_init(&view->children[0], arena, tag);
		for (size_t i = 0; i < type->child_count; i++)
			view_init(&view->children[i + 1], arena, type->children[i]);
		view->child_count = type->child_count + 1;
	}
}

static void load_struct(struct view *view, duckdb_vector vector)
{
	for (size_t i = 0; i < view->child_count; i++)
		view_load(&view->children[i], duckdb_struct_vector_get_child(vector, i));
}

void view_load(struct view *view, duckdb_vector vector)
{
	view->data = duckdb_vector_get_data(vector);
	view->validity = duckdb_vector_get_validity(vector);
	switch ((int)view->type->id) {
	case DUCKDB_TYPE_LIST:
		view_load(&view->children[0], duckdb_list_vector_get_child(vector));
		break;
	case DUCKDB_TYPE_ARRAY:
		view_load(&view->children[0], duckdb_array_vector_get_child(vector));
		break;
	case DUCKDB_TYPE_MAP: load_struct(view, duckdb_list_vector_get_child(vector)); break;
	case DUCKDB_TYPE_STRUCT:
	case DUCKDB_TYPE_UNION: load_struct(view, vector); break;
	default: break;
	}
}

struct view_items view_list(const struct view *view, size_t row)
{
	if (view->type->id == DUCKDB_TYPE_ARRAY)
		return (struct view_items){row * view->type->array_size, view->type->array_size};
	duckdb_list_entry entry = ((const duckdb_list_entry *)view->data)[row];
	return (struct view_items){entry.offset, entry.length};
}

size_t view_enum_index(const struct view *view, size_t row)
{
	switch ((int)view->type->storage) {
	case DUCKDB_TYPE_UTINYINT: return ((const uint8_t *)view->data)[row];
	case DUCKDB_TYPE_USMALLINT: return ((const uint16_t *)view->data)[row];
	default: return ((const uint32_t *)view->data)[row];
	}
}

int64_t view_timestamp_us(const struct view *view, size_t row)
{
	int64_t value = ((const int64_t *)view->data)[row];
	if (value == INT64_MAX || value == -INT64_MAX)
		return value;
	switch ((int)view->type->id) {
	case DUCKDB_TYPE_TIMESTAMP_S: return value * 1000000;
	case DUCKDB_TYPE_TIMESTAMP_MS: return value * 1000;
	case DUCKDB_TYPE_TIMESTAMP_NS: /* down, also before 1970 */
		return value / 1000 - (value % 1000 < 0);
	default: return value;
	}
}

void view_uuid_bytes(const struct view *view, size_t row, unsigned char bytes[16])
{
	duckdb_hugeint value = ((const duckdb_hugeint *)view->data)[row];
	/* DuckDB flips the top bit so that uuids sort as signed numbers. */
	uint64_t upper = __builtin_bswap64((uint64_t)value.upper ^ 1ULL << 63);
	uint64_t lower = __builtin_bswap64(value.lower);
	memcpy(bytes, &upper, 8);
	memcpy(bytes + 8, &lower, 8);
}
