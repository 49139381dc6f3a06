/*
 * What a statement is, by its first words: a table of verbs, each with the parser of its rest.
 * Parsers live in command-set.c (parameters, transactions), command-cursor.c (cursors, prepared
 * statements, EXPLAIN) and command-copy.c.
 */
#include "sql/command.h"

#include "base/vec.h"
#include "sql/command-private.h"

void command_next(struct command_parser *p)
{
	p->end = p->token.at + p->token.text.len;
	p->token = lexer_next(&p->lexer);
}

bool command_accept_word(struct command_parser *p, const char *word)
{
	if (!token_is_word(p->token, word))
		return false;
	command_next(p);
	return true;
}

bool command_accept_punct(struct command_parser *p, char punct)
{
	if (!token_is_punct(p->token, punct))
		return false;
	command_next(p);
	return true;
}

bool command_syntax_error(struct command_parser *p)
{
	if (p->token.kind == TOKEN_END)
		error_set(p->err, SYNTAX_ERROR, "syntax error at end of input");
	else if (p->token.kind == TOKEN_ERROR)
		error_set(p->err, SYNTAX_ERROR, "unterminated %s", p->lexer.problem);
	else
		error_set(p->err, SYNTAX_ERROR, "syntax error at or near \"%.*s\"",
			SLICE_FMT(slice_sub(p->token.text, 0, 64)));
	p->err->position = command_position(p->text, p->token.at);
	return false;
}

bool command_unsupported(struct command_parser *p, const char *what)
{
	error_set(p->err, FEATURE_NOT_SUPPORTED, "%s is not supported", what);
	p->err->position = command_position(p->text, p->token.at);
	return false;
}

bool command_expect_word(struct command_parser *p, const char *word)
{
	return command_accept_word(p, word) || command_syntax_error(p);
}

bool command_expect_punct(struct command_parser *p, char punct)
{
	return command_accept_punct(p, punct) || command_syntax_error(p);
}

bool command_expect_name(struct command_parser *p, struct slice *out)
{
	if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_IDENT)
		return command_syntax_error(p);
	struct slice name = token_name(p->arena, p->token);

	if (slice_is_none(name))
		return command_syntax_error(p);
	*out = name;
	command_next(p);
	return true;
}

bool command_expect_string(struct command_parser *p, struct slice *out)
{
	struct slice value =
		p->token.kind == TOKEN_STRING ? token_value(p->arena, p->token) : SLICE_NONE;

	if (slice_is_none(value))
		return command_syntax_error(p);
	*out = value;
	command_next(p);
	return true;
}

bool command_expect_end(struct command_parser *p)
{
	return p->token.kind == TOKEN_END || command_syntax_error(p);
}

bool command_skip_brackets(struct command_parser *p, struct slice *out)
{
	size_t from = p->token.at;
	size_t depth = 1;

	while (p->token.kind != TOKEN_END && p->token.kind != TOKEN_ERROR) {
		depth += token_is_punct(p->token, '(');
		depth -= token_is_punct(p->token, ')');
		if (depth == 0) {
			*out = slice_trim(slice_sub(p->text, from, p->token.at));
			command_next(p);
			return true;
		}
		command_next(p);
	}
	return command_syntax_error(p);
}

bool command_take_query(struct command_parser *p)
{
	if (p->token.kind == TOKEN_END || p->token.kind == TOKEN_ERROR)
		return command_syntax_error(p);
	p->out->query = slice_sub(p->text, p->token.at, p->text.len);
	p->out->query_at = (int64_t)p->token.at;
	return true;
}

static bool parse_discard(struct command_parser *p)
{
	if (command_accept_word(p, "all")) {
		p->out->flags |= COMMAND_ALL;
		p->out->tag = "DISCARD ALL";
	} else if (command_accept_word(p, "plans")) {
		p->out->tag = "DISCARD PLANS";
	} else if (command_accept_word(p, "sequences")) {
		p->out->tag = "DISCARD SEQUENCES";
	} else if (command_accept_word(p, "temp") || command_accept_word(p, "temporary")) {
		p->out->tag = "DISCARD TEMP";
	} else {
		return command_syntax_error(p);
	}
	return command_expect_end(p);
}

/* [WORK | TRANSACTION] [AND [NO] CHAIN] */
static bool parse_end_of_transaction(struct command_parser *p)
{
	if (!command_accept_word(p, "work"))
		(void)command_accept_word(p, "transaction");
	if (token_is_word(p->token, "prepared"))
		return command_unsupported(p, "two-phase commit");
	if (command_accept_word(p, "and")) {
		bool no = command_accept_word(p, "no");

		if (!command_expect_word(p, "chain"))
			return false;
		p->out->flags |= no ? 0 : COMMAND_CHAIN;
	}
	return command_expect_end(p);
}

static bool parse_rollback(struct command_parser *p)
{
	struct command_parser at_start = *p;

	if (!command_accept_word(p, "work"))
		(void)command_accept_word(p, "transaction");
	if (!command_accept_word(p, "to")) {
		*p = at_start;
		return parse_end_of_transaction(p);
	}
	p->out->kind = COMMAND_ROLLBACK_TO;
	(void)command_accept_word(p, "savepoint");
	return command_expect_name(p, &p->out->name) && command_expect_end(p);
}

