#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/*
 * The connections of one listener: how many there may be, in total and from one address, and until
 * when each must have come on. A client that sends its request a byte at a time, or takes its
 * answer so, is cut off when its time is over, however busy it looks. Any thread.
 */
struct connections;
struct connection;
struct metrics;

struct connections_options {
	struct metrics *metrics; /* borrowed */
	const char *door;	 /* label of the metrics */
	int max;
	int max_per_address; /* addresses of this machine excepted: a proxy is one */
};

/* Copies options; starts the thread that looks at the deadlines. */
struct connections *connections_new(const struct connections_options *options);
/* All connections must be gone. */
void connections_free(struct connections **connections);

/* How many more than max are let in, to be told that there are too many. */
enum { CONNECTIONS_SPARE = 16 };

/* Before it is taken: false when even the spare places are. */
bool connections_admit(struct connections *connections);
/* address may be NULL. Until connections_remove, which comes before fd is closed. */
struct connection *connections_add(
	struct connections *connections, int fd, const struct sockaddr *address);
void connections_remove(struct connections *connections, struct connection **connection);
/* Why no request of it is served; NULL = it is. */
const char *connection_refusal(const struct connection *connection);
/* Cut off unless called again within ms; 0 = no deadline. */
void connection_expect(
	struct connections *connections, struct connection *connection, long long ms);
