/*
 * The door itself (its sockets come from pg-listen.c): accepts, counts, starts a thread for each
 * connection, and once a second looks whether clients of running statements are still there. Locks:
 * door->lock before session->lock.
 */
#include "server/pg-door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "log/log.h"
#include "log/metrics.h"
#include "server/auth.h"
#include "server/pg-private.h"
#include "server/server.h"

enum {
	STACK_BYTES = 1 << 20, /* reserved; what is not touched costs nothing */
	TICK_MS = 1000,
	SPOOL_SESSIONS = 8, /* so many may use up their limit of kept rows at a time */
	MAX_REFUSED = 32,   /* at a time that get a thread to be told so */
};

void pg_session_cancel(struct pg_session *session)
{
	pthread_mutex_lock(&session->lock);
	if (session->busy) {
		atomic_store(&session->cancelled, true);
		if (session->running)
			query_cancel(session->running);
	}
	pthread_mutex_unlock(&session->lock);
}

void pg_door_cancel(struct pg_door *door, uint32_t pid, struct slice key)
{
	pthread_mutex_lock(&door->lock);
	for (struct pg_session *at = door->sessions; at; at = at->next)
		if (at->pid == pid && at->key_len && at->key_len == key.len &&
			sodium_memcmp(at->key, key.ptr, key.len) == 0)
			pg_session_cancel(at);
	pthread_mutex_unlock(&door->lock);
}

static bool pid_is_taken(const struct pg_door *door, uint32_t pid)
{
	for (struct pg_session *at = door->sessions; at; at = at->next)
		if (at->pid == pid)
			return true;
	return false;
}

/* Of the same user, or any for an administrator; false: no such session that may be known of. */
bool pg_door_signal(struct pg_session *from, int64_t pid, enum pg_signal what)
{
	struct pg_door *door = from->door;
	const struct principal *who = &from->identity->principal;
	bool found = false;

	pthread_mutex_lock(&door->lock);
	for (struct pg_session *at = door->sessions; at && !found; at = at->next) {
		if (at->pid != (uint64_t)pid || at->pid == 0)
			continue;
		found = who->admin || slice_equal(who->name, slice_from_c(at->user));
		if (!found)
			break;
		pg_session_cancel(at);
		if (what == PG_SIGNAL_TERMINATE) {
			atomic_store(&at->terminated, true);
			shutdown(at->stream.fd, SHUT_RD); /* wakes it from its wait */
		}
	}
	pthread_mutex_unlock(&door->lock);
	return found;
}

void pg_door_give_key(struct pg_session *session)
{
	struct pg_door *door = session->door;

	pthread_mutex_lock(&door->lock);
	/* random as well: with the 32-bit key of protocol 3.0, 63 bits to guess */
	uint32_t pid;

	do
		pid = randombytes_random() >> 1;
	while (pid == 0 || pid_is_taken(door, pid));
	session->pid = pid;
	snprintf(session->user, sizeof session->user, "%.*s",
		SLICE_FMT(session->identity->principal.name));
	session->key_len = session->minor >= 2 ? sizeof session->key : 4;
	randombytes_buf(session->key, session->key_len);
	pthread_mutex_unlock(&door->lock);
}

static int *count_of(struct pg_door *door, const struct pg_session *session)
{
	return session->refusal ? &door->refused_count : &door->session_count;
}

static void note_refused(const struct pg_session *session, const char *why)
{
	metrics_add(server_metrics(session->server), METRIC_SESSIONS_REFUSED, "pg", why, 1);
	log_say(server_log(session->server), DOOR_REFUSED, NULL, log_cstr("door", "pg"),
		log_cstr("peer", session->peer), log_cstr("why", why));
}

/* One more or one less; a refused one only as such. */
static void count_session(const struct pg_session *session, int by)
{
	struct metrics *metrics = server_metrics(session->server);

	if (!session->refusal) {
		metrics_add(metrics, METRIC_SESSIONS, "pg", NULL, by);
		if (by > 0)
			metrics_add(metrics, METRIC_SESSIONS_TOTAL, "pg", NULL, 1);
	} else if (by > 0) {
		note_refused(session, session->refusal);
	}
}

static void *session_thread(void *arg)
{
	struct pg_session *session = arg;
	struct pg_door *door = session->door;

	pg_session_run(session);
	pthread_mutex_lock(&door->lock);
	if (session->prev)
		session->prev->next = session->next;
	else
		door->sessions = session->next;
	if (session->next)
		session->next->prev = session->prev;
	pthread_mutex_unlock(&door->lock);
	pg_stream_fini(&session->stream);
	pthread_mutex_destroy(&session->lock);
	count_session(session, -1);
	int *count = count_of(door, session);

	free(session);
	/* last: after this the door may be gone */
	pthread_mutex_lock(&door->lock);
	*count -= 1;
	pthread_cond_broadcast(&door->ended);
	pthread_mutex_unlock(&door->lock);
	return NULL;
}

