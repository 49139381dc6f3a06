/* COPY … TO STDOUT, with the options of today and those of PostgreSQL 7.3 to 8.4, which drivers
 * still send. */
#include "base/str.h"
#include "base/vec.h"
#include "sql/command-private.h"

static bool bad_option(struct command_parser *p, const char *text)
{
	return error_set(p->err, INVALID_PARAMETER_VALUE, "%s", text);
}

/* 'text', in the old form with AS before it */
static bool option_text(struct command_parser *p, struct slice *out)
{
	(void)command_accept_word(p, "as");
	return command_expect_string(p, out);
}

static bool one_character(struct command_parser *p, const char *option, char *out)
{
	struct slice value;

	if (!option_text(p, &value))
		return false;
	if (value.len != 1 || value.ptr[0] == '\n' || value.ptr[0] == '\r')
		return error_set(p->err, INVALID_PARAMETER_VALUE,
			"COPY %s must be a single one-byte character", option);
	*out = value.ptr[0];
	return true;
}

static bool parse_format(struct command_parser *p)
{
	struct slice name;

	if (p->token.kind == TOKEN_STRING ? !command_expect_string(p, &name)
					  : !command_expect_name(p, &name))
		return false;
	if (slice_equal_nocase(name, SLICE("text")))
		p->out->copy.format = COMMAND_COPY_TEXT;
	else if (slice_equal_nocase(name, SLICE("csv")))
		p->out->copy.format = COMMAND_COPY_CSV;
	else if (slice_equal_nocase(name, SLICE("binary")))
		p->out->copy.format = COMMAND_COPY_BINARY;
	else
		return error_set(p->err, INVALID_PARAMETER_VALUE,
			       "COPY format \"%.*s\" is not known", SLICE_FMT(name)) ||
		       error_hint(p->err, "Use text, csv or binary.");
	return true;
}

/* on, off, true, false, 1, 0; absent means on */
static bool parse_switch(struct command_parser *p, bool *out)
{
	struct slice value = p->token.text;

	*out = true;
	if (token_is_punct(p->token, ',') || token_is_punct(p->token, ')'))
		return true;
	if (p->token.kind == TOKEN_STRING && !command_expect_string(p, &value))
		return false;
	bool off = slice_equal_nocase(value, SLICE("off")) ||
		   slice_equal_nocase(value, SLICE("false")) || slice_equal_c(value, "0");
	bool on = slice_equal_nocase(value, SLICE("on")) ||
		  slice_equal_nocase(value, SLICE("true")) || slice_equal_c(value, "1");

	if (!on && !off)
		return command_syntax_error(p);
	if (slice_equal(value, p->token.text))
		command_next(p);
	*out = on;
	return true;
}

/* * or a list of columns; in brackets in today's form. */
static bool parse_force_quote(struct command_parser *p, bool brackets)
{
	VEC(struct slice) names = {0};
	struct slice name;

	if (p->token.kind == TOKEN_OPERATOR && slice_equal_c(p->token.text, "*")) {
		command_next(p);
		p->out->copy.force_quote_all = true;
		return true;
	}
	if (brackets && !command_expect_punct(p, '('))
		return false;
	do {
		if (!command_expect_name(p, &name))
			return false;
		vec_push(p->arena, &names, name);
	} while (command_accept_punct(p, ','));
	p->out->copy.force_quote = names.items;
	p->out->copy.force_quote_count = names.len;
	return !brackets || command_expect_punct(p, ')');
}

static bool parse_encoding(struct command_parser *p)
{
	struct slice name;

	if (!command_expect_string(p, &name))
		return false;
	if (slice_equal_nocase(name, SLICE("utf8")) || slice_equal_nocase(name, SLICE("utf-8")))
		return true;
	return command_unsupported(p, "COPY in an encoding other than UTF8");
}

static bool parse_option(struct command_parser *p)
{
	struct command_copy *copy = &p->out->copy;

	if (command_accept_word(p, "format"))
		return parse_format(p);
	if (command_accept_word(p, "header"))
		return parse_switch(p, &copy->header);
	if (command_accept_word(p, "delimiter"))
		return one_character(p, "delimiter", &copy->delimiter);
	if (command_accept_word(p, "null"))
		return option_text(p, &copy->null_text);
	if (command_accept_word(p, "quote"))
		return one_character(p, "quote", &copy->quote);
	if (command_accept_word(p, "escape"))
		return one_character(p, "escape", &copy->escape);
	if (command_accept_word(p, "force_quote"))
		return parse_force_quote(p, true);
	if (command_accept_word(p, "encoding"))
		return parse_encoding(p);
	error_set(p->err, SYNTAX_ERROR, "option \"%.*s\" not recognized",
		SLICE_FMT(slice_sub(p->token.text, 0, 64)));
	p->err->position = command_position(p->text, p->token.at);
	return error_hint(p->err, "COPY … TO STDOUT knows FORMAT, HEADER, DELIMITER, NULL, QUOTE, "
				  "ESCAPE, FORCE_QUOTE, ENCODING.");
}

