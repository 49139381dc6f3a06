#include "server/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fault.h"

static void free_text(char **text)
{
	free(*text);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

bool files_make_parents(const char *path, struct error *err)
{
	scoped(free_text) char *copy = strdup(path);
	check(copy != NULL);
	for (char *at = strchr(copy + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = 0;
		if (mkdir(copy, 0755) != 0 && errno != EEXIST)
			return error_set_errno(err, errno, "make the folder %s", copy);
		*at = '/';
	}
	return true;
}

static bool sync_folder(const char *path, struct error *err)
{
	scoped(free_text) char *folder = strdup(path);
	check(folder != NULL);
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	scoped(close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return error_set_errno(err, errno, "sync the folder %s", folder);
	return true;
}

/* Nothing stays of the copy on failure. */
static bool copy_over(const char *from, const char *to, struct error *err)
{
	scoped(close_fd) int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return error_set_errno(err, errno, "open %s", from);
	/* What a crash left half copied. */
	unlink(to);
	scoped(close_fd) int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return error_set_errno(err, errno, "make %s", to);
	ssize_t n;
	while ((n = sendfile(out, in, NULL, 1 << 30)) > 0)
		;
	if (n < 0 || fsync(out) != 0) {
		error_set_errno(err, errno, "write %s", to);
		unlink(to);
		return false;
	}
	if (unlink(from) != 0)
		return error_set_errno(err, errno, "remove %s", from);
	return true;
}

bool files_move(const char *from, const char *to, struct error *err)
{
	struct stat info;
	if (lstat(from, &info) != 0)
		return error_set_errno(err, errno, "find %s", from);
	/* A link would grant its target to readers. */
	if (!S_ISREG(info.st_mode))
		return error_set(err, IO_ERROR, "%s is no regular file", from);
	if (fault_fails("files.move"))
		return error_set_errno(err, errno, "move %s to %s", from, to);
	if (rename(from, to) != 0) {
		if (errno != EXDEV)
			return error_set_errno(err, errno, "move %s to %s", from, to);
		if (!copy_over(from, to, err))
			return false;
	}
	return sync_folder(to, err);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info;
	(void)where;
	if (kind == FTW_DP)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

void remove_tree(const char *path)
{
	/* FTW_PHYS: links are removed, never followed. */
	/* Without FTW_CHDIR it changes nothing of the process.
	 * NOLINTNEXTLINE(concurrency-mt-unsafe) */
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
