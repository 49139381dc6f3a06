/* Texts to values and back, by kind: numbers, durations, sizes, words, lists, and their ranges. */
#include "base/check.h"
#include "base/num.h"
#include "base/vec.h"
#include "config/config-private.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Greatest first: printing takes the first that divides. */
static const struct unit DURATIONS[] = {
	{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct unit SIZES[] = {{"TiB", (int64_t)1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20},
	{"KiB", 1 << 10}, {"TB", 1000000000000}, {"GB", 1000000000}, {"MB", 1000000}, {"kB", 1000},
	{"KB", 1000}, {"B", 1}, {NULL, 0}};

static const struct unit *units_of(enum config_kind kind)
{
	static const struct unit NONE[] = {{NULL, 0}};

	return kind == CONFIG_DURATION ? DURATIONS : kind == CONFIG_BYTES ? SIZES : NONE;
}

/* "30s", "1536MiB", "42": digits, then a unit of the kind or nothing. */
static bool read_number(enum config_kind kind, struct slice text, int64_t *out)
{
	size_t digits = 0;
	int64_t number;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	if (!slice_to_i64(slice_sub(text, 0, digits), &number))
		return false;
	struct slice unit = slice_trim(slice_sub(text, digits, text.len));

	if (unit.len == 0) {
		*out = number;
		return true;
	}
	for (const struct unit *u = units_of(kind); u->name; u++)
		if (slice_equal_c(unit, u->name))
			return checked_mul(number, u->factor, out);
	return false;
}

static bool set_number(int param, struct slice text, int64_t *field, struct error *err)
{
	static const char *const EXAMPLES[] = {
		[CONFIG_INT] = "a whole number",
		[CONFIG_DURATION] = "a time such as \"500ms\", \"30s\", \"5min\", \"2h\", \"7d\"",
		[CONFIG_BYTES] = "a size such as \"512MB\" or \"2GiB\"",
	};
	const struct config_param_row *row = &config_param_table[param];
	struct slice range = slice_from_c(row->range);
	size_t dots = slice_find(range, SLICE(".."), 0);
	int64_t low = 0;
	int64_t high = INT64_MAX;
	int64_t number;

	if (!read_number(row->kind, slice_trim(text), &number)) {
		error_set(err, INVALID_PARAMETER_VALUE, "%s = \"%.*s\" is not %s", row->name,
			SLICE_FMT(slice_sub(text, 0, 60)), EXAMPLES[row->kind]);
		return error_hint(err, "allowed is %s", row->range);
	}
	check(dots != SIZE_MAX && read_number(row->kind, slice_sub(range, 0, dots), &low) &&
		read_number(row->kind, slice_sub(range, dots + 2, range.len), &high));
	if (number < low || number > high) {
		error_set(err, INVALID_PARAMETER_VALUE, "%s = %.*s is out of range", row->name,
			SLICE_FMT(slice_sub(text, 0, 60)));
		return error_hint(err, "allowed is %s", row->range);
	}
	*field = number;
	return true;
}

static bool set_bool(int param, struct slice text, bool *field, struct error *err)
{
	if (!slice_equal_c(text, "true") && !slice_equal_c(text, "false")) {
		error_set(err, INVALID_PARAMETER_VALUE, "%s = \"%.*s\" is not true or false",
			config_param_table[param].name, SLICE_FMT(slice_sub(text, 0, 60)));
		return error_hint(err, "write true or false");
	}
	*field = slice_equal_c(text, "true");
	return true;
}

static bool set_choice(
	struct config *config, int param, struct slice text, const char **field, struct error *err)
{
	const struct config_param_row *row = &config_param_table[param];
	struct slice words = slice_from_c(row->range);

	while (!slice_is_none(words))
		if (slice_equal(slice_split(&words, '|'), text)) {
			*field = arena_cstr(config->arena, text);
			return true;
		}
	error_set(err, INVALID_PARAMETER_VALUE, "%s = \"%.*s\" is not one of its words", row->name,
		SLICE_FMT(slice_sub(text, 0, 60)));
	return error_hint(err, "allowed is %s", row->range);
}

static void set_list(
	struct config *config, const struct setting *setting, struct config_list *field)
{
	VEC(const char *) items = {0};
	struct slice rest = setting->text;
	char separator = setting->form == SETTING_ARRAY ? '\n' : ',';

	while (rest.len) {
		struct slice item = slice_split(&rest, separator);

		if (separator == ',')
			item = slice_trim(item);
		if (item.len)
			vec_push(config->arena, &items, arena_cstr(config->arena, item));
	}
	*field = (struct config_list){items.items, items.len};
}

/* In the file a text needs quotes and a list brackets, so that a mistake does not pass as a word.
 */
static bool check_form(int param, const struct setting *setting, struct error *err)
{
	const struct config_param_row *row = &config_param_table[param];

	if (setting->origin != CONFIG_FROM_FILE)
		return true;
	if (setting->form == SETTING_ARRAY && row->kind != CONFIG_LIST)
		return error_set(
			err, INVALID_PARAMETER_VALUE, "%s takes one value, not a list", row->name);
	if (setting->form != SETTING_ARRAY && row->kind == CONFIG_LIST)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"%s takes a list: [\"one\", \"two\"]", row->name);
	if (setting->form == SETTING_TEXT && (row->kind == CONFIG_BOOL || row->kind == CONFIG_INT))
		return error_set(
			err, INVALID_PARAMETER_VALUE, "%s is written without quotes", row->name);
	if (setting->form == SETTING_BARE &&
		(row->kind == CONFIG_TEXT || row->kind == CONFIG_CHOICE))
		return error_set(err, INVALID_PARAMETER_VALUE, "%s needs quotes", row->name);
	return true;
}

bool config_set(struct config *config, int param, const struct setting *setting, struct error *err)
{
	void *field = config_field(config, param);

	if (!check_form(param, setting, err))
		return false;
	if (memchr(setting->text.ptr, 0, setting->text.len))
		return error_set(err, INVALID_PARAMETER_VALUE, "%s holds a NUL byte",
			config_param_table[param].name);
	switch (config_param_table[param].kind) {
	case CONFIG_BOOL: return set_bool(param, setting->text, field, err);
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_BYTES: return set_number(param, setting->text, field, err);
	case CONFIG_TEXT:
		*(const char **)field = arena_cstr(config->arena, setting->text);
		return true;
	case CONFIG_CHOICE: return set_choice(config, param, setting->text, field, err);
	case CONFIG_LIST: set_list(config, setting, field); return true;
	}
	return true;
}

static struct slice number_text(struct arena *arena, enum config_kind kind, int64_t number)
{
	for (const struct unit *u = units_of(kind); u->name; u++)
		if (number && number % u->factor == 0)
			return arena_printf(
				arena, "\"%lld%s\"", (long long)(number / u->factor), u->name);
	return arena_printf(arena, "%lld", (long long)number);
}

static struct slice list_text(struct arena *arena, const struct config_list *list)
{
	struct str out = str_in(arena);

	str_add_char(&out, '[');
	for (size_t i = 0; i < list->count; i++) {
		str_add_c(&out, i ? ", " : "");
		str_add_json(&out, slice_from_c(list->items[i]));
	}
	str_add_char(&out, ']');
	return str_slice(&out);
}

struct slice config_text(const struct config *config, enum config_param param, struct arena *arena)
{
	const void *field = config_value(config, (int)param);
	enum config_kind kind = config_param_table[param].kind;
	struct str out = str_in(arena);

	switch (kind) {
	case CONFIG_BOOL: return *(const bool *)field ? SLICE("true") : SLICE("false");
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_BYTES: return number_text(arena, kind, *(const int64_t *)field);
	case CONFIG_LIST: return list_text(arena, field);
	case CONFIG_TEXT:
	case CONFIG_CHOICE: str_add_json(&out, slice_from_c(*(const char *const *)field)); break;
	}
	return str_slice(&out);
}
