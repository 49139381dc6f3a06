/*
 * The node as one object: what is opened in which order, and ended in the opposite one. The model
 * pointer is the only shared state that changes often: readers take a counted reference under a
 * short lock.
 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "catalog/build.h"
#include "server/damping.h"
#include "server/file-lists.h"
#include "server/files.h"
#include "server/filters.h"
#include "server/mesh.h"
#include "server/principals.h"
#include "server/publish.h"
#include "server/reload.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "server/sweep.h"
#include "store/runs.h"
#include "store/store.h"

enum { PSEUDONYM_HEX = 64 };

static char *path_in(const struct server *server, const char *name)
{
	char *path;
	if (asprintf(&path, "%s/%s", server->data_dir, name) < 0)
		panic("out of memory");
	return path;
}

static void free_text(char **text)
{
	free(*text);
}

static bool make_dir(const struct server *server, const char *name, struct error *err)
{
	scoped(free_text) char *path = path_in(server, name);
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	return error_set_errno(err, errno, "make the folder %s", path);
}

/* One server per data folder: the lock ends with the process. */
static bool lock_data(struct server *server, struct error *err)
{
	if (!make_dir(server, "run", err))
		return false;
	scoped(free_text) char *path = path_in(server, "run/lock");
	server->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (server->lock_fd < 0)
		return error_set_errno(err, errno, "open %s", path);
	if (flock(server->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "another process serves %s already",
		server->data_dir);
	return error_hint(err, "Stop it first, or use another --data folder.");
}

static bool open_store(struct server *server, struct error *err)
{
	scoped(free_text) char *path = path_in(server, "weft.db");
	if (access(path, F_OK) != 0) {
		error_set(err, UNDEFINED_FILE, "%s is no node: %s is missing", server->data_dir,
			path);
		return error_hint(err, "Make one with: weft init %s", server->data_dir);
	}
	struct store_options options = {.path = path};
	int from;
	if (!store_open(&options, &server->store, &from, err))
		return false;
	if (from != store_layout())
		log_say(server->log, STORE_MIGRATED, NULL, log_int("from", from),
			log_int("to", store_layout()));
	return true;
}

static bool read_pseudonym_key(struct server *server, struct error *err)
{
	char key[PSEUDONYM_HEX + 1] = "";
	scoped(free_text) char *path = path_in(server, "keys/pseudonym.key");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "open %s", path);
	ssize_t n = read(fd, key, PSEUDONYM_HEX);
	close(fd);
	if (n == PSEUDONYM_HEX && strspn(key, "0123456789abcdef") == PSEUDONYM_HEX) {
		server->pseudonym_key = arena_cstr(server->names, slice_from_c(key));
		return true;
	}
	error_set(err, CONFIG_FILE_ERROR, "%s does not hold 64 hex digits", path);
	return error_hint(err, "Put the key back from a backup: with another one all pseudonyms "
			       "change.");
}

/* Synced under another name, then renamed. */
static bool write_key(const char *path, struct slice key, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, errno, "write %s", path);
	bool ok = write(fd, key.ptr, key.len) == (ssize_t)key.len && fsync(fd) == 0;
	if (!ok)
		error_set_errno(err, errno, "write %s", path);
	close(fd);
	return ok;
}

bool server_set_pseudonym_key(struct server *server, struct slice key, struct error *err)
{
	scoped(free_text) char *path = path_in(server, "keys/pseudonym.key");
	scoped(free_text) char *next = path_in(server, "keys/pseudonym.key.next");
	scoped(free_text) char *before = path_in(server, "keys/pseudonym.key.before");
	if (slice_equal_c(key, server->pseudonym_key))
		return true;
	if (!write_key(next, key, err))
		return false;
	unlink(before);
	if (link(path, before) != 0 || rename(next, path) != 0)
		return error_set_errno(err, errno, "replace %s", path);
	pthread_mutex_lock(&server->model_lock);
	server->pseudonym_key = arena_cstr(server->names, key);
	pthread_mutex_unlock(&server->model_lock);
	pool_drop_idle(server->pool);
	return true;
}

static bool open_pool(struct server *server, struct error *err)
{
	const struct config *config = server->config;
	scoped(free_text) char *spill = path_in(server, "spill");
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t workers = config->query_workers ? (size_t)config->query_workers
					       : 2 * (size_t)max_of(processors, 1);
	struct pool_config pool = {.worker_path = server->worker_path,
		.spill_root = spill,
		.log = server->log,
		.max_workers = workers,
		.max_per_principal = (size_t)config->query_per_principal,
		.max_waiting = (size_t)config->query_waiting,
		.warm = (size_t)config->query_warm,
		.idle_ms = config->query_idle_ms};
	return pool_open(&pool, &server->pool, err);
}

