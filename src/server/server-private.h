#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "config/config.h"
#include "log/log.h"
#include "log/metrics.h"
#include "server/pg-door.h"
#include "server/pins.h"
#include "server/plans.h"
#include "server/pool.h"
#include "server/query.h"
#include "server/server.h"

/* Statements that run now, so that a change of rights ends them. */
struct running_list {
	pthread_mutex_t lock;
	struct query *first;
	size_t len;
	uint64_t last_number;
};

/* The one object of the process. Set in server_open, then constant but for what has a lock or is
 * atomic. */
struct server {
	char *data_dir;
	char *worker_path;
	_Atomic(const struct config *) config; /* replaced by a reload */
	const struct config *first_config;     /* what the node started with; the caller's */
	const struct config **retired;	       /* by reloads, under reload_lock */
	size_t retired_count;
	pthread_mutex_t reload_lock;
	const struct config_flag *flags; /* of the command line, for a reload */
	size_t flag_count;
	struct log *log;
	struct metrics *metrics;
	struct store *store;
	struct pool *pool;
	struct plans *plans;
	struct principals *principals;
	struct file_lists *file_lists;
	struct pins *pins;
	struct damping *damping;
	struct runs *runs;
	struct pg_door *pg_door; /* of the thread that starts and stops doors */
	int pg_port;		 /* 0 = none; set before the doors with requests open */
	const struct door *doors;
	size_t door_count;
	size_t doors_open; /* of doors, started in order */
	int lock_fd;	   /* of the data folder: one server at a time */
	pthread_mutex_t model_lock;
	pthread_mutex_t refresh_lock; /* one rebuild at a time */
	pthread_mutex_t apply_lock;   /* one apply at a time */
	const struct model *model;    /* under model_lock; readers take a reference */
	/* Under model_lock: models before, kept while a statement or a transaction reads them, so
	 * that a vacuum knows how far back that is. */
	const struct model **old_models;
	size_t old_model_count;
	atomic_bool ready;
	atomic_bool stopping;
	struct running_list running;
	_Atomic(const char *) pseudonym_key; /* 64 hex digits; replaced by joining a mesh */
	const char *keys_dir;
	const char *tls_cert_file;
	struct member *member;
	atomic_bool memory_freed; /* much of it, since tend_memory looked */
	struct mesh_policies *policies;
	struct log_quota refusals; /* of requests that say to come from nodes */
	struct shelf *shelf;
	struct http_pool *http;	       /* connections to other nodes, for statements */
	_Atomic int64_t copies_epoch;  /* grows when what others publish changes here */
	_Atomic(struct peers *) peers; /* NULL until the doors are open */
	struct arena *names;	       /* of what has a name for ever; grows under model_lock */
	const char *mesh_name;
	char *node_name;
	char *local_admin;	       /* the name of who runs the node, at the control socket */
	int64_t started_us;	       /* wall clock */
	_Atomic int64_t store_told_us; /* see tend_store_failed */
};

void running_add(struct server *server, struct query *query);
void running_remove(struct server *server, struct query *query);
/* Its plan is made and is the query's from now on; a change of the model meanwhile cancels it. */
void running_settle(struct query *query, struct plan *plan);
/* What everybody's statements do now, oldest first, in the arena. */
struct system_query;
size_t running_list(struct server *server, struct arena *arena, const struct system_query **out);
/* Cancels every running statement whose decision is another one by the newest model. */
void running_recheck(struct server *server);
void running_cancel_all(struct server *server);
/* Writes the file and uses it from the next worker on; the file before is kept beside it. */
bool server_set_pseudonym_key(
	struct server *server, struct slice key, struct error *err) must_check;
