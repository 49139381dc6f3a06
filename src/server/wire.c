/* Builds requests by hand, not with a JSON tree: a relation may name thousands of files, and this
 * stands on the path of every first statement. */
#include "server/wire.h"

#include <sodium.h>

#include "base/attrs.h"
#include "base/json.h"
#include "base/str.h"

static void add_key(struct str *out, const char *key)
{
	str_printf(out, "%s\"%s\":", out->len && out->ptr[out->len - 1] == '{' ? "" : ",", key);
}

static void add_text(struct str *out, const char *key, struct slice value)
{
	if (slice_is_none(value))
		return;
	add_key(out, key);
	str_add_json(out, value);
}

static void add_number(struct str *out, const char *key, uint64_t value)
{
	add_key(out, key);
	str_printf(out, "%llu", (unsigned long long)value);
}

static void add_list(struct str *out, const char *key, const struct slice *items, size_t count)
{
	add_key(out, key);
	str_add_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			str_add_char(out, ',');
		str_add_json(out, items[i]);
	}
	str_add_char(out, ']');
}

static void add_attributes(struct str *out, const struct principal *principal)
{
	add_key(out, "attributes");
	str_add_char(out, '{');
	for (size_t i = 0; i < principal->attribute_count; i++) {
		const struct attribute *a = &principal->attributes[i];
		if (i)
			str_add_char(out, ',');
		str_add_json(out, a->name);
		str_add_c(out, ":[");
		for (size_t j = 0; j < a->value_count; j++) {
			if (j)
				str_add_char(out, ',');
			str_add_json(out, a->values[j]);
		}
		str_add_char(out, ']');
	}
	str_add_char(out, '}');
}

struct slice wire_narrow_json(struct arena *arena, const struct wire_narrow *n)
{
	struct str out = str_in(arena);
	str_add_char(&out, '{');
	add_number(&out, "memory_bytes", n->memory_bytes);
	add_number(&out, "threads", (uint64_t)n->threads);
	add_text(&out, "spill_dir", slice_from_c(n->spill_dir));
	add_number(&out, "spill_bytes", n->spill_bytes);
	add_list(&out, "read_dirs", n->dirs, n->dir_count);
	add_list(&out, "read_files", n->files, n->file_count);
	add_attributes(&out, n->principal);
	add_list(&out, "groups", n->principal->groups, n->principal->group_count);
	add_text(&out, "principal", n->principal->name);
	add_text(&out, "purpose",
		slice_is_none(n->principal->purpose) ? SLICE("") : n->principal->purpose);
	add_text(&out, "pseudonym_key", slice_from_c(n->pseudonym_key));
	add_text(&out, "database", slice_from_c(n->database));
	add_text(&out, "time_zone", slice_is_none(n->time_zone) ? SLICE("UTC") : n->time_zone);
	str_add_char(&out, '}');
	return str_slice(&out);
}

static void add_columns(struct str *out, const struct wire_relation *r)
{
	add_key(out, "columns");
	str_add_char(out, '[');
	for (size_t i = 0; i < r->column_count; i++) {
		const struct wire_column *c = &r->columns[i];
		str_add_c(out, i ? ",{" : "{");
		add_text(out, "name", c->name);
		add_text(out, "type", c->type);
		add_text(out, "expr", c->expr);
		if (c->absent)
			str_add_c(out, ",\"absent\":true");
		if (c->other_type)
			str_add_c(out, ",\"cast\":true");
		str_add_char(out, '}');
	}
	str_add_char(out, ']');
}

