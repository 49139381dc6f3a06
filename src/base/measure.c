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
void __gcov_dump(void);

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

__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

/* The parent of the reports' names is made by scripts/test.sh. */
const char *__asan_default_options(void)
{
	return "print_suppressions=0:log_path=" WEFT_MEASURED "/sanitizer/report";
}

const char *__tsan_default_options(void)
{
	return "print_suppressions=0:log_path=" WEFT_MEASURED "/sanitizer/report";
}

/* A narrowed process is not dumpable: nobody, not even the leak search, may trace it. */
int __lsan_is_turned_off(void)
{
	return prctl(PR_GET_DUMPABLE) != 1;
}

/*
 * libfyaml 0.7 forgets the input of a document that was read with its comments, libedit the names
 * of functions that were added to it (we have no wide strings).
 */
const char *__lsan_default_suppressions(void)
{
	return "leak:fy_input_alloc\nleak:wcsdup\n";
}
#endif
