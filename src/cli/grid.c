#include <string.h>
#include <wchar.h>

#include "base/num.h"
#include "cli/output.h"

/* Text tables. Widths are of characters as the terminal shows them. */

enum { CELL_MAX = 60, CELL_MIN = 8, GAP = 2 };

static int char_width(const char *ptr, size_t len, size_t *bytes_out)
{
	mbstate_t state = {0};
	wchar_t c = 0;
	/* The state is ours. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	size_t used = mbrtowc(&c, ptr, len, &state);

	if (used == 0 || used > len) {
		*bytes_out = 1;
		return 1;
	}
	*bytes_out = used;
	int width = wcwidth(c);

	return width < 0 ? 1 : width;
}

size_t output_width(struct slice text)
{
	size_t width = 0;
	size_t used = 0;

	for (size_t i = 0; i < text.len; i += used)
		width += (size_t)char_width(text.ptr + i, text.len - i, &used);
	return width;
}

/* Control characters would move the cursor or worse: shown as a middle dot; cut at max columns. */
static size_t print_cell(FILE *out, struct slice text, size_t max)
{
	bool cut = output_width(text) > max;
	size_t width = 0;
	size_t used = 0;

	for (size_t i = 0; i < text.len; i += used) {
		int w = char_width(text.ptr + i, text.len - i, &used);
		unsigned char first = (unsigned char)text.ptr[i];

		if (cut && width + (size_t)w > max - 1)
			break;
		if (first < 0x20 || first == 0x7f ||
			(first == 0xc2 && used == 2 && (unsigned char)text.ptr[i + 1] < 0xa0))
			fputs("\u00b7", out);
		else
			fwrite(text.ptr + i, 1, used, out);
		width += (size_t)w;
	}
	if (cut) {
		fputs("\u2026", out);
		width++;
	}
	return width;
}

static void print_padded(
	FILE *out, const struct grid_column *column, struct slice text, size_t width, bool last)
{
	size_t need = output_width(text);
	size_t pad = need < width ? width - need : 0;

	if (column->right)
		fprintf(out, "%*s", (int)pad, "");
	print_cell(out, text, width);
	if (!column->right && !last)
		fprintf(out, "%*s", (int)pad, "");
	if (!last)
		fprintf(out, "%*s", GAP, "");
}

/* Widest cells first give way until the line fits the terminal. */
static void fit(size_t *widths, size_t count, size_t room)
{
	for (;;) {
		size_t total = count ? (count - 1) * GAP : 0;
		size_t widest = 0;

		for (size_t i = 0; i < count; i++) {
			total += widths[i];
			if (widths[i] > widths[widest])
				widest = i;
		}
		if (count == 0 || total <= room || widths[widest] <= CELL_MIN)
			return;
		size_t over = total - room;

		widths[widest] = widths[widest] - over < CELL_MIN || over > widths[widest]
					 ? widths[widest] - 1
					 : max_of(widths[widest] - over, widths[widest] * 3 / 4);
	}
}

static size_t *measure(const struct cli *cli, const struct grid *grid)
{
	size_t *widths = arena_array_of(cli->arena, size_t, grid->column_count);

	for (size_t c = 0; c < grid->column_count; c++) {
		widths[c] = output_width(grid->columns[c].title);
		for (size_t r = 0; r < grid->row_count; r++)
			widths[c] = max_of(widths[c], output_width(grid->rows[r].cells[c]));
		if (cli->format == OUTPUT_TABLE)
			widths[c] = min_of(widths[c], (size_t)CELL_MAX);
	}
	if (cli->format == OUTPUT_TABLE && (cli->output_tty || cli->pager))
		fit(widths, grid->column_count, (size_t)cli->width);
	return widths;
}

static void print_table(const struct cli *cli, const struct grid *grid, bool header)
{
	const size_t *widths = measure(cli, grid);

	if (header) {
		fputs(cli->color ? "\033[1m" : "", cli->out);
		for (size_t c = 0; c < grid->column_count; c++)
			print_padded(cli->out, &grid->columns[c], grid->columns[c].title, widths[c],
				c + 1 == grid->column_count);
		fputs(cli->color ? "\033[0m\n" : "\n", cli->out);
	}
	for (size_t r = 0; r < grid->row_count; r++) {
		for (size_t c = 0; c < grid->column_count; c++)
			print_padded(cli->out, &grid->columns[c], grid->rows[r].cells[c], widths[c],
				c + 1 == grid->column_count);
		fputc('\n', cli->out);
	}
}

static void markdown_cell(FILE *out, struct slice text)
{
	fputc(' ', out);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '|')
			fputs("\\|", out);
		else if (text.ptr[i] == '\n')
			fputs("<br>", out);
		else
			fputc(text.ptr[i], out);
	}
	fputs(" |", out);
}

