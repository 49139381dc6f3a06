/*
 * Files before their reader sees them: fetched from the web under a name whose ending says what
 * they are, and looked at where the reader would guess or say nothing useful.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "connect/connect.h"
#include "worker/job-private.h"

/* Reads a file as text, unpacked where it is gzip; NULL when err is set. */
static gzFile open_packed(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	gzFile file = fd < 0 ? NULL : gzdopen(fd, "rb");
	int why = errno;

	if (!file) {
		if (fd >= 0)
			close(fd);
		error_set_errno(err, why, "read %s", path);
	}
	return file;
}

/* got is what gzread said at last; closes. */
static bool close_packed(gzFile file, int got, const char *path, struct error *err)
{
	int state;
	const char *why = gzerror(file, &state);
	bool broken = got < 0 || state != Z_OK;
	char text[128];

	snprintf(text, sizeof text, "%s", state == Z_BUF_ERROR ? "it ends early" : why);
	broken = gzclose_r(file) != Z_OK || broken;
	return !broken || error_set(err, DATA_EXCEPTION, "%s cannot be unpacked: %s", path, text) ||
	       error_hint(err, "fetch or write it again; nothing of it was published");
}

/* ".tsv.gz" of an address: letters and digits after points, from the first point of its last part.
 */
static struct slice ending(struct slice url)
{
	size_t end = 0;
	size_t name = 0;
	size_t point;

	while (end < url.len && url.ptr[end] != '?' && url.ptr[end] != '#')
		if (url.ptr[end++] == '/')
			name = end;
	struct slice last = slice_sub(url, name, end);

	point = slice_find(last, SLICE("."), 0);
	last = slice_sub(last, point == SIZE_MAX ? last.len : point, last.len);
	for (size_t i = 0; i < last.len; i++) {
		char c = (char)(last.ptr[i] | 32);

		if (last.ptr[i] != '.' && !(c >= 'a' && c <= 'z') &&
			!(last.ptr[i] >= '0' && last.ptr[i] <= '9'))
			return SLICE("");
	}
	return last.len > 32 ? SLICE("") : last;
}

static bool copy_plain(gzFile from, FILE *to, int64_t max_bytes, int *got, struct error *err)
{
	char block[1 << 16];
	int64_t total = 0;

	while ((*got = gzread(from, block, sizeof block)) > 0) {
		total += *got;
		if (max_bytes && total > max_bytes)
			return error_set(err, LIMIT_EXCEEDED,
				       "the download is larger than %" PRId64 " MiB when unpacked",
				       max_bytes >> 20) ||
			       error_hint(err, "the node's administrator may raise "
					       "sources.max_bytes");
		if (fwrite(block, 1, (size_t)*got, to) != (size_t)*got)
			return error_set_errno(err, errno, "unpack the download");
	}
	return true;
}

static bool unpack(const char *from, const char *to, int64_t max_bytes, struct error *err)
{
	gzFile packed = open_packed(from, err);
	int got = 0;

	if (!packed)
		return false;
	FILE *plain = fopen(to, "wbxe");

	if (!plain) {
		gzclose_r(packed);
		return error_set_errno(err, errno, "create %s", to);
	}
	bool ok = copy_plain(packed, plain, max_bytes, &got, err);

	if (ok)
		ok = close_packed(packed, got, from, err);
	else
		gzclose_r(packed);
	if (fclose(plain) != 0 && ok)
		ok = error_set_errno(err, errno, "unpack the download");
	return ok && (unlink(from) == 0 || error_set_errno(err, errno, "remove %s", from));
}

static bool read_magic(const char *path, unsigned char *magic, size_t len, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && read(fd, magic, len) >= 0;
	int why = errno;

	if (fd >= 0)
		close(fd);
	return ok || error_set_errno(err, why, "read %s", path);
}

/* What the web sends may be packed under any name, or no longer be: gzip is unpacked, Zstandard is
 * named so that the readers see it. */
