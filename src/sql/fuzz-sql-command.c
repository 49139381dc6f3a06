/* Splits a text into statements and parses each, names their columns: also the lexer's target. */
#include "base/check.h"
#include "sql/column-name.h"
#include "sql/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct slice text = slice_of((const char *)data, size);
	struct slice *statements;
	size_t count;
	struct error err;
	struct slice names[3] = {SLICE("a"), SLICE("b"), SLICE("c")};

	sql_name_columns(arena, text, names, size % 4);
	if (command_split(arena, text, &statements, &count, &err))
		for (size_t i = 0; i < count; i++) {
			struct command command;

			if (command_parse(arena, statements[i], &command, &err))
				check(command.query_at <= (int64_t)statements[i].len);
		}
	arena_free(&arena);
	return 0;
}
