#pragma once

/*
 * Places where a test makes the process die as by power loss: WEFT_FAULT=name in the environment.
 * Compiled in with the build option fault_points only.
 */
#ifdef WEFT_FAULT_POINTS
void fault_point(const char *name);
#else
static inline void fault_point(const char *name)
{
	(void)name;
}
#endif
