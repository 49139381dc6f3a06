#include <errno.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/doctor-lake.h"
#include "cli/files.h"
#include "cli/node-config.h"
#include "cli/output.h"
#include "cli/target.h"
#include "cli/tls-make.h"
#include "ipc/spawn.h"
#include "store/audit.h"

/* Checks of a node and its machine. Each adds a line: ok, warn or fail, what was seen, what to do.
 */

enum { LOW_DISK_PERCENT = 10, TLS_WARN_DAYS = 30, WORKER_WAIT_MS = 5000, LANDLOCK_WANTED = 4 };

struct doctor {
	struct cli *cli;
	const char *data;
	const struct config *config; /* NULL = the settings are broken */
	json_t *items;
	bool running; /* the node answers at its socket */
};

static void say(struct doctor *doctor, const char *check, const char *state, const char *seen,
	const char *hint)
{
	json_array_append_new(doctor->items, json_pack("{s:s, s:s, s:s, s:s}", "check", check,
						     "state", state, "seen", seen, "hint", hint));
	if (strcmp(state, "fail") == 0)
		doctor->cli->status = 1;
}

static const char *path_in(const struct doctor *doctor, const char *name)
{
	return arena_printf(doctor->cli->arena, "%s/%s", doctor->data, name).ptr;
}

static void check_rights(struct doctor *doctor)
{
	static const char *const secrets[] = {
		"weft.db", "keys/pseudonym.key", "keys/tls.key", "weft.toml"};
	struct stat status;

	for (size_t i = 0; i < array_len(secrets); i++) {
		const char *path = path_in(doctor, secrets[i]);

		if (stat(path, &status) != 0)
			say(doctor, "files", "fail",
				arena_printf(
					doctor->cli->arena, "%s: %s", path, strerrordesc_np(errno))
					.ptr,
				"put it back from a backup");
		else if (status.st_mode & 077)
			say(doctor, "files", "warn",
				arena_printf(doctor->cli->arena, "%s is readable by others", path)
					.ptr,
				"chmod 600 it");
		else
			say(doctor, "files", "ok", path, "");
	}
}

static void check_disk(struct doctor *doctor)
{
	struct statvfs disk;

	if (statvfs(doctor->data, &disk) != 0 || disk.f_blocks == 0) {
		say(doctor, "disk", "fail", strerrordesc_np(errno), "");
		return;
	}
	double free_mb = (double)disk.f_bavail * (double)disk.f_frsize / 1e6;
	int percent = (int)(100.0 * (double)disk.f_bavail / (double)disk.f_blocks);

	bool low = percent < LOW_DISK_PERCENT;
	bool large = free_mb >= 1000;

	say(doctor, "disk",
		free_mb < 1 ? "fail"
		: low	    ? "warn"
			    : "ok",
		arena_printf(doctor->cli->arena, "%.1f %s free (%d %%)",
			large ? free_mb / 1000 : free_mb, large ? "GB" : "MB", percent)
			.ptr,
		low ? "make room, or lower lake.retention" : "");
}

static void check_lake(struct doctor *doctor, struct store *store)
{
	struct arena *arena = doctor->cli->arena;
	struct doctor_lake lake;
	struct error err = {0};

	if (!doctor_lake_check(store, arena, &lake, &err))
		say(doctor, "lake", "fail", err.msg, err.hint);
	else if (lake.finding_count)
		say(doctor, "lake", "fail",
			arena_printf(arena, "%.*s%s", SLICE_FMT(lake.finding),
				lake.finding_count > 1 ? " (and more)" : "")
				.ptr,
			"weft run of the product publishes a new version; a missing file comes "
			"back from a backup");
	else
		say(doctor, "lake", "ok",
			arena_printf(arena,
				"metadata, Delta logs and disk agree on %zu tables with %zu files",
				lake.tables, lake.files)
				.ptr,
			"");
}

