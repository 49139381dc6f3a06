/* The reference page and the commented file, from the same rows as the parser. */
#include "config/config.h"

static const char *const KINDS[] = {"yes/no", "number", "time", "size", "text", "word", "list"};

/* "pg" of "pg.port". */
static struct slice section_of(const char *name)
{
	struct slice rest = slice_from_c(name);

	return slice_split(&rest, '.');
}

static void add_cell(struct str *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			str_add_char(out, '\\');
		str_add_char(out, *text);
	}
}

void config_print_reference(struct str *out)
{
	struct slice before = SLICE_NONE;

	str_add_c(out,
		"# Settings\n\n"
		"Made from src/config/params.def. A value is taken from a flag (`--set "
		"pg.port=6432`), else the\n"
		"environment (`WEFT_PG_PORT=6432`), else `weft.toml` in the data folder (`[pg]`, "
		"`port = 6432`),\n"
		"else the default. `weft config view` shows each value and where it came from.\n");
	for (int i = 0; i < CONFIG_PARAM_COUNT; i++) {
		const struct config_param_row *row = &config_param_table[i];
		struct slice section = section_of(row->name);

		if (!slice_equal(section, before))
			str_printf(out,
				"\n## %.*s\n| setting | kind | range | default | takes effect | "
				"what |\n"
				"|---|---|---|---|---|---|\n",
				SLICE_FMT(section));
		before = section;
		str_printf(out, "| `%s` | %s | ", row->name, KINDS[row->kind]);
		add_cell(out, row->range);
		str_printf(out, " | %s%s%s | %s | ", *row->fallback ? "`" : "", row->fallback,
			*row->fallback ? "`" : "",
			row->reload == CONFIG_RELOAD ? "reload" : "restart");
		add_cell(out, row->text);
		str_add_c(out, " |\n");
	}
}

void config_print_file(struct str *out)
{
	struct config *config = config_defaults();
	struct slice before = SLICE_NONE;

	str_add_c(out, "# Settings of this node. Each line shows its default; take the # away to "
		       "change it.\n");
	for (int i = 0; i < CONFIG_PARAM_COUNT; i++) {
		const struct config_param_row *row = &config_param_table[i];
		struct slice section = section_of(row->name);
		struct slice value = config_text(config, (enum config_param)i, out->arena);

		if (!slice_equal(section, before))
			str_printf(out, "\n[%.*s]\n", SLICE_FMT(section));
		before = section;
		str_printf(out, "# %s\n# %s = %.*s\n", row->text, row->name + section.len + 1,
			SLICE_FMT(value));
	}
	config_free(&config);
}
