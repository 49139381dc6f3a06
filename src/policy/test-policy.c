/* Decisions, table-driven: rules written one a line, the decision printed and compared. */
#include "base/testing.h"

#include "base/str.h"
#include "base/vec.h"
#include "policy/policy.h"

static struct slice pii[] = {SLICE("pii")};
static struct slice sales_tags[] = {SLICE("finance")};
static struct slice owners[] = {SLICE("sales-team"), SLICE("olga")};
static struct policy_column columns[] = {
	{.name = SLICE("id"), .type = SLICE("BIGINT")},
	{.name = SLICE("email"),
		.type = SLICE("VARCHAR"),
		.tags = pii,
		.tag_count = 1,
		.classification = SLICE("restricted")},
	{.name = SLICE("card"), .type = SLICE("VARCHAR"), .tags = pii, .tag_count = 1},
	{.name = SLICE("amount"), .type = SLICE("DECIMAL(12,2)")},
};

/* One rule: effect and level, then words "key=value,value". */
struct rule {
	const char *name;
	const char *text;
};

struct row {
	const char *name;
	const char *principal; /* "alice groups=a,b role=x purpose=p" */
	bool hidden;
	struct rule rules[6];
	const char *expected;
};

static const struct row rows[] = {
	{"nothing", "alice", false, {{0}}, "DENY"},
	{"allow", "alice groups=analysts", false,
		{{"a", "allow mesh products=sales.orders to.group=analysts"}}, "ALLOW"},
	{"allow for another group", "alice groups=support", false,
		{{"a", "allow mesh products=sales.orders to.group=analysts"}}, "DENY"},
	{"allow by product name", "alice", false, {{"a", "allow mesh products=orders"}}, "ALLOW"},
	{"allow case", "alice", false, {{"a", "allow mesh products=SALES.Orders"}}, "ALLOW"},
	{"allow another product", "alice", false, {{"a", "allow mesh products=sales.returns"}},
		"DENY"},
	{"allow domain", "alice", false, {{"a", "allow mesh tables=sales.*"}}, "ALLOW"},
	{"allow prefix", "alice", false, {{"a", "allow mesh products=sales.or*"}}, "ALLOW"},
	{"allow star", "alice", false, {{"a", "allow mesh tables=*"}}, "ALLOW"},
	{"allow table of another column", "alice", false,
		{{"a", "allow mesh tables=sales.*"},
			{"m", "mask mesh tables=sales.heads columns=sales.lines.email "
			      "method=null"}},
		"ALLOW"},
	{"allow table", "alice", false, {{"a", "allow mesh tables=sales.orders.lines"}}, "ALLOW"},
	{"allow table in product", "alice", false, {{"a", "allow mesh tables=orders.lines"}},
		"ALLOW"},
	{"allow table as in sql", "alice", false, {{"a", "allow mesh tables=sales.lines"}},
		"ALLOW"},
	{"allow tables of a domain", "alice", false, {{"a", "allow mesh tables=sales.*"}}, "ALLOW"},
	{"allow tables of all domains", "alice", false, {{"a", "allow mesh tables=*.lines"}},
		"ALLOW"},
	{"allow too many parts", "alice", false, {{"a", "allow mesh tables=a.sales.orders.lines"}},
		"DENY"},
	{"mask column as in sql", "alice", false,
		{{"a", "allow mesh tables=sales.*"},
			{"m", "mask mesh columns=sales.lines.email,*.*.card,lines.id,other.amount "
			      "method=null"}},
		"ALLOW id:null(m) email:null(m) card:null(m)"},
	{"mask column with its product", "alice", false,
		{{"a", "allow mesh tables=sales.*"},
			{"m", "mask mesh columns=sales.orders.lines.email,orders.lines.card,"
			      "crm.orders.lines.id method=null"}},
		"ALLOW email:null(m) card:null(m)"},
	{"allow other table", "alice", false, {{"a", "allow mesh tables=orders.heads"}}, "DENY"},
	{"allow tag", "alice", false, {{"a", "allow mesh tags=finance"}}, "ALLOW"},
	{"allow tag of a column only", "alice", false, {{"a", "allow mesh tags=pii"}}, "DENY"},
	{"allow classification", "alice", false, {{"a", "allow mesh classifications=internal"}},
		"ALLOW"},
	{"allow without selector", "alice", false, {{"a", "allow mesh"}}, "DENY"},
	{"allow both selectors", "alice", false, {{"a", "allow mesh tables=sales.* tags=other"}},
		"DENY"},
	{"allow own domain", "alice", false, {{"a", "allow domain:sales products=orders"}},
		"ALLOW"},
	{"allow by another domain", "alice", false, {{"a", "allow domain:crm tables=*"}}, "DENY"},
	{"allow by no domain", "alice", false, {{"a", "allow domain: tables=*"}}, "DENY"},
	{"allow user", "alice", false, {{"a", "allow mesh tables=sales.* to.user=alice"}}, "ALLOW"},
	{"allow user exactly", "alice", false, {{"a", "allow mesh tables=sales.* to.user=Alice"}},
		"DENY"},
	{"allow role by attribute", "alice role=auditor", false,
		{{"a", "allow mesh tables=sales.* to.role=auditor"}}, "ALLOW"},
	{"allow role by group", "alice groups=auditor", false,
		{{"a", "allow mesh tables=sales.* to.role=auditor"}}, "ALLOW"},
	{"allow role of others", "alice role=clerk", false,
		{{"a", "allow mesh tables=sales.* to.role=auditor"}}, "DENY"},
	{"allow purpose", "alice purpose=fraud", false,
		{{"a", "allow mesh tables=sales.* to.purpose=fraud"}}, "ALLOW"},
	{"allow without purpose", "alice", false,
		{{"a", "allow mesh tables=sales.* to.purpose=fraud"}}, "DENY"},
	{"allow group and purpose", "alice groups=a", false,
		{{"a", "allow mesh tables=sales.* to.group=a to.purpose=fraud"}}, "DENY"},
	{"empty entry fits nobody", "alice", false, {{"a", "allow mesh tables=sales.* to.none="}},
		"DENY"},
	{"second entry", "alice", false,
		{{"a", "allow mesh tables=sales.* to.user=bob or.user=alice"}}, "ALLOW"},
	{"owner by group", "bob groups=sales-team", false, {{0}}, "ALLOW"},
	{"owner by name", "olga", false, {{0}}, "ALLOW"},
	{"admin sees nothing by it", "root admin", false, {{0}}, "DENY"},
	{"deny wins", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"d", "deny mesh products=orders"}}, "DENY"},
	{"deny wins over owner", "olga", false, {{"d", "deny mesh products=orders"}}, "DENY"},
	{"deny of a domain", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"d", "deny domain:sales products=orders"}},
		"DENY"},
	{"deny of another domain", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"d", "deny domain:crm products=orders"}},
		"ALLOW"},
	{"domain allow does not lift mesh deny", "alice", false,
		{{"a", "allow domain:sales products=orders"}, {"d", "deny mesh tags=finance"}},
		"DENY"},
	{"deny unless", "alice groups=dpo", false,
		{{"a", "allow mesh tables=sales.*"},
			{"d", "deny mesh products=orders unless.group=dpo"}},
		"ALLOW"},
	{"deny unless needs both", "alice groups=dpo", false,
		{{"a", "allow mesh tables=sales.*"},
			{"d", "deny mesh products=orders unless.group=dpo unless.purpose=audit"}},
		"DENY"},
	{"deny to others", "alice", false,
		{{"a", "allow mesh tables=sales.*"},
			{"d", "deny mesh products=orders to.user=bob"}},
		"ALLOW"},
	{"deny by table tag", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"d", "deny mesh tags=finance"}}, "DENY"},
	{"deny by column tag", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"d", "deny mesh tags=pii"}},
		"ALLOW email:out(d) card:out(d)"},
	{"deny by column classification", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"d", "deny mesh classifications=restricted"}},
		"ALLOW email:out(d)"},
	{"deny column", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"d", "deny mesh columns=card"},
			{"e", "deny mesh columns=ca*"}},
		"ALLOW card:out(d)"},
	{"hidden", "alice", true, {{0}}, "HIDDEN"},
	{"hidden allowed", "alice", true, {{"a", "allow mesh tables=sales.*"}}, "ALLOW"},
	{"hidden denied", "alice", true,
		{{"a", "allow mesh tables=sales.*"}, {"d", "deny mesh tables=sales.*"}}, "HIDDEN"},
	{"hidden owner", "olga", true, {{0}}, "ALLOW"},
	{"hidden owner denied", "olga", true, {{"d", "deny mesh tables=sales.*"}}, "DENY"},
	{"filter", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"f", "filter mesh tables=sales.* sql=x=1"}},
		"ALLOW {f x=1}"},
	{"filter binds owners", "olga", false, {{"f", "filter mesh tables=sales.* sql=x=1"}},
		"ALLOW {f x=1}"},
	{"filters and", "alice", false,
		{{"z", "filter domain:sales sql=y=2"}, {"a", "allow mesh tables=sales.*"},
			{"f", "filter mesh tables=sales.* sql=x=1"}},
		"ALLOW {f x=1}{z y=2}"},
	{"filter without selector", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"f", "filter mesh sql=x=1"}},
		"ALLOW {f x=1}"},
	{"filter unless", "alice purpose=audit", false,
		{{"a", "allow mesh tables=sales.*"},
			{"f", "filter mesh sql=x=1 unless.purpose=audit"}},
		"ALLOW"},
	{"filter by tag", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"f", "filter mesh tags=finance sql=x=1"}},
		"ALLOW {f x=1}"},
	{"filter by other tag", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"f", "filter mesh tags=pii sql=x=1"}},
		"ALLOW"},
	{"empty filter denies", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"f", "filter mesh sql="}}, "DENY"},
	{"denied has no filter", "alice", false,
		{{"f", "filter mesh sql=x=1"}, {"m", "mask mesh tags=pii method=null"},
			{"s", "suppress mesh min=5"}},
		"DENY"},
	{"mask by tag", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"m", "mask mesh tags=pii method=partial"}},
		"ALLOW email:partial(m) card:partial(m)"},
	{"mask by column", "alice", false,
		{{"a", "allow mesh tables=sales.*"},
			{"m", "mask mesh columns=amount method=truncate"}},
		"ALLOW amount:truncate(m)"},
	{"mask by column and tag", "alice", false,
		{{"a", "allow mesh tables=sales.*"},
			{"m", "mask mesh columns=email,amount tags=pii method=null"}},
		"ALLOW email:null(m)"},
	{"mask all", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"m", "mask mesh method=null"}},
		"ALLOW id:null(m) email:null(m) card:null(m) amount:null(m)"},
	{"strictest mask", "alice", false,
		{{"a", "allow mesh tables=sales.*"},
			{"m", "mask mesh columns=email method=pseudonym"},
			{"n", "mask domain:sales columns=email method=constant"}},
		"ALLOW email:constant(n)"},
	{"domain cannot loosen", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"m", "mask mesh columns=email method=null"},
			{"n", "mask domain:sales columns=email method=partial"}},
		"ALLOW email:null(m)"},
	{"mask none is no mask", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"m", "mask mesh columns=email method=null"},
			{"n", "mask domain:sales columns=email method=none"}},
		"ALLOW email:null(m)"},
	{"mask unless role", "alice role=fraud", false,
		{{"a", "allow mesh tables=sales.*"},
			{"m", "mask mesh tags=pii method=null unless.role=fraud"}},
		"ALLOW"},
	{"mask of another table", "alice", false,
		{{"a", "allow mesh tables=sales.*"},
			{"m", "mask mesh tables=returns columns=email method=null"}},
		"ALLOW"},
	{"suppress", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"s", "suppress mesh min=5"},
			{"t", "suppress domain:sales min=10"}, {"u", "suppress mesh min=7"}},
		"ALLOW min=10"},
	{"suppress nothing denies", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"s", "suppress mesh min=0"}}, "DENY"},
	{"unknown effect denies", "alice", false,
		{{"a", "allow mesh tables=sales.*"}, {"s", "? mesh"}}, "DENY"},
};

