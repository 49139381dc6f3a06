#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Builds that measure themselves: coverage counters (b_coverage) and sanitizers (b_sanitize). At
 * its end a process writes counters and reports into the build folder, so the sandbox has to leave
 * that open, and a sanitizer's shadow needs more address space than any limit. A normal build has
 * none of this: everything here is then a constant.
 */
#ifdef WEFT_MEASURED
/* Absolute path of the folder to leave open. */
static inline const char *measure_folder(void)
{
	return WEFT_MEASURED;
}
/* Worker's main, before any thread: SIGTERM saves the counters and ends the process. */
void measure_end_on_sigterm(void);
/* Saves the counters; for processes that end by _exit. */
void measure_save(void);
#else
static inline const char *measure_folder(void)
{
	return NULL;
}
static inline void measure_end_on_sigterm(void)
{
}
static inline void measure_save(void)
{
}
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASURE_LIMITS_MEMORY false
#else
#define MEASURE_LIMITS_MEMORY true
#endif

/* false under a sanitizer: its shadow reserves terabytes. */
static inline bool measure_can_limit_memory(void)
{
	return MEASURE_LIMITS_MEMORY;
}
