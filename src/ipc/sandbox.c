/*
 * The operating system's part of the boundary (docs/security.md): what an owned worker can still do
 * is what stands on the lists here. Landlock decides paths and TCP, seccomp decides system calls;
 * Landlock alone leaves stat on any path and UDP open, seccomp alone cannot tell paths apart.
 */
#include "ipc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/measure.h"

/* Newer than the headers we build with; numbers from the kernel's include/uapi/linux/landlock.h. */
enum {
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
	NET_BIND_TCP = 1 << 0,
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,
};

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static const uint64_t fs_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t fs_write = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
				 LANDLOCK_ACCESS_FS_MAKE_REG | FS_REFER | FS_TRUNCATE;
static const uint64_t fs_file = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE;
static const uint64_t fs_all = (1ULL << 13) - 1;

static struct ruleset ruleset_for(int abi, enum sandbox_network network)
{
	struct ruleset r = {.fs = fs_all};
	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND_TCP | (network != SANDBOX_NETWORK ? NET_CONNECT_TCP : 0);
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = SCOPE_SIGNAL | (network != SANDBOX_NETWORK ? SCOPE_ABSTRACT_UNIX : 0);
	return r;
}

static bool grant(int ruleset, struct slice path, uint64_t rights, struct error *err)
{
	char *text = strndup(path.ptr, path.len);
	if (!text)
		return error_set(err, OUT_OF_MEMORY, "no memory to narrow a worker");
	int fd = open(text, O_PATH | O_CLOEXEC);
	free(text);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, UNDEFINED_FILE, "a file that the worker needs is missing");
	if (fd < 0)
		return error_set_errno(err, errno, "open a path to narrow a worker to");
	struct stat st;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rights &= fs_file;
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	long failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int reason = errno;
	close(fd);
	return failed == 0 || error_set_errno(err, reason, "narrow a worker to a path");
}

static bool enter_landlock(const struct sandbox *s, struct error *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1) {
		error_set(err, FEATURE_NOT_SUPPORTED, "this kernel has no Landlock");
		return error_hint(err, "Weft needs Linux 5.13 or later with landlock in its LSMs.");
	}
	struct ruleset attr = ruleset_for((int)abi, s->network);
	/* A kernel that does not know the later members accepts them as zero only. */
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (ruleset < 0)
		return error_set_errno(err, errno, "make a Landlock ruleset");
	bool ok = true;
	for (size_t i = 0; ok && i < s->read_path_count; i++)
		ok = grant(ruleset, s->read_paths[i], fs_read & attr.fs, err);
	for (size_t i = 0; ok && i < s->write_path_count; i++)
		ok = grant(ruleset, s->write_paths[i], (fs_read | fs_write) & attr.fs, err);
	if (ok && measure_folder())
		ok = grant(ruleset, slice_from_c(measure_folder()), (fs_read | fs_write) & attr.fs,
			err);
	if (ok && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		ok = error_set_errno(err, errno, "enter Landlock");
	close(ruleset);
	return ok;
}

/* What DuckDB's reading, sorting and spilling was seen to use (strace), and our frames. */
static const int base_calls[] = {SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(pwrite64), SCMP_SYS(pwritev),
	SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlinkat), SCMP_SYS(lseek),
	SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
	SCMP_SYS(unlinkat), SCMP_SYS(mkdirat), SCMP_SYS(getdents64), SCMP_SYS(futex),
	SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_setscheduler),
	SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(getrandom), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(nanosleep), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(fcntl), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(getcwd), SCMP_SYS(getrusage), SCMP_SYS(dup), SCMP_SYS(getuid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
	/* x86-64 names of the same; libseccomp leaves out what another machine lacks. */
	SCMP_SYS(open), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(access), SCMP_SYS(readlink),
	SCMP_SYS(unlink), SCMP_SYS(mkdir), SCMP_SYS(rmdir), SCMP_SYS(time)};

/* More for jobs with a network: connectors' sockets and timers. */
static const int job_calls[] = {SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendto),
	SCMP_SYS(recvfrom), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg), SCMP_SYS(shutdown),
	SCMP_SYS(socketpair), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2), SCMP_SYS(pipe), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(ioctl),
	SCMP_SYS(flock), SCMP_SYS(sigaltstack), SCMP_SYS(getppid), SCMP_SYS(alarm), SCMP_SYS(chdir),
	SCMP_SYS(memfd_create)};

/* Moving of staged files, for every job. */
static const int staging_calls[] = {SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(fchmod), SCMP_SYS(umask), SCMP_SYS(fadvise64), SCMP_SYS(utimensat)};

static const int job_families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};

static bool allow_all(scmp_filter_ctx ctx, const int *calls, size_t count)
{
	bool ok = true;
	for (size_t i = 0; i < count; i++)
		ok = ok &&
		     (calls[i] < 0 || seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0) == 0);
	return ok;
}

static bool allow_checked(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	/* Reading a limit is fine, setting one has a new value (argument 2). */
	const struct scmp_arg_cmp no_value = SCMP_A2(SCMP_CMP_EQ, 0);
	/* abort() signals a thread of its own process. */
	const struct scmp_arg_cmp own = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, own) == 0 &&
	       seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec) == 0 &&
	       seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec) == 0 &&
	       seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread) == 0 &&
	       seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, no_value) == 0 &&
	       /* glibc falls back to clone, whose flags a filter can read. */
	       seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

static bool allow_sockets(scmp_filter_ctx ctx)
{
	bool ok = allow_all(ctx, job_calls, sizeof job_calls / sizeof job_calls[0]);
	for (size_t i = 0; i < sizeof job_families / sizeof job_families[0]; i++) {
		const struct scmp_arg_cmp family =
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)job_families[i]);
		ok = ok && seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, family) == 0;
	}
	return ok;
}

static bool enter_seccomp(enum sandbox_network network, struct error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return error_set(err, OUT_OF_MEMORY, "no memory to narrow a worker");
	bool ok = allow_all(ctx, base_calls, sizeof base_calls / sizeof base_calls[0]) &&
		  allow_checked(ctx) &&
		  (network == SANDBOX_NO_NETWORK ||
			  allow_all(ctx, staging_calls,
				  sizeof staging_calls / sizeof staging_calls[0])) &&
		  (network != SANDBOX_NETWORK || allow_sockets(ctx));
	/* A sanitizer asks where the stacks lie before each call that does not return. */
	if (ok && measure_folder())
		ok = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack), 0) == 0;
	int failed = ok ? seccomp_load(ctx) : -EINVAL;
	seccomp_release(ctx);
	return failed == 0 || error_set_errno(err, -failed, "load the system call filter");
}

static bool set_limit(__rlimit_resource_t what, uint64_t value, struct error *err)
{
	struct rlimit limit = {value, value};
	return setrlimit(what, &limit) == 0 || error_set_errno(err, errno, "set a limit");
}

bool sandbox_enter(const struct sandbox *s, struct error *err)
{
	bool limit_memory = s->memory_bytes && measure_can_limit_memory();
	if (!set_limit(RLIMIT_CORE, 0, err) ||
		(limit_memory && !set_limit(RLIMIT_AS, s->memory_bytes, err)) ||
		(s->file_bytes && !set_limit(RLIMIT_FSIZE, s->file_bytes, err)) ||
		(s->open_files && !set_limit(RLIMIT_NOFILE, s->open_files, err)))
		return false;
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_set_errno(err, errno, "give up privileges");
	return enter_landlock(s, err) && enter_seccomp(s->network, err);
}
