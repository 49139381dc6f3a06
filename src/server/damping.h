#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"

/*
 * Slows down guessing: per user and per address, after 5 failures within a minute each further try
 * waits 250 ms, 500 ms … 8 s. A fixed table that forgets what was quiet the longest. Any thread.
 */
struct damping;

struct damping *damping_new(const struct clock *clock);
void damping_free(struct damping **damping);
/* How long this try has to wait; 0 = not at all. An empty user counts by its address alone. */
int64_t damping_wait_ms(struct damping *damping, struct slice user, struct slice peer);
void damping_failed(struct damping *damping, struct slice user, struct slice peer);
void damping_succeeded(struct damping *damping, struct slice user, struct slice peer);
