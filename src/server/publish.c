/*
 * The intent's payload holds all that is needed to finish a publish without the model or the
 * manifests:
 *
 *	{"product","run","staging","cursors":{…}|null,"tables":[TABLE…]}
 *	TABLE {"table","location","schema":[…],"delta_version","commit":"…","replace":bool,
 *	       "moves":[{"from","to"}],"removed":["…"],
 *	       "added":[{path,rows,bytes,stats,partitions,digest}]}
 *
 * Each step can be done twice: a move whose source is gone and whose target is there was done; a
 * Delta version that exists and carries our run was written by us.
 */
#include "server/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/model.h"
#include "delta/delta.h"
#include "server/files.h"
#include "server/server-private.h"
#include "store/runs.h"
#include "store/versions.h"

struct build {
	const struct publish_request *request;
	const struct publish_table *table;
	struct arena *arena;
	const json_t *result; /* of the table */
	struct model_files before;
	json_t *payload; /* of the table */
};

/* "orders/country=DE/part-0.parquet" of run 7 becomes "country=DE/r7-part-0.parquet". */
static struct slice final_path(struct arena *arena, struct slice path, int64_t run)
{
	size_t slash = slice_find(path, SLICE("/"), 0);
	struct slice rest = slash == SIZE_MAX ? path : slice_sub(path, slash + 1, path.len);
	size_t base = 0;
	for (size_t i = 0; i < rest.len; i++)
		if (rest.ptr[i] == '/')
			base = i + 1;
	return arena_printf(arena, "%.*sr%lld-%.*s", (int)base, rest.ptr, (long long)run,
		SLICE_FMT(slice_sub(rest, base, rest.len)));
}

static bool safe_path(struct slice path)
{
	return path.len && path.ptr[0] != '/' && slice_find(path, SLICE(".."), 0) == SIZE_MAX;
}

static struct delta_partition *partitions_of(
	struct arena *arena, const json_t *object, size_t *count_out)
{
	struct delta_partition *items =
		arena_array_of(arena, struct delta_partition, json_object_size(object));
	const char *name;
	json_t *value;
	size_t count = 0;
	json_object_foreach((json_t *)(uintptr_t)object, name, value) items[count++] =
		(struct delta_partition){.column = arena_copy(arena, slice_from_c(name)),
			.value = arena_copy(arena, json_to_slice(value))};
	*count_out = count;
	return items;
}

static bool add_files(struct build *b, struct delta_commit *commit, struct error *err)
{
	json_t *files = json_get_array(b->result, "files");
	size_t count = json_array_size(files);
	struct delta_file *adds = arena_array_of(b->arena, struct delta_file, count);
	json_t *moves = json_array();
	json_t *added = json_array();
	json_object_set_new(b->payload, "moves", moves);
	json_object_set_new(b->payload, "added", added);
	for (size_t i = 0; i < count; i++) {
		const json_t *file = json_array_get(files, i);
		struct slice from = json_get_slice(file, "path");
		if (!safe_path(from))
			return error_set(err, INTERNAL_ERROR, "a job named a file outside");
		struct slice to = final_path(b->arena, from, b->request->run);
		json_t *partition = json_get_object(file, "partition");
		adds[i] = (struct delta_file){.path = to,
			.bytes = json_get_i64(file, "bytes", 0),
			.modified_ms = commit->timestamp_ms,
			.stats = json_get_slice(file, "stats"),
			.hash = json_get_slice(file, "hash")};
		adds[i].partitions = partitions_of(b->arena, partition, &adds[i].partition_count);
		json_t *move = json_object();
		json_set_slice(move, "from", from);
		json_set_slice(move, "to", to);
		json_array_append_new(moves, move);
		json_t *row = json_object();
		json_set_slice(row, "path", to);
		json_object_set_new(row, "rows", json_integer(json_get_i64(file, "rows", 0)));
		json_object_set_new(row, "bytes", json_integer(adds[i].bytes));
		json_set_slice(row, "stats", adds[i].stats);
		json_set_slice(row, "digest", adds[i].hash);
		if (json_object_size(partition))
			json_set_slice(row, "partitions", json_print(b->arena, partition));
		json_array_append_new(added, row);
	}
	commit->adds = adds;
	commit->add_count = count;
	return true;
}

