/*
 * A mesh from one input: a line "=== path" begins a file. What is read is compared with itself and
 * with an empty mesh, and every file goes through the formatter, whose second pass must not differ
 * from its first.
 */
#include "base/check.h"
#include "manifest/manifest.h"

enum { MAX_FILES = 64, MAX_INPUT = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t split_files(struct slice input, struct manifest_file *files)
{
	static const struct slice HEAD = {"=== ", 4};
	size_t count = 0;
	size_t at = slice_starts_with(input, HEAD) ? 0 : SIZE_MAX;

	while (at != SIZE_MAX && count < MAX_FILES) {
		struct slice rest = slice_sub(input, at + HEAD.len, input.len);
		struct slice path = slice_split(&rest, '\n');
		size_t end = slice_is_none(rest) ? SIZE_MAX : slice_find(rest, SLICE("\n=== "), 0);
		struct slice text = slice_is_none(rest)
					    ? SLICE("")
					    : slice_sub(rest, 0, end == SIZE_MAX ? rest.len : end);

		files[count++] = (struct manifest_file){path, text};
		at = end == SIZE_MAX ? SIZE_MAX : (size_t)(rest.ptr - input.ptr) + end + 1;
	}
	return count;
}

static void format_twice(struct arena *arena, struct slice text)
{
	struct slice once;
	struct slice twice;
	struct error err;

	if (!manifest_format(arena, text, &once, &err))
		return;
	check(manifest_format(arena, once, &twice, &err));
	check(slice_equal(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest_file files[MAX_FILES];
	struct manifest_set set;
	struct manifest_set empty = {0};
	struct manifest_problems problems = {0};
	struct manifest_step *steps;
	struct manifest_break *breaks;
	size_t step_count;
	size_t break_count;

	if (size > MAX_INPUT)
		return 0;
	struct arena *arena = arena_new();
	size_t count = split_files(slice_of((const char *)data, size), files);
	bool ok = manifest_parse(arena, files, count, &set, &problems);
	struct manifest_side side = {files, count, &set};

	check(ok == (problems.errors == 0));
	manifest_diff(arena, &side, &side, &steps, &step_count);
	manifest_diff(arena, &(struct manifest_side){NULL, 0, &empty}, &side, &steps, &step_count);
	manifest_breaking(arena, &set, &set, &breaks, &break_count);
	check(!ok || break_count == 0);
	manifest_breaking(arena, &set, &empty, &breaks, &break_count);
	for (size_t i = 0; i < count; i++)
		format_twice(arena, files[i].text);
	arena_free(&arena);
	return 0;
}
