#pragma once

#include "arrow/ipc.h"
#include "base/arena.h"
#include "base/num.h"
#include "base/pgproc.h"
#include "catalog/pgcatalog.h"
#include "catalog/pgtype.h"

/* Column numbers of every relation: pg_class_relname, columns_table_name, … and <relation>_COUNT.
 */
#define RELATION(schema, relation, oid)                                                            \
	enum relation##_column                                                                     \
	{
#define COLUMN(relation, name, kind) relation##_##name,
#define END(relation)                                                                              \
	relation##_COUNT                                                                           \
	}                                                                                          \
	;
#include "catalog/pgcatalog.def"
#undef RELATION
#undef COLUMN
#undef END

/*
 * KIND(name, how its rows travel, its type in SQL). In catalogue statements the engine shows
 * UINTEGER as oid, UHUGEINT as regproc, USMALLINT[] as int2vector and UBIGINT[] as oidvector
 * (engine_statement_show_catalogue).
 */
#define PGCATALOG_KINDS                                                                            \
	KIND(BOOL, BOOL, "BOOLEAN")                                                                \
	KIND(INT2, INT32, "SMALLINT")                                                              \
	KIND(INT32, INT32, "INTEGER")                                                              \
	KIND(INT64, INT64, "BIGINT")                                                               \
	KIND(OID, INT64, "UINTEGER")                                                               \
	KIND(REGPROC, INT64, "UHUGEINT")                                                           \
	KIND(DOUBLE, DOUBLE, "DOUBLE")                                                             \
	KIND(TEXT, TEXT, "VARCHAR")                                                                \
	KIND(TIMESTAMPTZ, TIMESTAMPTZ, "TIMESTAMP WITH TIME ZONE")                                 \
	KIND(TEXT_LIST, TEXT_LIST, "VARCHAR[]")                                                    \
	KIND(INT2_LIST, INT32_LIST, "SMALLINT[]")                                                  \
	KIND(INT2_VECTOR, INT32_LIST, "USMALLINT[]")                                               \
	KIND(INT32_LIST, INT32_LIST, "INTEGER[]")                                                  \
	KIND(OID_LIST, INT32_LIST, "UINTEGER[]")                                                   \
	KIND(OID_VECTOR, INT32_LIST, "UBIGINT[]")

enum pgcatalog_kind {
#define KIND(name, travels, type) PGCATALOG_##name,
	PGCATALOG_KINDS
#undef KIND
};

enum {
	OID_PG_CATALOG = 11,
	OID_INFORMATION_SCHEMA = 13000,
	OID_OWNER = 10,
	OID_USER = 16384,
	OID_DATABASE = 5,
	OID_AM_HEAP = 2,
	OID_AM_BTREE = 403,
	OID_CLASS_CLASS = 1259,
	OID_CLASS_NAMESPACE = 2615,
	OID_CLASS_DATABASE = 1262,
	OID_DEFAULT_COLLATION = 100,
	MAX_COLUMNS = 96,
};

struct pgcatalog {
	struct arena *arena;
	const struct pgcatalog_input *input;
	int64_t *schema_oids; /* as input->schemas */
	int64_t *table_oids;  /* as input->tables */
	int64_t *key_oids;    /* of the primary key's index; 0 = no key */
	int64_t *constraint_oids;
};

struct relation {
	const char *schema;
	const char *name;
	int64_t oid; /* 0 = no list of relations shows it */
	const struct pgcatalog_field *fields;
	size_t field_count;
};

extern const struct relation pgcatalog_relations[];
extern const size_t pgcatalog_relation_count;

/* Rows of a relation on their way out. A row starts as the kind's zero (pg_catalog) or NULL. */
struct rows {
	const struct pgcatalog *catalog;
	const struct relation *relation;
	struct arrow_table *table;
	struct arrow_cell cells[MAX_COLUMNS];
	struct error *err;
	bool failed; /* sticky: err is set */
};

void rows_begin(struct rows *rows);
void rows_end(struct rows *rows);
void rows_text(struct rows *rows, int column, struct slice text);
void rows_c(struct rows *rows, int column, const char *text);
void rows_number(struct rows *rows, int column, int64_t number);
void rows_real(struct rows *rows, int column, double number);
void rows_bool(struct rows *rows, int column, bool flag);
/* Int lists; items must live until rows_end. */
void rows_list(struct rows *rows, int column, const struct arrow_cell *items, size_t count);
/* Name of the table's primary key and of its index. */
struct slice rows_key_name(struct rows *rows, const struct pgcatalog_table *table);

typedef void (*fill_fn)(struct rows *rows);

struct filler {
	const char *relation;
	fill_fn fill;
};

extern const struct filler pgcatalog_fillers[];
extern const size_t pgcatalog_filler_count;
extern const struct filler pgcatalog_program_fillers[];
extern const size_t pgcatalog_program_filler_count;
extern const struct filler information_schema_fillers[];
extern const size_t information_schema_filler_count;

/* The schema's oid, also of pg_catalog and information_schema; 0 when it is none. */
int64_t pgcatalog_schema_oid(const struct pgcatalog *catalog, struct slice schema);
/* Number of key columns of a table, and its columns' numbers (from 1) in key order as cells. */
size_t pgcatalog_key(
	const struct pgcatalog_table *table, struct arrow_cell *cells_out, size_t max_cells);
/* CREATE UNIQUE INDEX … of a table's primary key. */
struct slice pgcatalog_index_definition(struct rows *rows, const struct pgcatalog_table *table);

/* A type's operator class: its oid in pg_opclass. */
int64_t pgcatalog_opclass(struct slice type);
