#include "server/remote-wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ipc/worker.h"
#include "mesh/key.h"

enum {
	NAME_MAX_BYTES = 200,
	LIST_MAX = 10000,
	PARAMS_MAX = 65535,
	BYTE = 8,
	ROW_HEAD_BYTES = 5,
	COUNT_BYTES = 2
};

static json_t *print_attributes(const struct principal *principal)
{
	json_t *list = json_array();

	for (size_t i = 0; i < principal->attribute_count; i++) {
		const struct attribute *a = &principal->attributes[i];

		json_array_append_new(
			list, json_pack("{s:o, s:o, s:o}", "name", json_from_slice(a->name), "type",
				      json_from_slice(a->type), "values",
				      json_from_slices(a->values, a->value_count)));
	}
	return list;
}

static json_t *print_execute(struct arena *arena, const struct remote_ask *ask)
{
	const struct wire_execute execute = {
		.how = &ask->how, .column_count = ask->format_count, .param_oids = NULL};
	struct error ignored = {0};

	return ask->execute ? json_parse(wire_execute_json(arena, &execute), &ignored)
			    : json_null();
}

struct slice remote_ask_print(struct arena *arena, const struct remote_ask *ask)
{
	scoped(json_drop) json_t *json = json_object();
	json_t *oids = json_array();

	for (size_t i = 0; i < ask->param_oid_count; i++)
		json_array_append_new(oids, json_integer(ask->param_oids[i]));
	json_set_slice(json, "statement", ask->text);
	json_set_slice(json, "principal", ask->principal.name);
	json_object_set_new(json, "groups",
		json_from_slices(ask->principal.groups, ask->principal.group_count));
	json_object_set_new(json, "attributes", print_attributes(&ask->principal));
	json_set_slice(json, "purpose", ask->principal.purpose);
	json_set_slice(json, "session", ask->session);
	json_set_slice(json, "request_id", ask->request_id);
	json_set_slice(json, "time_zone", ask->time_zone);
	json_object_set_new(
		json, "search_path", json_from_slices(ask->search_path, ask->search_path_count));
	json_object_set_new(json, "param_oids", oids);
	json_set_slice(json, "as_of", ask->as_of);
	json_object_set_new(json, "timeout_ms", json_integer(ask->timeout_ms));
	json_object_set_new(json, "execute", print_execute(arena, ask));
	return json_print(arena, json);
}

static bool broken(struct error *err, const char *what)
{
	return error_set(err, PROTOCOL_VIOLATION, "%s of another node cannot be read", what);
}

/* Texts of a list; false when it is none. */
static bool read_texts(
	struct arena *arena, const json_t *list, struct slice **out, size_t *count_out)
{
	size_t count = json_array_size(list);
	struct slice *texts = arena_array_of(arena, struct slice, count);

	if ((list && !json_is_array(list)) || count > LIST_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		texts[i] = arena_copy(arena, json_to_slice(json_array_get(list, i)));
		if (slice_is_none(texts[i]))
			return false;
	}
	*out = texts;
	*count_out = count;
	return true;
}

static bool read_attributes(struct arena *arena, const json_t *list, struct principal *out)
{
	size_t count = json_array_size(list);

	if ((list && !json_is_array(list)) || count > LIST_MAX)
		return false;
	out->attributes = arena_array_of(arena, struct attribute, count);
	out->attribute_count = count;
	for (size_t i = 0; i < count; i++) {
		const json_t *said = json_array_get(list, i);
		struct attribute *a = &out->attributes[i];

		a->name = arena_copy(arena, json_get_slice(said, "name"));
		a->type = arena_copy(arena, json_get_slice(said, "type"));
		if (slice_is_none(a->name) || slice_is_none(a->type) ||
			!read_texts(arena, json_object_get(said, "values"), &a->values,
				&a->value_count))
			return false;
	}
	return true;
}

/* It stands in records and logs. */
static bool is_name(struct slice name)
{
	bool ok = name.len > 0 && name.len <= NAME_MAX_BYTES && slice_is_utf8(name);

	for (size_t i = 0; ok && i < name.len; i++)
		ok = (unsigned char)name.ptr[i] >= ' ' && name.ptr[i] != 0x7f;
	return ok;
}

static bool read_principal(struct arena *arena, const json_t *json, struct principal *out)
{
	out->name = arena_copy(arena, json_get_slice(json, "principal"));
	out->purpose = arena_copy(arena, json_get_slice(json, "purpose"));
	if (!is_name(out->name))
		return false;
	return read_texts(
		       arena, json_object_get(json, "groups"), &out->groups, &out->group_count) &&
	       read_attributes(arena, json_object_get(json, "attributes"), out);
}

