/* What another process may write into a channel: frames are taken until one is refused. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "ipc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	enum { MOST = 64 << 10 }; /* what a socket takes without a reader */
	scoped(arena_free) struct arena *arena = arena_new();
	struct channel ours;
	struct channel theirs;
	struct frame frame;
	struct error err;
	size_t taken = 0;

	if (len > MOST || !channel_pair(&ours, &theirs, &err))
		return 0;
	check(write(theirs.fd, bytes, len) == (ssize_t)len);
	channel_close(&theirs);
	while (channel_receive(&ours, arena, 1000, &frame, &err)) {
		taken += 8 + frame.payload.len;
		check(taken <= len && frame.fd_count == 0);
	}
	check(err.state == SQLSTATE_CONNECTION_FAILURE || err.state == SQLSTATE_PROTOCOL_VIOLATION);
	channel_close(&ours);
	return 0;
}
