/*
 * A line is made in a buffer on the stack and leaves by one write(2) (O_APPEND), so that lines of
 * threads do not mix and a line costs no lock. Too long texts are cut, never the line's end. The
 * descriptor is swapped by dup3, so that a writer never meets a closed one.
 */
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/num.h"

enum { LINE_BYTES = 16384, TEXT_BYTES = 4096 };

const struct log_event_row log_event_table[LOG_EVENT_COUNT] = {
#define EVENT(name, level, event, text) {event, LOG_##level, text},
#include "log/events.def"
#undef EVENT
};

struct log {
	int fd;
	bool owns_fd;
	char *path;
	enum log_format format;
	atomic_int level;
	atomic_uint_fast64_t lost;
	const struct clock *clock;
};

struct line {
	size_t len;
	char text[LINE_BYTES];
};

const char *log_level_name(enum log_level level)
{
	static const char *const NAMES[] = {"debug", "info", "warn", "error", "off"};

	return NAMES[level];
}

static void add_char(struct line *line, char c)
{
	if (line->len < LINE_BYTES - 8) /* room for the closing of the line */
		line->text[line->len++] = c;
}

static void add_c(struct line *line, const char *text)
{
	while (*text)
		add_char(line, *text++);
}

static void printf_like(2, 3) add_format(struct line *line, const char *fmt, ...)
{
	char text[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	add_c(line, text);
}

static void add_escape(struct line *line, unsigned char c)
{
	static const char SHORT[] = "btn?fr";

	if (c >= 8 && c <= 13 && c != 11) {
		add_char(line, '\\');
		add_char(line, SHORT[c - 8]);
	} else {
		add_format(line, "\\u%04x", c);
	}
}

/* A JSON string; bytes that are not UTF-8 as a whole become '?'. */
static void add_string(struct line *line, struct slice text)
{
	bool utf8 = slice_is_utf8(text);

	add_char(line, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x20 || c == 0x7f) {
			add_escape(line, c);
		} else if (c == '"' || c == '\\') {
			add_char(line, '\\');
			add_char(line, (char)c);
		} else {
			add_char(line, (char)(c >= 0x80 && !utf8 ? '?' : c));
		}
	}
	add_char(line, '"');
}

static bool is_bare(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || strchr("\"=\\\x7f", text.ptr[i]))
			return false;
	return text.len > 0;
}

static void add_text(struct line *line, enum log_format format, struct slice text)
{
	char clean[TEXT_BYTES];
	size_t len = min_of(text.len, sizeof clean);

	while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--; /* not inside a UTF-8 sequence */
	if (len)
		memcpy(clean, text.ptr, len);
	log_redact(clean, len);
	if (format == LOG_TEXT && is_bare(slice_of(clean, len))) {
		for (size_t i = 0; i < len; i++)
			add_char(line, clean[i]);
		return;
	}
	add_string(line, slice_of(clean, len));
}

static void add_key(struct line *line, enum log_format format, const char *key)
{
	if (format == LOG_JSON)
		add_c(line, ",\"");
	else
		add_char(line, ' ');
	add_c(line, key);
	add_c(line, format == LOG_JSON ? "\":" : "=");
}

static void add_field(struct line *line, enum log_format format, const struct log_field *field)
{
	add_key(line, format, field->key);
	if (log_key_is_secret(slice_from_c(field->key))) {
		add_c(line, "\"***\"");
		return;
	}
	switch (field->kind) {
	case LOG_KIND_TEXT: add_text(line, format, field->text); break;
	case LOG_KIND_INT: add_format(line, "%lld", (long long)field->integer); break;
	case LOG_KIND_BOOL: add_c(line, field->integer ? "true" : "false"); break;
	case LOG_KIND_REAL:
		if (isfinite(field->real))
			add_format(line, "%.6g", field->real);
		else
			add_c(line, "null");
		break;
	}
}

static void add_context(
	struct line *line, enum log_format format, const struct log_context *context)
{
	const struct log_field ids[] = {
		log_str("trace", context->trace),
		log_str("request", context->request),
		log_str("session", context->session),
		log_str("query", context->query),
		log_str("principal", context->principal),
	};

	for (size_t i = 0; i < array_len(ids); i++)
		if (ids[i].text.len)
			add_field(line, format, &ids[i]);
	if (context->run)
		add_field(line, format, &log_int("run", context->run));
}

