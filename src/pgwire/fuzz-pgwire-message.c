/* The messages of a session: the first byte is the type, the rest the body. */
#include "pgwire/frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *arena = arena_new();
	struct slice body = slice_of((const char *)data + 1, size - 1);
	struct slice text;
	struct slice mechanism;
	struct pg_parse parse;
	struct pg_bind bind;
	struct pg_target target;
	struct pg_execute execute;
	struct error err;

	switch (data[0]) {
	case 'P': (void)!pg_read_parse(arena, body, &parse, &err); break;
	case 'B': (void)!pg_read_bind(arena, body, &bind, &err); break;
	case 'D': (void)!pg_read_target(body, &target, &err); break;
	case 'E': (void)!pg_read_execute(body, &execute, &err); break;
	case 'Q': (void)!pg_read_query(body, &text, &err); break;
	default: (void)!pg_read_sasl_initial(body, &mechanism, &text, &err); break;
	}
	arena_free(&arena);
	return 0;
}
