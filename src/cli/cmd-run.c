#include "base/clock.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/target.h"
#include "manifest/manifest.h"

/* run, cancel, retry, logs. */

static const struct output_field ref_fields[] = {{"id", "ID", FIELD_RIGHT | FIELD_NAME}};

/* Starts by POST; *run_out is the new run. */
static bool start(
	struct cli *cli, const char *path, const json_t *body, int64_t *run_out, struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;

	if (!cli_client(cli, &client, err) ||
		!client_json(client, "POST", path, body, &answer, err))
		return false;
	*run_out = json_get_i64(answer, "id", 0);
	return true;
}

static bool print_refs(struct cli *cli, const int64_t *runs, size_t count, struct error *err)
{
	scoped(json_drop) json_t *items = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, json_pack("{s:I}", "id", (json_int_t)runs[i]));
	return output_items(cli, ref_fields, array_len(ref_fields), items, err);
}

/* deadline_us: as for follow_run. */
static bool follow_all(
	struct cli *cli, const int64_t *runs, size_t count, int64_t deadline_us, struct error *err)
{
	scoped(follow_free) struct follow *follow = follow_new(cli);

	for (size_t i = 0; i < count; i++)
		if (!follow_run(cli, follow, runs[i], deadline_us, err))
			return false;
	return follow_finish(follow, err);
}

