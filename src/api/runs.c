#include <stdlib.h>

#include "api/api-private.h"
#include "api/follow.h"
#include "api/stream.h"
#include "base/check.h"
#include "server/runs.h"

/* Runs of pipelines. */

enum { FAILURES_DEFAULT = 100, FAILURES_MAX = 10000 };

static bool reply_run_ref(struct request *request, int64_t run)
{
	scoped(json_drop) json_t *value = json_pack("{s:I}", "id", (json_int_t)run);

	return reply_json(request, MHD_HTTP_ACCEPTED, value);
}

static bool read_mode(struct slice word, enum run_mode *out, struct error *err)
{
	static const char *const words[] = {
		[RUN_NORMAL] = "normal", [RUN_FULL] = "full", [RUN_CHECK] = "check"};

	*out = RUN_NORMAL;
	if (slice_is_none(word))
		return true;
	for (size_t i = 0; i < array_len(words); i++)
		if (slice_equal_c(word, words[i])) {
			*out = (enum run_mode)i;
			return true;
		}
	error_set(err, INVALID_PARAMETER_VALUE, "there is no mode \"%.*s\"", SLICE_FMT(word));
	return error_hint(err, "modes are normal, full, check");
}

bool api_run_start(struct request *request, struct error *err)
{
	static const char *const known[] = {"product", "mode", NULL};
	scoped(json_drop) json_t *body = NULL;
	enum run_mode mode = RUN_NORMAL;
	int64_t run = 0;

	if (!request_json(request, known, &body, err) ||
		!read_mode(json_get_slice(body, "mode"), &mode, err))
		return false;
	struct slice product = json_get_slice(body, "product");

	if (product.len == 0)
		return error_set(err, INVALID_PARAMETER_VALUE, "the body has no \"product\"");
	return run_start(request->server, request->identity, product, mode, &run, err) &&
	       reply_run_ref(request, run);
}

bool api_run(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *value = NULL;
	int64_t run = 0;

	return request_run_id(request, &run, err) &&
	       run_get(request->server, request->identity, run, &value, err) &&
	       reply_json(request, MHD_HTTP_OK, value);
}

bool api_run_cancel(struct request *request, struct error *err)
{
	int64_t run = 0;

	return request_run_id(request, &run, err) &&
	       run_cancel(request->server, request->identity, run, err) &&
	       reply_empty(request, MHD_HTTP_NO_CONTENT);
}

bool api_run_retry(struct request *request, struct error *err)
{
	int64_t run = 0;
	int64_t next = 0;

	return request_run_id(request, &run, err) &&
	       run_retry(request->server, request->identity, run, &next, err) &&
	       reply_run_ref(request, next);
}

bool api_run_failures(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *rows = NULL;
	int64_t run = 0;
	int64_t limit = 0;

	return request_run_id(request, &run, err) &&
	       request_number(request, "limit", FAILURES_DEFAULT, FAILURES_MAX, &limit, err) &&
	       run_failures(request->server, request->identity, run, (int)limit, &rows, err) &&
	       reply_items(request, rows);
}

bool api_run_log(struct request *request, struct error *err)
{
	struct slice follow = request_query(request, "follow");
	int64_t run = 0;

	if (!request_run_id(request, &run, err))
		return false;
	return follow_runs(request, SLICE_NONE, &run, 1,
		slice_equal_c(follow, "true") || slice_equal_c(follow, "1"), err);
}
