#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Framed messages over a Unix stream socket pair, with descriptors (SCM_RIGHTS). Blocking; a
 * channel belongs to one thread at a time. On the wire: u32 payload length, u8 type, u8 number of
 * descriptors, u16 zero, little-endian; then the payload.
 */
enum { FRAME_MAX_FDS = 64, FRAME_MAX_BYTES = 128 << 20 };

struct channel {
	int fd;
};

struct frame {
	uint8_t type;
	struct slice payload; /* in the arena given to channel_receive */
	int fds[FRAME_MAX_FDS];
	size_t fd_count; /* the receiver owns them */
};

/* A connected pair, close-on-exec. */
bool channel_pair(struct channel *a_out, struct channel *b_out, struct error *err) must_check;
void channel_close(struct channel *channel);
/* Borrows fds. Fails with 08006 when the other side is gone (never SIGPIPE). */
bool channel_send(struct channel *channel, uint8_t type, struct slice payload, const int *fds,
	size_t fd_count, struct error *err) must_check;
/* deadline_ms: 0 = wait for ever; passing it gives 57014. End of file gives 08006. */
bool channel_receive(struct channel *channel, struct arena *arena, int deadline_ms,
	struct frame *out, struct error *err) must_check;
void frame_close_fds(struct frame *frame);
