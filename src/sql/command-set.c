/* SET, SHOW, RESET and the modes of a transaction. Names come out in lower case; TIME ZONE, NAMES,
 * SCHEMA, TRANSACTION … become the parameters they stand for. */
#include "base/vec.h"
#include "sql/command-private.h"

/* name, or class.name */
static bool parse_parameter_name(struct command_parser *p)
{
	struct slice part;

	if (!command_expect_name(p, &p->out->name))
		return false;
	while (command_accept_punct(p, '.')) {
		if (!command_expect_name(p, &part))
			return false;
		p->out->name = arena_printf(
			p->arena, "%.*s.%.*s", SLICE_FMT(p->out->name), SLICE_FMT(part));
	}
	char *lower = arena_cstr(p->arena, p->out->name);

	for (char *at = lower; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at | 0x20);
	p->out->name = slice_from_c(lower);
	return true;
}

/* A word, string or signed number of SET's list. */
static bool parse_value(struct command_parser *p, struct command_value *out)
{
	size_t from = p->token.at;

	*out = (struct command_value){0};
	if (p->token.kind == TOKEN_STRING) {
		out->quoted = true;
		return command_expect_string(p, &out->text);
	}
	if (p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_IDENT) {
		out->quoted = p->token.kind == TOKEN_IDENT;
		return command_expect_name(p, &out->text);
	}
	if (p->token.kind == TOKEN_OPERATOR &&
		(slice_equal_c(p->token.text, "-") || slice_equal_c(p->token.text, "+")))
		command_next(p);
	if (p->token.kind != TOKEN_NUMBER)
		return command_syntax_error(p);
	command_next(p);
	out->text = slice_sub(p->text, from, p->end);
	return true;
}

static bool parse_values(struct command_parser *p)
{
	VEC(struct command_value) values = {0};
	struct command_value value;

	if (command_accept_word(p, "default")) {
		p->out->flags |= COMMAND_DEFAULT;
		return command_expect_end(p);
	}
	do {
		if (!parse_value(p, &value))
			return false;
		vec_push(p->arena, &values, value);
	} while (command_accept_punct(p, ','));
	p->out->values = values.items;
	p->out->value_count = values.len;
	return command_expect_end(p);
}

/* SET TIME ZONE LOCAL is DEFAULT by another name. */
static bool parse_time_zone(struct command_parser *p)
{
	p->out->name = SLICE("timezone");
	if (!command_accept_word(p, "local"))
		return parse_values(p);
	p->out->flags |= COMMAND_DEFAULT;
	return command_expect_end(p);
}

static bool parse_role(struct command_parser *p, struct slice name)
{
	p->out->name = name;
	return parse_values(p);
}

static bool parse_names(struct command_parser *p)
{
	p->out->name = SLICE("client_encoding");
	if (p->token.kind != TOKEN_END)
		return parse_values(p);
	p->out->flags |= COMMAND_DEFAULT;
	return true;
}

/* SET TRANSACTION, SET SESSION CHARACTERISTICS AS TRANSACTION; false: it is neither. */
static bool starts_transaction(struct command_parser *p)
{
	struct command_parser before = *p;

	if (command_accept_word(p, "transaction"))
		return true;
	if (command_accept_word(p, "session") && command_accept_word(p, "characteristics") &&
		command_accept_word(p, "as") && command_accept_word(p, "transaction")) {
		p->out->flags |= COMMAND_SESSION;
		return true;
	}
	*p = before;
	return false;
}

