#pragma once

#include "base/arena.h"
#include "base/slice.h"
#include "policy/policy.h"

/*
 * Which of a file's rows a row filter keeps, told from the file's statistics and partition values
 * alone, so that hidden files never reach a worker and wholly visible ones need no barrier. Never
 * wrong, often unsure: what is not understood is FILE_MIXED. Pure; any thread.
 *
 * Understood: comparisons (= <> < <= > >=), IN, NOT IN, BETWEEN, IS [NOT] NULL of a column and
 * constants, AND, OR, NOT, TRUE, FALSE, in_group('g'), and attributes of the principal.
 *attribute('x') is a VARCHAR[] with all values of that attribute, empty when there is none:
 *	list_contains(attribute('x'), col), col = ANY(attribute('x')), col IN (SELECT
 *unnest(attribute('x'))) Types: integers, DECIMAL, DOUBLE, DATE, TIMESTAMP, VARCHAR, BOOLEAN, UUID.
 */
enum file_verdict {
	FILE_NONE, /* no row passes */
	FILE_ALL,
	FILE_MIXED,
};

/* Text forms as DuckDB casts them: "12", "1.50", "2026-01-31", "true". none = not known. */
struct file_column {
	struct slice name;
	struct slice type; /* DuckDB spelling */
	struct slice min;
	struct slice max;
	int64_t null_count; /* -1 = not known */
	bool min_is_cut;    /* text minimum or maximum is a prefix, not a value of the file */
	bool max_is_cut;
};

struct file_facts {
	const struct file_column *columns; /* a partition column has min == max and 0 or all NULL */
	size_t column_count;
	int64_t rows; /* -1 = not known */
};

/* filter_ast: struct sql_expression's ast. Anything wrong with it gives FILE_MIXED. */
enum file_verdict policy_file_verdict(struct arena *scratch, struct slice filter_ast,
	const struct file_facts *file, const struct principal *principal);
