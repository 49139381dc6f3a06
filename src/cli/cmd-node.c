#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/node-config.h"
#include "cli/prompt.h"
#include "cli/target.h"
#include "cli/tls-make.h"
#include "pgwire/scram.h"
#include "server/server.h"
#include "store/accounts.h"

/* init and serve: the node itself, on this machine. */

enum { KEY_BYTES = 32, HOST_MAX = 64 };

static const char *path_in(struct cli *cli, const char *data, const char *name)
{
	return arena_printf(cli->arena, "%s/%s", data, name).ptr;
}

static bool make_folders(struct cli *cli, const char *data, struct error *err)
{
	static const char *const folders[] = {"keys", "run", "lake", "staging", "spill", "sources"};

	if (!file_make_dirs(data, 0700, err))
		return false;
	for (size_t i = 0; i < array_len(folders); i++)
		if (!file_make_dirs(path_in(cli, data, folders[i]), 0700, err))
			return false;
	return true;
}

/* Nothing that is there is touched: keys and settings are the owner's. */
static bool make_keys(struct cli *cli, const char *data, const char *host, struct error *err)
{
	const char *pseudonym = path_in(cli, data, "keys/pseudonym.key");
	const char *cert = path_in(cli, data, "keys/tls.crt");
	const char *key = path_in(cli, data, "keys/tls.key");
	unsigned char random[KEY_BYTES];
	char text[KEY_BYTES * 2 + 1];

	if (access(pseudonym, F_OK) != 0) {
		randombytes_buf(random, sizeof random);
		sodium_bin2hex(text, sizeof text, random, sizeof random);
		bool ok = file_write(pseudonym, slice_from_c(text), 0600, err);

		explicit_bzero(random, sizeof random);
		explicit_bzero(text, sizeof text);
		if (!ok)
			return false;
	}
	if (access(cert, F_OK) == 0 || access(key, F_OK) == 0)
		return true;
	return tls_make(host, cert, key, err);
}

static bool make_settings(struct cli *cli, const char *data, struct error *err)
{
	const char *path = path_in(cli, data, "weft.toml");
	struct str text = str_in(cli->arena);

	if (access(path, F_OK) == 0)
		return true;
	config_print_file(&text);
	return file_write(path, str_slice(&text), 0600, err);
}

static bool make_verifier(struct cli *cli, struct slice *out, struct error *err)
{
	const char *file = cli_option(cli, "admin-password-file");
	struct scram_verifier verifier;
	struct slice password = SLICE_NONE;

	*out = SLICE_NONE;
	if (!file)
		return true;
	if (!file_read(cli->arena, file, 1024, &password, err))
		return false;
	while (password.len && strchr("\r\n", password.ptr[password.len - 1]))
		password.len--;
	if (password.len == 0)
		return error_set(err, INVALID_PARAMETER_VALUE, "%s holds no password", file);
	if (!scram_verifier_make(password, SCRAM_ITERATIONS, &verifier, err))
		return false;
	*out = scram_verifier_print(cli->arena, &verifier);
	return true;
}

static bool fill_store(struct cli *cli, struct store *store, const char *host, struct error *err)
{
	const char *admin = cli_option(cli, "admin");
	const char *name = cli_option(cli, "name");
	struct account_row row = {.name = slice_from_c(admin ? admin : "admin"), .admin = true};

	return make_verifier(cli, &row.verifier, err) &&
	       store_meta_put(store, SLICE("node.name"), slice_from_c(name ? name : host), err) &&
	       accounts_put(store, &row, 0, err);
}

/* The store comes last, in its own file first: a folder with weft.db is a whole node. */
static bool make_store(struct cli *cli, const char *data, const char *host, struct error *err)
{
	const char *path = path_in(cli, data, "weft.db");
	const char *making = path_in(cli, data, "weft.db.new");
	const struct store_options options = {.path = making, .create = true};
	struct store *store = NULL;
	int layout = 0;

	unlink(making);
	if (!store_open(&options, &store, &layout, err))
		return false;
	bool ok = fill_store(cli, store, host, err);

	store_close(&store);
	if (!ok) {
		unlink(making);
		return false;
	}
	if (rename(making, path) != 0)
		return error_set_errno(err, errno, "write %s", path);
	return true;
}

