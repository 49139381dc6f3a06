#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/cmd-apply.h"
#include "cli/files.h"
#include "cli/follow.h"
#include "cli/manifest-print.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "cli/target.h"
#include "cli/tree.h"

/* plan, diff, apply, export. The plan is always computed by the node. */

enum { EXIT_DIFFERENT = 1, EXIT_ERRORS = 2, EXIT_BREAKING = 6 };

static const char *manifest_dir(const struct cli *cli)
{
	return cli_is_set(cli, "file") ? cli_option(cli, "file") : ".";
}

static bool make_body(struct cli *cli, json_t **out, struct error *err)
{
	struct manifest_file *files = NULL;
	size_t count = 0;
	scoped(json_drop) json_t *body = json_object();
	json_t *list = json_array();

	json_object_set_new(body, "files", list);
	if (!tree_read(cli->arena, manifest_dir(cli), &files, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		json_t *item = json_object();

		if (!slice_is_utf8(files[i].text)) {
			json_decref(item);
			return error_set(err, INVALID_ENCODING, "%.*s is not valid UTF-8",
				SLICE_FMT(files[i].path));
		}
		json_set_slice(item, "path", files[i].path);
		json_set_slice(item, "text", files[i].text);
		json_array_append_new(list, item);
	}
	if (cli_is_set(cli, "scope"))
		json_object_set_new(body, "scope", json_string(cli_option(cli, "scope")));
	if (cli_is_set(cli, "prune"))
		json_object_set_new(body, "prune", json_true());
	*out = take(body);
	return true;
}

static const char *action_sign(struct slice action)
{
	if (slice_equal_c(action, "create"))
		return "+";
	if (slice_equal_c(action, "remove"))
		return "-";
	return slice_equal_c(action, "rebuild") ? "*" : "~";
}

static const char *action_color(const struct cli *cli, struct slice action)
{
	if (!cli->color)
		return "";
	if (slice_equal_c(action, "create"))
		return "\033[32m";
	return slice_equal_c(action, "remove") ? "\033[31m" : "\033[33m";
}

static void print_texts(FILE *out, const char *before, const json_t *list)
{
	size_t i = 0;
	json_t *text = NULL;

	json_array_foreach(list, i, text)
		fprintf(out, "%s%.*s\n", before, SLICE_FMT(json_to_slice(text)));
}

static void print_changes(const struct cli *cli, const json_t *plan)
{
	const json_t *changes = json_get_array(plan, "changes");
	size_t i = 0;
	json_t *change = NULL;

	json_array_foreach(changes, i, change)
	{
		struct slice action = json_get_slice(change, "action");

		fprintf(cli->out, "%s%s %-8.*s %-12.*s %.*s%s\n", action_color(cli, action),
			action_sign(action), SLICE_FMT(action),
			SLICE_FMT(json_get_slice(change, "kind")),
			SLICE_FMT(json_get_slice(change, "name")), cli->color ? "\033[0m" : "");
		print_texts(cli->out, "             ", json_get_array(change, "details"));
	}
	if (json_array_size(changes) == 0 && json_get_bool(plan, "ok", false))
		fputs("Nothing to change.\n", cli->out);
}

static void print_breaking(const struct cli *cli, const json_t *plan)
{
	size_t i = 0;
	json_t *item = NULL;

	json_array_foreach(json_get_array(plan, "breaking"), i, item)
	{
		struct slice column = json_get_slice(item, "column");

		fprintf(cli->out, "%sBREAKING%s %.*s%s%.*s: %.*s (%.*s:%lld)\n",
			cli->color ? "\033[31m" : "", cli->color ? "\033[0m" : "",
			SLICE_FMT(json_get_slice(item, "table")), column.len ? "." : "",
			SLICE_FMT(column), SLICE_FMT(json_get_slice(item, "what")),
			SLICE_FMT(json_get_slice(item, "path")),
			(long long)json_get_i64(item, "line", 0));
		print_texts(cli->out, "  used by ", json_get_array(item, "dependants"));
	}
}

void manifest_print_error(const struct cli *cli, FILE *out, const json_t *item)
{
	struct slice expected = json_get_slice(item, "expected");
	struct slice hint = json_get_slice(item, "hint");
	bool warning = json_get_bool(item, "warning", false);

	fprintf(out, "%.*s:%lld:%lld: %s%s:%s %.*s\n", SLICE_FMT(json_get_slice(item, "path")),
		(long long)json_get_i64(item, "line", 0),
		(long long)json_get_i64(item, "column", 0),
		cli->color ? (warning ? "\033[33m" : "\033[31m") : "",
		warning ? "warning" : "error", cli->color ? "\033[0m" : "",
		SLICE_FMT(json_get_slice(item, "message")));
	if (expected.len)
		fprintf(out, "  expected: %.*s\n", SLICE_FMT(expected));
	if (hint.len)
		fprintf(out, "  hint: %.*s\n", SLICE_FMT(hint));
}

static void print_problems(struct cli *cli, const json_t *plan, bool warnings)
{
	size_t i = 0;
	json_t *item = NULL;

	json_array_foreach(json_get_array(plan, "errors"), i, item)
	{
		if (json_get_bool(item, "warning", false) == warnings)
			manifest_print_error(cli, cli->out, item);
	}
}

static void print_plan(struct cli *cli, const json_t *plan)
{
	print_problems(cli, plan, false);
	print_changes(cli, plan);
	print_breaking(cli, plan);
	print_problems(cli, plan, true);
	fflush(cli->out);
}

static bool is_structured(const struct cli *cli)
{
	return cli->format_given && (cli->format == OUTPUT_JSON || cli->format == OUTPUT_NDJSON ||
					    cli->format == OUTPUT_YAML);
}

static bool show_plan(struct cli *cli, const json_t *plan, struct error *err)
{
	if (is_structured(cli))
		return output_value(cli, plan, err);
	print_plan(cli, plan);
	return true;
}

/* 0, or why the plan cannot be applied. A break first: what reads the column that is gone is an
 * error too. */
static int refusal(const json_t *plan)
{
	if (json_get_bool(plan, "ok", false))
		return 0;
	return json_array_size(json_get_array(plan, "breaking")) ? EXIT_BREAKING : EXIT_DIFFERENT;
}

bool apply_get_plan(struct cli *cli, const json_t *body, json_t **out, struct error *err)
{
	struct client *client = NULL;

	return cli_client(cli, &client, err) &&
	       client_json(client, "POST", "/api/v1/plan", body, out, err);
}

bool apply_show_plan(struct cli *cli, const json_t *plan, struct error *err)
{
	cli->status = refusal(plan);
	return show_plan(cli, plan, err);
}

bool cmd_plan(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *plan = NULL;

	if (!make_body(cli, &body, err) || !apply_get_plan(cli, body, &plan, err))
		return false;
	return apply_show_plan(cli, plan, err);
}

bool cmd_diff(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *plan = NULL;

	if (!make_body(cli, &body, err) || !apply_get_plan(cli, body, &plan, err))
		return false;
	if (refusal(plan) == EXIT_DIFFERENT)
		cli->status = EXIT_ERRORS;
	else if (refusal(plan))
		cli->status = EXIT_BREAKING;
	else if (json_array_size(json_get_array(plan, "changes")))
		cli->status = EXIT_DIFFERENT;
	return show_plan(cli, plan, err);
}

static bool confirm(struct cli *cli, const json_t *plan, struct error *err)
{
	size_t removed = 0;
	size_t i = 0;
	json_t *change = NULL;

	json_array_foreach(json_get_array(plan, "changes"), i, change) removed +=
		slice_equal_c(json_get_slice(change, "action"), "remove");
	if (!target_confirm_change(cli, err))
		return false;
	if (cli_is_set(cli, "yes"))
		return true;
	return prompt_yes(cli,
		arena_printf(cli->arena, removed ? "Apply this, and remove %zu?" : "Apply this?",
			removed)
			.ptr,
		"pass --yes", err);
}

/* The answer's first line: what was done. */
static bool on_applied(void *ctx, json_t *plan, struct error *err)
{
	json_t **kept = ctx;

	(void)err;
	*kept = json_incref(plan);
	return true;
}

bool apply_send(struct cli *cli, json_t *body, const json_t *plan, struct error *err)
{
	struct client *client = NULL;
	scoped(follow_free) struct follow *follow = follow_new(cli);
	scoped(json_drop) json_t *done = NULL;
	bool wait = !cli_is_set(cli, "no-wait");
	const struct client_request request = {
		.method = "POST",
		.path = "/api/v1/apply",
		.accept = "application/x-ndjson",
		.body = body,
		.data = follow_data,
		.ctx = follow,
	};

	/* What was shown is what is done: an apply in between is a conflict. */
	json_object_set(body, "base", json_object_get(plan, "base"));
	follow_on_plan(follow, on_applied, &done);
	if (!cli_client(cli, &client, err))
		return false;
	if (wait ? !client_send(client, &request, err)
		 : !client_json(client, "POST", "/api/v1/apply", body, &done, err))
		return false;
	if (refusal(done))
		return apply_show_plan(cli, done, err);
	cli_note(cli, "applied: %zu changes, %zu runs",
		json_array_size(json_get_array(done, "changes")),
		json_array_size(json_get_array(done, "runs")));
	if (is_structured(cli))
		return output_value(cli, done, err);
	return true;
}

bool cmd_apply(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *plan = NULL;

	if (cli_is_set(cli, "prune") && !cli_is_set(cli, "scope") && !cli_is_set(cli, "yes") &&
		!cli->input_tty) {
		error_set(err, INVALID_PARAMETER_VALUE,
			"--prune over the whole mesh needs somebody to say yes");
		return error_hint(err, "pass --scope PATH or --yes");
	}
	if (!make_body(cli, &body, err) || !apply_get_plan(cli, body, &plan, err))
		return false;
	if (refusal(plan) || cli_is_set(cli, "dry-run"))
		return apply_show_plan(cli, plan, err);
	if (!is_structured(cli))
		print_plan(cli, plan);
	if (json_array_size(json_get_array(plan, "changes")) == 0)
		return is_structured(cli) ? output_value(cli, plan, err) : true;
	if (!confirm(cli, plan, err))
		return false;
	if (cli_is_set(cli, "no-run"))
		json_object_set_new(body, "no_run", json_true());
	return apply_send(cli, body, plan, err);
}

/* Names from the node are foreign: nothing may leave the folder. */
static bool is_inside(struct slice path)
{
	if (path.len == 0 || path.ptr[0] == '/')
		return false;
	while (!slice_is_none(path)) {
		struct slice part = slice_split(&path, '/');

		if (part.len == 0 || slice_equal_c(part, ".") || slice_equal_c(part, ".."))
			return false;
	}
	return true;
}

/* *written_out false: the file is the same already. */
static bool export_file(
	struct cli *cli, const char *dir, const json_t *file, bool *written_out, struct error *err)
{
	enum { OLD_BYTES_MAX = 64 << 20 };
	struct slice name = json_get_slice(file, "path");
	struct slice text = json_get_slice(file, "text");
	struct slice old = SLICE_NONE;
	const char *path = arena_printf(cli->arena, "%s/%.*s", dir, SLICE_FMT(name)).ptr;

	*written_out = false;
	if (!is_inside(name))
		return error_set(
			err, DATA_CORRUPTED, "the node names a file \"%.*s\"", SLICE_FMT(name));
	if (access(path, F_OK) == 0) {
		if (!file_read(cli->arena, path, OLD_BYTES_MAX, &old, err))
			return false;
		if (slice_equal(old, text))
			return true;
		if (!cli_is_set(cli, "force")) {
			error_set(err, DUPLICATE_OBJECT, "%s is there and differs", path);
			return error_hint(err, "pass --force to overwrite, or another --dir");
		}
	}
	char *folder = arena_cstr(cli->arena, slice_from_c(path));

	*strrchr(folder, '/') = 0;
	*written_out = true;
	return file_make_dirs(folder, 0777, err) && file_write(path, text, 0644, err);
}

bool cmd_export(struct cli *cli, struct error *err)
{
	struct client *client = NULL;
	const char *dir = cli_is_set(cli, "dir") ? cli_option(cli, "dir") : ".";
	const char *scope = cli_option(cli, "scope");
	scoped(json_drop) json_t *answer = NULL;
	struct str path = str_in(cli->arena);
	size_t written = 0;
	size_t i = 0;
	json_t *file = NULL;

	str_add_c(&path, "/api/v1/export");
	if (scope)
		str_printf(&path, "?scope=%s", client_escape(cli->arena, slice_from_c(scope)));
	if (!cli_client(cli, &client, err) ||
		!client_json(client, "GET", path.ptr, NULL, &answer, err))
		return false;
	if (is_structured(cli))
		return output_value(cli, answer, err);
	json_array_foreach(json_get_array(answer, "files"), i, file)
	{
		bool is_new = false;

		if (!export_file(cli, dir, file, &is_new, err))
			return false;
		written += is_new;
	}
	cli_note(cli, "%zu files in %s, %zu of them written",
		json_array_size(json_get_array(answer, "files")), dir, written);
	return true;
}
