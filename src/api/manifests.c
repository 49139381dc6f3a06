#include <string.h>

#include "api/api-private.h"
#include "api/follow.h"
#include "server/apply.h"

/* Manifests in and out, as files in JSON: {"files":[{"path","text"}]}. */

enum { FILES_MAX = 100000 };

/* No way out of the tree, whatever the receiver does with the name. */
static bool path_is_safe(struct slice path)
{
	if (path.len == 0 || path.len > 1024 || path.ptr[0] == '/' || memchr(path.ptr, 0, path.len))
		return false;
	while (!slice_is_none(path)) {
		struct slice part = slice_split(&path, '/');

		if (part.len == 0 || slice_equal_c(part, ".") || slice_equal_c(part, ".."))
			return false;
	}
	return true;
}

static bool read_files(
	struct request *request, const json_t *body, struct apply_request *out, struct error *err)
{
	const json_t *list = json_get_array(body, "files");
	size_t count = json_array_size(list);
	struct apply_file *files = NULL;

	if (!list || count > FILES_MAX)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"\"files\" must be a list of at most %d files", FILES_MAX);
	files = arena_array_of(request->arena, struct apply_file, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);

		files[i].path = json_get_slice(item, "path");
		files[i].text = json_get_slice(item, "text");
		if (slice_is_none(files[i].text) || !path_is_safe(files[i].path))
			return error_set(err, INVALID_PARAMETER_VALUE,
				"file %zu needs a relative \"path\" and a \"text\"", i + 1);
	}
	out->files = files;
	out->file_count = count;
	return true;
}

/* *body_out owns what the request borrows. */
static bool read_request(
	struct request *request, struct apply_request *out, json_t **body_out, struct error *err)
{
	static const char *const known[] = {
		"files", "scope", "prune", "base", "no_run", "dry_run", NULL};

	if (!request_json(request, known, body_out, err) ||
		!read_files(request, *body_out, out, err))
		return false;
	out->identity = request->identity;
	out->scope = json_get_slice(*body_out, "scope");
	out->expected_apply = json_get_i64(*body_out, "base", -1);
	if (json_get_bool(*body_out, "prune", false))
		out->flags |= APPLY_PRUNE;
	if (json_get_bool(*body_out, "no_run", false))
		out->flags |= APPLY_NO_RUN;
	if (json_get_bool(*body_out, "dry_run", false))
		out->flags |= APPLY_DRY_RUN;
	return true;
}

bool api_plan(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *plan = NULL;
	struct apply_request apply = {0};

	if (!read_request(request, &apply, &body, err))
		return false;
	apply.flags |= APPLY_DRY_RUN;
	return apply_files(request->server, &apply, &plan, err) &&
	       reply_json(request, MHD_HTTP_OK, plan);
}

static bool follow_apply(struct request *request, const json_t *plan, struct error *err)
{
	const json_t *list = json_get_array(plan, "runs");
	size_t count = json_array_size(list);
	int64_t *runs = arena_array_of(request->arena, int64_t, count);

	for (size_t i = 0; i < count; i++)
		runs[i] = json_get_i64(json_array_get(list, i), "id", 0);
	return follow_runs(request, json_print(request->arena, plan), runs, count, true, err);
}

bool api_apply(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *plan = NULL;
	struct apply_request apply = {0};

	if (!read_request(request, &apply, &body, err) ||
		!apply_files(request->server, &apply, &plan, err))
		return false;
	if (slice_find(request_header(request, "Accept"), SLICE("application/x-ndjson"), 0) !=
		SIZE_MAX)
		return follow_apply(request, plan, err);
	return reply_json(request, MHD_HTTP_OK, plan);
}

bool api_export(struct request *request, struct error *err)
{
	struct apply_files files = {0};
	scoped(json_drop) json_t *list = json_array();
	scoped(json_drop) json_t *value = json_object();

	if (!apply_export(request->server, request->identity, request_query(request, "scope"),
		    request->arena, &files, err))
		return false;
	for (size_t i = 0; i < files.count; i++) {
		json_t *item = json_object();

		json_set_slice(item, "path", files.items[i].path);
		json_set_slice(item, "text", files.items[i].text);
		json_array_append_new(list, item);
	}
	json_object_set(value, "files", list);
	return reply_json(request, MHD_HTTP_OK, value);
}
