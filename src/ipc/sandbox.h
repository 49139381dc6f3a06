#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/*
 * What a process may still do, given up for good. Order: rlimits, then Landlock, then seccomp, all
 * on the only thread of the process (Landlock binds the calling thread and its later children).
 * Linux x86-64 and arm64, Landlock ABI 1 or later is required; what later ABIs add is used when
 * there. docs/security.md has the reasons for each system call on the list.
 */
enum sandbox_network {
	SANDBOX_NO_NETWORK, /* no socket call at all: query workers */
	SANDBOX_STAGING,    /* the same, but files may be moved below the write paths: jobs */
	SANDBOX_NETWORK, /* connect to inet and unix sockets, for connectors; no listen, no bind */
};

struct sandbox {
	uint64_t memory_bytes;		/* RLIMIT_AS, 0 = leave */
	uint64_t file_bytes;		/* RLIMIT_FSIZE, 0 = leave */
	uint32_t open_files;		/* RLIMIT_NOFILE, 0 = leave */
	const struct slice *read_paths; /* files and folders (with all below), absolute */
	size_t read_path_count;
	const struct slice
		*write_paths; /* folders: read, create, write, rename, remove below them */
	size_t write_path_count;
	enum sandbox_network network;
};

/* Fails closed: on an error the process must end. A path that is missing is an error (58P01). Also
 * sets no_new_privs and dumpable off. */
bool sandbox_enter(const struct sandbox *sandbox, struct error *err) must_check;
