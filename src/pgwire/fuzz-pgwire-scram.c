/* client-first and client-final, one per line, and a stored verifier. */
#include "pgwire/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct slice rest = slice_of((const char *)data, size);
	struct slice first = slice_split(&rest, '\n');
	struct slice reply;
	struct scram_verifier verifier;
	struct error err;

	scram_verifier_mock(SLICE("secret"), SLICE("user"), 1, &verifier);
	struct scram_server scram = {
		.arena = arena, .verifier = &verifier, .server_nonce = SLICE("server")};

	if (scram_server_first(&scram, first, &reply, &err) == SCRAM_OK &&
		scram_server_final(&scram, rest, &reply, &err) == SCRAM_OK)
		__builtin_trap(); /* nobody knows a password of a mock verifier */
	(void)!scram_verifier_parse(rest, &verifier, &err);
	arena_free(&arena);
	return 0;
}
