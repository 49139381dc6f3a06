#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "ipc/frame.h"

/*
 * The query workers and who may use one when. A worker belongs to one policy key from its first
 * statement to its end; an idle one waits for its principal for a while and is then killed.
 * Statements over the limits wait in a fair queue: of the principals that wait, the one with the
 * fewest running goes first. Any thread; a worker that was acquired belongs to one thread until it
 * is released, but for worker_interrupt.
 */
struct pool;
struct worker;
struct log;

struct pool_config {
	const char *worker_path;  /* weft-worker, absolute */
	const char *spill_root;	  /* a folder of ours; swept at open */
	struct log *log;	  /* NULL = silent */
	size_t max_workers;	  /* running statements in total; as many idle ones are kept */
	size_t max_per_principal; /* running statements of one principal */
	size_t max_waiting;	  /* in the queue; more get 53300 */
	size_t warm;		  /* forked children that wait for any principal */
	int64_t idle_ms;	  /* then an idle worker is killed */
};

/* Digest of principal, groups, attributes, purpose: what a worker may be reused for. */
struct worker_key {
	uint64_t words[2];
};

/* In the arena of the worker. */
struct pool_grant {
	struct slice payload;
	struct slice *dirs; /* readable with all below */
	size_t dir_count;
	struct slice *files;
	size_t file_count;
};

struct pool_request {
	struct worker_key key;
	struct slice principal;
	uint64_t plan;		   /* prefers a worker that has this prepared; 0 = none */
	const struct slice *files; /* that the statement reads, absolute */
	size_t file_count;
	/* Payload of W_NARROW for a new worker, but for its spill folder, and what that lets it
	 * read; called without a lock. */
	bool (*narrow)(void *ctx, struct arena *arena, const char *spill_dir,
		struct pool_grant *out, struct error *err);
	/* Told once when it has to wait, with the reason; NULL = nobody. */
	void (*waiting)(void *ctx, struct slice text);
	void *ctx;
	const atomic_bool *cancelled[2]; /* either one ends the wait; NULL = never */
	int64_t wait_ms;		 /* at most, then 53300; 0 = one minute */
};

struct pool_stats {
	size_t running;
	size_t idle;
	size_t warm;
	size_t waiting;
	uint64_t started;
	uint64_t crashed;
	uint64_t killed; /* did not heed an interrupt */
	uint64_t reused;
};

/* Starts the zygote and the supervising thread. */
bool pool_open(const struct pool_config *config, struct pool **out, struct error *err) must_check;
/* Interrupts what runs, waits for releases (5 s), ends every process, removes the spill folders. */
void pool_close(struct pool **pool);
struct pool_stats pool_stats(struct pool *pool);
/* The zygote answers; the reason when it does not. */
bool pool_healthy(struct pool *pool, struct error *err) must_check;
/* Statements of one principal that run at a time, from now on. */
void pool_set_limit(struct pool *pool, size_t max_per_principal);
/* Idle workers of other epochs' grants go: called when grants or policies changed. */
void pool_drop_idle(struct pool *pool);

/* 53300 queue full or waited too long, 57014 cancelled, 58000 no worker can be started. */
bool pool_acquire(struct pool *pool, const struct pool_request *request, struct worker **out,
	struct error *err) must_check;
/* A worker that crashed, was interrupted or is told to be spoilt is ended. */
enum worker_state { WORKER_CLEAN, WORKER_SPOILT };
void pool_release(struct pool *pool, struct worker **worker, enum worker_state state);

/* From here to worker_end a time-out and worker_interrupt hold. timeout_ms 0 = none. */
void worker_begin(struct worker *worker, int64_t timeout_ms);
void worker_end(struct worker *worker);
/* SIGINT now, SIGKILL 500 ms later when it still runs. Any thread, between acquire and release. */
void worker_interrupt(struct worker *worker);
/* Whether the plan is prepared there, and noting that it is (the last 64 are kept). */
bool worker_has_plan(const struct worker *worker, uint64_t plan);
void worker_note_plan(struct worker *worker, uint64_t plan);
void worker_forget_plan(struct worker *worker, uint64_t plan);
bool worker_covers(const struct worker *worker, const struct slice *files, size_t file_count);

/* Frames. A worker that went away gives 57014 when it was interrupted or out of time, otherwise
 * 57P02; it is then spoilt. */
bool worker_send(struct worker *worker, uint8_t type, struct slice payload, const int *fds,
	size_t fd_count, struct error *err) must_check;
bool worker_receive(struct worker *worker, struct arena *arena, struct frame *out,
	struct error *err) must_check;
/* The error in a W_ERROR frame (then the request is answered); always returns false. */
bool worker_error(struct worker *worker, const struct frame *frame, struct error *err);