/* The metadata file is whole, and nobody changed the audit trail. */
static void check_metadata(struct doctor *doctor)
{
	struct store_options options = {.path = path_in(doctor, "weft.db"), .keep_layout = true};
	struct store *store = NULL;
	struct error err = {0};
	int64_t records = 0;

	if (!store_open(&options, &store, NULL, &err) || !store_verify(store, &err)) {
		say(doctor, "metadata", "fail", err.msg, err.hint);
		store_close(&store);
		return;
	}
	say(doctor, "metadata", "ok", options.path, "");
	if (audit_verify(store, &records, &err))
		say(doctor, "audit", "ok",
			arena_printf(doctor->cli->arena, "%lld records in an unbroken chain",
				(long long)records)
				.ptr,
			"");
	else
		say(doctor, "audit", "fail", err.msg, err.hint);
	check_lake(doctor, store);
	store_close(&store);
}

static void check_clock(struct doctor *doctor)
{
	enum { BUILT_AFTER = 1767225600 }; /* 2026-01-01: an earlier clock is wrong */
	time_t now = time(NULL);
	char text[64];
	struct tm broken;

	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &broken));
	say(doctor, "clock", now < BUILT_AFTER ? "fail" : "ok", text,
		now < BUILT_AFTER ? "set the clock: tokens, audit and retention depend on it" : "");
}

static void check_tls(struct doctor *doctor)
{
	const char *set = doctor->config ? doctor->config->tls_cert_file : "";
	const char *path = set[0] ? set : path_in(doctor, "keys/tls.crt");
	struct error err = {0};
	long long left = 0;

	if (!tls_seconds_left(path, &left, &err)) {
		say(doctor, "tls", "fail", err.msg,
			"put the certificate back, or set tls.cert_file");
		return;
	}
	long long days = left / 86400;

	say(doctor, "tls",
		left < 0	       ? "fail"
		: days < TLS_WARN_DAYS ? "warn"
				       : "ok",
		arena_printf(doctor->cli->arena, "%s expires in %lld days", path, days).ptr,
		days < TLS_WARN_DAYS ? "replace certificate and key, then restart" : "");
}

static void check_sandbox(struct doctor *doctor)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int seccomp = prctl(PR_GET_SECCOMP);

	say(doctor, "landlock", abi >= LANDLOCK_WANTED ? "ok" : "fail",
		abi < 0 ? "the kernel has no Landlock"
			: arena_printf(doctor->cli->arena, "Landlock ABI %ld", abi).ptr,
		abi >= LANDLOCK_WANTED ? ""
				       : "workers cannot be confined: use Linux 6.7 or newer with "
					 "lsm=landlock");
	say(doctor, "seccomp", seccomp >= 0 ? "ok" : "fail",
		seccomp >= 0 ? "available" : "the kernel has no seccomp",
		seccomp >= 0 ? "" : "workers cannot be confined: enable CONFIG_SECCOMP_FILTER");
}

const char *cli_worker_path(struct cli *cli)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

	if (len < 0)
		return "weft-worker";
	self[len] = 0;
	char *slash = strrchr(self, '/');

	if (slash)
		*slash = 0;
	return arena_printf(cli->arena, "%s/weft-worker", self).ptr;
}

static void check_worker(struct doctor *doctor)
{
	const char *path = cli_worker_path(doctor->cli);
	const char *const argv[] = {path, "--check", NULL};
	const struct spawn spawn = {.path = path, .argv = argv};
	struct process process = {.pidfd = -1};
	struct error err = {0};
	int status = -1;

	if (!process_spawn(&spawn, &process, &err)) {
		say(doctor, "worker", "fail", err.msg, "install weft-worker beside weft");
		return;
	}
	bool ended = process_wait(&process, WORKER_WAIT_MS, &status);

	process_end(&process);
	say(doctor, "worker", ended && status == 0 ? "ok" : "fail", path,
		ended && status == 0 ? "" : "it does not start: run it by hand to see why");
}

