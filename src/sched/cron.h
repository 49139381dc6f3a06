#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/*
 * Schedules: the five fields of POSIX crontab(5) with names, lists, ranges, steps, 7 as Sunday, and
 * @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually. As in cron, a day fits when
 * day of month or day of week fits, if both are given; else when both fit. Pure but for
 * cron_zone_open; any thread.
 *
 * Where clocks change: a schedule with a fixed hour runs once in the doubled hour (the first time)
 * and, when its time is skipped, at the moment of the change; one with "*" hours follows real time.
 */
struct cron {
	uint64_t minutes; /* bit n = minute n */
	uint32_t hours;
	uint32_t days;	   /* bits 1 to 31 */
	uint32_t months;   /* bits 1 to 12 */
	uint32_t weekdays; /* bits 0 (Sunday) to 6 */
	bool any_hour;
	bool any_day;
	bool any_weekday;
};

/* 22023 with the field, what was found and what is expected. */
bool cron_parse(struct slice text, struct cron *out, struct error *err) must_check;

/* A zone of the tz database ("Europe/Berlin"; none or "UTC"). Immutable. */
struct cron_zone;
bool cron_zone_open(struct slice name, struct cron_zone **out, struct error *err) must_check;
void cron_zone_free(struct cron_zone **zone);

/* The first time after after_us (microseconds since 1970 UTC), whole minutes; INT64_MAX when there
 * is none in the next nine years ("0 0 30 2 *"). */
int64_t cron_next(const struct cron *cron, const struct cron_zone *zone, int64_t after_us);
