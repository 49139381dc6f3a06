/* weft-worker: started by `weft serve` with a channel on descriptor 3. What it does is its first
 * argument. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attrs.h"
#include "base/measure.h"
#include "ipc/frame.h"
#include "worker/job.h"
#include "worker/zygote.h"

enum { CHANNEL_FD = 3 };

struct mode {
	const char *name;
	int (*run)(struct channel channel);
};

static const struct mode modes[] = {
	{"job", job_main},
	{"zygote", zygote_run},
};

int main(int argc, char **argv)
{
	struct channel channel = {CHANNEL_FD};
	signal(SIGPIPE, SIG_IGN);
	measure_end_on_sigterm();
	for (size_t i = 0; i < array_len(modes) && argc == 2; i++)
		if (strcmp(argv[1], modes[i].name) == 0 &&
			fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC) == 0)
			return modes[i].run(channel);
	/* `weft doctor` asks whether it starts at all: the engine's library is loaded by now. */
	if (argc == 2 && strcmp(argv[1], "--check") == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "weft-worker " WEFT_VERSION ": started by `weft serve`, not by hand\n");
	return EXIT_FAILURE;
}
