#include "cli/command.h"

#include <string.h>

#include "base/vec.h"

/*
 * The table is a flat array in the order of commands.def: options that hold for all, then each
 * command followed by its own options.
 */
const struct command_row command_rows[] = {
#define COMMAND(name_, args_, handler_, summary_, text_)                                           \
	{.kind = ROW_COMMAND,                                                                      \
		.name = (name_),                                                                   \
		.args = (args_),                                                                   \
		.run = (handler_),                                                                 \
		.summary = (summary_),                                                             \
		.text = (text_)},
#define OPTION(name_, letter_, value_, flags_, text_)                                              \
	{.kind = ROW_OPTION,                                                                       \
		.name = (name_),                                                                   \
		.letter = (letter_),                                                               \
		.value = (value_),                                                                 \
		.flags = (flags_),                                                                 \
		.text = (text_)},
#include "cli/commands.def"
#undef COMMAND
#undef OPTION
};

const size_t command_row_count = array_len(command_rows);

const struct command_row *command_options(const struct command_row *command, size_t *count_out)
{
	const struct command_row *first = command ? command + 1 : command_rows;
	const struct command_row *end = command_rows + command_row_count;
	size_t count = 0;

	while (first + count < end && first[count].kind == ROW_OPTION)
		count++;
	*count_out = count;
	return first;
}

const struct command_row *command_find(struct slice name)
{
	for (size_t i = 0; i < command_row_count; i++)
		if (command_rows[i].kind == ROW_COMMAND &&
			slice_equal_c(name, command_rows[i].name))
			return &command_rows[i];
	return NULL;
}

void command_arity(const struct command_row *command, size_t *min_out, size_t *max_out)
{
	struct slice rest = slice_from_c(command->args);
	size_t min = 0;
	size_t max = 0;

	while (!slice_is_none(rest)) {
		struct slice word = slice_split(&rest, ' ');

		if (word.len == 0)
			continue;
		if (word.ptr[0] != '[')
			min++;
		if (slice_find(word, SLICE("..."), 0) != SIZE_MAX)
			max = SIZE_MAX;
		else if (max != SIZE_MAX)
			max++;
	}
	*min_out = min;
	*max_out = max;
}

/* What is being built, with vectors instead of the result's plain arrays. */
struct parse {
	struct arena *arena;
	const char *const *argv;
	size_t at;
	const struct command_row *command;
	struct slice name; /* words of the command so far */
	VEC(const char *) args;
	VEC(struct parsed_option) options;
	bool literal; /* after "--" */
	bool asked;   /* --help or --version */
};

static const struct command_row *find_option(
	const struct command_row *command, struct slice name, char letter)
{
	for (int own = command ? 1 : 0; own >= 0; own--) {
		size_t count = 0;
		const struct command_row *rows = command_options(own ? command : NULL, &count);

		for (size_t i = 0; i < count; i++)
			if (letter ? rows[i].letter == letter : slice_equal_c(name, rows[i].name))
				return &rows[i];
	}
	return NULL;
}

/* The nearest name, when it is near enough to be a slip of the fingers. */
static void suggest(
	struct slice word, const char *candidate, size_t *best_distance, const char **best)
{
	size_t distance = slice_distance(word, slice_from_c(candidate), 3);

	if (distance < *best_distance && distance * 2 <= word.len + 1) {
		*best_distance = distance;
		*best = candidate;
	}
}

static bool unknown_option(const struct parse *parse, struct slice name, struct error *err)
{
	const char *best = NULL;
	size_t distance = 3;

	for (int own = parse->command ? 1 : 0; own >= 0; own--) {
		size_t count = 0;
		const struct command_row *rows =
			command_options(own ? parse->command : NULL, &count);

		for (size_t i = 0; i < count; i++)
			suggest(name, rows[i].name, &distance, &best);
	}
	error_set(err, INVALID_PARAMETER_VALUE, "there is no option --%.*s%s%s", SLICE_FMT(name),
		parse->command ? " for weft " : "", parse->command ? parse->command->name : "");
	if (best)
		return error_hint(err, "did you mean --%s?", best);
	return error_hint(err, "weft %s --help lists the options",
		parse->command ? parse->command->name : "");
}

/* true when value is one of "a|b|c", or the option takes any text. */
static bool value_fits(const struct command_row *option, struct slice value)
{
	struct slice rest = slice_from_c(option->value);

	if (!strchr(option->value, '|'))
		return true;
	while (!slice_is_none(rest))
		if (slice_equal(slice_split(&rest, '|'), value))
			return true;
	return false;
}

static bool add_option(
	struct parse *parse, const struct command_row *option, const char *value, struct error *err)
{
	if (option->value && !value_fits(option, slice_from_c(value))) {
		error_set(err, INVALID_PARAMETER_VALUE, "--%s cannot be \"%.100s\"", option->name,
			value);
		return error_hint(err, "use one of %s", option->value);
	}
	vec_push(parse->arena, &parse->options, (struct parsed_option){option, value});
	if (strcmp(option->name, "help") == 0 || strcmp(option->name, "version") == 0)
		parse->asked = true;
	return true;
}

static bool need_value(
	struct parse *parse, const struct command_row *option, const char **out, struct error *err)
{
	const char *next = parse->argv[parse->at];

	if (!next) {
		error_set(err, INVALID_PARAMETER_VALUE, "--%s needs a value", option->name);
		return error_hint(err, "as in --%s %s", option->name, option->value);
	}
	parse->at++;
	*out = next;
	return true;
}

