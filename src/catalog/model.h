#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "base/slice.h"
#include "policy/policy.h"
#include "store/versions.h"

/*
 * The model snapshot: everything a node knows of its mesh at one epoch, immutable, counted. Built
 * from the store (model_build, build.h), shared by all threads; who needs it newer takes the next
 * one. Slices and arrays live as long as the reference.
 *
 * Names follow SQL: ASCII case-insensitive. A product is "domain.product". A table is
 * domain.table for the newest major version and domain."table@N" for each.
 */
struct model;
struct model_domain;
struct model_product;

struct model_column {
	struct slice name;
	struct slice type; /* DuckDB spelling */
	struct slice description;
	struct slice classification;
	struct slice *tags;
	size_t tag_count;
	bool required;
	bool unique;
	int key_position; /* 1, 2, … in the primary key; 0 = no part of it */
};

/* What the contract promises of freshness (slaProperties); 0 = nothing. */
struct model_slo {
	int64_t freshness_us; /* the newest version is at most this old */
	int64_t frequency_us; /* a new version comes at least this often */
	int64_t latency_us;   /* from the event to its being readable */
};

/* An output port's table in one major version. */
struct model_table {
	const struct model_product *product;
	struct slice name;     /* "orders" */
	struct slice key;      /* "orders@1": in the store and the audit */
	struct slice contract; /* path of its contract's manifest */
	struct slice description;
	struct slice transform;	    /* SQL text; none = ingested */
	struct slice source;	    /* name of the source that it is read from; none */
	struct slice source_object; /* table or path in it; none = all of it, or a query */
	int major;
	bool newest_major;
	uint32_t oid; /* stable for domain, name, major */
	struct model_column *columns;
	size_t column_count;
	struct policy_table policy; /* the same columns, in the same order */
	struct model_slo slo;
	/* Newest published state; version 0 = nothing published yet. */
	int64_t version;
	int64_t delta_version;
	struct slice location;
	struct slice stored_schema; /* JSON [{"name","type"}] */
	int64_t published_us;
	int64_t rows;
	int64_t bytes;
	int64_t file_count;
};

enum model_status { MODEL_DRAFT, MODEL_ACTIVE, MODEL_DEPRECATED, MODEL_RETIRED };

struct model_product {
	const struct model_domain *domain;
	struct slice name;	/* "orders" */
	struct slice full_name; /* "sales.orders" */
	struct slice path;	/* of its manifest */
	struct slice title;
	struct slice description;
	struct slice kind; /* "source-aligned", "aggregate", "consumer-aligned" */
	enum model_status status;
	bool hidden;
	struct slice *owners; /* groups or users, the domain's included */
	size_t owner_count;
	struct slice *tags;
	size_t tag_count;
	struct model_table **tables; /* every major */
	size_t table_count;
	struct model_product **inputs; /* products its transforms read */
	size_t input_count;
	struct slice schedule; /* cron text; none */
	struct slice time_zone;
	bool on_upstream;     /* triggered by its inputs */
	bool on_upstream_all; /* when all of them are newer, not any */
	int retry_max;
	int64_t retry_delay_us;
	int64_t version; /* newest of the product; 0 = none */
	int64_t published_us;
};

struct model_source {
	const struct model_domain *domain;
	struct slice name;
	struct slice path;
	struct slice connector;
	struct slice description;
};

struct model_domain {
	struct slice name;
	struct slice path;
	struct slice title;
	struct slice description;
	struct slice *owners;
	size_t owner_count;
	struct slice team;    /* group of its members; "team:<domain>" when the manifest has none */
	struct slice storage; /* folder; none = the node's lake */
	bool hidden;
	int64_t quota_bytes; /* 0 = none */
	int64_t quota_memory_bytes;
	int64_t quota_runs;
	int64_t retention_us; /* 0 = the node's */
	struct model_product **products;
	size_t product_count;
	struct model_source *sources;
	size_t source_count;
};

enum model_term_kind { MODEL_TERM_TAG, MODEL_TERM_CLASSIFICATION, MODEL_TERM_PURPOSE };

struct model_term {
	enum model_term_kind kind;
	struct slice name;
	struct slice description;
};

/* to reads from. */
struct model_edge {
	const struct model_table *from;
	const struct model_table *to;
};

