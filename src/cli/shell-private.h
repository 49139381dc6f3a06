#pragma once

#include <histedit.h>

#include "base/str.h"
#include "cli/shell.h"

struct shell {
	struct sql_session *session;
	bool safe;
	bool ended;
	bool aborted; /* Ctrl-C at the prompt */
	EditLine *editor;
	History *history;
	struct str buffer; /* lines of a statement that has no end yet */
	struct str last;   /* the statement that ran last */
	char prompt[96];
	struct slice *words; /* for completion, sorted; NULL until first asked for */
	size_t word_count;
};

/* A line that begins with \ or . ; false with err set when it failed. */
bool shell_command(struct shell *shell, struct slice line, struct error *err) must_check;
/* The Tab key. */
unsigned char shell_complete(EditLine *editor, int key);
