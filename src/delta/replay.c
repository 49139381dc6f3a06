/*
 * From log text to the files of a version, and from there to the rows of a checkpoint. Each action
 * costs one look-up in a map by path, so that a table may have many files; what was read stays in
 * the state's arena.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "delta/clean.h"
#include "delta/delta.h"

enum { MAX_LOG_BYTES = 1 << 30 };

void delta_state_init(struct delta_state *state, struct arena *arena)
{
	*state = (struct delta_state){.arena = arena, .version = -1, .entries = map_in(arena)};
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoding; a broken escape stays as it is. */
static struct slice decode_path(struct arena *arena, struct slice path)
{
	struct str out = str_in(arena);

	for (size_t i = 0; i < path.len; i++) {
		int high = path.ptr[i] == '%' && i + 2 < path.len ? hex_digit(path.ptr[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(path.ptr[i + 2]) : -1;

		if (low < 0) {
			str_add_char(&out, path.ptr[i]);
		} else {
			str_add_char(&out, (char)(high << 4 | low));
			i += 2;
		}
	}
	return str_slice(&out);
}

/* Leads out of the table's folder, or is no relative path at all. */
static bool is_bad_path(struct slice path)
{
	struct slice rest = path;

	if (path.len == 0 || path.ptr[0] == '/' || memchr(path.ptr, 0, path.len) ||
		slice_find(path, SLICE("://"), 0) != SIZE_MAX)
		return true;
	while (!slice_is_none(rest)) {
		if (slice_equal_c(slice_split(&rest, '/'), ".."))
			return true;
	}
	return false;
}

static void read_partitions(struct delta_state *state, struct delta_file *file, json_t *values)
{
	size_t count = json_object_size(values);
	struct delta_partition *parts = arena_array_of(state->arena, struct delta_partition, count);
	const char *key;
	json_t *value;

	json_object_foreach(values, key, value)
	{
		parts[file->partition_count++] = (struct delta_partition){
			arena_copy(state->arena, slice_from_c(key)),
			arena_copy(state->arena, json_to_slice(value)),
		};
	}
	file->partitions = parts;
}

/* What is known of a path; a new one is neither a file nor removed. path in the state's arena. */
static struct delta_entry *entry_of(struct delta_state *state, struct slice path)
{
	struct delta_entry *entry = map_get(&state->entries, path);

	if (!entry) {
		entry = arena_new_of(state->arena, struct delta_entry);
		map_put(&state->entries, path, entry);
	}
	return entry;
}

/* An action as checkpoints have it: it changes nothing any more. */
static struct slice print_settled(struct arena *arena, const json_t *action)
{
	scoped(json_drop) json_t *copy = json_copy((json_t *)(uintptr_t)action);

	json_object_set_new(copy, "dataChange", json_false());
	return json_print(arena, copy);
}

static bool apply_add(struct delta_state *state, const json_t *add, struct error *err)
{
	struct slice path = decode_path(state->arena, json_get_slice(add, "path"));
	struct delta_file file = {
		.path = path,
		.bytes = json_get_i64(add, "size", -1),
		.modified_ms = json_get_i64(add, "modificationTime", 0),
		.stats = arena_copy(state->arena, json_get_slice(add, "stats")),
		.hash = arena_copy(
			state->arena, json_get_slice(json_get_object(add, "tags"), "weft.hash")),
		.action = print_settled(state->arena, add),
	};

	if (is_bad_path(path) || file.bytes < 0)
		return error_set(
			err, DATA_CORRUPTED, "add action with path \"%.*s\"", SLICE_FMT(path));
	if (json_get_object(add, "deletionVector"))
		return error_set(err, FEATURE_NOT_SUPPORTED, "deletion vectors are not read");
	read_partitions(state, &file, json_get_object(add, "partitionValues"));
	struct delta_entry *entry = entry_of(state, path);

	state->file_count += !entry->visible;
	*entry = (struct delta_entry){.visible = true, .file = file};
	return true;
}

static void apply_remove(struct delta_state *state, const json_t *remove)
{
	struct slice path = decode_path(state->arena, json_get_slice(remove, "path"));
	struct delta_entry *entry = entry_of(state, path);

	state->file_count -= entry->visible;
	*entry = (struct delta_entry){
		.deleted_ms = json_get_i64(remove, "deletionTimestamp", 0),
		.tombstone = print_settled(state->arena, remove),
	};
}

static bool apply_protocol(struct delta_state *state, const json_t *protocol, struct error *err)
{
	json_t *features = json_get_array(protocol, "readerFeatures");
	int64_t reader = json_get_i64(protocol, "minReaderVersion", 0);

	state->protocol = json_print(state->arena, protocol);
	if (reader == 1)
		return true;
	if (reader == 3 && json_array_size(features) <= 1 &&
		(json_array_size(features) == 0 ||
			slice_equal_c(json_to_slice(json_array_get(features, 0)), "timestampNtz")))
		return true;
	return error_set(err, FEATURE_NOT_SUPPORTED,
		"the table asks for Delta reader version %" PRId64
		" with features that are not read",
		reader);
}

static bool apply_action(struct delta_state *state, const json_t *action, struct error *err)
{
	const json_t *part;

	if ((part = json_get_object(action, "add")))
		return apply_add(state, part, err);
	if ((part = json_get_object(action, "protocol")))
		return apply_protocol(state, part, err);
	if ((part = json_get_object(action, "remove")))
		apply_remove(state, part);
	if ((part = json_get_object(action, "metaData"))) {
		state->metadata = json_print(state->arena, part);
		state->schema_string =
			arena_copy(state->arena, json_get_slice(part, "schemaString"));
	}
	if ((part = json_get_object(action, "txn"))) {
		state->txn_app = arena_copy(state->arena, json_get_slice(part, "appId"));
		state->txn_version = json_get_i64(part, "version", 0);
	}
	return true; /* commitInfo, cdc, domainMetadata: nothing that a reader needs */
}

/* The actions of a commit, or of a whole checkpoint. */
static bool apply_text(
	struct delta_state *state, int64_t version, struct slice text, struct error *err)
{
	struct slice rest = text;

	for (int line = 1; !slice_is_none(rest); line++) {
		struct slice one = slice_trim(slice_split(&rest, '\n'));
		scoped(json_drop) json_t *action = NULL;

		if (one.len == 0)
			continue;
		action = json_parse(one, err);
		if (action && !json_is_object(action))
			error_set(err, DATA_CORRUPTED, "not a JSON object");
		if (!json_is_object(action) || !apply_action(state, action, err)) {
			if (err->state == SQLSTATE_SYNTAX_ERROR)
				err->state = SQLSTATE_DATA_CORRUPTED;
			return error_wrap(
				err, "Delta log, version %" PRId64 ", line %d", version, line);
		}
	}
	if (slice_is_none(state->protocol) || slice_is_none(state->metadata))
		return error_set(err, DATA_CORRUPTED, "Delta log: version 0 lacks %s",
			state->protocol.ptr ? "metaData" : "protocol");
	state->version = version;
	return true;
}

bool delta_state_apply(
	struct delta_state *state, int64_t version, struct slice text, struct error *err)
{
	if (version != state->version + 1)
		return error_set(err, DATA_CORRUPTED,
			"Delta log: version %" PRId64 " follows %" PRId64, version, state->version);
	return apply_text(state, version, text, err);
}

/* The whole file; *found_out false when there is none. */
static bool read_file(struct arena *arena, const char *path, bool *found_out, struct slice *out,
	struct error *err)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	*found_out = fd >= 0;
	if (fd < 0)
		return errno == ENOENT ? true : error_set_errno(err, errno, "open %s", path);
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > MAX_LOG_BYTES) {
		close(fd);
		return error_set(err, DATA_CORRUPTED, "%s is no log file", path);
	}
	char *text = arena_alloc(arena, (size_t)info.st_size + 1);
	size_t len = 0;

