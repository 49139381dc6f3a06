/*
 * Encoders of server messages. A message is begun with its type and a hole for the length, filled
 * at its end; lengths are our own, so an overflow of 2 GiB is a bug of the caller and checked as
 * one.
 */
#include "pgwire/backend.h"

#include "base/check.h"

static void put_u16(struct str *out, uint16_t value)
{
	char *at = str_extend(out, 2);

	at[0] = (char)(value >> 8);
	at[1] = (char)value;
}

static void put_u32(struct str *out, uint32_t value)
{
	char *at = str_extend(out, 4);

	at[0] = (char)(value >> 24);
	at[1] = (char)(value >> 16);
	at[2] = (char)(value >> 8);
	at[3] = (char)value;
}

/* With its NUL; a NUL inside cuts the text. */
static void put_text(struct str *out, struct slice text)
{
	const char *nul = text.len ? memchr(text.ptr, 0, text.len) : NULL;

	str_add(out, nul ? slice_of(text.ptr, (size_t)(nul - text.ptr)) : text);
	str_add_char(out, '\0');
}

/* Returns where the length stands. */
static size_t begin(struct str *out, char type)
{
	str_add_char(out, type);
	size_t at = out->len;

	put_u32(out, 0);
	return at;
}

static void end(struct str *out, size_t at)
{
	size_t len = out->len - at;

	check(len <= INT32_MAX);
	for (int i = 0; i < 4; i++)
		out->ptr[at + (size_t)i] = (char)(len >> (24 - 8 * i));
}

void pg_put_simple(struct str *out, char type)
{
	end(out, begin(out, type));
}

static void put_auth(struct str *out, uint32_t code, struct slice data)
{
	size_t at = begin(out, 'R');

	put_u32(out, code);
	str_add(out, data);
	end(out, at);
}

void pg_put_auth_ok(struct str *out)
{
	put_auth(out, 0, SLICE(""));
}

void pg_put_auth_cleartext(struct str *out)
{
	put_auth(out, 3, SLICE(""));
}

void pg_put_auth_sasl(struct str *out, const char *const *mechanisms, size_t count)
{
	size_t at = begin(out, 'R');

	put_u32(out, 10);
	for (size_t i = 0; i < count; i++)
		put_text(out, slice_from_c(mechanisms[i]));
	str_add_char(out, '\0');
	end(out, at);
}

void pg_put_auth_sasl_continue(struct str *out, struct slice data)
{
	put_auth(out, 11, data);
}

void pg_put_auth_sasl_final(struct str *out, struct slice data)
{
	put_auth(out, 12, data);
}

void pg_put_parameter_status(struct str *out, struct slice name, struct slice value)
{
	size_t at = begin(out, 'S');

	put_text(out, name);
	put_text(out, value);
	end(out, at);
}

void pg_put_backend_key(struct str *out, uint32_t pid, struct slice key)
{
	size_t at = begin(out, 'K');

	put_u32(out, pid);
	str_add(out, key);
	end(out, at);
}

void pg_put_negotiate(struct str *out, uint16_t minor, const struct slice *options, size_t count)
{
	size_t at = begin(out, 'v');

	/* PostgreSQL before 18 sent the bare minor version; libpq of 18 reads the full one as well
	 */
	put_u32(out, (uint32_t)3 << 16 | minor);
	put_u32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		put_text(out, options[i]);
	end(out, at);
}

void pg_put_ready(struct str *out, enum pg_transaction state)
{
	size_t at = begin(out, 'Z');

	str_add_char(out, (char)state);
	end(out, at);
}

void pg_put_command_complete(struct str *out, struct slice tag)
{
	size_t at = begin(out, 'C');

	put_text(out, tag);
	end(out, at);
}

static const char *severity_name(enum pg_severity severity)
{
	switch (severity) {
	case PG_ERROR: return "ERROR";
	case PG_FATAL: return "FATAL";
	case PG_WARNING: return "WARNING";
	case PG_NOTICE: return "NOTICE";
	case PG_INFO: return "INFO";
	}
	return "ERROR";
}

static void put_field(struct str *out, char field, struct slice text)
{
	str_add_char(out, field);
	put_text(out, text);
}

static size_t begin_report(
	struct str *out, enum pg_severity severity, const char *sqlstate, struct slice text)
{
	bool is_error = severity == PG_ERROR || severity == PG_FATAL;
	size_t at = begin(out, is_error ? 'E' : 'N');
	struct slice name = slice_from_c(severity_name(severity));

	put_field(out, 'S', name);
	put_field(out, 'V', name);
	put_field(out, 'C', slice_from_c(sqlstate));
	put_field(out, 'M', text);
	return at;
}

void pg_put_error(struct str *out, enum pg_severity severity, const struct error *err)
{
	size_t at = begin_report(
		out, severity, sqlstate_table[err->state].code, slice_from_c(err->msg));

	if (err->hint[0])
		put_field(out, 'H', slice_from_c(err->hint));
	if (err->position > 0) {
		str_add_char(out, 'P');
		str_printf(out, "%d", err->position);
		str_add_char(out, '\0');
	}
	str_add_char(out, '\0');
	end(out, at);
}

void pg_put_notice(
	struct str *out, enum pg_severity severity, const char *sqlstate, struct slice text)
{
	size_t at = begin_report(out, severity, sqlstate, text);

	str_add_char(out, '\0');
	end(out, at);
}

void pg_put_row_description(struct str *out, const struct pg_column *columns, size_t count)
{
	size_t at = begin(out, 'T');

	check(count <= UINT16_MAX);
	put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		put_text(out, columns[i].name);
		put_u32(out, 0); /* no table's OID: a governed view has none */
		put_u16(out, 0);
		put_u32(out, columns[i].oid);
		put_u16(out, (uint16_t)columns[i].size);
		put_u32(out, (uint32_t)columns[i].typmod);
		put_u16(out, (uint16_t)columns[i].format);
	}
	end(out, at);
}

void pg_put_parameter_description(struct str *out, const uint32_t *oids, size_t count)
{
	size_t at = begin(out, 't');

	check(count <= UINT16_MAX);
	put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++)
		put_u32(out, oids[i]);
	end(out, at);
}

void pg_put_data_row(struct str *out, const struct slice *values, size_t count)
{
	size_t at = begin(out, 'D');

	check(count <= UINT16_MAX);
	put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		put_u32(out, slice_is_none(values[i]) ? UINT32_MAX : (uint32_t)values[i].len);
		str_add(out, values[i]);
	}
	end(out, at);
}

void pg_put_copy_out(struct str *out, int16_t format, size_t column_count)
{
	size_t at = begin(out, 'H');

	check(column_count <= UINT16_MAX);
	str_add_char(out, (char)format);
	put_u16(out, (uint16_t)column_count);
	for (size_t i = 0; i < column_count; i++)
		put_u16(out, (uint16_t)format);
	end(out, at);
}

void pg_put_copy_data(struct str *out, struct slice data)
{
	size_t at = begin(out, 'd');

	str_add(out, data);
	end(out, at);
}
