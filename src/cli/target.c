#include "cli/target.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/files.h"
#include "cli/prompt.h"

/* Contexts live in $XDG_CONFIG_HOME/weft/contexts.json (else ~/.config/weft). */

enum { CONTEXTS_MAX_BYTES = 1 << 20 };

static const char *env(const char *name)
{
	const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */

	return value && *value ? value : NULL;
}

static const char *contexts_dir(const struct cli *cli)
{
	if (env("XDG_CONFIG_HOME"))
		return arena_printf(cli->arena, "%s/weft", env("XDG_CONFIG_HOME")).ptr;
	return arena_printf(cli->arena, "%s/.config/weft", env("HOME") ? env("HOME") : "").ptr;
}

bool target_read_contexts(const struct cli *cli, json_t **out, struct error *err)
{
	const char *path = arena_printf(cli->arena, "%s/contexts.json", contexts_dir(cli)).ptr;
	struct slice text = SLICE_NONE;

	if (access(path, F_OK) != 0) {
		*out = json_pack("{s:n, s:{}}", "current", "contexts");
		return true;
	}
	if (!file_read(cli->arena, path, CONTEXTS_MAX_BYTES, &text, err))
		return false;
	*out = json_parse(text, err);
	if (*out && json_get_object(*out, "contexts"))
		return true;
	if (*out)
		error_set(err, CONFIG_FILE_ERROR, "it has no \"contexts\"");
	json_drop(out);
	return error_wrap(err, "%s", path);
}

bool target_write_contexts(const struct cli *cli, const json_t *contexts, struct error *err)
{
	const char *dir = contexts_dir(cli);

	if (!file_make_dirs(dir, 0700, err))
		return false;
	return file_write(arena_printf(cli->arena, "%s/contexts.json", dir).ptr,
		json_print_pretty(cli->arena, contexts), 0600, err);
}

static const char *member(const struct cli *cli, const json_t *context, const char *key)
{
	struct slice value = json_get_slice(context, key);

	return slice_is_none(value) ? NULL : arena_cstr(cli->arena, value);
}

static bool apply_context(
	const struct cli *cli, const char *name, struct target *target, struct error *err)
{
	scoped(json_drop) json_t *file = NULL;

	if (!target_read_contexts(cli, &file, err))
		return false;
	if (!name)
		name = member(cli, file, "current");
	if (!name)
		return true;
	const json_t *context = json_get_object(json_get_object(file, "contexts"), name);

	if (!context) {
		error_set(err, UNDEFINED_OBJECT, "there is no context \"%s\"", name);
		return error_hint(err, "weft context list shows them");
	}
	target->context = name;
	target->protected = json_get_bool(context, "protected", false);
	target->token_file =
		target->token_file ? target->token_file : member(cli, context, "token_file");
	target->ca = target->ca ? target->ca : member(cli, context, "ca");
	if (target->url || target->data)
		return true;
	target->url = member(cli, context, "url");
	target->data = member(cli, context, "data");
	return true;
}

bool target_find(const struct cli *cli, struct target *out, struct error *err)
{
	const char *context = cli_option(cli, "context");

	*out = (struct target){
		.url = cli_option(cli, "url"),
		.data = cli_option(cli, "data"),
		.token_file = cli_option(cli, "token-file"),
		.ca = cli_option(cli, "ca"),
	};
	if (out->url && out->data)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"--url and --data are two different nodes; name one of them");
	if (!out->url && !out->data && !context) {
		out->url = env("WEFT_URL");
		out->data = out->url ? NULL : env("WEFT_DATA");
	}
	out->token_file = out->token_file ? out->token_file : env("WEFT_TOKEN_FILE");
	out->ca = out->ca ? out->ca : env("WEFT_CA");
	/* A node that was named here needs no context; a broken file is then nobody's trouble. */
	if ((context || !(out->url || out->data)) &&
		!apply_context(cli, context ? context : env("WEFT_CONTEXT"), out, err))
		return false;
	if (!out->url && !out->data)
		out->data = "weft-data";
	return true;
}

/* A token must not travel in clear. */
static bool check_url(const char *url, struct error *err)
{
	struct slice text = slice_from_c(url);

	if (slice_starts_with(text, SLICE("https://")) && !slice_ends_with(text, SLICE("/")))
		return true;
	error_set(err, INVALID_PARAMETER_VALUE, "\"%.200s\" is not the address of a node", url);
	return error_hint(err, "write https://HOST:PORT, without a path");
}

/* sun_path holds 107 bytes: a longer path is reached by a link in the temporary folder. */
static bool check_socket(const char *path, struct error *err)
{
	enum { SOCKET_PATH_MAX = 107 };

	if (strlen(path) > SOCKET_PATH_MAX) {
		error_set(err, INVALID_PARAMETER_VALUE,
			"the path of the control socket is longer than %d bytes: %s",
			SOCKET_PATH_MAX, path);
		return error_hint(err, "use a shorter --data, or --url with a token");
	}
	if (access(path, F_OK) != 0) {
		error_set(err, CANNOT_CONNECT, "no node runs here: there is no %s", path);
		return error_hint(
			err, "start it with `weft serve`, or say where it is with --data or --url");
	}
	return true;
}

bool cli_client(struct cli *cli, struct client **out, struct error *err)
{
	struct target target;
	struct client_options options = {
		.as_user = cli_option(cli, "as"),
		.debug = cli_is_set(cli, "debug") || cli->verbose > 1,
		.progress = cli->verbose > 0,
	};

	*out = cli->client;
	if (cli->client)
		return true;
	if (!target_find(cli, &target, err))
		return false;
	options.url = target.url;
	options.ca_file = target.ca;
	if (target.url) {
		options.token_file = target.token_file;
		if (!check_url(target.url, err))
			return false;
	} else {
		options.socket = arena_printf(cli->arena, "%s/run/weft.sock", target.data).ptr;
		if (!check_socket(options.socket, err))
			return false;
	}
	if (!client_new(&options, &cli->client, err))
		return false;
	client_catch_interrupt();
	*out = cli->client;
	return true;
}

bool target_confirm_change(struct cli *cli, struct error *err)
{
	struct target target;

	if (!target_find(cli, &target, err))
		return false;
	if (!target.protected)
		return true;
	return prompt_name(cli, target.context,
		arena_printf(cli->arena, "%s is a protected context", target.context).ptr,
		"name it: --context NAME --yes is not enough here; use a terminal", err);
}
