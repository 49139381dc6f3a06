#include "cli/node-config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

const char *node_setting_name(const struct cli *cli, struct slice name)
{
	char *text = arena_cstr(cli->arena, name);
	char *underscore = strchr(text, '_');

	if (config_find(name) < 0 && underscore) {
		*underscore = '.';
		if (config_find(slice_from_c(text)) < 0)
			*underscore = '_';
	}
	return text;
}

bool node_config_flags(
	const struct cli *cli, const struct config_flag **out, size_t *count_out, struct error *err)
{
	size_t count = parsed_count(&cli->parsed, "set");
	struct config_flag *flags = arena_array_of(cli->arena, struct config_flag, count);

	for (size_t i = 0; i < count; i++) {
		struct slice value = slice_from_c(parsed_nth(&cli->parsed, "set", i));
		struct slice name = slice_split(&value, '=');

		if (slice_is_none(value)) {
			error_set(err, INVALID_PARAMETER_VALUE, "--set \"%.*s\" has no value",
				SLICE_FMT(name));
			return error_hint(err, "as in --set pg.port=5432");
		}
		flags[i].name = node_setting_name(cli, name);
		flags[i].value = arena_cstr(cli->arena, value);
	}
	*out = flags;
	*count_out = count;
	return true;
}

bool node_config_load(
	const struct cli *cli, const char *data, struct config **out, struct error *err)
{
	struct config_input input = {.envp = (const char *const *)environ};
	const char *path = arena_printf(cli->arena, "%s/weft.toml", data).ptr;

	if (!node_config_flags(cli, &input.flags, &input.flag_count, err))
		return false;
	return config_load_file(path, &input, out, err);
}

bool node_data_dir(const struct cli *cli, const char *data, const char **out, struct error *err)
{
	char absolute[PATH_MAX];

	if (!realpath(data, absolute) ||
		access(arena_printf(cli->arena, "%s/weft.db", absolute).ptr, F_OK) != 0) {
		error_set(err, UNDEFINED_FILE, "%s is no node", data);
		return error_hint(err, "weft init %s makes one", data);
	}
	*out = arena_cstr(cli->arena, slice_from_c(absolute));
	return true;
}
