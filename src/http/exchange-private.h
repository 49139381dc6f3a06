#pragma once

#include <stdatomic.h>

#include "http/curl.h"
#include "http/exchange.h"

struct http_group {
	const struct curl *curl;
	CURLM *multi;
	atomic_bool stopped;
};

/* A request that is set up but for where its answer goes. */
struct http_request {
	const struct curl *curl;
	CURL *easy;
	struct curl_slist *headers;
};

/* What exchange names must live as long as the request; timeout_ms: of the whole of it, 0 = none.
 * It is added to a group, and taken out again, by the caller. */
void http_request_open(struct http_request *request, const struct curl *curl, struct arena *arena,
	const struct http_exchange *exchange, int64_t timeout_ms);
void http_request_close(struct http_request *request);
/* What libcurl's code means, in err. */
void http_say_why(const struct curl *curl, struct slice url, CURLcode code, struct error *err);
