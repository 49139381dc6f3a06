#include "api/request.h"

#include "base/check.h"

/* What handlers ask of a request. */

int request_socket(const struct request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

struct slice request_header(const struct request *request, const char *name)
{
	return slice_from_c(
		MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name));
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 section 2.1; false for a broken escape, NUL, or bytes that are no UTF-8. */
bool request_decode(struct arena *arena, struct slice text, struct slice *out)
{
	char *decoded = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '%') {
			decoded[len++] = text.ptr[i];
			continue;
		}
		int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
		int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;

		if (high < 0 || low < 0 || high + low == 0)
			return false;
		decoded[len++] = (char)(high * 16 + low);
		i += 2;
	}
	*out = slice_of(decoded, len);
	return slice_is_utf8(*out);
}

struct slice request_query(const struct request *request, const char *name)
{
	struct slice value = slice_from_c(
		MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name));
	struct slice decoded = SLICE_NONE;

	if (slice_is_none(value) || !request_decode(request->arena, value, &decoded))
		return SLICE_NONE;
	return decoded;
}

bool request_number(const struct request *request, const char *name, int64_t fallback, int64_t max,
	int64_t *out, struct error *err)
{
	struct slice text = request_query(request, name);

	*out = fallback;
	if (slice_is_none(text))
		return true;
	if (!slice_to_i64(text, out) || *out < 1 || *out > max)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"%s must be a whole number from 1 to %lld, not \"%.*s\"", name,
			(long long)max, SLICE_FMT(slice_sub(text, 0, 40)));
	return true;
}

double request_quality(struct slice parameters)
{
	while (!slice_is_none(parameters)) {
		struct slice one = slice_trim(slice_split(&parameters, ';'));
		double q = 1;

		if (slice_starts_with(one, SLICE("q=")) &&
			slice_to_double(slice_sub(one, 2, one.len), &q))
			return q;
	}
	return 1;
}

static bool is_known(const char *key, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(*known, key) == 0)
			return true;
	return false;
}

bool request_json(
	struct request *request, const char *const *known, json_t **out, struct error *err)
{
	struct slice type = request_header(request, "Content-Type");
	const char *key = NULL;
	json_t *member = NULL;

	/* Also keeps other sites' forms out: a form cannot send this type. */
	type = slice_trim(slice_split(&type, ';'));
	if (!slice_equal_nocase(type, SLICE("application/json"))) {
		request->problem_status = MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
		error_set(err, INVALID_PARAMETER_VALUE, "the body must be application/json");
		return error_hint(err, "send the header Content-Type: application/json");
	}
	scoped(json_drop) json_t *body = json_parse(str_slice(&request->body), err);

	if (!body)
		return error_wrap(err, "body");
	if (!json_is_object(body))
		return error_set(err, INVALID_PARAMETER_VALUE, "the body must be one JSON object");
	json_object_foreach(body, key, member)
	{
		if (is_known(key, known))
			continue;
		error_set(err, INVALID_PARAMETER_VALUE, "the body has an unknown member \"%.60s\"",
			key);
		return error_hint(err, "/api/v1/openapi.json describes it");
	}
	*out = take(body);
	return true;
}

bool request_run_id(const struct request *request, int64_t *out, struct error *err)
{
	if (slice_to_i64(request->params[0], out) && *out > 0)
		return true;
	return error_set(err, INVALID_TEXT_REPRESENTATION, "\"%.*s\" is not the number of a run",
		SLICE_FMT(slice_sub(request->params[0], 0, 40)));
}
