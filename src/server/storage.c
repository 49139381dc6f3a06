#include "server/storage.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "server/server-private.h"

/* Links resolved as far as the path exists; the rest cannot hold a link. */
static bool resolve(struct arena *arena, struct slice path, struct slice *out, struct error *err)
{
	char real[PATH_MAX];
	char *known = arena_cstr(arena, path);
	size_t len = strlen(known);

	while (!realpath(len ? known : "/", real)) {
		if (errno != ENOENT || len == 0) {
			error_set_errno(err, errno, "find the folder %s", known);
			return false;
		}
		while (len > 0 && known[len - 1] != '/')
			len--;
		while (len > 0 && known[len - 1] == '/')
			len--;
		known[len] = 0;
	}
	*out = arena_printf(arena, "%s%.*s", strcmp(real, "/") == 0 ? "" : real,
		SLICE_FMT(slice_sub(path, len, path.len)));
	return true;
}

static struct slice lake_dir(const struct server *server, struct arena *arena, size_t i)
{
	const char *dir =
		i < server->config->lake_dirs.count ? server->config->lake_dirs.items[i] : "lake";

	return *dir == '/' ? slice_from_c(dir)
			   : arena_printf(arena, "%s/%s", server->data_dir, dir);
}

static bool lies_below(struct slice path, struct slice dir)
{
	return slice_starts_with(path, dir) && (path.len == dir.len || path.ptr[dir.len] == '/');
}

/* The engine takes these in a path as a pattern; ".." is what resolve() could not judge in a part
 * that does not exist yet. */
static bool is_plain(struct slice path)
{
	struct slice rest = path;

	for (size_t i = 0; i < path.len; i++)
		if ((unsigned char)path.ptr[i] < ' ' || strchr("*?[]{}", path.ptr[i]))
			return false;
	while (!slice_is_none(rest))
		if (slice_equal_c(slice_split(&rest, '/'), ".."))
			return false;
	return true;
}

bool storage_folder(const struct server *server, struct arena *arena, struct slice storage,
	struct slice *out, struct error *err)
{
	struct slice first = lake_dir(server, arena, 0);
	struct slice path = !storage.len	    ? first
			    : storage.ptr[0] == '/' ? storage
						    : arena_printf(arena, "%.*s/%.*s",
							      SLICE_FMT(first), SLICE_FMT(storage));
	struct slice real;

	if (!is_plain(storage)) {
		error_set(err, INVALID_PARAMETER_VALUE,
			"the storage folder %.*s has one of * ? [ ] { } or .. in its path",
			SLICE_FMT(storage));
		return error_hint(err, "Give the folder a plain name.");
	}
	if (!resolve(arena, path, &real, err))
		return false;
	for (size_t i = 0; i < server->config->lake_dirs.count; i++) {
		struct slice allowed;

		if (!resolve(arena, lake_dir(server, arena, i), &allowed, err))
			return false;
		if (lies_below(real, allowed)) {
			*out = path;
			return true;
		}
	}
	error_set(err, INSUFFICIENT_PRIVILEGE,
		"the storage folder %.*s lies outside the folders for tables", SLICE_FMT(storage));
	return error_hint(err, "Choose one below lake.dirs, or ask the node's administrator to add "
			       "its folder there.");
}
