#pragma once

#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/* `weft search TEXT`: products and tables by name, column, tag or description. */
struct server;
struct principal;

enum { SEARCH_TEXT_MAX = 200 };

/*
 * {"items":[{"kind":"product|table","name":"sales.orders","why":"column email","column","product",
 * "description","status","score"}]}, best first, at most limit; only of what the principal may
 * know.
 * 22023 for a text that is empty or longer than SEARCH_TEXT_MAX bytes. Any thread.
 */
bool search_catalogue(struct server *server, const struct principal *principal, struct slice text,
	size_t limit, json_t **out, struct error *err) must_check;
