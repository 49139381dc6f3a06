#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/*
 * Bytes of one connection, plain or TLS, with a time limit on each wait. The descriptor is
 * non-blocking inside, so that a limit holds for TLS as well. One thread; pg_stream_abort from any.
 */
enum { PG_STREAM_BUFFER_BYTES = 4096 };

struct pg_stream {
	int fd;
	gnutls_session_t tls; /* NULL = plain */
	int write_timeout_ms;
	size_t at; /* buffer[at..len) was received and not taken */
	size_t len;
	char buffer[PG_STREAM_BUFFER_BYTES];
};

enum pg_io {
	PG_IO_OK,
	PG_IO_END, /* the other side closed, or the connection broke */
	PG_IO_TIMEOUT,
};

/* Takes the descriptor. */
void pg_stream_init(struct pg_stream *stream, int fd, int write_timeout_ms);
void pg_stream_fini(struct pg_stream *stream);
/* Server's side of a handshake. Nothing may be buffered: see pg_stream_buffered. */
enum pg_io pg_stream_start_tls(struct pg_stream *stream,
	gnutls_certificate_credentials_t credentials, gnutls_priority_t priority, int timeout_ms);
/* Exactly len bytes; timeout_ms (-1 = none) counts for the whole of them. */
enum pg_io pg_stream_read(struct pg_stream *stream, void *out, size_t len, int timeout_ms);
/* At least one byte is there to read. */
enum pg_io pg_stream_wait(struct pg_stream *stream, int timeout_ms);
/* Bytes that came and were not taken. */
size_t pg_stream_buffered(const struct pg_stream *stream);
/* All of them; each wait lasts at most write_timeout_ms. */
enum pg_io pg_stream_write(struct pg_stream *stream, struct slice bytes);
/* Wakes a read of another thread, which then sees the end. */
void pg_stream_abort(const struct pg_stream *stream);
/* The client closed its side (without reading anything). */
bool pg_stream_is_gone(const struct pg_stream *stream);
