/*
 * A metric has a fixed array of series; a series is claimed by one compare-and-swap of its state
 * and then found by its label values without a lock. Doubles are added by compare-and-swap of their
 * bits. The last series of each metric is "other": no stranger can make memory grow by names.
 */
#include "log/metrics.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/num.h"

enum { LABEL_BYTES = 64 };

const struct metric_row metric_table[METRIC_COUNT] = {
#define METRIC(name, kind, metric, label1, label2, text)                                           \
	{metric, METRIC_##kind, label1, label2, text},
#include "log/metrics.def"
#undef METRIC
};

/* Upper bounds, from a tenth of a millisecond to hours, for seconds; the last one is +Inf. */
static const double BOUNDS[METRICS_MAX_BUCKETS - 1] = {
	0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 300, 3600};

enum { SERIES_FREE, SERIES_FILLING, SERIES_READY };

struct series {
	atomic_int state;
	char value1[LABEL_BYTES];
	char value2[LABEL_BYTES];
	_Atomic double number; /* of a histogram: the sum */
	atomic_uint_fast64_t *buckets;
};

struct metrics {
	struct series *series[METRIC_COUNT]; /* METRICS_MAX_SERIES + 1, or 1 without labels */
	size_t count[METRIC_COUNT];
};

struct metrics *metrics_new(void)
{
	struct metrics *metrics = calloc(1, sizeof *metrics);

	check(metrics);
	for (int m = 0; m < METRIC_COUNT; m++) {
		metrics->count[m] = metric_table[m].label1 ? METRICS_MAX_SERIES + 1 : 1;
		metrics->series[m] = calloc(metrics->count[m], sizeof *metrics->series[m]);
		check(metrics->series[m]);
	}
	return metrics;
}

void metrics_free(struct metrics **metrics)
{
	if (!*metrics)
		return;
	for (int m = 0; m < METRIC_COUNT; m++) {
		for (size_t i = 0; i < (*metrics)->count[m]; i++)
			free((*metrics)->series[m][i].buckets);
		free((*metrics)->series[m]);
	}
	free(*metrics);
	*metrics = NULL;
}

static bool same_label(const char *stored, const char *value)
{
	return strncmp(stored, value ? value : "", LABEL_BYTES - 1) == 0;
}

static void copy_label(char *stored, const char *value)
{
	size_t len = value ? strnlen(value, LABEL_BYTES - 1) : 0;

	if (len)
		memcpy(stored, value, len);
	stored[len] = 0;
}

static void claim(struct series *series, enum metric metric, const char *value1, const char *value2)
{
	copy_label(series->value1, value1);
	copy_label(series->value2, value2);
	if (metric_table[metric].kind == METRIC_HISTOGRAM) {
		series->buckets = calloc(METRICS_MAX_BUCKETS, sizeof *series->buckets);
		check(series->buckets);
	}
	atomic_store_explicit(&series->state, SERIES_READY, memory_order_release);
}

static int wait_ready(struct series *series)
{
	int state;

	do
		state = atomic_load_explicit(&series->state, memory_order_acquire);
	while (state == SERIES_FILLING);
	return state;
}

static struct series *find(
	const struct metrics *metrics, enum metric metric, const char *value1, const char *value2)
{
	struct series *all = metrics->series[metric];
	size_t count = metrics->count[metric];

	for (size_t i = 0; i < count; i++) {
		bool other = count > 1 && i == count - 1;
		int expected = SERIES_FREE;

		if (other)
			value1 = value2 = "other";
		if (wait_ready(&all[i]) == SERIES_FREE &&
			atomic_compare_exchange_strong(&all[i].state, &expected, SERIES_FILLING))
			claim(&all[i], metric, value1, value2);
		wait_ready(&all[i]);
		if (other ||
			(same_label(all[i].value1, value1) && same_label(all[i].value2, value2)))
			return &all[i];
	}
	return &all[count - 1];
}

static void add_double(_Atomic double *number, double n)
{
	double before = atomic_load_explicit(number, memory_order_relaxed);

	while (!atomic_compare_exchange_weak(number, &before, before + n))
		continue;
}

void metrics_add(struct metrics *metrics, enum metric metric, const char *value1,
	const char *value2, double n)
{
	if (metrics)
		add_double(&find(metrics, metric, value1, value2)->number, n);
}

void metrics_set(struct metrics *metrics, enum metric metric, const char *value1,
	const char *value2, double n)
{
	if (metrics)
		atomic_store(&find(metrics, metric, value1, value2)->number, n);
}

void metrics_observe(struct metrics *metrics, enum metric metric, const char *value1,
	const char *value2, double value)
{
	size_t bucket = 0;

	if (!metrics || isnan(value))
		return;
	check(metric_table[metric].kind == METRIC_HISTOGRAM);
	struct series *series = find(metrics, metric, value1, value2);

	while (bucket < METRICS_MAX_BUCKETS - 1 && value > BOUNDS[bucket])
		bucket++;
	add_double(&series->number, value);
	atomic_fetch_add(&series->buckets[bucket], 1);
}

void metrics_forget(struct metrics *metrics, enum metric metric)
{
	check(metric_table[metric].kind == METRIC_GAUGE);
	for (size_t i = 0; metrics && i < metrics->count[metric]; i++)
		if (atomic_load(&metrics->series[metric][i].state) == SERIES_READY)
			atomic_store(&metrics->series[metric][i].number, (double)NAN);
}

double metrics_get(
	const struct metrics *metrics, enum metric metric, const char *value1, const char *value2)
{
	return metrics ? atomic_load(&find(metrics, metric, value1, value2)->number) : 0;
}

static void print_label(struct str *out, const char *label, const char *value, bool *any)
{
	str_add_char(out, *any ? ',' : '{');
	*any = true;
	str_add_c(out, label);
	str_add_c(out, "=\"");
	for (; *value; value++) {
		if (*value == '\n') {
			str_add_c(out, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			str_add_char(out, '\\');
		str_add_char(out, *value);
	}
	str_add_char(out, '"');
}

static void print_line(struct str *out, enum metric metric, const struct series *series,
	const char *suffix, const char *bound)
{
	const struct metric_row *row = &metric_table[metric];
	bool any = false;

	str_add_c(out, row->name);
	str_add_c(out, suffix);
	if (row->label1)
		print_label(out, row->label1, series->value1, &any);
	if (row->label2)
		print_label(out, row->label2, series->value2, &any);
	if (bound)
		print_label(out, "le", bound, &any);
	if (any)
		str_add_char(out, '}');
}

static void print_histogram(struct str *out, enum metric metric, const struct series *series)
{
	unsigned long long seen = 0;

	for (size_t i = 0; i < METRICS_MAX_BUCKETS; i++) {
		char bound[32] = "+Inf";

		if (i < METRICS_MAX_BUCKETS - 1)
			snprintf(bound, sizeof bound, "%g", BOUNDS[i]);
		seen += atomic_load(&series->buckets[i]);
		print_line(out, metric, series, "_bucket", bound);
		str_printf(out, " %llu\n", seen);
	}
	print_line(out, metric, series, "_sum", NULL);
	str_printf(out, " %.17g\n", atomic_load(&series->number));
	print_line(out, metric, series, "_count", NULL);
	str_printf(out, " %llu\n", seen);
}

/* https://prometheus.io/docs/specs/om/open_metrics_spec: "_total" is part of a sample's name, not
 * of its family's. */
static void print_head(struct str *out, const struct metric_row *row, enum metrics_format format)
{
	static const char *const KINDS[] = {"counter", "gauge", "histogram"};
	struct slice family = slice_from_c(row->name);

	if (format == METRICS_OPENMETRICS && row->kind == METRIC_COUNTER)
		family.len -= strlen("_total");
	str_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", SLICE_FMT(family), row->text,
		SLICE_FMT(family), KINDS[row->kind]);
}

static void print_metric(struct str *out, const struct metrics *metrics, enum metric metric,
	enum metrics_format format)
{
	const struct metric_row *row = &metric_table[metric];

	print_head(out, row, format);
	for (size_t i = 0; i < metrics->count[metric]; i++) {
		const struct series *series = &metrics->series[metric][i];

		if (atomic_load(&series->state) != SERIES_READY)
			continue;
		if (row->kind == METRIC_HISTOGRAM) {
			print_histogram(out, metric, series);
			continue;
		}
		if (isnan(atomic_load(&series->number)))
			continue;
		print_line(out, metric, series, "", NULL);
		str_printf(out, " %.17g\n", atomic_load(&series->number));
	}
}

void metrics_print(const struct metrics *metrics, enum metrics_format format, struct str *out)
{
	for (int m = 0; m < METRIC_COUNT; m++)
		print_metric(out, metrics, (enum metric)m, format);
	if (format == METRICS_OPENMETRICS)
		str_add_c(out, "# EOF\n");
}
