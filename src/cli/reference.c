/*
 * weft-reference PAGE: the reference pages made from the .def tables, on standard output.
 * scripts/reference.sh writes them to docs/reference/ and checks that they are up to date.
 */
#include <stdio.h>

#include "api/api.h"
#include "base/error.h"
#include "base/str.h"
#include "catalog/system.h"
#include "config/config.h"
#include "log/log.h"
#include "log/metrics.h"

/* A cell of a Markdown table: a bar would end it. */
static void add_cell(struct str *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			str_add_char(out, '\\');
		str_add_char(out, *text);
	}
}

static void print_events(struct str *out)
{
	str_add_c(out, "# Events\n\nMade from src/log/events.def. Every line of the log is one of "
		       "these.\n\n"
		       "| event | level | meaning |\n|---|---|---|\n");
	for (int i = 0; i < LOG_EVENT_COUNT; i++) {
		const struct log_event_row *row = &log_event_table[i];

		str_printf(out, "| `%s` | %s | ", row->name, log_level_name(row->level));
		add_cell(out, row->text);
		str_add_c(out, " |\n");
	}
}

static void print_metrics(struct str *out)
{
	static const char *const KINDS[] = {"counter", "gauge", "histogram"};

	str_add_c(out, "# Metrics\n\nMade from src/log/metrics.def. `GET /metrics` gives them in "
		       "Prometheus' "
		       "text form.\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n");
	for (int i = 0; i < METRIC_COUNT; i++) {
		const struct metric_row *row = &metric_table[i];

		str_printf(out, "| `%s` | %s | %s%s%s | ", row->name, KINDS[row->kind],
			row->label1 ? row->label1 : "", row->label2 ? ", " : "",
			row->label2 ? row->label2 : "");
		add_cell(out, row->text);
		str_add_c(out, " |\n");
	}
}

static void print_system_tables(struct str *out)
{
	size_t count;
	const struct system_table *tables = system_tables(&count);

	str_add_c(out, "# System tables\n\nMade from src/catalog/system.def. They are governed "
		       "like any other "
		       "table: each shows what you may know.\n");
	for (size_t i = 0; i < count; i++) {
		str_printf(out, "\n## %s.%s\n%s\n\n| column | type | what |\n|---|---|---|\n",
			tables[i].schema, tables[i].name, tables[i].comment);
		for (size_t c = 0; c < tables[i].column_count; c++) {
			const struct system_column *column = &tables[i].columns[c];

			str_printf(out, "| `%s` | %s | ", column->name,
				system_kind_type(column->kind));
			add_cell(out, column->comment);
			str_add_c(out, " |\n");
		}
	}
}

static void print_sqlstates(struct str *out)
{
	str_add_c(out,
		"# SQLSTATEs\n\nMade from src/base/sqlstate.def. Codes are PostgreSQL's where it "
		"has "
		"one.\n\n| code | meaning | exit status | HTTP status |\n|---|---|---|---|\n");
	for (int i = 0; i < SQLSTATE_COUNT; i++) {
		const struct sqlstate_row *row = &sqlstate_table[i];

		str_printf(out, "| `%s` | %s | %d | %d |\n", row->code, row->meaning,
			row->exit_status, row->http_status);
	}
}

static const struct {
	const char *name;
	void (*print)(struct str *out);
} PAGES[] = {
	{"params", config_print_reference},
	{"events", print_events},
	{"metrics", print_metrics},
	{"system-tables", print_system_tables},
	{"sqlstate", print_sqlstates},
	{"http", api_reference_print},
};

int main(int argc, char **argv)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str page = str_in(arena);

	for (size_t i = 0; i < array_len(PAGES); i++) {
		if (argc < 2)
			puts(PAGES[i].name);
		else if (strcmp(argv[1], PAGES[i].name) == 0)
			PAGES[i].print(&page);
	}
	if (argc > 1 && page.len == 0)
		return 2;
	return fwrite(str_slice(&page).ptr, 1, page.len, stdout) == page.len ? 0 : 1;
}