static void read_list(struct arena *arena, struct slice text, struct slice **items, size_t *count)
{
	VEC(struct slice) list = {*items, *count, *count};

	while (text.len)
		vec_push(arena, &list, slice_split(&text, ','));
	*items = list.items;
	*count = list.len;
}

static void read_who(
	struct arena *arena, struct slice key, struct slice value, struct policy_who *who)
{
	if (slice_ends_with(key, SLICE("user")))
		read_list(arena, value, &who->users, &who->user_count);
	if (slice_ends_with(key, SLICE("group")))
		read_list(arena, value, &who->groups, &who->group_count);
	if (slice_ends_with(key, SLICE("role")))
		read_list(arena, value, &who->roles, &who->role_count);
	if (slice_ends_with(key, SLICE("purpose")))
		read_list(arena, value, &who->purposes, &who->purpose_count);
}

static void read_word(struct arena *arena, struct slice word, struct policy *out)
{
	struct slice value = word;
	struct slice key = slice_split(&value, '=');

	if (slice_starts_with(key, SLICE("domain:"))) {
		out->level = POLICY_DOMAIN;
		out->domain = slice_sub(key, 7, key.len);
	} else if (slice_starts_with(key, SLICE("to."))) {
		out->to_count = 1;
		read_who(arena, key, value, &out->to[0]);
	} else if (slice_starts_with(key, SLICE("or."))) {
		out->to_count = 2;
		read_who(arena, key, value, &out->to[1]);
	} else if (slice_starts_with(key, SLICE("unless."))) {
		out->unless_count = 1;
		read_who(arena, key, value, &out->unless[0]);
	} else if (slice_equal_c(key, "products")) {
		read_list(arena, value, &out->products, &out->product_count);
	} else if (slice_equal_c(key, "tables")) {
		read_list(arena, value, &out->tables, &out->table_count);
	} else if (slice_equal_c(key, "columns")) {
		read_list(arena, value, &out->columns, &out->column_count);
	} else if (slice_equal_c(key, "tags")) {
		read_list(arena, value, &out->tags, &out->tag_count);
	} else if (slice_equal_c(key, "classifications")) {
		read_list(arena, value, &out->classifications, &out->classification_count);
	} else if (slice_equal_c(key, "sql")) {
		out->filter = value;
	} else if (slice_equal_c(key, "min")) {
		assert_true(slice_to_i64(value, &out->min_group));
	} else if (slice_equal_c(key, "method")) {
		assert_true(mask_method_parse(value, &out->mask.method));
	}
}

