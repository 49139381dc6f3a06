/* Log text from a commit, and putting it in place so that exactly one writer wins a version. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/str.h"
#include "delta/delta.h"

/* A path as the protocol wants it: percent-encoded but for unreserved characters and '/'; RFC 3986
 * section 2.3. */
static struct slice encode_path(struct arena *arena, struct slice path)
{
	struct str out = str_in(arena);

	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.ptr[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z') || (c && c < 0x80 && strchr("-._~/=", c));

		if (plain)
			str_add_char(&out, (char)c);
		else
			str_printf(&out, "%%%02X", c);
	}
	return str_slice(&out);
}

static void add_member(struct str *out, const char *name, struct slice text)
{
	str_printf(out, "\"%s\":", name);
	if (slice_is_none(text))
		str_add_c(out, "null");
	else
		str_add_json(out, text);
}

static void add_partitions(struct str *out, const struct delta_file *file)
{
	str_add_c(out, "\"partitionValues\":{");
	for (size_t i = 0; i < file->partition_count; i++) {
		str_add_c(out, i ? "," : "");
		str_add_json(out, file->partitions[i].column);
		str_add_char(out, ':');
		if (slice_is_none(file->partitions[i].value))
			str_add_c(out, "null");
		else
			str_add_json(out, file->partitions[i].value);
	}
	str_add_char(out, '}');
}

static void add_add(struct str *out, const struct delta_file *file)
{
	str_add_c(out, "{\"add\":{");
	add_member(out, "path", encode_path(out->arena, file->path));
	str_add_char(out, ',');
	add_partitions(out, file);
	str_printf(out,
		",\"size\":%" PRId64 ",\"modificationTime\":%" PRId64 ",\"dataChange\":true",
		file->bytes, file->modified_ms);
	if (file->stats.len) {
		str_add_char(out, ',');
		add_member(out, "stats", file->stats);
	}
	if (file->hash.len) {
		str_add_c(out, ",\"tags\":{");
		add_member(out, "weft.hash", file->hash);
		str_add_char(out, '}');
	}
	str_add_c(out, "}}\n");
}

static void add_remove(struct str *out, const struct delta_file *file, int64_t timestamp_ms)
{
	str_add_c(out, "{\"remove\":{");
	add_member(out, "path", encode_path(out->arena, file->path));
	str_printf(out,
		",\"deletionTimestamp\":%" PRId64
		",\"dataChange\":true,\"extendedFileMetadata\":true,",
		timestamp_ms);
	add_partitions(out, file);
	str_printf(out, ",\"size\":%" PRId64 "}}\n", file->bytes);
}

static bool has_naive_timestamp(const struct delta_commit *commit)
{
	for (size_t i = 0; i < commit->column_count; i++) {
		struct slice type = commit->columns[i].type;

		for (size_t at = 0; (at = slice_find(type, SLICE("TIMESTAMP"), at)) != SIZE_MAX;
			at++)
			if (!slice_starts_with(slice_sub(type, at, type.len),
				    SLICE("TIMESTAMP WITH TIME ZONE")))
				return true;
	}
	return false;
}

static bool add_metadata(struct str *out, const struct delta_commit *commit, struct error *err)
{
	struct slice schema;

	if (!delta_schema_string(out->arena, commit->columns, commit->column_count, &schema, err))
		return false;
	if (has_naive_timestamp(commit))
		str_add_c(out, "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
			       "\"readerFeatures\":[\"timestampNtz\"],\"writerFeatures\":["
			       "\"timestampNtz\"]}}\n");
	else
		str_add_c(out, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n");
	str_add_c(out, "{\"metaData\":{");
	add_member(out, "id", commit->table_id);
	str_add_char(out, ',');
	add_member(out, "name", commit->name);
	str_add_char(out, ',');
	add_member(out, "description", commit->description);
	str_add_c(out, ",\"format\":{\"provider\":\"parquet\",\"options\":{}},");
	add_member(out, "schemaString", schema);
	str_add_c(out, ",\"partitionColumns\":[");
	for (size_t i = 0; i < commit->partition_column_count; i++) {
		str_add_c(out, i ? "," : "");
		str_add_json(out, commit->partition_columns[i]);
	}
	str_printf(
		out, "],\"createdTime\":%" PRId64 ",\"configuration\":{}}}\n", commit->created_ms);
	return true;
}

bool delta_commit_text(struct arena *arena, const struct delta_commit *commit, struct slice *out,
	struct error *err)
{
	struct str text = str_in(arena);

	str_printf(&text, "{\"commitInfo\":{\"timestamp\":%" PRId64 ",", commit->timestamp_ms);
	add_member(&text, "operation", commit->operation);
	str_add_c(
		&text, ",\"operationParameters\":{},\"engineInfo\":\"Weft/" WEFT_VERSION "\"}}\n");
	if (commit->with_metadata && !add_metadata(&text, commit, err))
		return false;
	if (!slice_is_none(commit->txn_app)) {
		str_add_c(&text, "{\"txn\":{");
		add_member(&text, "appId", commit->txn_app);
		str_printf(&text, ",\"version\":%" PRId64 ",\"lastUpdated\":%" PRId64 "}}\n",
			commit->txn_version, commit->timestamp_ms);
	}
	for (size_t i = 0; i < commit->remove_count; i++)
		add_remove(&text, &commit->removes[i], commit->timestamp_ms);
	for (size_t i = 0; i < commit->add_count; i++)
		add_add(&text, &commit->adds[i]);
	*out = str_slice(&text);
	return true;
}

static bool write_all(int fd, struct slice text)
{
	while (text.len) {
		ssize_t done = write(fd, text.ptr, text.len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text = slice_sub(text, (size_t)done, text.len);
	}
	return true;
}

/* A new file with this text, on disk. Nothing stays of it on failure. */
static bool write_synced(const char *path, struct slice text, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0)
		return error_set_errno(err, errno, "create %s", path);
	bool ok = !fault_fails("delta.write") && write_all(fd, text) && fsync(fd) == 0;
	int why = errno;

	if (close(fd) != 0 && ok) {
		why = errno;
		ok = false;
	}
	if (!ok) {
		unlink(path);
		return error_set_errno(err, why, "write %s", path);
	}
	return true;
}

static bool sync_folder(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fault_fails("delta.sync") || fsync(fd) != 0) {
		int why = errno;

		if (fd >= 0)
			close(fd);
		return error_set_errno(err, why, "sync folder %s", path);
	}
	close(fd);
	return true;
}

