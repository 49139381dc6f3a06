/* DECLARE, FETCH, MOVE, PREPARE, EXECUTE, EXPLAIN. */
#include "base/vec.h"
#include "sql/command-private.h"

static bool contradicts(struct command_parser *p, const char *options)
{
	error_set(p->err, INVALID_CURSOR_DEFINITION, "cannot specify both %s", options);
	return false;
}

static bool parse_cursor_options(struct command_parser *p)
{
	bool insensitive = false;
	bool asensitive = false;

	while (!token_is_word(p->token, "cursor")) {
		if (command_accept_word(p, "binary"))
			p->out->flags |= COMMAND_BINARY;
		else if (command_accept_word(p, "scroll"))
			p->out->flags |= COMMAND_SCROLL;
		else if (command_accept_word(p, "no")) {
			p->out->flags |= COMMAND_NO_SCROLL;
			if (!command_expect_word(p, "scroll"))
				return false;
		} else if (command_accept_word(p, "insensitive"))
			insensitive = true;
		else if (command_accept_word(p, "asensitive"))
			asensitive = true;
		else
			return command_syntax_error(p);
	}
	if ((p->out->flags & COMMAND_SCROLL) && (p->out->flags & COMMAND_NO_SCROLL))
		return contradicts(p, "SCROLL and NO SCROLL");
	return !(insensitive && asensitive) || contradicts(p, "ASENSITIVE and INSENSITIVE");
}

bool command_parse_declare(struct command_parser *p)
{
	if (!command_expect_name(p, &p->out->name) || !parse_cursor_options(p))
		return false;
	command_next(p);
	if (command_accept_word(p, "with")) {
		p->out->flags |= COMMAND_HOLD;
		if (!command_expect_word(p, "hold"))
			return false;
	} else if (command_accept_word(p, "without") && !command_expect_word(p, "hold")) {
		return false;
	}
	return command_expect_word(p, "for") && command_take_query(p);
}

/* A signed integer; all: also ALL. */
static bool parse_count(struct command_parser *p, bool all, int64_t *out)
{
	bool minus = false;

	if (all && command_accept_word(p, "all")) {
		*out = COMMAND_COUNT_ALL;
		return true;
	}
	if (p->token.kind == TOKEN_OPERATOR &&
		(slice_equal_c(p->token.text, "-") || slice_equal_c(p->token.text, "+"))) {
		minus = p->token.text.ptr[0] == '-';
		command_next(p);
	}
	int64_t count;

	if (p->token.kind != TOKEN_NUMBER || !slice_to_i64(p->token.text, &count))
		return command_syntax_error(p);
	*out = minus ? -count : count;
	command_next(p);
	return true;
}

static bool starts_count(const struct command_parser *p)
{
	return p->token.kind == TOKEN_NUMBER || token_is_word(p->token, "all") ||
	       (p->token.kind == TOKEN_OPERATOR &&
		       (slice_equal_c(p->token.text, "-") || slice_equal_c(p->token.text, "+")));
}

static bool parse_direction(struct command_parser *p)
{
	static const struct {
		const char *word;
		enum command_direction direction;
		int64_t count; /* 0: a count follows */
	} words[] = {
		{"next", FETCH_FORWARD, 1},
		{"prior", FETCH_BACKWARD, 1},
		{"first", FETCH_ABSOLUTE, 1},
		{"last", FETCH_ABSOLUTE, -1},
		{"absolute", FETCH_ABSOLUTE, 0},
		{"relative", FETCH_RELATIVE, 0},
	};
	/* a cursor may have a direction's name: "FETCH next" fetches from the cursor next */
	bool is_last = lexer_peek(&p->lexer).kind == TOKEN_END;

	p->out->direction = FETCH_FORWARD;
	p->out->count = 1;
	for (size_t i = 0; !is_last && i < array_len(words); i++) {
		if (!command_accept_word(p, words[i].word))
			continue;
		p->out->direction = words[i].direction;
		p->out->count = words[i].count;
		return words[i].count != 0 || parse_count(p, false, &p->out->count);
	}
	if (!is_last && command_accept_word(p, "backward"))
		p->out->direction = FETCH_BACKWARD;
	else if (!is_last)
		(void)command_accept_word(p, "forward");
	if (starts_count(p) && lexer_peek(&p->lexer).kind != TOKEN_END)
		return parse_count(p, true, &p->out->count);
	return true;
}

bool command_parse_fetch(struct command_parser *p)
{
	if (!parse_direction(p))
		return false;
	if (p->out->count < 0 && p->out->direction <= FETCH_BACKWARD) {
		p->out->direction =
			p->out->direction == FETCH_FORWARD ? FETCH_BACKWARD : FETCH_FORWARD;
		p->out->count = -p->out->count;
	}
	if (!command_accept_word(p, "from"))
		(void)command_accept_word(p, "in");
	return command_expect_name(p, &p->out->name) && command_expect_end(p);
}

/* A type as written, up to a comma or bracket that is not its own. */
static bool parse_type(struct command_parser *p, struct slice *out)
{
	size_t from = p->token.at;
	struct slice inside;

	while (p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_IDENT ||
		token_is_punct(p->token, '.') || token_is_punct(p->token, '[') ||
		token_is_punct(p->token, ']')) {
		command_next(p);
		if (command_accept_punct(p, '(') && !command_skip_brackets(p, &inside))
			return false;
	}
	if (p->end <= from)
		return command_syntax_error(p);
	*out = slice_sub(p->text, from, p->end);
	return true;
}

