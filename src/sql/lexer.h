#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Tokens of the SQL that DuckDB and PostgreSQL share, with byte positions: for splitting a text
 * into statements, nesting checks and session commands. It decides nothing about what a statement
 * may read: that is the AST's part (sql.h). Comments (-- and nested slash-star) and white space are
 * skipped. Source: PostgreSQL 15 "Lexical Structure" (4.1); DuckDB's scanner is the same flex file.
 * Pure; any thread; tokens borrow from the text.
 */
enum token_kind {
	TOKEN_END,    /* after the last token; again and again */
	TOKEN_WORD,   /* key word or unquoted identifier */
	TOKEN_IDENT,  /* "quoted", also U&"" */
	TOKEN_STRING, /* '', E'', B'', X'', N'', U&'', $tag$ $tag$ */
	TOKEN_NUMBER, /* 1, 1_000, 1.5e-3, 0x1F */
	TOKEN_PARAM,  /* $1, $name, ? */
	TOKEN_OPERATOR,
	TOKEN_PUNCT, /* one of ( ) [ ] { } , ; . : with :: and := as one token */
	TOKEN_ERROR, /* a string, name or comment without an end: lexer->problem says which */
};

struct token {
	enum token_kind kind;
	size_t at;	   /* byte offset */
	struct slice text; /* as written, quotes included */
};

struct lexer {
	struct slice text;
	size_t at;
	const char *problem; /* set with TOKEN_ERROR: "string", "quoted name", "comment" */
};

static inline struct lexer lexer_of(struct slice text)
{
	return (struct lexer){.text = text};
}

struct token lexer_next(struct lexer *lexer);
/* The next token; the lexer stays where it is. */
struct token lexer_peek(const struct lexer *lexer);

/* Key words, ASCII case-insensitive; a quoted name is never a key word. */
bool token_is_word(struct token token, const char *word);
bool token_is_punct(struct token token, char punct);
/*
 * What a WORD, IDENT or STRING stands for: quotes and escapes undone; words as written (DuckDB
 * keeps their case, names compare case-insensitively). none for other kinds and for escapes that
 * name no character (\u, U& with a wrong number) or NUL. In the arena, or borrowed when nothing had
 * to change.
 */
struct slice token_value(struct arena *arena, struct token token);
/* PostgreSQL's folding: words in lower case, quoted names as they are. */
struct slice token_name(struct arena *arena, struct token token);

/* Whether a name of the PostgreSQL catalogue may stand in the text: pg_catalog, information_schema
 * or a name that begins with pg_. Cheap, errs towards true. */
bool lexer_mentions_catalogue(struct slice text);
