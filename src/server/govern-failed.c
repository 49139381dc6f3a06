/*
 * The rows that failed a check as a table: domain."table@failed", with the run and the check before
 * the table's own columns. Owners of the product see it, and to them the policies of the table hold
 * as for the table itself: a mask or a row filter of the mesh is not got round by a check that
 * fails. To everybody else there is no such name.
 */
#include <unistd.h>

#include "server/govern-private.h"
#include "server/server-private.h"
#include "store/runs.h"

static const struct slice suffix = {"@failed", 7};

bool govern_failed_name(struct slice name, struct slice *base_out)
{
	if (name.len <= suffix.len)
		return false;
	size_t base = name.len - suffix.len;
	if (!slice_equal_nocase(slice_sub(name, base, name.len), suffix))
		return false;
	*base_out = slice_sub(name, 0, base);
	return true;
}

bool govern_failed_files(const struct govern_request *request, struct arena *arena,
	const struct model_table *table, struct model_files *out, struct error *err)
{
	const struct check_table of = {table->product->full_name, table->key};
	struct check_row *checks;
	size_t count;
	*out = (struct model_files){0};
	if (!checks_failing(request->server->store, &of, arena, &checks, &count, err))
		return false;
	out->files = arena_array_of(arena, struct file_row, count);
	for (size_t i = 0; i < count; i++) /* swept ones are gone */
		if (access(arena_cstr(arena, checks[i].failing_path), R_OK) == 0)
			out->files[out->file_count++] = (struct file_row){
				.path = checks[i].failing_path, .rows = checks[i].failing_rows};
	return true;
}

void govern_failed_columns(struct plan *plan, struct wire_relation *relation)
{
	enum { OWN = 2 };
	size_t count = relation->column_count + OWN;
	struct wire_column *columns = arena_array_of(plan->arena, struct wire_column, count);
	columns[0] = (struct wire_column){.name = SLICE("failed_run"), .type = SLICE("BIGINT")};
	columns[1] = (struct wire_column){.name = SLICE("failed_check"), .type = SLICE("VARCHAR")};
	for (size_t i = OWN; i < count; i++) {
		columns[i] = relation->columns[i - OWN];
		columns[i].other_type = true;
	}
	for (size_t i = 0; i < count; i++)
		columns[i].absent = true;
	relation->columns = columns;
	relation->column_count = count;
}
