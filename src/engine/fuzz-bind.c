/* Parameters as a client may send them: the first byte chooses type and format, the rest is the
 * value. */
#include <stdint.h>

#include "base/check.h"
#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
void fuzz_end(void);

static const uint32_t OIDS[] = {16, 17, 20, 21, 23, 25, 26, 114, 700, 701, 1000, 1005, 1007, 1009,
	1016, 1021, 1022, 1042, 1043, 1082, 1083, 1114, 1182, 1184, 1185, 1186, 1231, 1266, 1700,
	2950, 2951, 3802, 0, 705, 424242};

static struct engine *engine; /* opening one takes longer than an input */

/* DuckDB keeps what belongs to its last statement where the leak search does not look. */
void fuzz_end(void)
{
	engine_close(&engine);
}

static struct engine *the_engine(void)
{
	struct engine_options options = {.threads = 1, .time_zone = "UTC"};
	struct error err;

	if (engine)
		return engine;
	check(engine_open(&options, &engine, &err));
	return engine;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(engine_statement_free) struct engine_statement *statement = NULL;
	scoped(engine_result_free) struct engine_result *result = NULL;
	struct error err;
	size_t rows;

	if (len == 0)
		return 0;
	uint32_t oid = OIDS[(bytes[0] >> 1) % array_len(OIDS)];
	struct slice type = engine_type_of_oid(arena, oid);

	check(engine_prepare(the_engine(),
		arena_printf(arena, "SELECT CAST($1 AS %.*s)::VARCHAR", SLICE_FMT(type)),
		&statement, &err));
	if (!engine_bind(statement, 0, oid, bytes[0] & 1,
		    slice_of((const char *)bytes + 1, len - 1), &err) ||
		!engine_execute(statement, &result, &err) ||
		!engine_result_next(result, &rows, &err))
		return 0;
	check(rows == 1 && slice_is_utf8(engine_value_text(result, arena, 0, 0)));
	return 0;
}