/* The paths that the job keeps, to ask for one among many. */
static struct map kept_paths(const struct build *b)
{
	const json_t *keep = json_get_array(b->result, "keep");
	struct map paths = map_in(b->arena);
	for (size_t i = 0; i < json_array_size(keep); i++) {
		json_t *path = json_array_get(keep, i);
		map_put(&paths, json_to_slice(path), path);
	}
	return paths;
}

/* What was served before and is not kept; paths relative to the table's folder. */
static void remove_files(struct build *b, struct delta_commit *commit)
{
	struct map keep = kept_paths(b);
	struct delta_file *removes =
		arena_array_of(b->arena, struct delta_file, b->before.file_count);
	json_t *removed = json_array();
	size_t prefix = b->table->location.len + 1;
	for (size_t i = 0; i < b->before.file_count; i++) {
		const struct file_row *file = &b->before.files[i];
		if (map_get(&keep, file->path))
			continue;
		struct error ignored;
		scoped(json_drop) json_t *partition =
			file->partitions.len ? json_parse(file->partitions, &ignored) : NULL;
		struct delta_file *remove = &removes[commit->remove_count++];
		*remove = (struct delta_file){.path = slice_sub(file->path, prefix, file->path.len),
			.bytes = file->bytes};
		remove->partitions = partitions_of(b->arena, partition, &remove->partition_count);
		json_array_append_new(removed, json_from_slice(remove->path));
	}
	commit->removes = removes;
	json_object_set_new(b->payload, "removed", removed);
	json_object_set_new(
		b->payload, "replace", json_boolean(commit->remove_count == b->before.file_count));
}

static struct slice comment_of(const struct manifest_schema *schema, struct slice column)
{
	for (size_t i = 0; schema && i < schema->column_count; i++)
		if (slice_equal_nocase(schema->columns[i].name, column))
			return schema->columns[i].description;
	return SLICE_NONE;
}

/* The first publish into a folder with a log: the product was removed and came back, or moved. A
 * log of Weft's goes on with its next version; another's is not touched. */
static bool take_over(
	struct build *b, struct delta_commit *commit, int64_t *version_out, struct error *err)
{
	struct delta_state state;
	char *location = arena_cstr(b->arena, b->table->location);
	const char *log = arena_printf(b->arena, "%s/_delta_log", location).ptr;
	*version_out = 0;
	if (access(log, F_OK) != 0)
		return true;
	delta_state_init(&state, b->arena);
	if (!delta_state_load(&state, location, -1, err))
		return err->state == SQLSTATE_UNDEFINED_FILE;
	if (!slice_equal_c(state.txn_app, "weft")) {
		error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"%s holds a Delta table that Weft did not write", location);
		return error_hint(err, "move it away, or give the domain another storage folder");
	}
	commit->removes = delta_state_files(&state, b->arena);
	commit->remove_count = state.file_count;
	*version_out = state.version + 1;
	return true;
}

/* The table's columns as stored; also says whether they changed. */
static void set_columns(struct build *b, struct delta_commit *commit)
{
	json_t *columns = json_get_array(b->result, "columns");
	size_t count = json_array_size(columns);
	struct delta_column *out = arena_array_of(b->arena, struct delta_column, count);
	json_t *schema = json_array();
	for (size_t i = 0; i < count; i++) {
		const json_t *c = json_array_get(columns, i);
		out[i].name = json_get_slice(c, "name");
		out[i].type = json_get_slice(c, "type");
		out[i].comment = comment_of(b->table->schema, out[i].name);
		json_t *item = json_object();
		json_set_slice(item, "name", out[i].name);
		json_set_slice(item, "type", out[i].type);
		struct slice stored = json_get_slice(c, "stored");
		if (stored.len && !slice_equal(stored, out[i].type))
			json_set_slice(item, "stored", stored);
		json_array_append_new(schema, item);
	}
	commit->columns = out;
	commit->column_count = count;
	json_object_set_new(b->payload, "schema", schema);
	commit->with_metadata = b->before.state.version == 0 ||
				!slice_equal(json_print(b->arena, schema), b->before.state.schema);
}

/* Follows from the table's name, so that it stays the same for the table's life. */
static struct slice table_id(struct arena *arena, struct slice product, struct slice key)
{
	uint64_t words[2];
	struct slice parts[] = {SLICE("weft table"), product, key};
	digest_parts(parts, array_len(parts), words);
	return arena_printf(arena, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(words[0] >> 32),
		(unsigned)(words[0] >> 16 & 0xffff), (unsigned)(words[0] & 0xfff),
		(unsigned)(words[1] >> 48 & 0xfff),
		(unsigned long long)(words[1] & 0xffffffffffffULL));
}