static void add_head(struct line *line, const struct log *log, const struct log_event_row *row)
{
	char when[CLOCK_TEXT_BYTES];

	clock_format(clock_wall_us(log->clock), when);
	if (log->format == LOG_JSON) {
		add_c(line, "{\"time\":\"");
		add_c(line, when);
		add_c(line, "\",\"level\":\"");
		add_c(line, log_level_name(row->level));
		add_c(line, "\",\"event\":\"");
		add_c(line, row->name);
		add_char(line, '"');
		return;
	}
	add_c(line, when);
	add_char(line, ' ');
	add_format(line, "%-5s", log_level_name(row->level));
	add_char(line, ' ');
	add_c(line, row->name);
}

void log_write(struct log *log, enum log_event event, const struct log_context *context,
	const struct log_field *fields, size_t field_count)
{
	struct line line;

	if (!log_wants(log, event))
		return;
	line.len = 0;
	add_head(&line, log, &log_event_table[event]);
	if (context)
		add_context(&line, log->format, context);
	for (size_t i = 0; i < field_count; i++)
		add_field(&line, log->format, &fields[i]);
	if (line.len >= LINE_BYTES - 8 && log->format == LOG_JSON) {
		/* The cut may be inside a string: the head alone is still a whole line. */
		line.len = 0;
		add_head(&line, log, &log_event_table[event]);
		add_c(&line, ",\"cut\":true");
	}
	if (log->format == LOG_JSON)
		line.text[line.len++] = '}';
	line.text[line.len++] = '\n';
	if (write(log->fd, line.text, line.len) != (ssize_t)line.len)
		atomic_fetch_add(&log->lost, 1);
}

void log_failure(struct log *log, enum log_event event, const struct log_context *context,
	const char *what, const struct error *err)
{
	const struct log_field fields[] = {
		log_cstr("what", what),
		log_cstr("state", sqlstate_table[err->state].code),
		log_cstr("message", err->msg),
		log_cstr("hint", err->hint),
		log_cstr("file", err->file),
		log_int("line", err->line),
	};

	log_write(log, event, context, fields, array_len(fields));
}

static bool open_file(const char *path, int *fd_out, struct error *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0) {
		error_set_errno(err, errno, "open the log file \"%s\"", path);
		return error_hint(err, "check the setting log.file");
	}
	*fd_out = fd;
	return true;
}

bool log_open(const struct log_config *config, struct log **out, struct error *err)
{
	int fd = STDERR_FILENO;
	bool owns = config->path && *config->path;

	if (owns && !open_file(config->path, &fd, err))
		return false;
	struct log *log = calloc(1, sizeof *log);

	check(log);
	log->fd = fd;
	log->owns_fd = owns;
	log->path = owns ? strdup(config->path) : NULL;
	log->format = config->format;
	log->clock = config->clock ? config->clock : &clock_system;
	atomic_init(&log->level, (int)config->level);
	*out = log;
	return true;
}

void log_close(struct log **log)
{
	if (!*log)
		return;
	if ((*log)->owns_fd)
		close((*log)->fd);
	free((*log)->path);
	free(*log);
	*log = NULL;
}

bool log_reopen(struct log *log, struct error *err)
{
	int fd = -1;

	if (!log || !log->owns_fd)
		return true;
	if (!open_file(log->path, &fd, err))
		return false;
	bool ok = dup3(fd, log->fd, O_CLOEXEC) >= 0;

	if (!ok)
		error_set_errno(err, errno, "replace the log file");
	close(fd);
	return ok;
}

void log_set_level(struct log *log, enum log_level level)
{
	if (log)
		atomic_store(&log->level, (int)level);
}

bool log_wants(const struct log *log, enum log_event event)
{
	return log && (int)log_event_table[event].level >=
			      atomic_load_explicit(&log->level, memory_order_relaxed);
}

uint64_t log_lost(const struct log *log)
{
	return log ? atomic_load(&log->lost) : 0;
}

bool log_quota_take(struct log_quota *quota, int64_t mono_us, int64_t *left_out_out)
{
	int64_t window = mono_us / LOG_QUOTA_US;

	if (atomic_exchange(&quota->window, window) != window)
		atomic_store(&quota->written, 0);
	if (atomic_fetch_add(&quota->written, 1) >= LOG_QUOTA_LINES) {
		atomic_fetch_add(&quota->left_out, 1);
		return false;
	}
	*left_out_out = atomic_exchange(&quota->left_out, 0);
	return true;
}
