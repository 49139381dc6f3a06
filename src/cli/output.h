#pragma once

#include <stdio.h>

#include "cli/cli.h"

/* Answers in every format of --output. */

enum field_flags {
	FIELD_WIDE = 1 << 0,  /* with -o wide only, as to tables for people */
	FIELD_RIGHT = 1 << 1, /* numbers */
	FIELD_NAME = 1 << 2,  /* what -o name prints; the first field when none has it */
};

struct output_field {
	const char *key; /* member of the item; "error.message" looks inside */
	const char *title;
	unsigned flags;
};

/* An array of objects. json, ndjson, yaml and md-less formats get the whole objects (with --fields
 * only those), the others the fields. 22023 for a field that is not there. */
bool output_items(struct cli *cli, const struct output_field *fields, size_t field_count,
	const json_t *items, struct error *err) must_check;
/* One object: "key: value" lines for people. */
bool output_value(struct cli *cli, const json_t *value, struct error *err) must_check;

/* How a JSON value looks in a cell: strings bare, null empty, lists joined by ", ". */
struct slice output_cell(struct arena *arena, const json_t *value);

/* Rows for people and scripts, cells as text (none = NULL). */
struct grid_column {
	struct slice title;
	bool right;
};
struct grid_row {
	struct slice *cells;
};
struct grid {
	const struct grid_column *columns;
	size_t column_count;
	struct grid_row *rows;
	size_t row_count;
};
/* table (cut to the terminal's width), wide, md, csv, tsv, name by cli->format. */
void output_grid(struct cli *cli, const struct grid *grid);
/* One block of a longer answer: the header with the first one only. */
void output_grid_block(struct cli *cli, const struct grid *grid, bool first);
/* One line of csv or tsv. */
void output_separated(
	FILE *out, enum output_format format, const struct slice *cells, size_t count);
/* YAML 1.2 block style; the value stands at `indent` columns. */
void output_yaml(FILE *out, const json_t *value, int indent);
/* Columns that the text takes on a terminal; bytes that are no UTF-8 count one each. */
size_t output_width(struct slice text);