static void check_port(struct doctor *doctor, const char *name, const char *address, int64_t port)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list = NULL;
	char text[16];
	int one = 1;

	snprintf(text, sizeof text, "%lld", (long long)port);
	if (!*address || port == 0 || doctor->running)
		return;
	if (getaddrinfo(strcmp(address, "*") == 0 ? "::" : address, text, &wanted, &list) != 0) {
		say(doctor, name, "fail", address, "the address is not one of this machine");
		return;
	}
	int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	bool free_port = bind(fd, list->ai_addr, list->ai_addrlen) == 0;
	const char *seen = arena_printf(doctor->cli->arena, "%s port %s %s", address, text,
		free_port ? "is free" : strerrordesc_np(errno))
				   .ptr;

	say(doctor, name, free_port ? "ok" : "fail", seen,
		free_port ? "" : "stop what holds it, or set another port");
	close(fd);
	freeaddrinfo(list);
}

/* The node itself says whether it can work. */
static void check_node(struct doctor *doctor)
{
	struct client *client = NULL;
	struct error err = {0};

	if (access(path_in(doctor, "run/weft.sock"), F_OK) != 0) {
		say(doctor, "node", "warn", "it does not run", "weft serve starts it");
		return;
	}
	doctor->running = cli_client(doctor->cli, &client, &err) &&
			  client_json(client, "GET", "/readyz", NULL, NULL, &err);
	say(doctor, "node", doctor->running ? "ok" : "fail",
		doctor->running ? "it runs and is ready" : err.msg, err.hint);
}

static void check_settings(struct doctor *doctor, const struct error *err)
{
	if (doctor->config)
		say(doctor, "settings", "ok", path_in(doctor, "weft.toml"), "");
	else
		say(doctor, "settings", "fail", err->msg, err->hint);
}

bool cmd_backup(struct cli *cli, struct error *err)
{
	struct target target;
	const char *data = NULL;
	struct store *store = NULL;
	if (!target_find(cli, &target, err) || !node_data_dir(cli, target.data, &data, err))
		return false;
	const struct store_options options = {
		.path = arena_printf(cli->arena, "%s/weft.db", data).ptr, .keep_layout = true};
	bool ok = store_open(&options, &store, NULL, err) &&
		  store_backup(store, cli->parsed.args[0], err);
	store_close(&store);
	if (ok)
		cli_note(cli, "the metadata is in %s", cli->parsed.args[0]);
	return ok;
}

bool cmd_doctor(struct cli *cli, struct error *err)
{
	static const struct output_field fields[] = {
		{"check", "CHECK", FIELD_NAME},
		{"state", "STATE", 0},
		{"seen", "SEEN", 0},
		{"hint", "WHAT TO DO", 0},
	};
	struct target target;
	struct error settings = {0};
	scoped(config_free) struct config *config = NULL;
	scoped(json_drop) json_t *items = json_array();
	struct doctor doctor = {.cli = cli, .items = items};

	if (!target_find(cli, &target, err))
		return false;
	if (!target.data) {
		error_set(err, FEATURE_NOT_SUPPORTED, "doctor runs on the node's machine");
		return error_hint(err, "pass --data DIR there");
	}
	if (!node_data_dir(cli, target.data, &doctor.data, err))
		return false;
	if (node_config_load(cli, doctor.data, &config, &settings))
		doctor.config = config;
	check_settings(&doctor, &settings);
	check_rights(&doctor);
	check_disk(&doctor);
	check_metadata(&doctor);
	check_clock(&doctor);
	check_tls(&doctor);
	check_sandbox(&doctor);
	check_worker(&doctor);
	check_node(&doctor);
	if (config) {
		check_port(&doctor, "pg port", config->pg_address, config->pg_port);
		check_port(&doctor, "http port", config->http_address, config->http_port);
	}
	return output_items(cli, fields, array_len(fields), items, err);
}
