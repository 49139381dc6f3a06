#include "worker/relation-json.h"

static bool read_column(const json_t *item, struct relation_column *out, struct error *err)
{
	*out = (struct relation_column){
		.name = json_get_slice(item, "name"),
		.type = json_get_slice(item, "type"),
		.expression = json_get_slice(item, "expr"),
		.absent = json_get_bool(item, "absent", false),
		.cast = json_get_bool(item, "cast", false),
	};
	return (!slice_is_none(out->name) && !slice_is_none(out->type)) ||
	       error_set(err, PROTOCOL_VIOLATION, "a relation has a column without name or type");
}

static struct slice *read_texts(
	struct arena *arena, const json_t *object, const char *key, size_t *count_out)
{
	const json_t *list = json_get_array(object, key);
	struct slice *texts = arena_array_of(arena, struct slice, json_array_size(list));

	for (size_t i = 0; i < json_array_size(list); i++)
		texts[i] = json_to_slice(json_array_get(list, i));
	*count_out = json_array_size(list);
	return texts;
}

static bool read_one(struct arena *arena, const json_t *item, const struct frame *frame,
	struct relation *out, struct error *err)
{
	const json_t *columns = json_get_array(item, "columns");
	struct relation_column *list =
		arena_array_of(arena, struct relation_column, json_array_size(columns));
	int64_t fd = json_get_i64(item, "fd", -1);

	*out = (struct relation){
		.schema = json_get_slice(item, "schema"),
		.name = json_get_slice(item, "name"),
		.fd = -1,
		.columns = list,
		.filter = json_get_slice(item, "filter"),
		.barrier = json_get_bool(item, "barrier", false),
		.min_group = json_get_i64(item, "min_group", 0),
	};
	if (slice_is_none(out->schema) || slice_is_none(out->name) ||
		fd >= (int64_t)(frame ? frame->fd_count : 0))
		return error_set(err, PROTOCOL_VIOLATION, "a relation is not complete");
	if (fd >= 0)
		out->fd = frame->fds[fd];
	out->files = read_texts(arena, item, "files", &out->file_count);
	out->conjuncts = read_texts(arena, item, "conjuncts", &out->conjunct_count);
	out->group_by = read_texts(arena, item, "group_by", &out->group_by_count);
	out->subjects = read_texts(arena, item, "subjects", &out->subject_count);
	for (; out->column_count < json_array_size(columns); out->column_count++)
		if (!read_column(json_array_get(columns, out->column_count),
			    &list[out->column_count], err))
			return false;
	return true;
}

bool relations_from_json(struct arena *arena, const json_t *list, const struct frame *frame,
	const struct relation **out, size_t *count_out, struct error *err)
{
	size_t count = json_array_size(list);
	struct relation *relations = arena_array_of(arena, struct relation, count);

	for (size_t i = 0; i < count; i++)
		if (!read_one(arena, json_array_get(list, i), frame, &relations[i], err))
			return false;
	*out = relations;
	*count_out = count;
	return true;
}