/* "name" or "name=value", without the dashes. */
static bool parse_long(struct parse *parse, const char *text, struct error *err)
{
	struct slice rest = slice_from_c(text);
	struct slice name = slice_split(&rest, '=');
	const struct command_row *option = find_option(parse->command, name, 0);
	const char *value = "";

	if (!option)
		return unknown_option(parse, name, err);
	if (!slice_is_none(rest)) {
		if (!option->value)
			return error_set(err, INVALID_PARAMETER_VALUE,
				"--%s is a switch and takes no value", option->name);
		value = text + name.len + 1;
	} else if (option->value && !need_value(parse, option, &value, err)) {
		return false;
	}
	return add_option(parse, option, value, err);
}

/* "-qv", "-ojson", "-o json"; text without the dash. */
static bool parse_letters(struct parse *parse, const char *text, struct error *err)
{
	for (; *text; text++) {
		const struct command_row *option = find_option(parse->command, SLICE_NONE, *text);
		const char *value = "";

		if (!option)
			return unknown_option(parse, slice_of(text, 1), err);
		if (option->value && text[1])
			return add_option(parse, option, text + 1 + (text[1] == '='), err);
		if (option->value && !need_value(parse, option, &value, err))
			return false;
		if (!add_option(parse, option, value, err))
			return false;
		if (option->value)
			return true;
	}
	return true;
}

/* Whether some command's name starts with the words so far ("token"). */
static bool is_group(struct slice name)
{
	for (size_t i = 0; i < command_row_count; i++) {
		struct slice other = slice_from_c(command_rows[i].name);

		if (command_rows[i].kind == ROW_COMMAND && other.len > name.len &&
			slice_starts_with(other, name) && other.ptr[name.len] == ' ')
			return true;
	}
	return false;
}

static bool unknown_command(const struct parse *parse, struct slice name, struct error *err)
{
	const char *best = NULL;
	size_t distance = 3;

	for (size_t i = 0; i < command_row_count; i++)
		if (command_rows[i].kind == ROW_COMMAND && command_rows[i].summary)
			suggest(name, command_rows[i].name, &distance, &best);
	error_set(err, INVALID_PARAMETER_VALUE, "there is no command \"%.*s\"", SLICE_FMT(name));
	if (best)
		return error_hint(err, "did you mean weft %s?", best);
	return error_hint(err, "weft --help lists the commands%s",
		parse->name.len ? "; this one needs a second word" : "");
}

static bool add_word(struct parse *parse, const char *word, struct error *err)
{
	if (parse->command) {
		vec_push(parse->arena, &parse->args, word);
		return true;
	}
	struct slice name = parse->name.len ? arena_printf(parse->arena, "%.*s %s",
						      SLICE_FMT(parse->name), word)
					    : slice_from_c(word);

	parse->command = command_find(name);
	if (!parse->command && !is_group(name))
		return unknown_command(parse, name, err);
	parse->name = name;
	return true;
}

static bool parse_word(struct parse *parse, struct error *err)
{
	const char *word = parse->argv[parse->at++];

	if (parse->literal || word[0] != '-' || word[1] == 0)
		return add_word(parse, word, err);
	if (word[1] != '-')
		return parse_letters(parse, word + 1, err);
	if (word[2] == 0) {
		parse->literal = true;
		return true;
	}
	return parse_long(parse, word + 2, err);
}

static bool check_arity(const struct parse *parse, struct error *err)
{
	size_t min = 0;
	size_t max = 0;

	if (!parse->command) {
		if (parse->name.len == 0)
			return true;
		return unknown_command(parse, parse->name, err);
	}
	command_arity(parse->command, &min, &max);
	if (parse->args.len >= min && parse->args.len <= max)
		return true;
	error_set(err, INVALID_PARAMETER_VALUE, "weft %s: %s argument%s%s%s", parse->command->name,
		parse->args.len < min ? "missing" : "too many", parse->args.len < min ? "" : "s",
		parse->args.len < min ? "" : ": ",
		parse->args.len < min ? "" : parse->args.items[max]);
	return error_hint(err, "use weft %s %s", parse->command->name, parse->command->args);
}

bool command_parse_line(
	struct arena *arena, const char *const *argv, struct parsed *out, struct error *err)
{
	struct parse parse = {.arena = arena, .argv = argv};

	while (argv[parse.at])
		if (!parse_word(&parse, err))
			return false;
	if (!parse.asked && !check_arity(&parse, err))
		return false;
	out->command = parse.command;
	out->name = parse.name;
	out->arg_count = parse.args.len;
	vec_push(arena, &parse.args, NULL);
	out->args = parse.args.items;
	out->options = parse.options.items;
	out->option_count = parse.options.len;
	return true;
}

const char *parsed_nth(const struct parsed *parsed, const char *option, size_t index)
{
	for (size_t i = 0; i < parsed->option_count; i++)
		if (strcmp(parsed->options[i].option->name, option) == 0 && index-- == 0)
			return parsed->options[i].value;
	return NULL;
}

size_t parsed_count(const struct parsed *parsed, const char *option)
{
	size_t count = 0;

	while (parsed_nth(parsed, option, count))
		count++;
	return count;
}

const char *parsed_value(const struct parsed *parsed, const char *option)
{
	size_t count = parsed_count(parsed, option);

	return count ? parsed_nth(parsed, option, count - 1) : NULL;
}

bool parsed_is_set(const struct parsed *parsed, const char *option)
{
	return parsed_nth(parsed, option, 0) != NULL;
}
