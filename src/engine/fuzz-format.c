/* Templates and texts of to_char, to_timestamp: the template ends at the first NUL. */
#include "base/check.h"
#include "engine/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct slice all = slice_of((const char *)data, size);
	size_t end = slice_find(all, slice_of("", 1), 0);
	struct slice template = slice_sub(all, 0, end);
	struct slice text = end == SIZE_MAX ? SLICE("") : slice_sub(all, end + 1, all.len);
	struct str out = str_in(arena);
	int64_t us;

	format_number(&out, text, template);
	(void)!format_timestamp(&out, text, template);
	(void)!format_read_timestamp(text, template, &us);
	arena_free(&arena);
	return 0;
}