bool command_parse_prepare(struct command_parser *p)
{
	VEC(struct slice) types = {0};
	struct slice type;

	if (token_is_word(p->token, "transaction") && !token_is_word(lexer_peek(&p->lexer), "as"))
		return command_unsupported(p, "two-phase commit");
	if (!command_expect_name(p, &p->out->name))
		return false;
	if (command_accept_punct(p, '(')) {
		do {
			if (!parse_type(p, &type))
				return false;
			vec_push(p->arena, &types, type);
		} while (command_accept_punct(p, ','));
		if (!command_expect_punct(p, ')'))
			return false;
	}
	p->out->types = types.items;
	p->out->type_count = types.len;
	return command_expect_word(p, "as") && command_take_query(p);
}

static bool parse_number(struct command_parser *p, struct command_value *out)
{
	size_t from = p->token.at;

	if (p->token.kind == TOKEN_OPERATOR &&
		(slice_equal_c(p->token.text, "-") || slice_equal_c(p->token.text, "+")))
		command_next(p);
	if (p->token.kind != TOKEN_NUMBER)
		return command_syntax_error(p);
	command_next(p);
	out->text = slice_sub(p->text, from, p->end);
	return true;
}

/* A constant: 'text', 12, -1.5, NULL, TRUE, date '2026-01-31', each with ::type behind it. */
static bool parse_argument(struct command_parser *p, struct command_value *out)
{
	*out = (struct command_value){0};
	if (command_accept_word(p, "null")) {
		out->quoted = true;
	} else if (command_accept_word(p, "true")) {
		*out = (struct command_value){SLICE("true"), SLICE("boolean"), false};
	} else if (command_accept_word(p, "false")) {
		*out = (struct command_value){SLICE("false"), SLICE("boolean"), false};
	} else if (p->token.kind == TOKEN_STRING) {
		out->quoted = true;
		if (!command_expect_string(p, &out->text))
			return false;
	} else if (p->token.kind == TOKEN_WORD) {
		out->quoted = true;
		if (!parse_type(p, &out->type) || !command_expect_string(p, &out->text))
			return false;
	} else if (!parse_number(p, out)) {
		return false;
	}
	if (p->token.kind != TOKEN_PUNCT || !slice_equal_c(p->token.text, "::"))
		return true;
	command_next(p);
	return parse_type(p, &out->type);
}

bool command_parse_execute(struct command_parser *p)
{
	VEC(struct command_value) values = {0};
	struct command_value value;

	if (!command_expect_name(p, &p->out->name))
		return false;
	if (command_accept_punct(p, '(')) {
		do {
			if (!parse_argument(p, &value)) {
				error_hint(p->err, "EXECUTE takes constants: text, numbers, NULL, "
						   "TRUE, FALSE, with a cast where needed.");
				return false;
			}
			vec_push(p->arena, &values, value);
		} while (command_accept_punct(p, ','));
		if (!command_expect_punct(p, ')'))
			return false;
	}
	p->out->values = values.items;
	p->out->value_count = values.len;
	return command_expect_end(p);
}

/* (ANALYZE, VERBOSE false, FORMAT text …): only ANALYZE means something here. */
static bool parse_explain_options(struct command_parser *p)
{
	do {
		bool analyze = token_is_word(p->token, "analyze");
		struct slice value = SLICE("true");

		if (p->token.kind != TOKEN_WORD)
			return command_syntax_error(p);
		bool format = command_accept_word(p, "format");

		if (!format)
			command_next(p);
		if (p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_NUMBER ||
			p->token.kind == TOKEN_STRING) {
			value = p->token.text;
			if (format && !slice_equal_nocase(value, SLICE("text")))
				return command_unsupported(p, "EXPLAIN in this format");
			command_next(p);
		}
		bool off = slice_equal_nocase(value, SLICE("false")) ||
			   slice_equal_nocase(value, SLICE("off")) || slice_equal_c(value, "0");

		if (analyze && !off)
			p->out->flags |= COMMAND_ANALYZE;
	} while (command_accept_punct(p, ','));
	return command_expect_punct(p, ')');
}

/* "EXPLAIN (" begins options, or a query in brackets. */
static bool has_options(const struct command_parser *p)
{
	static const char *const options[] = {"analyze", "verbose", "costs", "settings", "buffers",
		"wal", "timing", "summary", "format", "generic_plan"};
	struct token ahead = lexer_peek(&p->lexer);

	for (size_t i = 0; token_is_punct(p->token, '(') && i < array_len(options); i++)
		if (token_is_word(ahead, options[i]))
			return true;
	return false;
}

bool command_parse_explain(struct command_parser *p)
{
	if (has_options(p)) {
		command_next(p);
		if (!parse_explain_options(p))
			return false;
	} else {
		if (command_accept_word(p, "analyze"))
			p->out->flags |= COMMAND_ANALYZE;
		(void)command_accept_word(p, "verbose");
	}
	return command_take_query(p);
}
