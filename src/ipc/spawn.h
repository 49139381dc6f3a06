#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Processes by exec of one of our own binaries, safe with threads: no code of ours runs between
 * fork and exec. Any thread.
 */
struct spawn {
	const char *path;	 /* absolute */
	const char *const *argv; /* NULL-terminated */
	const char *const
		*envp; /* NULL-terminated; NULL = empty environment but for PATH and LANG=C.UTF-8 */
	const int *fds; /* given to the child as 3, 4, …; every other descriptor is closed there */
	size_t fd_count;
};

struct process {
	pid_t pid;
	int pidfd; /* owned */
};

/* stdin is /dev/null, stdout and stderr are ours; signals are at their defaults, nothing blocked.
 */
bool process_spawn(const struct spawn *spawn, struct process *out, struct error *err) must_check;
/* false when it is gone already; never an error. */
bool process_signal(const struct process *process, int signal_number);
/* Waits at most timeout_ms (-1 = for ever) for a process, also one that is not our child (pidfd).
 * true = it ended. For our own child *status_out is wait's status, otherwise 0. status_out may be
 * NULL. */
bool process_wait(struct process *process, int timeout_ms, int *status_out);
/* Kills it when it runs, reaps it, closes the pidfd. */
void process_end(struct process *process);
