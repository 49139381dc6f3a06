#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct sqlstate_row sqlstate_table[SQLSTATE_COUNT] = {
#define SQLSTATE(name, code, exit_status, http_status, meaning)                                    \
	{#name, code, exit_status, http_status, meaning},
#include "base/sqlstate.def"
#undef SQLSTATE
};

/* A message cut by the buffer must not end inside a UTF-8 sequence. */
static void cut_utf8(char *text)
{
	size_t len = strlen(text);
	size_t back = 0;

	while (back < 4 && back < len && ((unsigned char)text[len - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back == len)
		return;
	unsigned char lead = (unsigned char)text[len - 1 - back];
	size_t want = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;

	if (back < want)
		text[len - 1 - back] = 0;
}

bool error_set_at(
	struct error *err, const char *file, int line, enum sqlstate state, const char *fmt, ...)
{
	va_list args;

	err->state = state;
	err->position = 0;
	err->hint[0] = 0;
	err->file = file;
	err->line = line;
	va_start(args, fmt);
	if (vsnprintf(err->msg, sizeof err->msg, fmt, args) >= (int)sizeof err->msg)
		cut_utf8(err->msg);
	va_end(args);
	return false;
}

bool error_hint(struct error *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(err->hint, sizeof err->hint, fmt, args) >= (int)sizeof err->hint)
		cut_utf8(err->hint);
	va_end(args);
	return false;
}

bool error_wrap(struct error *err, const char *fmt, ...)
{
	char inner[sizeof err->msg];
	va_list args;

	memcpy(inner, err->msg, sizeof inner);
	va_start(args, fmt);
	int len = vsnprintf(err->msg, sizeof err->msg, fmt, args);
	va_end(args);
	if (len < 0 || len >= (int)sizeof err->msg) {
		memcpy(err->msg, inner, sizeof inner);
		return false;
	}
	if (snprintf(err->msg + len, sizeof err->msg - (size_t)len, ": %s", inner) >=
		(int)(sizeof err->msg - (size_t)len))
		cut_utf8(err->msg);
	return false;
}

bool error_set_errno_at(
	struct error *err, const char *file, int line, int errnum, const char *fmt, ...)
{
	char what[sizeof err->msg];
	char reason[128];
	va_list args;
	bool full = errnum == ENOSPC || errnum == EDQUOT;

	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	error_set_at(err, file, line, full ? SQLSTATE_DISK_FULL : SQLSTATE_IO_ERROR, "%.350s: %s",
		what, strerror_r(errnum, reason, sizeof reason));
	return full ? error_hint(err, "free some space there, then try again") : false;
}

enum sqlstate sqlstate_from_code(const char *code)
{
	for (int i = 0; i < SQLSTATE_COUNT; i++)
		if (strncmp(sqlstate_table[i].code, code, 6) == 0)
			return (enum sqlstate)i;
	return SQLSTATE_INTERNAL_ERROR;
}
