/* Checks of a statement's text before anything parses it, and positions in it. */
#include "base/num.h"
#include "sql/lexer.h"
#include "sql/sql.h"
#include "sql/text-private.h"

enum { MAX_STATEMENT = 4 * 1024 * 1024, MAX_NESTING = 200 };

int text_position(struct slice text, size_t offset)
{
	int position = 1;

	for (size_t i = 0; i < min_of(offset, text.len); i++)
		if (((unsigned char)text.ptr[i] & 0xc0) != 0x80)
			position++;
	return position;
}

static bool check_nesting(struct slice statement, struct error *err)
{
	struct lexer lexer = lexer_of(statement);
	int level = 0;

	for (;;) {
		struct token token = lexer_next(&lexer);
		if (token.kind == TOKEN_END)
			return true;
		if (token.kind == TOKEN_ERROR) {
			error_set(err, SYNTAX_ERROR, "the %s that begins here has no end",
				lexer.problem);
			err->position = text_position(statement, token.at);
			return false;
		}
		level += token_is_punct(token, '(') || token_is_punct(token, '[') ||
			 token_is_punct(token, '{');
		level -= token_is_punct(token, ')') || token_is_punct(token, ']') ||
			 token_is_punct(token, '}');
		if (level > MAX_NESTING) {
			error_set(err, STATEMENT_TOO_COMPLEX,
				"the statement nests more than %d levels deep", MAX_NESTING);
			err->position = text_position(statement, token.at);
			return error_hint(err, "Name its parts with WITH.");
		}
	}
}

bool sql_check_text(struct slice statement, struct error *err)
{
	if (statement.len > MAX_STATEMENT) {
		error_set(err, STATEMENT_TOO_COMPLEX,
			"the statement has %zu bytes; at most %d can be run", statement.len,
			MAX_STATEMENT);
		return error_hint(err, "Send long lists of values as one array parameter.");
	}
	if (!slice_is_utf8(statement) || (statement.len && memchr(statement.ptr, 0, statement.len)))
		return error_set(err, INVALID_ENCODING, "the statement is not valid UTF-8 text");
	return check_nesting(statement, err);
}
