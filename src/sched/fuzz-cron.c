/* Any bytes as a schedule: an error, or one whose next times only go forward. */
#include <stddef.h>

#include "base/check.h"
#include "sched/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cron cron;
	struct cron_zone *zone = NULL;
	struct error err;
	int64_t at = 1774746000000000; /* an hour before the clocks change in Europe */

	if (!cron_parse(slice_of((const char *)data, size), &cron, &err) ||
		!cron_zone_open(SLICE("Europe/Berlin"), &zone, &err))
		return 0;
	for (int i = 0; i < 5 && at != INT64_MAX; i++) {
		int64_t next = cron_next(&cron, zone, at);

		check(next > at);
		at = next;
	}
	cron_zone_free(&zone);
	return 0;
}
