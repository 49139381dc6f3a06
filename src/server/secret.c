#include "server/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_MAX_BYTES = 64 << 10 };

static bool from_env(const struct manifest_secret *secret, struct arena *arena,
	struct slice *value_out, struct error *err)
{
	if (!slice_starts_with(secret->from_env, SLICE("WEFT_"))) {
		error_set(err, CONFIG_FILE_ERROR,
			"secret %.*s: the variable %.*s does not begin with WEFT_",
			SLICE_FMT(secret->name), SLICE_FMT(secret->from_env));
		return error_hint(err, "Only such variables may be named by manifests.");
	}
	const char *value = secure_getenv(arena_cstr(arena, secret->from_env));
	if (!value) {
		error_set(err, CONFIG_FILE_ERROR, "secret %.*s: the variable %.*s is not set",
			SLICE_FMT(secret->name), SLICE_FMT(secret->from_env));
		return error_hint(err, "Set it in the environment of weft serve.");
	}
	*value_out = arena_copy(arena, slice_from_c(value));
	return true;
}

/* The real path must lie below the folder, links resolved. */
static bool check_place(const char *data_dir, const char *path, const char *real, struct error *err)
{
	char root[PATH_MAX];
	char below[PATH_MAX];
	int n = snprintf(below, sizeof below, "%s/secrets", data_dir);
	if (n > 0 && (size_t)n < sizeof below && realpath(below, root)) {
		size_t len = strlen(root);
		if (strncmp(real, root, len) == 0 && real[len] == '/')
			return true;
	}
	error_set(err, CONFIG_FILE_ERROR, "the secret file %s is not below %s/secrets", path,
		data_dir);
	return error_hint(
		err, "Put secret files there; manifests name them by their path below it.");
}

static bool from_file(const char *data_dir, const struct manifest_secret *secret,
	struct arena *arena, struct slice *value_out, struct error *err)
{
	bool absolute = secret->from_file.len && secret->from_file.ptr[0] == '/';
	struct slice text = absolute ? secret->from_file
				     : arena_printf(arena, "%s/secrets/%.*s", data_dir,
					       SLICE_FMT(secret->from_file));
	char *path = arena_cstr(arena, text);
	char real[PATH_MAX];
	if (!realpath(path, real))
		return error_set_errno(
			err, errno, "secret %.*s: open %s", SLICE_FMT(secret->name), path);
	if (!check_place(data_dir, path, real, err))
		return false;
	int fd = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_set_errno(err, errno, "open %s", path);
	char *bytes = arena_alloc(arena, SECRET_MAX_BYTES);
	ssize_t n = read(fd, bytes, SECRET_MAX_BYTES);
	close(fd);
	if (n < 0)
		return error_set_errno(err, errno, "read %s", path);
	while (n > 0 && (bytes[n - 1] == '\n' || bytes[n - 1] == '\r'))
		n--;
	*value_out = slice_of(bytes, (size_t)n);
	return true;
}

bool secret_resolve(const char *data_dir, const struct manifest_secret *secret, struct arena *arena,
	struct slice *value_out, struct error *err)
{
	return secret->from_env.len ? from_env(secret, arena, value_out, err)
				    : from_file(data_dir, secret, arena, value_out, err);
}