/* The address without its port; IPv4 in IPv6 as IPv4. */
static void name_peer(struct pg_session *session, const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	struct in_addr mapped = {0};
	const struct in_addr *in = NULL;

	if (address->ss_family == AF_INET) {
		in = &v4->sin_addr;
	} else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		memcpy(&mapped, &v6->sin6_addr.s6_addr[12], sizeof mapped);
		in = &mapped;
	}
	if (in) {
		inet_ntop(AF_INET, in, session->peer, sizeof session->peer);
		session->loopback = ntohl(in->s_addr) >> 24 == 127;
	} else {
		inet_ntop(AF_INET6, &v6->sin6_addr, session->peer, sizeof session->peer);
		session->loopback = strcmp(session->peer, "::1") == 0;
	}
}

static int count_from(const struct pg_door *door, const char *peer)
{
	int count = 0;

	for (const struct pg_session *at = door->sessions; at; at = at->next)
		count += !at->refusal && strcmp(at->peer, peer) == 0;
	return count;
}

/* Which limit stands against one more session, or NULL. */
static const char *limit_locked(const struct pg_door *door, const struct pg_session *session)
{
	if (door->session_count >= door->max_connections)
		return "sorry, too many clients already";
	if (count_from(door, session->peer) >= door->max_per_address)
		return "too many connections from this address";
	return NULL;
}

/* Adds the session, also one that is only let in to be told why it is refused: a client with TLS
 * reads no error before its handshake. Returns what stands against that. */
static const char *admit_locked(struct pg_door *door, struct pg_session *session)
{
	session->refusal = limit_locked(door, session);
	if (session->refusal && door->refused_count >= MAX_REFUSED)
		return session->refusal;
	session->next = door->sessions;
	if (door->sessions)
		door->sessions->prev = session;
	door->sessions = session;
	*count_of(door, session) += 1;
	return NULL;
}

/* Sent as it is, before any packet was read: libpq shows it. Best effort, never waits. */
static void refuse(struct pg_session *session, const char *why)
{
	struct arena *arena = arena_new();
	struct str out = str_in(arena);
	struct error err;

	error_set(&err, TOO_MANY_CONNECTIONS, "%s", why);
	error_hint(&err, "Close connections that are not needed, or use a connection pool.");
	pg_put_error(&out, PG_FATAL, &err);
	(void)!send(session->stream.fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	note_refused(session, why);
	arena_free(&arena);
}

static bool start_thread(struct pg_session *session)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	int result = pthread_create(&thread, &attributes, session_thread, session);

	pthread_attr_destroy(&attributes);
	return result == 0;
}

static void drop_refused(struct pg_session *session)
{
	pg_stream_fini(&session->stream);
	pthread_mutex_destroy(&session->lock);
	free(session);
}

static void admit(struct pg_door *door, int fd, const struct sockaddr_storage *address)
{
	struct pg_session *session = calloc(1, sizeof *session);
	uint8_t id[8];

	if (!session)
		panic("out of memory");
	pthread_mutex_init(&session->lock, NULL);
	session->spool_budget.limit = door->session_spool_bytes;
	pg_stream_init(&session->stream, fd, door->write_timeout_ms);
	session->door = door;
	session->server = door->server;
	session->state = PG_IDLE;
	session->deadline_us = clock_mono_us(&clock_system) + (int64_t)door->auth_timeout_ms * 1000;
	name_peer(session, address);
	randombytes_buf(id, sizeof id);
	sodium_bin2hex(session->id, sizeof session->id, id, sizeof id);
	pthread_mutex_lock(&door->lock);
	const char *why = admit_locked(door, session);

	/* before its thread, which takes it off again */
	if (!why)
		count_session(session, 1);
	if (!why && !start_thread(session)) {
		why = "no thread could be started";
		count_session(session, -1);
		door->sessions = session->next;
		if (session->next)
			session->next->prev = NULL;
		*count_of(door, session) -= 1;
	}
	pthread_mutex_unlock(&door->lock);
	if (why) {
		refuse(session, why);
		drop_refused(session);
	}
}

/* Statements whose client went away are cancelled: nobody waits for their rows. */
static void look_after_clients(struct pg_door *door)
{
	int64_t now_us = clock_mono_us(&clock_system);

	pthread_mutex_lock(&door->lock);
	for (struct pg_session *at = door->sessions; at; at = at->next) {
		pthread_mutex_lock(&at->lock);
		bool look = at->busy && now_us - at->busy_since_us > (int64_t)TICK_MS * 1000;

		pthread_mutex_unlock(&at->lock);
		if (look && pg_stream_is_gone(&at->stream))
			pg_session_cancel(at);
	}
	pthread_mutex_unlock(&door->lock);
}

static void accept_all(struct pg_door *door, int listen_fd)
{
	for (;;) {
		struct sockaddr_storage address = {0};
		socklen_t len = sizeof address;
		int fd = accept4(
			listen_fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			/* out of descriptors: let some sessions end instead of spinning */
			if (errno == EMFILE || errno == ENFILE)
				usleep(100000);
			return;
		}
		admit(door, fd, &address);
	}
}

