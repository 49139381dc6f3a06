#include <stdlib.h>

#include "api/api-private.h"
#include "base/check.h"
#include "base/clock.h"
#include "server/explain.h"
#include "server/query.h"
#include "server/search.h"

/*
 * Lists are the system tables mesh.*, asked by the one enforcement path: who may see which rows is
 * decided there and nowhere else. Members of the items are the tables' columns.
 */
enum {
	LIST_DEFAULT = 1000,
	SEARCH_DEFAULT = 50,
	LIST_MAX = 100000,
	LIST_BYTES_MAX = 64 << 20,
	OID_INT8 = 20
};

struct list_sink {
	struct str text;
};

static bool on_rows(void *ctx, struct slice bytes, uint32_t rows, struct error *err)
{
	struct list_sink *sink = ctx;

	(void)rows;
	if (sink->text.len + bytes.len > LIST_BYTES_MAX)
		return error_set(
			err, LIMIT_EXCEEDED, "the list is longer than %d bytes", LIST_BYTES_MAX);
	str_add(&sink->text, bytes);
	return true;
}

static void on_notice(void *ctx, struct slice text)
{
	(void)ctx;
	(void)text;
}

static bool run_list(struct request *request, const char *sql, const struct query_param *params,
	size_t param_count, struct str *out, struct error *err)
{
	uint32_t oids[ROUTE_MAX_PARAMS + 1] = {0};
	const struct query_request open = {
		.principal = &request->identity->principal,
		.session = slice_from_c(request->request_id),
		.door = request->control ? SLICE("cli") : SLICE("http"),
		.request_id = slice_from_c(request->request_id),
		.text = slice_from_c(sql),
		.param_oids = oids,
		.param_oid_count = param_count,
	};
	const struct query_execution how = {
		.format = QUERY_NDJSON, .params = params, .param_count = param_count};
	struct list_sink list = {str_in(request->arena)};
	const struct query_sink sink = {on_rows, on_notice, &list};
	enum query_end end = QUERY_COMPLETE;
	uint64_t rows = 0;
	struct query *query = NULL;

	for (size_t i = 0; i < param_count; i++)
		oids[i] = params[i].oid;
	bool ok = query_open(request->server, &open, &query, err) &&
		  query_run(query, &how, &sink, &end, &rows, err);

	query_close(&query);
	*out = list.text;
	return ok;
}

/* Lines of objects → "a,b,c". */
static void add_lines(struct str *out, struct slice lines)
{
	bool first = true;

	while (lines.len) {
		struct slice line = slice_trim(slice_split(&lines, '\n'));

		if (line.len == 0)
			continue;
		if (!first)
			str_add_char(out, ',');
		first = false;
		str_add(out, line);
	}
}

/* sql's $1 is the domain (NULL = all) where it has one, the last one the number of rows. */
static bool reply_list(struct request *request, const char *sql, bool by_domain, struct error *err)
{
	struct query_param params[2] = {{0}};
	size_t count = by_domain ? 2 : 1;
	struct str lines = {0};
	struct str body = str_in(request->arena);
	int64_t limit = 0;

	if (!request_number(request, "limit", LIST_DEFAULT, LIST_MAX, &limit, err))
		return false;
	if (by_domain)
		params[0] = (struct query_param){25, 0, request_query(request, "domain")};
	params[count - 1] = (struct query_param){
		OID_INT8, 0, arena_printf(request->arena, "%lld", (long long)limit)};
	if (!run_list(request, sql, params, count, &lines, err))
		return false;
	str_add(&body, SLICE("{\"items\":["));
	add_lines(&body, str_slice(&lines));
	str_add(&body, SLICE("]}"));
	return reply_text(request, MHD_HTTP_OK, "application/json", str_slice(&body));
}

#define LINEAGE_ORDER                                                                              \
	"to_domain, to_table, to_column, from_domain, from_source, from_table, from_column, "      \
	"subtype"
#define BY_DOMAIN "WHERE $1 IS NULL OR domain = $1 "

bool api_domains(struct request *request, struct error *err)
{
	return reply_list(
		request, "SELECT * FROM mesh.domains ORDER BY domain LIMIT $1", false, err);
}

bool api_products(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.products " BY_DOMAIN "ORDER BY domain, product LIMIT $2", true,
		err);
}

bool api_tables(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.tables " BY_DOMAIN
		"ORDER BY domain, table_name, major LIMIT $2",
		true, err);
}

bool api_columns(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.columns " BY_DOMAIN
		"ORDER BY domain, table_name, position LIMIT $2",
		true, err);
}

bool api_lineage(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.lineage WHERE $1 IS NULL OR to_domain = $1 "
		"ORDER BY " LINEAGE_ORDER " LIMIT $2",
		true, err);
}

bool api_sources(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.sources " BY_DOMAIN "ORDER BY domain, source LIMIT $2", true,
		err);
}