bool command_parse_set(struct command_parser *p)
{
	if (starts_transaction(p)) {
		p->out->kind = COMMAND_SET_TRANSACTION;
		return command_parse_modes(p);
	}
	struct token ahead = lexer_peek(&p->lexer);

	if (token_is_word(p->token, "session") && token_is_word(ahead, "authorization")) {
		command_next(p);
		command_next(p);
		return parse_role(p, SLICE("session_authorization"));
	}
	if (command_accept_word(p, "local"))
		p->out->flags |= COMMAND_LOCAL;
	else if (token_is_word(p->token, "session"))
		command_next(p);
	ahead = lexer_peek(&p->lexer);
	if (token_is_word(p->token, "time") && token_is_word(ahead, "zone")) {
		command_next(p);
		command_next(p);
		return parse_time_zone(p);
	}
	bool plain = token_is_word(ahead, "to") || token_is_punct(ahead, '.') ||
		     slice_equal_c(ahead.text, "=");

	if (!plain && command_accept_word(p, "names"))
		return parse_names(p);
	if (!plain && command_accept_word(p, "role"))
		return parse_role(p, SLICE("role"));
	if (!plain && command_accept_word(p, "schema"))
		return parse_role(p, SLICE("search_path"));
	if (!plain && token_is_word(p->token, "constraints"))
		return command_unsupported(p, "SET CONSTRAINTS");
	if (!parse_parameter_name(p))
		return false;
	if (p->token.kind == TOKEN_OPERATOR && slice_equal_c(p->token.text, "="))
		command_next(p);
	else if (!command_expect_word(p, "to"))
		return false;
	return parse_values(p);
}

/* What SHOW and RESET name. */
static bool parse_show_name(struct command_parser *p)
{
	struct token ahead = lexer_peek(&p->lexer);

	if (token_is_word(p->token, "time") && token_is_word(ahead, "zone")) {
		command_next(p);
		command_next(p);
		p->out->name = SLICE("timezone");
	} else if (token_is_word(p->token, "session") && token_is_word(ahead, "authorization")) {
		command_next(p);
		command_next(p);
		p->out->name = SLICE("session_authorization");
	} else if (token_is_word(p->token, "transaction") && token_is_word(ahead, "isolation")) {
		command_next(p);
		command_next(p);
		p->out->name = SLICE("transaction_isolation");
		if (!command_expect_word(p, "level"))
			return false;
	} else if (!parse_parameter_name(p)) {
		return false;
	}
	return command_expect_end(p);
}

bool command_parse_show(struct command_parser *p)
{
	if (command_accept_word(p, "all")) {
		p->out->flags |= COMMAND_ALL;
		return command_expect_end(p);
	}
	return parse_show_name(p);
}

bool command_parse_reset(struct command_parser *p)
{
	return command_parse_show(p);
}

static bool parse_isolation(struct command_parser *p)
{
	if (!command_expect_word(p, "level"))
		return false;
	if (command_accept_word(p, "serializable")) {
		p->out->isolation = SLICE("serializable");
	} else if (command_accept_word(p, "repeatable")) {
		p->out->isolation = SLICE("repeatable read");
		return command_expect_word(p, "read");
	} else if (!command_expect_word(p, "read")) {
		return false;
	} else if (command_accept_word(p, "committed")) {
		p->out->isolation = SLICE("read committed");
	} else {
		p->out->isolation = SLICE("read uncommitted");
		return command_expect_word(p, "uncommitted");
	}
	return true;
}

bool command_parse_modes(struct command_parser *p)
{
	while (p->token.kind != TOKEN_END) {
		if (command_accept_word(p, "isolation")) {
			if (!parse_isolation(p))
				return false;
		} else if (command_accept_word(p, "read")) {
			bool writes = command_accept_word(p, "write");

			if (!writes && !command_expect_word(p, "only"))
				return false;
			p->out->flags |= writes ? COMMAND_READ_WRITE : COMMAND_READ_ONLY;
		} else {
			(void)command_accept_word(p, "not");
			if (!command_expect_word(p, "deferrable"))
				return false;
		}
		(void)command_accept_punct(p, ',');
	}
	return true;
}

bool command_parse_begin(struct command_parser *p)
{
	if (!command_accept_word(p, "work"))
		(void)command_accept_word(p, "transaction");
	return command_parse_modes(p);
}

bool command_parse_start(struct command_parser *p)
{
	return command_expect_word(p, "transaction") && command_parse_modes(p);
}
