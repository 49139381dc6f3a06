#include "api/connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "log/metrics.h"

enum { WATCH_MS = 250 };

struct connection {
	struct connection *next;
	int fd;
	int64_t deadline_us; /* monotonic; 0 = none */
	struct in6_addr address;
	bool local; /* of this machine, or of none */
	const char *refusal;
};

struct connections {
	struct connections_options options;
	pthread_t watch;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	/* under lock */
	struct connection *first;
	int count;
	bool stopping;
};

static void cut_off_late_locked(struct connections *c)
{
	int64_t now = clock_mono_us(&clock_system);

	for (struct connection *at = c->first; at; at = at->next) {
		if (!at->deadline_us || at->deadline_us > now)
			continue;
		/* Its thread notices and ends it. */
		shutdown(at->fd, SHUT_RDWR);
		at->deadline_us = 0;
		metrics_add(c->options.metrics, METRIC_SESSIONS_CUT, c->options.door, NULL, 1);
	}
}

static void *watch_main(void *arg)
{
	struct connections *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->stopping) {
		struct timespec at;

		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_nsec += (long)WATCH_MS * 1000000;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&c->stop, &c->lock, &at);
		cut_off_late_locked(c);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct connections *connections_new(const struct connections_options *options)
{
	struct connections *c = calloc(1, sizeof *c);
	pthread_condattr_t monotonic;

	check(c);
	c->options = *options;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->stop, &monotonic);
	pthread_condattr_destroy(&monotonic);
	check(pthread_create(&c->watch, NULL, watch_main, c) == 0);
	return c;
}

void connections_free(struct connections **connections)
{
	struct connections *c = *connections;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_signal(&c->stop);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->watch, NULL);
	check(!c->first);
	pthread_cond_destroy(&c->stop);
	pthread_mutex_destroy(&c->lock);
	free(c);
	*connections = NULL;
}

/* IPv4 as its mapped IPv6 address. */
static void set_address(struct connection *connection, const struct sockaddr *address)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	connection->local = true;
	if (!address)
		return;
	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof in);
		connection->address.s6_addr[10] = 0xff;
		connection->address.s6_addr[11] = 0xff;
		memcpy(&connection->address.s6_addr[12], &in.sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof in6);
		connection->address = in6.sin6_addr;
	} else {
		return;
	}
	const struct in6_addr *a = &connection->address;

	connection->local =
		IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static int count_from_locked(const struct connections *c, const struct connection *connection)
{
	int count = 0;

	for (const struct connection *at = c->first; at; at = at->next)
		count += !at->refusal &&
			 memcmp(&at->address, &connection->address, sizeof at->address) == 0;
	return count;
}

static const char *refusal_locked(const struct connections *c, const struct connection *connection)
{
	if (c->count >= c->options.max)
		return "connections";
	if (!connection->local && count_from_locked(c, connection) >= c->options.max_per_address)
		return "per_address";
	return NULL;
}

static void count_refused(struct connections *c, const char *why)
{
	metrics_add(c->options.metrics, METRIC_SESSIONS_REFUSED, c->options.door, why, 1);
}

bool connections_admit(struct connections *c)
{
	pthread_mutex_lock(&c->lock);
	bool room = c->count < c->options.max + CONNECTIONS_SPARE;

	pthread_mutex_unlock(&c->lock);
	if (!room)
		count_refused(c, "connections");
	return room;
}

struct connection *connections_add(struct connections *c, int fd, const struct sockaddr *address)
{
	struct connection *connection = calloc(1, sizeof *connection);

	check(connection);
	connection->fd = fd;
	set_address(connection, address);
	pthread_mutex_lock(&c->lock);
	connection->refusal = refusal_locked(c, connection);
	connection->next = c->first;
	c->first = connection;
	c->count++;
	pthread_mutex_unlock(&c->lock);
	if (connection->refusal)
		count_refused(c, connection->refusal);
	return connection;
}

void connections_remove(struct connections *c, struct connection **connection)
{
	struct connection **at = &c->first;

	pthread_mutex_lock(&c->lock);
	while (*at && *at != *connection)
		at = &(*at)->next;
	check(*at);
	*at = (*connection)->next;
	c->count--;
	pthread_mutex_unlock(&c->lock);
	free(*connection);
	*connection = NULL;
}

const char *connection_refusal(const struct connection *connection)
{
	return connection->refusal;
}

void connection_expect(struct connections *c, struct connection *connection, long long ms)
{
	pthread_mutex_lock(&c->lock);
	connection->deadline_us = ms ? clock_mono_us(&clock_system) + ms * 1000 : 0;
	pthread_mutex_unlock(&c->lock);
}
