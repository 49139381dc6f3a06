#pragma once

#include <stdbool.h>

/*
 * Places where a test makes the process die as by power loss (WEFT_FAULT=name in the environment)
 * or a call of the kernel fail (WEFT_FAULT=name:errno, the number of errno(3)). Compiled in with
 * the build option fault_points only.
 */
#ifdef WEFT_FAULT_POINTS
void fault_point(const char *name);
/* true = errno is set, the caller fails as if the kernel had said so. */
bool fault_fails(const char *name);
#else
static inline void fault_point(const char *name)
{
	(void)name;
}

static inline bool fault_fails(const char *name)
{
	(void)name;
	return false;
}
#endif
