/* Reading and writing of IPC streams; see ipc.h. */
#include <errno.h>
#include <nanoarrow/nanoarrow_ipc.h>
#include <stdlib.h>
#include <unistd.h>

#include "arrow/ipc.h"
#include "arrow/scrub.h"
#include "base/check.h"

struct arrow_reader {
	struct ArrowArrayStream stream;
	struct ArrowSchema schema;
};

struct arrow_writer {
	struct ArrowBuffer bytes;
	struct ArrowIpcWriter writer;
	struct ArrowArrayView view;
	size_t taken;
};

/* A descriptor that is borrowed; nanoarrow's own works on FILE. */
static ArrowErrorCode read_some(struct ArrowIpcInputStream *stream, uint8_t *to, int64_t want,
	int64_t *got_out, struct ArrowError *error)
{
	(void)error;
	int fd = *(int *)stream->private_data;
	*got_out = 0;
	while (*got_out < want) {
		ssize_t n = read(fd, to + *got_out, (size_t)(want - *got_out));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			break;
		*got_out += n;
	}
	return NANOARROW_OK;
}

static void release_input(struct ArrowIpcInputStream *stream)
{
	free(stream->private_data);
	stream->private_data = NULL;
	stream->release = NULL;
}

bool arrow_reader_open(int fd, struct arrow_reader **out, struct error *err)
{
	scoped(arrow_reader_free) struct arrow_reader *reader = calloc(1, sizeof *reader);
	int *place = malloc(sizeof *place);
	check(reader && place);
	*place = fd;
	struct ArrowIpcInputStream input = {
		.read = read_some, .release = release_input, .private_data = place};
	if (ArrowIpcArrayStreamReaderInit(&reader->stream, &input, NULL) != NANOARROW_OK) {
		if (input.release)
			input.release(&input);
		return error_set(err, OUT_OF_MEMORY, "no memory to read rows");
	}
	if (reader->stream.get_schema(&reader->stream, &reader->schema) != NANOARROW_OK)
		return error_set(err, DATA_CORRUPTED,
			"rows from another process cannot be read: %s",
			ArrowArrayStreamGetLastError(&reader->stream));
	*out = take(reader);
	return true;
}

void arrow_reader_free(struct arrow_reader **reader)
{
	struct arrow_reader *r = *reader;
	*reader = NULL;
	if (!r)
		return;
	if (r->schema.release)
		r->schema.release(&r->schema);
	if (r->stream.release)
		r->stream.release(&r->stream);
	free(r);
}

struct ArrowSchema *arrow_reader_schema(struct arrow_reader *reader)
{
	return &reader->schema;
}

bool arrow_reader_next(
	struct arrow_reader *reader, struct ArrowArray *out, bool *more_out, struct error *err)
{
	struct ArrowArray batch = {0};
	if (reader->stream.get_next(&reader->stream, &batch) != NANOARROW_OK)
		return error_set(err, DATA_CORRUPTED,
			"rows from another process cannot be read: %s",
			ArrowArrayStreamGetLastError(&reader->stream));
	*more_out = batch.release != NULL;
	if (*more_out)
		*out = batch;
	return true;
}

static int start(struct arrow_writer *writer, const struct ArrowSchema *schema)
{
	struct ArrowIpcOutputStream output;
	ArrowBufferInit(&writer->bytes);
	NANOARROW_RETURN_NOT_OK(ArrowIpcOutputStreamInitBuffer(&output, &writer->bytes));
	NANOARROW_RETURN_NOT_OK(ArrowIpcWriterInit(&writer->writer, &output));
	NANOARROW_RETURN_NOT_OK(ArrowArrayViewInitFromSchema(&writer->view, schema, NULL));
	return ArrowIpcWriterWriteSchema(&writer->writer, schema, NULL);
}

bool arrow_writer_new(
	const struct ArrowSchema *schema, struct arrow_writer **out, struct error *err)
{
	scoped(arrow_writer_free) struct arrow_writer *writer = calloc(1, sizeof *writer);
	check(writer);
	if (start(writer, schema) != NANOARROW_OK)
		return error_set(err, FEATURE_NOT_SUPPORTED,
			"a column has a type that Arrow streams cannot carry");
	*out = take(writer);
	return true;
}

void arrow_writer_free(struct arrow_writer **writer)
{
	struct arrow_writer *w = *writer;
	*writer = NULL;
	if (!w)
		return;
	ArrowArrayViewReset(&w->view);
	if (w->writer.private_data)
		ArrowIpcWriterReset(&w->writer);
	ArrowBufferReset(&w->bytes);
	free(w);
}

bool arrow_writer_add(
	struct arrow_writer *writer, const struct ArrowArray *batch, struct error *err)
{
	struct ArrowError why = {0};
	bool ok = ArrowArrayViewSetArray(&writer->view, batch, &why) == NANOARROW_OK;
	if (ok)
		arrow_scrub(&writer->view);
	if (!ok ||
		ArrowIpcWriterWriteArrayView(&writer->writer, &writer->view, &why) != NANOARROW_OK)
		return error_set(
			err, INTERNAL_ERROR, "rows cannot be written as Arrow: %s", why.message);
	return true;
}

bool arrow_writer_end(struct arrow_writer *writer, struct error *err)
{
	if (ArrowIpcWriterWriteArrayView(&writer->writer, NULL, NULL) != NANOARROW_OK)
		return error_set(err, OUT_OF_MEMORY, "no memory for rows");
	return true;
}

struct slice arrow_writer_take(struct arrow_writer *writer)
{
	/* What was taken before is dropped now, so that the block does not grow with the answer. */
	if (writer->taken) {
		size_t left = (size_t)writer->bytes.size_bytes - writer->taken;
		memmove(writer->bytes.data, writer->bytes.data + writer->taken, left);
		writer->bytes.size_bytes = (int64_t)left;
	}
	writer->taken = (size_t)writer->bytes.size_bytes;
	return slice_of((const char *)writer->bytes.data, writer->taken);
}