static void set_partition_columns(struct build *b, struct delta_commit *commit)
{
	struct error ignored;
	scoped(json_drop) json_t *list = b->table->partition_columns.len
						 ? json_parse(b->table->partition_columns, &ignored)
						 : NULL;
	size_t count = json_array_size(list);
	struct slice *columns = arena_array_of(b->arena, struct slice, count);
	for (size_t i = 0; i < count; i++)
		columns[i] = arena_copy(b->arena, json_to_slice(json_array_get(list, i)));
	commit->partition_columns = columns;
	commit->partition_column_count = count;
}

static bool build_table(struct build *b, struct error *err)
{
	const struct publish_request *r = b->request;
	int64_t now_ms = clock_wall_us(&clock_system) / 1000;
	bool first = b->before.state.version == 0;
	struct delta_commit commit = {.timestamp_ms = now_ms,
		.operation = SLICE("WRITE"),
		.txn_app = SLICE("weft"),
		.txn_version = r->run,
		.table_id = table_id(b->arena, r->product->full_name, b->table->key),
		.name = b->table->key,
		.description = b->table->schema ? b->table->schema->description : SLICE_NONE,
		.created_ms = now_ms};
	json_set_slice(b->payload, "table", b->table->key);
	json_set_slice(b->payload, "location", b->table->location);
	set_columns(b, &commit);
	set_partition_columns(b, &commit);
	if (!add_files(b, &commit, err))
		return false;
	int64_t version = b->before.state.delta_version + 1;
	remove_files(b, &commit);
	if (first && !take_over(b, &commit, &version, err))
		return false;
	json_object_set_new(b->payload, "delta_version", json_integer(version));
	struct slice text;
	if (!delta_commit_text(b->arena, &commit, &text, err))
		return false;
	json_set_slice(b->payload, "commit", text);
	return true;
}

/* The state before; version 0 when there is none. */
static bool load_before(const struct publish_request *r, const struct publish_table *table,
	struct arena *arena, struct model_files *out, struct error *err)
{
	for (size_t i = 0; i < r->product->table_count; i++) {
		const struct model_table *t = r->product->tables[i];
		if (slice_equal(t->key, table->key) && t->version > 0)
			return model_files_at(r->server->store, t, t->version, arena, out, err);
	}
	*out = (struct model_files){0};
	return true;
}

static const json_t *result_of(const json_t *result, struct slice name)
{
	json_t *tables = json_get_array(result, "tables");
	size_t i;
	json_t *table;
	json_array_foreach(tables, i,
		table) if (slice_equal(json_get_slice(table, "name"), name)) return table;
	return NULL;
}

static bool build_payload(
	const struct publish_request *r, struct arena *arena, json_t *payload, struct error *err)
{
	json_t *tables = json_array();
	json_t *cursors = json_object();
	json_set_slice(payload, "product", r->product->full_name);
	json_object_set_new(payload, "run", json_integer(r->run));
	json_object_set_new(payload, "staging", json_string(r->staging));
	json_object_set_new(payload, "tables", tables);
	json_object_set_new(payload, "cursors", cursors);
	for (size_t i = 0; i < r->table_count; i++) {
		struct build b = {.request = r,
			.table = &r->tables[i],
			.arena = arena,
			.result = result_of(r->result, r->tables[i].job_name),
			.payload = json_object()};
		json_array_append_new(tables, b.payload);
		if (!b.result)
			return error_set(err, INTERNAL_ERROR, "the job left out table %.*s",
				SLICE_FMT(r->tables[i].job_name));
		if (!load_before(r, b.table, arena, &b.before, err) || !build_table(&b, err))
			return false;
		struct slice cursor = json_get_slice(b.result, "cursor");
		if (!slice_is_none(cursor))
			json_object_set_new(
				cursors, arena_cstr(arena, b.table->key), json_from_slice(cursor));
	}
	return true;
}