static void print_markdown(FILE *out, const struct grid *grid, bool header)
{
	if (header) {
		fputc('|', out);
		for (size_t c = 0; c < grid->column_count; c++)
			markdown_cell(out, grid->columns[c].title);
		fputs("\n|", out);
		for (size_t c = 0; c < grid->column_count; c++)
			fputs(grid->columns[c].right ? "---:|" : "---|", out);
		fputc('\n', out);
	}
	for (size_t r = 0; r < grid->row_count; r++) {
		fputc('|', out);
		for (size_t c = 0; c < grid->column_count; c++)
			markdown_cell(out, grid->rows[r].cells[c]);
		fputc('\n', out);
	}
}

/* RFC 4180; an empty text is "" so that it differs from NULL. */
static void csv_cell(FILE *out, struct slice text)
{
	if (slice_is_none(text))
		return;
	if (text.len && !memchr(text.ptr, '"', text.len) && !memchr(text.ptr, ',', text.len) &&
		!memchr(text.ptr, '\n', text.len) && !memchr(text.ptr, '\r', text.len)) {
		fwrite(text.ptr, 1, text.len, out);
		return;
	}
	fputc('"', out);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			fputc('"', out);
		fputc(text.ptr[i], out);
	}
	fputc('"', out);
}

/* As PostgreSQL's COPY text: a line is a row, whatever the cell holds. */
static void tsv_cell(FILE *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.ptr[i]) {
		case '\t': fputs("\\t", out); break;
		case '\n': fputs("\\n", out); break;
		case '\r': fputs("\\r", out); break;
		case '\\': fputs("\\\\", out); break;
		default: fputc(text.ptr[i], out);
		}
	}
}

void output_separated(FILE *out, enum output_format format, const struct slice *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			fputc(format == OUTPUT_CSV ? ',' : '\t', out);
		if (format == OUTPUT_CSV)
			csv_cell(out, cells[i]);
		else
			tsv_cell(out, cells[i]);
	}
	fputc('\n', out);
}

static void print_separated(const struct cli *cli, const struct grid *grid, bool header)
{
	struct slice *titles = arena_array_of(cli->arena, struct slice, grid->column_count);

	for (size_t c = 0; c < grid->column_count; c++)
		titles[c] = grid->columns[c].title;
	if (header)
		output_separated(cli->out, cli->format, titles, grid->column_count);
	for (size_t r = 0; r < grid->row_count; r++)
		output_separated(cli->out, cli->format, grid->rows[r].cells, grid->column_count);
}

void output_grid_block(struct cli *cli, const struct grid *grid, bool first)
{
	bool header = first && !cli->continued && !cli_is_set(cli, "no-header");

	switch (cli->format) {
	case OUTPUT_MARKDOWN: print_markdown(cli->out, grid, first); return;
	case OUTPUT_CSV:
	case OUTPUT_TSV: print_separated(cli, grid, header); return;
	case OUTPUT_NAME:
		for (size_t r = 0; r < grid->row_count && grid->column_count; r++)
			fprintf(cli->out, "%.*s\n", SLICE_FMT(grid->rows[r].cells[0]));
		return;
	case OUTPUT_TABLE:
	case OUTPUT_WIDE:
	case OUTPUT_JSON:
	case OUTPUT_NDJSON:
	case OUTPUT_YAML:
	case OUTPUT_PARQUET:
	case OUTPUT_ARROW: print_table(cli, grid, header); return;
	}
}

void output_grid(struct cli *cli, const struct grid *grid)
{
	output_grid_block(cli, grid, true);
}
