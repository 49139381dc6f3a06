/*
 * The manifests that people copy: the blocks of docs/manifests.md and the meshes in examples/ must
 * be read without an error or a warning, and the formatter must settle on them.
 *	test-examples docs/manifests.md examples/shop/mesh …
 */
#include "base/testing.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vec.h"
#include "manifest/manifest.h"

struct tree {
	struct arena *arena;
	VEC(struct manifest_file) files;
};

static struct slice read_whole(struct arena *arena, const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = arena_alloc(arena, 1 << 20);

	assert_non_null(file);
	size_t len = fread(bytes, 1, 1 << 20, file);

	fclose(file);
	return slice_of(bytes, len);
}

static void read_folder(struct tree *tree, char *path)
{
	size_t prefix = strlen(path) + 1;
	char *paths[] = {path, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	assert_non_null(walk);
	while ((entry = fts_read(walk)))
		if (entry->fts_info == FTS_F)
			vec_push(tree->arena, &tree->files,
				(struct manifest_file){
					arena_copy(tree->arena,
						slice_from_c(entry->fts_path + prefix)),
					read_whole(tree->arena, entry->fts_path)});
	fts_close(walk);
}

/* A block between ``` lines whose first line is "# path" or "-- path". */
static void add_block(struct tree *tree, struct slice block)
{
	struct slice text = block;
	struct slice head = slice_split(&text, '\n');
	size_t skip = slice_starts_with(head, SLICE("# ")) ? 2 : 3;

	assert_true(skip == 2 || slice_starts_with(head, SLICE("-- ")));
	vec_push(tree->arena, &tree->files,
		(struct manifest_file){slice_sub(head, skip, head.len), block});
}

static void read_page(struct tree *tree, const char *path)
{
	struct slice page = read_whole(tree->arena, path);
	size_t at = 0;

	while ((at = slice_find(page, SLICE("\n```"), at)) != SIZE_MAX) {
		size_t start = slice_find(page, SLICE("\n"), at + 1) + 1;
		size_t end = slice_find(page, SLICE("\n```"), start - 1);
		struct slice language = slice_sub(page, at + 4, start - 1);

		assert_int_not_equal(end, SIZE_MAX);
		if (slice_equal_c(language, "yaml") || slice_equal_c(language, "sql"))
			add_block(tree, slice_sub(page, start, end + 1));
		at = end + 4;
	}
}

static void check_tree(struct tree *tree)
{
	struct manifest_set set;
	struct manifest_problems problems = {0};
	struct slice once;
	struct slice twice;
	struct error err;
	bool ok = manifest_parse(tree->arena, tree->files.items, tree->files.len, &set, &problems);

	for (size_t i = 0; i < problems.len; i++)
		print_message("%.*s:%d:%d: %.*s\n", SLICE_FMT(problems.items[i].at.path),
			problems.items[i].at.line, problems.items[i].at.column,
			SLICE_FMT(problems.items[i].message));
	assert_true(ok);
	assert_int_equal(problems.len, 0);
	assert_true(set.product_count > 0);
	vec_each (struct manifest_file, file, &tree->files) {
		if (!slice_ends_with(file->path, SLICE(".yaml")))
			continue;
		assert_true(manifest_format(tree->arena, file->text, &once, &err));
		assert_true(manifest_format(tree->arena, once, &twice, &err));
		assert_true(slice_equal(once, twice));
		file->text = once;
	}
	/* what the formatter wrote says the same */
	problems = (struct manifest_problems){0};
	assert_true(
		manifest_parse(tree->arena, tree->files.items, tree->files.len, &set, &problems));
	assert_int_equal(problems.len, 0);
}

static void test_given(void **state)
{
	char *path = *state;
	scoped(arena_free) struct arena *arena = arena_new();
	struct tree tree = {.arena = arena};

	if (slice_ends_with(slice_from_c(path), SLICE(".md")))
		read_page(&tree, path);
	else
		read_folder(&tree, path);
	check_tree(&tree);
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++) {
		const struct CMUnitTest tests[] = {
			{argv[i], test_given, NULL, NULL, argv[i]},
		};

		failed += cmocka_run_group_tests_name(argv[i], tests, NULL, NULL);
	}
	return failed != 0;
}