/* [BINARY] [CSV] [HEADER] [DELIMITER [AS] 'x'] … in any order, to the end. */
static bool parse_old_options(struct command_parser *p)
{
	struct command_copy *copy = &p->out->copy;

	while (p->token.kind != TOKEN_END) {
		struct token ahead = lexer_peek(&p->lexer);

		if (command_accept_word(p, "binary")) {
			copy->format = COMMAND_COPY_BINARY;
		} else if (command_accept_word(p, "csv")) {
			copy->format = COMMAND_COPY_CSV;
		} else if (command_accept_word(p, "header")) {
			copy->header = true;
		} else if (token_is_word(p->token, "force") && token_is_word(ahead, "quote")) {
			command_next(p);
			command_next(p);
			if (!parse_force_quote(p, false))
				return false;
		} else if (!parse_option(p)) {
			return false;
		}
	}
	return true;
}

static bool parse_options(struct command_parser *p)
{
	(void)command_accept_word(p, "with");
	if (!command_accept_punct(p, '('))
		return parse_old_options(p);
	do {
		if (!parse_option(p))
			return false;
	} while (command_accept_punct(p, ','));
	return command_expect_punct(p, ')') && command_expect_end(p);
}

/* Defaults by format, and what does not go together. */
static bool settle(struct command_parser *p)
{
	struct command_copy *copy = &p->out->copy;
	bool csv = copy->format == COMMAND_COPY_CSV;

	if (copy->format == COMMAND_COPY_BINARY &&
		(copy->header || copy->delimiter || !slice_is_none(copy->null_text)))
		return bad_option(p, "HEADER, DELIMITER and NULL do not go with COPY BINARY");
	if (!csv &&
		(copy->quote || copy->escape || copy->force_quote_all || copy->force_quote_count))
		return bad_option(p, "QUOTE, ESCAPE and FORCE_QUOTE go with COPY CSV only");
	if (!copy->delimiter)
		copy->delimiter = csv ? ',' : '\t';
	if (slice_is_none(copy->null_text))
		copy->null_text = csv ? SLICE("") : SLICE("\\N");
	if (!copy->quote)
		copy->quote = '"';
	if (!copy->escape)
		copy->escape = copy->quote;
	if (csv && copy->delimiter == copy->quote)
		return bad_option(p, "COPY delimiter and quote must be different");
	if (!csv && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", copy->delimiter))
		return bad_option(p, "COPY delimiter cannot be a backslash, dot, letter or digit");
	if (slice_find(copy->null_text, slice_of(&copy->delimiter, 1), 0) != SIZE_MAX)
		return bad_option(p, "COPY delimiter must not appear in the NULL text");
	return true;
}

/* table [(columns)] as a query. */
static bool parse_table(struct command_parser *p)
{
	struct str query = str_in(p->arena);
	struct slice columns = SLICE("*");
	struct slice part;
	size_t from = p->token.at;

	do {
		if (!command_expect_name(p, &part))
			return false;
	} while (command_accept_punct(p, '.'));
	struct slice table = slice_sub(p->text, from, p->end);

	if (command_accept_punct(p, '(') && !command_skip_brackets(p, &columns))
		return false;
	str_printf(&query, "SELECT %.*s FROM %.*s", SLICE_FMT(columns), SLICE_FMT(table));
	p->out->query = str_slice(&query);
	return true;
}

static bool parse_query(struct command_parser *p)
{
	p->out->query_at = (int64_t)p->token.at;
	return command_skip_brackets(p, &p->out->query);
}

bool command_parse_copy(struct command_parser *p)
{
	bool is_query = command_accept_punct(p, '(');

	if (!is_query && command_accept_word(p, "binary"))
		p->out->copy.format = COMMAND_COPY_BINARY;
	if (is_query ? !parse_query(p) : !parse_table(p))
		return false;
	if (!is_query && token_is_word(p->token, "from")) {
		p->out->kind = COMMAND_WRITE;
		p->out->tag = "COPY FROM";
		return true;
	}
	if (!command_expect_word(p, "to"))
		return false;
	if (p->token.kind == TOKEN_STRING || token_is_word(p->token, "program")) {
		error_set(p->err, INSUFFICIENT_PRIVILEGE,
			"COPY writes to the client only, not to a file or program of the node");
		return error_hint(p->err, "Use COPY … TO STDOUT, or \\copy in psql.");
	}
	return command_expect_word(p, "stdout") && parse_options(p) && settle(p);
}
