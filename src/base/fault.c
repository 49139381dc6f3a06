#include "base/fault.h"

#ifdef WEFT_FAULT_POINTS
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fault_point(const char *name)
{
	const char *wanted = secure_getenv("WEFT_FAULT");
	if (wanted && strcmp(wanted, name) == 0)
		kill(getpid(), SIGKILL);
}

bool fault_fails(const char *name)
{
	const char *wanted = secure_getenv("WEFT_FAULT");
	size_t len = strlen(name);
	if (!wanted || strncmp(wanted, name, len) != 0 || wanted[len] != ':')
		return false;
	errno = (int)strtol(wanted + len + 1, NULL, 10);
	return true;
}
#else
/* ISO C wants something in every file. */
typedef int fault_points_are_off;
#endif
