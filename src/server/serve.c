/*
 * The life of a serving node after it was opened: doors, signals, reload, the orderly end. One
 * thread waits for signals; the doors have their own.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "server/mesh.h"
#include "server/reload.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "store/store.h"

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

void server_block_signals(void)
{
	sigset_t set;
	signal_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* NULL when the setting is empty and the data folder has none. */
static char *tls_file(const struct server *server, const char *setting, const char *name)
{
	char *path;
	if (*setting)
		path = strdup(setting);
	else if (asprintf(&path, "%s/keys/%s", server->data_dir, name) < 0)
		path = NULL;
	check(path != NULL);
	if (!*setting && access(path, R_OK) != 0) {
		free(path);
		return NULL;
	}
	return path;
}

static bool start_pg(struct server *server, struct error *err)
{
	const struct config *c = server->config;
	if (!*c->pg_address)
		return true;
	char *cert = tls_file(server, c->tls_cert_file, "tls.crt");
	char *key = tls_file(server, c->tls_key_file, "tls.key");
	char *spool;
	check(asprintf(&spool, "%s/spill", server->data_dir) > 0);
	struct pg_door_config door = {.address = c->pg_address,
		.port = (int)c->pg_port,
		.tls_cert_file = key ? cert : NULL,
		.tls_key_file = cert ? key : NULL,
		.tls_required = c->pg_tls_required,
		.server_version = *c->pg_server_version ? c->pg_server_version : NULL,
		.max_connections = (int)c->pg_max_connections,
		.max_connections_per_address = (int)c->pg_max_connections_per_address,
		.auth_timeout_ms = (int)c->pg_auth_timeout_ms,
		.idle_in_transaction_ms = (int)c->pg_idle_in_transaction_ms,
		.idle_session_ms = (int)c->pg_idle_session_ms,
		.write_timeout_ms = (int)c->pg_write_timeout_ms,
		.message_max_bytes = (size_t)c->pg_message_max_bytes,
		.spool_dir = spool,
		.spool_max_bytes = (uint64_t)c->query_spill_bytes};
	bool ok = pg_door_start(server, &door, &server->pg_door, err);
	free(cert);
	free(key);
	free(spool);
	if (!ok)
		return false;
	server->pg_port = pg_door_port(server->pg_door);
	log_say(server->log, DOOR_OPEN, NULL, log_cstr("door", "pg"),
		log_cstr("address", c->pg_address), log_int("port", server->pg_port));
	return true;
}

static void stop_doors(struct server *server)
{
	int drain_ms = (int)server->config->drain_ms;
	if (server->pg_door)
		pg_door_stop(&server->pg_door, drain_ms);
	while (server->doors_open > 0) {
		const struct door *door = &server->doors[--server->doors_open];
		door->stop(door->ctx, drain_ms);
		log_say(server->log, DOOR_CLOSED, NULL, log_cstr("door", door->name));
	}
}

bool server_start(struct server *server, struct error *err)
{
	bool ok = start_pg(server, err);
	while (ok && server->doors_open < server->door_count) {
		const struct door *door = &server->doors[server->doors_open];
		ok = door->start(door->ctx, server, err);
		if (!ok)
			break;
		server->doors_open++;
		const char *address = door->address ? door->address(door->ctx) : "";
		log_say(server->log, DOOR_OPEN, NULL, log_cstr("door", door->name),
			log_cstr("address", address));
	}
	ok = ok && mesh_start(server, err);
	if (!ok) {
		log_failure(server->log, EVENT_SERVER_FAILED, NULL, "open the doors", err);
		stop_doors(server);
		return false;
	}
	runs_start(server->runs);
	atomic_store(&server->ready, true);
	log_say(server->log, SERVER_READY, NULL,
		log_int("ms", (clock_wall_us(&clock_system) - server->started_us) / 1000));
	return true;
}

bool server_ready(struct server *server, struct error *err)
{
	if (!atomic_load(&server->ready))
		return error_set(err, CANNOT_CONNECT_NOW, "the node is starting");
	if (atomic_load(&server->stopping))
		return error_set(err, ADMIN_SHUTDOWN, "the node is shutting down");
	return store_ping(server->store, err) && pool_healthy(server->pool, err);
}

static void reload(struct server *server)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct reload_result result;
	struct error logged;
	(void)!server_reload(server, scratch, &result, &logged);
}

void server_wait(struct server *server)
{
	sigset_t set;
	signal_set(&set);
	int signal_number = 0;
	do {
		if (sigwait(&set, &signal_number) != 0)
			break;
		if (signal_number == SIGHUP)
			reload(server);
	} while (signal_number == SIGHUP);
	atomic_store(&server->stopping, true);
	atomic_store(&server->ready, false);
	log_say(server->log, SERVER_STOPPING, NULL, log_int("signal", signal_number));
	stop_doors(server);
	runs_stop(server->runs, server->config->drain_ms);
	running_cancel_all(server);
	mesh_stop(server);
	log_say(server->log, SERVER_STOPPED, NULL, log_int("signal", signal_number));
}