static bool read_oids(struct arena *arena, const json_t *list, struct remote_ask *out)
{
	size_t count = json_array_size(list);
	uint32_t *oids = arena_array_of(arena, uint32_t, min_of(count, (size_t)LIST_MAX));

	if ((list && !json_is_array(list)) || count > LIST_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		oids[i] = (uint32_t)json_integer_value(json_array_get(list, i));
	out->param_oids = oids;
	out->param_oid_count = count;
	return true;
}

static bool read_params(struct arena *arena, const json_t *list, struct query_execution *out)
{
	size_t count = json_array_size(list);

	if ((list && !json_is_array(list)) || count > PARAMS_MAX)
		return false;
	struct query_param *params = arena_array_of(arena, struct query_param, count);

	for (size_t i = 0; i < count; i++) {
		const json_t *said = json_array_get(list, i);
		struct slice value = json_get_slice(said, "value");

		params[i] = (struct query_param){
			.oid = (uint32_t)json_get_i64(said, "oid", 0),
		};
		if (json_get_i64(said, "format", 0) == 1)
			params[i].format = 1;
		if (!slice_is_none(value) && !base64_read(arena, value, &params[i].value))
			return false;
	}
	out->params = params;
	out->param_count = count;
	return true;
}

static bool read_formats(struct arena *arena, const json_t *list, struct remote_ask *out)
{
	size_t count = json_array_size(list);
	int16_t *formats = arena_array_of(arena, int16_t, count);

	if ((list && !json_is_array(list)) || count > LIST_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (json_integer_value(json_array_get(list, i)) == 1)
			formats[i] = 1;
	out->how.column_formats = count ? formats : NULL;
	out->format_count = count;
	return true;
}

static bool read_execute(struct arena *arena, const json_t *json, struct remote_ask *out)
{
	const json_t *options = json_object_get(json, "options");

	out->execute = json_is_object(json);
	if (!out->execute)
		return true;
	if (options)
		out->how.options = json_print(arena, options);
	return wire_format_read(json_get_slice(json, "format"), &out->how.format) &&
	       read_formats(arena, json_object_get(json, "column_formats"), out) &&
	       read_params(arena, json_object_get(json, "params"), &out->how);
}

bool remote_ask_read(
	struct arena *arena, const json_t *json, struct remote_ask *out, struct error *err)
{
	struct slice *path = NULL;

	*out = (struct remote_ask){
		.text = arena_copy(arena, json_get_slice(json, "statement")),
		.session = arena_copy(arena, json_get_slice(json, "session")),
		.request_id = arena_copy(arena, json_get_slice(json, "request_id")),
		.time_zone = arena_copy(arena, json_get_slice(json, "time_zone")),
		.as_of = arena_copy(arena, json_get_slice(json, "as_of")),
		.timeout_ms = max_of(json_get_i64(json, "timeout_ms", 0), (int64_t)0),
	};
	if (slice_is_none(out->text) || !read_principal(arena, json, &out->principal) ||
		(out->session.len && !is_name(out->session)) ||
		(out->request_id.len && !is_name(out->request_id)) ||
		!read_texts(arena, json_object_get(json, "search_path"), &path,
			&out->search_path_count) ||
		!read_oids(arena, json_object_get(json, "param_oids"), out) ||
		!read_execute(arena, json_object_get(json, "execute"), out))
		return broken(err, "a statement");
	out->search_path = path;
	return true;
}

struct slice remote_answer_print(struct arena *arena, const struct remote_answer *answer)
{
	const struct wire_prepared *d = &answer->columns;
	scoped(json_drop) json_t *json = json_object();
	json_t *columns = json_array();
	json_t *params = json_array();

	for (size_t i = 0; i < d->column_count; i++)
		json_array_append_new(
			columns, json_pack("{s:o, s:o, s:I, s:i, s:i}", "name",
					 json_from_slice(d->columns[i].name), "type",
					 json_from_slice(d->columns[i].type), "oid",
					 (json_int_t)d->columns[i].oid, "typmod",
					 d->columns[i].typmod, "size", d->columns[i].size));
	for (size_t i = 0; i < d->param_count; i++)
		json_array_append_new(params, json_integer(d->params[i]));
	json_object_set_new(json, "columns", columns);
	json_object_set_new(json, "params", params);
	json_object_set_new(
		json, "notices", json_from_slices(answer->notices, answer->notice_count));
	json_object_set_new(
		json, "explain", json_from_slices(answer->explain, answer->explain_count));
	json_object_set_new(json, "as_of_us", json_integer(answer->as_of_us));
	json_object_set_new(json, "pin_us", json_integer(answer->pin_us));
	return json_print(arena, json);
}

bool remote_answer_read(
	struct arena *arena, struct slice payload, struct remote_answer *out, struct error *err)
{
	scoped(json_drop) json_t *json = json_parse(payload, err);
	struct slice *notices = NULL;
	struct slice *explain = NULL;

	*out = (struct remote_answer){.as_of_us = json_get_i64(json, "as_of_us", 0),
		.pin_us = json_get_i64(json, "pin_us", 0)};
	if (!json || !wire_prepared_parse(arena, payload, &out->columns, err) ||
		!read_texts(
			arena, json_object_get(json, "notices"), &notices, &out->notice_count) ||
		!read_texts(arena, json_object_get(json, "explain"), &explain, &out->explain_count))
		return broken(err, "an answer");
	out->notices = notices;
	out->explain = explain;
	return true;
}

void remote_head_write(unsigned char *head, uint8_t type, size_t len)
{
	memset(head, 0, REMOTE_HEAD_BYTES);
	for (size_t i = 0; i < sizeof(uint32_t); i++)
		head[i] = (unsigned char)(len >> (BYTE * i));
	head[sizeof(uint32_t)] = type;
}

static uint32_t little(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool remote_head_read(
	const unsigned char *head, uint8_t *type_out, size_t *len_out, struct error *err)
{
	*len_out = little(head);
	*type_out = head[4];
	if (*len_out <= REMOTE_FRAME_MAX_BYTES && !head[5] && !head[6] && !head[7])
		return true;
	return broken(err, "an answer");
}

struct slice remote_error_print(struct arena *arena, const struct error *err)
{
	scoped(json_drop) json_t *json = json_pack("{s:s, s:o, s:o, s:i}", "state",
		sqlstate_table[err->state].code, "message", json_from_slice(slice_from_c(err->msg)),
		"hint", json_from_slice(slice_from_c(err->hint)), "position", err->position);

	return json_print(arena, json);
}

bool remote_error_read(struct slice payload, struct error *err)
{
	scoped(json_drop) json_t *json = json_parse(payload, err);
	struct slice state = json_get_slice(json, "state");
	struct slice hint = json_get_slice(json, "hint");
	int64_t position = json_get_i64(json, "position", 0);
	char code[6] = {0};

	if (!json || state.len != sizeof code - 1)
		return broken(err, "an error");
	memcpy(code, state.ptr, state.len);
	error_set(err, INTERNAL_ERROR, "%.*s", SLICE_FMT(json_get_slice(json, "message")));
	err->state = sqlstate_from_code(code);
	if (err->state == SQLSTATE_SUCCESS || err->state == SQLSTATE_WARNING)
		return broken(err, "an error");
	err->position = position > 0 && position < INT32_MAX ? (int)position : 0;
	return hint.len ? error_hint(err, "%.*s", SLICE_FMT(hint)) : false;
}

/* The type that each message of a format has; 0: the format is one body. */
static char message_type(enum query_format format)
{
	switch (format) {
	case QUERY_PG:
	case QUERY_PG_BOTH: return 'D';
	case QUERY_COPY_TEXT:
	case QUERY_COPY_CSV:
	case QUERY_COPY_BINARY: return 'd';
	default: return 0;
	}
}

static uint32_t big(const char *bytes)
{
	const unsigned char *p = (const unsigned char *)bytes;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The first message's bytes; 0 when it is not whole or not of the type. */
static size_t message_length(struct slice bytes, char type)
{
	if (bytes.len < ROW_HEAD_BYTES || bytes.ptr[0] != type)
		return 0;
	size_t len = big(bytes.ptr + 1);

	return len >= sizeof(uint32_t) && len <= bytes.len - 1 ? len + 1 : 0;
}

/* DataRow: a count, then each value with its length, -1 for NULL. */
static bool is_data_row(struct slice message, size_t column_count)
{
	size_t at = ROW_HEAD_BYTES + COUNT_BYTES;

	if (message.len < at)
		return false;
	size_t count = (size_t)(unsigned char)message.ptr[ROW_HEAD_BYTES] << BYTE |
		       (unsigned char)message.ptr[ROW_HEAD_BYTES + 1];

	for (size_t i = 0; i < count; i++) {
		if (message.len - at < sizeof(uint32_t))
			return false;
		uint32_t len = big(message.ptr + at);

		at += sizeof len;
		if (len == UINT32_MAX)
			continue;
		if (len > message.len - at)
			return false;
		at += len;
	}
	return count == column_count && at == message.len;
}

bool remote_rows_check(struct slice bytes, const struct remote_rows *said, struct error *err)
{
	char type = message_type(said->format);
	uint64_t per_row = said->format == QUERY_PG_BOTH ? 2 : 1;
	uint64_t messages = 0;

	while (type && bytes.len > 0) {
		size_t len = message_length(bytes, type);

		if (len == 0 ||
			(type == 'D' && !is_data_row(slice_sub(bytes, 0, len), said->column_count)))
			return broken(err, "rows");
		messages++;
		bytes = slice_sub(bytes, len, bytes.len);
	}
	/* COPY has a head and a trailer that are no rows. */
	return type != 'D' || messages == per_row * said->rows || broken(err, "rows");
}

size_t remote_rows_length(struct slice bytes, enum query_format format, uint64_t rows)
{
	uint64_t left = format == QUERY_PG_BOTH ? rows * 2 : rows;
	char type = message_type(format);
	size_t at = 0;

	while (left-- > 0 && at < bytes.len) {
		size_t len = message_length(slice_sub(bytes, at, bytes.len), type);

		if (len == 0)
			return bytes.len;
		at += len;
	}
	return at;
}
