#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/str.h"

/*
 * Settings of a node: rows of params.def. A value comes from, in this order: a flag, the
 * environment (WEFT_<NAME>), the file weft.toml, the default. Immutable once loaded; a reload makes
 * a new struct config. Any thread.
 *
 * The file is a strict part of TOML 1.0 (https://toml.io/en/v1.0.0): comments, `key = value` with
 * strings ("…" with escapes, '…'), integers, booleans and arrays of strings; `[section]` puts
 * "section." before the keys below. Durations and sizes are strings with a unit ("30s", "512MB") or
 * plain integers in the base unit. Nothing else; an unknown key is an error with "did you mean".
 */
enum config_kind {
	CONFIG_BOOL,
	CONFIG_INT,
	CONFIG_DURATION, /* int64_t milliseconds; "500ms", "30s", "5min", "2h", "7d" */
	CONFIG_BYTES, /* int64_t; "512MB", "2GiB": KB/MB/GB/TB are powers of 1000, KiB … of 1024 */
	CONFIG_TEXT,  /* const char *, never NULL */
	CONFIG_CHOICE, /* const char *, one of the words in the range column */
	CONFIG_LIST,   /* struct config_list; as text, in flags and environment: comma separated */
};

enum config_reload { CONFIG_RELOAD, CONFIG_RESTART };

enum config_origin { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENV, CONFIG_FROM_FLAG };

struct config_list {
	const char **items;
	size_t count;
};

typedef bool config_type_BOOL;
typedef int64_t config_type_INT;
typedef int64_t config_type_DURATION;
typedef int64_t config_type_BYTES;
typedef const char *config_type_TEXT;
typedef const char *config_type_CHOICE;
typedef struct config_list config_type_LIST;

enum config_param {
#define PARAM(field, name, kind, range, fallback, reload, text) PARAM_##field,
#include "config/params.def"
#undef PARAM
	CONFIG_PARAM_COUNT
};

struct config_param_row {
	const char *name; /* "pg.port" */
	enum config_kind kind;
	const char *range; /* "1..65535", "text|json", "" */
	const char *fallback;
	enum config_reload reload;
	const char *text;
};

extern const struct config_param_row config_param_table[CONFIG_PARAM_COUNT];

struct config {
#define PARAM(field, name, kind, range, fallback, reload, text) config_type_##kind field;
#include "config/params.def"
#undef PARAM
	struct arena *arena; /* private: what the texts live in */
	enum config_origin origin[CONFIG_PARAM_COUNT];
	int file_line[CONFIG_PARAM_COUNT]; /* CONFIG_FROM_FILE: 1-based */
};

struct config_flag {
	const char *name; /* "pg.port" */
	const char *value;
};

struct config_input {
	const char *file_name;	 /* for messages; NULL = "weft.toml" */
	struct slice file_text;	 /* none = there is no file */
	const char *const *envp; /* "WEFT_PG_PORT=6432"…; NULL = none. Unknown WEFT_ names that do
				  * not look like a parameter's are left alone */
	const struct config_flag *flags;
	size_t flag_count;
};

/* F0000 with file, line and column for the file; 22023 naming flag or variable for the others. */
bool config_load(
	const struct config_input *input, struct config **out, struct error *err) must_check;
/* Reads the file (absent: none) and loads; the other fields of input as given. */
bool config_load_file(const char *path, const struct config_input *input, struct config **out,
	struct error *err) must_check;
void config_free(struct config **config);
/* All defaults. */
struct config *config_defaults(void);

/* The value as the file would write it. */
struct slice config_text(const struct config *config, enum config_param param, struct arena *arena);
/* "pg.port", also as "pg_port" where a dot is no good; -1 for an unknown name. */
int config_find(struct slice name);
const char *config_origin_name(enum config_origin origin); /* "default", "file", "environment", … */
/* Parameters of the kind whose values differ; the count, names in the arena. */
size_t config_differences(const struct config *before, const struct config *after,
	enum config_reload kind, struct arena *arena, const char ***names_out);
/* The reference page (Markdown), and a commented weft.toml with every default. */
void config_print_reference(struct str *out);
void config_print_file(struct str *out);