struct model {
	struct arena *arena;
	int64_t built_us; /* wall clock, before the store was read: what it shows was there then */
	int64_t epoch;
	int64_t apply;	   /* id of the newest apply */
	struct slice name; /* of the mesh; "" before the first apply */
	struct slice description;
	struct slice *owners; /* of the mesh */
	size_t owner_count;
	struct model_domain *domains;
	size_t domain_count;
	struct model_product *products;
	size_t product_count;
	struct model_table *tables;
	size_t table_count;
	struct policy *policies; /* grants included */
	size_t policy_count;
	struct model_term *terms;
	size_t term_count;
	struct model_edge *edges;
	size_t edge_count;
	struct map by_name; /* lower-case "domain.table", "domain.table@1" → struct model_table */
	atomic_int *refs;   /* the only thing that changes: model_ref, model_unref */
};

const struct model *model_ref(const struct model *model);
void model_unref(const struct model **model);

const struct model_domain *model_domain_find(const struct model *model, struct slice name);
/* "domain.product". */
const struct model_product *model_product_find(const struct model *model, struct slice full_name);

enum model_lookup {
	MODEL_FOUND,
	MODEL_ABSENT, /* no such table, or one that the principal may not know of: look alike */
	MODEL_DENIED, /* known to exist, not readable */
};

/* What a principal gets of a table. decision's arrays are in the arena. */
struct model_access {
	const struct model_table *table;
	struct decision decision;
};

/* By schema and name as SQL writes them. *out is written for FOUND and DENIED. */
enum model_lookup model_table_lookup(struct arena *arena, const struct model *model,
	const struct principal *principal, struct slice schema, struct slice name,
	struct model_access *out);
/* The same for a table at hand: FOUND, DENIED, or ABSENT for hidden ones. */
enum model_lookup model_table_access(struct arena *arena, const struct model_table *table,
	const struct model *model, const struct principal *principal, struct model_access *out);

/* Whether the principal may know of it: its table list, for catalogues. Owners and those who may
 * read see hidden ones. */
bool model_sees_table(const struct model *model, const struct principal *principal,
	const struct model_table *table);
bool model_sees_product(const struct model *model, const struct principal *principal,
	const struct model_product *product);
bool model_sees_domain(const struct model *model, const struct principal *principal,
	const struct model_domain *domain);
bool model_owns_product(const struct principal *principal, const struct model_product *product);
bool model_owns_domain(const struct principal *principal, const struct model_domain *domain);

/* "did you mean": the nearest name that the principal may know; none. schema none: any domain. */
struct slice model_suggest_table(struct arena *arena, const struct model *model,
	const struct principal *principal, struct slice schema, struct slice name);

/* Which version AT means: SQL_AT_VERSION's text or SQL_AT_TIMESTAMP's ("2026-01-31",
 * "2026-01-31 12:00:00+02"; UTC without an offset). 22023 for a text that is none; 42704 when that
 * version is not there (any more). version is the product's; text none = the newest. */
struct model_at {
	bool timestamp;
	struct slice text;
};
/* The same text of a time as µs since 1970; a date alone means its first moment. Pure. */
bool model_time_read(struct slice text, int64_t *us_out) must_check;
bool model_version_at(struct store *store, const struct model_table *table,
	const struct model_at *at, int64_t *version_out, struct error *err) must_check;
/* Folder, schema and files of a table in a version (of the product). 55000 when nothing was
 * published yet. */
struct model_files {
	struct table_version_row state;
	struct file_row *files; /* paths made absolute */
	size_t file_count;
};
bool model_files_at(struct store *store, const struct model_table *table, int64_t version,
	struct arena *arena, struct model_files *out, struct error *err) must_check;

/* Freshness at a time: the age of the newest version against the contract. */
enum model_slo_state { SLO_NONE, SLO_MET, SLO_AT_RISK, SLO_BREACHED, SLO_NO_DATA };
enum model_slo_state model_slo_state(const struct model_table *table, int64_t now_us);
const char *model_slo_name(enum model_slo_state state);
const char *model_status_name(enum model_status status);

/* Search over what the principal may know: exact name first, then column names, then the rest. Of
 * several words all must fit. */
struct model_hit {
	const struct model_product *product;
	const struct model_table *table; /* NULL = the product itself fits */
	struct slice column;		 /* none = not by a column */
	struct slice why;		 /* "name", "column email", "description", "tag pii" */
	int score;			 /* greater is better */
};
size_t model_search(struct arena *arena, const struct model *model,
	const struct principal *principal, struct slice text, struct model_hit **hits_out);
/* Best first: negative when a comes before b. */
int model_hit_order(const struct model_hit *a, const struct model_hit *b);
