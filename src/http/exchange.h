#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Whole requests and whole answers between nodes, several at a time, over TLS connections that are
 * kept. The other side is known by its key: who holds a pinned one is who we mean, whatever its
 * certificate says; without a pin nothing is sent. One thread at a time.
 */
struct http_group;

struct http_header {
	const char *name;
	struct slice value;
};

/* One request; what it names is borrowed until http_send_all returns. */
struct http_exchange {
	const char *method;
	struct slice url;		   /* "https://host:port/path" */
	struct slice pins;		   /* "sha256//…;sha256//…"; never none */
	struct slice bearer;		   /* token; none = without */
	struct slice body;		   /* JSON; none = without */
	size_t max_bytes;		   /* of the answer */
	const struct http_header *headers; /* besides those that follow from the members here */
	size_t header_count;
	/* Written by http_send_all, in its arena. */
	bool ok;	  /* an answer came whole, whatever its status */
	struct error err; /* why not */
	long status;
	struct slice answer;
	int64_t began_us; /* monotonic */
	int64_t ended_us;
};

/* 08001 when libcurl is missing. */
bool http_group_new(struct http_group **out, struct error *err) must_check;
void http_group_free(struct http_group **group);
/* All at once; returns when each has an answer, failed, or timeout_ms have passed. */
void http_send_all(struct http_group *group, struct arena *arena, struct http_exchange *items,
	size_t count, int64_t timeout_ms);
/* From another thread: a running http_send_all ends now, its open exchanges with 57014. So do all
 * later ones. */
void http_group_stop(struct http_group *group);
