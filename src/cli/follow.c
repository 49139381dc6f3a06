#include "cli/follow.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "cli/output.h"

enum { PLAIN_EVERY_US = 10000000, EXIT_FAILED = 1, EXIT_QUALITY = 6 };

struct follow {
	struct cli *cli;
	struct str line; /* a line that has not come in whole */
	struct arena *arena;
	bool (*plan)(void *ctx, json_t *plan, struct error *err);
	void *plan_ctx;
	json_t *results;
	bool bar;	  /* a renewed line stands on the terminal */
	int64_t said_us;  /* when the last plain progress line was printed */
	int64_t began_us; /* of the run that is watched */
	char step[128];
	char waiting[200]; /* why, as it was told last */
};

struct follow *follow_new(struct cli *cli)
{
	struct follow *follow = arena_new_of(cli->arena, struct follow);

	follow->cli = cli;
	follow->line = str_in(cli->arena);
	follow->results = json_array();
	return follow;
}

/* The rest lies in the command's arena. */
void follow_free(struct follow **follow)
{
	if (*follow)
		json_drop(&(*follow)->results);
	*follow = NULL;
}

void follow_on_plan(
	struct follow *follow, bool (*plan)(void *ctx, json_t *plan, struct error *err), void *ctx)
{
	follow->plan = plan;
	follow->plan_ctx = ctx;
}

static void clear_bar(struct follow *follow)
{
	if (follow->bar)
		fputs("\r\033[K", stderr);
	follow->bar = false;
}

static void human_number(double n, char *text, size_t size)
{
	static const char *const units[] = {"", "k", "M", "G", "T"};
	size_t unit = 0;

	for (; n >= 10000 && unit + 1 < array_len(units); unit++)
		n /= 1000;
	snprintf(text, size, unit && n < 100 ? "%.1f%s" : "%.0f%s", n, units[unit]);
}

/* "sales.orders  extract  1.2M rows  310k rows/s  48 %". */
static void progress_text(struct follow *follow, const json_t *event, char *text, size_t size)
{
	double rows = (double)json_get_i64(event, "rows", 0);
	double total = (double)json_get_i64(event, "total_rows", 0);
	double seconds = (double)(clock_mono_us(&clock_system) - follow->began_us) / 1e6;
	char count[32];
	char done[48] = "";
	char rate[48] = "";
	char share[32] = "";

	if (rows > 0) {
		human_number(rows, count, sizeof count);
		snprintf(done, sizeof done, "  %s rows", count);
	}
	if (rows > 0 && seconds > 0.1) {
		human_number(rows / seconds, count, sizeof count);
		snprintf(rate, sizeof rate, "  %s rows/s", count);
	}
	if (total > 0)
		snprintf(share, sizeof share, "  %.0f %%", 100 * rows / total);
	snprintf(text, size, "run %lld  %.*s  %.*s%s%s%s", (long long)json_get_i64(event, "run", 0),
		SLICE_FMT(json_get_slice(event, "step")), SLICE_FMT(json_get_slice(event, "table")),
		done, rate, share);
}

static void on_progress(struct follow *follow, const json_t *event)
{
	int64_t now = clock_mono_us(&clock_system);
	char text[256];
	char step[sizeof follow->step];

	if (follow->cli->quiet)
		return;
	progress_text(follow, event, text, sizeof text);
	if (follow->cli->error_tty) {
		fprintf(stderr, "\r\033[K%.*s", max_of(follow->cli->width - 1, 20), text);
		follow->bar = true;
		return;
	}
	snprintf(step, sizeof step, "%.*s %.*s", SLICE_FMT(json_get_slice(event, "step")),
		SLICE_FMT(json_get_slice(event, "table")));
	if (strcmp(step, follow->step) == 0 && now - follow->said_us < PLAIN_EVERY_US)
		return;
	memcpy(follow->step, step, sizeof step);
	follow->said_us = now;
	fprintf(stderr, "%s\n", text);
}

static void on_check(struct follow *follow, const json_t *event)
{
	bool ok = json_get_bool(event, "ok", false);

	if (ok && !follow->cli->verbose)
		return;
	clear_bar(follow);
	cli_note(follow->cli, "run %lld  check %s: %.*s on %.*s (%.*s)  %.*s",
		(long long)json_get_i64(event, "run", 0), ok ? "ok" : "FAILED",
		SLICE_FMT(json_get_slice(event, "name")), SLICE_FMT(json_get_slice(event, "table")),
		SLICE_FMT(json_get_slice(event, "severity")),
		SLICE_FMT(json_get_slice(event, "message")));
}

static int exit_of(const json_t *run)
{
	const json_t *error = json_get_object(run, "error");
	char code[8] = "";

	if (slice_equal_c(json_get_slice(run, "state"), "succeeded"))
		return 0;
	snprintf(code, sizeof code, "%.*s", SLICE_FMT(json_get_slice(error, "state")));
	return strncmp(code, "23", 2) == 0 ? EXIT_QUALITY : EXIT_FAILED;
}

