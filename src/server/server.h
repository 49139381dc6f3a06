#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The node: everything `weft serve` holds, joined. Opened once per process. Order: server_open
 * (folders, store, recovery, first model, worker zygote), server_start (doors), server_wait,
 * server_close. Doors that live above this layer (HTTP, control socket) are handed in as a table of
 * functions.
 */
struct server;
struct config;
struct config_flag;
struct log;
struct store;
struct model;
struct metrics;
struct pool;
struct runs;

struct door {
	const char *name; /* "http", "control": static */
	/* Begins to listen; on failure nothing is left behind. */
	bool (*start)(void *ctx, struct server *server, struct error *err);
	/* No new connections, running requests get drain_ms, then are cancelled; returns when all
	 * have ended. */
	void (*stop)(void *ctx, int drain_ms);
	/* One line for the log and the start-up text: "https://127.0.0.1:8443"; may be NULL. */
	const char *(*address)(const void *ctx);
	void *ctx;
};

struct server_options {
	const char *data_dir;	     /* absolute */
	const char *worker_path;     /* weft-worker; NULL = beside our own executable */
	const struct config *config; /* borrowed for the server's life; SIGHUP loads another one */
	const struct config_flag *flags; /* of the command line, borrowed, for that */
	size_t flag_count;
	const struct door *doors; /* borrowed */
	size_t door_count;
};

/* 55006 when another process serves this folder; 58P01 when it is no node (`weft init`). */
bool server_open(
	const struct server_options *options, struct server **out, struct error *err) must_check;
/* Opens every door, then is ready. */
bool server_start(struct server *server, struct error *err) must_check;
/* Blocks until SIGTERM or SIGINT (which the caller has blocked in all threads, see
 * server_block_signals); SIGHUP reloads the settings. Then stops: doors, runs, workers, store. */
void server_wait(struct server *server);
void server_close(struct server **server);

/* First thing in main, before any thread: SIGTERM, SIGINT, SIGHUP go to server_wait; SIGPIPE is
 * ignored. */
void server_block_signals(void);
/* Doors open, store writable, zygote alive; the reason when not. Any thread. */
bool server_ready(struct server *server, struct error *err) must_check;

/* Parts; borrowed, any thread. */
struct log *server_log(const struct server *server);
const struct config *server_config(const struct server *server);
const char *server_node_name(const struct server *server);
struct metrics *server_metrics(const struct server *server);
/* Port of the PostgreSQL door, 0 when it is closed. */
int server_pg_port(const struct server *server);
/* Name of the mesh, "" before the first apply; borrowed until server_close. */
const char *server_mesh_name(const struct server *server);

/* The newest model, counted: give it back with server_model_release. Any thread. */
const struct model *server_model(struct server *server);
void server_model_release(struct server *server, const struct model **model);
/* Wall clock: the oldest model that a statement, a transaction or a run still reads was read from
 * the store then. What was visible at that time must stay. */
int64_t server_oldest_read_us(struct server *server);
/* Reads the model anew from the store and makes it the newest one; statements of principals that
 * lost something are cancelled. Called after each change of what can be seen. */
bool server_model_refresh(struct server *server, struct error *err) must_check;
