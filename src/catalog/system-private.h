#pragma once

#include "base/map.h"
#include "catalog/system.h"

/* Column numbers of every table: mesh_products_domain, … and mesh_products_COUNT. */
#define TABLE(table, comment)                                                                      \
	enum mesh_##table##_column                                                                 \
	{
#define COLUMN(table, name, kind, comment) mesh_##table##_##name,
#define END(table)                                                                                 \
	mesh_##table##_COUNT                                                                       \
	}                                                                                          \
	;
#include "catalog/system.def"
#undef TABLE
#undef COLUMN
#undef END

enum { SYSTEM_MAX_COLUMNS = 32 };

/* Rows on their way out. Texts and lists must live until row_end. */
struct filling {
	const struct system_request *request;
	const struct model *model; /* whose rows are being made */
	struct slice node;	   /* that publishes it */
	int64_t seen_us;	   /* of another node: when it was there last */
	bool copied;		   /* it is another node's: what may be read of it is its to say */
	const struct principal *principal;
	const struct system_table *table;
	struct arena *arena;
	struct arrow_table *out;
	struct arrow_cell cells[SYSTEM_MAX_COLUMNS];
	struct error *err;
	bool failed;	     /* sticky: err is set */
	struct map managed;  /* by product: filling_manages, which the rows of many runs ask */
	struct map accesses; /* by table: filling_access */
};

void row_begin(struct filling *f); /* every column is NULL */
void row_end(struct filling *f);
void row_text(struct filling *f, int column, struct slice text); /* none stays NULL */
void row_c(struct filling *f, int column, const char *text);
void row_int(struct filling *f, int column, int64_t number);
void row_real(struct filling *f, int column, double number);
void row_bool(struct filling *f, int column, bool flag);
void row_time(struct filling *f, int column, int64_t time_us); /* 0 stays NULL */
void row_list(struct filling *f, int column, const struct slice *items, size_t count);

typedef bool (*system_fill_fn)(struct filling *f) must_check;

/* What the principal gets of a table; NULL when it may not know of it. */
const struct model_access *filling_access(struct filling *f, const struct model_table *table);
/* "read", "owner", "none". */
const char *filling_access_name(const struct filling *f, const struct model_access *access);
/* Owners and administrators: runs, logs, sources. product is the full name; NULL product of a
 * removed one is for administrators only. */
bool filling_manages(struct filling *f, struct slice product);

/* system-model.c */
bool fill_domains(struct filling *f) must_check;
bool fill_sources(struct filling *f) must_check;
bool fill_products(struct filling *f) must_check;
bool fill_tables(struct filling *f) must_check;
bool fill_columns(struct filling *f) must_check;
bool fill_policies(struct filling *f) must_check;
bool fill_slo(struct filling *f) must_check;
bool fill_queries(struct filling *f) must_check;
bool fill_nodes(struct filling *f) must_check;
/* system-lineage.c */
bool fill_lineage(struct filling *f) must_check;
/* system-store.c */
bool fill_runs(struct filling *f) must_check;
bool fill_run_logs(struct filling *f) must_check;
bool fill_checks(struct filling *f) must_check;
bool fill_versions(struct filling *f) must_check;
bool fill_audit(struct filling *f) must_check;
