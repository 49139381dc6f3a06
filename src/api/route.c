#include <stdio.h>
#include <string.h>

#include "api/request.h"

/* The route table and the search in it. */

const struct route routes[] = {
#define ROUTE(                                                                                     \
	method_, path_, scopes_, handler_, body_, request_schema_, response_schema_, summary_)     \
	{(method_), (path_), (scopes_), (handler_), (body_), (request_schema_),                    \
		(response_schema_), #handler_, (summary_)},
#include "api/routes.def"
#undef ROUTE
};

const size_t route_count = array_len(routes);

static bool path_fits(
	struct arena *arena, const char *template, struct slice path, struct slice *params)
{
	struct slice want = slice_from_c(template);
	size_t count = 0;

	while (!slice_is_none(want) && !slice_is_none(path)) {
		struct slice part = slice_split(&want, '/');
		struct slice given = slice_split(&path, '/');

		if (part.len && part.ptr[0] == '{') {
			if (given.len == 0 || count == ROUTE_MAX_PARAMS ||
				!request_decode(arena, given, &params[count++]))
				return false;
		} else if (!slice_equal(part, given)) {
			return false;
		}
	}
	return slice_is_none(want) && slice_is_none(path);
}

enum route_match route_find(struct arena *arena, struct slice method, struct slice path,
	const struct route **out, struct slice *params, char *allow_out)
{
	enum { ALLOW_BYTES = 64 };
	size_t used = 0;

	allow_out[0] = 0;
	if (slice_equal_c(method, "HEAD"))
		method = SLICE("GET");
	for (size_t i = 0; i < route_count; i++) {
		if (!path_fits(arena, routes[i].path, path, params))
			continue;
		if (slice_equal_c(method, routes[i].method)) {
			*out = &routes[i];
			return ROUTE_FOUND;
		}
		used += (size_t)snprintf(allow_out + used, ALLOW_BYTES - used, "%s%s",
			used ? ", " : "", routes[i].method);
	}
	return used ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}