	while (len < (size_t)info.st_size) {
		ssize_t got = read(fd, text + len, (size_t)info.st_size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	close(fd);
	if (len < (size_t)info.st_size)
		return error_set(err, IO_ERROR, "read %s: it ended early", path);
	*out = slice_of(text, len);
	return true;
}

/* From the newest copy that is not after the version wanted; without one the log is whole. */
static bool load_checkpoint(struct delta_state *state, struct arena *scratch, const char *table_dir,
	int64_t version, struct error *err)
{
	int64_t newest = delta_newest_kept(table_dir, version);
	struct slice rows = SLICE_NONE;
	bool found = false;

	if (newest < 0)
		return true;
	const char *path = arena_printf(
		scratch, "%s/_delta_log/.%020" PRId64 ".checkpoint.ndjson", table_dir, newest)
				   .ptr;
	bool ok = read_file(scratch, path, &found, &rows, err) &&
		  (!found || apply_text(state, newest, rows, err));

	arena_reset(scratch);
	return ok;
}

bool delta_state_load(
	struct delta_state *state, const char *table_dir, int64_t version, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();

	if (!load_checkpoint(state, scratch, table_dir, version, err))
		return false;
	while (version < 0 || state->version < version) {
		int64_t next = state->version + 1;
		const char *path =
			arena_printf(scratch, "%s/_delta_log/%020" PRId64 ".json", table_dir, next)
				.ptr;
		struct slice text = SLICE_NONE;
		bool found;

		if (!read_file(scratch, path, &found, &text, err))
			return false;
		if (!found && version >= 0)
			return error_set(err, DATA_CORRUPTED, "%s is missing", path);
		if (!found)
			break;
		if (!delta_state_apply(state, next, text, err))
			return false;
		arena_reset(scratch);
	}
	if (state->version < 0)
		return error_set(err, UNDEFINED_FILE, "%s has no Delta log", table_dir);
	return true;
}

bool delta_is_ours(const char *table_dir, int64_t version, struct slice txn_app,
	int64_t txn_version, bool *ours_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	const char *path =
		arena_printf(scratch, "%s/_delta_log/%020" PRId64 ".json", table_dir, version).ptr;
	struct slice rest = SLICE_NONE;
	struct error ignored;
	bool found;

	*ours_out = false;
	if (!read_file(scratch, path, &found, &rest, err))
		return false;
	while (!*ours_out && !slice_is_none(rest)) {
		scoped(json_drop) json_t *action =
			json_parse(slice_trim(slice_split(&rest, '\n')), &ignored);
		const json_t *txn = json_get_object(action, "txn");

		*ours_out = txn && slice_equal(json_get_slice(txn, "appId"), txn_app) &&
			    json_get_i64(txn, "version", -1) == txn_version;
	}
	return true;
}

struct delta_file *delta_state_files(const struct delta_state *state, struct arena *arena)
{
	struct delta_file *files = arena_array_of(arena, struct delta_file, state->file_count);
	size_t count = 0;

	for (size_t i = 0; i < state->entries.len; i++) {
		const struct delta_entry *entry = state->entries.entries[i].value;

		if (entry->visible)
			files[count++] = entry->file;
	}
	return files;
}

static void add_row(struct str *out, const char *member, struct slice json)
{
	str_printf(out, "{\"%s\":", member);
	str_add(out, json);
	str_add_c(out, "}\n");
}

bool delta_checkpoint_rows(struct arena *arena, const struct delta_state *state, int64_t expired_ms,
	struct slice *out, struct error *err)
{
	struct str rows = str_in(arena);

	if (state->version < 0)
		return error_set(err, INTERNAL_ERROR, "checkpoint of an empty state");
	add_row(&rows, "protocol", state->protocol);
	add_row(&rows, "metaData", state->metadata);
	if (!slice_is_none(state->txn_app)) {
		str_add_c(&rows, "{\"txn\":{\"appId\":");
		str_add_json(&rows, state->txn_app);
		str_printf(&rows, ",\"version\":%" PRId64 "}}\n", state->txn_version);
	}
	for (size_t i = 0; i < state->entries.len; i++) {
		const struct delta_entry *entry = state->entries.entries[i].value;

		if (entry->visible)
			add_row(&rows, "add", entry->file.action);
		else if (entry->deleted_ms >= expired_ms)
			add_row(&rows, "remove", entry->tombstone);
	}
	*out = str_slice(&rows);
	return true;
}