static struct policy read_rule(struct arena *arena, const struct rule *rule)
{
	static const char *const effects[] = {"allow", "deny", "filter", "mask", "suppress", "?"};
	struct policy out = {.name = slice_from_c(rule->name),
		.to = arena_array_of(arena, struct policy_who, 2),
		.unless = arena_array_of(arena, struct policy_who, 1)};
	struct slice text = slice_from_c(rule->text);
	struct slice effect = slice_split(&text, ' ');

	for (size_t i = 0; i < array_len(effects); i++)
		if (slice_equal_c(effect, effects[i]))
			out.effect = (enum policy_effect)i;
	while (text.len)
		read_word(arena, slice_split(&text, ' '), &out);
	return out;
}

static struct principal read_principal(struct arena *arena, const char *text)
{
	struct slice rest = slice_from_c(text);
	struct principal out = {.name = slice_split(&rest, ' ')};

	while (rest.len) {
		struct slice value = slice_split(&rest, ' ');
		struct slice key = slice_split(&value, '=');
		out.admin = out.admin || slice_equal_c(key, "admin");
		if (slice_equal_c(key, "groups"))
			read_list(arena, value, &out.groups, &out.group_count);
		if (slice_equal_c(key, "purpose"))
			out.purpose = value;
		if (!slice_equal_c(key, "role"))
			continue;
		out.attributes = arena_array_of(arena, struct attribute, 2);
		out.attribute_count = 2;
		out.attributes[0].name = SLICE("city");
		out.attributes[1].name = key;
		read_list(arena, value, &out.attributes[1].values, &out.attributes[1].value_count);
	}
	return out;
}

