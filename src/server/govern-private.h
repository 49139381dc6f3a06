#pragma once

#include "catalog/model.h"
#include "server/govern.h"

/* A table reference after look-up. */
struct governed {
	const struct sql_table *reference;
	const struct model_table *table; /* of the newest model; NULL = system table */
	const struct system_table *system;
	bool catalogue;	     /* a relation of pg_catalog or information_schema */
	struct slice domain; /* as the relation's schema is called; "main" for a bare name */
	struct decision decision;
	int64_t version;
	bool older;		      /* AT or as_of says which version, not the model */
	int64_t made_us;	      /* when it was, where AT does not say; 0 */
	bool making;		      /* the run that asks makes this table */
	bool failed;		      /* its rows that failed a check, not those that are served */
	const struct plan_home *home; /* another node's; then only reference, domain, version and
					 older count. NULL = this node's */
};

/* The relation of a governed table; also its plan_table, notices and explain lines. */
bool govern_table_relation(const struct govern_request *request, struct plan *plan,
	const struct governed *governed, struct wire_relation *relation, struct plan_table *table,
	struct error *err) must_check;
/* "people" of "people@failed": its second half in SQL; false for other names. */
bool govern_failed_name(struct slice name, struct slice *base_out);
/* The files that hold the failing rows of a table; in the arena. */
bool govern_failed_files(const struct govern_request *request, struct arena *arena,
	const struct model_table *table, struct model_files *out, struct error *err) must_check;
/* Puts failed_run and failed_check before a relation's columns, and expects nothing of its files:
 * a contract may have changed since a run failed. */
void govern_failed_columns(struct plan *plan, struct wire_relation *relation);
/* One reference to another node's table, the index-th of the statement. */
void govern_part_resolve(const struct govern_request *request, const struct plan *plan,
	size_t index, struct governed *out);
/* Its part, and what is known of its relation; the columns come with the answer. */
void govern_part_relation(const struct govern_request *request, struct plan *plan,
	const struct governed *governed, struct wire_relation *relation, struct plan_table *table);
/* The same for a system table; fd_index is set by the caller. */
void govern_system_relation(struct plan *plan, const struct governed *governed,
	struct wire_relation *relation, struct plan_table *table);
/* What a row filter makes of a file: of all filters together. */
enum govern_verdict { GOVERN_NONE, GOVERN_ALL, GOVERN_MIXED };
enum govern_verdict govern_file_verdict(const struct decision *decision,
	const struct model_table *table, const struct file_row *file,
	const struct principal *principal);
uint64_t govern_digest(const struct decision *decision, size_t column_count);
/* Refuses (42501) what could tell rows of a table apart whose small groups are suppressed. */
bool govern_suppressed(const struct govern_request *request, const struct plan *plan,
	const struct governed *governed, struct error *err) must_check;
/* One sentence on it, for notices. */
struct slice govern_suppress_text(
	struct arena *arena, const struct decision_suppress *suppress, struct slice name);
/* 42P01, as for tables that do not exist and those that the principal may not know of; false. */
bool govern_absent(const struct govern_request *r, const struct plan *plan,
	const struct sql_table *t, struct error *err);
void govern_notice(struct plan *plan, struct slice text);
void govern_explain(struct plan *plan, struct slice line);
