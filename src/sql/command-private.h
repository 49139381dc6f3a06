#pragma once

#include "sql/command.h"
#include "sql/lexer.h"

/* The recursive-descent parser of command.c and its neighbours: one token is looked at, errors stop
 * it. */
struct command_parser {
	struct arena *arena;
	struct slice text;
	struct lexer lexer;
	struct token token; /* not consumed yet */
	size_t end;	    /* of the last consumed token */
	struct command *out;
	struct error *err;
};

void command_next(struct command_parser *p);
bool command_accept_word(struct command_parser *p, const char *word);
bool command_accept_punct(struct command_parser *p, char punct);
bool command_expect_word(struct command_parser *p, const char *word) must_check;
bool command_expect_punct(struct command_parser *p, char punct) must_check;
/* A name, folded as PostgreSQL does. */
bool command_expect_name(struct command_parser *p, struct slice *out) must_check;
bool command_expect_string(struct command_parser *p, struct slice *out) must_check;
bool command_expect_end(struct command_parser *p) must_check;
/* Always false. */
bool command_syntax_error(struct command_parser *p);
bool command_unsupported(struct command_parser *p, const char *what);
/* Skips to the closing bracket of the one that was just consumed; the slice between them. */
bool command_skip_brackets(struct command_parser *p, struct slice *out) must_check;
/* The rest of the statement becomes out->query. */
bool command_take_query(struct command_parser *p) must_check;

bool command_parse_copy(struct command_parser *p) must_check;
bool command_parse_set(struct command_parser *p) must_check;
bool command_parse_show(struct command_parser *p) must_check;
bool command_parse_reset(struct command_parser *p) must_check;
bool command_parse_begin(struct command_parser *p) must_check;
bool command_parse_start(struct command_parser *p) must_check;
/* [ISOLATION LEVEL …] [READ ONLY|WRITE] [[NOT] DEFERRABLE] to the end of the statement. */
bool command_parse_modes(struct command_parser *p) must_check;
bool command_parse_declare(struct command_parser *p) must_check;
bool command_parse_fetch(struct command_parser *p) must_check;
bool command_parse_prepare(struct command_parser *p) must_check;
bool command_parse_execute(struct command_parser *p) must_check;
bool command_parse_explain(struct command_parser *p) must_check;