static void add_relation(struct str *out, const struct wire_relation *r)
{
	str_add_char(out, '{');
	add_text(out, "schema", r->schema);
	add_text(out, "name", r->name);
	if (r->fd_index >= 0)
		add_number(out, "fd", (uint64_t)r->fd_index);
	else
		add_list(out, "files", r->files, r->file_count);
	add_columns(out, r);
	add_text(out, "filter", r->filter);
	if (r->barrier)
		str_add_c(out, ",\"barrier\":true");
	if (r->conjunct_count)
		add_list(out, "conjuncts", r->conjuncts, r->conjunct_count);
	if (r->own.len) {
		str_add_c(out, ",\"own\":");
		str_add_json(out, r->own);
	}
	if (r->suppress) {
		add_number(out, "min_group", (uint64_t)r->suppress->min_group);
		add_list(out, "group_by", r->suppress->group_by, r->suppress->group_by_count);
		add_list(out, "subjects", r->suppress->subjects, r->suppress->subject_count);
	}
	str_add_char(out, '}');
}

static void add_relations(struct str *out, const struct wire_relation *relations, size_t count)
{
	str_add_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			str_add_char(out, ',');
		add_relation(out, &relations[i]);
	}
	str_add_char(out, ']');
}

struct slice wire_relations_json(
	struct arena *arena, const struct wire_relation *relations, size_t count)
{
	struct str out = str_in(arena);
	add_relations(&out, relations, count);
	return str_slice(&out);
}

static void add_ats(struct str *out, const struct wire_prepare *p)
{
	add_key(out, "at");
	str_add_char(out, '[');
	for (size_t i = 0; i < p->at_count; i++) {
		str_add_c(out, i ? ",{" : "{");
		add_number(out, "location", (uint64_t)p->ats[i].location);
		if (p->ats[i].clause)
			str_add_c(out, ",\"clause\":true");
		if (p->ats[i].database)
			str_add_c(out, ",\"database\":true");
		add_text(out, "name", p->ats[i].name);
		add_text(out, "alias", p->ats[i].alias);
		str_add_char(out, '}');
	}
	str_add_char(out, ']');
}

static void add_plan_key(struct str *out, uint64_t key)
{
	add_key(out, "key");
	str_printf(out, "\"%llu\"", (unsigned long long)key);
}

struct slice wire_prepare_json(struct arena *arena, const struct wire_prepare *p)
{
	struct str out = str_in(arena);
	str_add_char(&out, '{');
	add_plan_key(&out, p->key);
	add_text(&out, "text", p->text);
	add_key(&out, "relations");
	add_relations(&out, p->relations, p->relation_count);
	add_key(&out, "param_oids");
	str_add_char(&out, '[');
	for (size_t i = 0; i < p->param_oid_count; i++)
		str_printf(&out, "%s%u", i ? "," : "", p->param_oids[i]);
	str_add_char(&out, ']');
	str_add_c(&out, p->catalogue ? ",\"catalog\":true" : ",\"catalog\":false");
	str_add_c(&out, p->small ? ",\"small\":true" : "");
	add_ats(&out, p);
	str_add_char(&out, '}');
	return str_slice(&out);
}

static const char *const format_names[] = {
	[QUERY_PG] = "pg",
	[QUERY_PG_BOTH] = "pg-both",
	[QUERY_COPY_TEXT] = "copy-text",
	[QUERY_COPY_CSV] = "copy-csv",
	[QUERY_COPY_BINARY] = "copy-binary",
	[QUERY_JSON] = "json",
	[QUERY_NDJSON] = "ndjson",
	[QUERY_CSV] = "csv",
	[QUERY_ARROW] = "arrow",
	[QUERY_PARQUET] = "parquet",
};

bool wire_format_read(struct slice name, enum query_format *out)
{
	for (size_t i = 0; i < array_len(format_names); i++)
		if (slice_equal_c(name, format_names[i])) {
			*out = (enum query_format)i;
			return true;
		}
	return false;
}

static void add_base64(struct str *out, struct slice bytes)
{
	size_t len = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
	char *at = str_extend(out, len);
	sodium_bin2base64(at, len, (const unsigned char *)bytes.ptr, bytes.len,
		sodium_base64_VARIANT_ORIGINAL);
	out->len--; /* the NUL that the library adds */
}

