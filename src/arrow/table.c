/* Rows that the server makes itself, as an Arrow table; see ipc.h. */
#include <errno.h>
#include <nanoarrow/nanoarrow_ipc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arrow/ipc.h"
#include "base/check.h"

struct arrow_table {
	struct ArrowSchema schema;
	struct ArrowArray array;
	enum arrow_kind *kinds;
	size_t field_count;
	int64_t rows;
};

static enum ArrowType item_type(enum arrow_kind kind)
{
	switch (kind) {
	case ARROW_KIND_BOOL: return NANOARROW_TYPE_BOOL;
	case ARROW_KIND_INT32:
	case ARROW_KIND_INT32_LIST: return NANOARROW_TYPE_INT32;
	case ARROW_KIND_INT64: return NANOARROW_TYPE_INT64;
	case ARROW_KIND_DOUBLE: return NANOARROW_TYPE_DOUBLE;
	case ARROW_KIND_BLOB: return NANOARROW_TYPE_BINARY;
	case ARROW_KIND_DATE: return NANOARROW_TYPE_DATE32;
	case ARROW_KIND_TEXT:
	case ARROW_KIND_TEXT_LIST:
	case ARROW_KIND_TIMESTAMPTZ: break;
	}
	return NANOARROW_TYPE_STRING;
}

static bool is_list(enum arrow_kind kind)
{
	return kind == ARROW_KIND_TEXT_LIST || kind == ARROW_KIND_INT32_LIST;
}

static int set_field(struct ArrowSchema *schema, const struct arrow_field *field)
{
	if (field->kind == ARROW_KIND_TIMESTAMPTZ)
		NANOARROW_RETURN_NOT_OK(ArrowSchemaSetTypeDateTime(
			schema, NANOARROW_TYPE_TIMESTAMP, NANOARROW_TIME_UNIT_MICRO, "UTC"));
	else if (is_list(field->kind))
		NANOARROW_RETURN_NOT_OK(ArrowSchemaSetType(schema, NANOARROW_TYPE_LIST));
	else
		NANOARROW_RETURN_NOT_OK(ArrowSchemaSetType(schema, item_type(field->kind)));
	if (is_list(field->kind))
		NANOARROW_RETURN_NOT_OK(
			ArrowSchemaSetType(schema->children[0], item_type(field->kind)));
	return ArrowSchemaSetName(schema, field->name);
}

static int build(struct arrow_table *table, const struct arrow_field *fields)
{
	ArrowSchemaInit(&table->schema);
	NANOARROW_RETURN_NOT_OK(
		ArrowSchemaSetTypeStruct(&table->schema, (int64_t)table->field_count));
	for (size_t i = 0; i < table->field_count; i++)
		NANOARROW_RETURN_NOT_OK(set_field(table->schema.children[i], &fields[i]));
	NANOARROW_RETURN_NOT_OK(ArrowArrayInitFromSchema(&table->array, &table->schema, NULL));
	return ArrowArrayStartAppending(&table->array);
}

bool arrow_table_new(const struct arrow_field *fields, size_t field_count, struct arrow_table **out,
	struct error *err)
{
	scoped(arrow_table_free) struct arrow_table *table = calloc(1, sizeof *table);
	check(table);
	table->field_count = field_count;
	table->kinds = calloc(field_count + 1, sizeof *table->kinds);
	check(table->kinds);
	for (size_t i = 0; i < field_count; i++)
		table->kinds[i] = fields[i].kind;
	if (build(table, fields) != NANOARROW_OK)
		return error_set(
			err, OUT_OF_MEMORY, "no memory for a table of %zu columns", field_count);
	*out = take(table);
	return true;
}

void arrow_table_free(struct arrow_table **table)
{
	struct arrow_table *t = *table;
	*table = NULL;
	if (!t)
		return;
	if (t->array.release)
		t->array.release(&t->array);
	if (t->schema.release)
		t->schema.release(&t->schema);
	free(t->kinds);
	free(t);
}

static int add_value(struct ArrowArray *array, enum arrow_kind kind, const struct arrow_cell *cell)
{
	struct ArrowStringView text = {
		cell->text.ptr ? cell->text.ptr : "", (int64_t)cell->text.len};
	struct ArrowBufferView blob = {.data.as_char = text.data, .size_bytes = text.size_bytes};
	if (cell->is_null)
		return ArrowArrayAppendNull(array, 1);
	switch (item_type(kind)) {
	case NANOARROW_TYPE_DOUBLE: return ArrowArrayAppendDouble(array, cell->real);
	case NANOARROW_TYPE_BINARY: return ArrowArrayAppendBytes(array, blob);
	case NANOARROW_TYPE_STRING:
		if (kind != ARROW_KIND_TIMESTAMPTZ)
			return ArrowArrayAppendString(array, text);
		return ArrowArrayAppendInt(array, cell->integer);
	default: return ArrowArrayAppendInt(array, cell->integer);
	}
}

static int add_cell(struct ArrowArray *array, enum arrow_kind kind, const struct arrow_cell *cell)
{
	if (!is_list(kind) || cell->is_null)
		return add_value(array, kind, cell);
	for (size_t i = 0; i < cell->item_count; i++)
		NANOARROW_RETURN_NOT_OK(add_value(array->children[0], kind, &cell->items[i]));
	return ArrowArrayFinishElement(array);
}

bool arrow_table_add(struct arrow_table *table, const struct arrow_cell *cells, struct error *err)
{
	for (size_t i = 0; i < table->field_count; i++)
		if (add_cell(table->array.children[i], table->kinds[i], &cells[i]) != NANOARROW_OK)
			return error_set(err, OUT_OF_MEMORY,
				"row %lld: column %zu has a value that does not fit",
				(long long)table->rows, i);
	table->rows++;
	table->array.length = table->rows;
	return true;
}

static bool write_all(int fd, struct slice bytes, struct error *err)
{
	for (size_t done = 0; done < bytes.len;) {
		ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "write rows");
		done += (size_t)n;
	}
	return true;
}

bool arrow_table_write(struct arrow_table *table, int fd, struct error *err)
{
	scoped(arrow_writer_free) struct arrow_writer *writer = NULL;
	if (ArrowArrayFinishBuildingDefault(&table->array, NULL) != NANOARROW_OK)
		return error_set(err, OUT_OF_MEMORY, "no memory for a table");
	return arrow_writer_new(&table->schema, &writer, err) &&
	       write_all(fd, arrow_writer_take(writer), err) &&
	       (table->rows == 0 || arrow_writer_add(writer, &table->array, err)) &&
	       arrow_writer_end(writer, err) && write_all(fd, arrow_writer_take(writer), err);
}

bool arrow_table_to_fd(struct arrow_table *table, int *fd_out, struct error *err)
{
	int fd = memfd_create("rows", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_set_errno(err, errno, "make room for rows");
	if (!arrow_table_write(table, fd, err) || lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return false;
	}
	*fd_out = fd;
	return true;
}
