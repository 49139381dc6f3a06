/*
 * What whole exchanges and streams share: a request as libcurl knows it, and what its failures
 * mean.
 */
#include "base/check.h"
#include "base/num.h"
#include "http/exchange-private.h"

enum { CONNECT_TIMEOUT_MS = 3000 };

static void add_header(
	struct arena *arena, struct http_request *request, const char *name, struct slice value)
{
	struct slice line = arena_printf(arena, "%s: %.*s", name, SLICE_FMT(value));

	request->headers = request->curl->slist_append(request->headers, line.ptr);
}

/* The pin says who it is: names and authorities of the certificate are not looked at, and the
 * system's list of them, which would be read for each connection (50 ms, 15 MiB), stays closed. */
static void set_tls(struct arena *arena, struct http_request *request, struct slice pins)
{
	const struct curl *curl = request->curl;
	CURL *easy = request->easy;

	check(pins.len > 0);
	curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl->easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl->easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl->easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, arena_cstr(arena, pins));
}

static void set_body(struct arena *arena, struct http_request *request, struct slice body)
{
	const struct curl *curl = request->curl;

	if (slice_is_none(body))
		return;
	add_header(arena, request, "Content-Type", SLICE("application/json"));
	curl->easy_setopt(request->easy, CURLOPT_POSTFIELDS, body.ptr);
	curl->easy_setopt(request->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
}

void http_request_open(struct http_request *request, const struct curl *curl, struct arena *arena,
	const struct http_exchange *exchange, int64_t timeout_ms)
{
	CURL *easy = curl->easy_init();

	check(easy != NULL);
	*request = (struct http_request){.curl = curl, .easy = easy};
	set_tls(arena, request, exchange->pins);
	set_body(arena, request, exchange->body);
	add_header(arena, request, "Expect", SLICE(""));
	if (!slice_is_none(exchange->bearer))
		add_header(arena, request, "Authorization",
			arena_printf(arena, "Bearer %.*s", SLICE_FMT(exchange->bearer)));
	for (size_t i = 0; i < exchange->header_count; i++)
		add_header(arena, request, exchange->headers[i].name, exchange->headers[i].value);
	curl->easy_setopt(easy, CURLOPT_URL, arena_cstr(arena, exchange->url));
	curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
	curl->easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(easy, CURLOPT_PROXY, "");
	curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
		timeout_ms ? (long)min_of(timeout_ms, (int64_t)CONNECT_TIMEOUT_MS)
			   : (long)CONNECT_TIMEOUT_MS);
	curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
}

void http_request_close(struct http_request *request)
{
	request->curl->easy_cleanup(request->easy);
	request->curl->slist_free_all(request->headers);
}

void http_say_why(const struct curl *curl, struct slice url, CURLcode code, struct error *err)
{
	int len = (int)min_of(url.len, (size_t)200);

	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		error_set(err, CONNECTION_FAILURE, "%.*s did not answer in time", len, url.ptr);
		break;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		error_set(err, CANNOT_CONNECT, "nobody answers at %.*s", len, url.ptr);
		break;
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		error_set(err, INVALID_AUTHORIZATION,
			"who answers at %.*s does not hold the TLS key that is pinned", len,
			url.ptr);
		break;
	case CURLE_WRITE_ERROR:
		error_set(err, LIMIT_EXCEEDED, "the answer of %.*s is too large", len, url.ptr);
		break;
	default:
		error_set(err, CONNECTION_FAILURE, "%.*s: %s", len, url.ptr,
			curl->easy_strerror(code));
		break;
	}
}
