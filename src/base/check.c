/* The end of the process on a bug. Writes with one write(2), so that lines of threads do not mix.
 */
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
	(void)!write(STDERR_FILENO, text, (size_t)len);
	abort();
}
