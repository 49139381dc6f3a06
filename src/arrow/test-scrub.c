/* What a value's place holds when the value is NULL must not leave the process. */
#include "base/testing.h"

#include <nanoarrow/nanoarrow.h>

#include "arrow/ipc.h"
#include "arrow/scrub.h"

static const char SECRET[] = "S3CRET-S";

static void release(struct ArrowArray *array)
{
	array->release = NULL;
}

/* One column of three rows, the middle one NULL, over given buffers. */
static void writes_nothing_secret(enum ArrowType type, const void **buffers, int64_t buffer_count)
{
	struct ArrowSchema schema;
	struct ArrowArray child = {.length = 3,
		.null_count = 1,
		.n_buffers = buffer_count,
		.buffers = buffers,
		.release = release};
	struct ArrowArray *children[] = {&child};
	const void *none[] = {NULL};
	struct ArrowArray batch = {.length = 3,
		.n_buffers = 1,
		.buffers = none,
		.n_children = 1,
		.children = children,
		.release = release};
	struct arrow_writer *writer = NULL;
	struct error err;

	ArrowSchemaInit(&schema);
	assert_int_equal(ArrowSchemaSetTypeStruct(&schema, 1), NANOARROW_OK);
	assert_int_equal(ArrowSchemaSetType(schema.children[0], type), NANOARROW_OK);
	assert_int_equal(ArrowSchemaSetName(schema.children[0], "a"), NANOARROW_OK);
	assert_true(arrow_writer_new(&schema, &writer, &err));
	assert_true(arrow_writer_add(writer, &batch, &err));
	struct slice bytes = arrow_writer_take(writer);
	assert_true(slice_find(bytes, slice_of(SECRET, 8), 0) == SIZE_MAX);
	assert_true(slice_find(bytes, SLICE("visible!"), 0) != SIZE_MAX);
	arrow_writer_free(&writer);
	schema.release(&schema);
}

static void scrubs(void **state)
{
	uint8_t validity[1] = {0xfd};
	char numbers[] = "visible!S3CRET-Svisible!";
	int32_t offsets[] = {0, 8, 16, 24};
	char texts[] = "visible!S3CRET-Svisible!";
	const void *fixed[] = {validity, numbers};
	const void *variable[] = {validity, offsets, texts};

	(void)state;
	writes_nothing_secret(NANOARROW_TYPE_INT64, fixed, 2);
	assert_int_equal(validity[0], 5); /* rows 0 and 2; no bits behind the last row */
	writes_nothing_secret(NANOARROW_TYPE_STRING, variable, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(scrubs)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
