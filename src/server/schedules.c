/* What starts runs without anybody asking: schedules of pipelines, and inputs that were published.
 */
#include "base/clock.h"
#include "base/num.h"
#include "catalog/model.h"
#include "sched/cron.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "store/ingest.h"

/* Of a dense schedule, after a long time: then it counts from now. */
enum { MISSED_MOST = 10000 };

static const struct schedule_row *find_fired(
	const struct schedule_row *rows, size_t count, struct slice product)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(rows[i].product, product))
			return &rows[i];
	return NULL;
}

static void enqueue(
	struct server *server, struct slice product, struct slice trigger, struct slice reason)
{
	struct run_order order = {
		.product = product, .trigger = trigger, .reason = reason, .by = SLICE("weft")};
	int64_t run;
	struct error err;
	if (runs_enqueue(server, &order, &run, &err))
		log_say(server->log, SCHEDULE_FIRED, NULL, log_str("product", product),
			log_int("run", run), log_str("why", reason));
	else
		log_failure(server->log, EVENT_STORE_FAILED, NULL, "queue a run", &err);
}

/* The latest due time at or before now, not before the last one; 0 = none. One run makes up for
 * several missed ones. */
static int64_t due_time(const struct cron *cron, const struct cron_zone *zone, int64_t after_us,
	int64_t now_us, int *count_out)
{
	int64_t due = 0;
	int64_t next = cron_next(cron, zone, after_us);
	int count = 0;
	for (; next <= now_us && count < MISSED_MOST; count++) {
		due = next;
		next = cron_next(cron, zone, next);
	}
	*count_out = count;
	return count < MISSED_MOST ? due : now_us;
}

static void tell_missed(struct server *server, struct slice product, int due)
{
	if (due > 1)
		log_say(server->log, SCHEDULE_MISSED, NULL, log_str("product", product),
			log_int("missed", due - 1));
}

static void fire_one(struct server *server, const struct model_product *product,
	const struct schedule_row *fired)
{
	struct cron cron;
	scoped(cron_zone_free) struct cron_zone *zone = NULL;
	struct error err;
	if (!cron_parse(product->schedule, &cron, &err) ||
		!cron_zone_open(product->time_zone, &zone, &err))
		return; /* apply refuses such a schedule */
	int64_t now = clock_wall_us(&clock_system);
	struct schedule_row row = {.product = product->full_name, .fired_us = now};
	if (fired) {
		row.inputs_seen = fired->inputs_seen;
		int due;
		row.fired_us = due_time(&cron, zone, fired->fired_us, now, &due);
		if (row.fired_us == 0)
			return;
		tell_missed(server, product->full_name, due);
	}
	if (!schedules_put(server->store, &row, &err)) {
		log_failure(server->log, EVENT_STORE_FAILED, NULL, "keep a schedule", &err);
		return;
	}
	/* A new schedule begins to count now. */
	if (fired)
		enqueue(server, product->full_name, SLICE("schedule"), SLICE("its time came"));
}

void schedules_fire(struct server *server)
{
	const struct config *config = server->config;
	const struct model *model = server_model(server);
	bool any = false;
	for (size_t i = 0; i < model->product_count; i++)
		any |= model->products[i].schedule.len > 0;
	scoped(arena_free) struct arena *scratch = arena_new();
	struct schedule_row *rows;
	size_t count;
	struct error err;
	if (config->scheduler && any && schedules_list(server->store, scratch, &rows, &count, &err))
		for (size_t i = 0; i < model->product_count; i++) {
			const struct model_product *p = &model->products[i];
			if (p->schedule.len && p->status != MODEL_RETIRED)
				fire_one(server, p, find_fired(rows, count, p->full_name));
		}
	server_model_release(server, &model);
}

static bool reads(const struct model_product *product, struct slice input)
{
	for (size_t i = 0; i < product->input_count; i++)
		if (slice_equal_nocase(product->inputs[i]->full_name, input) &&
			product->inputs[i] != product)
			return true;
	return false;
}

/* With "all", every input must be newer than the product itself. */
static bool inputs_ready(const struct model_product *product)
{
	for (size_t i = 0; product->on_upstream_all && i < product->input_count; i++)
		if (product->inputs[i]->published_us <= product->published_us)
			return false;
	/* Nothing can be made of an input that has never been published. */
	for (size_t i = 0; i < product->input_count; i++)
		if (product->inputs[i]->version == 0)
			return false;
	return true;
}

void triggers_fire(struct server *server, struct slice product, int64_t run)
{
	const struct config *config = server->config;
	const struct model *model = server_model(server);
	(void)run;
	for (size_t i = 0; config->scheduler && i < model->product_count; i++) {
		const struct model_product *p = &model->products[i];
		if (p->on_upstream && p->status != MODEL_RETIRED && reads(p, product) &&
			inputs_ready(p))
			enqueue(server, p->full_name, SLICE("upstream"),
				SLICE("an input was published"));
	}
	server_model_release(server, &model);
}
