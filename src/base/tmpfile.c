#include "base/tmpfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool tmpfile_open(const char *folder, int *fd_out, struct error *err)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[4096];

	/* not every file system has files without a name */
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		if (snprintf(path, sizeof path, "%s/rows-XXXXXX", folder) >= (int)sizeof path)
			return error_set(err, IO_ERROR, "the path of %s is too long", folder);
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	if (fd < 0)
		return error_set_errno(err, errno, "make a file for rows in %s", folder);
	*fd_out = fd;
	return true;
}