bool api_policies(struct request *request, struct error *err)
{
	return reply_list(
		request, "SELECT * FROM mesh.policies ORDER BY policy LIMIT $1", false, err);
}

bool api_versions(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.versions " BY_DOMAIN "ORDER BY published_at DESC LIMIT $2",
		true, err);
}

bool api_slo(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.slo " BY_DOMAIN "ORDER BY domain, table_name LIMIT $2", true,
		err);
}

bool api_checks(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.checks " BY_DOMAIN
		"ORDER BY run DESC, table_name, rule LIMIT $2",
		true, err);
}

bool api_audit(struct request *request, struct error *err)
{
	return reply_list(
		request, "SELECT * FROM mesh.audit ORDER BY id DESC LIMIT $1", false, err);
}

bool api_nodes(struct request *request, struct error *err)
{
	return reply_list(request, "SELECT * FROM mesh.nodes LIMIT $1", false, err);
}

bool api_runs(struct request *request, struct error *err)
{
	return reply_list(request,
		"SELECT * FROM mesh.runs " BY_DOMAIN "ORDER BY run DESC LIMIT $2", true, err);
}

struct member {
	const char *name;
	const char *sql;
};

static bool add_member(struct request *request, const struct query_param *params,
	const struct member *member, json_t *item, struct error *err)
{
	struct str lines = {0};
	struct str list = str_in(request->arena);

	if (!run_list(request, member->sql, params, 2, &lines, err))
		return false;
	str_add_char(&list, '[');
	add_lines(&list, str_slice(&lines));
	str_add_char(&list, ']');
	json_t *members = json_parse(str_slice(&list), err);

	if (!members)
		return false;
	json_object_set_new(item, member->name, members);
	return true;
}

/* One thing and the things it has: {…, member: [items]}; members end with a name of NULL. */
static bool reply_item(struct request *request, const char *what, const char *sql,
	const struct member *members, struct error *err)
{
	const struct query_param params[2] = {
		{25, 0, request->params[0]}, {25, 0, request->params[1]}};
	struct str line = {0};

	if (!run_list(request, sql, params, 2, &line, err))
		return false;
	if (slice_trim(str_slice(&line)).len == 0) {
		error_set(err, UNDEFINED_OBJECT, "there is no %s \"%.*s.%.*s\"", what,
			SLICE_FMT(request->params[0]), SLICE_FMT(request->params[1]));
		return error_hint(err, "weft get %ss lists those that you may know of", what);
	}
	scoped(json_drop) json_t *item = json_parse(slice_trim(str_slice(&line)), err);

	if (!item)
		return false;
	for (const struct member *m = members; m->name; m++)
		if (!add_member(request, params, m, item, err))
			return false;
	return reply_json(request, MHD_HTTP_OK, item);
}

bool api_product(struct request *request, struct error *err)
{
	static const struct member MEMBERS[] = {
		{"tables", "SELECT * FROM mesh.tables WHERE domain = $1 AND product = $2 "
			   "ORDER BY table_name, major"},
		{NULL, NULL},
	};

	return reply_item(request, "product",
		"SELECT * FROM mesh.products WHERE domain = $1 AND product = $2", MEMBERS, err);
}

bool api_table(struct request *request, struct error *err)
{
	static const struct member MEMBERS[] = {
		{"columns", "SELECT * FROM mesh.columns WHERE domain = $1 AND table_name = $2 "
			    "ORDER BY position"},
		{"lineage", "SELECT * EXCLUDE (to_domain, to_table) FROM mesh.lineage WHERE "
			    "to_domain = $1 AND to_table = $2 ORDER BY " LINEAGE_ORDER},
		{NULL, NULL},
	};

	return reply_item(request, "table",
		"SELECT * FROM mesh.tables WHERE domain = $1 AND table_name = $2 "
		"ORDER BY major DESC LIMIT 1",
		MEMBERS, err);
}

bool api_search(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *value = NULL;
	int64_t limit = 0;

	return request_number(request, "limit", SEARCH_DEFAULT, LIST_MAX, &limit, err) &&
	       search_catalogue(request->server, &request->identity->principal,
		       request_query(request, "q"), (size_t)limit, &value, err) &&
	       reply_json(request, MHD_HTTP_OK, value);
}

bool api_explain_access(struct request *request, struct error *err)
{
	struct slice principal = request_query(request, "principal");
	struct slice table = request_query(request, "table");
	scoped(json_drop) json_t *value = NULL;

	if (slice_is_none(table)) {
		error_set(err, INVALID_PARAMETER_VALUE, "\"table\" is missing");
		return error_hint(
			err, "ask /api/v1/explain-access?principal=alice&table=sales.orders");
	}
	if (slice_is_none(principal))
		principal = request->identity->principal.name;
	const struct explain_request explain = {.caller = request->identity,
		.principal = principal,
		.table = table,
		.purpose = request_query(request, "purpose")};

	return explain_access(request->server, &explain, &value, err) &&
	       reply_json(request, MHD_HTTP_OK, value);
}
