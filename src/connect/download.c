/* http and https by libcurl into a file of the staging folder. */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "connect/connect.h"

enum {
	MAX_REDIRECTS = 5,
	CONNECT_SECONDS = 15,
	STALL_SECONDS = 60,
	STALL_BYTES_PER_SECOND = 100,
};

static const int64_t MAX_BYTES = INT64_C(64) << 30;

struct download {
	FILE *file;
	int64_t bytes;
	connect_progress_fn progress;
	void *ctx;
	int write_errno;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
	struct download *d = ctx;
	size_t len = size * count;

	d->bytes += (int64_t)len;
	if (d->bytes > MAX_BYTES)
		return 0;
	if (fwrite(bytes, 1, len, d->file) != len) {
		d->write_errno = errno;
		return 0;
	}
	d->progress(d->ctx, 0, -1);
	return len;
}

static void set_options(CURL *curl, const char *url, struct slice token, struct arena *arena,
	struct curl_slist **headers, struct download *d)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_SECOND);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "weft/" WEFT_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, d);
	if (token.len) { /* not sent on to another host: libcurl drops it on such a redirect */
		*headers = curl_slist_append(*headers,
			arena_printf(arena, "Authorization: Bearer %.*s", SLICE_FMT(token)).ptr);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
	}
}

/* The address without user, password and query: they may be secrets, and errors are kept in logs.
 */
static const char *shown_url(struct arena *arena, struct slice url)
{
	size_t start = slice_find(url, SLICE("://"), 0);
	struct slice scheme = slice_sub(url, 0, start == SIZE_MAX ? 0 : start + 3);
	struct slice place = slice_sub(url, scheme.len, url.len);
	size_t end = 0;
	size_t host = 0;

	while (end < place.len && place.ptr[end] != '?' && place.ptr[end] != '#')
		end++;
	for (size_t i = 0; i < end && place.ptr[i] != '/'; i++)
		if (place.ptr[i] == '@')
			host = i + 1;
	place = slice_sub(place, host, end);
	return arena_printf(arena, "%.*s%.*s", SLICE_FMT(scheme), SLICE_FMT(place)).ptr;
}

static bool explain(
	CURL *curl, CURLcode code, const struct download *d, const char *url, struct error *err)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (d->write_errno)
		return error_set_errno(err, d->write_errno, "write the download");
	if (d->bytes > MAX_BYTES)
		return error_set(err, LIMIT_EXCEEDED, "%s is larger than 64 GiB", url);
	if (status == 401 || status == 403)
		return error_set(err, INVALID_AUTHORIZATION, "%s answered %ld", url, status) ||
		       error_hint(err, "give the source a token: {fromFile: …}");
	if (status >= 400)
		return error_set(err, UNDEFINED_FILE, "%s answered %ld", url, status);
	error_set(err, CANNOT_CONNECT, "%s: %s", url, curl_easy_strerror(code));
	return error_hint(err, "check the address, and that this machine may reach it");
}

bool connect_download(const json_t *source, struct slice path, connect_progress_fn progress,
	void *ctx, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *url =
		arena_cstr(arena, json_get_slice(json_get_object(source, "settings"), "url"));
	struct slice token = json_get_slice(json_get_object(source, "secrets"), "token");
	struct download d = {.progress = progress, .ctx = ctx};
	struct curl_slist *headers = NULL;

	d.file = fopen(arena_cstr(arena, path), "wbxe");
	if (!d.file)
		return error_set_errno(err, errno, "create %.*s", SLICE_FMT(path));
	CURL *curl = curl_easy_init();
	bool ok = curl != NULL || error_set(err, INSUFFICIENT_RESOURCES, "libcurl could not start");

	if (ok) {
		set_options(curl, url, token, arena, &headers, &d);
		CURLcode code = curl_easy_perform(curl);

		ok = code == CURLE_OK ||
		     explain(curl, code, &d, shown_url(arena, slice_from_c(url)), err);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (fclose(d.file) != 0 && ok)
		ok = error_set_errno(err, errno, "write the download");
	return ok;
}
