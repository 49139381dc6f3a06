/* A Delta log as somebody else may have written it; commits are split by NUL. */
#include <stdint.h>

#include "base/check.h"
#include "delta/delta.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice rest = slice_of((const char *)bytes, len);
	struct delta_state state;
	struct error err;
	struct slice rows;

	delta_state_init(&state, arena);
	for (int64_t version = 0; !slice_is_none(rest); version++)
		if (!delta_state_apply(&state, version, slice_split(&rest, '\0'), &err))
			return 0;
	check(delta_checkpoint_rows(arena, &state, 0, &rows, &err));
	const struct delta_file *files = delta_state_files(&state, arena);

	for (size_t i = 0; i < state.file_count; i++)
		check(files[i].path.len > 0 && files[i].path.ptr[0] != '/');
	return 0;
}
