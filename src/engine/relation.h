#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

struct engine;

/* One governed table of a statement, as RELATION in ipc/worker.h says. */
struct relation_column {
	struct slice name;
	struct slice type;
	struct slice expression; /* the mask; none = the column itself */
	bool absent;		 /* some files lack it */
	bool cast;		 /* the files hold it in another type */
};

struct relation {
	struct slice schema;
	struct slice name;
	const struct slice *files;
	size_t file_count;
	int fd; /* an Arrow IPC stream with the rows, instead of files; -1 = none */
	const struct relation_column *columns;
	size_t column_count;
	struct slice filter; /* none = all rows */
	bool barrier;	     /* the files hold rows that the principal must not see */
	const struct slice *conjuncts;
	size_t conjunct_count;
	int64_t min_group; /* 0, or: only rows of cells with so many rows; needs barrier */
	const struct slice *group_by; /* names in columns: rows alike in them make a cell */
	size_t group_by_count;
	const struct slice *subjects; /* of the files: distinct values that are counted, too */
	size_t subject_count;
};

/*
 * The SELECT of the governed view (barrier.c): files → filter → barrier → masks. Asks engine which
 * columns the files have where some are absent.
 */
bool relation_select(struct arena *arena, struct engine *engine, const struct relation *relation,
	struct slice *out, struct error *err) must_check;
