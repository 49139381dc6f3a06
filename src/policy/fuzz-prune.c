/* File verdicts for any bytes as a filter. */
#include "base/check.h"
#include "policy/prune.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct file_column columns[] = {
		{SLICE("a"), SLICE("INTEGER"), SLICE("1"), SLICE("9"), 0, false, false},
		{SLICE("country"), SLICE("VARCHAR"), SLICE("DE"), SLICE("FR"), 1, false, false},
	};
	const struct file_facts file = {columns, array_len(columns), 10};
	const struct principal nobody = {.name = SLICE("nobody")};
	struct arena *arena = arena_new();

	check(policy_file_verdict(arena, slice_of((const char *)data, size), &file, &nobody) <=
		FILE_MIXED);
	arena_free(&arena);
	return 0;
}
