#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "base/str.h"

/*
 * What the server says to a PostgreSQL client: each function adds one whole message to a str. Texts
 * must not hold NUL; where one could (a column name of foreign data), it is cut there. Source:
 * PostgreSQL 15 documentation, chapter 55.7. Any thread.
 */
struct pg_column {
	struct slice name;
	uint32_t oid;
	int32_t typmod;
	int16_t size;
	int16_t format;
};

enum pg_transaction {
	PG_IDLE = 'I',
	PG_IN_TRANSACTION = 'T',
	PG_FAILED = 'E',
};

enum pg_severity {
	PG_ERROR,
	PG_FATAL,
	PG_WARNING,
	PG_NOTICE,
	PG_INFO,
};

/* Messages without a body: '1' ParseComplete, '2' BindComplete, '3' CloseComplete, 'n' NoData,
 * 's' PortalSuspended, 'I' EmptyQueryResponse, 'c' CopyDone. */
void pg_put_simple(struct str *out, char type);
void pg_put_auth_ok(struct str *out);
/* The password is to come in clear. */
void pg_put_auth_cleartext(struct str *out);
/* AuthenticationSASL with the mechanisms' names. */
void pg_put_auth_sasl(struct str *out, const char *const *mechanisms, size_t count);
void pg_put_auth_sasl_continue(struct str *out, struct slice data);
void pg_put_auth_sasl_final(struct str *out, struct slice data);
void pg_put_parameter_status(struct str *out, struct slice name, struct slice value);
void pg_put_backend_key(struct str *out, uint32_t pid, struct slice key);
void pg_put_negotiate(struct str *out, uint16_t minor, const struct slice *options, size_t count);
void pg_put_ready(struct str *out, enum pg_transaction state);
void pg_put_command_complete(struct str *out, struct slice tag);
/* ErrorResponse or NoticeResponse, by the severity. */
void pg_put_error(struct str *out, enum pg_severity severity, const struct error *err);
void pg_put_notice(
	struct str *out, enum pg_severity severity, const char *sqlstate, struct slice text);
void pg_put_row_description(struct str *out, const struct pg_column *columns, size_t count);
void pg_put_parameter_description(struct str *out, const uint32_t *oids, size_t count);
/* One DataRow; none = NULL. */
void pg_put_data_row(struct str *out, const struct slice *values, size_t count);
/* CopyOutResponse: every column has the same format. */
void pg_put_copy_out(struct str *out, int16_t format, size_t column_count);
void pg_put_copy_data(struct str *out, struct slice data);