static bool settle(struct job *job, int64_t max_bytes, struct slice *path, struct error *err)
{
	static const unsigned char GZIP[] = {0x1f, 0x8b};
	static const unsigned char ZSTD[] = {0x28, 0xb5, 0x2f, 0xfd};
	unsigned char magic[sizeof ZSTD] = {0};
	struct slice plain = *path;
	bool ok;

	if (!read_magic(path->ptr, magic, sizeof magic, err))
		return false;
	if (slice_ends_with(plain, SLICE(".gz")) || slice_ends_with(plain, SLICE(".zst")))
		plain = slice_sub(
			plain, 0, plain.len - (slice_ends_with(plain, SLICE(".gz")) ? 3 : 4));
	bool packed = memcmp(magic, GZIP, sizeof GZIP) == 0;
	bool zstd = memcmp(magic, ZSTD, sizeof ZSTD) == 0;
	struct slice to = arena_printf(job->arena, "%.*s%s", SLICE_FMT(plain), zstd ? ".zst" : "");

	if (packed) {
		/* its own name when it had no ending to lose */
		if (slice_equal(to, *path))
			to = arena_printf(job->arena, "%.*s.plain", SLICE_FMT(plain));
		ok = unpack(path->ptr, to.ptr, max_bytes, err);
	} else {
		ok = slice_equal(to, *path) || rename(path->ptr, to.ptr) == 0 ||
		     error_set_errno(err, errno, "rename %s", path->ptr);
	}
	*path = to;
	return ok;
}

bool job_fetch(
	struct job *job, const struct job_fetch *fetch, struct slice *path_out, struct error *err)
{
	const json_t *rules = json_get_object(job->spec, "download");
	struct slice url = json_get_slice(json_get_object(fetch->source, "settings"), "url");
	struct connect_download request = {
		.source = fetch->source,
		.path = arena_printf(job->arena, "%.*s/download-%.*s%.*s", SLICE_FMT(job->staging),
			SLICE_FMT(fetch->name), SLICE_FMT(ending(url))),
		.certificates = fetch->certificates,
		.networks = json_get_array(rules, "networks"),
		.max_bytes = json_get_i64(rules, "max_bytes", 0),
		.timeout_ms = json_get_i64(rules, "timeout_ms", 0),
		.progress = fetch->progress,
		.ctx = fetch->ctx,
	};

	*path_out = request.path;
	return connect_download(&request, err) && settle(job, request.max_bytes, path_out, err);
}

/* Byte order marks of Unicode 15, table 23-6; without one the zero bytes of plain letters show it.
 */
static bool is_wide(struct slice head)
{
	return slice_starts_with(head, SLICE("\xff\xfe")) ||
	       slice_starts_with(head, SLICE("\xfe\xff")) ||
	       slice_starts_with(head, SLICE("\0\0\xfe\xff")) ||
	       (head.len >= 4 && (!head.ptr[0] || !head.ptr[1]));
}

/* Also unpacks a packed file to its end: the readers take one that is cut for a short one. */
static bool check_one(const char *path, bool only, bool json, struct error *err)
{
	char block[1 << 16];
	gzFile file = open_packed(path, err);
	int got;

	if (!file)
		return false;
	got = gzread(file, block, sizeof block);
	size_t len = (size_t)(got > 0 ? got : 0);
	bool wide = is_wide(slice_of(block, len));
	bool mark = json && slice_starts_with(slice_of(block, len), SLICE("\xef\xbb\xbf"));
	bool packed = !gzdirect(file);

	while (got > 0 && packed && !wide)
		got = gzread(file, block, sizeof block);
	if (!close_packed(file, got < 0 ? got : 0, path, err))
		return false;
	if (wide)
		return error_set(err, INVALID_ENCODING, "%s is not UTF-8 but UTF-16 or UTF-32",
			       path) ||
		       error_hint(err, "save it as UTF-8 (iconv -f UTF-16 -t UTF-8)");
	if (mark)
		return error_set(err, INVALID_ENCODING, "%s begins with a byte order mark", path) ||
		       error_hint(err, "JSON has none (RFC 8259): save it as UTF-8 without it");
	if (only && len == 0)
		return error_set(err, DATA_EXCEPTION, "%s is empty", path) ||
		       error_hint(err, "a table without rows has its header line, JSON its []");
	return true;
}

bool job_check_text(struct job *job, struct slice path, bool json, struct error *err)
{
	glob_t found;
	bool ok = true;

	/* No locale is ever changed. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	if (glob(arena_cstr(job->arena, path), 0, NULL, &found) != 0)
		return true; /* the reader says why there is none */
	for (size_t i = 0; i < found.gl_pathc && ok; i++)
		ok = check_one(found.gl_pathv[i], found.gl_pathc == 1, json, err);
	globfree(&found);
	return ok;
}