static bool open_log(struct server *server, struct error *err)
{
	const struct config *config = server->config;
	struct log_config log = {.path = config->log_file,
		.format = strcmp(config->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT,
		.level = reload_log_level(config)};
	return log_open(&log, &server->log, err);
}

/* weft-worker stands beside our own executable. */
static char *find_worker(const char *given)
{
	char self[4096];
	ssize_t n = given ? -1 : readlink("/proc/self/exe", self, sizeof self - 1);
	char *path = NULL;
	if (n < 0) {
		path = strdup(given ? given : "weft-worker");
	} else {
		self[n] = 0;
		char *slash = strrchr(self, '/');
		if (slash)
			*slash = 0;
		if (asprintf(&path, "%s/weft-worker", self) < 0)
			path = NULL;
	}
	check(path != NULL);
	return path;
}

static struct server *server_new(const struct server_options *options)
{
	struct server *server = calloc(1, sizeof *server);
	check(server != NULL);
	server->data_dir = strdup(options->data_dir);
	check(server->data_dir != NULL);
	server->worker_path = find_worker(options->worker_path);
	server->config = options->config;
	server->first_config = options->config;
	server->flags = options->flags;
	server->flag_count = options->flag_count;
	server->doors = options->doors;
	server->door_count = options->door_count;
	server->lock_fd = -1;
	server->started_us = clock_wall_us(&clock_system);
	server->names = arena_new();
	server->mesh_name = "";
	server->metrics = metrics_new();
	server->damping = damping_new(&clock_system);
	server->file_lists = file_lists_new();
	server->pins = pins_new();
	server->plans = plans_new((size_t)options->config->plan_cache_entries,
		(size_t)options->config->plan_cache_bytes);
	pthread_mutex_init(&server->model_lock, NULL);
	pthread_mutex_init(&server->refresh_lock, NULL);
	pthread_mutex_init(&server->apply_lock, NULL);
	pthread_mutex_init(&server->reload_lock, NULL);
	pthread_mutex_init(&server->running.lock, NULL);
	return server;
}

static bool read_node_name(struct server *server, struct error *err)
{
	struct slice name;
	if (!store_meta_get(server->store, SLICE("node.name"), server->names, &name, err))
		return false;
	char host[256] = "node";
	gethostname(host, sizeof host - 1);
	server->node_name =
		arena_cstr(server->names, slice_is_none(name) ? slice_from_c(host) : name);
	if (!store_meta_get(server->store, SLICE("node.admin"), server->names, &name, err))
		return false;
	server->local_admin =
		arena_cstr(server->names, slice_is_none(name) ? SLICE("admin") : name);
	return true;
}

/* What a crash left: runs that were running, publishes half done, staging. */
static bool recover(struct server *server, struct error *err)
{
	int64_t failed = 0;
	int64_t carried = 0;
	int64_t orphans = 0;
	if (!store_runs_recover(server->store, &failed, err) ||
		!publish_recover(server, &carried, err))
		return false;
	scoped(free_text) char *staging = path_in(server, "staging");
	remove_tree(staging);
	if (!sweep_lake(server, &orphans, err))
		return false;
	if (orphans)
		log_say(server->log, VACUUM_DONE, NULL, log_cstr("product", "orphans"),
			log_int("files", orphans));
	if (failed || carried)
		log_say(server->log, RECOVERY, NULL, log_int("failed_runs", failed),
			log_int("publishes", carried));
	return make_dir(server, "staging", err) && make_dir(server, "lake", err);
}

static bool open_parts(struct server *server, struct error *err)
{
	if (!open_log(server, err) || !lock_data(server, err) || !open_store(server, err) ||
		!read_pseudonym_key(server, err) || !read_node_name(server, err))
		return false;
	server->principals = principals_new(server->store);
	log_say(server->log, SERVER_STARTING, NULL, log_cstr("version", WEFT_VERSION),
		log_cstr("data", server->data_dir));
	return mesh_open(server, err) && recover(server, err) && open_pool(server, err) &&
	       server_model_refresh(server, err) && runs_open(server, &server->runs, err);
}

bool server_open(const struct server_options *options, struct server **out, struct error *err)
{
	struct server *server = server_new(options);
	if (!open_parts(server, err)) {
		server_close(&server);
		return false;
	}
	*out = server;
	return true;
}

void server_close(struct server **server_ptr)
{
	struct server *server = take(*server_ptr);
	if (!server)
		return;
	runs_close(&server->runs);
	mesh_close(server);
	pool_close(&server->pool);
	plans_free(&server->plans);
	principals_free(&server->principals);
	file_lists_free(&server->file_lists);
	damping_free(&server->damping);
	pins_free(&server->pins);
	if (server->model)
		model_unref(&server->model);
	for (size_t i = 0; i < server->old_model_count; i++)
		model_unref(&server->old_models[i]);
	free(server->old_models);
	store_close(&server->store);
	metrics_free(&server->metrics);
	log_close(&server->log);
	if (server->lock_fd >= 0)
		close(server->lock_fd);
	arena_free(&server->names);
	pthread_mutex_destroy(&server->model_lock);
	pthread_mutex_destroy(&server->refresh_lock);
	pthread_mutex_destroy(&server->apply_lock);
	pthread_mutex_destroy(&server->reload_lock);
	reload_free(server);
	pthread_mutex_destroy(&server->running.lock);
	free(server->worker_path);
	free(server->data_dir);
	free(server);
}

const struct model *server_model(struct server *server)
{
	pthread_mutex_lock(&server->model_lock);
	const struct model *model = model_ref(server->model);
	pthread_mutex_unlock(&server->model_lock);
	return model;
}

void server_model_release(struct server *server, const struct model **model)
{
	(void)server;
	if (*model)
		model_unref(model);
}

/* Lets go of old models that nobody reads; nobody can come to one anew. */
static void drop_unread_locked(struct server *server)
{
	size_t kept = 0;
	for (size_t i = 0; i < server->old_model_count; i++) {
		const struct model *old = server->old_models[i];
		if (atomic_load(old->refs) == 1)
			model_unref(&old);
		else
			server->old_models[kept++] = old;
	}
	server->old_model_count = kept;
}

static void keep_old_locked(struct server *server, const struct model *old)
{
	drop_unread_locked(server);
	server->old_models =
		reallocarray(server->old_models, server->old_model_count + 1, sizeof(void *));
	check(server->old_models != NULL);
	server->old_models[server->old_model_count++] = old;
}

int64_t server_oldest_read_us(struct server *server)
{
	pthread_mutex_lock(&server->model_lock);
	drop_unread_locked(server);
	int64_t oldest = server->model->built_us;
	for (size_t i = 0; i < server->old_model_count; i++)
		oldest = min_of(oldest, server->old_models[i]->built_us);
	pthread_mutex_unlock(&server->model_lock);
	return oldest;
}

static void swap_model(struct server *server, const struct model *next)
{
	pthread_mutex_lock(&server->model_lock);
	const struct model *before = server->model;
	server->model = next;
	if (!slice_equal_c(next->name, server->mesh_name))
		server->mesh_name = arena_cstr(server->names, next->name);
	bool rules_changed = before && before->apply != next->apply;
	if (before)
		keep_old_locked(server, before);
	pthread_mutex_unlock(&server->model_lock);
	/* What an idle worker may read was decided by the rules before. */
	if (rules_changed)
		pool_drop_idle(server->pool);
	mesh_changed(server);
	atomic_store(&server->memory_freed, true);
	metrics_set(server->metrics, METRIC_MODEL_EPOCH, NULL, NULL, (double)next->epoch);
	log_say(server->log, MODEL_SWAPPED, NULL, log_int("epoch", next->epoch));
}

bool server_model_refresh(struct server *server, struct error *err)
{
	pthread_mutex_lock(&server->refresh_lock);
	const struct model *next;
	int64_t begin = clock_mono_us(&clock_system);
	bool ok = model_build(server->store, &next, err);
	if (ok) {
		filters_compile(server, next);
		metrics_observe(server->metrics, METRIC_MODEL_SECONDS, NULL, NULL,
			(double)(clock_mono_us(&clock_system) - begin) / 1e6);
		swap_model(server, next);
		running_recheck(server);
	} else {
		log_failure(server->log, EVENT_MODEL_FAILED, NULL, "read the model", err);
	}
	pthread_mutex_unlock(&server->refresh_lock);
	return ok;
}

struct log *server_log(const struct server *server)
{
	return server->log;
}

const struct config *server_config(const struct server *server)
{
	return server->config;
}

struct metrics *server_metrics(const struct server *server)
{
	return server->metrics;
}

const char *server_node_name(const struct server *server)
{
	return server->node_name;
}

int server_pg_port(const struct server *server)
{
	return server->pg_port;
}

const char *server_mesh_name(const struct server *server)
{
	return server->mesh_name;
}
