/* Rows of mesh.* that lie in the store: runs, logs, checks, versions, audit. */
#include "base/json.h"
#include "base/vec.h"
#include "catalog/system-private.h"
#include "store/audit.h"
#include "store/runs.h"
#include "store/versions.h"

enum { MAX_RUNS = 20000, MAX_AUDIT = 20000 };

/* "sales" of "sales.orders"; the rest goes to *name_out. */
static struct slice split_product(struct slice product, struct slice *name_out)
{
	*name_out = product;
	return slice_split(name_out, '.');
}

static bool reads_product(struct filling *f, struct slice name)
{
	const struct model_product *p = model_product_find(f->model, name);

	if (filling_manages(f, name))
		return true;
	for (size_t i = 0; p && i < p->table_count; i++) {
		const struct model_access *access = filling_access(f, p->tables[i]);

		if (access && access->decision.outcome == DECISION_ALLOW)
			return true;
	}
	return false;
}

static void fill_run(struct filling *f, const struct run_row *run)
{
	struct slice name;
	struct slice domain = split_product(run->product, &name);

	row_begin(f);
	row_int(f, mesh_runs_run, run->id);
	row_text(f, mesh_runs_domain, domain);
	row_text(f, mesh_runs_product, name);
	row_text(f, mesh_runs_mode, run->mode);
	row_text(f, mesh_runs_cause, run->trigger);
	row_text(f, mesh_runs_started_by, run->by);
	row_c(f, mesh_runs_state, run_state_name(run->state));
	row_int(f, mesh_runs_attempt, run->attempt);
	row_time(f, mesh_runs_queued_at, run->queued_us);
	row_time(f, mesh_runs_started_at, run->started_us);
	row_time(f, mesh_runs_ended_at, run->ended_us);
	row_int(f, mesh_runs_row_count, run->rows);
	row_int(f, mesh_runs_bytes, run->bytes);
	if (run->version)
		row_int(f, mesh_runs_version, run->version);
	row_text(f, mesh_runs_error_code, run->error_state);
	row_text(f, mesh_runs_error_message, run->error_message);
	row_text(f, mesh_runs_error_hint, run->error_hint);
	row_end(f);
}

