#pragma once

#include "store/store.h"

/*
 * What Weft serves: versions of products, the files of each table in each version, and the intent
 * that carries a publish over a crash (docs/architecture.md "The life of a publish"). A product is
 * named "domain.product"; a table by product and its SQL name with the major ("orders@1").
 */
enum intent_phase {
	INTENT_STAGED,	  /* checks passed; files may still lie in staging */
	INTENT_COMMITTED, /* Delta commits are written; only SQLite is behind */
};

struct intent_row {
	int64_t run;
	struct slice product;
	enum intent_phase phase;
	struct slice payload; /* JSON of the publisher: what to move, commit, record */
	int64_t created_us;
};

bool intents_put(
	struct store *store, const struct intent_row *intent, struct error *err) must_check;
bool intents_set_phase(
	struct store *store, int64_t run, enum intent_phase phase, struct error *err) must_check;
bool intents_remove(struct store *store, int64_t run, struct error *err) must_check;
bool intents_list(struct store *store, struct arena *arena, struct intent_row **out,
	size_t *count_out, struct error *err) must_check;

struct file_row {
	struct slice path; /* relative to the table's folder */
	int64_t rows;
	int64_t bytes;
	struct slice stats;	 /* JSON as in Delta's add.stats; none */
	struct slice partitions; /* JSON object name -> text or null; none */
	struct slice digest;	 /* of the file's bytes, hex; none */
	int64_t added;		 /* product version that brought it */
	int64_t removed;	 /* product version without it; 0 = still in use */
};

struct file_list {
	struct file_row *items;
	size_t count;
};

struct table_publish {
	struct slice table;    /* "orders@1" */
	struct slice location; /* absolute folder */
	struct slice schema;   /* JSON [{"name","type","stored"?}], DuckDB spelling; stored:
				* another type in the files */
	int64_t delta_version;
	const struct file_row *added;
	size_t added_count;
	const struct slice *removed; /* paths; ignored with replace */
	size_t removed_count;
	bool replace; /* all files before are removed */
};

struct publish {
	struct slice product;
	int64_t run;
	const struct table_publish *tables; /* a table that is left out stays as it is */
	size_t table_count;
	struct slice cursors; /* JSON to store as the ingest state (ingest.h); none = as it is */
};

/* One transaction: the product's next version, its files, the run's success, the end of the intent.
 * Bumps the epoch. 40001 when the run has published already. */
bool versions_publish(struct store *store, const struct publish *publish, int64_t *version_out,
	struct error *err) must_check;

struct version_row {
	struct slice product;
	int64_t version; /* 1, 2, … */
	int64_t created_us;
	int64_t run;
};

struct version_list {
	struct version_row *items;
	size_t count;
};

struct table_version_row {
	struct slice product;
	struct slice table;
	int64_t version; /* of the product: the newest that changed this table, at or before asked
			  */
	int64_t delta_version;
	struct slice location;
	struct slice schema;
	int64_t created_us;
	int64_t rows;
	int64_t bytes;
	int64_t files;
};

struct table_version_list {
	struct table_version_row *items;
	size_t count;
};

/* Of one product (none = all), newest first, at most limit (0 = all). */
bool versions_list(struct store *store, struct slice product, int64_t limit, struct arena *arena,
	struct version_list *out, struct error *err) must_check;
/* When a version was made; 0 = it is not kept. */
bool versions_made_us(struct store *store, struct slice product, int64_t version,
	int64_t *made_us_out, struct error *err) must_check;
/* The version that was newest at a time; 0 = none was there. */
bool versions_at(struct store *store, struct slice product, int64_t time_us, int64_t *version_out,
	struct error *err) must_check;
/* Newest state of every table of every product. */
bool versions_newest_tables(struct store *store, struct arena *arena,
	struct table_version_list *out, struct error *err) must_check;
/* The tables of a product as they stood in a version. */
bool versions_tables(struct store *store, struct slice product, int64_t version,
	struct arena *arena, struct table_version_list *out, struct error *err) must_check;
/* Every version in which a table changed, newest first. */
bool versions_of_table(struct store *store, struct slice product, struct slice table,
	struct arena *arena, struct table_version_list *out, struct error *err) must_check;
/* Files of a table in a version, ordered by path. state: a row of the calls above (product and
 * table count); version may be a later one in which the table did not change. */
bool versions_files(struct store *store, const struct table_version_row *state, int64_t version,
	struct arena *arena, struct file_list *out, struct error *err) must_check;

/* Every file of a table that any version needs: paths only. */
bool versions_all_files(struct store *store, const struct table_version_row *table,
	struct arena *arena, struct file_list *out, struct error *err) must_check;

/* Vacuum. Kept are the newest version, all that were made after keep_us and the one that was the
 * newest at that time. Files that none of these needs: the caller first drops rows and versions by
 * versions_forget with the same time, then deletes the files; a crash between leaves orphans, never
 * a version without its files. */
struct dead_file {
	struct slice location;
	struct slice path;
};

struct dead_file_list {
	struct dead_file *items;
	size_t count;
};
bool versions_dead_files(struct store *store, struct slice product, int64_t keep_us,
	struct arena *arena, struct dead_file_list *out, struct error *err) must_check;
bool versions_forget(
	struct store *store, struct slice product, int64_t keep_us, struct error *err) must_check;
/* Bytes of the newest versions of a domain's products, for quotas. */
bool versions_domain_bytes(
	struct store *store, struct slice domain, int64_t *bytes_out, struct error *err) must_check;
