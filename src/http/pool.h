#pragma once

#include "http/exchange.h"

/*
 * Groups that nobody uses at the moment, with their open connections, so that the next request
 * finds a warm one. Any thread.
 */
struct http_pool;

struct http_pool *http_pool_new(void);
/* All groups are back. */
void http_pool_free(struct http_pool **pool);
/* 08001 when libcurl is missing. */
bool http_pool_take(struct http_pool *pool, struct http_group **out, struct error *err) must_check;
void http_pool_give(struct http_pool *pool, struct http_group **group);