bool fill_runs(struct filling *f)
{
	struct run_filter filter = {.limit = MAX_RUNS};
	struct run_row *rows;
	size_t count;

	if (!store_runs_list(f->request->store, &filter, f->arena, &rows, &count, f->err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (filling_manages(f, rows[i].product))
			fill_run(f, &rows[i]);
	return !f->failed;
}

static bool fill_logs_of(struct filling *f, int64_t run)
{
	struct run_log_list list;

	if (!run_logs_list(f->request->store, run, 0, f->arena, &list, f->err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		row_begin(f);
		row_int(f, mesh_run_logs_run, run);
		row_int(f, mesh_run_logs_line, list.items[i].number);
		row_time(f, mesh_run_logs_logged_at, list.items[i].time_us);
		row_text(f, mesh_run_logs_level, list.items[i].level);
		row_text(f, mesh_run_logs_message, list.items[i].message);
		row_end(f);
	}
	return !f->failed;
}

bool fill_run_logs(struct filling *f)
{
	struct run_filter filter = {.limit = MAX_RUNS};
	struct run_row *rows;
	size_t count;

	if (!store_runs_list(f->request->store, &filter, f->arena, &rows, &count, f->err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (filling_manages(f, rows[i].product) && !fill_logs_of(f, rows[i].id))
			return false;
	return !f->failed;
}

/* The table of a check or of an audit record: "orders@1" of its product. */
static struct slice shown_table(struct slice key)
{
	return slice_split(&key, '@');
}

/* Whether the principal may know that the column is there. */
static bool sees_column(struct filling *f, const struct check_row *check)
{
	const struct model_product *p = model_product_find(f->model, check->product);

	for (size_t i = 0; p && i < p->table_count; i++) {
		const struct model_table *t = p->tables[i];
		const struct model_access *access;

		if (!slice_equal_nocase(t->key, check->table) &&
			!slice_equal_nocase(t->name, check->table))
			continue;
		access = filling_access(f, t);
		if (!access || access->decision.outcome != DECISION_ALLOW)
			return false;
		for (size_t c = 0; c < t->column_count; c++)
			if (slice_equal_nocase(t->columns[c].name, check->column))
				return !access->decision.masks[c].denied;
		return check->column.len == 0;
	}
	return false;
}

static void fill_check(struct filling *f, const struct check_row *check, bool manages)
{
	struct slice name;
	struct slice domain = split_product(check->product, &name);

	row_begin(f);
	row_int(f, mesh_checks_run, check->run);
	row_text(f, mesh_checks_domain, domain);
	row_text(f, mesh_checks_product, name);
	row_text(f, mesh_checks_table_name, shown_table(check->table));
	row_text(f, mesh_checks_rule, check->name);
	row_text(f, mesh_checks_column_name, check->column);
	row_text(f, mesh_checks_dimension, check->dimension);
	row_text(f, mesh_checks_severity, check->severity);
	row_bool(f, mesh_checks_passed, check->ok);
	row_text(f, mesh_checks_expected, check->expected);
	row_time(f, mesh_checks_checked_at, check->time_us);
	if (manages) { /* measured over rows that others may not see */
		row_text(f, mesh_checks_value, check->value);
		row_text(f, mesh_checks_message, check->message);
		if (check->failing_rows >= 0)
			row_int(f, mesh_checks_failing_rows, check->failing_rows);
	}
	row_end(f);
}

bool fill_checks(struct filling *f)
{
	struct check_row *rows;
	size_t count;

	if (!checks_list(f->request->store, 0, f->arena, &rows, &count, f->err))
		return false;
	for (size_t i = 0; i < count; i++) {
		bool manages = filling_manages(f, rows[i].product);

		if (manages || sees_column(f, &rows[i]))
			fill_check(f, &rows[i], manages);
	}
	return !f->failed;
}

bool fill_versions(struct filling *f)
{
	struct version_list list;

	if (!versions_list(f->request->store, SLICE_NONE, 0, f->arena, &list, f->err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		const struct version_row *v = &list.items[i];
		const struct model_product *p = model_product_find(f->model, v->product);

		if (!p || !reads_product(f, v->product))
			continue;
		row_begin(f);
		row_text(f, mesh_versions_domain, p->domain->name);
		row_text(f, mesh_versions_product, p->name);
		row_int(f, mesh_versions_version, v->version);
		row_time(f, mesh_versions_published_at, v->created_us);
		if (filling_manages(f, v->product))
			row_int(f, mesh_versions_run, v->run);
		row_bool(f, mesh_versions_newest, v->version == p->version);
		row_end(f);
	}
	return !f->failed;
}

/* "sales.orders", "sales.orders@2" of an audit record → its table in the model. */
static const struct model_table *audited_table(const struct filling *f, struct slice name)
{
	struct slice table = name;
	struct slice domain = slice_split(&table, '.');

	for (size_t i = 0; i < f->model->table_count; i++) {
		const struct model_table *t = &f->model->tables[i];

		if (slice_equal_nocase(t->product->domain->name, domain) &&
			(slice_equal_nocase(t->key, table) ||
				(t->newest_major && slice_equal_nocase(t->name, table))))
			return t;
	}
	return NULL;
}

/* Of the tables of a record those that the principal owns, as JSON; none when it owns none. */
static struct slice owned_tables(const struct filling *f, struct slice tables)
{
	struct error ignored;
	scoped(json_drop) json_t *all = json_parse(tables, &ignored);
	scoped(json_drop) json_t *owned = json_array();

	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *item = json_array_get(all, i);
		const struct model_table *t = audited_table(f, json_get_slice(item, "table"));

		if (t && model_owns_product(f->principal, t->product))
			json_array_append(owned, item);
	}
	return json_array_size(owned) ? json_print(f->arena, owned) : SLICE_NONE;
}

static void fill_audit_end(struct filling *f, const struct audit_row *row, bool whole)
{
	if (!row->ended)
		return;
	row_text(f, mesh_audit_outcome, row->end.outcome);
	row_text(f, mesh_audit_error_code, row->end.state);
	if (whole) {
		row_int(f, mesh_audit_row_count, row->end.rows);
		row_int(f, mesh_audit_bytes, row->end.bytes);
	}
	row_real(f, mesh_audit_duration_ms, (double)row->end.duration_us / 1000);
}

static void fill_audit_row(struct filling *f, const struct audit_row *row)
{
	const struct audit_begin *begin = &row->begin;
	bool whole = f->principal->admin || slice_equal(begin->principal, f->principal->name);
	struct slice tables = whole ? begin->tables : owned_tables(f, begin->tables);

	if (!whole && slice_is_none(tables))
		return;
	row_begin(f);
	row_int(f, mesh_audit_id, row->id);
	row_time(f, mesh_audit_started_at, row->time_us);
	row_text(f, mesh_audit_principal, begin->principal);
	row_text(f, mesh_audit_purpose, begin->purpose);
	row_text(f, mesh_audit_door, begin->door);
	row_text(f, mesh_audit_table_names, tables);
	row_text(f, mesh_audit_decision, begin->decision);
	if (whole) {
		row_text(f, mesh_audit_session, begin->session);
		row_text(f, mesh_audit_request_id, begin->request_id);
		row_text(f, mesh_audit_statement, begin->statement);
		row_text(f, mesh_audit_details, begin->details);
	}
	fill_audit_end(f, row, whole);
	row_end(f);
}

bool fill_audit(struct filling *f)
{
	struct audit_filter filter = {.limit = MAX_AUDIT};
	struct audit_row *rows;
	size_t count;

	if (!audit_list(f->request->store, &filter, f->arena, &rows, &count, f->err))
		return false;
	for (size_t i = 0; i < count; i++)
		fill_audit_row(f, &rows[i]);
	return !f->failed;
}
