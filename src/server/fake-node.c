#include "server/fake-node.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/num.h"
#include "pgwire/backend.h"
#include "server/auth.h"
#include "server/query.h"
#include "server/server.h"

struct server {
	int unused;
};

struct model {
	int unused;
};

struct query {
	struct arena *arena;
	struct slice text;
	struct query_column columns[2];
	uint32_t oids[8];
	size_t oid_count;
	int64_t rows;
	int64_t at;
	enum query_format format;
	int16_t formats[2];
	struct slice params;
	struct slice notice;
	atomic_bool cancelled;
};

static struct server the_server;
static struct model the_model;
static atomic_int open_queries;
static atomic_int models_in_use;

struct server *fake_node(void)
{
	return &the_server;
}

int fake_node_open_queries(void)
{
	return atomic_load(&open_queries);
}

int fake_node_models_in_use(void)
{
	return atomic_load(&models_in_use);
}

struct metrics *server_metrics(const struct server *server)
{
	(void)server;
	return NULL;
}

struct log *server_log(const struct server *server)
{
	(void)server;
	return NULL;
}

const char *server_mesh_name(const struct server *server)
{
	(void)server;
	return "shop";
}

const struct model *server_model(struct server *server)
{
	(void)server;
	atomic_fetch_add(&models_in_use, 1);
	return &the_model;
}

void server_model_release(struct server *server, const struct model **model)
{
	(void)server;
	atomic_fetch_sub(&models_in_use, 1);
	*model = NULL;
}

void query_snapshot_take(struct server *server, struct query_snapshot *out)
{
	out->model = server_model(server);
}

void query_snapshot_drop(struct server *server, struct query_snapshot *snapshot)
{
	server_model_release(server, &snapshot->model);
}

bool auth_scram_verifier(struct server *server, struct slice user, struct slice peer,
	struct scram_verifier *out, bool *doomed_out, struct error *err)
{
	(void)server;
	(void)peer;
	*doomed_out = !slice_equal_c(user, "alice");
	if (!*doomed_out)
		return scram_verifier_make(SLICE("secret"), 4096, out, err);
	scram_verifier_mock(SLICE("node"), user, 4096, out);
	return true;
}

static struct auth_identity *identity_of(struct slice name)
{
	struct arena *arena = arena_new();
	struct auth_identity *identity = arena_new_of(arena, struct auth_identity);

	identity->arena = arena;
	identity->principal.name = arena_copy(arena, name);
	identity->scopes = AUTH_ALL;
	return identity;
}

bool auth_scram_done(struct server *server, struct slice user, struct slice peer, bool proved,
	struct auth_identity **out, struct error *err)
{
	(void)server;
	(void)peer;
	if (!proved)
		return error_set(err, INVALID_PASSWORD,
			"password authentication failed for user \"%.*s\"", SLICE_FMT(user));
	*out = identity_of(user);
	return true;
}

bool auth_token(struct server *server, struct slice token, struct slice peer,
	struct auth_identity **out, struct error *err)
{
	(void)server;
	(void)peer;
	if (!slice_equal_c(token, "weft_good"))
		return error_set(err, INVALID_PASSWORD, "token not accepted");
	*out = identity_of(SLICE("service"));
	return true;
}

void auth_identity_free(struct auth_identity **identity)
{
	struct arena *arena = *identity ? (*identity)->arena : NULL;

	arena_free(&arena);
	*identity = NULL;
}

bool auth_set_purpose(struct server *server, struct auth_identity *identity, struct slice purpose,
	struct error *err)
{
	(void)server;
	if (purpose.len && !slice_equal_c(purpose, "fraud"))
		return error_set(err, INVALID_PARAMETER_VALUE, "no such purpose");
	identity->principal.purpose = arena_copy(identity->arena, purpose);
	return true;
}

bool auth_require(const struct auth_identity *identity, unsigned scopes, struct error *err)
{
	if ((identity->scopes & scopes) == scopes)
		return true;
	return error_set(err, INSUFFICIENT_PRIVILEGE, "scope missing");
}

static bool has(const struct query *query, const char *word)
{
	return slice_find(query->text, slice_from_c(word), 0) != SIZE_MAX;
}

static void count_params(struct query *query)
{
	for (size_t i = 0; i + 1 < query->text.len; i++)
		if (query->text.ptr[i] == '$' && query->text.ptr[i + 1] >= '1' &&
			query->text.ptr[i + 1] <= '8')
			query->oid_count =
				max_of(query->oid_count, (size_t)(query->text.ptr[i + 1] - '0'));
	for (size_t i = 0; i < query->oid_count; i++)
		query->oids[i] = 23;
}

bool query_open(struct server *server, const struct query_request *request, struct query **out,
	struct error *err)
{
	struct query *query = calloc(1, sizeof *query);
	size_t rows_at = slice_find(request->text, SLICE("rows "), 0);
	size_t missing_at = slice_find(request->text, SLICE("missing"), 0);

