#include "api/last-word.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"

/* What still comes in is read and dropped for a moment (RFC 9112 section 9.6): an end at once would
 * be a reset, which can take the answer with it. */
enum { WAIT_MS = 1000, DROP_BYTES = 1 << 20, BLOCK_BYTES = 16 * 1024 };

struct wire {
	int fd;
	gnutls_session_t tls; /* NULL = plain */
	int64_t until_us;
};

static bool wait_for(const struct wire *wire, short what)
{
	int64_t left_ms = (wire->until_us - clock_mono_us(&clock_system)) / 1000;
	struct pollfd watch = {wire->fd, what, 0};

	return left_ms > 0 && poll(&watch, 1, (int)left_ms) > 0;
}

/* Bytes sent, 0 = try again, < 0 = it is over. */
static ssize_t send_some(const struct wire *wire, struct slice text)
{
	ssize_t sent;

	if (wire->tls) {
		sent = gnutls_record_send(wire->tls, text.ptr, text.len);
		return sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED ? 0 : sent;
	}
	sent = send(wire->fd, text.ptr, text.len, MSG_NOSIGNAL);
	return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

static void send_all(const struct wire *wire, struct slice text)
{
	while (text.len) {
		ssize_t sent = send_some(wire, text);

		if (sent < 0 || (sent == 0 && !wait_for(wire, POLLOUT)))
			return;
		text = slice_sub(text, (size_t)sent, text.len);
	}
}

static void drop_rest(const struct wire *wire)
{
	char block[BLOCK_BYTES];
	ssize_t dropped = 0;

	while (dropped < DROP_BYTES && wait_for(wire, POLLIN)) {
		ssize_t len = recv(wire->fd, block, sizeof block, 0);

		if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
			return;
		dropped += max_of(len, 0);
	}
}

static enum MHD_Result add_header(
	void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	str_printf(ctx, "%s: %s\r\n", name, value);
	return MHD_YES;
}

static struct slice answer_text(struct request *request)
{
	struct str text = str_in(request->arena);
	time_t now = clock_wall_us(&clock_system) / 1000000;
	struct tm date;
	char date_text[64];

	/* The locale is "C": RFC 9110 section 5.6.7. */
	strftime(date_text, sizeof date_text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &date));
	str_printf(&text, "HTTP/1.1 %u %s\r\nDate: %s\r\n", request->status,
		MHD_get_reason_phrase_for(request->status), date_text);
	MHD_get_response_headers(request->response, add_header, &text);
	str_printf(&text, "Connection: close\r\nContent-Length: %zu\r\n\r\n", request->text.len);
	if (!slice_equal_c(request->method, "HEAD"))
		str_add(&text, request->text);
	return str_slice(&text);
}

void request_last_word(struct request *request)
{
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *tls =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const struct wire wire = {
		.fd = fd ? fd->connect_fd : -1,
		.tls = tls ? tls->tls_session : NULL,
		.until_us = clock_mono_us(&clock_system) + (int64_t)WAIT_MS * 1000,
	};

	if (wire.fd < 0)
		return;
	send_all(&wire, answer_text(request));
	if (wire.tls)
		gnutls_bye(wire.tls, GNUTLS_SHUT_WR);
	shutdown(wire.fd, SHUT_WR);
	drop_rest(&wire);
}