static struct slice print_decision(struct arena *arena, const struct decision *d)
{
	static const char *const outcomes[] = {"ALLOW", "DENY", "HIDDEN"};
	struct str out = str_in(arena);

	str_add_c(&out, outcomes[d->outcome]);
	for (size_t i = 0; i < d->filter_count; i++)
		str_printf(&out, "%s{%.*s %.*s}", i ? "" : " ", SLICE_FMT(d->filters[i].policy),
			SLICE_FMT(d->filters[i].expression));
	for (size_t i = 0; i < array_len(columns); i++) {
		const struct decision_mask *mask = &d->masks[i];
		if (mask->denied || mask->mask.method != MASK_NONE)
			str_printf(&out, " %.*s:%s(%.*s)", SLICE_FMT(columns[i].name),
				mask->denied ? "out" : mask_method_name(mask->mask.method),
				SLICE_FMT(mask->policy));
	}
	if (d->suppress.min_group)
		str_printf(&out, " min=%lld", (long long)d->suppress.min_group);
	return str_slice(&out);
}

static void decides_row(struct arena *arena, const struct row *row)
{
	struct principal principal = read_principal(arena, row->principal);
	struct policy_table table = {.domain = SLICE("sales"),
		.product = SLICE("orders"),
		.name = SLICE("lines"),
		.owners = owners,
		.owner_count = 2,
		.tags = sales_tags,
		.tag_count = 1,
		.classification = SLICE("internal"),
		.hidden = row->hidden,
		.columns = columns,
		.column_count = array_len(columns)};
	struct policy policies[6];
	size_t count = 0;

	for (; count < array_len(row->rules) && row->rules[count].name; count++)
		policies[count] = read_rule(arena, &row->rules[count]);
	struct policy_request request = {&principal, &table, policies, count};
	struct decision decision = policy_decide(arena, &request);
	struct slice found = print_decision(arena, &decision);
	if (!slice_equal_c(found, row->expected))
		fail_msg("%s: %.*s", row->name, SLICE_FMT(found));
	assert_true(decision.reason_count > 0);
	for (size_t i = 0; i < count / 2; i++) {
		struct policy swap = policies[i];
		policies[i] = policies[count - 1 - i];
		policies[count - 1 - i] = swap;
	}
	decision = policy_decide(arena, &request);
	if (!slice_equal_c(print_decision(arena, &decision), row->expected))
		fail_msg("%s: another decision for another order of rules", row->name);
}

