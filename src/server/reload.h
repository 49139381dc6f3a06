#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "log/log.h"

/* Reading the settings anew: SIGHUP, POST /api/v1/reload, `weft config set`. Any thread. */
struct server;
struct config;

struct reload_result {
	const char **changed; /* names of settings that hold from now on */
	size_t changed_count;
	const char **restart; /* that differ from what the node started with and need a restart */
	size_t restart_count;
	const char **fixed; /* given by a flag or the environment, whatever the file says */
	size_t fixed_count;
};

/* Texts in the arena. F0000, 22023 when the settings have errors: the old ones stay in force. */
bool server_reload(struct server *server, struct arena *arena, struct reload_result *out,
	struct error *err) must_check;
/* The setting log.level. */
enum log_level reload_log_level(const struct config *config);
/* Frees what reloads made; the settings that the server was opened with stay the caller's. */
void reload_free(struct server *server);