static bool parse_release(struct command_parser *p)
{
	(void)command_accept_word(p, "savepoint");
	return command_expect_name(p, &p->out->name) && command_expect_end(p);
}

static bool parse_name(struct command_parser *p)
{
	return command_expect_name(p, &p->out->name) && command_expect_end(p);
}

/* UNLISTEN and CLOSE: a name, or all of them. */
static bool parse_name_or_all(struct command_parser *p)
{
	bool star = p->token.kind == TOKEN_OPERATOR && slice_equal_c(p->token.text, "*");

	if (star)
		command_next(p);
	if (star || command_accept_word(p, "all")) {
		p->out->flags |= COMMAND_ALL;
		return command_expect_end(p);
	}
	return parse_name(p);
}

static bool parse_close(struct command_parser *p)
{
	if (!parse_name_or_all(p))
		return false;
	if (p->out->flags & COMMAND_ALL)
		p->out->tag = "CLOSE CURSOR ALL";
	return true;
}

static bool parse_deallocate(struct command_parser *p)
{
	if (token_is_word(p->token, "prepare"))
		command_next(p);
	if (!parse_name_or_all(p))
		return false;
	if (p->out->flags & COMMAND_ALL)
		p->out->tag = "DEALLOCATE ALL";
	return true;
}

/* "WITH … AS (…) INSERT": a writing verb that follows a closing bracket at the outermost level. */
static bool parse_with(struct command_parser *p)
{
	static const char *const writers[] = {"insert", "update", "delete", "merge"};
	size_t depth = 0;
	bool after_bracket = false;

	for (; p->token.kind != TOKEN_END && p->token.kind != TOKEN_ERROR; command_next(p)) {
		for (size_t i = 0; after_bracket && i < array_len(writers); i++)
			if (token_is_word(p->token, writers[i]))
				p->out->kind = COMMAND_WRITE;
		depth += token_is_punct(p->token, '(');
		after_bracket = token_is_punct(p->token, ')') && depth == 1;
		depth -= token_is_punct(p->token, ')') && depth > 0;
	}
	if (p->out->kind == COMMAND_WRITE)
		p->out->tag = "a writing WITH";
	return true;
}

/* SELECT [pg_catalog.]pg_cancel_backend(n) alone; in larger queries these are no functions. */
static bool parse_select(struct command_parser *p)
{
	struct command_parser ahead = *p;
	int64_t pid = 0;

	if (command_accept_word(&ahead, "pg_catalog") && !command_accept_punct(&ahead, '.'))
		return true;
	bool terminate = token_is_word(ahead.token, "pg_terminate_backend");

	if (!terminate && !token_is_word(ahead.token, "pg_cancel_backend"))
		return true;
	command_next(&ahead);
	if (!command_accept_punct(&ahead, '(') || !slice_to_i64(ahead.token.text, &pid))
		return true;
	command_next(&ahead);
	if (!command_accept_punct(&ahead, ')') || ahead.token.kind != TOKEN_END)
		return true;
	p->out->kind = COMMAND_CANCEL;
	p->out->name = terminate ? SLICE("pg_terminate_backend") : SLICE("pg_cancel_backend");
	p->out->count = pid;
	return true;
}

struct verb {
	const char *word;
	enum command_kind kind;
	const char *tag;
	bool (*parse)(struct command_parser *p); /* NULL: the rest is not read */
};

