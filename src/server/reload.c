/*
 * Settings read anew while the node serves. Whoever works reads server->config each time; what
 * keeps a copy (log, pool) is told here. Statements in flight may still hold the old settings, so
 * these live until the node ends.
 */
#include "server/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "server/server-private.h"

extern char **environ;

enum log_level reload_log_level(const struct config *config)
{
	for (int i = LOG_DEBUG; i <= LOG_OFF; i++)
		if (strcmp(log_level_name((enum log_level)i), config->log_level) == 0)
			return (enum log_level)i;
	return LOG_INFO;
}

static void apply(struct server *server, const struct config *before, const struct config *next)
{
	log_set_level(server->log, reload_log_level(next));
	pool_set_limit(server->pool, (size_t)next->query_per_principal);
	/* Limits that a worker was narrowed to hold until its end. */
	if (before->query_memory_bytes != next->query_memory_bytes ||
		before->query_threads != next->query_threads ||
		before->query_spill_bytes != next->query_spill_bytes)
		pool_drop_idle(server->pool);
}

static void retire(struct server *server, const struct config *before)
{
	size_t count = server->retired_count + 1;
	const struct config **all =
		realloc(server->retired, count * sizeof *all); /* NOLINT: pointers are stored */
	check(all != NULL);
	all[server->retired_count] = before;
	server->retired = all;
	server->retired_count = count;
}

static void tell(struct server *server, const struct reload_result *result)
{
	char names[512] = "";
	size_t len = 0;
	for (size_t i = 0; i < result->restart_count && len < sizeof names; i++)
		len += (size_t)snprintf(
			names + len, sizeof names - len, "%s%s", i ? ", " : "", result->restart[i]);
	log_say(server->log, SERVER_RELOADED, NULL,
		log_int("changed", (int64_t)result->changed_count),
		log_cstr("restart_needed", names));
}

static void note_fixed(const struct config *config, struct arena *arena, struct reload_result *out)
{
	out->fixed = arena_array_of(arena, const char *, CONFIG_PARAM_COUNT);
	for (int i = 0; i < CONFIG_PARAM_COUNT; i++)
		if (config->origin[i] == CONFIG_FROM_FLAG || config->origin[i] == CONFIG_FROM_ENV)
			out->fixed[out->fixed_count++] = config_param_table[i].name;
}

bool server_reload(
	struct server *server, struct arena *arena, struct reload_result *out, struct error *err)
{
	const char *path = arena_printf(arena, "%s/weft.toml", server->data_dir).ptr;
	struct config_input input = {.envp = (const char *const *)environ,
		.flags = server->flags,
		.flag_count = server->flag_count};
	struct config *next;
	*out = (struct reload_result){0};
	pthread_mutex_lock(&server->reload_lock);
	const struct config *before = server->config;
	bool ok = config_load_file(path, &input, &next, err) && log_reopen(server->log, err);
	if (ok) {
		out->changed_count =
			config_differences(before, next, CONFIG_RELOAD, arena, &out->changed);
		out->restart_count = config_differences(
			server->first_config, next, CONFIG_RESTART, arena, &out->restart);
		note_fixed(next, arena, out);
		server->config = next;
		apply(server, before, next);
		if (before != server->first_config)
			retire(server, before);
		tell(server, out);
	} else {
		log_failure(server->log, EVENT_RELOAD_FAILED, NULL, "read the settings", err);
	}
	pthread_mutex_unlock(&server->reload_lock);
	return ok;
}

void reload_free(struct server *server)
{
	for (size_t i = 0; i < server->retired_count; i++) {
		struct config *config = (struct config *)(uintptr_t)server->retired[i];
		config_free(&config);
	}
	free(server->retired);
	if (server->config != server->first_config) {
		struct config *config = (struct config *)(uintptr_t)server->config;
		config_free(&config);
	}
}
