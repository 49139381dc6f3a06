#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

static bool read_all(
	int fd, const char *path, size_t max_bytes, struct str *text, struct error *err)
{
	for (;;) {
		char part[65536];
		ssize_t len = read(fd, part, sizeof part);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return error_set_errno(err, errno, "read %s", path);
		if (len == 0)
			return true;
		if (text->len + (size_t)len > max_bytes)
			return error_set(err, STATEMENT_TOO_COMPLEX, "%s is larger than %zu bytes",
				path, max_bytes);
		str_add(text, slice_of(part, (size_t)len));
	}
}

bool file_read(struct arena *arena, const char *path, size_t max_bytes, struct slice *out,
	struct error *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct str text = str_in(arena);

	if (fd < 0 && errno == ENOENT)
		return error_set(err, UNDEFINED_FILE, "there is no file %s", path);
	if (fd < 0)
		return error_set_errno(err, errno, "read %s", path);
	bool ok = read_all(fd, standard ? "standard input" : path, max_bytes, &text, err);

	if (!standard)
		close(fd);
	*out = str_slice(&text);
	return ok;
}

static bool write_all(int fd, struct slice text)
{
	while (text.len) {
		ssize_t len = write(fd, text.ptr, text.len);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return false;
		text = slice_sub(text, (size_t)len, text.len);
	}
	return fsync(fd) == 0;
}

bool file_write(const char *path, struct slice text, unsigned mode, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	char *temporary = arena_cstr(arena, arena_printf(arena, "%s.XXXXXX", path));
	int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "write %s", path);
	bool ok = fchmod(fd, mode) == 0 && write_all(fd, text);
	int reason = errno;

	if (close(fd) != 0 && ok) {
		ok = false;
		reason = errno;
	}
	if (ok && rename(temporary, path) != 0) {
		ok = false;
		reason = errno;
	}
	if (ok)
		return true;
	unlink(temporary);
	return error_set_errno(err, reason, "write %s", path);
}

bool file_make_dirs(const char *path, unsigned mode, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	char *part = arena_cstr(arena, slice_from_c(path));

	for (char *c = part + 1; *part; c++) {
		char here = *c;

		if (here != '/' && here != 0)
			continue;
		*c = 0;
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return error_set_errno(err, errno, "make the folder %s", part);
		if (here == 0)
			break;
		*c = here;
	}
	return true;
}