static bool within_quota(const struct publish_request *r, struct error *err)
{
	const struct model_domain *domain = r->product->domain;
	if (!domain->quota_bytes)
		return true;
	int64_t bytes;
	if (!versions_domain_bytes(r->server->store, domain->name, &bytes, err))
		return false;
	for (size_t i = 0; i < r->table_count; i++)
		bytes += json_get_i64(result_of(r->result, r->tables[i].job_name), "bytes", 0);
	if (bytes <= domain->quota_bytes)
		return true;
	error_set(err, LIMIT_EXCEEDED, "domain %.*s would hold %lld bytes, its quota is %lld",
		SLICE_FMT(domain->name), (long long)bytes, (long long)domain->quota_bytes);
	return error_hint(
		err, "Shorten retention, publish less, or raise the quota in domain.yaml.");
}

static bool move_file(struct arena *arena, struct slice staging, struct slice location,
	const json_t *move, struct error *err)
{
	struct slice from_path = json_get_slice(move, "from");
	struct slice to_path = json_get_slice(move, "to");
	char *from = arena_cstr(
		arena, arena_printf(arena, "%.*s/%.*s", SLICE_FMT(staging), SLICE_FMT(from_path)));
	char *to = arena_cstr(
		arena, arena_printf(arena, "%.*s/%.*s", SLICE_FMT(location), SLICE_FMT(to_path)));
	if (access(to, F_OK) == 0 && access(from, F_OK) != 0)
		return true;
	return files_make_parents(to, err) && files_move(from, to, err);
}

static bool taken(const char *location, int64_t version, struct error *err)
{
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
		"somebody else wrote version %lld of the Delta table %s", (long long)version,
		location);
	return error_hint(err,
		"Only Weft writes its tables. Nothing was overwritten: take the foreign commit out "
		"of _delta_log, see weft doctor, and run the product again.");
}

static bool put_delta(struct arena *arena, const json_t *table, int64_t run, struct error *err)
{
	char *location = arena_cstr(arena, json_get_slice(table, "location"));
	int64_t version = json_get_i64(table, "delta_version", 0);
	enum delta_put put = delta_put(location, version, json_get_slice(table, "commit"), err);
	if (put != DELTA_PUT_EXISTS)
		return put == DELTA_PUT_DONE;
	bool ours;
	return delta_is_ours(location, version, SLICE("weft"), run, &ours, err) &&
	       (ours || taken(location, version, err));
}

/* Before anything is moved: a version that is taken costs nothing then. */
static bool check_free(const json_t *payload, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	json_t *tables = json_get_array(payload, "tables");
	for (size_t i = 0; i < json_array_size(tables); i++) {
		const json_t *table = json_array_get(tables, i);
		int64_t version = json_get_i64(table, "delta_version", 0);
		char *location = arena_cstr(arena, json_get_slice(table, "location"));
		struct slice path = arena_printf(
			arena, "%s/_delta_log/%020lld.json", location, (long long)version);
		if (access(path.ptr, F_OK) == 0)
			return taken(location, version, err);
	}
	return true;
}

/* Nothing of a publish that failed may stay: neither commits that say what Weft does not serve, nor
 * files that nobody refers to. */
static void take_back(struct server *server, const json_t *payload)
{
	scoped(arena_free) struct arena *arena = arena_new();
	json_t *tables = json_get_array(payload, "tables");
	int64_t run = json_get_i64(payload, "run", 0);
	struct error err;
	for (size_t i = 0; i < json_array_size(tables); i++) {
		const json_t *table = json_array_get(tables, i);
		char *location = arena_cstr(arena, json_get_slice(table, "location"));
		json_t *moves = json_get_array(table, "moves");
		if (!delta_take_back(location, json_get_i64(table, "delta_version", 0),
			    SLICE("weft"), run, &err)) {
			log_failure(server->log, EVENT_PUBLISH_FAILED, NULL, location, &err);
			continue;
		}
		fault_point("publish.took_back");
		for (size_t j = 0; j < json_array_size(moves); j++) {
			struct slice to = json_get_slice(json_array_get(moves, j), "to");
			unlink(arena_printf(arena, "%s/%.*s", location, SLICE_FMT(to)).ptr);
		}
	}
	if (!intents_remove(server->store, run, &err))
		log_failure(server->log, EVENT_STORE_FAILED, NULL, "remove an intent", &err);
}

static bool place_table(struct arena *arena, struct slice staging, const json_t *table, int64_t run,
	struct error *err)
{
	struct slice location = json_get_slice(table, "location");
	json_t *moves = json_get_array(table, "moves");
	size_t i;
	json_t *move;
	char *folder = arena_cstr(arena, arena_printf(arena, "%.*s/.", SLICE_FMT(location)));
	if (!files_make_parents(folder, err))
		return false;
	json_array_foreach(moves, i, move)
	{
		if (!move_file(arena, staging, location, move, err))
			return false;
		fault_point("publish.moved_one");
	}
	fault_point("publish.moved");
	return put_delta(arena, table, run, err);
}