static void on_end(struct follow *follow, json_t *event)
{
	struct cli *cli = follow->cli;
	const json_t *error = json_get_object(event, "error");
	int status = exit_of(event);
	char rows[32];

	clear_bar(follow);
	json_array_append(follow->results, event);
	if (status && cli->status != EXIT_QUALITY)
		cli->status = status;
	human_number((double)json_get_i64(event, "rows", 0), rows, sizeof rows);
	cli_note(cli, "run %lld  %.*s  %.*s%s%s%s",
		(long long)json_get_i64(event, "id", json_get_i64(event, "run", 0)),
		SLICE_FMT(json_get_slice(event, "product")),
		SLICE_FMT(json_get_slice(event, "state")), status ? "" : "  ", status ? "" : rows,
		status ? "" : " rows");
	if (error && !cli->quiet)
		fprintf(stderr, "  %.*s\n", SLICE_FMT(json_get_slice(error, "message")));
	if (error && !cli->quiet && json_get_slice(error, "hint").len)
		fprintf(stderr, "  hint: %.*s\n", SLICE_FMT(json_get_slice(error, "hint")));
}

static bool on_error(struct follow *follow, const json_t *event, struct error *err)
{
	const json_t *error = json_get_object(event, "error");
	char code[8] = "";

	clear_bar(follow);
	snprintf(code, sizeof code, "%.*s", SLICE_FMT(json_get_slice(error, "code")));
	error_set(err, INTERNAL_ERROR, "%.*s", SLICE_FMT(json_get_slice(error, "message")));
	err->state = sqlstate_from_code(code);
	return error_hint(err, "%.*s", SLICE_FMT(json_get_slice(error, "hint")));
}

/* Said again and again while it lasts; told once. */
static void on_waiting(struct follow *follow, const json_t *event)
{
	struct slice why = json_get_slice(event, "message");

	if (slice_equal_c(why, follow->waiting))
		return;
	snprintf(follow->waiting, sizeof follow->waiting, "%.*s", SLICE_FMT(why));
	clear_bar(follow);
	cli_note(follow->cli, "run %lld  waits: %.*s", (long long)json_get_i64(event, "run", 0),
		SLICE_FMT(why));
}

static bool on_event(struct follow *follow, json_t *event, struct error *err)
{
	struct slice kind = json_get_slice(event, "event");

	if (slice_is_none(kind) && follow->plan)
		return follow->plan(follow->plan_ctx, event, err);
	if (slice_equal_c(kind, "state"))
		follow->began_us = clock_mono_us(&clock_system);
	else if (slice_equal_c(kind, "progress"))
		on_progress(follow, event);
	else if (slice_equal_c(kind, "check"))
		on_check(follow, event);
	else if (slice_equal_c(kind, "end"))
		on_end(follow, event);
	else if (slice_equal_c(kind, "error"))
		return on_error(follow, event, err);
	else if (slice_equal_c(kind, "waiting"))
		on_waiting(follow, event);
	else if (slice_equal_c(kind, "log") && follow->cli->verbose) {
		clear_bar(follow);
		cli_note(follow->cli, "run %lld  %.*s", (long long)json_get_i64(event, "run", 0),
			SLICE_FMT(json_get_slice(event, "message")));
	}
	return true;
}

bool follow_data(void *ctx, struct slice bytes, struct error *err)
{
	struct follow *follow = ctx;

	while (bytes.len) {
		struct slice rest = bytes;
		struct slice part = slice_split(&rest, '\n');

		str_add(&follow->line, part);
		if (slice_is_none(rest))
			return true;
		bytes = rest;
		scoped(json_drop) json_t *event = json_parse(str_slice(&follow->line), err);

		follow->line.len = 0;
		if (!event || !on_event(follow, event, err))
			return false;
	}
	return true;
}

bool follow_finish(struct follow *follow, struct error *err)
{
	static const struct output_field fields[] = {
		{"id", "ID", FIELD_RIGHT | FIELD_NAME},
		{"product", "PRODUCT", 0},
		{"state", "STATE", 0},
		{"rows", "ROWS", FIELD_RIGHT},
		{"version", "VERSION", FIELD_RIGHT},
	};
	scoped(json_drop) json_t *results = take(follow->results);

	clear_bar(follow);
	if (!follow->cli->format_given)
		return true;
	return output_items(follow->cli, fields, array_len(fields), results, err);
}

bool follow_run(
	struct cli *cli, struct follow *follow, int64_t run, int64_t deadline_us, struct error *err)
{
	struct client *client = NULL;
	const struct client_request request = {
		.method = "GET",
		.path = arena_printf(
			cli->arena, "/api/v1/runs/%lld/log?follow=true", (long long)run)
				.ptr,
		.accept = "application/x-ndjson",
		.data = follow_data,
		.ctx = follow,
		.deadline_us = deadline_us,
	};

	return cli_client(cli, &client, err) && client_send(client, &request, err);
}
