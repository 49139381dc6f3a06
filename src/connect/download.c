/*
 * http and https by libcurl into a file of the staging folder. Redirects are followed here and not
 * by libcurl, since where they lead is somebody else's choice: each connection's real address is
 * looked at, after names were resolved, so that a name that changes its address gains nothing.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "connect/address.h"
#include "connect/connect.h"

enum {
	MAX_REDIRECTS = 5,
	CONNECT_SECONDS = 15,
	STALL_SECONDS = 60,
	STALL_BYTES_PER_SECOND = 100,
};

struct download {
	const struct connect_download *request;
	struct arena *arena;
	CURL *curl;
	FILE *file;
	struct slice origin; /* scheme, host and port of the source itself */
	struct slice url;    /* of this hop */
	int hop;
	bool origin_private;
	bool refused;
	char address[INET6_ADDRSTRLEN]; /* of this hop */
	int64_t max_bytes;		/* 0 = no limit */
	int64_t bytes;
	int write_errno;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
	struct download *d = ctx;
	size_t len = size * count;
	long status = 0;

	curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) /* a page that says where to, or why not */
		return len;
	d->bytes += (int64_t)len;
	if (d->max_bytes && d->bytes > d->max_bytes)
		return 0;
	if (fwrite(bytes, 1, len, d->file) != len) {
		d->write_errno = errno;
		return 0;
	}
	d->request->progress(d->request->ctx, 0, -1);
	return len;
}

/* Scheme, host and port; none when it is no address of ours. */
static struct slice origin_of(struct arena *arena, struct slice url)
{
	CURLU *parts = curl_url();
	char *scheme = NULL;
	char *host = NULL;
	char *port = NULL;
	struct slice out = SLICE_NONE;

	if (parts && curl_url_set(parts, CURLUPART_URL, arena_cstr(arena, url), 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		out = arena_printf(arena, "%s://%s:%s", scheme, host, port);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
	return out;
}

static bool at_home(const struct download *d)
{
	return d->hop == 0 || slice_equal_nocase(d->origin, origin_of(d->arena, d->url));
}

/* The source's own address may be private: that is its owner's word. A redirect may lead there only
 * when it stays with it. */
static bool may_connect(struct download *d, const struct sockaddr *address)
{
	enum address_kind kind = address_kind(address);

	if (d->hop == 0)
		d->origin_private = kind == ADDRESS_PRIVATE;
	if (address_is_in(address, d->request->networks))
		return true;
	return kind == ADDRESS_PUBLIC ||
	       (kind == ADDRESS_PRIVATE && (d->hop == 0 || (d->origin_private && at_home(d))));
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct download *d = ctx;

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	address_print(&address->addr, d->address);
	d->refused = !may_connect(d, &address->addr);
	if (d->refused)
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_options(struct download *d)
{
	CURL *curl = d->curl;
	const struct connect_download *request = d->request;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_SECOND);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "weft/" WEFT_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, d);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, d);
	if (request->certificates.len)
		curl_easy_setopt(curl, CURLOPT_CAINFO, arena_cstr(d->arena, request->certificates));
}

struct slice connect_shown_url(struct arena *arena, struct slice url)
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
	return arena_printf(arena, "%.*s%.*s", SLICE_FMT(scheme), SLICE_FMT(place));
}

static bool explain_status(long status, const char *url, struct error *err)
{
	if (status == 401 || status == 403)
		return error_set(err, INVALID_AUTHORIZATION, "%s answered %ld", url, status) ||
		       error_hint(err, "give the source a token: {fromFile: …}");
	if (status == 429 || status >= 500)
		return error_set(err, CONNECTION_FAILURE, "%s answered %ld", url, status) ||
		       error_hint(err, "the other side cannot serve it now; run again later");
	return error_set(err, UNDEFINED_FILE, "%s answered %ld", url, status) ||
	       error_hint(err, "check the address");
}

static bool explain(const struct download *d, CURLcode code, struct error *err)
{
	const char *url = connect_shown_url(d->arena, d->url).ptr;

	if (d->write_errno)
		return error_set_errno(err, d->write_errno, "write the download");
	if (d->max_bytes && d->bytes > d->max_bytes)
		return error_set(err, LIMIT_EXCEEDED, "%s is larger than %" PRId64 " MiB", url,
			       d->max_bytes >> 20) ||
		       error_hint(err, "the node's administrator may raise sources.max_bytes");
	if (d->refused)
		return error_set(err, INSUFFICIENT_PRIVILEGE,
			       "%s leads to %s, where no source is read", url, d->address) ||
		       error_hint(err, "give the source that address itself, or ask the node's "
				       "administrator to add the network to sources.networks");
	error_set(err, CONNECTION_FAILURE, "%s: %s", url, curl_easy_strerror(code));
	switch ((int)code) {
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		error_set(err, CONNECTION_FAILURE,
			"%s: the answer ended early, after %" PRId64 " bytes", url, d->bytes);
		return error_hint(err, "run again; nothing of it was published");
	case CURLE_OPERATION_TIMEDOUT:
		return error_hint(err, "it stands still or is too slow; the node's administrator "
				       "may raise sources.timeout");
	case CURLE_PEER_FAILED_VERIFICATION:
		err->state = SQLSTATE_CANNOT_CONNECT;
		return error_hint(err, "its certificate is not trusted: check the name, or give "
				       "sslrootcert");
	default: break;
	}
	err->state = SQLSTATE_CANNOT_CONNECT;
	return error_hint(err, "check the address, and that this machine may reach it");
}