static void add_params(struct str *out, const struct wire_execute *e)
{
	add_key(out, "params");
	str_add_char(out, '[');
	for (size_t i = 0; i < e->how->param_count; i++) {
		const struct query_param *p = &e->how->params[i];
		uint32_t oid = p->oid ? p->oid : e->param_oids ? e->param_oids[i] : 0;
		str_printf(out, "%s{\"oid\":%u,\"format\":%d,\"value\":", i ? "," : "", oid,
			p->format);
		if (slice_is_none(p->value)) {
			str_add_c(out, "null}");
			continue;
		}
		str_add_char(out, '"');
		add_base64(out, p->value);
		str_add_c(out, "\"}");
	}
	str_add_char(out, ']');
}

/* NULL adds nothing. */
static void add_formats(struct str *out, const int16_t *formats, size_t count)
{
	if (!formats)
		return;
	add_key(out, "column_formats");
	str_add_char(out, '[');
	for (size_t i = 0; i < count; i++)
		str_printf(out, "%s%d", i ? "," : "", formats[i]);
	str_add_char(out, ']');
}

struct slice wire_execute_json(struct arena *arena, const struct wire_execute *e)
{
	struct str out = str_in(arena);
	str_add_char(&out, '{');
	add_plan_key(&out, e->key);
	add_number(&out, "portal", e->portal);
	add_text(&out, "format", slice_from_c(format_names[e->how->format]));
	add_formats(&out, e->how->column_formats, e->column_count);
	if (e->how->options.len) {
		add_key(&out, "options");
		str_add(&out, e->how->options);
	}
	add_params(&out, e);
	add_number(&out, "max_rows", e->how->max_rows);
	add_number(&out, "limit_rows", e->limit_rows);
	add_number(&out, "limit_bytes", e->limit_bytes);
	str_add_char(&out, '}');
	return str_slice(&out);
}

struct slice wire_fetch_json(struct arena *arena, const struct wire_fetch *fetch)
{
	struct str out = str_in(arena);

	str_add_char(&out, '{');
	add_number(&out, "portal", fetch->portal);
	add_number(&out, "max_rows", fetch->more->max_rows);
	add_formats(&out, fetch->more->column_formats, fetch->column_count);
	str_add_char(&out, '}');
	return str_slice(&out);
}

struct slice wire_close_json(struct arena *arena, uint64_t portal)
{
	return arena_printf(arena, "{\"portal\":%llu}", (unsigned long long)portal);
}

bool wire_prepared_parse(
	struct arena *arena, struct slice payload, struct wire_prepared *out, struct error *err)
{
	scoped(json_drop) json_t *json = json_parse(payload, err);
	if (!json)
		return false;
	json_t *columns = json_get_array(json, "columns");
	json_t *params = json_get_array(json, "params");
	if (!columns || !params)
		return error_set(err, INTERNAL_ERROR, "a worker's description has no columns");
	size_t column_count = json_array_size(columns);
	size_t param_count = json_array_size(params);
	struct query_column *c = arena_array_of(arena, struct query_column, column_count);
	uint32_t *p = arena_array_of(arena, uint32_t, param_count);
	for (size_t i = 0; i < column_count; i++) {
		const json_t *column = json_array_get(columns, i);
		c[i] = (struct query_column){
			.name = arena_copy(arena, json_get_slice(column, "name")),
			.type = arena_copy(arena, json_get_slice(column, "type")),
			.oid = (uint32_t)json_get_i64(column, "oid", 25),
			.typmod = (int32_t)json_get_i64(column, "typmod", -1),
			.size = (int16_t)json_get_i64(column, "size", -1)};
	}
	for (size_t i = 0; i < param_count; i++)
		p[i] = (uint32_t)json_integer_value(json_array_get(params, i));
	*out = (struct wire_prepared){.columns = c,
		.column_count = column_count,
		.params = p,
		.param_count = param_count};
	return true;
}
