#pragma once

#include <stdint.h>

/*
 * Time, passed in so that tests own it. wall_us: microseconds since 1970-01-01 UTC; mono_us:
 * monotonic, for durations. Any thread.
 */
struct clock {
	int64_t (*wall_us)(const struct clock *clock);
	int64_t (*mono_us)(const struct clock *clock);
};

extern const struct clock clock_system;

static inline int64_t clock_wall_us(const struct clock *clock)
{
	return clock->wall_us(clock);
}

static inline int64_t clock_mono_us(const struct clock *clock)
{
	return clock->mono_us(clock);
}

enum { CLOCK_TEXT_BYTES = 32 };
/* "2026-01-31T23:59:59.123456Z" (RFC 3339), NUL-terminated into text[CLOCK_TEXT_BYTES]. */
void clock_format(int64_t wall_us, char *text);
