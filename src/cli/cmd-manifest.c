#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/manifest-print.h"
#include "cli/output.h"
#include "cli/tree.h"
#include "server/check-sql.h"
#include "server/pool.h"

enum { VALIDATE_MEMORY_BYTES = 512 << 20 };

/* validate and fmt: manifests without a node. */

static const char *manifest_dir(const struct cli *cli)
{
	return cli_is_set(cli, "file") ? cli_option(cli, "file") : ".";
}

static json_t *problem_json(const struct manifest_problem *problem)
{
	json_t *item = json_object();

	json_set_slice(item, "path", problem->at.path);
	json_object_set_new(item, "line", json_integer(problem->at.line));
	json_object_set_new(item, "column", json_integer(problem->at.column));
	json_object_set_new(item, "warning", json_boolean(problem->warning));
	json_set_slice(item, "message", problem->message);
	json_set_slice(item, "expected", problem->expected);
	json_set_slice(item, "hint", problem->hint);
	return item;
}

static bool has_sql(const struct manifest_set *set)
{
	for (size_t i = 0; i < set->policy_count; i++)
		if (set->policies[i].filter.len)
			return true;
	for (size_t i = 0; i < set->pipeline_count; i++)
		if (set->pipelines[i].transform_count)
			return true;
	for (size_t i = 0; i < set->contract_count; i++)
		for (size_t j = 0; j < set->contracts[i].schema_count; j++)
			for (size_t k = 0; k < set->contracts[i].schemas[j].quality_count; k++)
				if (set->contracts[i].schemas[j].quality[k].type == QUALITY_SQL)
					return true;
	return false;
}

/* A worker of our own parses the SQL, confined as a node's; it needs no node and no network. */
static bool check_texts(struct cli *cli, struct sql_check *check, struct error *err)
{
	const char *tmp = secure_getenv("TMPDIR");
	char *folder = arena_cstr(cli->arena,
		arena_printf(cli->arena, "%s/weft-validate-XXXXXX", tmp ? tmp : "/tmp"));
	struct pool_config config = {.worker_path = cli_worker_path(cli),
		.max_workers = 1,
		.max_per_principal = 1,
		.max_waiting = 1,
		.warm = 1,
		.idle_ms = 60000};

	if (!mkdtemp(folder))
		return error_set_errno(err, errno, "make the folder %s", folder);
	config.spill_root = folder;
	bool ok = pool_open(&config, &check->parser.pool, err);

	if (ok) {
		ok = check_sql(check, err);
		pool_close(&check->parser.pool);
	}
	(void)rmdir(folder); /* empty by now, or of no use to anybody */
	return ok;
}

static void check_set(struct cli *cli, struct sql_check *check)
{
	struct error err;

	check_schedules(check);
	if (!has_sql(check->set))
		return;
	if (!check_texts(cli, check, &err))
		cli_note(cli, "the SQL in these files was not checked: %s", err.msg);
	manifest_problems_sort(check->problems);
}

bool cmd_validate(struct cli *cli, struct error *err)
{
	static const struct output_field fields[] = {
		{"path", "FILE", FIELD_NAME},
		{"line", "LINE", FIELD_RIGHT},
		{"column", "COLUMN", FIELD_RIGHT},
		{"message", "MESSAGE", 0},
		{"expected", "EXPECTED", FIELD_WIDE},
		{"hint", "HINT", FIELD_WIDE},
	};
	struct manifest_file *files = NULL;
	size_t count = 0;
	struct manifest_set set = {0};
	struct manifest_problems problems = {.arena = cli->arena};
	scoped(json_drop) json_t *items = json_array();

	if (!tree_read(cli->arena, manifest_dir(cli), &files, &count, err))
		return false;
	bool ok = manifest_parse(cli->arena, files, count, &set, &problems);

	struct sql_check check = {.arena = cli->arena,
		.parser = {.memory_bytes = VALIDATE_MEMORY_BYTES},
		.set = &set,
		.files = files,
		.file_count = count,
		.problems = &problems};

	check_set(cli, &check);
	cli->status = !ok || problems.errors > 0;
	for (size_t i = 0; i < problems.len; i++)
		json_array_append_new(items, problem_json(&problems.items[i]));
	if (cli->format_given)
		return output_items(cli, fields, array_len(fields), items, err);
	for (size_t i = 0; i < problems.len; i++)
		manifest_print_error(cli, cli->out, json_array_get(items, i));
	cli_note(cli, "%zu files, %zu errors, %zu warnings", count, problems.errors,
		problems.len - problems.errors);
	return true;
}

static bool format_file(
	struct cli *cli, const struct manifest_file *file, json_t *changed, struct error *err)
{
	struct slice formatted = SLICE_NONE;
	json_t *item = NULL;

	if (slice_ends_with(file->path, SLICE(".sql")))
		return true;
	if (!manifest_format(cli->arena, file->text, &formatted, err))
		return error_wrap(err, "%.*s", SLICE_FMT(file->path));
	if (slice_equal(formatted, file->text))
		return true;
	item = json_object();
	json_set_slice(item, "path", file->path);
	json_array_append_new(changed, item);
	if (cli_is_set(cli, "check"))
		return true;
	return file_write(
		arena_printf(cli->arena, "%s/%.*s", manifest_dir(cli), SLICE_FMT(file->path)).ptr,
		formatted, 0644, err);
}

bool cmd_fmt(struct cli *cli, struct error *err)
{
	static const struct output_field fields[] = {{"path", "FILE", FIELD_NAME}};
	struct manifest_file *files = NULL;
	size_t count = 0;
	scoped(json_drop) json_t *changed = json_array();

	if (!tree_read(cli->arena, manifest_dir(cli), &files, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!format_file(cli, &files[i], changed, err))
			return false;
	cli->status = cli_is_set(cli, "check") && json_array_size(changed) > 0;
	if (!cli->format_given)
		cli->format = OUTPUT_NAME;
	return output_items(cli, fields, array_len(fields), changed, err);
}
