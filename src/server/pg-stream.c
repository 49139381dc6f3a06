#include "server/pg-stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

void pg_stream_init(struct pg_stream *stream, int fd, int write_timeout_ms)
{
	int on = 1;

	memset(stream, 0, sizeof *stream);
	stream->fd = fd;
	stream->write_timeout_ms = write_timeout_ms;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void pg_stream_fini(struct pg_stream *stream)
{
	if (stream->tls) {
		(void)gnutls_bye(stream->tls, GNUTLS_SHUT_WR);
		gnutls_deinit(stream->tls);
		stream->tls = NULL;
	}
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

static int64_t deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX
			      : clock_mono_us(&clock_system) + (int64_t)timeout_ms * 1000;
}

static enum pg_io wait_for(const struct pg_stream *stream, short events, int64_t deadline_us)
{
	struct pollfd fd = {.fd = stream->fd, .events = events};

	for (;;) {
		int64_t left_ms = -1;

		if (deadline_us != INT64_MAX) {
			left_ms = (deadline_us - clock_mono_us(&clock_system) + 999) / 1000;
			if (left_ms <= 0)
				return PG_IO_TIMEOUT;
		}
		int ready = poll(&fd, 1, (int)min_of(left_ms, (int64_t)INT32_MAX));

		if (ready > 0)
			return PG_IO_OK;
		if (ready < 0 && errno != EINTR)
			return PG_IO_END;
	}
}

static enum pg_io wait_tls(const struct pg_stream *stream, int64_t deadline_us)
{
	bool writes = gnutls_record_get_direction(stream->tls) == 1;

	return wait_for(stream, writes ? POLLOUT : POLLIN, deadline_us);
}

enum pg_io pg_stream_start_tls(struct pg_stream *stream,
	gnutls_certificate_credentials_t credentials, gnutls_priority_t priority, int timeout_ms)
{
	int64_t deadline_us = deadline_of(timeout_ms);
	int result = gnutls_init(&stream->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

	if (result != 0) {
		stream->tls = NULL;
		return PG_IO_END;
	}
	if (gnutls_priority_set(stream->tls, priority) != 0 ||
		gnutls_credentials_set(stream->tls, GNUTLS_CRD_CERTIFICATE, credentials) != 0)
		return PG_IO_END;
	gnutls_transport_set_int(stream->tls, stream->fd);
	while ((result = gnutls_handshake(stream->tls)) != 0) {
		enum pg_io waited = PG_IO_OK;

		if (result == GNUTLS_E_AGAIN)
			waited = wait_tls(stream, deadline_us);
		else if (gnutls_error_is_fatal(result))
			waited = PG_IO_END;
		if (waited != PG_IO_OK)
			return waited;
	}
	return PG_IO_OK;
}

/* Some bytes into out: 0 = would block (waited already), -1 = ended. */
static ssize_t receive_some(struct pg_stream *stream, void *out, size_t len)
{
	for (;;) {
		if (stream->tls) {
			ssize_t got = gnutls_record_recv(stream->tls, out, len);

			if (got > 0)
				return got;
			if (got == GNUTLS_E_AGAIN)
				return 0;
			if (got == 0 || gnutls_error_is_fatal((int)got) ||
				got == GNUTLS_E_REHANDSHAKE)
				return -1;
			continue;
		}
		ssize_t got = recv(stream->fd, out, len, 0);

		if (got > 0)
			return got;
		if (got < 0 && errno == EINTR)
			continue;
		return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
	}
}

static enum pg_io receive(
	struct pg_stream *stream, void *out, size_t len, int64_t deadline_us, size_t *got_out)
{
	for (;;) {
		ssize_t got = receive_some(stream, out, len);

		if (got < 0)
			return PG_IO_END;
		if (got > 0) {
			*got_out = (size_t)got;
			return PG_IO_OK;
		}
		enum pg_io waited = stream->tls ? wait_tls(stream, deadline_us)
						: wait_for(stream, POLLIN, deadline_us);

		if (waited != PG_IO_OK)
			return waited;
	}
}

enum pg_io pg_stream_read(struct pg_stream *stream, void *out, size_t len, int timeout_ms)
{
	int64_t deadline_us = deadline_of(timeout_ms);
	char *to = out;

	while (len > 0) {
		size_t some = min_of(len, stream->len - stream->at);

		if (some == 0 && len >= sizeof stream->buffer) {
			/* long bodies go where they belong at once */
			enum pg_io result = receive(stream, to, len, deadline_us, &some);

			if (result != PG_IO_OK)
				return result;
		} else if (some == 0) {
			stream->at = 0;
			stream->len = 0;
			enum pg_io result = receive(stream, stream->buffer, sizeof stream->buffer,
				deadline_us, &stream->len);

			if (result != PG_IO_OK)
				return result;
			continue;
		} else {
			memcpy(to, stream->buffer + stream->at, some);
			stream->at += some;
		}
		to += some;
		len -= some;
	}
	return PG_IO_OK;
}

enum pg_io pg_stream_wait(struct pg_stream *stream, int timeout_ms)
{
	if (pg_stream_buffered(stream) > 0)
		return PG_IO_OK;
	stream->at = 0;
	stream->len = 0;
	return receive(stream, stream->buffer, sizeof stream->buffer, deadline_of(timeout_ms),
		&stream->len);
}

size_t pg_stream_buffered(const struct pg_stream *stream)
{
	return stream->len - stream->at;
}

static ssize_t send_some(struct pg_stream *stream, struct slice bytes)
{
	if (stream->tls) {
		ssize_t sent = gnutls_record_send(stream->tls, bytes.ptr, bytes.len);

		if (sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED)
			return 0;
		return sent < 0 ? -1 : sent;
	}
	ssize_t sent = send(stream->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
	return sent;
}

enum pg_io pg_stream_write(struct pg_stream *stream, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t sent = send_some(stream, bytes);

		if (sent < 0)
			return PG_IO_END;
		if (sent > 0) {
			bytes = slice_sub(bytes, (size_t)sent, bytes.len);
			continue;
		}
		enum pg_io waited =
			wait_for(stream, POLLOUT, deadline_of(stream->write_timeout_ms));

		if (waited != PG_IO_OK)
			return waited;
	}
	return PG_IO_OK;
}

void pg_stream_abort(const struct pg_stream *stream)
{
	(void)shutdown(stream->fd, SHUT_RD);
}

bool pg_stream_is_gone(const struct pg_stream *stream)
{
	struct pollfd fd = {.fd = stream->fd, .events = POLLRDHUP};

	return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLRDHUP | POLLERR | POLLHUP));
}