	(void)server;
	check(query);
	query->arena = arena_new();
	query->text = arena_copy(query->arena, request->text);
	query->columns[0] = (struct query_column){SLICE("id"), SLICE("INTEGER"), 23, -1, 4};
	query->columns[1] = (struct query_column){SLICE("name"), SLICE("VARCHAR"), 25, -1, -1};
	query->rows = rows_at == SIZE_MAX ? 1 : strtoll(query->text.ptr + rows_at + 5, NULL, 10);
	query->notice = arena_printf(query->arena, "rows filtered for purpose '%.*s'",
		SLICE_FMT(request->principal->purpose));
	count_params(query);
	atomic_fetch_add(&open_queries, 1);
	*out = query;
	if (missing_at == SIZE_MAX)
		return true;
	query_close(out);
	error_set(err, UNDEFINED_TABLE, "relation \"missing\" does not exist");
	err->position = (int)missing_at + 1;
	return false;
}

bool query_start(struct query *query, const struct query_execution *how, struct error *err)
{
	(void)query;
	(void)how;
	(void)err;
	return true;
}

bool query_describe(struct query *query, const struct query_column **columns_out,
	size_t *column_count_out, const uint32_t **param_oids_out, size_t *param_count_out,
	struct error *err)
{
	(void)err;
	*columns_out = query->columns;
	*column_count_out = 2;
	*param_oids_out = query->oids;
	*param_count_out = query->oid_count;
	return true;
}

static void add_row(struct query *query, struct str *out)
{
	int64_t id = ++query->at;
	char binary[4] = {(char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};
	struct slice values[2] = {
		arena_printf(out->arena, "%ld", (long)id),
		id % 3 == 0 ? SLICE_NONE
			    : arena_printf(out->arena, "name %ld%.*s", (long)id,
				      SLICE_FMT(query->params)),
	};

	if (query->format == QUERY_PG_BOTH)
		pg_put_data_row(out, values, 2);
	if (query->format == QUERY_PG || query->format == QUERY_PG_BOTH) {
		if (query->formats[0] || query->format == QUERY_PG_BOTH)
			values[0] = slice_of(binary, 4);
		pg_put_data_row(out, values, 2);
		return;
	}
	pg_put_copy_data(out, arena_printf(out->arena, "%.*s\t%.*s\n", SLICE_FMT(values[0]),
				      SLICE_FMT(values[1])));
}

bool query_fetch(struct query *query, const struct query_more *more, const struct query_sink *sink,
	enum query_end *end_out, uint64_t *rows_out, struct error *err)
{
	uint64_t max_rows = more->max_rows;
	uint64_t given = 0;

	for (size_t i = 0; more->column_formats && i < 2; i++)
		query->formats[i] = more->column_formats[i];

	while (query->at < query->rows && (max_rows == 0 || given < max_rows)) {
		struct arena *arena = arena_new();
		struct str out = str_in(arena);
		uint32_t batch = 0;

		while (batch < 1000 && query->at < query->rows &&
			(max_rows == 0 || given < max_rows)) {
			add_row(query, &out);
			batch++;
			given++;
		}
		bool ok = sink->rows(sink->ctx, str_slice(&out), batch, err);

		arena_free(&arena);
		if (!ok)
			return false;
	}
	while (has(query, "slow") && !atomic_load(&query->cancelled))
		usleep(1000);
	if (atomic_load(&query->cancelled))
		return error_set(err, QUERY_CANCELED, "canceling statement due to user request");
	if (has(query, "broken"))
		return error_set(err, DIVISION_BY_ZERO, "division by zero");
	*end_out = max_rows && given == max_rows ? QUERY_SUSPENDED : QUERY_COMPLETE;
	*rows_out = given;
	return true;
}

bool query_run(struct query *query, const struct query_execution *how,
	const struct query_sink *sink, enum query_end *end_out, uint64_t *rows_out,
	struct error *err)
{
	query->format = how->format;
	const struct query_more more = {how->max_rows, how->column_formats};

	query->params = SLICE("");
	for (size_t i = 0; i < how->param_count; i++)
		query->params = arena_printf(query->arena, "%.*s/%.*s", SLICE_FMT(query->params),
			SLICE_FMT(how->params[i].value));
	return query_fetch(query, &more, sink, end_out, rows_out, err);
}

bool query_still_allowed(const struct query *query, struct error *err)
{
	(void)query;
	(void)err;
	return true;
}

void query_cancel(struct query *query)
{
	atomic_store(&query->cancelled, true);
}

size_t query_notices(const struct query *query, const struct slice **out)
{
	*out = &query->notice;
	return has(query, "noticed");
}

size_t query_explain(const struct query *query, struct arena *arena, const struct slice **lines_out)
{
	struct slice *lines = arena_array_of(arena, struct slice, 1);

	lines[0] = arena_printf(arena, "Reads %ld rows", (long)query->rows);
	*lines_out = lines;
	return 1;
}

void query_settle(struct server *server)
{
	(void)server;
}

void query_close(struct query **query)
{
	if (!*query)
		return;
	arena_free(&(*query)->arena);
	free(*query);
	*query = NULL;
	atomic_fetch_sub(&open_queries, 1);
}
