/*
 * Layers of values over the table of parameters: default, file, environment, flags; each one only
 * overwrites the text of a parameter, and the last text is then read once by its kind. So a value
 * is judged the same wherever it comes from, and errors name the place.
 */
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/num.h"
#include "config/config-private.h"

enum { FILE_MAX_BYTES = 1 << 20 };

const struct config_param_row config_param_table[CONFIG_PARAM_COUNT] = {
#define PARAM(field, name, kind, range, fallback, reload, text)                                    \
	{name, CONFIG_##kind, range, fallback, CONFIG_##reload, text},
#include "config/params.def"
#undef PARAM
};

static const size_t FIELD_OFFSETS[CONFIG_PARAM_COUNT] = {
#define PARAM(field, name, kind, range, fallback, reload, text) offsetof(struct config, field),
#include "config/params.def"
#undef PARAM
};

void *config_field(struct config *config, int param)
{
	return (char *)config + FIELD_OFFSETS[param];
}

const void *config_value(const struct config *config, int param)
{
	return (const char *)config + FIELD_OFFSETS[param];
}

const char *config_origin_name(enum config_origin origin)
{
	static const char *const NAMES[] = {"default", "file", "environment", "flag"};

	return NAMES[origin];
}

static bool same_name(struct slice name, const char *param)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] != param[i] && !(name.ptr[i] == '_' && param[i] == '.'))
			return false;
	return param[name.len] == 0;
}

int config_find(struct slice name)
{
	for (int i = 0; i < CONFIG_PARAM_COUNT; i++)
		if (same_name(name, config_param_table[i].name))
			return i;
	return -1;
}

const char *config_nearest(struct slice name)
{
	const char *best = NULL;
	size_t limit = name.len / 3 + 1;

	for (int i = 0; i < CONFIG_PARAM_COUNT; i++) {
		struct slice candidate = slice_from_c(config_param_table[i].name);
		size_t distance = slice_distance(name, candidate, limit);

		if (distance <= limit) {
			best = config_param_table[i].name;
			limit = distance ? distance - 1 : 0;
		}
	}
	return best;
}

/* "WEFT_PG_PORT" for "pg.port". */
static struct slice env_name(struct arena *arena, int param)
{
	struct str out = str_in(arena);

	str_add_c(&out, "WEFT_");
	for (const char *c = config_param_table[param].name; *c; c++)
		str_add_char(&out, (char)(*c == '.' ? '_' : toupper((unsigned char)*c)));
	return str_slice(&out);
}

static void take_env(struct config *config, const char *const *envp, struct setting *settings)
{
	for (int i = 0; envp && i < CONFIG_PARAM_COUNT; i++) {
		struct slice name = env_name(config->arena, i);

		for (const char *const *entry = envp; *entry; entry++)
			if (strncmp(*entry, name.ptr, name.len) == 0 && (*entry)[name.len] == '=')
				settings[i] = (struct setting){
					.text = arena_copy(
						config->arena, slice_from_c(*entry + name.len + 1)),
					.origin = CONFIG_FROM_ENV,
					.place = name.ptr,
				};
	}
}

static bool take_flags(struct config *config, const struct config_input *input,
	struct setting *settings, struct error *err)
{
	for (size_t i = 0; i < input->flag_count; i++) {
		const struct config_flag *flag = &input->flags[i];
		int param = config_find(slice_from_c(flag->name));

		if (param < 0) {
			const char *near = config_nearest(slice_from_c(flag->name));

			error_set(err, INVALID_PARAMETER_VALUE, "there is no setting \"%s\"",
				flag->name);
			return near ? error_hint(err, "did you mean \"%s\"?", near)
				    : error_hint(err, "docs/reference/params.md has all settings");
		}
		settings[param] = (struct setting){
			.text = arena_copy(config->arena, slice_from_c(flag->value)),
			.origin = CONFIG_FROM_FLAG,
			.place = arena_printf(config->arena, "--%s", flag->name).ptr,
		};
	}
	return true;
}

static bool set_all(struct config *config, const struct config_input *input,
	const struct setting *settings, struct error *err)
{
	for (int i = 0; i < CONFIG_PARAM_COUNT; i++) {
		const struct setting *s = &settings[i];

		config->origin[i] = s->origin;
		config->file_line[i] = s->line;
		if (config_set(config, i, s, err))
			continue;
		if (s->origin == CONFIG_FROM_FILE) {
			error_wrap(err, "%s:%d:%d",
				input->file_name ? input->file_name : "weft.toml", s->line,
				s->column);
			err->state = SQLSTATE_CONFIG_FILE_ERROR;
			return false;
		}
		return error_wrap(err, "%s", s->place ? s->place : "default");
	}
	return true;
}

bool config_load(const struct config_input *input, struct config **out, struct error *err)
{
	struct setting settings[CONFIG_PARAM_COUNT] = {0};
	scoped(config_free) struct config *config = calloc(1, sizeof *config);

	check(config);
	config->arena = arena_new();
	for (int i = 0; i < CONFIG_PARAM_COUNT; i++)
		settings[i].text = slice_from_c(config_param_table[i].fallback);
	if (!slice_is_none(input->file_text) &&
		!config_parse(config->arena, input->file_name ? input->file_name : "weft.toml",
			input->file_text, settings, err))
		return false;
	take_env(config, input->envp, settings);
	if (!take_flags(config, input, settings, err) || !set_all(config, input, settings, err))
		return false;
	*out = take(config);
	return true;
}

static bool read_file(
	struct arena *arena, const char *path, struct slice *text_out, struct error *err)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*text_out = SLICE_NONE;
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0 || fstat(fd, &info) != 0) {
		error_set_errno(err, errno, "open the settings \"%s\"", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (!S_ISREG(info.st_mode) || info.st_size > FILE_MAX_BYTES) {
		close(fd);
		return error_set(err, CONFIG_FILE_ERROR, "%s: not a file of at most 1 MiB", path);
	}
	char *text = arena_alloc(arena, (size_t)info.st_size + 1);
	size_t len = 0;
	ssize_t got = 0;

	while (len < (size_t)info.st_size &&
		(got = read(fd, text + len, (size_t)info.st_size - len)) > 0)
		len += (size_t)got;
	close(fd);
	if (got < 0)
		return error_set_errno(err, errno, "read the settings \"%s\"", path);
	*text_out = slice_of(text, len);
	return true;
}

bool config_load_file(
	const char *path, const struct config_input *input, struct config **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct config_input with_file = *input;

	with_file.file_name = path;
	return read_file(arena, path, &with_file.file_text, err) &&
	       config_load(&with_file, out, err);
}

struct config *config_defaults(void)
{
	struct config *config = NULL;
	struct error err;

	if (!config_load(&(struct config_input){0}, &config, &err))
		panic("a default in params.def is wrong: %s", err.msg);
	return config;
}

void config_free(struct config **config)
{
	if (!*config)
		return;
	arena_free(&(*config)->arena);
	free(*config);
	*config = NULL;
}

size_t config_differences(const struct config *before, const struct config *after,
	enum config_reload kind, struct arena *arena, const char ***names_out)
{
	const char **names = arena_array_of(arena, const char *, CONFIG_PARAM_COUNT);
	size_t count = 0;

	for (int i = 0; i < CONFIG_PARAM_COUNT; i++)
		if (config_param_table[i].reload == kind &&
			!slice_equal(config_text(before, (enum config_param)i, arena),
				config_text(after, (enum config_param)i, arena)))
			names[count++] = config_param_table[i].name;
	*names_out = names;
	return count;
}
