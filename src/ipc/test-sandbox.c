/* What a worker that an attacker owns can still do: raw system calls in a narrowed child, each one
 * refused. */
#include "base/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/measure.h"
#include "ipc/sandbox.h"

static char dir[] = "/tmp/weft-sandbox-XXXXXX";
static char allowed[64];
static char hidden[64];
static char spill[64];
static pid_t parent;

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void *thread_body(void *arg)
{
	return arg;
}

static bool makes_thread(void)
{
	pthread_t thread;
	return pthread_create(&thread, NULL, thread_body, NULL) == 0 &&
	       pthread_join(thread, NULL) == 0;
}

static bool reads_allowed(void)
{
	return opens(allowed, O_RDONLY);
}

static bool writes_spill(void)
{
	char path[80];
	snprintf(path, sizeof path, "%s/x", spill);
	return opens(path, O_RDWR | O_CREAT) && unlink(path) == 0;
}

static bool maps_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static bool reads_hidden(void)
{
	return opens(hidden, O_RDONLY);
}

static bool reads_passwd(void)
{
	return opens("/etc/passwd", O_RDONLY);
}

static bool reads_environ(void)
{
	return opens("/proc/self/environ", O_RDONLY);
}

static bool reads_memory(void)
{
	return opens("/proc/self/mem", O_RDWR);
}

static bool writes_allowed(void)
{
	return opens(allowed, O_RDWR);
}

static bool truncates_allowed(void)
{
	return truncate(allowed, 0) == 0;
}

static bool creates_beside(void)
{
	char path[80];
	snprintf(path, sizeof path, "%s/new", dir);
	return opens(path, O_RDWR | O_CREAT);
}

static bool unlinks_allowed(void)
{
	return unlink(allowed) == 0;
}

static bool links_out(void)
{
	char path[80];
	snprintf(path, sizeof path, "%s/link", spill);
	return link(hidden, path) == 0 || symlink(hidden, path) == 0;
}

static bool makes_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET, SOCK_DGRAM, 0) >= 0;
}

static bool makes_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool forks(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool vforks(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) >= 0;
}

static bool executes(void)
{
	char name[] = "true";
	char *const argv[] = {name, NULL};
	return execv("/bin/true", argv) == 0;
}

static bool kills_parent(void)
{
	return kill(parent, 0) == 0;
}

static bool signals_parent(void)
{
	return syscall(SYS_tgkill, parent, parent, 0) == 0;
}

static bool traces(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool makes_ring(void)
{
	char params[256] = {0};
	return syscall(SYS_io_uring_setup, 4, params) >= 0;
}

static bool loads_bpf(void)
{
	char attr[128] = {0};
	return syscall(SYS_bpf, 0, attr, sizeof attr) >= 0;
}

static bool faults(void)
{
	return syscall(SYS_userfaultfd, 0) >= 0;
}

static bool reads_keys(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0) >= 0;
}

static bool unshares(void)
{
	return syscall(SYS_unshare, 0x10000000) == 0;
}

static bool mounts(void)
{
	return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL) == 0;
}

static bool maps_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0) != MAP_FAILED;
}

static bool raises_limit(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	return setrlimit(RLIMIT_AS, &limit) == 0;
}

static bool reads_other_process(void)
{
	char bytes[8];
	struct {
		void *base;
		size_t len;
	} part = {bytes, sizeof bytes};
	return syscall(SYS_process_vm_readv, parent, &part, 1, &part, 1, 0) > 0;
}

static bool eats_memory(void)
{
	return mmap(NULL, 8UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

struct probe {
	const char *name;
	bool (*run)(void);
	bool allowed;
};

static const struct probe probes[] = {
	{"read a granted file", reads_allowed, true},
	{"write into the spill folder", writes_spill, true},
	{"map memory", maps_memory, true},
	{"start a thread", makes_thread, true},
	{"read a hidden file", reads_hidden, false},
	{"read /etc/passwd", reads_passwd, false},
	{"read the environment", reads_environ, false},
	{"open its own memory", reads_memory, false},
	{"open a granted file to write", writes_allowed, false},
	{"truncate a granted file", truncates_allowed, false},
	{"create beside the data", creates_beside, false},
	{"remove a granted file", unlinks_allowed, false},
	{"link a hidden file", links_out, false},
	{"make an inet socket", makes_inet, false},
	{"make a unix socket", makes_unix, false},
	{"fork", forks, false},
	{"clone a process", vforks, false},
	{"execute", executes, false},
	{"kill the parent", kills_parent, false},
	{"signal the parent's thread", signals_parent, false},
	{"ptrace", traces, false},
	{"io_uring", makes_ring, false},
	{"bpf", loads_bpf, false},
	{"userfaultfd", faults, false},
	{"keyctl", reads_keys, false},
	{"unshare", unshares, false},
	{"mount", mounts, false},
	{"map memory to execute", maps_code, false},
	{"raise its limits", raises_limit, false},
	{"read another process", reads_other_process, false},
	{"map more than its limit", eats_memory, false},
};

static int run_probe(const struct probe *probe)
{
	struct error err;
	struct slice read[] = {slice_from_c(allowed)};
	struct slice write[] = {slice_from_c(spill)};
	struct sandbox sandbox = {.memory_bytes = 4ULL << 30,
		.read_paths = read,
		.read_path_count = 1,
		.write_paths = write,
		.write_path_count = 1,
		.network = SANDBOX_NO_NETWORK};
	if (!sandbox_enter(&sandbox, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	return probe->run() ? 0 : 1;
}

static void test_owned_worker(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(probes); i++) {
		if (probes[i].run == eats_memory && !measure_can_limit_memory())
			continue;
		pid_t pid = fork();
		if (pid == 0)
			_exit(run_probe(&probes[i]));
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != !probes[i].allowed)
			fail_msg("%s: status %x", probes[i].name, (unsigned)status);
	}
}

static void test_missing_path(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct error err;
		struct slice read[] = {SLICE("/nonexistent/file")};
		struct sandbox sandbox = {.read_paths = read, .read_path_count = 1};
		_exit(!sandbox_enter(&sandbox, &err) && err.state == SQLSTATE_UNDEFINED_FILE ? 0
											     : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(allowed, sizeof allowed, "%s/allowed", dir);
	snprintf(hidden, sizeof hidden, "%s/hidden", dir);
	snprintf(spill, sizeof spill, "%s/spill", dir);
	parent = getpid();
	return opens(allowed, O_RDWR | O_CREAT) && opens(hidden, O_RDWR | O_CREAT) &&
			       mkdir(spill, 0700) == 0
		       ? 0
		       : 1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(allowed);
	unlink(hidden);
	rmdir(spill);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owned_worker),
		cmocka_unit_test(test_missing_path),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