/* A page for people in place of data: most often a sign-in. */
static bool check_content(const struct download *d, struct error *err)
{
	const char *type = NULL;
	struct curl_header *encoding = NULL;

	if (curl_easy_header(d->curl, "Content-Encoding", 0, CURLH_HEADER, -1, &encoding) ==
			CURLHE_OK &&
		!slice_equal_nocase(slice_from_c(encoding->value), SLICE("gzip")) &&
		!slice_equal_nocase(slice_from_c(encoding->value), SLICE("identity")))
		return error_set(err, FEATURE_NOT_SUPPORTED, "%s answered in %.32s, not in gzip",
			       connect_shown_url(d->arena, d->url).ptr, encoding->value) ||
		       error_hint(err, "let the server send it plain or in gzip");
	curl_easy_getinfo(d->curl, CURLINFO_CONTENT_TYPE, &type);
	if (!type || !slice_starts_with(slice_from_c(type), SLICE("text/html")))
		return true;
	error_set(err, DATA_EXCEPTION, "%s answered a web page, not data",
		connect_shown_url(d->arena, d->url).ptr);
	return error_hint(
		err, "it may want a sign-in: give the source a token, or a direct address");
}

/* One request; *next is where it sends us, none = the file is there. */
static bool fetch(struct download *d, struct slice *next, struct error *err)
{
	struct slice token =
		json_get_slice(json_get_object(d->request->source, "secrets"), "token");
	/* Unpacked by the caller: libcurl takes gzip that is cut for whole. */
	struct curl_slist *headers = curl_slist_append(NULL, "Accept-Encoding: gzip");
	const char *to = NULL;
	long status = 0;

	*next = SLICE_NONE;
	if (token.len && at_home(d)) /* never for another host */
		headers = curl_slist_append(headers,
			arena_printf(d->arena, "Authorization: Bearer %.*s", SLICE_FMT(token)).ptr);
	curl_easy_setopt(d->curl, CURLOPT_URL, arena_cstr(d->arena, d->url));
	curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, headers);
	CURLcode code = curl_easy_perform(d->curl);

	curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (code != CURLE_OK)
		return explain(d, code, err);
	curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(d->curl, CURLINFO_REDIRECT_URL, &to);
	if (to) {
		*next = arena_copy(d->arena, slice_from_c(to));
		return true;
	}
	return status == 200 ? check_content(d, err)
			     : explain_status(status, connect_shown_url(d->arena, d->url).ptr, err);
}

static bool is_downgrade(struct slice from, struct slice to)
{
	return slice_starts_with(from, SLICE("https:")) && !slice_starts_with(to, SLICE("https:"));
}

static bool follow(struct download *d, struct error *err)
{
	struct slice next;

	for (; d->hop <= MAX_REDIRECTS; d->hop++) {
		if (!fetch(d, &next, err))
			return false;
		if (slice_is_none(next))
			return true;
		if (is_downgrade(d->url, next) || slice_is_none(origin_of(d->arena, next)))
			return error_set(err, INSUFFICIENT_PRIVILEGE,
				       "%s sends on to %s, which is not followed",
				       connect_shown_url(d->arena, d->url).ptr,
				       connect_shown_url(d->arena, next).ptr) ||
			       error_hint(err, "give the source that address itself");
		d->url = next;
	}
	return error_set(err, CANNOT_CONNECT, "%s sends on more than %d times",
		       connect_shown_url(d->arena, d->url).ptr, MAX_REDIRECTS) ||
	       error_hint(err, "give the source the address where the file is");
}

bool connect_download(const struct connect_download *request, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice url = json_get_slice(json_get_object(request->source, "settings"), "url");
	struct download d = {.request = request,
		.arena = arena,
		.url = url,
		.origin = origin_of(arena, url),
		.max_bytes = request->max_bytes};

	if (slice_is_none(d.origin))
		return error_set(err, INVALID_PARAMETER_VALUE, "%s is no address",
			       connect_shown_url(arena, url).ptr) ||
		       error_hint(err, "url is http:// or https:// with a host and a path");
	d.file = fopen(arena_cstr(arena, request->path), "wbxe");
	if (!d.file)
		return error_set_errno(err, errno, "create %.*s", SLICE_FMT(request->path));
	d.curl = curl_easy_init();
	bool ok =
		d.curl != NULL || error_set(err, INSUFFICIENT_RESOURCES, "libcurl could not start");

	if (ok) {
		set_options(&d);
		ok = follow(&d, err);
	}
	curl_easy_cleanup(d.curl);
	if (fclose(d.file) != 0 && ok)
		ok = error_set_errno(err, errno, "write the download");
	return ok;
}
