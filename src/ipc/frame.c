/*
 * Frames over a stream socket. The descriptors of a frame travel with its first byte, so the header
 * is read alone, by recvmsg, and the payload by plain reads. Neighbours: worker.h says what the
 * payloads are.
 */
#include "ipc/frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

enum { HEADER_BYTES = 8 };

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FRAME_MAX_FDS)];
};

bool channel_pair(struct channel *a_out, struct channel *b_out, struct error *err)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return error_set_errno(err, errno, "make a socket pair");
	a_out->fd = fds[0];
	b_out->fd = fds[1];
	return true;
}

void channel_close(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
}

void frame_close_fds(struct frame *frame)
{
	for (size_t i = 0; i < frame->fd_count; i++)
		close(frame->fds[i]);
	frame->fd_count = 0;
}

static bool gone(struct error *err)
{
	error_set(err, CONNECTION_FAILURE, "the other process of this statement went away");
	return error_hint(err, "Run the statement again; the node's log says why it ended.");
}

static bool send_all(int fd, struct msghdr *message, struct error *err)
{
	while (message->msg_iovlen > 0) {
		ssize_t sent = sendmsg(fd, message, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return gone(err);
		message->msg_control = NULL;
		message->msg_controllen = 0;
		size_t left = (size_t)sent;
		while (message->msg_iovlen > 0 && left >= message->msg_iov->iov_len) {
			left -= message->msg_iov->iov_len;
			message->msg_iov++;
			message->msg_iovlen--;
		}
		if (message->msg_iovlen > 0) {
			message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + left;
			message->msg_iov->iov_len -= left;
		}
	}
	return true;
}

bool channel_send(struct channel *channel, uint8_t type, struct slice payload, const int *fds,
	size_t fd_count, struct error *err)
{
	check(fd_count <= FRAME_MAX_FDS);
	if (payload.len > FRAME_MAX_BYTES)
		return error_set(err, LIMIT_EXCEEDED, "a message of %zu bytes between processes",
			payload.len);
	uint32_t len = (uint32_t)payload.len;
	unsigned char header[HEADER_BYTES] = {len & 0xff, len >> 8 & 0xff, len >> 16 & 0xff,
		(unsigned char)(len >> 24), type, (unsigned char)fd_count, 0, 0};
	union {
		const char *from;
		void *to;
	} bytes = {.from = payload.ptr}; /* iovec has no const */
	struct iovec parts[2] = {{header, sizeof header}, {bytes.to, payload.len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = payload.len ? 2 : 1};
	union control control = {0};
	if (fd_count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(rights), fds, sizeof(int) * fd_count);
	}
	return send_all(channel->fd, &message, err);
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* end_ms: 0 = for ever. */
static bool wait_readable(int fd, int64_t end_ms, struct error *err)
{
	while (end_ms != 0) {
		int64_t left = end_ms - now_ms();
		if (left <= 0)
			return error_set(err, QUERY_CANCELED, "no answer within the time limit");
		struct pollfd wanted = {.fd = fd, .events = POLLIN};
		int ready = poll(&wanted, 1, (int)left);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return error_set_errno(err, errno, "wait for a message");
	}
	return true;
}

/* Keeps the descriptors of one message; false when the sender broke the frame's rules. */
static bool take_fds(struct msghdr *message, struct frame *frame)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (frame->fd_count < FRAME_MAX_FDS)
				frame->fds[frame->fd_count++] = fd;
			else
				close(fd);
		}
	}
	return !(message->msg_flags & MSG_CTRUNC);
}

static bool read_header(
	int fd, int64_t end_ms, unsigned char *header, struct frame *frame, struct error *err)
{
	bool intact = true;
	for (size_t got = 0; got < HEADER_BYTES;) {
		if (!wait_readable(fd, end_ms, err))
			return false;
		struct iovec part = {header + got, HEADER_BYTES - got};
		union control control;
		struct msghdr message = {.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof control.bytes};
		ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return gone(err);
		intact = take_fds(&message, frame) && intact;
		got += (size_t)n;
	}
	return intact || error_set(err, PROTOCOL_VIOLATION, "descriptors were lost on the way");
}

static bool read_payload(int fd, int64_t end_ms, char *to, size_t len, struct error *err)
{
	for (size_t got = 0; got < len;) {
		if (!wait_readable(fd, end_ms, err))
			return false;
		ssize_t n = read(fd, to + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return gone(err);
		got += (size_t)n;
	}
	return true;
}

static bool receive(struct channel *channel, struct arena *arena, int64_t end_ms,
	struct frame *frame, struct error *err)
{
	unsigned char h[HEADER_BYTES];
	if (!read_header(channel->fd, end_ms, h, frame, err))
		return false;
	uint32_t len = h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16 | (uint32_t)h[3] << 24;
	if (len > FRAME_MAX_BYTES || h[5] != frame->fd_count || h[6] || h[7])
		return error_set(err, PROTOCOL_VIOLATION, "a message between processes is broken");
	char *bytes = arena_alloc(arena, len);
	if (!read_payload(channel->fd, end_ms, bytes, len, err))
		return false;
	frame->type = h[4];
	frame->payload = slice_of(bytes, len);
	return true;
}

bool channel_receive(struct channel *channel, struct arena *arena, int deadline_ms,
	struct frame *out, struct error *err)
{
	struct frame frame = {0};
	int64_t end_ms = deadline_ms > 0 ? now_ms() + deadline_ms : 0;
	if (!receive(channel, arena, end_ms, &frame, err)) {
		frame_close_fds(&frame);
		return false;
	}
	*out = frame;
	return true;
}
