#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct engine;
struct ArrowSchema;
struct ArrowArray;

/*
 * Fast filling of a table of an engine. Values are cast to the column's type where they differ
 * (text to anything). Sticky: after a failure all adds do nothing and the next _end_row or _close
 * reports it. One thread; ends before its engine.
 */
struct engine_appender;

/* catalog and schema may be none: the current ones. */
bool engine_append_open(struct engine *engine, struct slice catalog, struct slice schema,
	struct slice table, struct engine_appender **out, struct error *err) must_check;
void engine_append_null(struct engine_appender *appender);
void engine_append_bool(struct engine_appender *appender, bool value);
void engine_append_i64(struct engine_appender *appender, int64_t value);
void engine_append_double(struct engine_appender *appender, double value);
void engine_append_date(struct engine_appender *appender, int32_t days);
void engine_append_time(struct engine_appender *appender, int64_t us);
void engine_append_timestamp(struct engine_appender *appender, int64_t us);
void engine_append_interval(
	struct engine_appender *appender, int32_t months, int32_t days, int64_t us);
void engine_append_text(struct engine_appender *appender, struct slice value);
void engine_append_blob(struct engine_appender *appender, struct slice value);
/* Closes the row; 22000-class errors name the column's value that did not fit. */
bool engine_append_end_row(struct engine_appender *appender, struct error *err) must_check;
/* A whole batch, between rows: a struct array whose fields are the table's columns in order. Takes
 * array (released also on failure), borrows schema. */
bool engine_append_arrow(struct engine_appender *appender, struct ArrowSchema *schema,
	struct ArrowArray *array, struct error *err) must_check;
/* Flushes; rows are visible afterwards. */
bool engine_append_close(struct engine_appender *appender, struct error *err) must_check;
/* Drops what was not flushed when it was not closed. */
void engine_append_free(struct engine_appender **appender);
