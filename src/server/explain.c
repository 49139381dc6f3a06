#include "server/explain.h"

#include "base/check.h"

#include <string.h>

#include "catalog/model.h"
#include "policy/policy.h"
#include "server/auth.h"
#include "server/govern-private.h"
#include "server/server-private.h"

static json_t *reasons_json(const struct decision *d)
{
	json_t *array = json_array();
	for (size_t i = 0; i < d->reason_count; i++) {
		json_t *item = json_object();
		json_set_slice(item, "policy", d->reasons[i].policy);
		json_object_set_new(item, "applied", json_boolean(d->reasons[i].applied));
		json_set_slice(item, "text", d->reasons[i].text);
		json_array_append_new(array, item);
	}
	return array;
}

static json_t *names_json(const struct slice *names, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_stringn(names[i].ptr, names[i].len));
	return array;
}

/* Conditions are for those who manage the table: they may name what a filter hides. */
static json_t *filters_json(const struct decision *d, bool manages)
{
	json_t *array = json_array();
	for (size_t i = 0; i < d->filter_count; i++) {
		json_t *item = json_object();
		json_set_slice(item, "policy", d->filters[i].policy);
		if (manages)
			json_set_slice(item, "expression", d->filters[i].expression);
		json_array_append_new(array, item);
	}
	return array;
}

/* A denied column does not exist for others, here as in the view. */
static json_t *columns_json(const struct model_table *table, const struct decision *d, bool manages)
{
	json_t *array = json_array();
	for (size_t i = 0; d->outcome == DECISION_ALLOW && i < table->column_count; i++) {
		const struct decision_mask *m = &d->masks[i];
		if (m->denied && !manages)
			continue;
		json_t *item = json_object();
		json_set_slice(item, "name", table->columns[i].name);
		json_set_slice(item, "type", table->columns[i].type);
		json_object_set_new(item, "mask",
			json_string(m->denied ? "denied" : mask_method_name(m->mask.method)));
		json_set_slice(item, "policy", m->policy);
		json_array_append_new(array, item);
	}
	return array;
}

static bool files_json(struct server *server, const struct model_access *access,
	const struct principal *principal, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct model_files files = {0};
	check(access->table);
	if (access->table->version > 0 && !model_files_at(server->store, access->table,
						  access->table->version, scratch, &files, err))
		return false;
	int64_t counts[3] = {0};
	for (size_t i = 0; i < files.file_count; i++)
		counts[govern_file_verdict(
			&access->decision, access->table, &files.files[i], principal)]++;
	*out = json_pack("{s:I,s:I,s:I}", "all", (json_int_t)counts[GOVERN_ALL], "none",
		(json_int_t)counts[GOVERN_NONE], "mixed", (json_int_t)counts[GOVERN_MIXED]);
	return true;
}

/* What is asked, looked up. */
struct question {
	struct server *server;
	const struct model *model;
	struct arena *arena;
	const struct auth_identity *caller;
	struct slice table;
	struct principal principal;
	bool manages; /* the caller owns the table or is an administrator */
};

static bool absent(const struct question *q, struct error *err)
{
	return error_set(
		err, UNDEFINED_TABLE, "relation \"%.*s\" does not exist", SLICE_FMT(q->table));
}

/* The table, when the caller may ask about it. */
static bool find_table(struct question *q, const struct model_table **out, struct error *err)
{
	struct slice rest = q->table;
	struct slice domain = slice_split(&rest, '.');
	struct model_access access;
	const struct model_table *table = NULL;
	for (size_t i = 0; i < q->model->table_count && !table; i++) {
		const struct model_table *t = &q->model->tables[i];
		bool named = slice_equal_nocase(t->key, rest) ||
			     (t->newest_major && slice_equal_nocase(t->name, rest));
		if (named && slice_equal_nocase(t->product->domain->name, domain))
			table = t;
	}
	if (!table)
		return absent(q, err);
	const struct principal *caller = &q->caller->principal;
	bool self = slice_equal(caller->name, q->principal.name);
	q->manages = caller->admin || policy_is_owner(caller, &table->policy);
	bool knows = model_table_access(q->arena, table, q->model, caller, &access) != MODEL_ABSENT;
	if (!q->manages && !(self && knows))
		return absent(q, err);
	*out = table;
	return true;
}

static bool answer(
	const struct question *q, const struct model_table *table, json_t **out, struct error *err)
{
	static const char *const outcomes[] = {"allow", "deny", "hidden"};
	struct model_access access = {.table = table};
	struct policy_request request = {.principal = &q->principal,
		.table = &table->policy,
		.policies = q->model->policies,
		.policy_count = q->model->policy_count};
	access.decision = policy_decide(q->arena, &request);
	const struct decision *d = &access.decision;
	json_t *files = NULL;
	check(table);
	if (q->manages && !files_json(q->server, &access, &q->principal, &files, err))
		return false;
	json_t *json = json_object();
	json_set_slice(json, "principal", q->principal.name);
	json_set_slice(json, "table", q->table);
	json_set_slice(json, "purpose", q->principal.purpose);
	json_object_set_new(json, "outcome", json_string(outcomes[d->outcome]));
	json_object_set_new(json, "filters", filters_json(d, q->manages));
	json_object_set_new(json, "columns", columns_json(table, d, q->manages));
	json_object_set_new(json, "min_group", json_integer(d->suppress.min_group));
	json_object_set_new(
		json, "group_by", names_json(d->suppress.group_by, d->suppress.group_by_count));
	json_object_set_new(
		json, "subjects", names_json(d->suppress.subjects, d->suppress.subject_count));
	json_object_set_new(json, "reasons", reasons_json(d));
	if (files) /* how many are hidden is not for others */
		json_object_set_new(json, "files", files);
	*out = json;
	return true;
}

bool explain_access(struct server *server, const struct explain_request *request, json_t **out,
	struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct question q = {.server = server,
		.model = server_model(server),
		.arena = scratch,
		.caller = request->caller,
		.table = request->table,
		.principal = {.name = request->principal, .purpose = request->purpose}};
	struct principal claimed = q.principal;
	const struct principal *caller = &request->caller->principal;
	const struct model_table *found = NULL;
	if (slice_equal(request->principal, caller->name))
		claimed.admin = caller->admin;
	bool ok = find_table(&q, &found, err) &&
		  govern_principal(server, q.model, scratch, &claimed, &q.principal, err) &&
		  answer(&q, found, out, err);
	server_model_release(server, &q.model);
	return ok;
}
