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
	const struct parser *parser = ctx;
	static const char no_key[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	struct principal nobody = {.name = parser_name};
	struct wire_narrow n = {.memory_bytes = (uint64_t)parser->memory_bytes,
		.threads = 1,
		.spill_dir = spill_dir,
		.principal = &nobody,
		.pseudonym_key = no_key,
		.database = "weft"};
	*out = (struct pool_grant){.payload = wire_narrow_json(arena, &n)};
	return true;
}

struct question {
	enum worker_frame type;
	enum worker_frame answer;
	struct slice payload;
};

static bool ask(struct worker *worker, const struct question *question, struct arena *arena,
	struct slice *out, struct error *err)
{
	struct frame frame = {0};
	worker_begin(worker, PARSE_TIMEOUT_MS);
	bool ok = worker_send(worker, question->type, question->payload, NULL, 0, err) &&
		  worker_receive(worker, arena, &frame, err);
	worker_end(worker);
	if (!ok)
		return false;
	frame_close_fds(&frame);
	if (frame.type == W_ERROR)
		return worker_error(worker, &frame, err);
	if (frame.type != question->answer)
		return error_set(
			err, INTERNAL_ERROR, "a worker answered with frame %d", frame.type);
	*out = frame.payload;
	return true;
}

static bool ask_any(const struct parser *parser, const struct question *question,
	struct arena *arena, struct slice *out, struct error *err)
{
	struct pool_request lend = {.key = {.words = {0, 1}},
		.principal = parser_name,
		.narrow = narrow,
		.ctx = (void *)(uintptr_t)parser};
	struct worker *worker;
	if (!pool_acquire(parser->pool, &lend, &worker, err))
		return false;
	bool ok = ask(worker, question, arena, out, err);
	pool_release(parser->pool, &worker, WORKER_CLEAN);
	return ok;
}

struct parser parser_of(const struct server *server)
{
	return (struct parser){.pool = server->pool,
		.store = server->store,
		.memory_bytes = server->config->query_memory_bytes};
}

bool parse_text(const struct parser *parser, struct slice text, struct arena *arena,
	struct slice *ast_out, struct error *err)
{
	struct question question = {W_PARSE, W_AST, text};
	return sql_check_text(text, err) && ask_any(parser, &question, arena, ast_out, err);
}

bool parse_expression(const struct parser *parser, struct slice expression, struct arena *arena,
	struct slice *ast_out, struct error *err)
{
	struct slice text = sql_expression_statement(arena, expression);
	struct question question = {W_PARSE_EXPRESSION, W_AST, text};
	return sql_check_text(text, err) && ask_any(parser, &question, arena, ast_out, err);
}

bool parse_bind(const struct parser *parser, const struct parse_binding *binding,
	struct arena *arena, struct wire_prepared *out, struct error *err)
{
	struct wire_prepare prepare = {.key = 1,
		.text = binding->text,
		.relations = binding->relations,
		.relation_count = binding->relation_count};
	struct question question = {W_PREPARE, W_PREPARED, wire_prepare_json(arena, &prepare)};
	struct slice answer = SLICE_NONE;
	return ask_any(parser, &question, arena, &answer, err) &&
	       wire_prepared_parse(arena, answer, out, err);
}

bool parse_is_io(const struct error *err)
{
	return err->state == SQLSTATE_INSUFFICIENT_RESOURCES ||
	       err->state == SQLSTATE_CRASH_SHUTDOWN || err->state == SQLSTATE_ADMIN_SHUTDOWN ||
	       err->state == SQLSTATE_TOO_MANY_CONNECTIONS ||
	       err->state == SQLSTATE_CANNOT_CONNECT_NOW;
}
