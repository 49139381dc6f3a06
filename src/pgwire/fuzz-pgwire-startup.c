/* The start-up packet and the "options" parameter in it: what an unauthenticated peer can send. */
#include "pgwire/frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct slice bytes = slice_of((const char *)data, size);
	struct pg_startup startup;
	struct pg_pair *pairs;
	size_t count;
	struct error err;

	if (pg_read_startup(arena, bytes, &startup, &err)) {
		struct slice options = pg_startup_param(&startup, "options");

		(void)!pg_read_options(arena, options, &pairs, &count, &err);
	}
	(void)!pg_read_options(arena, bytes, &pairs, &count, &err);
	arena_free(&arena);
	return 0;
}
