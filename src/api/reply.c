#include <stdlib.h>
#include <string.h>

#include "api/api-private.h"
#include "api/gzip.h"
#include "api/stream.h"
#include "base/check.h"

/* Answers. Every one carries the request's id and the headers that browsers heed. */

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	check(MHD_add_response_header(response, name, value) == MHD_YES);
}

void reply_header(struct request *request, const char *name, struct slice value)
{
	char *text = arena_cstr(request->arena, value);

	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	if (*text)
		add(request->response, name, text);
}

static void settle(struct request *request, unsigned status, const char *type)
{
	request->status = status;
	check(request->response);
	if (type)
		add(request->response, "Content-Type", type);
	add(request->response, "X-Request-Id", request->request_id);
	if (request->trace.len)
		reply_header(request, "traceparent", request->trace);
	add(request->response, "Cache-Control", "no-store");
	add(request->response, "Vary", "Accept, Accept-Encoding");
	add(request->response, "X-Content-Type-Options", "nosniff");
	add(request->response, "Referrer-Policy", "no-referrer");
	add(request->response, "Content-Security-Policy", "default-src 'none'");
	if (!request->control && request->api->options.tls_cert_file) /* RFC 6797 section 7.2 */
		add(request->response, "Strict-Transport-Security", "max-age=31536000");
}

/* RFC 9110 section 12.5.3. Parquet is packed already. */
static bool packs(const struct request *request, const char *type)
{
	return type && strcmp(type, "application/vnd.apache.parquet") != 0 &&
	       gzip_accepted(request_header(request, "Accept-Encoding"));
}

bool reply_text(struct request *request, unsigned status, const char *type, struct slice text)
{
	enum { WORTH_PACKING_BYTES = 1400 }; /* below it is one packet anyhow */
	bool packed = text.len >= WORTH_PACKING_BYTES && packs(request, type);

	check(!request->response);
	if (packed) {
		struct str out = str_in(request->arena);

		gzip_text(text, &out);
		text = str_slice(&out);
	}
	request->text = text;
	request->response = MHD_create_response_from_buffer(
		text.len, (void *)(uintptr_t)(text.ptr ? text.ptr : ""), MHD_RESPMEM_MUST_COPY);
	settle(request, status, type);
	if (packed)
		add(request->response, "Content-Encoding", "gzip");
	return true;
}

bool reply_json(struct request *request, unsigned status, const json_t *value)
{
	struct slice text = json_print(request->arena, value);

	return reply_text(request, status, "application/json", text);
}

bool reply_items(struct request *request, const json_t *items)
{
	scoped(json_drop) json_t *value = json_object();

	json_object_set(value, "items", (json_t *)(uintptr_t)items);
	return reply_json(request, MHD_HTTP_OK, value);
}

bool reply_empty(struct request *request, unsigned status)
{
	return reply_text(request, status, NULL, SLICE(""));
}

/* RFC 9457. type points at our page of error codes, which `weft explain` prints too. */
void reply_problem(struct request *request, const struct error *err)
{
	const struct sqlstate_row *row = &sqlstate_table[err->state];
	unsigned status =
		request->problem_status ? request->problem_status : (unsigned)row->http_status;
	scoped(json_drop) json_t *problem = json_object();

	json_object_set_new(problem, "type", json_sprintf("urn:weft:error:%s", row->code));
	json_object_set_new(problem, "title", json_string(row->meaning));
	json_object_set_new(problem, "status", json_integer(status));
	json_set_slice(problem, "detail", slice_from_c(err->msg));
	json_object_set_new(problem, "code", json_string(row->code));
	if (err->hint[0])
		json_set_slice(problem, "hint", slice_from_c(err->hint));
	if (err->position)
		json_object_set_new(problem, "position", json_integer(err->position));
	json_object_set_new(problem, "request_id", json_string(request->request_id));
	reply_text(
		request, status, "application/problem+json", json_print(request->arena, problem));
	if (status == MHD_HTTP_UNAUTHORIZED) {
		add(request->response, "WWW-Authenticate", "Bearer realm=\"weft\"");
		add(request->response, "WWW-Authenticate",
			"Basic realm=\"weft\", charset=\"UTF-8\"");
	}
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE || status == MHD_HTTP_TOO_MANY_REQUESTS)
		add(request->response, "Retry-After", "1");
}

struct reader {
	struct stream *stream;
	struct gzip *gzip; /* NULL = as it comes */
};

static ssize_t from_stream(void *ctx, char *buffer, size_t max)
{
	return stream_read(ctx, buffer, max);
}

/* A broken stream ends without the last chunk, so that nobody takes a part for the whole. */
static ssize_t read_stream(void *ctx, uint64_t position, char *buffer, size_t max)
{
	struct reader *reader = ctx;
	ssize_t len = reader->gzip ? gzip_read(reader->gzip, buffer, max)
				   : stream_read(reader->stream, buffer, max);

	(void)position;
	if (len == STREAM_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	return len == STREAM_BROKEN ? MHD_CONTENT_READER_END_WITH_ERROR : len;
}

static void free_reader(void *ctx)
{
	struct reader *reader = ctx;

	gzip_free(&reader->gzip);
	stream_free(&reader->stream);
	free(reader);
}

bool reply_stream(struct request *request, const char *type, struct stream *stream)
{
	enum { BLOCK_BYTES = 64 * 1024 };
	struct reader *reader = calloc(1, sizeof *reader);
	bool packed = packs(request, type);

	check(!request->response && reader);
	reader->stream = stream;
	reader->gzip = packed ? gzip_new(from_stream, stream) : NULL;
	request->response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, reader, free_reader);
	settle(request, MHD_HTTP_OK, type);
	if (packed)
		add(request->response, "Content-Encoding", "gzip");
	return true;
}
