/*
 * What a measuring build (measure.h) adds to a process. The names with underscores are called by
 * the sanitizers' and the compiler's run-time libraries, or are theirs:
 * https://github.com/google/sanitizers/wiki/AddressSanitizerFlags and gcc's gcov manual.
 */
#include "base/measure.h"

#ifdef WEFT_MEASURED
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef WEFT_COVERAGE
void __gcov_dump(void); /* NOLINT(bugprone-reserved-identifier) */

void measure_save(void)
{
	__gcov_dump();
}
#else
void measure_save(void)
{
}
#endif

static void on_sigterm(int signal_number)
{
	(void)signal_number;
	measure_save();
	_exit(EXIT_FAILURE);
}

void measure_end_on_sigterm(void)
{
	struct sigaction action = {.sa_handler = on_sigterm};
	(void)sigaction(SIGTERM, &action, NULL);
}

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

/* The filter of system calls has no sigaltstack for threads of query workers. */
const char *__asan_default_options(void)
{
	return "use_sigaltstack=0:log_path=" WEFT_MEASURED "/sanitizer/report";
}

const char *__tsan_default_options(void)
{
	return "use_sigaltstack=0:log_path=" WEFT_MEASURED "/sanitizer/report";
}

/* A narrowed process is not dumpable: nobody, not even the leak search, may trace it. */
int __lsan_is_turned_off(void)
{
	return prctl(PR_GET_DUMPABLE) != 1;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#endif
