#include "server/parse.h"

#include "ipc/worker.h"
#include "server/pool.h"
#include "server/server-private.h"
#include "server/wire.h"
#include "sql/sql.h"

enum { PARSE_TIMEOUT_MS = 10000 };

static const struct slice parser_name = {"weft:parser", 11};

/* Nothing to read: no folders, no files, no attributes. */
static bool narrow(void *ctx, struct arena *arena, const char *spill_dir, struct pool_grant *out,
	struct error *err)
{
	(void)err;
	const struct server *server = ctx;
	const struct config *config = server->config;
	static const char no_key[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	struct principal nobody = {.name = parser_name};
	struct wire_narrow n = {.memory_bytes = (uint64_t)config->query_memory_bytes,
		.threads = 1,
		.spill_dir = spill_dir,
		.principal = &nobody,
		.pseudonym_key = no_key,
		.database = "weft"};
	*out = (struct pool_grant){.payload = wire_narrow_json(arena, &n)};
	return true;
}

static bool ask(struct worker *worker, struct slice text, struct arena *arena,
	struct slice *ast_out, struct error *err)
{
	struct frame frame;
	worker_begin(worker, PARSE_TIMEOUT_MS);
	bool ok = worker_send(worker, W_PARSE, text, NULL, 0, err) &&
		  worker_receive(worker, arena, &frame, err);
	worker_end(worker);
	if (!ok)
		return false;
	frame_close_fds(&frame);
	if (frame.type == W_ERROR)
		return worker_error(worker, &frame, err);
	if (frame.type != W_AST)
		return error_set(
			err, INTERNAL_ERROR, "a worker answered with frame %d", frame.type);
	*ast_out = frame.payload;
	return true;
}

bool parse_text(const struct parse_request *request, struct arena *arena, struct slice *ast_out,
	struct error *err)
{
	if (!sql_check_text(request->text, err))
		return false;
	struct pool_request lend = {.key = {.words = {0, 1}},
		.principal = parser_name,
		.narrow = narrow,
		.ctx = request->server};
	struct worker *worker;
	if (!pool_acquire(request->server->pool, &lend, &worker, err))
		return false;
	bool ok = ask(worker, request->text, arena, ast_out, err);
	pool_release(request->server->pool, &worker, WORKER_CLEAN);
	return ok;
}
