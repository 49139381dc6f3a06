#include "cli/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "cli/files.h"

enum { TREE_FILES_MAX = 100000, TREE_DEPTH_MAX = 32, TREE_FILE_BYTES_MAX = 16 << 20 };

struct tree {
	struct arena *arena;
	const char *root;
	VEC(struct manifest_file) files;
};

static bool is_manifest(struct slice name)
{
	return slice_ends_with(name, SLICE(".yaml")) || slice_ends_with(name, SLICE(".yml")) ||
	       slice_ends_with(name, SLICE(".sql"));
}

static bool walk(struct tree *tree, const char *relative, int depth, struct error *err);

static bool visit(
	struct tree *tree, const char *relative, const char *name, int depth, struct error *err)
{
	const char *path =
		arena_printf(tree->arena, "%s%s%s", relative, *relative ? "/" : "", name).ptr;
	const char *full = arena_printf(tree->arena, "%s/%s", tree->root, path).ptr;
	struct manifest_file file = {.path = slice_from_c(path)};
	struct stat status;

	if (name[0] == '.')
		return true;
	if (lstat(full, &status) != 0)
		return error_set_errno(err, errno, "look at %s", full);
	if (S_ISDIR(status.st_mode))
		return walk(tree, path, depth + 1, err);
	if (!S_ISREG(status.st_mode) || !is_manifest(file.path))
		return true;
	if (tree->files.len == TREE_FILES_MAX)
		return error_set(err, LIMIT_EXCEEDED, "%s holds more than %d manifests", tree->root,
			TREE_FILES_MAX);
	if (!file_read(tree->arena, full, TREE_FILE_BYTES_MAX, &file.text, err))
		return false;
	vec_push(tree->arena, &tree->files, file);
	return true;
}

static bool walk(struct tree *tree, const char *relative, int depth, struct error *err)
{
	const char *full = arena_printf(tree->arena, "%s/%s", tree->root, relative).ptr;
	DIR *dir = depth > TREE_DEPTH_MAX ? NULL : opendir(full);
	const struct dirent *entry = NULL;
	bool ok = true;

	if (depth > TREE_DEPTH_MAX)
		return error_set(err, LIMIT_EXCEEDED, "%s is nested too deeply", full);
	if (!dir)
		return errno == ENOENT
			       ? error_set(err, UNDEFINED_FILE, "there is no folder %s", tree->root)
			       : error_set_errno(err, errno, "read %s", full);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	while (ok && (entry = readdir(dir)))
		ok = visit(tree, relative, entry->d_name, depth, err);
	closedir(dir);
	return ok;
}

static int by_path(const void *a, const void *b)
{
	const struct manifest_file *left = a;
	const struct manifest_file *right = b;

	return slice_compare(left->path, right->path);
}

bool tree_read(struct arena *arena, const char *dir, struct manifest_file **out, size_t *count_out,
	struct error *err)
{
	struct tree tree = {.arena = arena, .root = dir};

	if (!walk(&tree, "", 0, err))
		return false;
	if (tree.files.len == 0) {
		error_set(err, UNDEFINED_FILE, "%s holds no manifests (*.yaml, *.sql)", dir);
		return error_hint(err, "name the folder with --file DIR");
	}
	qsort(tree.files.items, tree.files.len, sizeof *tree.files.items, by_path);
	*out = tree.files.items;
	*count_out = tree.files.len;
	return true;
}
