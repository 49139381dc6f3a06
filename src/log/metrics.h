#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/str.h"

/*
 * Metrics: rows of metrics.def, each with at most two labels. Series come into being on first use;
 * at most METRICS_MAX_SERIES per metric, further label values are counted as "other". Any thread;
 * an update is a short lock-free search and one atomic addition. NULL metrics = nothing is counted.
 */
enum { METRICS_MAX_SERIES = 1024, METRICS_MAX_BUCKETS = 16 };

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum metric {
#define METRIC(name, kind, metric, label1, label2, text) METRIC_##name,
#include "log/metrics.def"
#undef METRIC
	METRIC_COUNT
};

struct metric_row {
	const char *name; /* "weft_queries_total" */
	enum metric_kind kind;
	const char *label1; /* NULL = none */
	const char *label2;
	const char *text;
};

extern const struct metric_row metric_table[METRIC_COUNT];

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics **metrics);

/* Label values for the metric's labels, NULL where it has none; copied, cut at 63 bytes. */
void metrics_add(struct metrics *metrics, enum metric metric, const char *value1,
	const char *value2, double n);
void metrics_set(struct metrics *metrics, enum metric metric, const char *value1,
	const char *value2, double n);
/* A value into a histogram, in the metric's base unit (seconds, bytes, rows). */
void metrics_observe(struct metrics *metrics, enum metric metric, const char *value1,
	const char *value2, double value);
double metrics_get(
	const struct metrics *metrics, enum metric metric, const char *value1, const char *value2);

/* Leaves out every series of a gauge until it is set again: what it was about may be gone. */
void metrics_forget(struct metrics *metrics, enum metric metric);

enum metrics_format {
	METRICS_PROMETHEUS, /* text exposition format 0.0.4 */
	METRICS_OPENMETRICS /* 1.0.0: counters' families without _total, "# EOF" at the end */
};

void metrics_print(const struct metrics *metrics, enum metrics_format format, struct str *out);