static void *listener_thread(void *arg)
{
	struct pg_door *door = arg;
	struct pollfd fds[array_len(door->fds) + 1];
	int64_t looked_us = 0;

	for (size_t i = 0; i < door->fd_count; i++)
		fds[i] = (struct pollfd){.fd = door->fds[i], .events = POLLIN};
	fds[door->fd_count] = (struct pollfd){.fd = door->wake_fd, .events = POLLIN};
	while (!atomic_load(&door->stopping)) {
		(void)poll(fds, door->fd_count + 1, TICK_MS);
		for (size_t i = 0; i < door->fd_count; i++)
			if (fds[i].revents)
				accept_all(door, door->fds[i]);
		if (clock_mono_us(&clock_system) - looked_us >= (int64_t)TICK_MS * 1000) {
			looked_us = clock_mono_us(&clock_system);
			look_after_clients(door);
		}
	}
	return NULL;
}

static void door_free(struct pg_door *door)
{
	for (size_t i = 0; i < door->fd_count; i++)
		close(door->fds[i]);
	if (door->wake_fd >= 0)
		close(door->wake_fd);
	if (door->priority)
		gnutls_priority_deinit(door->priority);
	if (door->credentials)
		gnutls_certificate_free_credentials(door->credentials);
	pthread_mutex_destroy(&door->lock);
	pthread_cond_destroy(&door->ended);
	free(door->server_version);
	free(door->database);
	free(door->spool_dir);
	free(door);
}

static struct pg_door *door_new(struct server *server, const struct pg_door_config *config)
{
	struct pg_door *door = calloc(1, sizeof *door);
	const char *version = config->server_version;
	pthread_condattr_t monotonic;

	if (!door || sodium_init() < 0)
		panic("out of memory");
	door->server = server;
	door->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	door->max_connections = config->max_connections ? config->max_connections : 200;
	door->max_per_address =
		config->max_connections_per_address ? config->max_connections_per_address : 50;
	door->auth_timeout_ms = config->auth_timeout_ms ? config->auth_timeout_ms : 10000;
	door->idle_in_transaction_ms = config->idle_in_transaction_ms;
	door->idle_session_ms = config->idle_session_ms;
	door->write_timeout_ms = config->write_timeout_ms ? config->write_timeout_ms : 120000;
	door->message_max_bytes =
		config->message_max_bytes ? config->message_max_bytes : (size_t)16 << 20;
	door->spool_dir = strdup(config->spool_dir ? config->spool_dir : "/tmp");
	door->session_spool_bytes = config->spool_max_bytes;
	door->spool_budget.limit = config->spool_max_bytes * SPOOL_SESSIONS;
	door->tls_required = config->tls_required;
	door->server_version =
		strdup(version && *version ? version : "15.0 (Weft " WEFT_VERSION ")");
	door->database = config->database ? strdup(config->database) : NULL;
	pthread_mutex_init(&door->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&door->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return door;
}

bool pg_door_start(struct server *server, const struct pg_door_config *config, struct pg_door **out,
	struct error *err)
{
	struct pg_door *door = door_new(server, config);
	bool ok = !config->tls_cert_file || pg_door_load_tls(door, config, err);

	ok = ok && pg_door_listen(door, config->address, config->port, err);
	if (ok && pthread_create(&door->listener, NULL, listener_thread, door) != 0)
		ok = error_set(
			err, INSUFFICIENT_RESOURCES, "PostgreSQL door: no thread could be started");
	if (!ok) {
		door_free(door);
		return false;
	}
	*out = door;
	return true;
}

int pg_door_port(const struct pg_door *door)
{
	return door->port;
}

/* Idle sessions end now, busy ones after their message. */
static void end_idle_sessions_locked(struct pg_door *door)
{
	for (struct pg_session *at = door->sessions; at; at = at->next) {
		pthread_mutex_lock(&at->lock);
		if (!at->busy)
			pg_stream_abort(&at->stream);
		pthread_mutex_unlock(&at->lock);
	}
}

static void cancel_all_locked(struct pg_door *door)
{
	for (struct pg_session *at = door->sessions; at; at = at->next) {
		pg_session_cancel(at);
		pg_stream_abort(&at->stream);
	}
}

/* Until all have ended; false when the time is over. */
static bool wait_locked(struct pg_door *door, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (door->session_count + door->refused_count > 0)
		if (pthread_cond_timedwait(&door->ended, &door->lock, &until) == ETIMEDOUT)
			return door->session_count + door->refused_count == 0;
	return true;
}

void pg_door_stop(struct pg_door **door, int drain_ms)
{
	struct pg_door *self = *door;
	uint64_t one = 1;

	if (!self)
		return;
	atomic_store(&self->stopping, true);
	(void)!write(self->wake_fd, &one, sizeof one);
	pthread_join(self->listener, NULL);
	pthread_mutex_lock(&self->lock);
	end_idle_sessions_locked(self);
	bool all = wait_locked(self, drain_ms);

	/* a cancelled statement ends within half a second; a blocked write when its time is over */
	while (!all) {
		cancel_all_locked(self);
		all = wait_locked(self, 250);
	}
	pthread_mutex_unlock(&self->lock);
	door_free(self);
	*door = NULL;
}