static void decides(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		decides_row(arena, &rows[i]);
		arena_reset(arena);
	}
	arena_free(&arena);
}

static void gives_reasons(void **state)
{
	struct arena *arena = arena_new();
	struct principal principal = read_principal(arena, "alice groups=dpo");
	struct policy_table table = {
		.domain = SLICE("sales"), .product = SLICE("orders"), .name = SLICE("lines")};
	const struct rule rules[] = {{"deny-all", "deny mesh tables=sales.* unless.group=dpo"},
		{"grant", "allow mesh tables=sales.* to.user=bob"}};
	struct policy policies[] = {read_rule(arena, &rules[0]), read_rule(arena, &rules[1])};
	struct decision d =
		policy_decide(arena, &(struct policy_request){&principal, &table, policies, 2});

	(void)state;
	assert_int_equal(d.reason_count, 3);
	assert_true(slice_equal_c(d.reasons[0].policy, "deny-all"));
	assert_false(d.reasons[0].applied);
	assert_true(slice_equal_c(d.reasons[1].text, "is meant for others"));
	assert_true(slice_equal_c(d.reasons[2].policy, "default deny"));
	assert_true(d.reasons[2].applied);
	arena_free(&arena);
}

static void settles_masks(void **state)
{
#define TRUNCATE(unit)                                                                             \
	{                                                                                          \
		.method = MASK_TRUNCATE, .truncate = SLICE(unit)                                   \
	}
	const struct {
		struct mask a, b;
		enum mask_method method;
		const char *truncate;
	} cases[] = {
		{TRUNCATE("month"), TRUNCATE("year"), MASK_TRUNCATE, "year"},
		{TRUNCATE("year"), TRUNCATE("day"), MASK_TRUNCATE, "year"},
		{TRUNCATE("10"), TRUNCATE("100"), MASK_TRUNCATE, "100"},
		{TRUNCATE("100"), TRUNCATE("10"), MASK_TRUNCATE, "100"},
		{TRUNCATE("10"), TRUNCATE("year"), MASK_NULL, NULL},
		{TRUNCATE("ten"), TRUNCATE("10"), MASK_NULL, NULL},
		{{.method = MASK_NULL}, TRUNCATE("year"), MASK_NULL, NULL},
		{{.method = MASK_NONE}, {.method = MASK_PSEUDONYM}, MASK_PSEUDONYM, NULL},
	};
	const struct mask first = {
		.method = MASK_PARTIAL, .keep_first = 2, .keep_after = SLICE("@")};
	const struct mask last = {.method = MASK_PARTIAL, .keep_first = 1, .keep_last = 4};
	struct mask both = policy_stricter_mask(&first, &last);
	enum mask_method method = MASK_NONE;

	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct mask found = policy_stricter_mask(&cases[i].a, &cases[i].b);
		assert_int_equal(found.method, cases[i].method);
		if (cases[i].truncate)
			assert_true(slice_equal_c(found.truncate, cases[i].truncate));
	}
	assert_int_equal(both.keep_first, 1);
	assert_int_equal(both.keep_last, 0);
	assert_true(slice_is_none(both.keep_after));
	both = policy_stricter_mask(&first, &first);
	assert_true(slice_equal_c(both.keep_after, "@"));
	assert_false(mask_method_parse(SLICE("blur"), &method));
	assert_true(mask_method_parse(SLICE("pseudonym"), &method));
	assert_int_equal(method, MASK_PSEUDONYM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(gives_reasons),
		cmocka_unit_test(settles_masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
