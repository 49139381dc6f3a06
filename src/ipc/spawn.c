/*
 * posix_spawn (vfork underneath, so safe with threads) with every descriptor but the named ones
 * closed, and pidfds for what follows: a pid can be reused, a pidfd cannot.
 */
#include "ipc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/measure.h"

/* Copies stay out of the way of the child's numbers, so that one dup2 cannot overwrite the next
 * source. */
enum { FIRST_CHILD_FD = 3, MAX_CHILD_FDS = 16, COPY_FROM = FIRST_CHILD_FD + MAX_CHILD_FDS };
enum { MEASURED_END_MS = 3000 };

static const char *const default_env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};

static char **strip_const(const char *const *list)
{
	union {
		const char *const *from;
		char **to;
	} list_of = {.from = list}; /* exec's signature lacks const */
	return list_of.to;
}

static void set_defaults(posix_spawnattr_t *attr)
{
	sigset_t none;
	sigset_t all;
	sigemptyset(&none);
	sigfillset(&all);
	check(posix_spawnattr_setsigmask(attr, &none) == 0);
	check(posix_spawnattr_setsigdefault(attr, &all) == 0);
	check(posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0);
}

static bool run(const struct spawn *spawn, const int *copies, pid_t *pid_out, struct error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	check(posix_spawn_file_actions_init(&actions) == 0 && posix_spawnattr_init(&attr) == 0);
	set_defaults(&attr);
	check(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0);
	for (size_t i = 0; i < spawn->fd_count; i++)
		check(posix_spawn_file_actions_adddup2(
			      &actions, copies[i], FIRST_CHILD_FD + (int)i) == 0);
	check(posix_spawn_file_actions_addclosefrom_np(
		      &actions, FIRST_CHILD_FD + (int)spawn->fd_count) == 0);
	int failed = posix_spawn(pid_out, spawn->path, &actions, &attr, strip_const(spawn->argv),
		strip_const(spawn->envp ? spawn->envp : default_env));
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return failed == 0 || error_set_errno(err, failed, "start %s", spawn->path);
}

bool process_spawn(const struct spawn *spawn, struct process *out, struct error *err)
{
	check(spawn->fd_count <= MAX_CHILD_FDS);
	int copies[MAX_CHILD_FDS];
	size_t made = 0;
	bool ok = true;
	for (; ok && made < spawn->fd_count; made += ok) {
		copies[made] = fcntl(spawn->fds[made], F_DUPFD_CLOEXEC, COPY_FROM);
		ok = copies[made] >= 0 || error_set_errno(err, errno, "copy a descriptor");
	}
	struct process process = {0};
	ok = ok && run(spawn, copies, &process.pid, err);
	for (size_t i = 0; i < made; i++)
		close(copies[i]);
	if (!ok)
		return false;
	process.pidfd = (int)syscall(SYS_pidfd_open, process.pid, 0);
	if (process.pidfd < 0) {
		error_set_errno(err, errno, "watch process %d", (int)process.pid);
		kill(process.pid, SIGKILL);
		waitpid(process.pid, NULL, 0);
		return false;
	}
	*out = process;
	return true;
}

bool process_signal(const struct process *process, int signal_number)
{
	return syscall(SYS_pidfd_send_signal, process->pidfd, signal_number, NULL, 0) == 0;
}

bool process_wait(struct process *process, int timeout_ms, int *status_out)
{
	struct pollfd ended = {.fd = process->pidfd, .events = POLLIN};
	int ready;
	do {
		ready = poll(&ended, 1, timeout_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return false;
	int status = 0;
	if (waitpid(process->pid, &status, WNOHANG) != process->pid)
		status = 0;
	if (status_out)
		*status_out = status;
	return true;
}

static void end_now(struct process *process)
{
	process_signal(process, SIGKILL);
	process_wait(process, -1, NULL);
}

void process_end(struct process *process)
{
	if (process->pidfd < 0)
		return;
	/* only a process that measures itself has something to save */
	if (!measure_folder() || !process_signal(process, SIGTERM) ||
		!process_wait(process, MEASURED_END_MS, NULL))
		end_now(process);
	close(process->pidfd);
	process->pidfd = -1;
}