enum delta_put delta_put(
	const char *table_dir, int64_t version, struct slice text, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *dir = arena_printf(arena, "%s/_delta_log", table_dir).ptr;
	const char *path = arena_printf(arena, "%s/%020" PRId64 ".json", dir, version).ptr;
	const char *draft =
		arena_printf(arena, "%s/.%020" PRId64 ".json.%d", dir, version, (int)getpid()).ptr;

	if (version == 0 && mkdir(dir, 0750) != 0 && errno != EEXIST) {
		error_set_errno(err, errno, "create folder %s", dir);
		return DELTA_PUT_FAILED;
	}
	if (!write_synced(draft, text, err))
		return DELTA_PUT_FAILED;
	fault_point("delta.written");
	int why = link(draft, path) == 0 ? 0 : errno;

	unlink(draft);
	if (why == EEXIST)
		return DELTA_PUT_EXISTS;
	if (why) {
		error_set_errno(err, why, "commit %s", path);
		return DELTA_PUT_FAILED;
	}
	fault_point("delta.linked");
	if (sync_folder(dir, err))
		return DELTA_PUT_DONE;
	/* It may not outlive a power cut: then it must not be seen before one either. */
	unlink(path);
	return DELTA_PUT_FAILED;
}

bool delta_take_back(const char *table_dir, int64_t version, struct slice txn_app,
	int64_t txn_version, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *dir = arena_printf(arena, "%s/_delta_log", table_dir).ptr;
	const char *path = arena_printf(arena, "%s/%020" PRId64 ".json", dir, version).ptr;
	const char *next = arena_printf(arena, "%s/%020" PRId64 ".json", dir, version + 1).ptr;
	bool ours = false;

	if (!delta_is_ours(table_dir, version, txn_app, txn_version, &ours, err))
		return false;
	if (!ours)
		return true;
	if (access(next, F_OK) == 0)
		return error_set(
			err, OBJECT_NOT_IN_PREREQUISITE_STATE, "%s has a commit behind it", path);
	if (unlink(path) != 0)
		return error_set_errno(err, errno, "remove %s", path);
	return sync_folder(dir, err);
}

/* A file of the log that may replace an older one of its name, atomically. */
static bool put_file(const char *table_dir, const char *name, struct slice text, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *dir = arena_printf(arena, "%s/_delta_log", table_dir).ptr;
	const char *draft = arena_printf(arena, "%s/.%s.%d", dir, name, (int)getpid()).ptr;
	const char *path = arena_printf(arena, "%s/%s", dir, name).ptr;

	if (!write_synced(draft, text, err))
		return false;
	if (rename(draft, path) != 0) {
		int why = errno;

		unlink(draft);
		return error_set_errno(err, why, "rename %s", path);
	}
	return sync_folder(dir, err);
}

bool delta_keep_checkpoint_rows(
	const char *table_dir, int64_t version, struct slice rows, struct error *err)
{
	char name[64];

	snprintf(name, sizeof name, ".%020" PRId64 ".checkpoint.ndjson", version);
	return put_file(table_dir, name, rows, err);
}

bool delta_put_last_checkpoint(
	const char *table_dir, int64_t version, int64_t rows, int64_t files, struct error *err)
{
	char text[160];
	int len = snprintf(text, sizeof text,
		"{\"version\":%" PRId64 ",\"size\":%" PRId64 ",\"numOfAddFiles\":%" PRId64 "}\n",
		version, rows, files);

	return put_file(table_dir, "_last_checkpoint", slice_of(text, (size_t)len), err);
}