static struct table_publish table_row(struct arena *arena, const json_t *table)
{
	json_t *added = json_get_array(table, "added");
	json_t *removed = json_get_array(table, "removed");
	struct file_row *files = arena_array_of(arena, struct file_row, json_array_size(added));
	struct slice *gone = arena_array_of(arena, struct slice, json_array_size(removed));
	for (size_t i = 0; i < json_array_size(added); i++) {
		const json_t *f = json_array_get(added, i);
		files[i] = (struct file_row){.path = json_get_slice(f, "path"),
			.rows = json_get_i64(f, "rows", 0),
			.bytes = json_get_i64(f, "bytes", 0),
			.stats = json_get_slice(f, "stats"),
			.partitions = json_get_slice(f, "partitions"),
			.digest = json_get_slice(f, "digest")};
	}
	for (size_t i = 0; i < json_array_size(removed); i++)
		gone[i] = json_to_slice(json_array_get(removed, i));
	return (struct table_publish){.table = json_get_slice(table, "table"),
		.location = json_get_slice(table, "location"),
		.schema = json_print(arena, json_get_array(table, "schema")),
		.delta_version = json_get_i64(table, "delta_version", 0),
		.added = files,
		.added_count = json_array_size(added),
		.removed = gone,
		.removed_count = json_array_size(removed),
		.replace = json_get_bool(table, "replace", false)};
}

/* From the intent to the visible version; every step may have been done before a crash. */
static bool carry_out(
	struct server *server, const json_t *payload, int64_t *version_out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	json_t *tables = json_get_array(payload, "tables");
	size_t count = json_array_size(tables);
	int64_t run = json_get_i64(payload, "run", 0);
	struct table_publish *rows = arena_array_of(arena, struct table_publish, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *table = json_array_get(tables, i);
		if (!place_table(arena, json_get_slice(payload, "staging"), table, run, err))
			return false;
		fault_point("publish.committed_one");
		rows[i] = table_row(arena, table);
	}
	if (!intents_set_phase(server->store, run, INTENT_COMMITTED, err))
		return false;
	fault_point("publish.committed");
	json_t *cursors = json_get_object(payload, "cursors");
	struct publish publish = {.product = json_get_slice(payload, "product"),
		.run = run,
		.tables = rows,
		.table_count = count,
		.cursors = json_object_size(cursors) ? json_print(arena, cursors) : SLICE_NONE};
	if (fault_fails("publish.store"))
		return error_set_errno(err, errno, "write the metadata");
	return versions_publish(server->store, &publish, version_out, err);
}

/* All of it, or nothing stays. */
static bool carry_out_or_take_back(
	struct server *server, const json_t *payload, int64_t *version_out, struct error *err)
{
	if (carry_out(server, payload, version_out, err))
		return true;
	take_back(server, payload);
	return false;
}

bool publish_result(const struct publish_request *request, int64_t *version_out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(json_drop) json_t *payload = json_object();
	if (!within_quota(request, err) || !build_payload(request, arena, payload, err) ||
		!check_free(payload, err))
		return false;
	struct intent_row intent = {.run = request->run,
		.product = request->product->full_name,
		.phase = INTENT_STAGED,
		.payload = json_print(arena, payload)};
	if (!intents_put(request->server->store, &intent, err))
		return false;
	fault_point("publish.intent");
	return carry_out_or_take_back(request->server, payload, version_out, err);
}

bool publish_recover(struct server *server, int64_t *carried_out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct intent_row *intents;
	size_t count;
	if (!intents_list(server->store, arena, &intents, &count, err))
		return false;
	*carried_out = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t version;
		scoped(json_drop) json_t *payload = json_parse(intents[i].payload, err);
		if (!payload)
			return false;
		if (carry_out_or_take_back(server, payload, &version, err)) {
			(*carried_out)++;
			continue;
		}
		/* A publish that cannot be carried out must not keep the node from starting: the
		 * last good version serves, the run is failed. */
		log_failure(server->log, EVENT_PUBLISH_FAILED, NULL, "carry out an intent", err);
		struct error why = *err;
		if (!store_runs_end(server->store, intents[i].run, RUN_FAILED, &why, err))
			return false;
	}
	return true;
}
