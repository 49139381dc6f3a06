/* The end of the process on a bug. Writes with one write(2), so that lines of threads do not mix.
 */
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static panic_hook_fn panic_hook;
static void *panic_hook_ctx;

void panic_set_hook(panic_hook_fn hook, void *ctx)
{
	panic_hook_ctx = ctx;
	panic_hook = hook;
}

_Noreturn void panic_at(const char *file, int line, const char *fmt, ...)
{
	char text[1024];
	int len = snprintf(text, sizeof text, "panic: %s:%d: ", file, line);
	va_list args;

	va_start(args, fmt);
	len += vsnprintf(text + len, sizeof text - (size_t)len - 1, fmt, args);
	va_end(args);
	if (len > (int)sizeof text - 2)
		len = (int)sizeof text - 2;
	text[len++] = '\n';
	if (write(STDERR_FILENO, text, (size_t)len) < 0)
		abort();
	if (panic_hook) {
		panic_hook_fn hook = panic_hook;

		panic_hook = NULL; /* a panic inside the hook must not recurse */
		hook(panic_hook_ctx);
	}
	abort();
}