bool cmd_run(struct cli *cli, struct error *err)
{
	size_t count = cli->parsed.arg_count;
	int64_t *runs = arena_array_of(cli->arena, int64_t, count);
	const char *mode = cli_option(cli, "mode");

	if (!target_confirm_change(cli, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		scoped(json_drop) json_t *body = json_pack("{s:s, s:s}", "product",
			cli->parsed.args[i], "mode", mode ? mode : "normal");

		if (!start(cli, "/api/v1/runs", body, &runs[i], err))
			return false;
	}
	if (cli_is_set(cli, "no-wait"))
		return print_refs(cli, runs, count, err);
	return follow_all(cli, runs, count, 0, err);
}

/* 2 when name is no number. */
static bool run_number(const char *name, int64_t *out, struct error *err)
{
	if (slice_to_i64(slice_from_c(name), out) && *out > 0)
		return true;
	error_set(err, INVALID_PARAMETER_VALUE, "\"%.60s\" is not the number of a run", name);
	return error_hint(err, "weft get runs lists runs; weft get queries what weft cancel "
			       "takes besides");
}

/* /api/v1/runs/RUN/<what> */
static bool run_path(struct cli *cli, const char *what, const char **out, struct error *err)
{
	int64_t run = 0;

	if (!run_number(cli->parsed.args[0], &run, err))
		return false;
	*out = arena_printf(cli->arena, "/api/v1/runs/%lld/%s", (long long)run, what).ptr;
	return true;
}

/* q17 is a statement, 17 a run. */
static bool cancel_path(struct cli *cli, const char **out, struct error *err)
{
	const char *name = cli->parsed.args[0];
	int64_t number = 0;

	if (name[0] != 'q' || !slice_to_i64(slice_from_c(name + 1), &number))
		return run_path(cli, "cancel", out, err);
	*out = arena_printf(cli->arena, "/api/v1/queries/q%lld/cancel", (long long)number).ptr;
	return true;
}

bool cmd_cancel(struct cli *cli, struct error *err)
{
	struct client *client = NULL;
	const char *path = NULL;

	if (!cancel_path(cli, &path, err) || !target_confirm_change(cli, err) ||
		!cli_client(cli, &client, err) ||
		!client_json(client, "POST", path, NULL, NULL, err))
		return false;
	cli_note(cli, "%s is being cancelled", cli->parsed.args[0]);
	return true;
}

bool cmd_retry(struct cli *cli, struct error *err)
{
	const char *path = NULL;
	int64_t run = 0;

	if (!run_path(cli, "retry", &path, err) || !target_confirm_change(cli, err) ||
		!start(cli, path, NULL, &run, err))
		return false;
	if (cli_is_set(cli, "no-wait"))
		return print_refs(cli, &run, 1, err);
	return follow_all(cli, &run, 1, 0, err);
}

static bool read_deadline(struct cli *cli, int64_t *deadline_out, struct error *err)
{
	int64_t us = 0;
	const char *text = cli_option(cli, "timeout");
	*deadline_out = 0;
	if (!text)
		return true;
	if (!manifest_duration(slice_from_c(text), &us) || us <= 0) {
		error_set(err, INVALID_PARAMETER_VALUE, "--timeout \"%.60s\" is no time", text);
		return error_hint(err, "write it as 30s, 10min or 2h");
	}
	*deadline_out = clock_mono_us(&clock_system) + us;
	return true;
}

bool cmd_wait(struct cli *cli, struct error *err)
{
	size_t count = cli->parsed.arg_count;
	int64_t *runs = arena_array_of(cli->arena, int64_t, count);
	int64_t deadline_us = 0;

	for (size_t i = 0; i < count; i++)
		if (!run_number(cli->parsed.args[i], &runs[i], err))
			return false;
	return read_deadline(cli, &deadline_us, err) &&
	       follow_all(cli, runs, count, deadline_us, err);
}

/* Lines of a log for people, or the events as they are. */
struct log_printer {
	struct cli *cli;
	struct str line;
};

static void print_event(const struct log_printer *printer, const json_t *event)
{
	FILE *out = printer->cli->out;
	struct slice kind = json_get_slice(event, "event");

	if (slice_equal_c(kind, "log"))
		fprintf(out, "%.*s  %-5.*s  %.*s\n", SLICE_FMT(json_get_slice(event, "time")),
			SLICE_FMT(json_get_slice(event, "level")),
			SLICE_FMT(json_get_slice(event, "message")));
	else if (slice_equal_c(kind, "check"))
		fprintf(out, "check  %s  %.*s  %.*s  %.*s\n",
			json_get_bool(event, "ok", false) ? "ok" : "FAILED",
			SLICE_FMT(json_get_slice(event, "table")),
			SLICE_FMT(json_get_slice(event, "name")),
			SLICE_FMT(json_get_slice(event, "message")));
	else if (slice_equal_c(kind, "state"))
		fprintf(out, "state  %.*s\n", SLICE_FMT(json_get_slice(event, "state")));
	else if (slice_equal_c(kind, "end"))
		fprintf(out, "end  %.*s\n", SLICE_FMT(json_get_slice(event, "state")));
	fflush(out);
}

static bool on_log_data(void *ctx, struct slice bytes, struct error *err)
{
	struct log_printer *printer = ctx;

	while (bytes.len) {
		struct slice rest = bytes;

		str_add(&printer->line, slice_split(&rest, '\n'));
		if (slice_is_none(rest))
			return true;
		bytes = rest;
		scoped(json_drop) json_t *event = json_parse(str_slice(&printer->line), err);

		printer->line.len = 0;
		if (!event)
			return false;
		print_event(printer, event);
	}
	return true;
}

static bool on_raw_data(void *ctx, struct slice bytes, struct error *err)
{
	const struct log_printer *printer = ctx;

	(void)err;
	fwrite(bytes.ptr, 1, bytes.len, printer->cli->out);
	fflush(printer->cli->out);
	return true;
}

bool cmd_logs(struct cli *cli, struct error *err)
{
	struct client *client = NULL;
	const char *path = NULL;
	bool raw = cli->format_given && cli->format != OUTPUT_TABLE && cli->format != OUTPUT_WIDE;
	struct log_printer printer = {cli, str_in(cli->arena)};

	if (!run_path(cli, cli_is_set(cli, "follow") ? "log?follow=true" : "log", &path, err) ||
		!cli_client(cli, &client, err))
		return false;
	const struct client_request request = {
		.method = "GET",
		.path = path,
		.accept = "application/x-ndjson",
		.data = raw ? on_raw_data : on_log_data,
		.ctx = &printer,
	};

	return client_send(client, &request, err);
}
