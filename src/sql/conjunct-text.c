/* A leak-proof conjunct as SQL for one column type, or the answer that it is none; see conjunct.c.
 */
#include "base/str.h"
#include "sql/literal.h"
#include "sql/sql.h"

/* Whole numbers up to here are exact in a double. */
#define DOUBLE_EXACT (1LL << 53)

static bool is_type(struct slice type, const char *name)
{
	return slice_equal_c(type, name);
}

static bool is_integer(const struct sql_literal *literal, int64_t *out)
{
	return type_of(literal->type).group == TYPE_INTEGER && slice_to_i64(literal->text, out);
}

static bool fits_number(const struct sql_literal *literal, const struct type_info *type)
{
	int64_t value = 0;
	int64_t limit = 1;

	if (type->group != TYPE_DECIMAL) {
		if (!is_integer(literal, &value))
			return false;
		if (type->group == TYPE_INTEGER)
			return value >= type->low && value <= type->high;
		return value >= -DOUBLE_EXACT && value <= DOUBLE_EXACT;
	}
	if (!is_integer(literal, &value) && !is_type(literal->type, "DECIMAL"))
		return false;
	if (type->width > 18 || !decimal_parse(literal->text, type->scale, &value))
		return false;
	for (int i = 0; i < type->width; i++)
		limit *= 10;
	return value > -limit && value < limit;
}

/* Whether the literal is surely a value of the type, compared as the engine would compare it. */
static bool fits(const struct sql_literal *literal, const struct type_info *type)
{
	bool text = is_type(literal->type, "VARCHAR");
	int64_t at = 0;
	bool truth = false;

	switch (type->group) {
	case TYPE_OTHER: return false;
	case TYPE_INTEGER:
	case TYPE_DECIMAL:
	case TYPE_DOUBLE: return fits_number(literal, type);
	case TYPE_TEXT: return text;
	case TYPE_BOOLEAN:
		return is_type(literal->type, "BOOLEAN") && boolean_parse(literal->text, &truth);
	case TYPE_DATE:
		return (text || is_type(literal->type, "DATE")) && date_parse(literal->text, &at);
	case TYPE_TIMESTAMP:
		return (text || is_type(literal->type, "DATE") ||
			       is_type(literal->type, "TIMESTAMP")) &&
		       timestamp_parse(literal->text, false, &at);
	case TYPE_TIMESTAMPTZ:
		return (text || is_type(literal->type, "TIMESTAMP WITH TIME ZONE")) &&
		       timestamp_parse(literal->text, true, &at);
	case TYPE_UUID:
		return (text || is_type(literal->type, "UUID")) && uuid_is_valid(literal->text);
	}
	return false;
}

static void add_cast(struct str *out, struct slice text, struct slice type)
{
	str_add_c(out, "CAST(");
	str_add_sql_literal(out, text);
	str_add_c(out, " AS ");
	str_add(out, type);
	str_add_char(out, ')');
}

/* As a value of the column's type, when it surely is one. */
static bool add_fitting(struct str *out, const struct sql_literal *literal, struct slice type)
{
	struct type_info info = type_of(type);

	if (!fits(literal, &info))
		return false;
	if (info.group == TYPE_TEXT)
		str_add_sql_literal(out, literal->text);
	else
		add_cast(out, literal->text, type);
	return true;
}

/* As it was written: a number's text alone has its type, DOUBLE's has not. */
static bool add_written(struct str *out, const struct sql_literal *literal, struct slice ignored)
{
	static const char *const types[] = {
		"DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID"};

	(void)ignored;
	if (is_type(literal->type, "VARCHAR")) {
		str_add_sql_literal(out, literal->text);
		return true;
	}
	if (is_type(literal->type, "DECIMAL") || type_of(literal->type).group == TYPE_INTEGER) {
		str_add(out, literal->text);
		return true;
	}
	for (size_t i = 0; i < array_len(types); i++)
		if (is_type(literal->type, types[i])) {
			add_cast(out, literal->text, literal->type);
			return true;
		}
	return false;
}

/* "column op literal", with literals as add makes them; false when it cannot. */
typedef bool (*add_literal_fn)(
	struct str *out, const struct sql_literal *literal, struct slice type);

static bool add_conjunct(struct arena *arena, const struct sql_conjunct *conjunct,
	add_literal_fn add, struct slice type, struct slice *text_out)
{
	static const char *const before[] = {[SQL_EQUAL] = " = ",
		[SQL_LESS] = " < ",
		[SQL_LESS_EQUAL] = " <= ",
		[SQL_GREATER] = " > ",
		[SQL_GREATER_EQUAL] = " >= ",
		[SQL_BETWEEN] = " BETWEEN ",
		[SQL_IN] = " IN (",
		[SQL_IS_NULL] = " IS NULL",
		[SQL_IS_NOT_NULL] = " IS NOT NULL"};
	struct str out = str_in(arena);

	str_add_char(&out, '(');
	str_add_sql_ident(&out, conjunct->column);
	str_add_c(&out, before[conjunct->op]);
	for (size_t i = 0; i < conjunct->literal_count; i++) {
		if (i > 0)
			str_add_c(&out, conjunct->op == SQL_BETWEEN ? " AND " : ", ");
		if (!add(&out, &conjunct->literals[i], type))
			return false;
	}
	if (conjunct->op == SQL_IN)
		str_add_char(&out, ')');
	str_add_char(&out, ')');
	*text_out = str_slice(&out);
	return true;
}

bool sql_conjunct_text(struct arena *arena, const struct sql_conjunct *conjunct, struct slice type,
	struct slice *text_out)
{
	return add_conjunct(arena, conjunct, add_fitting, type, text_out);
}

bool sql_conjunct_source(
	struct arena *arena, const struct sql_conjunct *conjunct, struct slice *text_out)
{
	return add_conjunct(arena, conjunct, add_written, SLICE_NONE, text_out);
}
