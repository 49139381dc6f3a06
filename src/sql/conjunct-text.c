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

static void add_literal(struct str *out, const struct sql_literal *literal,
	const struct type_info *info, struct slice type)
{
	if (info->group == TYPE_TEXT) {
		str_add_sql_literal(out, literal->text);
		return;
	}
	str_add_c(out, "CAST(");
	str_add_sql_literal(out, literal->text);
	str_add_c(out, " AS ");
	str_add(out, type);
	str_add_char(out, ')');
}

bool sql_conjunct_text(struct arena *arena, const struct sql_conjunct *conjunct, struct slice type,
	struct slice *text_out)
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
	struct type_info info = type_of(type);
	struct str out = str_in(arena);

	str_add_char(&out, '(');
	str_add_sql_ident(&out, conjunct->column);
	str_add_c(&out, before[conjunct->op]);
	for (size_t i = 0; i < conjunct->literal_count; i++) {
		if (!fits(&conjunct->literals[i], &info))
			return false;
		if (i > 0)
			str_add_c(&out, conjunct->op == SQL_BETWEEN ? " AND " : ", ");
		add_literal(&out, &conjunct->literals[i], &info, type);
	}
	if (conjunct->op == SQL_IN)
		str_add_char(&out, ')');
	str_add_char(&out, ')');
	*text_out = str_slice(&out);
	return true;
}
