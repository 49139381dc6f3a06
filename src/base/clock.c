#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_wall_us(const struct clock *clock)
{
	(void)clock;
	return read_us(CLOCK_REALTIME);
}

static int64_t system_mono_us(const struct clock *clock)
{
	(void)clock;
	return read_us(CLOCK_MONOTONIC);
}

const struct clock clock_system = {system_wall_us, system_mono_us};

void clock_format(int64_t wall_us, char *text)
{
	int64_t micros = wall_us % 1000000;
	time_t seconds = wall_us / 1000000;
	struct tm parts;

	if (micros < 0) {
		micros += 1000000;
		seconds--;
	}
	gmtime_r(&seconds, &parts);
	size_t len = strftime(text, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);

	snprintf(text + len, CLOCK_TEXT_BYTES - len, ".%06uZ", (unsigned)micros % 1000000u);
}
