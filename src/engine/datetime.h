#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "engine/buffer.h"

/* Dates and times as text, ISO style of PostgreSQL. */
enum { DATETIME_INFINITE_DAYS = INT32_MAX };

/* sep stands between date and time: ' ' for PostgreSQL, 'T' for RFC 3339. */
void datetime_date(struct buffer *out, int32_t days);
void datetime_time(struct buffer *out, int64_t us);
/* us since midnight and the zone's offset in seconds east of UTC. */
void datetime_timetz(struct buffer *out, int64_t us, int32_t offset_s);
void datetime_timestamp(struct buffer *out, int64_t us, char sep);
/* In the process's zone, with its offset. */
void datetime_timestamptz(struct buffer *out, int64_t us, char sep);
void datetime_interval(struct buffer *out, int32_t months, int32_t days, int64_t us);
/* Seconds east of UTC of the process's zone at that moment. */
int32_t datetime_zone_offset(int64_t us);

/* A date or timestamp as PostgreSQL writes one before our era, "0044-03-15 12:00:00 BC", in the
 * engine's spelling, "0044-03-15 (BC) 12:00:00": it passes over a BC at the end. Any other text as
 * it is. */
struct slice datetime_with_era(struct arena *arena, struct slice text);
