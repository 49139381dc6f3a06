#include "base/testing.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "ipc/frame.h"
#include "ipc/spawn.h"

static void test_round_trip(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	struct channel a;
	struct channel b;
	struct error err;
	struct frame frame;
	int fds[2];
	assert_true(channel_pair(&a, &b, &err));
	assert_int_equal(pipe(fds), 0);
	assert_true(channel_send(&a, 7, SLICE("hello"), fds, 2, &err));
	assert_true(channel_send(&a, 8, SLICE(""), NULL, 0, &err));
	close(fds[0]);
	close(fds[1]);
	assert_true(channel_receive(&b, arena, 1000, &frame, &err));
	assert_int_equal(frame.type, 7);
	assert_int_equal(frame.fd_count, 2);
	assert_true(slice_equal(frame.payload, SLICE("hello")));
	assert_int_equal(write(frame.fds[1], "x", 1), 1);
	assert_true(fcntl(frame.fds[0], F_GETFD) & FD_CLOEXEC);
	frame_close_fds(&frame);
	assert_true(channel_receive(&b, arena, 1000, &frame, &err));
	assert_int_equal(frame.payload.len, 0);
	assert_false(channel_receive(&b, arena, 20, &frame, &err));
	assert_int_equal(err.state, SQLSTATE_QUERY_CANCELED);
	channel_close(&a);
	assert_false(channel_receive(&b, arena, 1000, &frame, &err));
	assert_int_equal(err.state, SQLSTATE_CONNECTION_FAILURE);
	assert_false(channel_send(&b, 1, SLICE("x"), NULL, 0, &err));
	channel_close(&b);
}

struct big {
	struct channel channel;
	struct slice bytes;
	bool ok;
};

static void *send_big(void *arg)
{
	struct big *big = arg;
	struct error err;
	big->ok = channel_send(&big->channel, 1, big->bytes, NULL, 0, &err);
	return NULL;
}

static void test_big(void **state)
{
	(void)state;
	enum { BYTES = 5 << 20 };
	scoped(arena_free) struct arena *arena = arena_new();
	struct channel b;
	struct big big = {.bytes = slice_of(arena_alloc(arena, BYTES), BYTES)};
	struct error err;
	struct frame frame;
	pthread_t thread;
	assert_true(channel_pair(&big.channel, &b, &err));
	assert_int_equal(pthread_create(&thread, NULL, send_big, &big), 0);
	assert_true(channel_receive(&b, arena, 5000, &frame, &err));
	pthread_join(thread, NULL);
	assert_true(big.ok);
	assert_int_equal(frame.payload.len, BYTES);
	channel_close(&big.channel);
	channel_close(&b);
}

/* Headers that a sane peer never sends; each must end in an error, not in a wait or a crash. */
static void test_broken(void **state)
{
	(void)state;
	static const unsigned char headers[][8] = {
		{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0}, /* too long */
		{0, 0, 0, 0, 1, 1, 0, 0},	      /* descriptors that did not come */
		{0, 0, 0, 0, 1, 0, 1, 0},	      /* bytes that must be zero */
	};
	for (size_t i = 0; i < array_len(headers); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct channel a;
		struct channel b;
		struct error err;
		struct frame frame;
		assert_true(channel_pair(&a, &b, &err));
		assert_int_equal(write(a.fd, headers[i], 8), 8);
		assert_false(channel_receive(&b, arena, 1000, &frame, &err));
		assert_int_equal(err.state, SQLSTATE_PROTOCOL_VIOLATION);
		channel_close(&a);
		channel_close(&b);
	}
}

static void test_spawn(void **state)
{
	(void)state;
	const char *argv[] = {
		"sh", "-c", "read x <&3 && test \"$x\" = hi && ! true 2>&- <&4", NULL};
	struct process process;
	struct error err;
	int fds[2];
	int status;
	assert_int_equal(pipe(fds), 0);
	struct spawn spawn = {.path = "/bin/sh", .argv = argv, .fds = fds, .fd_count = 1};
	assert_int_equal(write(fds[1], "hi\n", 3), 3);
	assert_true(process_spawn(&spawn, &process, &err));
	assert_true(process_wait(&process, 5000, &status));
	/* The last command fails because descriptor 4 is closed: 0 after the "!" or 2 by the shell.
	 */
	assert_true(status == 0 || status == 2 << 8);
	process_end(&process);
	spawn.path = "/nonexistent";
	assert_false(process_spawn(&spawn, &process, &err));
	close(fds[0]);
	close(fds[1]);
}

static void test_kill(void **state)
{
	(void)state;
	const char *argv[] = {"sleep", "100", NULL};
	struct spawn spawn = {.path = "/bin/sleep", .argv = argv};
	struct process process;
	struct error err;
	assert_true(process_spawn(&spawn, &process, &err));
	assert_false(process_wait(&process, 10, NULL));
	assert_true(process_signal(&process, SIGTERM));
	assert_true(process_wait(&process, 5000, NULL));
	process_end(&process);
	assert_int_equal(process.pidfd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_spawn),
		cmocka_unit_test(test_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