static const struct verb verbs[] = {
	{"with", COMMAND_QUERY, "SELECT", parse_with},
	{"select", COMMAND_QUERY, "SELECT", parse_select},
	{"set", COMMAND_SET, "SET", command_parse_set},
	{"show", COMMAND_SHOW, "SHOW", command_parse_show},
	{"reset", COMMAND_RESET, "RESET", command_parse_reset},
	{"discard", COMMAND_DISCARD, "DISCARD", parse_discard},
	{"begin", COMMAND_BEGIN, "BEGIN", command_parse_begin},
	{"start", COMMAND_BEGIN, "START TRANSACTION", command_parse_start},
	{"commit", COMMAND_COMMIT, "COMMIT", parse_end_of_transaction},
	{"end", COMMAND_COMMIT, "COMMIT", parse_end_of_transaction},
	{"rollback", COMMAND_ROLLBACK, "ROLLBACK", parse_rollback},
	{"abort", COMMAND_ROLLBACK, "ROLLBACK", parse_end_of_transaction},
	{"savepoint", COMMAND_SAVEPOINT, "SAVEPOINT", parse_name},
	{"release", COMMAND_RELEASE, "RELEASE", parse_release},
	{"declare", COMMAND_DECLARE, "DECLARE CURSOR", command_parse_declare},
	{"fetch", COMMAND_FETCH, "FETCH", command_parse_fetch},
	{"move", COMMAND_MOVE, "MOVE", command_parse_fetch},
	{"close", COMMAND_CLOSE, "CLOSE CURSOR", parse_close},
	{"copy", COMMAND_COPY, "COPY", command_parse_copy},
	{"prepare", COMMAND_PREPARE, "PREPARE", command_parse_prepare},
	{"execute", COMMAND_EXECUTE, "EXECUTE", command_parse_execute},
	{"deallocate", COMMAND_DEALLOCATE, "DEALLOCATE", parse_deallocate},
	{"explain", COMMAND_EXPLAIN, "EXPLAIN", command_parse_explain},
	{"listen", COMMAND_LISTEN, "LISTEN", parse_name},
	{"unlisten", COMMAND_UNLISTEN, "UNLISTEN", parse_name_or_all},
	{"insert", COMMAND_WRITE, "INSERT", NULL},
	{"update", COMMAND_WRITE, "UPDATE", NULL},
	{"delete", COMMAND_WRITE, "DELETE", NULL},
	{"merge", COMMAND_WRITE, "MERGE", NULL},
	{"truncate", COMMAND_WRITE, "TRUNCATE", NULL},
	{"create", COMMAND_WRITE, "CREATE", NULL},
	{"alter", COMMAND_WRITE, "ALTER", NULL},
	{"drop", COMMAND_WRITE, "DROP", NULL},
	{"grant", COMMAND_WRITE, "GRANT", NULL},
	{"revoke", COMMAND_WRITE, "REVOKE", NULL},
	{"comment", COMMAND_WRITE, "COMMENT", NULL},
	{"refresh", COMMAND_WRITE, "REFRESH", NULL},
	{"lock", COMMAND_WRITE, "LOCK", NULL},
	{"import", COMMAND_WRITE, "IMPORT", NULL},
	{"reassign", COMMAND_WRITE, "REASSIGN", NULL},
	{"security", COMMAND_WRITE, "SECURITY LABEL", NULL},
	{"notify", COMMAND_REFUSED, "NOTIFY", NULL},
	{"export", COMMAND_REFUSED, "EXPORT", NULL},
	{"vacuum", COMMAND_REFUSED, "VACUUM", NULL},
	{"analyze", COMMAND_REFUSED, "ANALYZE", NULL},
	{"analyse", COMMAND_REFUSED, "ANALYZE", NULL},
	{"reindex", COMMAND_REFUSED, "REINDEX", NULL},
	{"cluster", COMMAND_REFUSED, "CLUSTER", NULL},
	{"checkpoint", COMMAND_REFUSED, "CHECKPOINT", NULL},
	{"load", COMMAND_REFUSED, "LOAD", NULL},
	{"install", COMMAND_REFUSED, "INSTALL", NULL},
	{"attach", COMMAND_REFUSED, "ATTACH", NULL},
	{"detach", COMMAND_REFUSED, "DETACH", NULL},
	{"use", COMMAND_REFUSED, "USE", NULL},
	{"pragma", COMMAND_REFUSED, "PRAGMA", NULL},
	{"call", COMMAND_REFUSED, "CALL", NULL},
	{"do", COMMAND_REFUSED, "DO", NULL},
};

bool command_parse(
	struct arena *arena, struct slice statement, struct command *out, struct error *err)
{
	struct command_parser p = {
		.arena = arena,
		.text = statement,
		.lexer = lexer_of(statement),
		.out = out,
		.err = err,
	};

	*out = (struct command){.kind = COMMAND_QUERY, .tag = "SELECT", .query_at = -1};
	p.token = lexer_next(&p.lexer);
	out->text = slice_sub(statement, p.token.at, statement.len);
	if (p.token.kind == TOKEN_END) {
		*out = (struct command){.kind = COMMAND_EMPTY, .tag = "", .query_at = -1};
		return true;
	}
	for (size_t i = 0; i < array_len(verbs); i++) {
		if (!token_is_word(p.token, verbs[i].word))
			continue;
		out->kind = verbs[i].kind;
		out->tag = verbs[i].tag;
		command_next(&p);
		return !verbs[i].parse || verbs[i].parse(&p);
	}
	return true;
}

bool command_split(struct arena *arena, struct slice text, struct slice **statements_out,
	size_t *count_out, struct error *err)
{
	VEC(struct slice) statements = {0};
	struct lexer lexer = lexer_of(text);
	size_t from = SIZE_MAX; /* of the statement's first token */
	struct token token;

	do {
		token = lexer_next(&lexer);
		bool ends = token.kind == TOKEN_END || token_is_punct(token, ';');

		if (token.kind == TOKEN_ERROR) {
			error_set(err, SYNTAX_ERROR, "unterminated %s", lexer.problem);
			err->position = command_position(text, token.at);
			return false;
		}
		if (!ends && from == SIZE_MAX)
			from = token.at;
		if (ends && from != SIZE_MAX) {
			vec_push(arena, &statements, slice_trim(slice_sub(text, from, token.at)));
			from = SIZE_MAX;
		}
	} while (token.kind != TOKEN_END);
	*statements_out = statements.items;
	*count_out = statements.len;
	return true;
}

int command_position(struct slice text, size_t offset)
{
	size_t characters = 1;

	for (size_t i = 0; i < offset && i < text.len; i++)
		characters += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return (int)(characters > INT32_MAX ? INT32_MAX : characters);
}