static bool is_empty_or_absent(const char *data)
{
	return access(data, F_OK) != 0 || rmdir(data) == 0;
}

/* An interrupted init may be carried to its end; anything else in the folder is somebody's. */
static bool may_make(struct cli *cli, const char *data, struct error *err)
{
	if (is_empty_or_absent(data) || access(path_in(cli, data, "keys"), F_OK) == 0)
		return true;
	error_set(err, DUPLICATE_OBJECT, "%s holds something else already", data);
	return error_hint(err, "name a folder that is empty or not there");
}

bool cmd_init(struct cli *cli, struct error *err)
{
	const char *data = cli->parsed.arg_count ? cli->parsed.args[0] : NULL;
	struct target target;
	char host[HOST_MAX + 1] = "localhost";

	if (!data) {
		if (!target_find(cli, &target, err))
			return false;
		data = target.data ? target.data : "weft-data";
	}
	if (access(path_in(cli, data, "weft.db"), F_OK) == 0) {
		cli_note(cli, "%s is a node already; nothing was changed", data);
		return true;
	}
	if (gethostname(host, HOST_MAX) != 0 || host[0] == 0)
		memcpy(host, "localhost", sizeof "localhost");
	if (!may_make(cli, data, err) || !make_folders(cli, data, err) ||
		!make_keys(cli, data, host, err) || !make_settings(cli, data, err) ||
		!make_store(cli, data, host, err))
		return false;
	cli_note(cli, "%s is a node now. Start it with: weft --data %s serve", data, data);
	return true;
}

/* An empty setting means the node's own pair. */
static const char *tls_path(
	struct cli *cli, const struct config *config, const char *data, bool key)
{
	const char *set = key ? config->tls_key_file : config->tls_cert_file;

	if (!config->http_tls)
		return NULL;
	return set[0] ? set : path_in(cli, data, key ? "keys/tls.key" : "keys/tls.crt");
}

static struct api *make_api(struct cli *cli, const struct config *config, const char *data)
{
	const struct api_options options = {
		.address = config->http_address,
		.port = (int)config->http_port,
		.tls_cert_file = tls_path(cli, config, data, false),
		.tls_key_file = tls_path(cli, config, data, true),
		.control_socket = path_in(cli, data, "run/weft.sock"),
		.max_connections = (int)config->http_max_connections,
		.max_connections_per_address = (int)config->http_max_connections_per_address,
		.timeout_ms = (int)config->http_timeout_ms,
	};

	return api_new(&options);
}

static bool serve(struct cli *cli, const char *data, const struct config *config, struct api *api,
	struct error *err)
{
	struct server_options options = {
		.data_dir = data,
		.worker_path = cli_option(cli, "worker"),
		.config = config,
	};
	struct server *server = NULL;

	if (!node_config_flags(cli, &options.flags, &options.flag_count, err))
		return false;

	options.doors = api_doors(api, &options.door_count);
	if (!server_open(&options, &server, err))
		return false;
	if (!server_start(server, err)) {
		server_close(&server);
		return false;
	}
	for (size_t i = 0; i < options.door_count; i++)
		cli_note(cli, "%s: %s", options.doors[i].name,
			options.doors[i].address(options.doors[i].ctx));
	if (server_pg_port(server))
		cli_note(cli, "postgresql: port %d", server_pg_port(server));
	server_wait(server);
	server_close(&server);
	return true;
}

bool cmd_serve(struct cli *cli, struct error *err)
{
	struct target target;
	const char *data = NULL;
	scoped(config_free) struct config *config = NULL;
	scoped(api_free) struct api *api = NULL;

	server_block_signals();
	/* Tables may lie outside the data folder, where the machine's other users could read them.
	 */
	umask(umask(077) | 07);
	if (!target_find(cli, &target, err))
		return false;
	if (!target.data)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"serve needs the node's folder: pass --data DIR, not --url");
	if (!node_data_dir(cli, target.data, &data, err) ||
		!node_config_load(cli, data, &config, err))
		return false;
	api = make_api(cli, config, data);
	return serve(cli, data, config, api, err);
}
