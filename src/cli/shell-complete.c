#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/vec.h"
#include "cli/client.h"
#include "cli/shell-private.h"

/* Tab: keywords, and the tables and columns that the node lets us know of. */

static const char *const keywords[] = {"AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COUNT",
	"DESC", "DISTINCT", "ELSE", "END", "EXISTS", "FALSE", "FROM", "GROUP", "HAVING", "IN",
	"INNER", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "OFFSET", "ON", "OR",
	"ORDER", "OUTER", "OVER", "PARTITION", "QUALIFY", "SELECT", "SUM", "THEN", "TRUE", "UNION",
	"USING", "VALUES", "WHEN", "WHERE", "WITH"};

enum { SHOWN_MAX = 60 };

static int by_text(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

struct words {
	struct arena *arena;
	VEC(struct slice) list;
};

/* Names of a list: "domain.table_name" for tables, "column_name" for columns. Failures leave it
 * out. */
static void add_names(struct shell *shell, struct words *words, const char *path, const char *key)
{
	struct client *client = NULL;
	struct error ignored = {0};
	scoped(json_drop) json_t *answer = NULL;
	size_t i = 0;
	json_t *item = NULL;

	if (!cli_client(shell->session->cli, &client, &ignored) ||
		!client_json(client, "GET", path, NULL, &answer, &ignored))
		return;
	json_array_foreach(json_get_array(answer, "items"), i, item)
	{
		struct slice name = json_get_slice(item, key);

		if (strcmp(key, "table_name") == 0)
			name = arena_printf(words->arena, "%.*s.%.*s",
				SLICE_FMT(json_get_slice(item, "domain")), SLICE_FMT(name));
		vec_push(words->arena, &words->list, arena_copy(words->arena, name));
	}
}

static void load(struct shell *shell)
{
	struct words words = {.arena = shell->session->cli->arena};

	for (size_t i = 0; i < array_len(keywords); i++)
		vec_push(words.arena, &words.list, slice_from_c(keywords[i]));
	add_names(shell, &words, "/api/v1/tables?limit=10000", "table_name");
	add_names(shell, &words, "/api/v1/columns?limit=50000", "column_name");
	qsort(words.list.items, words.list.len, sizeof *words.list.items, by_text);
	shell->words = words.list.items;
	shell->word_count = words.list.len;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

/* The word before the cursor. */
static struct slice word_before(const LineInfo *line)
{
	const char *start = line->cursor;

	while (start > line->buffer && is_name(start[-1]))
		start--;
	return slice_of(start, (size_t)(line->cursor - start));
}

static bool fits(struct slice word, struct slice start)
{
	return word.len >= start.len && strncasecmp(word.ptr, start.ptr, start.len) == 0;
}

/* How many bytes all fitting words share; the first of them in *first. */
static size_t common(
	const struct shell *shell, struct slice start, struct slice *first, size_t *count)
{
	size_t shared = 0;

	*count = 0;
	for (size_t i = 0; i < shell->word_count; i++) {
		struct slice word = shell->words[i];

		if (!fits(word, start) || (*count && slice_equal(word, shell->words[i - 1])))
			continue;
		if ((*count)++ == 0) {
			*first = word;
			shared = word.len;
		}
		while (shared &&
			(word.len < shared || strncasecmp(word.ptr, first->ptr, shared) != 0))
			shared--;
	}
	return shared;
}

static void show(const struct shell *shell, struct slice start)
{
	size_t shown = 0;

	fputc('\n', stdout);
	for (size_t i = 0; i < shell->word_count && shown < SHOWN_MAX; i++)
		if (fits(shell->words[i], start) &&
			(i == 0 || !slice_equal(shell->words[i], shell->words[i - 1]))) {
			printf("%.*s  ", SLICE_FMT(shell->words[i]));
			shown++;
		}
	fputs(shown == SHOWN_MAX ? "…\n" : "\n", stdout);
}

unsigned char shell_complete(EditLine *editor, int key)
{
	struct shell *shell = NULL;
	struct slice first = SLICE_NONE;
	size_t count = 0;

	(void)key;
	el_get(editor, EL_CLIENTDATA, &shell);
	if (!shell->words)
		load(shell);
	struct slice start = word_before(el_line(editor));
	size_t shared = common(shell, start, &first, &count);

	if (count == 0 || start.len == 0)
		return CC_REFRESH_BEEP;
	if (shared > start.len || count == 1) {
		struct slice insert = arena_printf(shell->session->cli->arena, "%.*s%s",
			(int)shared, first.ptr, count == 1 ? " " : "");

		el_deletestr(editor, (int)start.len);
		el_insertstr(editor, insert.ptr);
		return CC_REFRESH;
	}
	show(shell, start);
	return CC_REDISPLAY;
}
